// What the panel calls in the page, in the extension's own world of it. Of it the page's scripts see the names of the marks, and nothing else.
import { extract } from "nanolm/extract";
import { highlight, PageText, scrollToRange, textNodes } from "nanolm/elements/text";

/** A selection of fewer words is left over from a click. */
const FEWEST_WORDS = 20;

/** What was read last: `{ text, what }`; of a selection a `PageText`, else an `Extraction`. */
let current;

/** What was read ahead of the panel's asking, and when. */
let ahead;
const AHEAD_MS = 3000;

/** Gives the text. */
function readAhead(what) {
  ahead = { what, at: Date.now(), read: readNow(what) };
  return ahead.read.text;
}

function read(what) {
  const ready = ahead?.what === what && Date.now() - ahead.at < AHEAD_MS ? ahead.read : undefined;
  ahead = undefined;
  return ready ?? readNow(what);
}

/** Reads the page, the selection, or ("auto") the selection where there is one worth it. */
function readNow(what) {
  const selected = what === "page" ? [] : selectedParts();
  const selection = new PageText(selected);
  const wanted = what === "selection" ? 1 : FEWEST_WORDS;
  if (wordsIn(selection.text) >= wanted) current = { text: selection, what: "selection" };
  // Of a panel that was closed and opened: the selection may be gone by now, what it said is not.
  else if (!(what === "selection" && current?.what === "selection")) current = articleNow();
  const { text } = current.text;
  return { text, what: current.what, words: wordsIn(text), title: titleOf(), language: document.documentElement.lang };
}

function articleNow() {
  const article = extract(document);
  return { text: article, what: article.found === "structure" ? "structure" : "article" };
}

/** Whether this document, as it is now, says what was read of it. */
function isAsRead() {
  if (current === undefined) return false;
  return current.what === "selection" || articleNow().text.text === current.text.text;
}

const wordsIn = (text) => text.match(/\S+/g)?.length ?? 0;

function titleOf() {
  const heading = document.querySelectorAll("h1");
  return (heading.length === 1 && heading[0].textContent.trim().replace(/\s+/g, " ")) || document.title || location.hostname;
}

function selectedParts() {
  const parts = [];
  const selection = getSelection();
  for (let at = 0; at < (selection?.rangeCount ?? 0); at++) {
    const range = selection.getRangeAt(at);
    for (const node of textNodes(range.commonAncestorContainer)) {
      if (!range.intersectsNode(node) || node.parentElement?.closest("script,style,noscript")) continue;
      const from = node === range.startContainer ? range.startOffset : 0;
      const to = node === range.endContainer ? range.endOffset : node.length;
      if (to > from) parts.push({ node, from, to });
    }
  }
  return parts;
}

/** The range of a place of the text that was read; the page may have been drawn anew since. */
function rangeOf({ start, end }) {
  const sentence = current?.text.text.slice(start, end) ?? "";
  const range = current?.text.rangeOf(start, end);
  if (range !== undefined || sentence === "") return range;
  const again = new PageText([...textNodes(document.body)].filter(({ parentElement }) => !parentElement.closest("script,style,noscript")).map((node) => ({ node })));
  const at = again.text.indexOf(sentence);
  return at < 0 ? undefined : again.rangeOf(at, at + sentence.length);
}

/** Colours places: `points` lightly, `current` strongly. */
function mark(name, places) {
  const ranges = places.map(rangeOf).filter((range) => range !== undefined);
  highlight(`nanolm-${name}`, ranges);
  return ranges;
}

/** Scrolls to a place and marks it. False where it is not in the page any more. */
function show(place) {
  const [range] = mark("current", [place]);
  if (range === undefined) return false;
  scrollToRange(range);
  return true;
}

function clear() {
  mark("points", []);
  mark("current", []);
}

globalThis.nanolmPage = { read, readAhead, isAsRead, show, mark: (name, places) => mark(name, places).length, clear };
