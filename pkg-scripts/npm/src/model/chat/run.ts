// One answer: the conversation becomes a prompt, the engine continues it, and what it writes is told apart.

import type { Connection } from "../../engine/connection.js";
import { isDone, type JobEvent } from "../../engine/protocol.js";
import { optionError } from "../../errors.js";
import { resultOf, runJob } from "../job.js";
import type { Piece, Result, StreamSink } from "../stream.js";
import { callsFormat, isCallMark } from "./calls.js";
import { promptFor } from "./prompt.js";
import { isMark, type Parts, ReasoningSplitter } from "./reasoning.js";
import { sourceOf } from "./source.js";
import type { ChatOptions, ChatPiece, Conversation } from "./types.js";

/** Tokens of an answer where the caller does not say: enough for most, and little memory. */
const MAX_NEW_TOKENS = 1024;

export const NOTHING: Result = {
  text: "",
  finishReason: "abort",
  usage: { promptTokens: 0, completionTokens: 0, cachedTokens: 0, draftedTokens: 0, acceptedTokens: 0 },
  timings: { prefillMs: 0, firstTokenMs: 0, decodeMs: 0, tokensPerSecond: 0 },
};

function checked(options: ChatOptions): ChatOptions & { maxNewTokens: number } {
  const { template, tools, toolCalls, variables, overflow, stop } = options;
  if (template !== undefined && typeof template !== "string") throw optionError("template", "a template as a string", template);
  if (tools !== undefined && !Array.isArray(tools)) throw optionError("tools", "an array", tools);
  if (toolCalls !== undefined && toolCalls !== "valid" && toolCalls !== "free") throw optionError("toolCalls", '"valid" or "free"', toolCalls);
  if (variables !== undefined && (typeof variables !== "object" || variables === null)) {
    throw optionError("variables", "an object", variables);
  }
  if (overflow !== undefined && overflow !== "error" && overflow !== "drop-oldest") {
    throw optionError("overflow", '"error" or "drop-oldest"', overflow);
  }
  const texts = typeof stop === "string" ? [stop] : stop;
  if (texts !== undefined && !(Array.isArray(texts) && texts.every((text) => typeof text === "string"))) {
    throw optionError("stop", "a string or an array of strings", stop);
  }
  // What has a form is all answer, so the model is told not to think first, where its template knows that.
  const thinking = options.responseFormat === undefined ? {} : { variables: { enable_thinking: false, ...variables } };
  return { ...options, ...thinking, maxNewTokens: options.maxNewTokens ?? MAX_NEW_TOKENS };
}

/** Answers a conversation. `left` is aborted where nobody reads any more. */
export async function run(
  connection: Connection,
  { messages, session }: Conversation,
  options: ChatOptions,
  sink: StreamSink<ChatPiece>,
  left: AbortSignal,
): Promise<void> {
  const given = checked(options);
  const { signal, onProgress, priority, tools, toolCalls, template: __, variables: ___, overflow: ____, ...sampling } = given;
  signal?.throwIfAborted();
  const source = await sourceOf(connection);
  const prompt = await promptFor(connection, source, messages(), given);
  signal?.throwIfAborted();
  if (left.aborted) {
    sink.done(NOTHING);
    return;
  }

  const isHeld = given.responseFormat !== undefined;
  const calls = isHeld || tools === undefined || toolCalls === "free" ? undefined : callsFormat(source, given.template ?? source.template, tools);
  const splitter = new ReasoningSplitter(prompt);
  const all: Parts = { text: "", reasoning: "" };
  let last: Piece | undefined;
  let result = NOTHING;
  const give = (parts: Parts, piece: Piece): void => {
    all.text += parts.text;
    all.reasoning += parts.reasoning;
    sink.piece({ ...parts, tokenId: piece.tokenId, logprob: piece.logprob });
  };
  const listen = (event: JobEvent): void => {
    if (isDone(event)) {
      result = resultOf(event);
    } else if (event.type === "piece") {
      const piece = event as unknown as Piece;
      const control = source.controlTexts.get(piece.tokenId) ?? "";
      last = piece;
      give(isHeld ? { text: piece.text, reasoning: "" } : splitter.push(isMark(control) || (tools !== undefined && isCallMark(control)) ? control : piece.text), piece);
    }
  };
  const request = {
    method: "chat",
    session,
    tokens: prompt.tokens,
    options: {
      ...sampling,
      ...(calls && { responseFormat: calls }),
      // The form says where the answer ends.
      stop: [...[sampling.stop ?? []].flat(), ...(isHeld ? [] : prompt.stop)],
      stopTokens: [...(sampling.stopTokens ?? []), ...prompt.stopTokens],
    },
  } as const;
  const { id, answer } = runJob(connection, request, { signal, onProgress, priority }, listen);
  left.addEventListener("abort", () => connection.cancel(id));
  await answer;
  const rest = splitter.finish();
  if (last !== undefined && (rest.text !== "" || rest.reasoning !== "")) give(rest, last);
  sink.done({
    ...result,
    text: all.text,
    ...(all.reasoning === "" ? {} : { reasoning: all.reasoning }),
    ...(prompt.dropped === 0 ? {} : { dropped: prompt.dropped }),
  });
}
