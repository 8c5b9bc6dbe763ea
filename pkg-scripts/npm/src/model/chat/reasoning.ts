// What a model thinks is told apart from what it answers, by the marks that models put around it.

/** Pairs of marks in use. */
const MARKS: readonly (readonly [open: string, close: string])[] = [
  ["<think>", "</think>"],
  ["<thinking>", "</thinking>"],
  ["<reasoning>", "</reasoning>"],
  ["<seed:think>", "</seed:think>"],
  ["[THINK]", "[/THINK]"],
  ["<|START_THINKING|>", "<|END_THINKING|>"],
];

/** Whether a text is a mark: marks that are control tokens are not part of what the engine writes. */
export function isMark(text: string): boolean {
  return MARKS.some((pair) => pair.includes(text));
}

export interface Parts {
  text: string;
  reasoning: string;
}

/** Splits what is written, piece by piece. Only what stands before the answer is a thought: later marks are text. */
export class ReasoningSplitter {
  /** What is not decided yet: it may be a mark's beginning, or white space at the end of a thought. */
  #held = "";
  #state: "begin" | "thought" | "gap" | "answer" = "begin";
  #close = "";

  /** @param prompt The rendered prompt: a template may have opened a thought at its end, or an answer may be begun. */
  constructor(prompt: { text: string; continues: boolean }) {
    const end = prompt.text.trimEnd();
    const open = MARKS.find(([mark]) => end.endsWith(mark));
    if (open !== undefined) this.#think(open[1]);
    else if (prompt.continues) this.#state = "answer";
  }

  #think(close: string): void {
    this.#close = close;
    this.#state = "thought";
  }

  push(text: string): Parts {
    const parts: Parts = { text: "", reasoning: "" };
    this.#held += text;
    if (this.#state === "begin") this.#begin();
    if (this.#state === "thought") this.#continueThought(parts);
    if (this.#state === "gap") {
      this.#held = this.#held.trimStart();
      if (this.#held !== "") this.#state = "answer";
    }
    if (this.#state === "answer") {
      parts.text = this.#held;
      this.#held = "";
    }
    return parts;
  }

  /** What was held back, at the end of the output. */
  finish(): Parts {
    const held = this.#held;
    this.#held = "";
    if (this.#state === "thought") return { text: "", reasoning: held.trimEnd() };
    return { text: this.#state === "gap" ? "" : held, reasoning: "" };
  }

  #begin(): void {
    const said = this.#held.trimStart();
    const open = MARKS.find(([mark]) => said.startsWith(mark));
    if (open !== undefined) {
      this.#held = said.slice(open[0].length);
      this.#think(open[1]);
    } else if (!MARKS.some(([mark]) => mark.startsWith(said))) {
      this.#held = said;
      this.#state = said === "" ? "begin" : "answer";
    }
  }

  #thought = false;

  #continueThought(parts: Parts): void {
    // The line break after the opening mark is no part of the thought.
    if (!this.#thought) this.#held = this.#held.trimStart();
    const end = this.#held.indexOf(this.#close);
    if (end >= 0) {
      parts.reasoning = this.#held.slice(0, end).trimEnd();
      this.#held = this.#held.slice(end + this.#close.length);
      this.#state = "gap";
      return;
    }
    const safe = this.#held.slice(0, this.#held.length - beginningAtEnd(this.#held, this.#close)).trimEnd();
    parts.reasoning = safe;
    this.#thought ||= safe !== "";
    this.#held = this.#held.slice(safe.length);
  }
}

/** How many characters at the end of a text may become the mark. */
function beginningAtEnd(text: string, mark: string): number {
  for (let length = Math.min(mark.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(mark.slice(0, length))) return length;
  }
  return 0;
}
