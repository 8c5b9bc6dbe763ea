// What a chat is made of.

import type { CallOptions, SpeedOptions } from "../options.js";
import type { Piece } from "../stream.js";
import type { GenerateOptions } from "../tasks/generate.js";

/** A part of a message. */
export interface ChatTextPart {
  /** The only kind: models read text alone. */
  type: "text";
  /** What it says. */
  text: string;
}

/**
 * A message of a conversation, in the form that chat templates and most other libraries have it. Properties that are not
 * listed here go to the template as they are.
 */
export interface ChatMessage {
  /** Who speaks. `developer` is the same as `system` where the template does not know it. */
  role: "system" | "developer" | "user" | "assistant" | "tool";
  /** What is said. Whatever stands in it is text: `<|im_end|>` in a message ends nothing. */
  content?: string | readonly ChatTextPart[] | null | undefined;
  /** What the assistant thought before it answered: `result.reasoning` of an earlier answer. */
  reasoning?: string | undefined;
  /** Calls of tools, for the assistant's messages; the arguments as an object, or as its JSON. */
  tool_calls?: readonly unknown[] | undefined;
  /** Which call a tool's message answers. */
  tool_call_id?: string | undefined;
  /** Of the tool, or of who speaks. */
  name?: string | undefined;
  [more: string]: unknown;
}

export interface ChatOptions extends CallOptions, SpeedOptions, Omit<GenerateOptions, "groundedIn"> {
  /** At most this many tokens; 1024 unless the model's files say otherwise, and never more than the context has room for. */
  maxNewTokens?: number | undefined;
  /** Tools that the model may call, as the template wants them: usually `{ type: "function", function: { name, description, parameters } }`. */
  tools?: readonly unknown[] | undefined;
  /**
   * `valid` (default): once the model begins a call in its own form, only a whole one can be written, of one of the tools, with arguments of
   * their schema. What stands before is free. `free`: nothing is held. See docs/structured-output.md.
   */
  toolCalls?: "valid" | "free" | undefined;
  /**
   * What control tokens do that stand written out in the messages. `literal` (default): they are text, so that nobody can end a
   * turn by typing its mark. `parse`: they act.
   */
  controls?: "literal" | "parse" | undefined;
  /** A template in Jinja, in place of that of the model's files. */
  template?: string | undefined;
  /** More values for the template, such as `{ enable_thinking: false }`. */
  variables?: Readonly<Record<string, unknown>> | undefined;
  /**
   * What to do with a conversation that the context has no room for. `error` (default): a `session/context-full`.
   * `drop-oldest`: the oldest turns are left out, system messages never; `result.dropped` says how many messages were.
   */
  overflow?: "error" | "drop-oldest" | undefined;
}

/** A token of an answer. Of a model that thinks before it answers, one of the texts is empty. */
export interface ChatPiece extends Piece {
  /** What belongs to the answer. */
  text: string;
  /** What the model thought. */
  reasoning: string;
}

/** @internal A conversation, and the session that it is kept in. */
export interface Conversation {
  messages: () => readonly ChatMessage[];
  session?: number | undefined;
  /** Waited for before the conversation is read. */
  after?: Promise<unknown> | undefined;
}
