// The built extension in the system's Chromium: its toolbar button is pressed, its side panel and its other pages are talked to
// through the debugging protocol, as no driver knows side panels.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { unzipSync } from "fflate";
import { chromium } from "playwright-core";
import { chromiumPath, ROOT } from "../../web/support/browser.mjs";

const ARGS = ["--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-gpu", "--enable-unsafe-extension-debugging"];

export function zipOf(target) {
  const name = readdirSync(join(ROOT, "build")).find((file) => file.startsWith(`nanolm-${target}-`) && file.endsWith(".zip"));
  if (!name) throw new Error(`no zip for ${target} in build/: run pkg-scripts/extension`);
  return join(ROOT, "build", name);
}

/** The zip for the store, unpacked into a new folder. */
export function unzipped(target) {
  const folder = mkdtempSync(join(tmpdir(), `nanolm-${target}-`));
  for (const [path, bytes] of Object.entries(unzipSync(readFileSync(zipOf(target))))) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), bytes);
  }
  return folder;
}

/** A browser with an unpacked extension in it. */
export async function launchWith(folder, { args = [], listens = "chrome.action?.onClicked.hasListeners()" } = {}) {
  const profile = mkdtempSync(join(tmpdir(), "nanolm-profile-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: chromiumPath(),
    headless: true,
    // Root, as in containers, has no sandbox to use.
    chromiumSandbox: process.getuid?.() !== 0,
    args: [...ARGS, ...args],
    ignoreDefaultArgs: ["--disable-extensions"],
  });
  const cdp = await context.browser().newBrowserCDPSession();
  const { id } = await cdp.send("Extensions.loadUnpacked", { path: folder });
  const extension = new Extension(context, cdp, id, profile);
  // Events are heard only once the service worker has run for the first time.
  const worker = await extension.open(/background\.js$/);
  await worker.until(`Boolean(globalThis.chrome?.runtime && ${listens})`);
  return extension;
}

class Extension {
  constructor(context, cdp, id, profile) {
    Object.assign(this, { context, cdp, id, profile });
    this.origin = `chrome-extension://${id}`;
    this.sessions = new Map();
    cdp.on("Target.receivedMessageFromTarget", ({ sessionId, message }) => this.sessions.get(sessionId)?.(JSON.parse(message)));
  }

  /** Presses the extension's toolbar button on the tab that shows an address. */
  async press(url) {
    const { targetInfos } = await this.cdp.send("Target.getTargets", { filter: [{ type: "tab" }] });
    const tab = targetInfos.find((target) => target.url === url);
    if (!tab) throw new Error(`no tab shows ${url}: ${targetInfos.map((target) => target.url)}`);
    await this.cdp.send("Extensions.triggerAction", { id: this.id, targetId: tab.targetId });
  }

  /** The extension's targets whose address fits. */
  async targets(pattern) {
    const { targetInfos } = await this.cdp.send("Target.getTargets", { filter: [{}] });
    return targetInfos.filter(({ type, url }) => type !== "tab" && url.startsWith(this.origin) && pattern.test(url));
  }

  /** Waits for one of the extension's pages and opens a line to it. */
  async open(pattern, timeout = 15000) {
    for (const end = Date.now() + timeout; ; await pause(10)) {
      const [target] = await this.targets(pattern);
      if (target) return this.attach(target.targetId);
      if (Date.now() > end) throw new Error(`no page of the extension fits ${pattern}`);
    }
  }

  async attach(targetId) {
    const { sessionId } = await this.cdp.send("Target.attachToTarget", { targetId, flatten: false });
    const line = new Line(this.cdp, sessionId, targetId);
    this.sessions.set(sessionId, (message) => line.receive(message));
    return line;
  }

  /** Ends the service worker, as the browser does when it is idle, and waits until it is gone. */
  async stopServiceWorker() {
    for (const { targetId } of await this.targets(/background\.js$/)) await this.cdp.send("Target.closeTarget", { targetId });
    for (const end = Date.now() + 5000; (await this.targets(/background\.js$/)).length > 0; await pause(20)) {
      if (Date.now() > end) throw new Error("the service worker did not end");
    }
  }

  async close() {
    await this.context.close();
    rmSync(this.profile, { recursive: true, force: true });
  }
}

/** A line to one page. */
class Line {
  #cdp;
  #sessionId;
  #calls = new Map();
  #last = 0;
  /** Lines to the page's workers, by the sessions that the page has with them. */
  #workers = new Map();

  constructor(cdp, sessionId, targetId) {
    this.#cdp = cdp;
    this.#sessionId = sessionId;
    this.targetId = targetId;
  }

  receive({ id, result, error, method, params }) {
    if (method === "Target.attachedToTarget" && params.targetInfo.type === "worker") {
      this.#workers.set(params.sessionId, new Line(this, params.sessionId, params.targetInfo.targetId));
    }
    if (method === "Target.detachedFromTarget") this.#workers.delete(params.sessionId);
    if (method === "Target.receivedMessageFromTarget") this.#workers.get(params.sessionId)?.receive(JSON.parse(params.message));
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    if (error) call?.reject(new Error(error.message));
    else call?.resolve(result);
  }

  send(method, params = {}) {
    const id = ++this.#last;
    const answer = new Promise((resolve, reject) => this.#calls.set(id, { resolve, reject }));
    this.#cdp.send("Target.sendMessageToTarget", { sessionId: this.#sessionId, message: JSON.stringify({ id, method, params }) }).catch((error) => {
      this.#calls.get(id)?.reject(error);
    });
    return answer;
  }

  /** The value of a function called in the page. */
  async evaluate(run, ...args) {
    const expression = typeof run === "string" ? run : `(${run})(...${JSON.stringify(args)})`;
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true, userGesture: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  /** Waits until a function gives something true in the page, and gives that. */
  async until(run, ...args) {
    for (const end = Date.now() + 15000; ; await pause(20)) {
      const value = await this.evaluate(run, ...args);
      if (value) return value;
      if (Date.now() > end) throw new Error(`never true: ${run}\nThe page says: ${await this.evaluate("globalThis.document?.body.innerText")}`);
    }
  }

  /** Lines to the page's workers. */
  async workers() {
    await this.send("Target.setAutoAttach", { autoAttach: true, waitForDebuggerOnStart: false, flatten: false });
    await pause(50);
    return [...this.#workers.values()];
  }

  /** Closes the page. */
  async close() {
    await this.#cdp.send("Target.closeTarget", { targetId: this.targetId });
  }
}

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
