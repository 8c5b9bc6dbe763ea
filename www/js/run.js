// One piece of work with its buttons, bar, line of text and figures: waits for the model, streams, can be stopped.
import { announce } from "./announce.js";
import { byId, bytes, duration, isAbort, isEnabled, make, number, rate, setEnabled, showNotice } from "./dom.js";

const PHASES = { download: "Fetching the table of words", encoder: "Fetching the encoder", read: "Preparing the encoder", prefill: "Reading the text", score: "Weighing the sentences", decode: "Writing", embed: "Comparing" };

/** Errors that the library explains to programmers, said to visitors. */
const WORDS = {
  "task/unsupported": (what) =>
    `This model was not made to ${what}. It may chat, or continue a text in the last tab; to ${what}, go back to the built-in model.`,
};

/**
 * `name` is the prefix of the ids: `<name>` and `<name>-stop`, `-progress`, `-text`, `-stats`. `what` the model is to do is said
 * where it cannot; `figures` are the names of those below the output.
 */
export class Run {
  #engine;
  #start;
  #stop;
  #bar;
  #text;
  #stats;
  #what;
  #controller = null;
  #quiet = false;

  constructor(engine, name, { what = "summarise", figures = [["First token"], ["Speed"], ["Tokens"], ["Time"]] } = {}) {
    this.#what = what;
    this.#engine = engine;
    this.#start = byId(name);
    this.#stop = byId(`${name}-stop`);
    this.#bar = byId(`${name}-progress`);
    this.#text = byId(`${name}-text`);
    this.#stats = byId(`${name}-stats`);
    this.#stop.addEventListener("click", () => this.stop());
    engine.addEventListener("replaced", () => this.stop());
    this.#figures(figures);
  }

  get running() {
    return this.#controller !== null;
  }

  stop() {
    this.#controller?.abort();
  }

  /**
   * Runs `open(model, { signal, onProgress })`, which gives the stream, and hands every piece to `onPiece`.
   * `output` is the element that fills; errors are shown in it. `kind` is "words" or "sentences". With `quiet` nothing is read out, and nothing
   * scrolls. `done()` says what was done.
   */
  async go({ open, onPiece, output, kind, quiet = false, done }) {
    if (this.running || !isEnabled(this.#start)) return null;
    const controller = new AbortController();
    this.#controller = controller;
    this.#quiet = quiet;
    this.#busy(true, output);
    const clock = new Clock();
    let frame = 0;
    const show = () => {
      frame = 0;
      this.#figures(clock.figures(kind));
    };
    this.#figures(clock.figures(kind));
    let result = null;
    try {
      if (this.#engine.loading || !this.#engine.model) this.#say("Waiting for the model…");
      const model = await this.#engine.ready(controller.signal);
      this.#say("Reading the text…");
      clock.start();
      const stream = open(model, { signal: controller.signal, onProgress: (progress) => this.#progress(progress) });
      for await (const piece of stream) {
        clock.piece();
        onPiece(piece);
        frame ||= requestAnimationFrame(show);
      }
      result = await stream.result;
      clock.finish(result);
      const stopped = result.finishReason === "abort";
      const ending = { stop: done ? `Done: ${done()}.` : "Done.", length: "Done: the length asked for is reached." };
      this.#end(stopped ? "Stopped." : (ending[result.finishReason] ?? "Done."));
    } catch (error) {
      clock.finish(null);
      if (isAbort(error)) {
        this.#end("Stopped.");
      } else {
        this.#end("That did not work.");
        const notice = make("p", { className: "notice" });
        notice.setAttribute("role", "alert");
        output.append(notice);
        showNotice(notice, "error", WORDS[error.code]?.(this.#what) ?? error.message, error.code);
      }
    }
    cancelAnimationFrame(frame);
    this.#figures(clock.figures(kind));
    this.#busy(false, output);
    this.#controller = null;
    return result;
  }

  #busy(on, output) {
    if (on && !this.#quiet) reveal(this.#text.parentElement, output);
    setEnabled(this.#start, !on);
    setEnabled(this.#stop, on);
    output.setAttribute("aria-busy", String(on));
    if (on) this.#bar.removeAttribute("value");
    else this.#bar.value = 0;
  }

  #progress({ phase, loaded, total }) {
    if (!this.running) return;
    if (total > 0) this.#bar.value = loaded / total;
    else this.#bar.removeAttribute("value");
    const count = phase === "download" || phase === "encoder" ? bytes : number;
    this.#say(`${PHASES[phase] ?? "Working"}…${total > 1 ? ` ${count(loaded)} of ${count(total)}` : ""}`);
  }

  #say(text) {
    this.#text.textContent = text;
  }

  #end(text) {
    this.#say(text);
    if (!this.#quiet) announce(text);
  }

  /** Fills the figures in place: making them anew would count as movement. */
  #figures(rows) {
    rows.forEach(([name, value, unit], at) => {
      const cell = this.#stats.children[at] ?? this.#stats.appendChild(make("div", {}, make("dt"), make("dd", {}, make("span"), " ", make("small"))));
      const [figure, , small] = cell.lastElementChild.childNodes;
      cell.firstElementChild.textContent = name;
      figure.textContent = value ?? "–";
      small.textContent = value && unit ? unit : "";
    });
  }
}

/** On a phone the output lies below the screen when its button is pressed. */
function reveal(work, output) {
  if (output.getBoundingClientRect().top < innerHeight * 0.7) return;
  const smooth = !matchMedia("(prefers-reduced-motion: reduce)").matches;
  work.scrollIntoView({ block: "start", behavior: smooth ? "smooth" : "auto" });
}

/** What the figures are made of: the page's own clock while it runs, the library's timings once they are there. */
class Clock {
  #begun = 0;
  #first = 0;
  #last = 0;
  #pieces = 0;
  #result = null;
  #over = false;

  start() {
    this.#begun = performance.now();
  }

  piece() {
    this.#last = performance.now();
    this.#pieces += 1;
    if (this.#pieces === 1) this.#first = this.#last;
  }

  finish(result) {
    this.#last = performance.now();
    this.#over = true;
    this.#result = result;
  }

  figures(kind) {
    const { usage, timings } = this.#result ?? {};
    const first = this.#pieces > 0 ? duration(timings?.firstTokenMs || this.#first - this.#begun) : undefined;
    const total = this.#begun && (this.#pieces > 0 || this.#over) ? duration(this.#last - this.#begun) : undefined;
    if (kind === "finds") return [["Found", this.#over ? number(this.#pieces) : undefined], ["Time", total]];
    if (kind === "sentences") {
      // What a call before has read was not read again, and is no speed.
      const read = usage && usage.promptTokens - usage.cachedTokens;
      const speed = read > 0 && timings?.prefillMs > 0 ? rate((read / timings.prefillMs) * 1000) : undefined;
      return [["First point", first], ["Reading speed", speed, "tokens/s"], ["Tokens read", usage && (read > 0 ? number(read) : "earlier")], ["Time", total]];
    }
    const tokens = usage?.completionTokens ?? this.#pieces;
    const ms = timings?.decodeMs || this.#last - this.#first;
    const speed = tokens > 1 && ms > 0 ? rate(((tokens - 1) / ms) * 1000) : undefined;
    return [["First token", first], ["Speed", speed, "tokens/s"], ["Tokens", tokens > 0 ? number(tokens) : undefined], ["Time", total]];
  }
}
