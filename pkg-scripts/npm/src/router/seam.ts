// A stream that several models write, one going on where the other broke off: nothing of it is lost or said twice.

import type { Body } from "../openai/parameters.js";
import type { Endpoint } from "./endpoints.js";
import { Failure } from "./failure.js";
import type { Routed } from "./models.js";
import type { Redaction } from "./personal.js";

/** So many characters in common with the beginning are a repetition. */
const REPEATED = 24;

/** Takes away what a model repeats of what was said before it. */
export class Joint {
  readonly #before: string;
  #held = "";
  #decided: boolean;

  constructor(before: string) {
    this.#before = before;
    this.#decided = before === "";
  }

  push(text: string): string {
    if (this.#decided) return text;
    this.#held += text;
    if (this.#before.startsWith(this.#held)) return "";
    this.#decided = true;
    if (this.#held.startsWith(this.#before)) return this.#held.slice(this.#before.length);
    let common = 0;
    while (this.#held[common] === this.#before[common]) common++;
    // Neither goes on from what was said nor repeats it: what was said cannot be taken back.
    if (common >= REPEATED) throw new Failure("request", "it began anew with another answer instead of going on");
    return this.#held;
  }

  finish(): string {
    if (this.#decided || this.#held === this.#before) return "";
    this.#decided = true;
    if (this.#held.length >= REPEATED) throw new Failure("request", "it began anew and ended before the place to go on from");
    return this.#held;
  }
}

interface Choice {
  index?: number;
  text?: string;
  delta?: { role?: string; content?: string | null; reasoning_content?: string; tool_calls?: ToolCall[]; [more: string]: unknown };
  finish_reason?: string | null;
}

interface ToolCall {
  index?: number;
  function?: { name?: string; arguments?: string };
}

export interface Chunk {
  id?: string;
  created?: number;
  choices?: Choice[];
  usage?: unknown;
  error?: unknown;
}

type Lane = ReturnType<Redaction["stream"]>;

/** The stream of a request to `chat/completions` or `completions`. */
export class Seam {
  readonly #chat: boolean;
  readonly #body: Body;
  readonly #redaction: Redaction;
  /** How many answers there are to be. */
  readonly #choices: number;
  /** What has reached the client. */
  #passed = "";
  #pieces = 0;
  #head: { id?: string | undefined; created?: number | undefined } | undefined;
  #whole: boolean;
  #joint = new Joint("");
  #lanes = new Map<string, Lane>();
  #ended = 0;
  /** Whether a model before the current one has sent anything. */
  #goesOn = false;
  /** Characters that the current model wrote. */
  written = 0;

  constructor(endpoint: Endpoint, body: Body, redaction: Redaction) {
    this.#chat = endpoint === "chat/completions";
    this.#body = body;
    this.#redaction = redaction;
    const prompts = Array.isArray(body["prompt"]) && typeof body["prompt"][0] !== "number" ? body["prompt"].length : 1;
    this.#choices = (typeof body["n"] === "number" ? body["n"] : 1) * prompts;
    // Of several answers at once no model can go on with some.
    this.#whole = this.#choices > 1 || body["echo"] === true || (!this.#chat && typeof body["prompt"] !== "string");
  }

  /** Whether another model can go on from here. */
  get open(): boolean {
    return this.#head === undefined || !this.#whole;
  }

  /** Whether all answers have come to their end. */
  get complete(): boolean {
    return this.#ended >= this.#choices;
  }

  /** Whether anything was said that another model has to go on from. */
  get begun(): boolean {
    return this.#passed !== "";
  }

  /** The body for the model that writes from now on. */
  start(model: Routed): Body {
    this.#joint = new Joint(this.#chat && model.continues === undefined ? this.#passed : "");
    this.#lanes = new Map();
    this.#ended = 0;
    this.written = 0;
    this.#goesOn = this.#head !== undefined;
    if (!this.begun) return this.#body;
    const limits = ["max_tokens", "max_completion_tokens"].flatMap((name) => {
      const limit = this.#body[name];
      // As many pieces as were written are about as many tokens.
      return typeof limit === "number" ? [[name, Math.max(1, limit - this.#pieces)]] : [];
    });
    return { ...this.#body, ...Object.fromEntries(limits), ...(this.#chat ? { messages: this.#unfinished(), ...model.continues } : { prompt: `${this.#body["prompt"]}${this.#passed}` }) };
  }

  /** The conversation with what was said of the answer. */
  #unfinished(): object[] {
    const messages = this.#body["messages"] as { role?: unknown; content?: unknown }[];
    const last = messages.at(-1);
    // The client may have begun the answer itself.
    if (last?.role === "assistant" && typeof last.content === "string") return [...messages.slice(0, -1), { ...last, content: last.content + this.#passed }];
    return [...messages, { role: "assistant", content: this.#passed }];
  }

  /** What the client gets of a chunk; `undefined` where that is nothing. */
  take(chunk: Chunk): Chunk | undefined {
    const first = this.#head === undefined;
    this.#head ??= { id: chunk.id, created: chunk.created };
    // One stream for the client, whoever writes.
    const head = Object.fromEntries(Object.entries(this.#head).filter(([, value]) => value !== undefined));
    if (chunk.choices === undefined || chunk.choices.length === 0) return { ...chunk, ...head };
    const choices = chunk.choices.map((choice) => (this.#chat ? this.#takeDelta(choice) : this.#takeText(choice)));
    const says = choices.some(({ delta = {}, text, finish_reason }) => finish_reason || text || Object.values(delta).some((value) => value !== "" && value !== null && value !== undefined));
    return says || first ? { ...chunk, ...head, choices } : undefined;
  }

  #takeText(choice: Choice): Choice {
    const ends = this.#ends(choice);
    return { ...choice, text: this.#text(choice.index ?? 0, choice.text ?? "", ends) };
  }

  #takeDelta(choice: Choice): Choice {
    const { index = 0 } = choice;
    const ends = this.#ends(choice);
    const { role, reasoning_content: reasoning, content, tool_calls: calls = [], ...delta } = choice.delta ?? {};
    const text = this.#text(index, content ?? "", ends);
    const called = this.#calls(index, calls, ends);
    if (called.length > 0) this.#whole = true;
    return {
      ...choice,
      delta: {
        // The client has heard who speaks, and thoughts of one model are not another's.
        ...(role !== undefined && !this.#goesOn && { role }),
        ...(reasoning !== undefined && !this.#goesOn && { reasoning_content: reasoning }),
        ...(content !== undefined || text !== "" ? { content: text } : {}),
        ...(called.length > 0 && { tool_calls: called }),
        ...delta,
      },
    };
  }

  #ends({ finish_reason }: Choice): boolean {
    if (finish_reason) this.#ended++;
    return Boolean(finish_reason);
  }

  #text(index: number, text: string, ends: boolean): string {
    const lane = this.#lane(`${index}`);
    this.written += text.length;
    let given = lane.push(text) + (ends ? lane.finish() : "");
    if (index === 0) {
      given = this.#joint.push(given) + (ends ? this.#joint.finish() : "");
      this.#passed += given;
    }
    if (given !== "") this.#pieces++;
    return given;
  }

  /** Arguments of calls, with what is personal put back. */
  #calls(index: number, calls: ToolCall[], ends: boolean): ToolCall[] {
    const out = calls.map((call) => {
      const given = call.function?.arguments;
      if (given === undefined) return call;
      return { ...call, function: { ...call.function, arguments: this.#lane(`${index}.${call.index ?? 0}`).push(given) } };
    });
    if (!ends) return out;
    const rest = [...this.#lanes].flatMap(([name, lane]) => {
      const [, call] = name.split(".");
      if (!name.startsWith(`${index}.`) || call === undefined) return [];
      const held = lane.finish();
      return held === "" ? [] : [{ index: Number(call), function: { arguments: held } }];
    });
    return [...out, ...rest];
  }

  #lane(name: string): Lane {
    let lane = this.#lanes.get(name);
    if (lane === undefined) {
      lane = this.#redaction.stream();
      this.#lanes.set(name, lane);
    }
    return lane;
  }
}
