// What every worker does: it owns the engine and answers the page's calls (protocol.ts). The entry points, ../worker.ts and
// ../worker-threads.ts, say how their builds of the engine start.

import type { Engine, Guide, Job, ModelFiles, Session } from "../engine.js";
import { DisposedError, toWire, WorkerError } from "../errors.js";
import { type ReadFiles, readFiles } from "../files/download.js";
import type { Build, DeviceInfo, LoadedInfo } from "../info.js";
import { diagnosis } from "./compile.js";
import { embedAll } from "./embed.js";
import { guideFor } from "./grammar.js";
import { judged } from "./judged.js";
import { keepLine, known } from "./measured.js";
import { type Told, throttled } from "./progress.js";
import type { Reply, Request } from "./protocol.js";
import { Queue } from "./queue.js";
import { askForSubgroups } from "./subgroups.js";

/** A build of the engine. */
export interface Host {
  /** Compiles and starts the wasm file of a build; once. `assets`: where the page has put a copy of the package's files. `threads`: the most that will be wanted. */
  start(build: Build, assets: string | undefined, threads: number): Promise<unknown>;
  /** Fetches what structured output is written with. */
  grammar(assets: string | undefined): Promise<WebAssembly.Module>;
  Engine: typeof Engine;
  ModelFiles: typeof ModelFiles;
  /**
   * Starts what threads it can to make `wanted`, the engine's own included. Resolves to how many there are, and why not
   * more. Absent in builds without threads.
   */
  startThreads?(wanted: number): Promise<{ threads: number; why: string }>;
}

interface Scope {
  postMessage(reply: Reply, transfer?: Transferable[]): void;
  onmessage: ((event: MessageEvent<Request>) => void) | null;
}
const scope = globalThis as unknown as Scope;

let host: Host;
let engine: Engine | undefined;
/** After a trap the engine's memory cannot be trusted. */
let trapped: Error | undefined;
/** Of calls that can be stopped, by their ids. */
const stops = new Map<number, AbortController>();
/** By the id of the call that made them. */
const sessions = new Map<number, Session>();
/** The last call that changed a session, by the session. */
const lastCalls = new Map<number, number>();

/** Moves of the model that the page knows of, and threads that compute. */
let moves = 0;
let threads: { threads: number; why: string } | undefined;
/** As many threads as the caller asked for. */
let asked: number | undefined;
/** Where the page has put a copy of the package's files. */
let assets: string | undefined;

/** Tells the page where the model runs now, if it has moved; on the CPU its threads start. */
function tellMoves(): void {
  if (engine === undefined || trapped !== undefined || engine.moves() === moves) return;
  moves = engine.moves();
  const { device } = engine.info();
  scope.postMessage({ type: "device", device: described(device) });
  if (device.kind !== "cpu" || threads !== undefined) return;
  // Calls go on meanwhile: threads join in when they are ready.
  void startThreads(device).then((started) => {
    if (started) scope.postMessage({ type: "device", device: described(device) });
  });
}

const queue = new Queue({
  events: (id, events) => {
    tellMoves();
    scope.postMessage({ type: "events", id, events });
  },
  finished: (id, value) => {
    tellMoves();
    // Saved sessions can be large: they move instead of being copied.
    scope.postMessage({ type: "result", id, value }, value instanceof Uint8Array ? [value.buffer as ArrayBuffer] : []);
  },
  failed: fail,
});

function fail(id: number, error: unknown): void {
  let told = error;
  if (error instanceof WebAssembly.RuntimeError) {
    trapped = error;
    told = new WorkerError("worker/crashed", `the engine stopped: ${error.message}. Load the model again`);
  }
  tellMoves();
  scope.postMessage({ type: "error", id, error: toWire(told) });
}

function loaded(): Engine {
  if (trapped !== undefined) {
    throw new WorkerError("worker/crashed", `the engine stopped before: ${trapped.message}. Load the model again`);
  }
  if (engine === undefined) {
    throw new WorkerError("worker/no-model", "no model is loaded in this worker");
  }
  return engine;
}

function session(id: number): Session {
  // Says so where the engine is no more.
  loaded();
  const found = sessions.get(id);
  if (found === undefined) {
    throw new DisposedError("session/disposed", "the session was disposed of. Begin a new one with model.session()");
  }
  return found;
}

/** A session for a call that changes it. */
function changed(id: number, call: number): Session {
  const found = session(id);
  lastCalls.set(id, call);
  return found;
}

/** A session's caller stopped a call that was over already: what it was not given is taken back, unless more came behind it. */
function takeBack(call: number, given: number): void {
  for (const [id, last] of lastCalls) if (last === call) queue.once({ id: call }, () => session(id).keepWritten(given), true);
}

/** Keeps a session that is being made, under the id of its call. */
async function keep(id: number, made: Promise<Session>): Promise<void> {
  sessions.set(id, await made);
}

/** Begins a call that writes, held to the format that its options name. */
function held(options: object, start: (options: object, guide?: Guide) => Job): Job | Promise<Job> {
  const { responseFormat, ...rest } = options as { responseFormat?: unknown };
  if (responseFormat === undefined) return start(rest);
  return guideFor(responseFormat, loaded(), () => host.grammar(assets)).then((guide) => start(rest, guide));
}

function generate({ task, input, options }: Request & { method: "start" }): Job | Promise<Job> {
  return held(options, (options, guide) => {
    const engine = loaded();
    if (guide === undefined) return engine.start(task, input, options);
    const literal = (options as { controls?: unknown }).controls === "literal" ? undefined : new Uint32Array();
    return engine.generate(engine.tokenize(input, true, literal), options, guide);
  });
}

function receive(request: Request): void {
  const { id } = request;
  const answer = (value: unknown): void => scope.postMessage({ type: "result", id, value });
  const failed = (error: unknown): void => fail(id, error);
  const between = (work: () => unknown): void => void queue.between(work).then(answer, failed);
  switch (request.method) {
    case "load":
      load(request).then(answer, failed);
      break;
    case "tokenize":
      between(() => loaded().tokenize(request.text, request.addSpecial, request.literal));
      break;
    case "detokenize":
      between(() => loaded().detokenize(request.ids));
      break;
    case "chatFiles":
      between(() => loaded().chat());
      break;
    case "sentences":
      between(() => loaded().sentences(request.text, request.prose));
      break;
    case "support":
      between(() => loaded().support(request.text, request.written));
      break;
    case "readTokens":
      readTokens(request).then(answer, failed);
      break;
    case "pace":
      queue.setPace(request.pace);
      answer(undefined);
      break;
    case "masked":
      between(() => loaded().masked(request.text, request.top));
      break;
    case "part":
      part(request).then(answer, failed);
      break;
    case "embed":
      embed(request).then((vectors) => scope.postMessage({ type: "result", id, value: vectors }, [vectors.buffer]), failed);
      break;
    case "start":
      queue.push(request, () => (request.task === "generate" ? generate(request) : loaded().start(request.task, request.input, request.options)));
      break;
    case "choose":
      queue.push(request, () => loaded().choose(request.labels, request.tokens, request.ends, request.end));
      break;
    case "session":
      queue.once(request, () => keep(id, loaded().session(request.saved)));
      break;
    case "fork":
      queue.once(request, () => keep(id, session(request.session).fork()));
      break;
    case "append":
      queue.push(
        request,
        () => changed(request.session, id).append(request.text, request.literal),
        (given) => session(request.session).keepWritten(given),
      );
      break;
    case "continue":
      queue.push(
        request,
        () => held(request.options, (options, guide) => changed(request.session, id).generate(options, undefined, guide)),
        (given) => session(request.session).keepWritten(given),
      );
      break;
    case "chat":
      queue.push(request, () =>
        held(request.options, (options, guide) =>
          request.session === undefined
            ? loaded().generate(request.tokens, options, guide)
            : changed(request.session, id).generate(options, request.tokens, guide),
        ),
      );
      break;
    case "save":
      queue.once(request, () => session(request.session).save());
      break;
    case "close":
      queue.once(request, () => {
        sessions.get(request.session)?.free();
        sessions.delete(request.session);
        lastCalls.delete(request.session);
      });
      break;
    case "cancel":
      stops.get(id)?.abort();
      if (!queue.cancel(id, request.given) && request.given !== undefined) takeBack(id, request.given);
      break;
  }
}

function progressOf(id: number): Told {
  return throttled((progress) => scope.postMessage({ type: "progress", id, progress }));
}

/** Does what a cancelled call stops. */
async function stoppable<T>(id: number, work: (stop: AbortController) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  stops.set(id, stop);
  try {
    return await work(stop);
  } finally {
    stops.delete(id);
  }
}

function part({ id, files: sources, cache }: Request & { method: "part" }): Promise<void> {
  return stoppable(id, async (stop) => {
    const progress = progressOf(id);
    const onProgress = (loaded: number, total: number | undefined): void => progress("download", loaded, total);
    const ready = Promise.resolve(() => new host.ModelFiles());
    const read = (): Promise<ReadFiles> => readFiles(sources, ready, { model: false, cache, stop, onProgress });
    await judged(read, (files) => queue.between(() => loaded().addPart(files)));
  });
}

/** More short texts than an encoder reads at once; a table reads one. */
const TEXTS_AT_ONCE = 32;

/** Work beside the queue, which takes its turns with what is in it. */
function beside<T>({ id, background }: Request, work: (signal: AbortSignal, turn: (worked: number) => Promise<void>) => Promise<T>): Promise<T> {
  return stoppable(id, ({ signal }) => {
    const turns = {
      background,
      get cancelled() {
        return signal.aborted;
      },
    };
    return queue.beside(background, work(signal, (worked) => queue.turn(turns, worked)));
  });
}

function readTokens(request: Request & { method: "readTokens" }): Promise<unknown> {
  return beside(request, async (signal, turn) => {
    await turn(0);
    signal.throwIfAborted();
    return queue.between(() => loaded().readTokens(request.text, request.question));
  });
}

function embed(request: Request & { method: "embed" }): Promise<Float32Array<ArrayBuffer>> {
  const { id, texts, options, query } = request;
  return beside(request, (signal, turn) => {
    const progress = progressOf(id);
    const between = <T>(work: () => T): Promise<T> => queue.between(work);
    const most = query !== undefined || loaded().info().tasks.includes("embed") ? TEXTS_AT_ONCE : 1;
    const work = { between, turn, signal, onProgress: (n: number) => progress("embed", n, texts.length) };
    const vectors = (some: string[]): Float32Array[] =>
      query === undefined ? loaded().embed(some, options) : Array.from(loaded().score(query, some), (score) => Float32Array.of(score));
    return embedAll(texts, vectors, most, work);
  });
}

function load(request: Request & { method: "load" }): Promise<LoadedInfo> {
  const { id, files: sources, device, cache, build, quantize, integrity } = request;
  assets = request.assets;
  return stoppable(id, async (stop) => {
    const ready = start(build, request.threads);
    // Awaited in readFiles; until then a failure is not unobserved.
    ready.catch(() => {});
    const progress = progressOf(id);
    const measures = cache && device === "auto";
    const lines = measures ? known() : "";
    let notes = (): string[] => [];
    const read = async (): Promise<ReadFiles> => {
      const onProgress = (loaded: number, total: number | undefined): void => progress("download", loaded, total);
      const files = await readFiles(sources, ready, { model: true, cache, integrity, stop, onProgress });
      notes = files.notes;
      mark("files read");
      return files;
    };
    engine = await judged(read, async (files) => {
      const made = await host.Engine.load(files, device, await lines, progress, quantize);
      mark("model made");
      return made;
    });
    const measured = engine.measured();
    if (measures && measured !== undefined) {
      const kept = keepLine(measured);
      // One that is new is there for the load that comes next, however soon.
      if (!(await lines).includes(measured)) await kept;
    }
    asked = request.threads;
    const info = engine.info();
    if (info.device.kind === "cpu") await startThreads(info.device);
    // None is wanted now.
    else await host.startThreads?.(1);
    return { ...info, notes: [...info.notes, ...notes()], device: described(info.device) };
  });
}

/** A point of a load on the timeline of the browser's tools, in milliseconds since the worker began. Benchmarks read it, too. */
function mark(point: "worker ready" | "engine started" | "files read" | "model made"): void {
  performance.mark(`nanolm: ${point}`);
}

/** The most threads by default. Computers with more have them in pairs that share a core, or other work to do. */
const MOST_BY_DEFAULT = 4;

function mostThreads(): number {
  return Math.min(navigator.hardwareConcurrency ?? 1, MOST_BY_DEFAULT);
}

/** Starts the threads that the model is worth on the CPU, unless the caller says how many. Says whether this build has any. */
async function startThreads(device: DeviceInfo): Promise<boolean> {
  const wanted = asked ?? Math.min(device.threads, mostThreads());
  if (host.startThreads === undefined) return false;
  threads = await host.startThreads(wanted);
  return true;
}

/** A device with the threads that compute on it. */
function described(device: DeviceInfo): DeviceInfo {
  if (threads === undefined || device.kind === "gpu") return { ...device, threads: 1 };
  const counted = threads.threads === 1 ? "1 thread" : `${threads.threads} threads`;
  const reason = `${device.reason}; ${counted}${threads.why === "" ? "" : ` (${threads.why})`}`;
  return { ...device, threads: threads.threads, reason };
}

async function start(build: Build, wanted: number | undefined): Promise<() => ModelFiles> {
  try {
    await host.start(build, assets, wanted ?? mostThreads());
    mark("engine started");
  } catch (error) {
    const why = `engine-${build}.wasm could not be started: ${(error as Error).message}`;
    const { problem, cure } = diagnosis(error);
    throw new WorkerError("worker/wasm", `${why}. ${cure}`, { why, problem });
  }
  return () => new host.ModelFiles();
}

/** Answers calls from now on. */
export function serve(engineOf: Host): void {
  host = engineOf;
  askForSubgroups();
  scope.onmessage = ({ data }) => receive(data);
  mark("worker ready");
  const life = `nanolm worker ${Math.random()}`;
  const ready = (life?: string): void => scope.postMessage({ type: "ready", life });
  // Where there are no locks, nobody hears of a worker that ends itself.
  if (globalThis.navigator?.locks === undefined || globalThis.origin === "null") {
    ready();
    return;
  }
  const held = (): Promise<void> => {
    ready(life);
    return new Promise(() => {});
  };
  navigator.locks.request(life, held).catch(() => ready());
}
