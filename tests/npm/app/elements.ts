// What a page with <nano-summary> and <nano-chat> may say. See docs/elements.md.
import "nanolm/elements";
import type { NanoChat, NanoSummary } from "nanolm/elements";
import { highlight, PageText, scrollToRange, textNodes } from "nanolm/elements/text";

const summary: NanoSummary = document.createElement("nano-summary");
summary.text = "text";
const { text } = await summary.start();
const page = new PageText([...textNodes(document.body)].map((node) => ({ node })));
const range = page.rangeOf(0, text.length);
if (range !== undefined) scrollToRange(range);
highlight("mine", range === undefined ? [] : [range]);
const chat: NanoChat = document.createElement("nano-chat");
chat.messages = [{ role: "user", content: text }];
const answer: string = (await chat.send("And now?")).text;
// @ts-expect-error: a text is a string
chat.send(answer.length);
// @ts-expect-error: a text is a string
summary.text = 7;
