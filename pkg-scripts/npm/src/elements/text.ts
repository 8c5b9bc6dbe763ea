/**
 * `nanolm/elements/text`: the text of a part of a page, and the way back: from a place in the text to a range of the page, whatever the
 * markup between.
 */

const INLINE = /^(inline|contents|ruby)/;
const INLINE_NAMES = /^(a|abbr|b|bdi|bdo|cite|code|data|del|dfn|em|font|i|ins|kbd|label|mark|q|r[bpt]|ruby|s|samp|small|span|strong|su[bp]|time|tt|u|var|wbr)$/;

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

/** What is laid out as one, and where it stands in the text. */
export interface TextBlock {
  start: number;
  end: number;
  element: Element;
}

/** Text nodes as one string: blocks apart by an empty line, white space as it is seen. */
export class PageText {
  readonly text: string;
  /** In the order of the text. */
  readonly #runs: Run[] = [];
  readonly #blocks: TextBlock[] = [];

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
      if (own !== block) this.#blocks.push({ start: -1, end: -1, element: own });
      block = own;
      // Words that are one space apart stay together; any other white space becomes one space.
      const data = node.data.slice(from, to);
      let end = 0;
      for (const { 0: words, index } of data.matchAll(/\S+(?: \S+)*/g)) {
        if (gap === "" && index > end) gap = " ";
        if (text !== "") text += gap;
        this.#runs.push({ start: text.length, length: words.length, node, offset: from + index });
        const current = this.#blocks.at(-1) as TextBlock;
        if (current.start < 0) current.start = text.length;
        text += words;
        current.end = text.length;
        gap = "";
        end = index + words.length;
      }
      if (gap === "" && end < data.length) gap = " ";
    }
    this.text = text;
  }

  /** The blocks of the page, in the order of the text. */
  blocks(): TextBlock[] {
    return this.#blocks.filter(({ start }) => start >= 0);
  }

  /** The range of a part of the text; undefined where its nodes have left the page or were changed. */
  rangeOf(start: number, end: number): Range | undefined {
    const first = this.#runs.find((run) => start < run.start + run.length);
    const last = this.#runs.filter((run) => end > run.start).at(-1);
    if (first === undefined || last === undefined) return undefined;
    for (const { node, offset, start, length } of [first, last]) {
      if (!node.isConnected || node.data.slice(offset, offset + length) !== this.text.slice(start, start + length)) return undefined;
    }
    const range = first.node.ownerDocument.createRange();
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
  // Of a document that no window shows the name of the element says it.
  const display = element.ownerDocument.defaultView?.getComputedStyle(element).display;
  const inline = display ? INLINE.test(display) : INLINE_NAMES.test(element.localName);
  const found = above !== null && inline ? blockOf(above) : element;
  blocks.set(element, found);
  return found;
}

/** How many line breaks stand right before a text node. */
function breaksBefore(node: Text): number {
  let count = 0;
  for (let at = node.previousSibling; at !== null; at = at.previousSibling) {
    if (at.nodeName === "BR") count++;
    else if (at.nodeType !== 8 && at.textContent?.trim() !== "") break;
  }
  return count;
}

/** The text nodes of a node that say something. */
export function* textNodes(root: Node): Generator<Text, undefined> {
  if (root.nodeType === 3) yield root as Text;
  // 4: SHOW_TEXT.
  const walker = (root.ownerDocument ?? (root as Document)).createTreeWalker(root, 4);
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
