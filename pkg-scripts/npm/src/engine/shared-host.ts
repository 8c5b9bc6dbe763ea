// The end of a shared engine that has it: answers the calls of all tabs, in the order in which they come.

import { toWire } from "../errors.js";
import type { SendOptions, WorkerConnection } from "./connection.js";
import type { Launched } from "./launch.js";
import type { Reply, Request, RequestBody } from "./protocol.js";

/** What a member says: a call, or that it leaves. Each of its lines counts its calls anew. */
export type Asked = { from: string; link: number } & ({ request: Request } | { bye: true });

/** The way back to a member. */
export interface Way {
  post(message: { link: number; reply: Reply }): void;
  close(): void;
}

/** One line of a member. */
interface Client {
  member: string;
  post(reply: Reply): void;
  /** By their ids there: the calls here, and which of them are open. */
  calls: Map<number, number>;
  open: Set<number>;
  sessions: Map<number, number>;
}

/** A call that is over can still be taken back, but hardly one before so many others. */
const MOST_CALLS = 256;

export class Host {
  readonly #launch: (options: SendOptions) => Promise<Launched>;
  readonly #wayTo: (member: string) => Way;
  readonly #lifeOf: (member: string) => string;
  readonly #ways = new Map<string, Way>();
  readonly #clients = new Map<string, Client>();
  readonly #closed = new AbortController();
  #engine: Promise<Launched> | undefined;
  /** Lines that wait for the model: by the ids of their calls. */
  readonly #loading = new Set<(reply: Omit<Reply & { type: "progress" }, "id">) => void>();
  /** What the model was given beside its files, or is being given. */
  #parts = new Map<string, Promise<void>>();

  /** `lifeOf`: the name of the lock that a member has while it lives. */
  constructor(launch: (options: SendOptions) => Promise<Launched>, wayTo: (member: string) => Way, lifeOf: (member: string) => string) {
    this.#launch = launch;
    this.#wayTo = wayTo;
    this.#lifeOf = lifeOf;
  }

  receive(asked: Asked): void {
    if (this.#closed.signal.aborted) return;
    const { from, link } = asked;
    const key = `${from} ${link}`;
    if ("bye" in asked) this.#drop(key);
    else if (asked.request.method === "load") this.#load(this.#meet(key, from, link), asked.request.id);
    else this.#ask(this.#clients.get(key), asked.request);
  }

  /** A line whose engine is gone was told so, and is no client any more. */
  #ask(client: Client | undefined, request: Request): void {
    if (client !== undefined) void this.#engine?.then(({ connection }) => this.#forward(client, connection, request), () => {});
  }

  close(): void {
    this.#closed.abort();
    this.#engine?.then(({ connection }) => connection.close(), () => {});
    for (const way of this.#ways.values()) way.close();
  }

  #meet(key: string, member: string, link: number): Client {
    let way = this.#ways.get(member);
    if (way === undefined) {
      way = this.#wayTo(member);
      this.#ways.set(member, way);
      const gone = (): void => {
        this.#ways.get(member)?.close();
        this.#ways.delete(member);
        for (const [key, client] of this.#clients) if (client.member === member) this.#drop(key);
      };
      navigator.locks.request(this.#lifeOf(member), { signal: this.#closed.signal }, gone).catch(() => {});
    }
    const { post } = way;
    const client = { member, post: (reply: Reply) => post({ link, reply }), calls: new Map(), open: new Set<number>(), sessions: new Map() };
    this.#clients.set(key, client);
    return client;
  }

  #load(client: Client, id: number): void {
    const progress = (reply: Omit<Reply & { type: "progress" }, "id">): void => client.post({ ...reply, id });
    this.#loading.add(progress);
    this.#engine ??= this.#begin();
    this.#engine
      .then(
        ({ info }) => client.post({ type: "result", id, value: info }),
        (error: unknown) => client.post({ type: "error", id, error: toWire(error) }),
      )
      .finally(() => this.#loading.delete(progress));
  }

  async #begin(): Promise<Launched> {
    const lost = (): void => {
      this.#engine = undefined;
      this.#parts = new Map();
    };
    try {
      const launched = await this.#launch({
        progress: (progress) => {
          for (const tell of this.#loading) tell({ type: "progress", progress });
        },
      });
      const { connection } = launched;
      if (this.#closed.signal.aborted) connection.close();
      connection.moved = (device) => {
        launched.info = { ...launched.info, device: { ...device, build: launched.info.device.build } };
        for (const client of this.#clients.values()) client.post({ type: "device", device });
      };
      connection.ended = (reason) => {
        lost();
        if (this.#closed.signal.aborted) return;
        // Every line ends with it, also those without a call.
        for (const client of this.#clients.values()) client.post({ type: "error", id: 0, error: toWire(reason) });
        this.#clients.clear();
      };
      return launched;
    } catch (error) {
      lost();
      throw error;
    }
  }

  #forward(client: Client, connection: WorkerConnection, request: Request): void {
    const { id, ...rest } = request;
    if (request.method === "cancel") {
      const call = client.calls.get(id);
      if (call !== undefined) connection.cancel(call, request.given);
      return;
    }
    const answer = (promise: Promise<unknown>): void => {
      promise.then(
        (value) => client.post({ type: "result", id, value }),
        (error: unknown) => client.post({ type: "error", id, error: toWire(error) }),
      );
    };
    const asked = rest as RequestBody;
    if (asked.method === "part") {
      answer(this.#part(connection, asked));
      return;
    }
    const session = "session" in asked && asked.session !== undefined ? (client.sessions.get(asked.session) ?? 0) : undefined;
    const body = (session === undefined ? asked : { ...asked, session }) as RequestBody;
    const sent = connection.send(body, {
      background: request.background,
      events: (events) => client.post({ type: "events", id, events }),
      progress: (progress) => client.post({ type: "progress", id, progress }),
    });
    client.calls.set(id, sent.id);
    client.open.add(id);
    for (const old of client.calls.keys()) {
      if (client.calls.size <= MOST_CALLS) break;
      if (!client.open.has(old)) client.calls.delete(old);
    }
    if (asked.method === "session" || asked.method === "fork") client.sessions.set(id, sent.id);
    if (asked.method === "close") client.sessions.delete(asked.session);
    answer(sent.answer.finally(() => client.open.delete(id)));
  }

  /** Members need not know what others have brought. */
  #part(connection: WorkerConnection, body: RequestBody & { method: "part" }): Promise<void> {
    const key = JSON.stringify(body.files);
    const known = this.#parts.get(key);
    if (known !== undefined) return known;
    const given = connection.send<void>(body).answer;
    this.#parts.set(key, given);
    given.catch(() => this.#parts.delete(key));
    return given;
  }

  /** Nobody listens to a line any more: its calls stop, its sessions are freed. */
  #drop(key: string): void {
    const client = this.#clients.get(key);
    if (client === undefined) return;
    this.#clients.delete(key);
    void this.#engine?.then(
      ({ connection }) => {
        for (const id of client.open) connection.cancel(client.calls.get(id) ?? 0);
        for (const session of client.sessions.values()) connection.send({ method: "close", session }).answer.catch(() => {});
      },
      () => {},
    );
  }
}
