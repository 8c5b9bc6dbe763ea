// The tab "Redact": the text with marks in place of what is personal: names by the model, addresses and numbers by their form.
import { announce } from "./announce.js";
import { byId, make, plural } from "./dom.js";
import { importPackage } from "./engine.js";
import { nothing, wire } from "./finds.js";

const MARKS = {
  PER: "PERSON", ORG: "ORGANISATION", LOC: "PLACE", EMAIL: "EMAIL", PHONE: "PHONE", URL: "LINK",
  email: "EMAIL", phone: "PHONE", key: "KEY", iban: "ACCOUNT", card: "CARD", ssn: "SSN", ip: "IP",
};
const TITLE = /^(?:Mr|Mrs|Ms|Miss|Dr|Prof)\.? /;
/** What "Addresses and numbers" takes of the model's finds. */
const CONTACT = ["EMAIL", "PHONE", "URL"];

export function wireRedact(engine, source) {
  const form = byId("redact-form");
  const copy = byId("redact-copy");
  byId("redact-sample").addEventListener("click", async () => {
    await source.choose("letter");
    form.requestSubmit();
  });
  form.addEventListener("submit", () => copy.toggleAttribute("data-off", true), { capture: true });

  wire({
    engine, source, name: "redact", output: "redacted", what: "find names", marks: true,
    async find(model, text, options) {
      const chosen = new FormData(form).getAll("what");
      const contact = chosen.includes("contact");
      const types = chosen.flatMap((each) => (each === "contact" ? CONTACT : [each]));
      const named = types.length > 0 ? await model.extractEntities(text, { types, ...options }) : [];
      const formed = contact ? (await importPackage("router/index.js")).personalIn(text) : [];
      return withoutOverlaps([...formed, ...named]);
    },
    show(found, text, output) {
      const marks = numbered(found, text);
      source.highlight(found.map(({ start, end, type }, at) => ({ start, end, kind: type.toUpperCase(), title: marks[at] })));
      if (found.length === 0) return nothing(output, "Nothing personal was found. Read the text yourself before you rely on it.");
      const parts = [];
      let at = 0;
      found.forEach(({ start, end, type }, index) => {
        const mark = make("mark", { className: "find" }, marks[index]);
        mark.dataset.kind = type.toUpperCase();
        parts.push(text.slice(at, start), mark);
        at = end;
      });
      parts.push(text.slice(at));
      const clean = make("p", { className: "summary-text" }, ...parts);
      output.replaceChildren(make("p", { className: "muted" }, "Not everything personal is found: read it before you pass it on."), clean);
      copy.toggleAttribute("data-off", false);
      copy.onclick = async () => {
        await navigator.clipboard.writeText(clean.textContent);
        announce("Copied.");
        copy.textContent = "Copied";
        setTimeout(() => (copy.textContent = "Copy"), 2000);
      };
      announce(`${plural(found.length, "place")} taken out.`);
    },
  });
}

/** In order; of two that overlap the one that begins first, and of these the longer. */
function withoutOverlaps(spans) {
  const sorted = [...spans].sort((a, b) => a.start - b.start || b.end - a.end);
  let free = 0;
  return sorted.filter(({ start, end }) => {
    if (start < free) return false;
    free = end;
    return true;
  });
}

/** A mark for each span, such as `[PERSON_1]`: the same text has the same mark, and a surname that of the whole name before it. */
function numbered(spans, text) {
  const counts = {};
  const marks = [];
  return spans.map(({ start, end, type }) => {
    const name = MARKS[type] ?? type.toUpperCase();
    const found = text.slice(start, end).replace(TITLE, "");
    const known = marks.findLast((mark) => mark.name === name && (mark.text === found || (name === "PERSON" && mark.text.split(" ").includes(found))));
    if (known) return known.mark;
    counts[name] = (counts[name] ?? 0) + 1;
    marks.push({ name, text: found, mark: `[${name}_${counts[name]}]` });
    return marks.at(-1).mark;
  });
}
