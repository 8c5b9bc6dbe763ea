// A conversation as tokens, cut where the context has no room for it.

import type { Connection } from "../../engine/connection.js";
import { type ControlTexts, controlTexts, type Marked } from "./literal.js";
import { isLiteral } from "../options.js";
import { normalised } from "./messages.js";
import { continues, PLAIN_STOP, render, type Rendering } from "./render.js";
import type { ChatSource } from "./source.js";
import type { ChatMessage, ChatOptions } from "./types.js";

export interface ChatPrompt {
  tokens: Uint32Array;
  text: string;
  /** How many messages were left out. */
  dropped: number;
  /** What ends a turn beside the tokens that the model's files name. */
  stopTokens: number[];
  stop: string[];
  /** The answer goes on where the last message ends. */
  continues: boolean;
}

/** Tokens that are kept free for the answer, as a part of the context. */
const LEAST_FREE = 1 / 4;
/** Turns are dropped so many at a time, so that not every answer has to read the whole conversation again. */
const DROPPED_AT_ONCE = 4;

/** The texts of control tokens, as they are looked for in messages. */
const lookups = new WeakMap<ChatSource, ControlTexts>();

export async function promptFor(
  connection: Connection,
  source: ChatSource,
  messages: readonly ChatMessage[],
  options: ChatOptions & { maxNewTokens: number },
): Promise<ChatPrompt> {
  const template = options.template ?? source.template;
  const known = lookups.get(source) ?? controlTexts(source.controls.keys());
  lookups.set(source, known);
  const controls = isLiteral(options.controls ?? "literal") ? known : controlTexts([]);
  const values = { tools: null, documents: null, ...source.specials, ...options.variables, ...(options.tools && { tools: options.tools }) };
  const all = normalised(messages, template);
  const rendering = (messages: readonly ChatMessage[]): Rendering => ({ messages, template, values, controls });
  const read = async (messages: readonly ChatMessage[]): Promise<Marked & { tokens: Uint32Array }> => {
    const rendered = await render(rendering(messages));
    const request = { method: "tokenize", addSpecial: template === undefined, ...rendered } as const;
    return { ...rendered, tokens: await connection.send<Uint32Array>(request).answer };
  };
  const ends = template === undefined ? { stopTokens: [], stop: [PLAIN_STOP] } : await endOfTurn(source, rendering);
  let prompt = await read(all);
  let dropped = 0;
  const free = Math.min(options.maxNewTokens, Math.floor(source.contextLength * LEAST_FREE));
  const fits = (): boolean => prompt.tokens.length + free <= source.contextLength;
  if (options.overflow === "drop-oldest" && !fits()) {
    const turns = turnsOf(all);
    // The fewest that make it fit. The last turn stays in any case: the engine says then what is too long.
    let [least, most] = [1, turns.length - 1];
    while (least < most) {
      const middle = Math.floor((least + most) / 2);
      prompt = await read(without(all, turns, middle));
      if (fits()) most = middle;
      else least = middle + 1;
    }
    const turnsDropped = Math.min(Math.ceil(least / DROPPED_AT_ONCE) * DROPPED_AT_ONCE, turns.length - 1);
    const rest = without(all, turns, turnsDropped);
    dropped = all.length - rest.length;
    prompt = await read(rest);
  }
  return { tokens: prompt.tokens, text: prompt.text, dropped, continues: continues(all), ...ends };
}

/** The beginnings of turns: messages of the user, and whatever else comes first after the system's. */
function turnsOf(messages: readonly ChatMessage[]): number[] {
  const first = messages.findIndex(({ role }) => role !== "system");
  return messages.flatMap(({ role }, i) => (i === first || (role === "user" && i > first) ? [i] : []));
}

/** The messages without the first `n` turns. What the system says is never left out. */
function without(messages: readonly ChatMessage[], turns: readonly number[], n: number): ChatMessage[] {
  const from = turns[n] ?? 0;
  return messages.filter(({ role }, i) => i >= from || role === "system");
}

const PROBE = "nanolm asks where an answer ends";
const ended = new WeakMap<ChatSource, Map<string, Promise<Ends>>>();
type Ends = Pick<ChatPrompt, "stopTokens" | "stop">;

/** What a template writes right after an answer: files do not always name it among the tokens that end an output. */
function endOfTurn(source: ChatSource, rendering: (messages: ChatMessage[]) => Rendering): Promise<Ends> {
  const question: ChatMessage = { role: "user", content: "?" };
  const asked = rendering([question, { role: "assistant", content: PROBE }, question]);
  const known = ended.get(source) ?? new Map<string, Promise<Ends>>();
  ended.set(source, known);
  const template = asked.template ?? "";
  const ends = known.get(template) ?? findEnd(source, asked);
  known.set(template, ends);
  return ends;
}

async function findEnd(source: ChatSource, asked: Rendering): Promise<Ends> {
  let after: string;
  try {
    const { text } = await render({ ...asked, values: { ...asked.values, tools: null } });
    const at = text.lastIndexOf(PROBE);
    if (at < 0) return { stopTokens: [], stop: [] };
    after = text.slice(at + PROBE.length).trimStart();
  } catch {
    // What cannot be rendered at all says so with the conversation itself.
    return { stopTokens: [], stop: [] };
  }
  const control = [...source.controls].filter(([text]) => after.startsWith(text)).sort(([a], [b]) => b.length - a.length)[0];
  if (control !== undefined) return { stopTokens: [control[1]], stop: [] };
  // In some vocabularies the mark is no control token.
  const mark = /^<\|?[\w/:-]+\|?>/.exec(after)?.[0];
  return { stopTokens: [], stop: mark === undefined ? [] : [mark] };
}
