// Finds the article of a page: by Readability where it finds one, else by the page's own structure.
import { Readability } from "@mozilla/readability";
import { blockOf, textNodes } from "nanolm/elements/text";

/** Shorter texts are no article. */
const SHORTEST = 250;
/** Readability reads pages up to this many elements; more would take seconds. */
const MOST_ELEMENTS = 60_000;

const MARK = "data-nanolm-at";

/** Inside of an article, but not what it says: headings, code, tables, captions, controls, other pages' titles. */
const BESIDE =
  "h1,h2,h3,h4,h5,h6,pre,table,figcaption,button,select,textarea,nav,aside,footer,form,dialog,svg,math,script,style,noscript,template," +
  "[aria-hidden=true],[role=navigation],[role=complementary],[role=dialog],[role=alertdialog],[role=search],[role=toolbar],[role=menu]";

/** `{ parts, found }`: the text nodes of the article in order, and how it was found. */
export function findArticle() {
  const read = document.body.getElementsByTagName("*").length <= MOST_ELEMENTS ? prose(byReadability()) : [];
  if (lengthOf(read) >= SHORTEST) return { parts: read, found: "article" };
  const own = prose(byStructure());
  return lengthOf(own) > lengthOf(read) ? { parts: own, found: "structure" } : { parts: read, found: "article" };
}

const lengthOf = (parts) => parts.reduce((sum, { node }) => sum + node.length, 0);

/**
 * Readability works on a copy of the page, moves its nodes, and may parse it again. So every element of the copy carries the number of
 * its original, and a text is looked for in the nearest one.
 */
function byReadability() {
  const copy = document.cloneNode(true);
  const originals = [...document.querySelectorAll("*")];
  const hidden = [];
  [...copy.querySelectorAll("*")].forEach((element, at) => {
    element.setAttribute(MARK, at);
    if (document.body.contains(originals[at]) && isHidden(originals[at])) hidden.push(element);
  });
  for (const element of hidden) element.remove();
  let content;
  try {
    content = new Readability(copy, { charThreshold: SHORTEST, serializer: (element) => element }).parse()?.content;
  } catch (error) {
    console.warn("nanolm: the page's structure is used, because Readability failed:", error);
  }
  if (!content) return [];

  /** By element of the page: its text nodes that were not taken yet, by what they say. */
  const left = new Map();
  const parts = [];
  for (const text of textNodes(content)) {
    const at = text.parentElement.closest(`[${MARK}]`)?.getAttribute(MARK);
    const original = at === undefined ? document.body : originals[at];
    if (!left.has(original)) left.set(original, byData(original));
    const node = left.get(original).get(text.data)?.shift();
    if (node !== undefined && !isBeside(node)) parts.push(node);
  }
  return parts;
}

function byData(element) {
  const found = new Map();
  for (const node of textNodes(element)) {
    if (found.has(node.data)) found.get(node.data).push(node);
    else found.set(node.data, [node]);
  }
  return found;
}

function isHidden(element) {
  return element.checkVisibility?.({ visibilityProperty: true }) === false && !["SCRIPT", "NOSCRIPT", "BR"].includes(element.tagName);
}

function isBeside({ parentElement: parent }) {
  if (parent.closest(BESIDE) !== null) return true;
  // The number of a note, as in "so it is said[3]".
  const raised = parent.closest("sup");
  return raised !== null && /^\[.{1,4}\]$/.test(raised.textContent.trim());
}

/** The text of the page's main part. */
function byStructure() {
  const mains = [...document.querySelectorAll("main,[role=main],article,[itemprop=articleBody]")].filter((element) => !isHidden(element));
  const root = mains.sort((a, b) => b.textContent.length - a.textContent.length)[0] ?? document.body;
  const outside = "header,[role=banner],[role=contentinfo],label";
  return [...textNodes(root)].filter((node) => {
    const { parentElement: parent } = node;
    return !isBeside(node) && parent.closest(outside) === null && !isHidden(blockOf(parent)) && !isOverlay(parent);
  });
}

/** A block of fewer words that ends like no sentence is a label, a name, a date. */
const FEWEST_WORDS = 12;
const SENTENCE_END = /[.!?\u2026:;。！？।][)\]"'»”’\s]*$/;

/** Of text nodes those whose block reads like prose: no list of links, no label, nothing that the page says again and again. */
function prose(nodes) {
  const blocks = new Map();
  for (const node of inOrder(nodes)) {
    const block = blockOf(node.parentElement);
    if (!blocks.has(block)) blocks.set(block, []);
    blocks.get(block).push(node);
  }
  const textOf = (some) => some.map(({ data }) => data).join("").trim().replace(/\s+/g, " ");
  const times = new Map();
  for (const some of blocks.values()) times.set(textOf(some), (times.get(textOf(some)) ?? 0) + 1);
  const kept = [...blocks.values()].filter((some) => {
    const text = textOf(some);
    const words = text.split(" ").length;
    const linked = textOf(some.filter(({ parentElement }) => parentElement.closest("a[href]") !== null));
    return times.get(text) === 1 && linked.length * 2 < text.length && (words >= FEWEST_WORDS || (words > 2 && SENTENCE_END.test(text)));
  });
  return kept.flat().map((node) => ({ node }));
}

/** Consent banners and chat boxes float above their page. */
function isOverlay(element) {
  for (let at = element; at !== null && at !== document.body; at = at.parentElement) {
    if (getComputedStyle(at).position === "fixed") return true;
  }
  return false;
}

/** Readability puts a lead before the rest; ranges go from the top to the bottom. */
function inOrder(nodes) {
  return nodes.sort((a, b) => (a.compareDocumentPosition(b) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1));
}
