// The tab "Summarise": streams key points, a sentence or a headline; points are tied to their sentences in the text.
import { announce, SentenceAnnouncer } from "./announce.js";
import { byId, make, plural, setEnabled, showNotice } from "./dom.js";
import { Run } from "./run.js";

export function wireSummarise(engine, source) {
  const form = byId("summarise-form");
  const output = byId("summary");
  const copy = byId("copy");
  const run = new Run(engine, "summarise", { figures: [["First point"], ["Reading speed"], ["Tokens read"], ["Time"]] });

  // Only key points come in lengths: the other two are one sentence and one line.
  form.addEventListener("change", () => {
    byId("length-options").disabled = form.elements.type.value !== "key-points";
  });

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    summarise();
  });

  /** The run that began by itself. */
  let shown = null;

  /** `quiet`: nobody asked for it, so nothing is read out and nothing scrolls. */
  async function summarise(quiet = false) {
    if (shown !== null && !quiet) {
      run.stop();
      await shown;
    }
    if (run.running) return;
    const { type, length } = Object.fromEntries(new FormData(form));
    const say = quiet ? () => {} : announce;
    const text = source.text;
    if (text.trim() === "") return refuse("There is no text yet. Paste one, or choose a sample.");
    copy.toggleAttribute("data-off", true);
    const points = type === "key-points";
    if (points) source.read(text);
    else source.edit();
    say(points ? "Choosing key points." : "Writing.");
    const view = points ? new Points(output, source, say) : new Words(output, type);
    await run.go({
      open: (model, options) => model.summarize(text, { type, length, title: source.title, ...options }),
      onPiece: (piece) => view.add(piece),
      output,
      kind: points ? "sentences" : "words",
      quiet,
      done: points ? () => `${plural(view.count, "key point")}, marked` : undefined,
    });
    view.finish();
    copy.toggleAttribute("data-off", view.text === "");
    copy.onclick = async () => {
      await navigator.clipboard.writeText(view.text);
      announce("Copied.");
      copy.textContent = "Copied";
      setTimeout(() => (copy.textContent = "Copy"), 2000);
    };
  }

  function refuse(message) {
    const notice = make("p", { className: "notice" });
    notice.setAttribute("role", "alert");
    output.replaceChildren(notice);
    showNotice(notice, "info", message);
  }

  setEnabled(byId("summarise"), true);

  return {
    /** Says something in the place of the summary. */
    say: refuse,
    /** Summarises without being asked. */
    async show() {
      await source.ready;
      if (source.text.trim() === "" || run.running) return;
      shown = summarise(true);
      await shown;
      shown = null;
    },
  };
}

/** Streamed words. */
class Words {
  #paragraph;
  #node = document.createTextNode("");
  #speech = new SentenceAnnouncer();
  #output;

  constructor(output, type) {
    this.#output = output;
    this.#paragraph = make("p", { className: "summary-text streaming" }, this.#node);
    this.#paragraph.dataset.type = type;
    output.replaceChildren(this.#paragraph);
  }

  get text() {
    return this.#node.data.trim();
  }

  add({ text }) {
    this.#node.appendData(this.#node.length === 0 ? text.trimStart() : text);
    this.#speech.push(text);
    this.#output.scrollTop = this.#output.scrollHeight;
  }

  finish() {
    this.#paragraph.classList.remove("streaming");
    this.#speech.finish();
  }
}

/** Key points: buttons that lead to their sentences. */
class Points {
  #list = make("ol", { className: "points" });
  #source;
  #say;
  #texts = [];

  constructor(output, source, say) {
    this.#source = source;
    this.#say = say;
    output.replaceChildren(this.#list);
  }

  get text() {
    return this.#texts.join("\n");
  }

  get count() {
    return this.#texts.length;
  }

  add({ text, start, end, score }) {
    const rank = this.#texts.push(text.trim());
    const button = make(
      "button",
      { type: "button", className: "point", id: `point-${rank}` },
      make("span", { className: "point-number" }, String(rank)),
      make("span", { className: "point-text" }, text.trim()),
      make("span", { className: "point-score", title: "How sure the model is that this belongs into a summary, from 0 to 1" }, score.toFixed(2)),
    );
    button.addEventListener("click", () => this.#select(button, rank));
    this.#list.append(make("li", {}, button));
    this.#source.mark({ start, end, score, rank });
    this.#say(`Key point ${rank}: ${text.trim()}`);
  }

  #select(button, rank) {
    if (!this.#source.marked) return announce("The text has been changed since.");
    for (const other of this.#list.querySelectorAll("[aria-current]")) other.removeAttribute("aria-current");
    button.setAttribute("aria-current", "true");
    this.#source.goTo(rank);
  }

  finish() {}
}
