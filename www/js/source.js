// The text to work on: a sample or the visitor's own, in an editor, or in a reader with what was found marked.
import { byId, make, plural } from "./dom.js";

export const SAMPLES = [
  ["bicycle", "The bicycle"],
  ["water-cycle", "The water cycle"],
  ["vaccines", "How vaccines work"],
  ["comet-landing", "Landing on a comet"],
  ["antarctic-treaty", "The Antarctic Treaty"],
  ["measures", "A history of measures (long)"],
  ["letter", "A made-up letter"],
];

export class Source {
  #editor = byId("source-text");
  #reader = byId("reader");
  #sample = byId("sample");
  #marks = [];
  #shown = "";

  constructor() {
    this.#sample.append(
      ...SAMPLES.map(([value, label]) => make("option", { value }, label)),
      make("option", { value: "" }, "Your own text"),
    );
    this.#sample.addEventListener("change", () => this.#choose(this.#sample.value));
    this.#editor.addEventListener("input", () => {
      this.#sample.value = "";
      this.title = undefined;
      this.#count();
    });
    byId("source-edit").addEventListener("click", () => this.edit(true));
    byId("source-clear").addEventListener("click", () => this.setText("", true));
    this.ready = this.#choose(SAMPLES[0][0]);
  }

  get text() {
    return this.#editor.value;
  }

  /** Puts in a text of the visitor's own; `title`: that of the page it is from. */
  setText(text, focus = false, title = undefined) {
    this.#sample.value = "";
    this.#put(text, title);
    if (focus) this.#editor.focus();
  }

  /** Shows one of the samples. */
  choose(name) {
    this.#sample.value = name;
    return this.#choose(name);
  }

  async #choose(name) {
    if (name === "") return this.setText("", true);
    try {
      const response = await fetch(`samples/${name}.txt`);
      if (!response.ok) throw new Error(`the server answered ${response.status}`);
      const text = await response.text();
      if (this.#sample.value === name) this.#put(text.trim());
    } catch (error) {
      byId("source-count").textContent = `This sample could not be fetched: ${error.message}.`;
    }
  }

  #put(text, title) {
    this.edit();
    this.title = title;
    this.#editor.value = text;
    this.#editor.scrollTop = 0;
    this.#count();
  }

  #count() {
    const words = this.text.match(/\S+/g)?.length ?? 0;
    byId("source-count").textContent = plural(words, "word");
  }

  /** Shows the editor again; the marks go, for they belong to the text as it was. */
  edit(focus = false) {
    this.#show(this.#editor, this.#reader);
    if (focus) this.#editor.focus();
  }

  /** Shows `text` unmarked in the reader, scrolled as the editor was. */
  read(text) {
    this.#marks = [];
    this.#shown = text;
    this.#render();
    this.#show(this.#reader, this.#editor);
  }

  #show(next, previous) {
    if (!next.hidden) return;
    const top = previous.scrollTop;
    const focused = document.activeElement === previous;
    next.hidden = false;
    previous.hidden = true;
    next.scrollTop = top;
    if (focused) next.focus({ preventScroll: true });
    byId("source-edit").toggleAttribute("data-off", next === this.#editor);
  }

  /** Marks `start..end` (UTF-16 offsets into the text being read) as point number `rank`. */
  mark({ start, end, score, rank }) {
    this.#marks.push({ start, end, score, rank });
    this.#marks.sort((a, b) => a.start - b.start);
    this.#render();
  }

  /**
   * Marks what was found, in order: `{ start, end, kind, title, className, inner }`. What overlaps the one before it is passed
   * over; `inner` is marked inside.
   */
  highlight(finds) {
    const parts = [];
    let at = 0;
    finds.forEach(({ start, end, kind, title = "", className = "find", inner }, index) => {
      if (start < at) return;
      const cut = inner ? [inner.start, inner.end] : [];
      const texts = [start, ...cut, end].slice(0, -1).map((from, k, all) => this.#shown.slice(from, [...all, end][k + 1]));
      if (inner) texts[1] = make("mark", {}, texts[1]);
      const mark = make("mark", { className, id: `find-${index}`, tabIndex: -1, title }, ...texts);
      if (kind) mark.dataset.kind = kind;
      parts.push(this.#shown.slice(at, start), mark);
      at = end;
    });
    this.#reader.replaceChildren(...parts, this.#shown.slice(at));
  }

  /** Brings what was found as number `index` into view. */
  show(index) {
    if (this.marked && document.getElementById(`find-${index}`)) this.#goTo(byId(`find-${index}`));
  }

  #render() {
    const scroll = this.#reader.scrollTop;
    const scores = this.#marks.map((mark) => mark.score);
    const [low, high] = [Math.min(...scores), Math.max(...scores)];
    const parts = [];
    let at = 0;
    for (const { start, end, score, rank } of this.#marks) {
      if (start < at) continue; // a sentence is chosen once; never show text twice
      const label = make(
        "a",
        { className: "margin", href: `#point-${rank}`, title: "Back to the summary" },
        make("span", { className: "visually-hidden" }, "Key point "),
        String(rank),
        make("small", {}, score.toFixed(2)),
      );
      const mark = make("mark", { id: `mark-${rank}`, tabIndex: -1 }, this.#shown.slice(start, end));
      mark.style.setProperty("--strength", high > low ? (score - low) / (high - low) : 0.6);
      parts.push(this.#shown.slice(at, start), label, mark);
      at = end;
    }
    parts.push(this.#shown.slice(at));
    this.#reader.replaceChildren(...parts);
    this.#reader.scrollTop = scroll;
    this.#spreadLabels();
  }

  /** Two short sentences can start on one line: their labels must not lie on each other. */
  #spreadLabels() {
    let free = -Infinity;
    for (const label of this.#reader.querySelectorAll(".margin")) {
      const top = Math.max(label.offsetTop, free);
      label.style.marginTop = `${top - label.offsetTop}px`;
      free = top + label.offsetHeight;
    }
  }

  /** Brings a marked sentence into view and moves the focus to it. */
  goTo(rank) {
    this.#goTo(byId(`mark-${rank}`));
  }

  #goTo(mark) {
    for (const other of this.#reader.querySelectorAll("mark[data-current]")) delete other.dataset.current;
    mark.dataset.current = "";
    const top = mark.offsetTop - (this.#reader.clientHeight - mark.offsetHeight) / 2;
    // A smooth way across a long text takes seconds and shows nothing.
    const near = Math.abs(top - this.#reader.scrollTop) < 3 * this.#reader.clientHeight;
    const behavior = near && !matchMedia("(prefers-reduced-motion: reduce)").matches ? "smooth" : "auto";
    this.#reader.scrollTo({ top, behavior });
    this.#reader.scrollIntoView({ block: "nearest", behavior });
    mark.focus({ preventScroll: true });
  }

  /** Whether the marks of the last summary are still to be seen. */
  get marked() {
    return !this.#reader.hidden;
  }
}
