// The panel beside a page. Everything is computed by the extension's one engine; what a closed panel had begun goes on, and a panel
// that is opened again finds it where it is.
import { browser } from "../browser.js";
import { connect } from "nanolm/extension";
import { keyPoints, nameOf } from "../points.js";
import { choiceOf, settings, watchSettings, wearTheme } from "../settings.js";
import { Page, Unreadable } from "./page.js";
import { announce, byId, make, nameGroups, notice, placeLink, reset, section } from "./view.js";

/** More of them than this are a list that nobody reads. */
const MOST_NAMES = 12;

const asked = new URLSearchParams(location.search).get("tab");
let tabId = asked === null ? undefined : Number(asked);
let model;
/** What it runs, as JSON. */
let running;
let page;
/** What the page said: `{ text, what, words, title, url }`. */
let source;
let controller = new AbortController();

watchSettings(wearTheme);
byId("open-options").onclick = () => browser.runtime.openOptionsPage();
byId("again").onclick = () => begin({ what: "page" });
byId("copy").onclick = copy;
byId("ask").onsubmit = ask;
addEventListener("pagehide", () => page?.clear());

/** What this tab's panel was opened for. */
async function request() {
  const key = `request-${tabId}`;
  return (await browser.storage.session.get(key))[key] ?? { what: "auto" };
}

/** Reads and summarises what was asked for, in place of what was shown. */
async function begin(asked) {
  performance.clearMarks();
  controller.abort();
  controller = new AbortController();
  const { signal } = controller;
  source = undefined;
  reset();
  byId("main").setAttribute("aria-busy", "true");
  try {
    const [chosen, { what, frameId }] = await Promise.all([settings(), asked ?? request()]);
    const choice = choiceOf(chosen);
    if (running !== JSON.stringify(choice)) {
      model?.close();
      running = JSON.stringify(choice);
      model = connect(choice);
    }
    page = new Page(tabId, frameId);
    source = await page.read(what);
    signal.throwIfAborted();
    performance.mark("page read");
    showSource();
    if (source.words < 5) return notice("There is no text here that could be summarised. Select some, and choose “Summarise the selection”.");
    await summarise(chosen.length, signal);
  } catch (error) {
    if (!signal.aborted) showError(error);
  } finally {
    if (!signal.aborted) {
      byId("main").setAttribute("aria-busy", "false");
      byId("progress").hidden = true;
    }
  }
}

function showSource() {
  const { title, url, what, words } = source;
  byId("source").textContent = URL.canParse(url) ? new URL(url).host : "";
  byId("title").textContent = title;
  const kind = { selection: "Selected text", article: "Article", structure: "Page" }[what];
  byId("about").replaceChildren(`${kind} · ${words.toLocaleString("en")} words`);
  if (what === "selection") {
    const whole = make("button", { type: "button", className: "link", onclick: () => begin({ what: "page" }) }, "Whole page");
    byId("about").append(" · ", whole);
  }
  byId("again").hidden = false;
}

async function summarise(length, signal) {
  const started = performance.now();
  const { text, what, title } = source;
  // The name is the tab's: a panel that is opened again on the same text finds what is there, another text takes its place.
  const options = (name) => ({ signal, keep: nameOf(tabId, name), onProgress: showProgress });
  const points = keyPoints(model, text, { tabId, length, signal, onProgress: showProgress });
  const tldr = model.summarize(text, { type: "tldr", length, ...options("tldr") });
  // A selection is about what it says itself.
  const headline = model.summarize(text, { type: "headline", ...(what === "selection" ? {} : { title }), ...options("headline") });
  const keywords = model.extractKeywords(text, { limit: 10, ...options("keywords") });
  const names = model.extractEntities(text, options("names"));
  // Looked at later; what fails meanwhile is not unseen.
  for (const call of [keywords, names]) call.catch(() => {});

  const marked = [];
  await optional("points", async () => {
    for await (const point of points) {
      marked.push(point);
      addPoint(point, marked.length);
      if (marked.length === 1) performance.mark("first point");
      if (marked.length === 1) byId("figures").textContent = `Nothing leaves your device. First point: ${Math.round(performance.now() - started)} ms.`;
      announce(`Key point ${marked.length}: ${point.text.trim()}`);
      page.mark(marked.map(({ start, end }) => ({ start, end }))).catch(() => {});
    }
  });
  await optional("tldr", (element) => writeInto(element, tldr));
  await optional("headline", (element) => writeInto(element, headline));
  await optional("keywords", async (element) => element.append(...(await keywords).map(keywordChip)));
  await optional("names", async (element) => showNames(await names, element));
  byId("copy").hidden = false;
}

function addPoint({ text, start, end }, number) {
  const label = make("span", {}, text.trim());
  const link = placeLink({ className: "point", label, url: source.url, sentence: text, places: [{ start, end }], show });
  link.dataset.number = number;
  byId("points").append(make("li", {}, link));
}

/** Streams words; once they are all there, each sentence that stands in the page leads to where it does. */
async function writeInto(element, stream) {
  const node = document.createTextNode("");
  element.append(node);
  for await (const { text } of stream) node.appendData(node.length === 0 ? text.trimStart() : text);
  const { text, sentences = [] } = await stream.result;
  const parts = [];
  let at = 0;
  for (const { start, end, sources } of sentences) {
    if (sources.length === 0 || start < at) continue;
    const sentence = source.text.slice(sources[0].start, sources[0].end);
    const link = placeLink({ className: "in-prose", label: text.slice(start, end), url: source.url, sentence, places: sources, show });
    parts.push(text.slice(at, start), link);
    at = end;
  }
  element.replaceChildren(...parts, text.slice(at));
  if (sentences.some(({ title }) => title !== undefined)) element.append(" ", make("small", {}, "the page’s title"));
}

/** Fills a section, which is left out where the model cannot do it, or finds nothing. */
async function optional(id, fill) {
  const element = section(id);
  try {
    await fill(element);
  } catch (error) {
    if (error.code !== "task/unsupported") throw error;
  } finally {
    if (!element.hasChildNodes()) byId(`${id}-section`).hidden = true;
  }
}

function keywordChip({ text, places }) {
  return placeLink({ className: "chip", label: text, url: source.url, sentence: text, places, show });
}

function showNames(found, element) {
  for (const [kind, names] of nameGroups(found)) {
    const chips = [...names].slice(0, MOST_NAMES).map(([text, places]) => {
      const link = placeLink({ className: "chip", label: text, url: source.url, sentence: text, places, show });
      if (places.length > 1) link.append(" ", make("small", {}, `×${places.length}`));
      return link;
    });
    element.append(make("p", { className: "kind" }, kind), make("p", { className: "chips" }, ...chips));
  }
}

async function show(place) {
  if (!(await page.show(place))) notice("That part has left the page since it was read.", { action: "Read it again", onAction: () => begin({ what: "page" }) });
}

async function ask(event) {
  event.preventDefault();
  const question = byId("question").value.trim();
  const answer = byId("answer");
  if (question === "" || source === undefined) return;
  answer.replaceChildren("…");
  try {
    const found = await model.answer(question, source.text, { signal: controller.signal });
    if (found === null) return answer.replaceChildren("The page does not seem to say.");
    const sentence = source.text.slice(found.sentence.start, found.sentence.end);
    const places = [found.sentence];
    const link = placeLink({ className: "in-prose", label: sentence, url: source.url, sentence, places, show });
    answer.replaceChildren(make("strong", {}, found.text), link);
  } catch (error) {
    if (!controller.signal.aborted) answer.replaceChildren(error.message);
  }
}

async function copy() {
  const points = [...document.querySelectorAll(".point")].map((link) => `- ${link.textContent}`);
  await navigator.clipboard.writeText([byId("title").textContent, byId("tldr").textContent, ...points, source.url].filter(Boolean).join("\n"));
  announce("Copied.");
  byId("copy").title = "Copied";
}

function showProgress({ loaded, total }) {
  const bar = byId("progress");
  bar.hidden = false;
  if (total) Object.assign(bar, { max: total, value: loaded });
  else bar.removeAttribute("value");
}

function showError(error) {
  if (error instanceof Unreadable) return notice(error.message);
  notice(error.message, { kind: "error", action: "Try again", onAction: () => begin() });
}

if (tabId === undefined) {
  // Firefox has one sidebar for the window: it follows the tab that is looked at.
  const [tab] = await browser.tabs.query({ active: true, currentWindow: true });
  tabId = tab.id;
  browser.tabs.onActivated.addListener((active) => {
    tabId = active.tabId;
    begin();
  });
}
browser.storage.session.onChanged.addListener((changes) => {
  const asked = changes[`request-${tabId}`]?.newValue;
  if (asked) begin(asked);
});
browser.tabs.onUpdated.addListener(async (id, { status }) => {
  if (id !== tabId || status !== "complete" || source === undefined) return;
  // Also told of a page that was read while it was loading.
  const { signal } = controller;
  if ((await page.isAsRead()) || signal.aborted) return;
  notice("The page has changed.", { action: "Summarise it", onAction: () => begin({ what: "page" }) });
});
begin();
