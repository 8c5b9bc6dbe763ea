// A text made of a page's own text nodes, which knows where each of its characters stands in the page.

const INLINE = /^(inline|contents|ruby)/;

/** Paragraphs of a page as one string, with the way back to the nodes. */
export class PageText {
  /** Blocks apart by an empty line, white space as it is seen. */
  text = "";
  /** Stretches that are in the text as they are in their node: `{ start, length, node, offset }`, in order. */
  #runs = [];

  /** `parts`: `{ node, from, to }` of text nodes, in the page's order. */
  constructor(parts) {
    let block;
    let gap = "";
    for (const { node, from = 0, to = node.length } of parts) {
      const mine = blockOf(node.parentElement);
      const breaks = block === undefined ? 0 : mine !== block ? 2 : breaksBefore(node);
      if (breaks > 0) gap = breaks > 1 ? "\n\n" : "\n";
      block = mine;
      // Words that are one space apart stay together; any other white space becomes one space.
      const data = node.data.slice(from, to);
      let end = 0;
      for (const { 0: words, index } of data.matchAll(/\S+(?: \S+)*/g)) {
        if (gap === "" && index > end) gap = " ";
        if (this.text !== "") this.text += gap;
        this.#runs.push({ start: this.text.length, length: words.length, node, offset: from + index });
        this.text += words;
        gap = "";
        end = index + words.length;
      }
      if (gap === "" && end < data.length) gap = " ";
    }
  }

  /** The range of a part of the text; undefined where its nodes have left the page or were changed. */
  rangeOf(start, end) {
    const first = this.#runs.find((run) => start < run.start + run.length);
    const last = this.#runs.findLast((run) => end > run.start);
    for (const run of [first, last]) {
      if (!run?.node.isConnected) return undefined;
      if (run.node.data.slice(run.offset, run.offset + run.length) !== this.text.slice(run.start, run.start + run.length)) return undefined;
    }
    const range = document.createRange();
    range.setStart(first.node, first.offset + Math.max(0, start - first.start));
    range.setEnd(last.node, last.offset + Math.min(last.length, end - last.start));
    return range;
  }
}

const blocks = new WeakMap();

/** The element that a text is laid out in. */
export function blockOf(element) {
  let found = blocks.get(element);
  if (found === undefined) {
    const above = element.parentElement;
    found = above !== null && INLINE.test(getComputedStyle(element).display) ? blockOf(above) : element;
    blocks.set(element, found);
  }
  return found;
}

/** How many line breaks stand right before a text node. */
function breaksBefore(node) {
  let count = 0;
  for (let at = node.previousSibling; at !== null; at = at.previousSibling) {
    if (at.nodeName === "BR") count++;
    else if (at.nodeType !== Node.COMMENT_NODE && at.textContent.trim() !== "") break;
  }
  return count;
}

/** The text nodes below a node that say something. */
export function* textNodes(root) {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  if (root.nodeType === Node.TEXT_NODE) yield root;
  while (walker.nextNode()) if (/\S/.test(walker.currentNode.data)) yield walker.currentNode;
}
