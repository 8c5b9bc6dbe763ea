// A language model of the AI SDK's specification.

import type { Result } from "../index.js";
import { answer, type Delta, type Written } from "../openai/chat.js";
import { id } from "../openai/errors.js";
import type { Served } from "../openai/served.js";
import { messagesOf, optionsOf } from "./prompt.js";
import type { Content, Finish, Generated, LanguageCall, LanguageModel, StreamPart, TokenUsage } from "./types.js";

const finishOf = ({ result, calls }: Written): Finish => ({
  unified: calls.length > 0 ? "tool-calls" : result.finishReason === "length" ? "length" : "stop",
  raw: result.finishReason,
});

function usageOf({ usage, reasoning }: Result): TokenUsage {
  const { promptTokens, cachedTokens, completionTokens } = usage;
  // How the tokens of an answer with thoughts are shared out is not known.
  const [text, thought] = reasoning === undefined ? [completionTokens, 0] : [undefined, undefined];
  return {
    inputTokens: { total: promptTokens, noCache: promptTokens - cachedTokens, cacheRead: cachedTokens, cacheWrite: undefined },
    outputTokens: { total: completionTokens, text, reasoning: thought },
  };
}

const UNKNOWN: TokenUsage = {
  inputTokens: { total: undefined, noCache: undefined, cacheRead: undefined, cacheWrite: undefined },
  outputTokens: { total: undefined, text: undefined, reasoning: undefined },
};

/** Parts of a stream in the specified order: each block begins, goes on and ends before the next begins. */
class Blocks {
  readonly #send: (part: StreamPart) => void;
  #open: { kind: "text" | "reasoning"; id: string } | undefined;

  constructor(send: (part: StreamPart) => void) {
    this.#send = send;
  }

  take({ content = "", reasoning_content: reasoning = "", tool_calls: calls = [] }: Delta): void {
    if (reasoning !== "") this.#say("reasoning", reasoning);
    if (content !== "") this.#say("text", content);
    for (const { id, function: named } of calls) {
      this.end();
      this.#send({ type: "tool-input-start", id, toolName: named.name });
      this.#send({ type: "tool-input-delta", id, delta: named.arguments });
      this.#send({ type: "tool-input-end", id });
      this.#send({ type: "tool-call", toolCallId: id, toolName: named.name, input: named.arguments });
    }
  }

  #say(kind: "text" | "reasoning", delta: string): void {
    if (this.#open?.kind !== kind) {
      this.end();
      this.#open = { kind, id: id(kind) };
      this.#send({ type: `${kind}-start`, id: this.#open.id });
    }
    this.#send({ type: `${kind}-delta`, id: this.#open.id, delta });
  }

  end(): void {
    if (this.#open !== undefined) this.#send({ type: `${this.#open.kind}-end`, id: this.#open.id });
    this.#open = undefined;
  }
}

/** The blocks of a stream as the parts of a whole answer. */
function contentOf(parts: readonly StreamPart[]): Content[] {
  const content: Content[] = [];
  const byId = new Map<string, { text: string }>();
  for (const part of parts) {
    if (part.type === "text-start" || part.type === "reasoning-start") {
      const block: Content & { text: string } = { type: part.type === "text-start" ? "text" : "reasoning", text: "" };
      byId.set(part.id, block);
      content.push(block);
    } else if (part.type === "text-delta" || part.type === "reasoning-delta") {
      const block = byId.get(part.id);
      if (block !== undefined) block.text += part.delta;
    } else if (part.type === "tool-call") {
      content.push(part);
    }
  }
  return content;
}

export class OnDevice implements LanguageModel {
  readonly specificationVersion = "v4";
  readonly provider = "nanolm";
  readonly modelId: string;
  /** Nothing is fetched for a model. */
  readonly supportedUrls = {};
  readonly #served: Served;

  constructor(served: Served, modelId: string) {
    this.#served = served;
    this.modelId = modelId;
  }

  #metadata(): Generated["response"] {
    return { id: id("chatcmpl"), timestamp: new Date(), modelId: this.modelId };
  }

  async doGenerate(call: LanguageCall): Promise<Generated> {
    const { options, warnings } = optionsOf(call);
    const messages = messagesOf(call.prompt);
    call.abortSignal?.throwIfAborted();
    const model = await this.#served.get(this.modelId, call.abortSignal);
    const parts: StreamPart[] = [];
    const blocks = new Blocks((part) => parts.push(part));
    const written = await answer(model, messages, options, call.abortSignal, (delta) => blocks.take(delta));
    return { content: contentOf(parts), finishReason: finishOf(written), usage: usageOf(written.result), warnings, response: this.#metadata() };
  }

  async doStream(call: LanguageCall): Promise<{ stream: ReadableStream<StreamPart> }> {
    const { options, warnings } = optionsOf(call);
    const messages = messagesOf(call.prompt);
    const { abortSignal } = call;
    abortSignal?.throwIfAborted();
    const model = await this.#served.get(this.modelId, abortSignal);
    const left = new AbortController();
    const signal = abortSignal === undefined ? left.signal : AbortSignal.any([abortSignal, left.signal]);
    let controller!: ReadableStreamDefaultController<StreamPart>;
    const stream = new ReadableStream<StreamPart>({
      start(given) {
        controller = given;
      },
      cancel: () => left.abort(),
    });
    const send = (part: StreamPart): void => {
      if (!left.signal.aborted) controller.enqueue(part);
    };
    const blocks = new Blocks(send);
    let begun = false;
    // What fails before the first piece is a call that failed, not a stream with an error in it.
    await new Promise<void>((resolve, reject) => {
      const begin = (): void => {
        if (begun) return;
        begun = true;
        send({ type: "stream-start", warnings });
        send({ type: "response-metadata", ...this.#metadata() });
        resolve();
      };
      const take = (delta: Delta): void => {
        begin();
        blocks.take(delta);
      };
      answer(model, messages, options, signal, take).then(
        (written) => {
          begin();
          blocks.end();
          send({ type: "finish", usage: usageOf(written.result), finishReason: finishOf(written) });
          if (!left.signal.aborted) controller.close();
        },
        (error: unknown) => {
          if (!begun) return reject(error);
          if (abortSignal?.aborted) return controller.error(abortSignal.reason);
          blocks.end();
          send({ type: "error", error });
          send({ type: "finish", usage: UNKNOWN, finishReason: { unified: "error", raw: undefined } });
          if (!left.signal.aborted) controller.close();
        },
      );
    });
    return { stream };
  }
}
