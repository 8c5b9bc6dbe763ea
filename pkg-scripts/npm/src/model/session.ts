// A text that goes on: appended to, continued, copied, saved.

import type { Connection } from "../engine/connection.js";
import { isDone, type JobEvent } from "../engine/protocol.js";
import { optionError } from "../errors.js";
import { chat, messagesOf } from "./chat.js";
import type { ChatMessage, ChatOptions, ChatPiece } from "./chat/types.js";
import { runJob, streamJob } from "./job.js";
import { type CallOptions, checkOptions, checkText, type ControlOptions, isLiteral } from "./options.js";
import type { Piece, TextStream } from "./stream.js";
import type { GenerateOptions } from "./tasks/generate.js";

export interface AppendOptions extends CallOptions, ControlOptions {}

/** A `Uint8Array` over memory of its own, which a `Blob` takes: TypeScript before 5.7 has one type of them, later ones two. */
export type SavedSession = ReturnType<Uint8Array["slice"]>;

/** Frees sessions that nobody holds any more, some time after the page has let them go. */
const forgotten = new FinalizationRegistry<{ connection: Connection; id: number }>(({ connection, id }) => {
  connection.send<void>({ method: "close", session: id }).answer.catch(() => {});
});

/**
 * A text in the model's memory, made by `model.session()`. What was read or written once need not be read again. Its calls
 * queue with all others of the model, in order, whatever their `priority`; several sessions do not see each other.
 *
 * A text is read into tokens as it is appended, call by call: cut texts between words, and begin the later part with the
 * space.
 */
export class Session {
  readonly #connection: Connection;
  readonly #id: number;
  #messages: readonly ChatMessage[];
  /** The chats that are not done. */
  #chatting: Promise<void> | undefined;

  /** @internal Made by `Model.session` and `fork`. */
  constructor(connection: Connection, id: number, messages: readonly ChatMessage[] = []) {
    this.#connection = connection;
    this.#id = id;
    this.#messages = messages;
    forgotten.register(this, { connection, id }, this);
  }

  /** @internal A new session, or the one that was saved. */
  static async open(connection: Connection, saved?: Uint8Array): Promise<Session> {
    if (saved !== undefined && !(saved instanceof Uint8Array)) {
      throw optionError("saved", "the Uint8Array of session.save()", saved);
    }
    const { bytes, messages } = saved === undefined ? {} : (await import("./chat/saved.js")).parted(saved);
    const { id, answer } = connection.send<void>({ method: "session", saved: bytes });
    await answer;
    return new Session(connection, id, messages);
  }

  /**
   * Reads more text, so that later calls need not. Resolves to the number of tokens that the session holds then; the model
   * has room for `model.info.contextLength`. Where it is aborted or fails, nothing was appended.
   *
   * Control tokens written out in the text act as such, as in `model.generate`; with `controls: "literal"` they are text.
   */
  async append(text: string, options: AppendOptions = {}): Promise<number> {
    checkText("text", text);
    const { signal, onProgress, priority, controls = "parse" } = checkOptions(options);
    const literal = isLiteral(controls);
    let tokens = 0;
    const listen = (event: JobEvent): void => {
      if (isDone(event)) tokens = event.usage.promptTokens;
    };
    const request = { method: "append", session: this.#id, text, literal } as const;
    // Stopped when it was read already, it is taken back.
    await runJob(this.#connection, request, { signal, onProgress, priority }, listen, () => 0).answer;
    return tokens;
  }

  /**
   * Continues the text. What is written belongs to the session from then on; where the reader leaves half-way, what the result has;
   * where the `signal` stops it, the pieces that were read until then, and no others. The token that ends an output does not belong
   * to it, those of a stop text do.
   */
  generate(options: GenerateOptions = {}): TextStream<Piece> {
    const { signal, onProgress, priority, ...rest } = checkOptions(options);
    const request = { method: "continue", session: this.#id, options: rest } as const;
    return streamJob(this.#connection, request, { signal, onProgress, priority }, { pieces: "piece" });
  }

  /** The conversation of `chat`: what was said and answered. */
  get messages(): readonly ChatMessage[] {
    return this.#messages;
  }

  /**
   * Says more in the session's conversation and answers it, as `model.chat` does. A string is what the user says. What was
   * said and answered before need not be given again, and is not read again. The conversation takes the place of what else
   * stands in the session. Wait for the result before other calls on the session. An answer that is stopped half-way belongs
   * to the conversation as far as it was written; after an error it is as before the call.
   */
  chat(said: string | ChatMessage | readonly ChatMessage[], options: ChatOptions = {}): TextStream<ChatPiece> {
    const more = messagesOf(said);
    const conversation = { messages: () => [...this.#messages, ...more], session: this.#id, after: this.#chatting };
    const stream = chat(this.#connection, conversation, options);
    const chatting = stream.result.then(
      ({ text, reasoning, finishReason }) => {
        if (text === "" && finishReason === "abort") return;
        const all = conversation.messages();
        const begun = all.at(-1)?.role === "assistant" ? all.pop() : undefined;
        const content = `${typeof begun?.content === "string" ? begun.content : ""}${text}`;
        this.#messages = [...all, { ...begun, role: "assistant", content, ...(reasoning === undefined ? {} : { reasoning }) }];
      },
      () => {},
    );
    this.#chatting = chatting;
    void chatting.then(() => {
      if (this.#chatting === chatting) this.#chatting = undefined;
    });
    return stream;
  }

  /** A session of its own with the same text, to try something without changing this one. */
  async fork(): Promise<Session> {
    if (this.#chatting !== undefined) await this.#chatting;
    const { id, answer } = this.#connection.send<void>({ method: "fork", session: this.#id });
    await answer;
    return new Session(this.#connection, id, this.#messages);
  }

  /**
   * The session as bytes, for `model.session(bytes)`: with the same model, also after a reload of the page. A session on the
   * CPU is saved with the model's memory of the text and goes on at once; one on the GPU with its tokens alone, which the
   * next call reads again.
   */
  async save(): Promise<SavedSession> {
    if (this.#chatting !== undefined) await this.#chatting;
    const messages = this.#messages;
    const bytes = await this.#connection.send<SavedSession>({ method: "save", session: this.#id }).answer;
    return messages.length === 0 ? bytes : (await import("./chat/saved.js")).withMessages(bytes, messages);
  }

  /** Frees its memory, once the calls made before are done. Later ones reject with a `DisposedError`. */
  async dispose(): Promise<void> {
    forgotten.unregister(this);
    await this.#connection.send<void>({ method: "close", session: this.#id }).answer;
  }
}

export interface Session {
  /** The same as `dispose`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}
if (Symbol.asyncDispose !== undefined) {
  Session.prototype[Symbol.asyncDispose] = Session.prototype.dispose;
}
