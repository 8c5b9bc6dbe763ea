// A `fetch` as a server of Node's: whoever may ask, streams that end when nobody listens, an end that lets answers finish.

import { createHash, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

export interface ServerOptions {
  host: string;
  port: number;
  /** Origins whose pages may ask; "*" stands for all. */
  cors: readonly string[];
  /** What must be asked with, as a bearer token. */
  key: string | undefined;
}

/** The longest body of a request. */
const MOST_BYTES = 32 << 20;

const LOOPBACK = ["localhost", "127.0.0.1", "[::1]", "::1"];

/** Whether nobody but this machine reaches a host. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.includes(host);
}

export class FetchServer {
  readonly #fetch: typeof fetch;
  readonly #options: ServerOptions;
  readonly #server: Server;
  /** What is being answered. */
  readonly #open = new Set<AbortController>();
  #stopping = false;

  constructor(answer: typeof fetch, options: ServerOptions) {
    this.#fetch = answer;
    this.#options = options;
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch(() => response.destroy());
    });
  }

  /** Resolves to its address once it listens. */
  listen(): Promise<string> {
    const { host, port } = this.#options;
    return new Promise((resolve, reject) => {
      this.#server.once("error", (error: Error & { code?: string }) => {
        const why: Record<string, string> = {
          EADDRINUSE: `port ${port} of ${host} is in use. Give another one with --port, or 0 for any that is free`,
          EACCES: `port ${port} may not be opened. Give one above 1023 with --port`,
          EADDRNOTAVAIL: `${host} is no address of this machine. Give another one with --host`,
          ENOTFOUND: `${host} is no address of this machine. Give another one with --host`,
        };
        reject(new Error(why[error.code ?? ""] ?? error.message));
      });
      this.#server.listen(port, host.replace(/^\[|\]$/g, ""), () => {
        const name = host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
        resolve(`http://${name}:${this.#server.address()?.port}`);
      });
    });
  }

  /** Takes no more requests, and resolves when those there are were answered; after `patience` they are ended. */
  async stop(patience: number): Promise<void> {
    this.#stopping = true;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    const timer = setTimeout(() => {
      for (const open of this.#open) open.abort();
      this.#server.closeAllConnections();
    }, patience);
    await closed;
    clearTimeout(timer);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "GET", headers } = request;
    const allowed = this.#allowOrigin(headers["origin"], response);
    if (this.#stopping) response.setHeader("connection", "close");
    // A page of another site may have its name lead here: it must not pass for one of this machine.
    if (isLoopback(this.#options.host) && !isLoopback(hostOf(headers["host"]))) return refuse(response, 403, `The host ${headers["host"]} is not served.`, "host_not_allowed");
    if (!allowed) return refuse(response, 403, `Pages of ${headers["origin"]} may not ask: start the server with --cors ${headers["origin"]}.`, "origin_not_allowed");
    if (method === "OPTIONS") return preflight(request, response);
    if (request.url === "/health") return send(response, 200, { status: "ok" });
    if (!this.#hasKey(headers["authorization"])) return refuse(response, 401, "Incorrect API key provided.", "invalid_api_key");
    const body = await bodyOf(request);
    if (body === undefined) return refuse(response, 413, `The request is longer than ${MOST_BYTES} bytes.`, "request_too_large");
    const stop = new AbortController();
    this.#open.add(stop);
    response.on("close", () => stop.abort());
    try {
      const asked = { method, headers: { "content-type": headers["content-type"] ?? "application/json" }, signal: stop.signal };
      const url = `http://localhost${request.url}`;
      const answer = await this.#fetch(url, method === "GET" || method === "HEAD" ? asked : { ...asked, body });
      response.statusCode = answer.status;
      answer.headers.forEach((value, name) => response.setHeader(name, value));
      if (answer.body === null) response.end();
      else await pipeline(Readable.fromWeb(answer.body), response);
    } finally {
      this.#open.delete(stop);
    }
  }

  /** Whether an origin may ask. Programs name none; pages always name theirs. */
  #allowOrigin(origin: string | undefined, response: ServerResponse): boolean {
    if (origin === undefined) return true;
    const { cors } = this.#options;
    if (!cors.includes("*") && !cors.includes(origin)) return false;
    response.setHeader("access-control-allow-origin", cors.includes("*") ? "*" : origin);
    response.setHeader("access-control-expose-headers", "x-request-id");
    response.setHeader("vary", "origin");
    return true;
  }

  #hasKey(authorization: string | undefined): boolean {
    const { key } = this.#options;
    if (key === undefined) return true;
    const hash = (text: string): Uint8Array => createHash("sha256").update(text).digest();
    return timingSafeEqual(hash(authorization ?? ""), hash(`Bearer ${key}`));
  }
}

function hostOf(header: string | undefined): string {
  return (header ?? "").replace(/:\d+$/, "").toLowerCase();
}

function preflight(request: IncomingMessage, response: ServerResponse): void {
  response.setHeader("access-control-allow-methods", "GET, POST, OPTIONS");
  // Clients send headers of their own by the dozen; none of them is looked at.
  response.setHeader("access-control-allow-headers", request.headers["access-control-request-headers"] ?? "authorization, content-type");
  response.setHeader("access-control-allow-private-network", "true");
  response.setHeader("access-control-max-age", "86400");
  response.statusCode = 204;
  response.end();
}

async function bodyOf(request: IncomingMessage): Promise<Blob | undefined> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  for await (const part of request) {
    length += part.length;
    // What is too long is read to its end, so that the client hears of it.
    if (length <= MOST_BYTES) parts.push(part);
  }
  return length > MOST_BYTES ? undefined : new Blob(parts);
}

function refuse(response: ServerResponse, status: number, message: string, code: string): void {
  send(response, status, { error: { message, type: "invalid_request_error", param: null, code } });
}

function send(response: ServerResponse, status: number, body: object): void {
  response.statusCode = status;
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(body));
}
