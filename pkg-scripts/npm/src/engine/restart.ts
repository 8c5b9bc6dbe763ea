// An engine that comes back: when its worker has died, the next call loads the model again, from what the store keeps. Sessions go on from
// what they were after their last call that was answered.
//
// Whatever a call changes in a session is saved right behind it, and the call is answered when that is here: what a caller was told is
// never lost. Where the engine did not die but moved (see shared.ts), calls under way are sent once more; what their callers have already
// is not told twice.

import { DisposedError, NanolmError, SessionError, WorkerError } from "../errors.js";
import type { DeviceInfo } from "../info.js";
import type { Connection, SendOptions, WorkerConnection } from "./connection.js";
import type { Launched } from "./launch.js";
import { isProgress, type JobEvent, type RequestBody } from "./protocol.js";

/** How the engine comes, and comes back. */
export interface Return {
  launch(options: SendOptions): Promise<Launched>;
  /** Whether calls are sent once more that this reason ended. Otherwise they end with it. */
  again?(reason: unknown): boolean;
  /** Hears that it was closed. */
  closed?(): void;
}

interface Call {
  id: number;
  body: RequestBody;
  options: SendOptions;
  /** Its id where it runs now; undefined while the engine is on its way. */
  inner: number | undefined;
  /** Events that its caller has, without reports of progress. */
  given: number;
  cancelled: boolean;
  /** How often it was sent once more. */
  moves: number;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

interface Held {
  /** Its id in the engine that has it. */
  inner: number;
  engine: WorkerConnection;
  /** As it was after its last call; undefined: empty. */
  saved: Uint8Array | undefined;
  /** Savings asked for, had, and needed for `saved` to be what its caller knows. */
  asked: number;
  had: number;
  needed: number;
  /** Why it could not be saved, or brought back. */
  failure: unknown;
}

/** A call that so many engines could not finish ends. */
const MOST_MOVES = 3;

export class Restarting implements Connection {
  readonly #return: Return;
  #engine: WorkerConnection;
  #launching = false;
  /** In the order in which they came. */
  readonly #calls = new Map<number, Call>();
  /** By the id of the call that made them. */
  readonly #sessions = new Map<number, Held>();
  /** What the model was given beside its files. */
  readonly #parts = new Map<string, RequestBody>();
  #lastId = 0;
  #closed: unknown;
  moved: (device: DeviceInfo) => void = () => {};

  private constructor(back: Return, engine: WorkerConnection) {
    this.#return = back;
    this.#engine = engine;
    this.#adopt(engine);
  }

  static async begin(back: Return, options: SendOptions): Promise<{ connection: Restarting; info: Launched["info"] }> {
    const { connection, info } = await back.launch(options);
    return { connection: new Restarting(back, connection), info };
  }

  send<T>(body: RequestBody, options: SendOptions = {}): { id: number; answer: Promise<T> } {
    const id = ++this.#lastId;
    const { signal } = options;
    const answer = new Promise<T>((resolve, reject) => {
      if (this.#closed !== undefined || signal?.aborted) {
        reject(this.#closed ?? signal?.reason);
        return;
      }
      const settle = (): void => {
        this.#calls.delete(id);
        signal?.removeEventListener("abort", onAbort);
      };
      const call: Call = {
        id,
        body: this.#return.again === undefined ? body : seeded(body),
        options,
        inner: undefined,
        given: 0,
        cancelled: false,
        moves: 0,
        resolve: (value) => {
          settle();
          resolve(value as T);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      };
      // One that is with the engine is ended there.
      const onAbort = (): void => {
        if (call.inner === undefined) call.reject(signal?.reason);
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#calls.set(id, call);
      if (this.#launching || this.#engine.closed !== undefined) this.#comeBack();
      else this.#forward(call, this.#engine);
    });
    return { id, answer };
  }

  cancel(id: number, given?: number): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    call.cancelled = true;
    if (call.inner !== undefined) this.#engine.cancel(call.inner, given);
  }

  close(reason: unknown = new DisposedError("model/disposed", "the model was disposed of. Load it again")): void {
    if (this.#closed !== undefined) return;
    this.#closed = reason;
    this.#engine.close(reason);
    for (const call of [...this.#calls.values()]) call.reject(reason);
    this.#return.closed?.();
  }

  #adopt(engine: WorkerConnection): void {
    this.#engine = engine;
    engine.moved = (device) => this.moved(device);
  }

  /** Launches the engine again, and sends it the calls that wait. */
  #comeBack(): void {
    if (this.#launching) return;
    this.#launching = true;
    this.#return.launch({}).then(
      ({ connection, info }) => {
        this.#launching = false;
        if (this.#closed !== undefined) return connection.close(this.#closed);
        this.#adopt(connection);
        this.moved(info.device);
        for (const part of this.#parts.values()) connection.send<void>(part).answer.catch(() => {});
        for (const call of [...this.#calls.values()]) if (call.inner === undefined) this.#forward(call, connection);
      },
      (error: unknown) => {
        this.#launching = false;
        // The next call tries again.
        for (const call of [...this.#calls.values()]) if (call.inner === undefined) call.reject(error);
      },
    );
  }

  #forward(call: Call, engine: WorkerConnection): void {
    const { id, body, options } = call;
    const held = "session" in body && body.session !== undefined ? this.#sessions.get(body.session) : undefined;
    if (body.method === "close") {
      this.#sessions.delete(body.session);
      // It went with the engine that had it.
      if (held !== undefined && held.engine !== engine) {
        call.resolve(undefined);
        return;
      }
    }
    let sent: { id: number; answer: Promise<unknown> };
    try {
      if (held !== undefined) this.#restore(held, engine);
      // What was disposed of is no session in any engine.
      const inner = "session" in body && body.session !== undefined ? { ...body, session: held?.inner ?? 0 } : body;
      sent = engine.send(inner, { ...options, events: listener(call) });
    } catch (error) {
      call.reject(error);
      return;
    }
    call.inner = sent.id;
    if (call.cancelled) engine.cancel(sent.id);
    const kept = this.#saved(call, held, engine);
    Promise.all([sent.answer, kept]).then(
      ([value]) => {
        if (body.method === "part") this.#parts.set(JSON.stringify(body.files), body);
        call.resolve(value);
      },
      (error: unknown) => this.#failed(call, held, engine, error),
    );
    if (body.method === "session") this.#sessions.set(id, { ...NEW, inner: sent.id, engine, saved: body.saved?.slice() });
  }

  /** Saves what a call changes in a session, or the session that it makes, behind it. */
  #saved({ id, body, inner, options }: Call, held: Held | undefined, engine: WorkerConnection): Promise<void> | undefined {
    if (body.method === "fork" && inner !== undefined) {
      const fork = { ...NEW, inner, engine };
      this.#sessions.set(id, fork);
      return save(fork);
    }
    if (held === undefined || !(body.method === "append" || body.method === "continue" || body.method === "chat")) return undefined;
    // What is taken back from a call that was over may have been saved.
    const again = (): void => {
      const saving = save(held);
      held.needed = held.asked;
      saving.catch(() => {});
    };
    options.signal?.addEventListener("abort", again, { once: true });
    return save(held).finally(() => options.signal?.removeEventListener("abort", again));
  }

  /** Brings a session back that another engine had. */
  #restore(held: Held, engine: WorkerConnection): void {
    if (held.engine === engine) return;
    if (held.had < held.needed || held.failure !== undefined) {
      const why = held.failure === undefined ? "" : `: ${(held.failure as Error).message}`;
      throw new SessionError("session/lost", `the session ended with the worker that had it${why}. Begin a new one with model.session()`);
    }
    const { id, answer } = engine.send<void>({ method: "session", saved: held.saved });
    held.inner = id;
    held.engine = engine;
    answer.catch((error: unknown) => {
      if (engine.closed === undefined) held.failure = error;
    });
  }

  #failed(call: Call, held: Held | undefined, engine: WorkerConnection, error: unknown): void {
    const { signal } = call.options;
    if (call.body.method === "session" || call.body.method === "fork") this.#sessions.delete(call.id);
    if (engine.closed === undefined || this.#closed !== undefined || signal?.aborted) {
      call.reject(held?.failure ?? error);
    } else if (this.#return.again?.(engine.closed) !== true) {
      call.reject(comesBack(error));
    } else if (call.moves === MOST_MOVES) {
      const why = `the engine ended ${call.moves + 1} times in the middle of the call`;
      call.reject(new WorkerError("worker/crashed", `${why}. Try a smaller model or a shorter text`));
    } else {
      call.moves += 1;
      call.inner = undefined;
      this.#comeBack();
    }
  }
}

const NEW = { saved: undefined, asked: 0, had: 0, needed: 0, failure: undefined };

/** Saves a session as it is when what was sent before is done. Fails where its engine ends first. */
function save(held: Held): Promise<void> {
  const { engine, inner } = held;
  held.asked += 1;
  const number = held.asked;
  return engine.send<Uint8Array>({ method: "save", session: inner }).answer.then(
    (saved) => {
      held.saved = saved;
      held.had = number;
    },
    (error: unknown) => {
      if (engine.closed !== undefined) throw error;
      // A later call may be saved.
      held.needed = number + 1;
    },
  );
}

/** Tells a call's events of one engine, but for those that another told before. */
function listener(call: Call): (events: JobEvent[]) => void {
  let heard = 0;
  return (events) => {
    const news = events.filter((event) => {
      if (isProgress(event)) return true;
      heard += 1;
      return heard > call.given;
    });
    call.given = Math.max(call.given, heard);
    if (news.length > 0) call.options.events?.(news);
  };
}

/** With a seed of its own, so that sent once more it is answered with the same. */
function seeded(body: RequestBody): RequestBody {
  const draws = body.method === "continue" || body.method === "chat" || (body.method === "start" && body.task === "generate");
  if (!draws || (body.options as { seed?: unknown }).seed !== undefined) return body;
  return { ...body, options: { ...body.options, seed: crypto.getRandomValues(new Uint32Array(1))[0] } };
}

/** An error that told to load the model again. */
function comesBack(error: unknown): unknown {
  if (!(error instanceof NanolmError) || !error.code.startsWith("worker/")) return error;
  return new WorkerError(error.code, error.message.replace("Load the model again", "The next call loads the model again"), error.details);
}
