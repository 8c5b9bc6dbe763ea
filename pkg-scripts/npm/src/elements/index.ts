/// <reference lib="esnext.disposable" preserve="true" />
/**
 * `nanolm/elements`: `<nano-summary for="#article">`, a summary of a part of the page wherever it is put, and `<nano-chat>`, a conversation.
 * Importing it where there is no page, as when a server renders, does nothing.
 */

import { optionError, WorkerError } from "../errors.js";
import type { Progress } from "../info.js";
import type { Piece, Point, Result } from "../model/stream.js";
import { NanoChat } from "./chat.js";
import { Base, choice, DEVICES, element, sheet, withModel } from "./shared.js";
import { highlight, PageText, scrollToRange, textNodes } from "./text.js";

export { PageText, textNodes } from "./text.js";
export type { TextPart } from "./text.js";
export { NanoChat } from "./chat.js";

const TYPES = ["tldr", "key-points", "headline"] as const;
const LENGTHS = ["short", "medium", "long"] as const;
const STARTS = ["visible", "click", "manual"] as const;

const STYLE = `
:host { display: block }
:host([hidden]) { display: none }
ol { margin: 0; padding-inline-start: 1.5em }
li + li { margin-block-start: 0.4em }
a { color: inherit; text-decoration-thickness: 1px; text-underline-offset: 0.15em }
p { margin: 0 }
button { font: inherit }
[part=status]:empty { display: none }
`;
const MARK = "::highlight(nano-summary) { background-color: rgb(247 199 84 / 0.7); color: #1f211e }";

/**
 * Attributes: `for`, a selector of what to summarise; `type`, `tldr` (default), `key-points` or `headline`; `length`, `short` (default), `medium`
 * or `long`; `start`, `visible` (default: when it is scrolled into view), `click` (a button first) or `manual` (`start()`); `src`, the address of a
 * model in place of the package's; `device`. Parts for styles: `text`, `points`, `point`, `status`, `button`; a key point that is
 * followed is coloured as `::highlight(nano-summary)`.
 *
 * Events: `progress`, with the model's `Progress` as its `detail`; `load`, with the `Result`; `error`, with the error.
 */
export class NanoSummary extends Base {
  static readonly observedAttributes = ["for", "type", "length", "src", "device"];

  #controller: AbortController | undefined;
  #observer: IntersectionObserver | undefined;
  #text: string | undefined;
  #page: PageText | undefined;
  readonly #root: ShadowRoot | undefined;

  constructor() {
    super();
    if (typeof document === "undefined") return;
    this.#root = this.attachShadow({ mode: "open" });
    this.#root.adoptedStyleSheets = [sheet(STYLE)];
  }

  /** What to summarise, in place of the element that `for` names. */
  get text(): string | undefined {
    return this.#text;
  }

  set text(text: string | undefined) {
    this.#text = text;
    this.attributeChangedCallback();
  }

  connectedCallback(): void {
    const start = this.getAttribute("start") ?? "visible";
    // A word that is none is said as any other failure.
    if (!STARTS.some((word) => word === start)) this.#begin();
    if (start === "click") this.#show(this.#button());
    if (start !== "visible") return;
    this.#observer = new IntersectionObserver((entries) => {
      if (entries.some(({ isIntersecting }) => isIntersecting)) this.#begin();
    });
    // What is empty is never seen.
    this.#show(element("p", "status", "\u00a0"));
    this.#observer.observe(this);
  }

  disconnectedCallback(): void {
    this.stop();
    this.#observer?.disconnect();
    highlight("nano-summary", []);
  }

  /** Other attributes give another summary, where there is one. */
  attributeChangedCallback(): void {
    if (this.#controller !== undefined && this.isConnected) queueMicrotask(() => this.#begin());
  }

  /** Stops the work; what is there stays. */
  stop(): void {
    this.#controller?.abort();
  }

  /** Summarises now, in place of what was shown. Rejects as the model's calls do. */
  async start(): Promise<Result> {
    if (typeof document === "undefined") throw new WorkerError("worker/unavailable", "<nano-summary> works in a page. On a server use Model");
    this.#observer?.disconnect();
    this.#controller?.abort();
    const controller = new AbortController();
    this.#controller = controller;
    const { signal } = controller;
    this.setAttribute("aria-busy", "true");
    try {
      const result = await this.#summarize(signal);
      this.dispatchEvent(new CustomEvent("load", { detail: result }));
      return result;
    } catch (error) {
      if (!signal.aborted) {
        this.#show(element("p", "status", (error as Error).message));
        this.dispatchEvent(new CustomEvent("error", { detail: error }));
      }
      throw error;
    } finally {
      if (this.#controller === controller) this.removeAttribute("aria-busy");
    }
  }

  /** Failures are told by the event. */
  #begin(): void {
    this.start().catch(() => {});
  }

  async #summarize(signal: AbortSignal): Promise<Result> {
    choice(this, "start", STARTS);
    const type = choice(this, "type", TYPES);
    const length = choice(this, "length", LENGTHS);
    const device = choice(this, "device", DEVICES);
    const src = this.getAttribute("src") ?? undefined;
    const text = this.#read();
    const status = element("p", "status", "…");
    this.#show(status);
    const onProgress = (progress: Progress): void => {
      this.dispatchEvent(new CustomEvent("progress", { detail: progress }));
    };
    return withModel(src, device, onProgress, async (model) => {
      signal.throwIfAborted();
      if (type === "key-points") {
        const list = element("ol", "points");
        const stream = model.summarize(text, { type, length, signal, onProgress });
        for await (const point of stream) {
          list.append(this.#point(point));
          this.#show(list);
        }
        return stream.result;
      }
      const shown = element("p", "text");
      const stream = model.summarize(text, { type, length, signal, onProgress });
      for await (const piece of stream as AsyncIterable<Piece>) {
        shown.append(piece.text);
        this.#show(shown);
      }
      return stream.result;
    });
  }

  /** The text to summarise. */
  #read(): string {
    this.#page = undefined;
    if (this.#text !== undefined) return this.#text;
    const selector = this.getAttribute("for") ?? "";
    let source: Element | null = null;
    try {
      source = (this.getRootNode() as Document | ShadowRoot).querySelector(selector);
    } catch {
      // No selector: said below.
    }
    if (source === null) throw optionError("for", "a selector of an element of this page", selector);
    const inside = [...textNodes(source)].filter(({ parentElement }) => !parentElement?.closest("script,style,noscript,nano-summary"));
    this.#page = new PageText(inside.map((node) => ({ node })));
    return this.#page.text;
  }

  /** A key point: a link to its sentence, where it was read from the page. */
  #point({ text, start, end }: Point): HTMLElement {
    const item = element("li", "point");
    if (this.#page === undefined) {
      item.append(text.trim());
      return item;
    }
    const link = document.createElement("a");
    link.href = `#:~:text=${encodeURIComponent(text.trim()).replaceAll("-", "%2D")}`;
    link.append(text.trim());
    link.addEventListener("click", (event) => {
      const range = this.#page?.rangeOf(start, end);
      if (range === undefined || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      mark();
      highlight("nano-summary", [range]);
      scrollToRange(range);
    });
    item.append(link);
    return item;
  }

  #button(): HTMLElement {
    const button = element("button", "button", this.getAttribute("label") ?? "Summarise");
    button.addEventListener("click", () => this.#begin());
    return button;
  }

  #show(content: HTMLElement): void {
    if (this.#root?.firstChild !== content) this.#root?.replaceChildren(content);
  }
}

let marks = false;
/** The colour of marks, below the page's own styles. */
function mark(): void {
  if (marks) return;
  marks = true;
  document.adoptedStyleSheets = [sheet(MARK), ...document.adoptedStyleSheets];
}

declare global {
  interface HTMLElementTagNameMap {
    "nano-chat": NanoChat;
    "nano-summary": NanoSummary;
  }
}

const registry: CustomElementRegistry | undefined = globalThis.customElements;
if (registry?.get("nano-summary") === undefined) registry?.define("nano-summary", NanoSummary);
if (registry?.get("nano-chat") === undefined) registry?.define("nano-chat", NanoChat);
