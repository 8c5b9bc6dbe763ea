// The little of a browser's extension interface that is used here. Chromium has it as `chrome`, Firefox as `browser` too.

import { WorkerError } from "../errors.js";

export interface Listeners<F> {
  addListener(listener: F): void;
  removeListener(listener: F): void;
}

export interface Port {
  readonly name: string;
  readonly onMessage: Listeners<(message: unknown) => void>;
  readonly onDisconnect: Listeners<() => void>;
  postMessage(message: unknown): void;
  disconnect(): void;
}

type Respond = (answer: unknown) => void;

export interface Runtime {
  readonly onConnect: Listeners<(port: Port) => void>;
  readonly onMessage: Listeners<(message: unknown, sender: unknown, respond: Respond) => boolean>;
  readonly lastError?: { message?: string } | undefined;
  connect(info: { name: string }): Port;
  sendMessage(message: unknown): Promise<unknown>;
  getPlatformInfo(): Promise<unknown>;
  getURL(path: string): string;
}

export interface Platform {
  readonly runtime: Runtime;
  /** Chromium alone. */
  readonly offscreen?: {
    createDocument(options: { url: string; reasons: string[]; justification: string }): Promise<void>;
  };
}

/** The extension's interface. */
export function platform(): Platform {
  const scope = globalThis as { browser?: Platform; chrome?: Platform };
  const found = scope.browser?.runtime?.getURL === undefined ? scope.chrome : scope.browser;
  if (found?.runtime?.getURL === undefined) {
    throw new WorkerError(
      "worker/unavailable",
      "there is no extension here: chrome.runtime is missing. Use Model of \"nanolm\" in web pages",
    );
  }
  return found;
}
