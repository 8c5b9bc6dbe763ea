/// <reference lib="esnext.disposable" preserve="true" />
/**
 * `nanolm/extension/engine`: for the page of an extension that holds the engine. One engine serves every tab, panel, popup and
 * content script.
 */

import { optionError } from "../errors.js";
import type { Model } from "../model/model.js";
import { checkOptions } from "../model/options.js";
import type { TextStream } from "../model/stream.js";
import { Call, post } from "./call.js";
import type { ModelChoice } from "./choice.js";
import { Models } from "./models.js";
import { platform, type Port } from "./platform.js";
import { type CallMessage, METHODS, PORT, type ToEngine } from "./protocol.js";

export interface EngineOptions {
  /**
   * The model is let go when no call has used it for this many milliseconds, 120 000 by default, and the page with it once
   * nobody is connected. The next call brings both back. 0: at once; `Infinity`: never.
   */
  idleMs?: number | undefined;
  /**
   * Load this model as soon as the page is there, instead of at the first call, and run it on a few words, because browsers compile
   * code when it first runs. `{}` is the model of the package.
   */
  preload?: ModelChoice | undefined;
}

/** A caller that lost its connection may come back to its call for so long. */
const GRACE_MS = 5000;
/** A page that nobody is connected to and that holds no model stays for so long. */
const LEAVE_MS = 1000;
/** What the model is warmed up with. */
const FEW_WORDS = "A bridge was opened on Monday. It took three years to build.";
/** Kept calls that have ended, at most. */
const MOST_KEPT = 32;
/** The background page of Firefox, which this page may be part of, ends after 30 seconds without a call like this. */
const STAY_MS = 10_000;
/** Longer waits overflow the timer. */
const LONGEST_WAIT = 2 ** 31 - 1;

/** Answers the calls of the extension's pages from now on. */
export function serveEngine(options: EngineOptions = {}): void {
  const { idleMs = 120_000, preload } = checkOptions(options);
  if (typeof idleMs !== "number" || !(idleMs >= 0)) throw optionError("idleMs", "milliseconds, 0 or more", idleMs);
  const engine = new EngineHost(idleMs);
  platform().runtime.onConnect.addListener((port) => {
    if (port.name === PORT) engine.connected(port);
  });
  if (preload !== undefined) engine.preload(preload);
}

class EngineHost {
  readonly #models = new Models();
  readonly #calls = new Map<string, Call>();
  /** Ids of calls by their names. */
  readonly #kept = new Map<string, string>();
  readonly #ports = new Set<Port>();
  readonly #idleMs: number;
  #idle: ReturnType<typeof setTimeout> | undefined;
  #stay: ReturnType<typeof setInterval> | undefined;

  constructor(idleMs: number) {
    this.#idleMs = idleMs;
  }

  preload(choice: ModelChoice): void {
    // A failure is told to the first call, which tries again.
    const warm = (model: Model): Promise<unknown> => model.summarize(FEW_WORDS, { type: "key-points", fresh: true }).result;
    this.#models.use(choice, () => {}, warm).then(() => this.#rest(), () => this.#rest());
  }

  connected(port: Port): void {
    this.#ports.add(port);
    port.onMessage.addListener((message) => this.#receive(port, message as ToEngine));
    port.onDisconnect.addListener(() => {
      this.#ports.delete(port);
      for (const call of this.#calls.values()) if (call.leave(port) && call.alone) this.#abandoned(call);
      if (this.#models.empty) this.#leave();
    });
    post(port, { type: "ready" });
  }

  #receive(port: Port, message: ToEngine): void {
    switch (message.type) {
      case "call":
        this.#callFor(message).listen(port, message.id, message.from);
        break;
      case "cancel":
        this.#forget(message.id)?.stop();
        break;
      case "resume": {
        const call = this.#calls.get(this.#kept.get(message.name) ?? "");
        post(port, { type: "kept", id: message.id, found: call !== undefined });
        // From then on the same call goes by two ids.
        if (call !== undefined) this.#calls.set(message.id, call);
        call?.listen(port, message.id, 0);
        break;
      }
    }
  }

  /** The call that a message means: the one of this id, the kept one that asks the same, or a new one. */
  #callFor(message: CallMessage): Call {
    const { id, keep } = message;
    const same = this.#calls.get(id);
    if (same !== undefined) return same;
    if (keep !== undefined) {
      const named = this.#calls.get(this.#kept.get(keep) ?? "");
      if (named?.asks(message)) {
        this.#calls.set(id, named);
        return named;
      }
      // Another question under the same name takes its place.
      const old = this.#kept.get(keep);
      if (old !== undefined) this.#forget(old)?.stop();
    }
    const call = new Call(message);
    this.#calls.set(id, call);
    if (keep !== undefined) this.#kept.set(keep, id);
    void this.#run(call);
    return call;
  }

  async #run(call: Call): Promise<void> {
    clearTimeout(this.#idle);
    this.#stay ??= inFrame() ? setInterval(() => void platform().runtime.getPlatformInfo(), STAY_MS) : undefined;
    const { load } = call.message;
    try {
      const value = await this.#models.use(load, (progress) => call.progress(progress), (model) => answer(model, call));
      call.done(value);
    } catch (error) {
      call.fail(error);
    }
    if (call.message.keep === undefined || call.failed) this.#forgetCall(call);
    this.#limitKept();
    this.#rest();
  }

  /** Nobody listens to the call any more. */
  #abandoned(call: Call): void {
    if (call.message.keep !== undefined || call.ended) return;
    setTimeout(() => {
      if (!call.alone || call.ended) return;
      this.#forgetCall(call);
      call.stop();
    }, GRACE_MS);
  }

  /** Removes a call by one of its ids and gives it. */
  #forget(id: string): Call | undefined {
    const call = this.#calls.get(id);
    if (call !== undefined) this.#forgetCall(call);
    return call;
  }

  #forgetCall(call: Call): void {
    for (const [id, other] of this.#calls) if (other === call) this.#calls.delete(id);
    for (const [name, id] of this.#kept) if (!this.#calls.has(id)) this.#kept.delete(name);
  }

  #limitKept(): void {
    for (const id of this.#kept.values()) {
      if (this.#kept.size <= MOST_KEPT) return;
      if (this.#calls.get(id)?.ended) this.#forget(id);
    }
  }

  /** Nothing runs: the model goes after a while, and then the page. */
  #rest(): void {
    if (this.#models.busy) return;
    clearInterval(this.#stay);
    this.#stay = undefined;
    clearTimeout(this.#idle);
    if (this.#idleMs > LONGEST_WAIT) return;
    this.#idle = setTimeout(() => {
      if (this.#models.busy) return;
      this.#models.clear();
      this.#calls.clear();
      this.#kept.clear();
      this.#leave();
    }, this.#idleMs);
  }

  /** Closes the page where nobody needs it. The frame of a background page goes with that page. */
  #leave(): void {
    setTimeout(() => {
      if (this.#models.empty && this.#ports.size === 0 && !inFrame()) close();
    }, LEAVE_MS);
  }
}

const inFrame = (): boolean => globalThis.top !== globalThis.self;

/** Does what a call asks, and gives its value. */
async function answer(model: Model, call: Call): Promise<unknown> {
  const { method, args, options } = call.message;
  call.signal.throwIfAborted();
  if (!Object.hasOwn(METHODS, method)) {
    throw optionError("method", `one of ${Object.keys(METHODS).join(", ")}`, method);
  }
  if (method === "info") return model.info;
  const onProgress = call.progress.bind(call);
  const all = method === "tokenize" ? options : { ...options, signal: call.signal, onProgress };
  // JSON has no `undefined`.
  const given = (model[method] as (...args: unknown[]) => unknown).call(model, ...args.map((each) => each ?? undefined), all);
  if (METHODS[method].gives === "value") return given;
  const stream = given as TextStream<unknown>;
  const reader = (stream as ReadableStream<unknown>).getReader();
  call.stoppable(() => void reader.cancel());
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return stream.result;
    call.piece(value);
  }
}
