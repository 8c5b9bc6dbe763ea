// What a screen reader hears. Reading out every token would be noise, so the stream is spoken sentence by sentence.
import { byId, make } from "./dom.js";

const KEPT = 4;

/** Says one thing, politely: after whatever is being read. */
export function announce(message) {
  const region = byId("announce");
  region.append(make("span", {}, `${message} `));
  while (region.childElementCount > KEPT) region.firstElementChild.remove();
}

/** Collects streamed text and announces each sentence once it is whole. */
export class SentenceAnnouncer {
  #pending = "";

  push(text) {
    this.#pending += text;
    const end = this.#pending.search(/[.!?…]["”’)]*\s/u);
    if (end < 0) return;
    const cut = this.#pending.indexOf(" ", end) + 1 || this.#pending.length;
    announce(this.#pending.slice(0, cut).trim());
    this.#pending = this.#pending.slice(cut);
  }

  finish() {
    if (this.#pending.trim()) announce(this.#pending.trim());
    this.#pending = "";
  }
}
