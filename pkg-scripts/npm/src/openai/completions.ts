// /v1/completions

import type { ChatOptions, Model, Piece, Usage } from "../index.js";
import { usageOf } from "./chat.js";
import { id, unsupported } from "./errors.js";
import { eventStream } from "./events.js";
import type { Parameters } from "./parameters.js";
import { type Input, inputsOf, textOf } from "./request.js";

interface Wanted {
  prompts: Input[];
  options: ChatOptions;
  n: number;
  echo: boolean;
  logprobs: boolean;
  stream: boolean;
  includeUsage: boolean;
}

/** What the service writes where nobody says how much. */
const MAX_TOKENS = 16;
const MOST_CHOICES = 16;

export function readCompletion(parameters: Parameters): Wanted {
  const prompts = inputsOf("prompt", parameters.take("prompt") ?? "");
  const n = parameters.whole("n", 1, MOST_CHOICES) ?? 1;
  parameters.read("best_of", (param, value) => {
    if (value !== n) throw unsupported(param, "only the value of 'n' is.");
  });
  parameters.read("suffix", (param, value) => {
    if (value !== "") throw unsupported(param, "it continues texts at their end.");
  });
  const logprobs = parameters.whole("logprobs", 0);
  if ((logprobs ?? 0) > 0) throw unsupported("logprobs", "only 0 is: the chosen token's probability alone is known.");
  const options = { maxNewTokens: MAX_TOKENS, ...parameters.sampling() };
  if (n > 1) options.temperature ??= 1;
  return { prompts, options, n, echo: parameters.flag("echo"), logprobs: logprobs !== undefined, ...parameters.stream() };
}

export async function complete(name: string, model: Model, wanted: Wanted, signal: AbortSignal | undefined): Promise<Response> {
  const head = { id: id("cmpl"), object: "text_completion", created: Math.floor(Date.now() / 1000), model: name };
  const { prompts, options, n, echo } = wanted;
  const usages: Usage[][] = [];
  const run = async (signal: AbortSignal | undefined, emit: (index: number, text: string, piece?: Piece) => void, end: (index: number, reason: string) => void): Promise<void> => {
    for (const [p, given] of prompts.entries()) {
      const prompt = await textOf(model, given);
      const own: Usage[] = [];
      for (let choice = 0; choice < n; choice++) {
        const index = p * n + choice;
        const seed = options.seed === undefined ? {} : { seed: options.seed + choice };
        const { variables: _, ...sampling } = options;
        const stream = model.generate(prompt, { ...sampling, ...seed, signal });
        if (echo) emit(index, prompt);
        for await (const piece of stream) emit(index, piece.text, piece);
        const { finishReason, usage } = await stream.result;
        own.push(usage);
        end(index, finishReason === "length" ? "length" : "stop");
      }
      usages.push(own);
    }
  };
  const usage = (): object => {
    const all = usages.map((own) => usageOf(own) as Record<string, number>);
    const sum = (key: string): number => all.reduce((n, each) => n + (each[key] ?? 0), 0);
    return { prompt_tokens: sum("prompt_tokens"), completion_tokens: sum("completion_tokens"), total_tokens: sum("total_tokens") };
  };
  if (wanted.stream) {
    const chunk = (choices: object[], usage: object | null = null): object => ({ ...head, choices, ...(wanted.includeUsage && { usage }) });
    return eventStream(
      async ({ send }, signal) => {
        await run(
          signal,
          (index, text, piece) => send(chunk([{ index, text, logprobs: logprobsOf(wanted, piece === undefined ? [] : [piece]), finish_reason: null }])),
          (index, reason) => send(chunk([{ index, text: "", logprobs: null, finish_reason: reason }])),
        );
        if (wanted.includeUsage) send(chunk([], usage()));
      },
      { done: "[DONE]", failed: (error) => ({ data: error.body }) },
      signal,
    );
  }
  const texts: string[] = [];
  const pieces: Piece[][] = [];
  const reasons: string[] = [];
  await run(
    signal,
    (index, text, piece) => {
      texts[index] = (texts[index] ?? "") + text;
      const own = (pieces[index] ??= []);
      if (piece !== undefined) own.push(piece);
    },
    (index, reason) => {
      reasons[index] = reason;
    },
  );
  const choices = reasons.map((reason, index) => ({
    index,
    text: texts[index] ?? "",
    logprobs: logprobsOf(wanted, pieces[index] ?? []),
    finish_reason: reason,
  }));
  return Response.json({ ...head, choices, usage: usage() });
}

function logprobsOf({ logprobs }: Wanted, pieces: Piece[]): object | null {
  if (!logprobs) return null;
  let at = 0;
  const offsets = pieces.map(({ text }) => (at += text.length) - text.length);
  return { tokens: pieces.map(({ text }) => text), token_logprobs: pieces.map(({ logprob }) => logprob), top_logprobs: null, text_offset: offsets };
}
