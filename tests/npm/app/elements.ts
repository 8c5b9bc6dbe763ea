// What a page with <nano-summary> may say. See docs/elements.md.
import "nanolm/elements";
import type { NanoSummary } from "nanolm/elements";
import { highlight, PageText, scrollToRange, textNodes } from "nanolm/elements/text";

const summary: NanoSummary = document.createElement("nano-summary");
summary.text = "text";
const { text } = await summary.start();
const page = new PageText([...textNodes(document.body)].map((node) => ({ node })));
const range = page.rangeOf(0, text.length);
if (range !== undefined) scrollToRange(range);
highlight("mine", range === undefined ? [] : [range]);
// @ts-expect-error: a text is a string
summary.text = 7;
