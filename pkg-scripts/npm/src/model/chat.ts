// Conversations with a model. Most of it is downloaded when it is first used.

import type { Connection } from "../engine/connection.js";
import type { ChatMessage, ChatOptions, ChatPiece, Conversation } from "./chat/types.js";
import { deferred } from "./deferred.js";
import type { TextStream } from "./stream.js";

/** @internal */
export function chat(connection: Connection, conversation: Conversation, options: ChatOptions): TextStream<ChatPiece> {
  return deferred<ChatPiece>(options, async (sink, left) => {
    const [{ run }] = await Promise.all([import("./chat/run.js"), conversation.after]);
    await run(connection, conversation, options, sink, left);
  });
}

/** @internal A string is what the user says. */
export function messagesOf(said: string | ChatMessage | readonly ChatMessage[]): readonly ChatMessage[] {
  if (typeof said === "string") return [{ role: "user", content: said }];
  // Whatever else it is, is refused where messages are read.
  return typeof said === "object" && said !== null && "role" in said ? [said] : said;
}
