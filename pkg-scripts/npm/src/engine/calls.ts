// Calls of tools among free text: once a model begins one in its own form, only a whole and valid one can be written.

import type { Guide } from "../engine.js";

/** How a model writes calls. Made by model/chat/calls.ts. */
export interface CallForm {
  /** What stands before a call. Where it is empty, an answer that begins with a brace is one. */
  open: string;
  /** What stands behind. Where it is empty, nothing comes behind a call. */
  close: string;
  /** Ids of the model's control tokens, by their texts: marks may be among them. */
  controls: Readonly<Record<string, number>>;
}

/** Llama 3 has a mark for calls, too, where it does not answer with the bare object. */
const PYTHON = "<|python_tag|>";

/** `call`: what holds one call, or a list of them. `texts`: what each token writes, a character a byte; control tokens write nothing. */
export function callsGuide({ open, close, controls }: CallForm, call: Guide, texts: readonly string[]): Guide {
  const masked = (allows: (text: string, token: number) => boolean): Uint32Array => {
    const mask = new Uint32Array((texts.length + 32) >> 5);
    texts.forEach((text, token) => {
      if (allows(text, token)) (mask[token >> 5] as number) |= 1 << (token & 31);
    });
    return mask;
  };
  const both = (a: Uint32Array, b: Uint32Array | undefined): Uint32Array => a.map((word, i) => word | (b?.[i] ?? 0));
  const without = (a: Uint32Array, b: Uint32Array): Uint32Array => a.map((word, i) => word & ~(b[i] as number));
  const marks = new Set(Object.values(controls));
  // A token that has a whole mark and more would be read past the beginning of the call.
  const endsInside = (text: string): boolean => open !== "" && text.includes(open) && !text.endsWith(open);
  const free = masked((text, token) => (text !== "" && !endsInside(text)) || marks.has(token));
  (free[texts.length >> 5] as number) |= 1 << (texts.length & 31);
  const isBrace = (text: string): boolean => text.trimStart().startsWith("{");
  const space = masked((text) => text === "\n" || text === " ");

  let state: "start" | "free" | "gap" | "call" | "close" = "free";
  let tail = "";
  const braces = masked((text) => open === "" && isBrace(text));
  const atStart = (): Uint32Array => both(without(free, braces), call(undefined));
  const begun = (): Uint32Array => {
    state = "gap";
    return both(space, call(undefined));
  };
  /** Of tokens that would bring a mark to its end, only those that end there, too. */
  const among = (): Uint32Array => {
    const rests = Array.from({ length: open.length - 1 }, (_, i) => open.slice(i + 1)).filter((rest) => tail.endsWith(open.slice(0, -rest.length)));
    if (rests.length === 0) return free;
    return without(free, masked((text) => rests.some((rest) => text.length > rest.length && text.startsWith(rest))));
  };
  const closing = (): Uint32Array => {
    const left = tail === "" ? [close, `\n${close}`] : [(tail.startsWith("\n") ? `\n${close}` : close).slice(tail.length)];
    return masked((text, token) => (token === controls[close] && tail.trim() === "") || (text !== "" && left.some((rest) => rest.startsWith(text))));
  };

  return (token) => {
    if (token === undefined) {
      [state, tail] = [open === "" ? "start" : "free", ""];
      return open === "" ? atStart() : free;
    }
    const text = texts[token] ?? "";
    if ((state === "start" || state === "free") && token === controls[open === "" ? PYTHON : open]) return begun();
    if (state === "start") {
      if (isBrace(text)) state = "call";
      else {
        if (text.trim() === "") return atStart();
        state = "free";
      }
    }
    if (state === "gap") {
      state = "call";
      if (text === "\n" || text === " ") return call(undefined);
    }
    if (state === "call") {
      const mask = call(token);
      if (mask !== undefined || close === "") return mask;
      [state, tail] = ["close", ""];
      return closing();
    }
    if (state === "close") {
      tail += token === controls[close] ? close : text;
      if (!tail.endsWith(close)) return closing();
      [state, tail] = ["free", ""];
      return free;
    }
    if (open === "") return free;
    tail = (tail + text).slice(-open.length);
    return tail === open ? begun() : among();
  };
}
