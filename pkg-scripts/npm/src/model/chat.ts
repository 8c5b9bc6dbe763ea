// Conversations with a model. Most of it is downloaded when it is first used.

import type { Connection } from "../engine/connection.js";
import type { ChatOptions, ChatPiece, Conversation } from "./chat/types.js";
import { deferred } from "./deferred.js";
import type { TextStream } from "./stream.js";

/** @internal */
export function chat(connection: Connection, conversation: Conversation, options: ChatOptions): TextStream<ChatPiece> {
  return deferred<ChatPiece>(options, async (sink, left) => {
    const [{ run }] = await Promise.all([import("./chat/run.js"), conversation.after]);
    await run(connection, conversation, options, sink, left);
  });
}
