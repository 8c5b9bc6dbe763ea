// Finds the article of a page: by Readability where it finds one, else by the page's own structure.

import { blockOf, type TextPart, textNodes } from "../elements/text.js";
import { type Read, Readability } from "../readability.js";

/** Shorter texts are no article. */
const SHORTEST = 250;
/** Readability reads pages up to this many elements; more would take seconds. */
const MOST_ELEMENTS = 60_000;

const MARK = "data-nanolm-at";

/** Around an article, or inside of it and not what it says. */
const AROUND =
  "button,select,textarea,nav,aside,footer,form,dialog,svg,math,script,style,noscript,template,[aria-hidden=true],[role=navigation]," +
  "[role=complementary],[role=dialog],[role=alertdialog],[role=search],[role=toolbar],[role=menu]";
const HEADINGS = "h1,h2,h3,h4,h5,h6";
const BESIDE = `${HEADINGS},pre,table,figcaption,${AROUND}`;

/** What was found, as text nodes in the order of the page. */
export interface Found {
  parts: TextPart[];
  found: "article" | "structure" | "nothing";
  read: Read | undefined;
}

export function findArticle(page: Document): Found {
  if (page.body === null) return { parts: [], found: "nothing", read: undefined };
  const read = page.body.getElementsByTagName("*").length <= MOST_ELEMENTS ? byReadability(page) : undefined;
  const article = prose(read?.nodes ?? []);
  if (lengthOf(article) >= SHORTEST) return { parts: article, found: "article", read: read?.read };
  const own = prose(byStructure(page));
  const parts = lengthOf(own) > lengthOf(article) ? own : article;
  const found = parts.length === 0 ? "nothing" : parts === own ? "structure" : "article";
  return { parts, found, read: read?.read };
}

const lengthOf = (parts: readonly TextPart[]): number => parts.reduce((sum, { node }) => sum + node.length, 0);

/**
 * Readability works on a copy of the page, moves its nodes, and may parse it again. So every element of the copy carries the number of
 * its original, and a text is looked for in the nearest one.
 */
function byReadability(page: Document): { nodes: Text[]; read: Read } | undefined {
  const copy = page.cloneNode(true) as Document;
  const originals = [...page.querySelectorAll("*")];
  const hidden: Element[] = [];
  [...copy.querySelectorAll("*")].forEach((element, at) => {
    element.setAttribute(MARK, `${at}`);
    const original = originals[at] as Element;
    if (page.body.contains(original) && isHidden(original)) hidden.push(element);
  });
  for (const element of hidden) element.remove();
  let read: Read | null;
  try {
    read = new Readability(copy, { charThreshold: SHORTEST, serializer: (element) => element }).parse();
  } catch (error) {
    console.warn("nanolm: the page's structure is used, because Readability failed:", error);
    return undefined;
  }
  if (read === null) return undefined;

  /** By element of the page: its text nodes that were not taken yet, by what they say. */
  const left = new Map<Element, Map<string, Text[]>>();
  const nodes: Text[] = [];
  for (const text of read.content ? textNodes(read.content) : []) {
    const at = text.parentElement?.closest(`[${MARK}]`)?.getAttribute(MARK);
    const original = at == null ? page.body : (originals[Number(at)] as Element);
    if (!left.has(original)) left.set(original, byData(original));
    const node = left.get(original)?.get(text.data)?.shift();
    if (node !== undefined && !isBeside(node)) nodes.push(node);
  }
  return { nodes, read };
}

function byData(element: Element): Map<string, Text[]> {
  const found = new Map<string, Text[]>();
  for (const node of textNodes(element)) {
    const same = found.get(node.data);
    if (same === undefined) found.set(node.data, [node]);
    else same.push(node);
  }
  return found;
}

/** Of a document that no window shows, only what its markup says can be known. */
function isHidden(element: Element): boolean {
  if (["SCRIPT", "NOSCRIPT", "BR"].includes(element.tagName)) return false;
  if (element.ownerDocument.defaultView === null) return element.matches('[hidden],[style*="display:none"],[style*="display: none"]');
  return element.checkVisibility?.({ visibilityProperty: true }) === false;
}

function isBeside({ parentElement: parent }: Text): boolean {
  if (parent === null || parent.closest(BESIDE) !== null) return true;
  // The number of a note, as in "so it is said[3]".
  const raised = parent.closest("sup");
  return raised !== null && /^\[.{1,4}\]$/.test(raised.textContent?.trim() ?? "");
}

/** The text of the page's main part. */
function byStructure(page: Document): Text[] {
  const mains = [...page.querySelectorAll("main,[role=main],article,[itemprop=articleBody]")].filter((element) => !isHidden(element));
  const sized = mains.map((element) => ({ element, length: element.textContent?.length ?? 0 }));
  const root = sized.sort((a, b) => b.length - a.length)[0]?.element ?? page.body;
  const outside = "header,[role=banner],[role=contentinfo],label,[hidden]";
  return [...textNodes(root)].filter((node) => {
    const { parentElement: parent } = node;
    return parent !== null && !isBeside(node) && parent.closest(outside) === null && !isHidden(blockOf(parent)) && !isOverlay(parent);
  });
}

/** A block of fewer words that ends like no sentence is a label, a name, a date. */
const FEWEST_WORDS = 12;
const SENTENCE_END = /[.!?\u2026:;。！？।][)\]"'»”’\s]*$/;

/** Of text nodes those whose block reads like prose: no list of links, no label, nothing that the page says again and again. */
function prose(nodes: Text[]): TextPart[] {
  const blocks = new Map<Element, Text[]>();
  for (const node of inOrder(nodes)) {
    const block = blockOf(node.parentElement as Element);
    const some = blocks.get(block);
    if (some === undefined) blocks.set(block, [node]);
    else some.push(node);
  }
  const textOf = (some: readonly Text[]): string => some.map(({ data }) => data).join("").trim().replace(/\s+/g, " ");
  const times = new Map<string, number>();
  for (const some of blocks.values()) times.set(textOf(some), (times.get(textOf(some)) ?? 0) + 1);
  const kept = [...blocks.values()].filter((some) => {
    const text = textOf(some);
    const words = text.split(" ").length;
    const linked = textOf(some.filter(({ parentElement }) => parentElement?.closest("a[href]") !== null));
    return times.get(text) === 1 && linked.length * 2 < text.length && (words >= FEWEST_WORDS || (words > 2 && SENTENCE_END.test(text)));
  });
  return kept.flat().map((node) => ({ node }));
}

/** Consent banners and chat boxes float above their page. */
function isOverlay(element: Element): boolean {
  const view = element.ownerDocument.defaultView;
  for (let at: Element | null = element; view !== null && at !== null && at.localName !== "body"; at = at.parentElement) {
    if (view.getComputedStyle(at).position === "fixed") return true;
  }
  return false;
}

/** Readability puts a lead before the rest; ranges go from the top to the bottom. */
function inOrder<T extends Node>(nodes: T[]): T[] {
  // 4: DOCUMENT_POSITION_FOLLOWING. Where there is no page, there is no `Node` either.
  return nodes.sort((a, b) => (a.compareDocumentPosition(b) & 4 ? -1 : 1));
}

/** The page's headings that are not around an article. */
export function headingsOf(page: Document): Element[] {
  const text = (heading: Element): boolean => /\S/.test(heading.textContent ?? "");
  return [...page.querySelectorAll(HEADINGS)].filter((heading) => text(heading) && heading.closest(`${AROUND},[hidden]`) === null && !isHidden(heading));
}
