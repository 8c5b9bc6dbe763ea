// A conversation beside the bytes of a saved session: JSON after them, its length in four bytes, and a word that says so.

import { SessionError } from "../../errors.js";
import type { ChatMessage } from "./types.js";

/** As `SavedSession`. */
type Bytes = ReturnType<Uint8Array["slice"]>;

const WORD = new TextEncoder().encode("nanochat");
const LENGTH = 4;

/** The bytes with the conversation after them. */
export function withMessages(bytes: Bytes, messages: readonly ChatMessage[]): Bytes {
  const json = new TextEncoder().encode(JSON.stringify(messages));
  const all = new Uint8Array(bytes.length + json.length + LENGTH + WORD.length);
  all.set(bytes);
  all.set(json, bytes.length);
  new DataView(all.buffer).setUint32(bytes.length + json.length, json.length, true);
  all.set(WORD, all.length - WORD.length);
  return all;
}

/** The session's own bytes, and the conversation. */
export function parted(saved: Uint8Array): { bytes: Uint8Array; messages: ChatMessage[] } {
  if (!WORD.every((byte, i) => saved[saved.length - WORD.length + i] === byte)) return { bytes: saved, messages: [] };
  const end = saved.length - WORD.length - LENGTH;
  try {
    const length = new DataView(saved.buffer, saved.byteOffset).getUint32(end, true);
    if (length > end) throw new Error("it is cut off");
    const json = new TextDecoder("utf-8", { fatal: true }).decode(saved.slice(end - length, end));
    const messages = JSON.parse(json) as ChatMessage[];
    if (!Array.isArray(messages) || !messages.every((message) => typeof message?.role === "string")) throw new Error("it is no list of messages");
    return { bytes: saved.slice(0, end - length), messages };
  } catch (error) {
    throw new SessionError("session/invalid", `saved session: the conversation in it is damaged: ${(error as Error).message}. Begin a new one`);
  }
}
