// One attempt: a model is asked, and its answer goes to the client.

import type { EventSink } from "../openai/events.js";
import type { Body } from "../openai/parameters.js";
import { type Call, CHARACTERS_A_TOKEN, charactersIn } from "./call.js";
import { eventsIn } from "./events.js";
import { Failure, failureOf, parsed } from "./failure.js";
import type { Tokens } from "./health.js";
import type { Ledger } from "./ledger.js";
import type { Routed } from "./models.js";
import { mapTexts } from "./personal.js";
import type { Chunk, Seam } from "./seam.js";
import { Watch } from "./watch.js";

/** What an attempt needs besides the model. */
export interface Attempt {
  call: Call;
  model: Routed;
  ledger: Ledger;
  signal: AbortSignal;
}

/** Sends a body, and waits for the head of the answer. */
async function sent({ call, model, ledger }: Attempt, given: Body, watch: Watch): Promise<Response> {
  const { endpoint, redaction, personal, asked } = call;
  const hides = model.where === "remote" && personal === "redact";
  const { body, places } = hides ? redaction.hide(given) : { body: given, places: 0 };
  const text = JSON.stringify({ ...(body as Body), model: model.model });
  watch.within(model.timeoutMs, "it did not answer");
  if (model.where === "remote") {
    const bytes = new TextEncoder().encode(text).length;
    ledger.add({ time: Date.now(), model: model.name, url: model.urlOf(endpoint), characters: charactersIn(body), bytes, redacted: places, personal: asked.personal });
  }
  const response = await model.send(endpoint, text, watch.signal);
  if (!response.ok) throw await failureOf(response, model.where);
  return response;
}

/** Runs an attempt under a watch. What the watch ended is told as its failure. */
async function watched<T>(signal: AbortSignal, work: (watch: Watch) => Promise<T>): Promise<T> {
  const watch = new Watch(signal);
  try {
    return await work(watch);
  } catch (error) {
    throw watch.signal.aborted ? watch.signal.reason : error;
  } finally {
    watch.end();
  }
}

/** Tokens as the model reports them; otherwise by the length of the texts. */
function tokensOf(usage: unknown, given: Body, written: number): Tokens {
  const { prompt_tokens, completion_tokens, input_tokens, output_tokens } = (usage ?? {}) as Record<string, number | undefined>;
  return {
    input: prompt_tokens ?? input_tokens ?? Math.ceil(charactersIn(given) / CHARACTERS_A_TOKEN),
    output: completion_tokens ?? output_tokens ?? Math.ceil(written / CHARACTERS_A_TOKEN),
  };
}

/** An answer as a whole. */
export function askWhole(attempt: Attempt): Promise<unknown> {
  const { call, model, signal } = attempt;
  const { record } = model;
  const began = performance.now();
  return watched(signal, async (watch) => {
    const text = await (await sent(attempt, call.body, watch)).text();
    const answer = parsed(text);
    if (typeof answer !== "object" || answer === null) throw new Failure("broken", "its answer is no JSON, or breaks off");
    record.answered(performance.now() - began);
    record.spent(tokensOf((answer as { usage?: unknown }).usage, call.body, call.endpoint === "embeddings" ? 0 : text.length));
    record.ended();
    return call.redaction.found ? mapTexts(answer, call.redaction.restore) : answer;
  });
}

async function streamOf(attempt: Attempt, body: Body, watch: Watch): Promise<ReadableStream<Uint8Array>> {
  const response = await sent(attempt, body, watch);
  const type = response.headers.get("content-type") ?? "none";
  if (response.body === null || !type.startsWith("text/event-stream")) throw new Failure("broken", `its answer is no stream of events, but ${type}`);
  return response.body as ReadableStream<Uint8Array>;
}

function checked(data: string): object {
  const value = parsed(data);
  if (typeof value !== "object" || value === null) throw new Failure("broken", "an event is no JSON");
  const { error } = value as { error?: { message?: unknown } | null };
  if (error) throw new Failure("broken", `it failed in the middle: ${error.message ?? JSON.stringify(error)}`);
  return value;
}

/** A stream of `chat/completions` or `completions`, or the rest of one. */
export function askStream(attempt: Attempt, seam: Seam, sink: EventSink): Promise<void> {
  const { model, signal } = attempt;
  const { record } = model;
  const body = seam.start(model);
  const began = performance.now();
  let heard = false;
  let usage: unknown;
  return watched(signal, async (watch) => {
    try {
      for await (const { data } of eventsIn(await streamOf(attempt, body, watch))) {
        if (data === "[DONE]") break;
        const chunk = checked(data) as Chunk;
        if (!heard) record.answered(performance.now() - began);
        heard = true;
        watch.within(model.stallMs, "it wrote nothing more");
        usage = chunk.usage ?? usage;
        const given = seam.take(chunk);
        if (given !== undefined) sink.send(given);
      }
      if (!seam.complete) throw new Failure("broken", "its stream ended in the middle");
      record.ended();
    } finally {
      if (heard) record.spent(tokensOf(usage, body, seam.written));
    }
  });
}

/** A stream of `responses`, whose events have names. `begun` is told that one is on its way to the client, and the answer's id. */
export function askResponse(attempt: Attempt, sink: EventSink, begun: (id: string | undefined) => void): Promise<void> {
  const { call, model, signal } = attempt;
  const { record } = model;
  const began = performance.now();
  const lane = call.redaction.stream();
  return watched(signal, async (watch) => {
    let [heard, ended] = [false, false];
    // The last piece of text waits for the next event: at the end it gets what was held back as the beginning of a placeholder.
    let waiting: { delta: string } | undefined;
    const flush = (rest = ""): void => {
      if (waiting !== undefined) sink.send({ ...waiting, delta: waiting.delta + rest }, "response.output_text.delta");
      waiting = undefined;
    };
    for await (const { name, data } of eventsIn(await streamOf(attempt, call.body, watch))) {
      if (data === "[DONE]") break;
      const event = checked(data) as { type?: string; delta?: unknown; response?: { id?: string; usage?: unknown } };
      if (event.type === "error") throw new Failure("broken", "it failed in the middle");
      if (!heard) record.answered(performance.now() - began);
      heard = true;
      watch.within(model.stallMs, "it wrote nothing more");
      begun(event.response?.id);
      if (call.redaction.found && event.type === "response.output_text.delta" && typeof event.delta === "string") {
        flush();
        waiting = { ...event, delta: lane.push(event.delta) };
        continue;
      }
      flush(lane.finish());
      sink.send(mapTexts(event, call.redaction.restore), name);
      ended ||= ["response.completed", "response.incomplete", "response.failed"].includes(event.type ?? "");
      if (ended) record.spent(tokensOf(event.response?.usage, call.body, data.length));
    }
    if (!ended) throw new Failure("broken", "its stream ended in the middle");
    record.ended();
  });
}
