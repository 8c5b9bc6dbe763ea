// A path of the page's own origin that answers like the service, for scripts that take nothing but a base address. Service
// workers cannot run models, so they hand requests to a page that does.

import { WorkerError } from "../errors.js";

const TYPE = "nanolm-openai";

interface Asked {
  url: string;
  method: string;
  headers: [string, string][];
  body: ArrayBuffer | null;
}

/** What the page answers: a head, then parts of the body, then the end. */
type Told = { head: { status: number; headers: [string, string][] } } | { part: Uint8Array } | { end: true } | { failed: string };

interface FetchEventLike extends Event {
  readonly request: Request;
  readonly clientId: string;
  respondWith(response: Promise<Response>): void;
}

interface ClientLike {
  postMessage(message: { type: typeof TYPE }, transfer: Transferable[]): void;
}

interface WorkerScope {
  readonly clients: {
    get(id: string): Promise<ClientLike | undefined>;
    matchAll(options: { type: "window" }): Promise<readonly ClientLike[]>;
  };
  addEventListener(type: "fetch", listener: (event: FetchEventLike) => void): void;
}

/**
 * In the service worker: answers every request below `path` (such as `/nanolm/v1/`) of its own origin by a page that has called
 * `answerRequests`, if it can by the one that asked.
 */
export function serveFromPages(path: string): void {
  const scope = globalThis as unknown as WorkerScope;
  if (scope.clients === undefined) throw new WorkerError("worker/unavailable", "serveFromPages works in a service worker. In Node, npx nanolm serve is the endpoint");
  scope.addEventListener("fetch", (event) => {
    const url = new URL(event.request.url);
    if (url.origin === globalThis.location.origin && url.pathname.startsWith(path)) event.respondWith(throughPage(scope, event));
  });
}

/** How long the pages may take to say that one will answer: they may be at work. */
const PATIENCE_MS = 2000;

async function throughPage(scope: WorkerScope, { request, clientId }: FetchEventLike): Promise<Response> {
  const own = await scope.clients.get(clientId);
  const pages = await scope.clients.matchAll({ type: "window" });
  const port = await firstReady([...new Set([...(own === undefined ? [] : [own]), ...pages])]);
  if (port !== undefined) return ask(port, request);
  const message = "No open page of this origin answers requests: call answerRequests(createFetch(model)) in one.";
  return Response.json({ error: { message, type: "server_error", param: null, code: "no_page" } }, { status: 503 });
}

/** A port to the page that answers first. */
function firstReady(pages: readonly ClientLike[]): Promise<MessagePort | undefined> {
  return new Promise((resolve) => {
    setTimeout(() => resolve(undefined), PATIENCE_MS);
    for (const page of pages) {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => resolve(port1);
      page.postMessage({ type: TYPE }, [port2]);
    }
  });
}

async function ask(port: MessagePort, request: Request): Promise<Response> {
  const hasBody = request.method !== "GET" && request.method !== "HEAD";
  const body = hasBody ? await request.arrayBuffer() : null;
  const stop = (): void => port.postMessage("stop");
  return new Promise((resolve, reject) => {
    let controller!: ReadableStreamDefaultController<Uint8Array>;
    const parts = new ReadableStream<Uint8Array>({
      start(given) {
        controller = given;
      },
      cancel: stop,
    });
    request.signal.addEventListener("abort", stop);
    port.onmessage = ({ data }: MessageEvent<Told>) => {
      if ("head" in data) {
        resolve(new Response(parts as BodyInit, data.head));
      } else if ("part" in data) {
        controller.enqueue(data.part);
      } else if ("end" in data) {
        controller.close();
        port.close();
      } else {
        // Before the head, or in the middle of the body.
        reject(new TypeError(data.failed));
        controller.error(new TypeError(data.failed));
        port.close();
      }
    };
    port.postMessage({ url: request.url, method: request.method, headers: [...request.headers], body } satisfies Asked);
  });
}

/** In a page: answers what `serveFromPages` hands on with `fetch`, made by `createFetch`. Returns what ends that. */
export function answerRequests(fetch: typeof globalThis.fetch): () => void {
  const listen = ({ data, ports }: MessageEvent<{ type?: unknown } | null>): void => {
    const [port] = ports;
    if (data?.type !== TYPE || port === undefined) return;
    const stop = new AbortController();
    port.onmessage = ({ data }: MessageEvent<Asked | "stop">) => (data === "stop" ? stop.abort() : void answer(fetch, data, port, stop.signal));
    port.postMessage("ready");
  };
  if (globalThis.navigator?.serviceWorker === undefined) {
    throw new WorkerError("worker/unavailable", "answerRequests works in a page that may have a service worker: one of https or localhost");
  }
  navigator.serviceWorker.addEventListener("message", listen);
  navigator.serviceWorker.startMessages();
  return () => navigator.serviceWorker.removeEventListener("message", listen);
}

async function answer(fetch: typeof globalThis.fetch, asked: Asked, port: MessagePort, signal: AbortSignal): Promise<void> {
  const tell = (told: Told): void => port.postMessage(told);
  const { url, method, headers, body } = asked;
  try {
    const response = await fetch(url, { method, headers, body, signal });
    tell({ head: { status: response.status, headers: [...response.headers] } });
    const reader = response.body?.getReader();
    for (;;) {
      const { value } = (await reader?.read()) ?? {};
      if (value === undefined) break;
      tell({ part: value });
    }
    tell({ end: true });
  } catch (error) {
    tell({ failed: (error as Error).message });
  }
}
