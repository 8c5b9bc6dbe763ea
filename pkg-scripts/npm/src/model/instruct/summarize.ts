// Summaries in the model's own words.

import { optionError } from "../../errors.js";
import type { Supported, Piece, Point, Result, StreamSink } from "../stream.js";
import { stream } from "../job.js";
import type { CallOptions } from "../options.js";
import type { SummarizeOptions } from "../tasks/summarize.js";
import { sourceOf } from "../chat/source.js";
import { ask, BULLET, type Call, confidence, type Line, Lines, question, together, type Writing } from "./ask.js";
import { checkNames, checkOneOf } from "./check.js";
import { partsOf, room, sentencesOf } from "./text.js";

type Length = NonNullable<SummarizeOptions["length"]>;
type Type = NonNullable<SummarizeOptions["type"]>;

/** Sentences of a tldr, in words and at most: small models do not always count. */
const SENTENCES: Record<Length, { asked: string; most: number }> = {
  short: { asked: "one sentence", most: 1 },
  medium: { asked: "two or three sentences", most: 3 },
  long: { asked: "four to six sentences", most: 6 },
};
const POINTS: Record<Length, number> = { short: 3, medium: 5, long: 7 };
/** Tokens of what is written, at most: a model that does not find its end is stopped. */
const MAX_TOKENS: Record<Type, number> = { tldr: 320, headline: 32, "key-points": 640 };
/** Tokens that the template and what is asked need beside the text, generously. */
const ASKED = 256;

const OWN = "Write in the language of the text. Take every fact from the text, and do not speak of the text itself.";

function instruction(type: Type, length: Length): string {
  if (type === "headline") return `Write a headline for the text: one line of at most ten words. ${OWN}`;
  if (type === "tldr") return `Summarize the text in ${SENTENCES[length].asked}. ${OWN}`;
  const n = POINTS[length];
  return `List the ${n} most important points of the text: ${n} short sentences, each on a line of its own that begins with "${BULLET} ". ${OWN}`;
}

/** Writes a summary of a text of any length: of a long one, from summaries of its parts. */
export async function summarize(
  call: Call,
  text: string,
  options: SummarizeOptions,
  sink: StreamSink<Piece> & StreamSink<Point>,
): Promise<void> {
  const { type = "tldr", length = "short", grounded = true } = options;
  checkOneOf("type", type, Object.keys(MAX_TOKENS));
  checkOneOf("length", length, Object.keys(POINTS));
  if (typeof grounded !== "boolean") throw optionError("grounded", "true or false", grounded);
  checkNames(options, ["type", "length", "grounded", "title"]);
  if (type === "headline" && options.title !== undefined && (await titled(call, text, options, sink))) return;
  const { contextLength } = await sourceOf(call.connection);
  const most = room(contextLength, ASKED + MAX_TOKENS[type]);
  const results: Result[] = [];
  let parts = await partsOf(call.connection, text, await sentencesOf(call.connection, text, true), most);
  while (parts.length > 1 && !call.left.aborted) {
    const written: string[] = [];
    for (const part of parts) {
      if (call.left.aborted) break;
      const result = await ask(call, question(part, instruction("tldr", "medium")), writing("tldr", grounded ? part : undefined));
      // Of these a limit may cut the last sentence.
      results.push({ ...result, finishReason: result.finishReason === "abort" ? "abort" : "stop" });
      written.push(result.text.trim());
    }
    const shorter = written.join("\n").trim();
    if (shorter === "" || call.left.aborted) break;
    const next = await partsOf(call.connection, shorter, await sentencesOf(call.connection, shorter, false), most);
    // A model that writes as much as it reads comes to no end by itself.
    parts = next.length < parts.length ? next : next.slice(0, 1);
  }
  const source = { whole: text, read: parts[0] ?? text };
  const written = type === "key-points" ? await points(call, source, length, grounded, sink) : await prose(call, source, type, length, grounded, sink);
  results.push(written.result);
  const { text: all, ...lists } = written.lists;
  sink.done({ ...together(results, all), ...lists });
}

/** Gives the page's title where it is a headline of the text; says whether it did. */
async function titled({ connection }: Call, text: string, { title, signal }: SummarizeOptions, sink: StreamSink<Piece>): Promise<boolean> {
  const start = { task: "title", input: text, options: { title, signal } as CallOptions };
  const found = stream<Piece>(connection, start, { pieces: "piece", lists: { sentences: "support" } });
  for await (const piece of found) sink.piece(piece);
  const result = await found.result;
  if (result.text === "") return false;
  sink.done(result);
  return true;
}

interface Source {
  /** The caller's. */
  whole: string;
  /** What the model reads: the text, or what was written of its parts. */
  read: string;
}

interface Written {
  result: Result;
  lists: { text: string; points?: Point[]; sentences?: Supported[] };
}

function writing(type: Type, groundedIn: string | undefined): Writing {
  return { maxNewTokens: MAX_TOKENS[type], groundedIn };
}

function supports({ connection }: Call, text: string, written: string): Promise<Supported[]> {
  return connection.send<Supported[]>({ method: "support", text, written }).answer;
}

/** A tldr or a headline. */
async function prose(
  call: Call,
  { whole, read }: Source,
  type: "tldr" | "headline",
  length: Length,
  grounded: boolean,
  sink: StreamSink<Piece>,
): Promise<Written> {
  const isLine = type === "headline";
  const enough = stoppedWith(call.left);
  const most = isLine ? 1 : SENTENCES[length].most;
  let [text, ended, at] = ["", false, 0];
  const give = (piece: Piece, upTo: number): void => {
    const shown = piece.text.slice(0, Math.max(0, upTo - at));
    at += piece.text.length;
    text += shown;
    if (shown !== "" || piece.text === "") sink.piece({ ...piece, text: shown });
  };
  const listen = (piece: Piece): void => {
    if (ended) return;
    const all = text + piece.text;
    const end = isLine ? all.search(/[^\s.]\.?\s*\n|[^\s.]\.\s+\S/) + 1 || undefined : endOf(all, most);
    give(piece, end ?? Infinity);
    if (end === undefined) return;
    ended = true;
    enough.abort();
  };
  const asked = question(read, instruction(type, length));
  const result = await ask({ ...call, left: enough.signal }, asked, writing(type, grounded ? whole : undefined), listen);
  // That enough was written is no abort.
  const finishReason = ended ? "stop" : result.finishReason;
  return { result: { ...result, finishReason }, lists: { text, sentences: await supports(call, whole, text) } };
}

/** Stops with another signal, or by itself. */
function stoppedWith(left: AbortSignal): AbortController {
  const controller = new AbortController();
  if (left.aborted) controller.abort();
  left.addEventListener("abort", () => controller.abort());
  return controller;
}

/** Where the n-th sentence of a text ends, where another begins behind it. */
function endOf(text: string, n: number): number | undefined {
  let found = 0;
  for (const match of text.matchAll(/[.!?…]["”’»)\]]*(?=\s+\S)|[。！？]["”’»)\]]*(?=.)/gu)) {
    const end = match.index + match[0].length;
    const word = /(?:^|[\s("“])(\S*)$/u.exec(text.slice(0, match.index))?.[1] ?? "";
    if (match[0].startsWith(".") && /^(\p{L}|[\p{L}.]+\.\p{L}|Mr|Mrs|Ms|Dr|St|No|vs|Prof|Gen|Sen)$/u.test(word)) continue;
    found += 1;
    if (found === n) return end;
  }
  return undefined;
}

/** Points, each with the sentence that says the same; what no sentence of the text says is left out. */
async function points(
  call: Call,
  { whole, read }: Source,
  length: Length,
  grounded: boolean,
  sink: StreamSink<Point>,
): Promise<Written> {
  const found: Point[] = [];
  const enough = stoppedWith(call.left);
  const list = new Lines();
  // One after the other, in the order in which they were written.
  let checking = Promise.resolve();
  let told = 0;
  const take = ({ text: line, pieces }: Line): void => {
    const said = line.slice(0, endOf(line, 1));
    if (told >= POINTS[length]) return;
    told += 1;
    if (told === POINTS[length]) enough.abort();
    checking = checking.then(async () => {
      const best = (await supports(call, whole, said)).find(({ sources }) => sources.length > 0)?.sources[0];
      if (best === undefined || found.some(({ text }) => text === said)) return;
      const point = { text: said, ...best, score: confidence(pieces) };
      found.push(point);
      sink.piece(point);
    });
    checking.catch(() => {});
  };
  const listen = (piece: Piece): void => list.push(piece).forEach(take);
  const asked = question(read, instruction("key-points", length), BULLET);
  const result = await ask({ ...call, left: enough.signal }, asked, writing("key-points", grounded ? whole : undefined), listen);
  // A line that the limit cut is none.
  if (result.finishReason === "stop") list.finish().forEach(take);
  await checking;
  // That enough was written is no abort.
  const finishReason = enough.signal.aborted && !call.left.aborted ? "stop" : result.finishReason;
  return { result: { ...result, finishReason }, lists: { text: found.map(({ text }) => text).join("\n"), points: found } };
}
