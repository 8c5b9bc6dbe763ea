// Calls of tools in what a model writes, in the forms that models were taught: `<tool_call>{"name": …, "arguments": {…}}</tool_call>` (Hermes,
// Qwen and many others), `[TOOL_CALLS][{…}]` (Mistral), and an answer that is nothing but `{"name": …, "parameters": {…}}` (Llama 3).

import { id } from "./errors.js";

export interface Call {
  id: string;
  type: "function";
  function: { name: string; arguments: string };
}

interface Read {
  text: string;
  calls: Call[];
}

const OPEN = "<tool_call>";
const CLOSE = "</tool_call>";
/** Marks behind which everything is calls. */
const LAST = ["[TOOL_CALLS]", "<|python_tag|>"];
const MARKS = [OPEN, ...LAST];

export class ToolCalls {
  #held = "";
  #begun = false;
  readonly #forced: boolean;

  /** `forced`: what is written is one call and nothing else, without its marks. */
  constructor(forced = false) {
    this.#forced = forced;
  }

  push(text: string): Read {
    this.#held += text;
    const out: Read = { text: "", calls: [] };
    if (this.#forced) return out;
    if (!this.#begun) {
      const first = this.#held.trimStart();
      // It may be a call as a whole: that shows at its end.
      if (first === "" || first.startsWith("{")) return out;
      this.#begun = true;
    }
    for (;;) {
      const open = this.#held.indexOf(OPEN);
      const last = LAST.map((mark) => this.#held.indexOf(mark)).filter((at) => at >= 0 && (open < 0 || at < open))[0];
      if (open < 0 || last !== undefined) {
        const kept = last === undefined ? heldBack(this.#held) : this.#held.length - last;
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
      const calls = callsIn(this.#held.slice(open + OPEN.length, close));
      const end = close + CLOSE.length;
      if (calls.length === 0) out.text += this.#held.slice(0, end);
      else {
        out.text += this.#held.slice(0, open).trimEnd();
        out.calls.push(...calls);
      }
      this.#held = this.#held.slice(end);
    }
  }

  /** What was held back at the end: a call may lack its closing mark. One that a limit `cut` in the middle is none, and no text either. */
  finish(cut = false): Read {
    const held = this.#held;
    this.#held = "";
    if (this.#forced) return { text: "", calls: callsIn(held) };
    const mark = MARKS.find((mark) => held.startsWith(mark)) ?? "";
    // A JSON object with a name and no arguments is an answer.
    const calls = mark === "" && (this.#begun || !/"(?:arguments|parameters)"\s*:/.test(held)) ? [] : callsIn(held.slice(mark.length));
    const isLost = held.trim() === "" || (cut && (mark !== "" || !this.#begun));
    return { text: calls.length > 0 || isLost ? "" : held, calls };
  }
}

/** One call, or a list of them; none where it is anything else. */
function callsIn(text: string): Call[] {
  try {
    // A character that a mark cut off is written behind it.
    const calls = [JSON.parse(text.replace(/^\uFFFD+/, "")) as unknown].flat() as ({ name?: unknown; arguments?: unknown; parameters?: unknown } | null)[];
    if (!calls.every((call) => typeof call?.name === "string")) return [];
    return calls.map((call) => {
      const given = call?.arguments ?? call?.parameters ?? {};
      return { id: id("call"), type: "function", function: { name: call?.name as string, arguments: typeof given === "string" ? given : JSON.stringify(given) } };
    });
  } catch {
    return [];
  }
}

/** How many characters at the end may belong to a mark, or are the white space before one. */
function heldBack(text: string): number {
  for (let length = Math.min(Math.max(...MARKS.map((mark) => mark.length)) - 1, text.length); length > 0; length--) {
    if (MARKS.some((mark) => length < mark.length && text.endsWith(mark.slice(0, length)))) return length + spaces(text.slice(0, -length));
  }
  return spaces(text);
}

const spaces = (text: string): number => text.length - text.trimEnd().length;
