// `<nano-chat>`: a conversation with a model, with a field to write in.

import { WorkerError } from "../errors.js";
import type { Progress } from "../info.js";
import type { ChatMessage } from "../model/chat/types.js";
import type { Model } from "../model/model.js";
import type { Result } from "../model/stream.js";
import { Base, choice, DEVICES, element, sheet, withModel } from "./shared.js";

const STYLE = `
:host { display: grid; gap: 0.75em; grid-template-rows: minmax(0, 1fr) auto auto }
:host([hidden]) { display: none }
[part=log] { overflow-y: auto; display: grid; gap: 0.75em; align-content: start }
[part~=message] { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0 }
[part~=user] { justify-self: end; max-width: 85%; padding: 0.4em 0.8em; border-radius: 1em 1em 0.25em 1em; background: color-mix(in srgb, currentcolor 10%, transparent) }
form { display: grid; grid-template-columns: 1fr auto; gap: 0.5em }
input, button { font: inherit; min-width: 0; padding: 0.4em 0.8em }
[part=status] { margin: 0 }
[part=status]:empty { display: none }
`;

/**
 * Attributes: `src`, the address of a model that chats (the package's does not); `device`; `system`, what the system says first; `placeholder`
 * and `label`, the words of the field and of its button. Parts for styles: `log`, `message`, `user`, `assistant`, `status`,
 * `form`, `input`, `button`.
 *
 * Events: `progress`, with the model's `Progress` as its `detail`; `load`, with the `Result` of an answer; `error`, with the error.
 */
export class NanoChat extends Base {
  /** A model that is loaded already, in place of what `src` names. It stays the caller's. */
  model: Model | undefined;

  #messages: ChatMessage[] = [];
  #controller: AbortController | undefined;
  /** The turn under way. */
  #last: Promise<void> | undefined;
  readonly #root: ShadowRoot | undefined;
  #log: HTMLElement | undefined;
  #status: HTMLElement | undefined;
  #input: HTMLInputElement | undefined;
  #button: HTMLButtonElement | undefined;

  constructor() {
    super();
    if (typeof document === "undefined") return;
    this.#root = this.attachShadow({ mode: "open", delegatesFocus: true });
    this.#root.adoptedStyleSheets = [sheet(STYLE)];
    this.#log = element("div", "log");
    this.#log.role = "log";
    this.#log.tabIndex = 0;
    this.#log.ariaLabel = "Conversation";
    this.#status = element("p", "status");
    this.#status.role = "status";
    this.#input = element("input", "input");
    this.#input.autocomplete = "off";
    this.#button = element("button", "button");
    const form = element("form", "form");
    form.append(this.#input, this.#button);
    form.addEventListener("submit", (event) => this.#submit(event));
    this.#root.append(this.#log, this.#status, form);
  }

  /** What was said, without what the attribute `system` says. Setting it shows another conversation. */
  get messages(): readonly ChatMessage[] {
    return this.#messages;
  }

  set messages(messages: readonly ChatMessage[]) {
    this.stop();
    this.#messages = [...messages];
    this.#say("");
    const shown = this.#messages.filter(({ role }) => role === "user" || role === "assistant");
    this.#log?.replaceChildren(...shown.map(({ role, content }) => messageOf(role, textOf(content))));
  }

  connectedCallback(): void {
    if (this.#input === undefined) return;
    const words = this.getAttribute("placeholder") ?? "Say something";
    this.#input.placeholder = words;
    this.#input.ariaLabel = words;
    this.#busy(this.#controller !== undefined);
  }

  disconnectedCallback(): void {
    this.stop();
  }

  /** Stops the answer; what there is of it stays. */
  stop(): void {
    this.#controller?.abort();
  }

  /**
   * Says something and shows the answer; an answer under way is stopped. Rejects as the model's calls do: of an answer that was
   * stopped, what there is stays; otherwise what was said is taken back.
   */
  send(content: string): Promise<Result> {
    this.stop();
    // What was stopped still has its place in the conversation.
    const turn = this.#last === undefined ? this.#turn(content) : this.#last.then(() => this.#turn(content));
    const last = turn.then(() => {}, () => {}).finally(() => {
      if (this.#last === last) this.#last = undefined;
    });
    this.#last = last;
    return turn;
  }

  async #turn(content: string): Promise<Result> {
    const log = this.#log;
    if (log === undefined) throw new WorkerError("worker/unavailable", "<nano-chat> works in a page. On a server use Model");
    const controller = new AbortController();
    this.#controller = controller;
    const { signal } = controller;
    const before = this.#messages;
    const asked: ChatMessage[] = [...before, { role: "user", content }];
    this.#messages = asked;
    const answer = messageOf("assistant", "");
    const shown = [messageOf("user", content), answer];
    // Read out once it is whole, not word by word.
    answer.ariaBusy = "true";
    log.append(...shown);
    this.#say("…");
    this.#busy(true);
    try {
      const result = await this.#answer(asked, signal, (text) => {
        this.#say("");
        // Whoever reads what was said before is left there.
        const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
        answer.append(text);
        if (atEnd) log.scrollTop = log.scrollHeight;
      });
      if (this.#messages === asked) this.#messages = [...asked, { role: "assistant", content: result.text, ...(result.reasoning ? { reasoning: result.reasoning } : {}) }];
      this.dispatchEvent(new CustomEvent("load", { detail: result }));
      return result;
    } catch (error) {
      const written = signal.aborted ? (answer.textContent ?? "") : "";
      if (this.#messages === asked) this.#messages = written === "" ? before : [...asked, { role: "assistant", content: written }];
      if (written === "") for (const each of shown) each.remove();
      if (!signal.aborted) {
        this.#say((error as Error).message);
        this.dispatchEvent(new CustomEvent("error", { detail: error }));
      }
      throw error;
    } finally {
      answer.ariaBusy = null;
      if (this.#controller === controller) {
        this.#controller = undefined;
        if (signal.aborted) this.#say("");
        this.#busy(false);
      }
    }
  }

  async #answer(asked: readonly ChatMessage[], signal: AbortSignal, write: (text: string) => void): Promise<Result> {
    const onProgress = (progress: Progress): void => {
      this.dispatchEvent(new CustomEvent("progress", { detail: progress }));
    };
    const system = this.getAttribute("system");
    const messages: readonly ChatMessage[] = system === null ? asked : [{ role: "system", content: system }, ...asked];
    const run = async (model: Model): Promise<Result> => {
      signal.throwIfAborted();
      const stream = model.chat(messages, { overflow: "drop-oldest", signal, onProgress });
      for await (const { text } of stream) write(text);
      return stream.result;
    };
    const device = choice(this, "device", DEVICES);
    return this.model === undefined ? withModel(this.getAttribute("src") ?? undefined, device, onProgress, run) : run(this.model);
  }

  #submit(event: SubmitEvent): void {
    event.preventDefault();
    const text = this.#input?.value.trim() ?? "";
    // The button says which of the two it does.
    if (this.#controller !== undefined) this.stop();
    else if (this.#input !== undefined && text !== "") this.#ask(this.#input, text);
  }

  #ask(input: HTMLInputElement, text: string): void {
    input.value = "";
    this.send(text).catch((error: unknown) => {
      // Failures are told by the event; what was written is there to be sent again.
      if (input.value === "" && (error as Error).name !== "AbortError") input.value = text;
    });
  }

  #busy(busy: boolean): void {
    if (busy) this.setAttribute("aria-busy", "true");
    else this.removeAttribute("aria-busy");
    if (this.#button !== undefined) this.#button.textContent = busy ? "Stop" : (this.getAttribute("label") ?? "Send");
  }

  #say(text: string): void {
    if (this.#status !== undefined && this.#status.textContent !== text) this.#status.textContent = text;
  }
}

function textOf(content: ChatMessage["content"]): string {
  return typeof content === "string" ? content : (content ?? []).map(({ text }) => text).join("");
}

function messageOf(role: string, text: string): HTMLElement {
  return element("p", `message ${role}`, text);
}
