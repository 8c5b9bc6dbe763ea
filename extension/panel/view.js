// What the panel shows: sections that fill as results come, with links into the page.

export const byId = (id) => document.getElementById(id);

export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

export function announce(text) {
  byId("live").textContent = text;
}

export function notice(text, { kind = "info", action, onAction } = {}) {
  const element = byId("notice");
  element.hidden = text === "";
  element.dataset.kind = kind;
  element.replaceChildren(text);
  if (action) {
    const button = make("button", { type: "button", className: "link", onclick: onAction }, action);
    element.append(" ", button);
  }
}

/** Empties every section. */
export function reset() {
  for (const id of ["points", "tldr", "headline", "keywords", "names"]) {
    byId(id).replaceChildren();
    byId(`${id}-section`).hidden = true;
  }
  byId("answer").replaceChildren();
  byId("copy").hidden = true;
  notice("");
}

/** Opens a section for content. */
export function section(id) {
  byId(`${id}-section`).hidden = false;
  return byId(id);
}

/** An address that shows the sentence in any browser: the page's own, with a text fragment. */
export function addressOf(url, sentence) {
  const words = sentence.trim().split(/\s+/);
  const piece = (some) => encodeURIComponent(some.join(" ")).replaceAll("-", "%2D");
  const fragment = words.length > 10 ? `${piece(words.slice(0, 5))},${piece(words.slice(-5))}` : piece(words);
  return `${url.replace(/#.*/, "")}#:~:text=${fragment}`;
}

/** A link to a place; `show` scrolls there. Opened in a new tab it leads there too. */
export function placeLink({ className, label, url, sentence, places, show }) {
  const link = make("a", { className: `place ${className}`, href: addressOf(url, sentence) }, label);
  let next = 0;
  link.addEventListener("click", async (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    for (const other of document.querySelectorAll(".place[aria-current]")) other.removeAttribute("aria-current");
    link.setAttribute("aria-current", "true");
    await show(places[next++ % places.length]);
  });
  return link;
}

const KINDS = {
  PER: "People", LOC: "Places", ORG: "Organisations", MISC: "Other names", DATE: "Dates", TIME: "Times", MONEY: "Sums of money",
  NUMBER: "Numbers", EMAIL: "E-mail addresses", URL: "Web addresses", PHONE: "Telephone numbers",
};

/** Names by kind, each once, with every place where it stands. */
export function nameGroups(found) {
  // "two" and its like say nothing without their sentence.
  const telling = found.filter(({ type, text }) => type !== "NUMBER" || /\d/.test(text));
  const kinds = new Map(Object.keys(KINDS).map((kind) => [kind, new Map()]));
  for (const { type, text, start, end } of telling) {
    if (!kinds.has(type)) kinds.set(type, new Map());
    const names = kinds.get(type);
    names.set(text, [...(names.get(text) ?? []), { start, end }]);
  }
  return [...kinds].filter(([, names]) => names.size > 0).map(([kind, names]) => [KINDS[kind] ?? kind, names]);
}
