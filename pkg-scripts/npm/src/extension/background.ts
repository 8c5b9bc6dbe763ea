/**
 * `nanolm/extension/background`: for the service worker (Chromium) or background script (Firefox) of an extension. It opens the
 * page that holds the engine whenever one of the extension's pages or content scripts asks for it.
 */

import { toWire } from "../errors.js";
import { platform } from "./platform.js";
import { OPEN, type Opened } from "./protocol.js";

/** Opens the engine's page ahead of the first call, for instance while a panel opens. Resolves once it is there. */
export type OpenEngine = () => Promise<void>;

/**
 * Call it at the top of the background script, before anything is awaited: an event that wakes the script is lost otherwise.
 *
 * @param page The extension's page that calls `serveEngine()`. In Chromium it becomes the extension's offscreen document, which
 * needs the permission `offscreen`; in Firefox a frame of the background page.
 */
export function hostEngine(page = "engine.html"): OpenEngine {
  const { runtime, offscreen } = platform();
  const url = runtime.getURL(page);
  const open = offscreen === undefined ? () => openFrame(url) : () => openOffscreen(offscreen, url);
  runtime.onMessage.addListener((message, _, respond) => {
    if ((message as typeof OPEN | null)?.nanolm !== OPEN.nanolm) return false;
    open().then(
      () => respond({ nanolm: "opened" } satisfies Opened),
      (error: unknown) => respond({ nanolm: "failed", error: toWire(error) } satisfies Opened),
    );
    // The answer comes later.
    return true;
  });
  return open;
}

type Offscreen = NonNullable<ReturnType<typeof platform>["offscreen"]>;

async function openOffscreen(offscreen: Offscreen, url: string): Promise<void> {
  const justification = "Runs a language model in a worker, which a service worker cannot start";
  try {
    await offscreen.createDocument({ url, reasons: ["WORKERS"], justification });
  } catch (error) {
    // It is there, or on its way: whoever connects finds it.
    if (!/single offscreen/i.test((error as Error).message)) throw error;
  }
}

let frame: Promise<void> | undefined;

function openFrame(url: string): Promise<void> {
  frame ??= new Promise((resolve, reject) => {
    const element = document.createElement("iframe");
    element.onload = () => resolve();
    element.onerror = () => reject(new Error(`${url} could not be opened`));
    element.src = url;
    document.documentElement.append(element);
  });
  return frame;
}
