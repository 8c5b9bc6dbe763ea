// Of Node's own modules what this package uses. The types of Node itself would give every module here the globals of Node.

declare module "node:worker_threads" {
  export class Worker {
    constructor(script: URL, options: { name?: string; workerData?: unknown });
    on(event: "message", listener: (data: never) => void): this;
    on(event: "messageerror", listener: () => void): this;
    on(event: "error", listener: (error: Error | undefined) => void): this;
    on(event: "exit", listener: (code: number) => void): this;
    postMessage(data: unknown, transfer?: readonly unknown[]): void;
    ref(): void;
    unref(): void;
    terminate(): Promise<number>;
  }
  export const parentPort: {
    postMessage(data: unknown, transfer?: readonly unknown[]): void;
    on(event: "message", listener: (data: unknown) => void): void;
  } | null;
  export const workerData: unknown;
}

declare module "node:fs" {
  interface Stats {
    size: number;
    mtime: Date;
    isFile(): boolean;
    isDirectory(): boolean;
  }
  export function statSync(path: URL, options: { throwIfNoEntry: false }): Stats | undefined;
  export function createReadStream(path: string, options: { start: number; highWaterMark: number; signal: AbortSignal }): import("node:stream").Readable;
  export function readFileSync(path: URL | string, encoding: "utf8"): string;
}

declare module "node:fs/promises" {
  type Bytes = Uint8Array<ArrayBuffer>;
  interface FileHandle {
    read(into: Bytes, offset: number, length: number, position: number): Promise<{ buffer: Bytes; bytesRead: number }>;
    close(): Promise<void>;
  }
  export function stat(path: string): Promise<import("node:fs").Stats>;
  export function readFile(path: string): Promise<Bytes>;
  export function writeFile(path: string, bytes: Bytes): Promise<void>;
  export function mkdir(path: string, options: { recursive: true }): Promise<unknown>;
  export function rename(from: string, to: string): Promise<void>;
  export function rm(path: string, options: { recursive?: boolean; force: true }): Promise<void>;
  export function readdir(path: string): Promise<string[]>;
  export function open(path: string): Promise<FileHandle>;
}

declare module "node:stream/promises" {
  export function pipeline(from: import("node:stream").Readable, to: import("node:stream").Writable): Promise<void>;
}

declare module "node:process" {
  type Terminal = { isTTY?: boolean };
  const process: {
    readonly argv: readonly string[];
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly stdin: import("node:stream").Readable & Terminal;
    readonly stdout: import("node:stream").Writable & Terminal;
    readonly stderr: import("node:stream").Writable & Terminal;
    exitCode: number;
    exit(code: number): never;
    on(event: "SIGINT" | "SIGTERM", listener: () => void): void;
  };
  export default process;
}

declare module "node:readline/promises" {
  interface Interface {
    question(prompt: string, options: { signal: AbortSignal }): Promise<string>;
    on(event: "SIGINT" | "close", listener: () => void): void;
    close(): void;
  }
  export function createInterface(options: { input: import("node:stream").Readable; output: import("node:stream").Writable }): Interface;
}

declare module "node:util" {
  type Value = string | boolean | string[] | undefined;
  export function parseArgs(given: {
    args: readonly string[];
    options: Record<string, { type: "string" | "boolean"; multiple: boolean }>;
    allowPositionals: true;
  }): { values: Record<string, Value>; positionals: string[] };
}

declare module "node:http" {
  import type { Readable, Writable } from "node:stream";
  interface IncomingMessage extends Readable {
    readonly method?: string;
    readonly url?: string;
    readonly headers: Readonly<Record<string, string | undefined>>;
  }
  interface ServerResponse extends Writable {
    statusCode: number;
    setHeader(name: string, value: string): void;
  }
  interface Server {
    listen(port: number, host: string, listening: () => void): void;
    once(event: "error", listener: (error: Error & { code?: string }) => void): void;
    address(): { port: number } | null;
    close(closed: () => void): void;
    closeIdleConnections(): void;
    closeAllConnections(): void;
  }
  export function createServer(answer: (request: IncomingMessage, response: ServerResponse) => void): Server;
}

declare module "node:os" {
  export function homedir(): string;
  export function platform(): string;
  export function availableParallelism(): number;
}

declare module "node:path" {
  export function join(...parts: string[]): string;
  export function basename(path: string): string;
}

declare module "node:url" {
  export function pathToFileURL(path: string): URL;
  export function fileURLToPath(url: URL): string;
}

declare module "node:crypto" {
  interface Hash {
    update(text: string): Hash;
    digest(): Uint8Array;
    digest(form: "hex"): string;
  }
  export function createHash(algorithm: "sha256"): Hash;
  export function timingSafeEqual(a: Uint8Array, b: Uint8Array): boolean;
}

declare module "node:stream" {
  export class Writable {
    write(text: string): boolean;
    end(text?: string): void;
    on(event: "error", listener: (error: Error & { code?: string }) => void): this;
    on(event: "close", listener: () => void): this;
    destroy(): void;
  }
  export class Readable implements AsyncIterable<Uint8Array<ArrayBuffer>> {
    static toWeb(stream: Readable): unknown;
    static fromWeb(stream: ReadableStream): Readable;
    [Symbol.asyncIterator](): AsyncIterator<Uint8Array<ArrayBuffer>>;
  }
}
