/**
 * `nanolm/elements/text`: the text of a part of a page, and the way back: from a place in the text to a range of the page, whatever the
 * markup between.
 */

const INLINE = /^(inline|contents|ruby)/;

/** A text node, or a part of one: `node.data.slice(from, to)`. */
export interface TextPart {
  node: Text;
  from?: number | undefined;
  to?: number | undefined;
}

/** A stretch that is in the text as it is in its node. */
interface Run {
  /** In the text. */
  start: number;
  length: number;
  node: Text;
  /** In the node. */
  offset: number;
}

/** Text nodes as one string: blocks apart by an empty line, white space as it is seen. */
export class PageText {
  readonly text: string;
  /** In the order of the text. */
  readonly #runs: Run[] = [];

  /** @param parts In the order of the page. */
  constructor(parts: Iterable<TextPart>) {
    let text = "";
    let block: Element | undefined;
    let gap = "";
    for (const { node, from = 0, to = node.length } of parts) {
      const parent = node.parentElement;
      if (parent === null) continue;
      const own = blockOf(parent);
      const breaks = block === undefined ? 0 : own !== block ? 2 : breaksBefore(node);
      if (breaks > 0) gap = breaks > 1 ? "\n\n" : "\n";
      block = own;
      // Words that are one space apart stay together; any other white space becomes one space.
      const data = node.data.slice(from, to);
      let end = 0;
      for (const { 0: words, index } of data.matchAll(/\S+(?: \S+)*/g)) {
        if (gap === "" && index > end) gap = " ";
        if (text !== "") text += gap;
        this.#runs.push({ start: text.length, length: words.length, node, offset: from + index });
        text += words;
        gap = "";
        end = index + words.length;
      }
      if (gap === "" && end < data.length) gap = " ";
    }
    this.text = text;
  }

  /** The range of a part of the text; undefined where its nodes have left the page or were changed. */
  rangeOf(start: number, end: number): Range | undefined {
    const first = this.#runs.find((run) => start < run.start + run.length);
    const last = this.#runs.filter((run) => end > run.start).at(-1);
    if (first === undefined || last === undefined) return undefined;
    for (const { node, offset, start, length } of [first, last]) {
      if (!node.isConnected || node.data.slice(offset, offset + length) !== this.text.slice(start, start + length)) return undefined;
    }
    const range = document.createRange();
    range.setStart(first.node, first.offset + Math.max(0, start - first.start));
    range.setEnd(last.node, last.offset + Math.min(last.length, end - last.start));
    return range;
  }
}

const blocks = new WeakMap<Element, Element>();

/** The element that a text is laid out in. */
export function blockOf(element: Element): Element {
  const known = blocks.get(element);
  if (known !== undefined) return known;
  const above = element.parentElement;
  const found = above !== null && INLINE.test(getComputedStyle(element).display) ? blockOf(above) : element;
  blocks.set(element, found);
  return found;
}

/** How many line breaks stand right before a text node. */
function breaksBefore(node: Text): number {
  let count = 0;
  for (let at = node.previousSibling; at !== null; at = at.previousSibling) {
    if (at.nodeName === "BR") count++;
    else if (at.nodeType !== Node.COMMENT_NODE && at.textContent?.trim() !== "") break;
  }
  return count;
}

/** The text nodes of a node that say something. */
export function* textNodes(root: Node): Generator<Text, undefined> {
  if (root.nodeType === Node.TEXT_NODE) yield root as Text;
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) if (/\S/.test((walker.currentNode as Text).data)) yield walker.currentNode as Text;
  return undefined;
}

/** Scrolls to a range, also where its element is taller than the window, and opens what hides it. */
export function scrollToRange(range: Range): void {
  const element = range.startContainer.parentElement;
  for (let at = element?.closest("details:not([open])"); at; at = at.parentElement?.closest("details:not([open])")) at.setAttribute("open", "");
  element?.scrollIntoView({ block: "nearest", inline: "nearest", behavior: "instant" });
  const { top, bottom } = range.getBoundingClientRect();
  if (top < innerHeight * 0.15 || bottom > innerHeight * 0.85) scrollBy({ top: top - innerHeight * 0.3, behavior: "instant" });
}

/** Colours ranges as `::highlight(name)`, in place of those before. Without ranges, or where browsers cannot, nothing is coloured. */
export function highlight(name: string, ranges: readonly Range[]): void {
  if (typeof Highlight !== "function" || !("highlights" in CSS)) return;
  if (ranges.length > 0) CSS.highlights.set(name, new Highlight(...ranges));
  else CSS.highlights.delete(name);
}
