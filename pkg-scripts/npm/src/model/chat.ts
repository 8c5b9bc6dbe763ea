// Conversations with a model. Most of it is downloaded when it is first used.

import type { Connection } from "../engine/connection.js";
import type { ChatOptions, ChatPiece, Conversation } from "./chat/types.js";
import { checkCallOptions, checkOptions } from "./options.js";
import { TextStream } from "./stream.js";

/** @internal */
export function chat(connection: Connection, conversation: Conversation, options: ChatOptions): TextStream<ChatPiece> {
  checkCallOptions(checkOptions(options));
  return new TextStream<ChatPiece>((sink) => {
    const left = new AbortController();
    const begin = async (): Promise<void> => {
      const [{ run }] = await Promise.all([import("./chat/run.js"), conversation.after]);
      await run(connection, conversation, options, sink, left.signal);
    };
    begin().catch((error: unknown) => sink.fail(error));
    return () => left.abort();
  });
}
