// Calls of tools in what a model writes: `<tool_call>{"name": …, "arguments": {…}}</tool_call>`, as Hermes, Qwen and many others
// were taught.

import { id } from "./errors.js";

export interface Call {
  id: string;
  type: "function";
  function: { name: string; arguments: string };
}

const OPEN = "<tool_call>";
const CLOSE = "</tool_call>";

export class ToolCalls {
  #held = "";
  readonly #forced: boolean;

  /** `forced`: what is written is one call and nothing else, without its marks. */
  constructor(forced = false) {
    this.#forced = forced;
  }

  push(text: string): { text: string; calls: Call[] } {
    this.#held += text;
    const out = { text: "", calls: [] as Call[] };
    if (this.#forced) return out;
    for (;;) {
      const open = this.#held.indexOf(OPEN);
      if (open < 0) {
        const kept = heldBack(this.#held);
        out.text += this.#held.slice(0, this.#held.length - kept);
        this.#held = this.#held.slice(this.#held.length - kept);
        return out;
      }
      const close = this.#held.indexOf(CLOSE, open);
      if (close < 0) {
        out.text += this.#held.slice(0, open).trimEnd();
        this.#held = this.#held.slice(open);
        return out;
      }
      const call = callIn(this.#held.slice(open + OPEN.length, close));
      const end = close + CLOSE.length;
      if (call === undefined) out.text += this.#held.slice(0, end);
      else {
        out.text += this.#held.slice(0, open).trimEnd();
        out.calls.push(call);
      }
      this.#held = this.#held.slice(end);
    }
  }

  /** What was held back at the end: a call may lack its closing mark. */
  finish(): { text: string; calls: Call[] } {
    const held = this.#held;
    this.#held = "";
    if (this.#forced) {
      // One that a limit ended is none.
      const call = callIn(held);
      return { text: "", calls: call === undefined ? [] : [call] };
    }
    const call = held.startsWith(OPEN) ? callIn(held.slice(OPEN.length)) : undefined;
    return call === undefined ? { text: held.trim() === "" ? "" : held, calls: [] } : { text: "", calls: [call] };
  }
}

function callIn(text: string): Call | undefined {
  try {
    const { name, arguments: given = {} } = JSON.parse(text) as { name?: unknown; arguments?: unknown };
    if (typeof name !== "string") return undefined;
    return { id: id("call"), type: "function", function: { name, arguments: typeof given === "string" ? given : JSON.stringify(given) } };
  } catch {
    return undefined;
  }
}

/** How many characters at the end may belong to a mark, or are the white space before one. */
function heldBack(text: string): number {
  for (let length = Math.min(OPEN.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(OPEN.slice(0, length))) return length + spaces(text.slice(0, -length));
  }
  return spaces(text);
}

const spaces = (text: string): number => text.length - text.trimEnd().length;
