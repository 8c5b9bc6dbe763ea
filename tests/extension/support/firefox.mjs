// The built extension in Firefox, driven by WebDriver BiDi. Its sidebar is no window that the driver knows, so it is looked at from
// another page of the extension; its toolbar button is pressed from the browser's own window.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import WebSocket from "ws";
import { pause } from "./chromium.mjs";

/** The extension's id in its manifest, and the address that it gets here. */
const ID = "nanolm@nanolm.example";
const UUID = "6b1f6a3e-1c1c-4b6e-9d2a-0123456789ab";
const BUTTON = ID.replace(/[@.]/g, "_");

const PREFERENCES = {
  "extensions.webextensions.uuids": JSON.stringify({ [ID]: UUID }),
  // The background page ends so soon after its last work; 30 seconds by default.
  "extensions.background.idle.timeout": 2500,
  "datareporting.policy.dataSubmissionEnabled": false,
  "app.update.enabled": false,
  "browser.shell.checkDefaultBrowser": false,
};

/** NANOLM_FIREFOX, or what is on the path; undefined where there is none. */
export function firefoxPath() {
  for (const candidate of [process.env.NANOLM_FIREFOX, "firefox", "firefox-esr"]) {
    try {
      if (candidate) execFileSync(candidate, ["--version"], { stdio: "ignore" });
      if (candidate) return candidate;
    } catch {
      // The next one.
    }
  }
  return undefined;
}

/** A browser with an unpacked extension in it. */
export async function launchFirefox(folder) {
  const profile = mkdtempSync(join(tmpdir(), "nanolm-firefox-profile-"));
  const lines = Object.entries(PREFERENCES).map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});`);
  writeFileSync(join(profile, "user.js"), lines.join("\n"));
  const args = ["--headless", "--no-remote", "--remote-debugging-port", "0", "--remote-allow-system-access", "--profile", profile, "about:blank"];
  const child = spawn(firefoxPath(), args, { stdio: ["ignore", "ignore", "pipe"] });
  const address = await new Promise((resolve, reject) => {
    let said = "";
    child.stderr.on("data", (data) => {
      said += data;
      const found = /WebDriver BiDi listening on (ws:\S+)/.exec(said)?.[1];
      if (found) resolve(found);
    });
    child.on("exit", () => reject(new Error(`Firefox ended: ${said}`)));
  });
  const socket = new WebSocket(`${address}/session`);
  await new Promise((resolve, reject) => socket.on("open", resolve).on("error", reject));
  const firefox = new Firefox(child, socket, profile);
  await firefox.begin(folder);
  return firefox;
}

class Firefox {
  #child;
  #socket;
  #profile;
  #calls = new Map();
  #last = 0;

  constructor(child, socket, profile) {
    this.#child = child;
    this.#socket = socket;
    this.#profile = profile;
    socket.on("message", (data) => {
      const { id, result, error, message } = JSON.parse(data);
      const call = this.#calls.get(id);
      this.#calls.delete(id);
      if (error) call?.reject(new Error(`${error}: ${message}`));
      else call?.resolve(result);
    });
  }

  send(method, params = {}) {
    const id = ++this.#last;
    this.#socket.send(JSON.stringify({ id, method, params }));
    return new Promise((resolve, reject) => this.#calls.set(id, { resolve, reject }));
  }

  async begin(path) {
    await this.send("session.new", { capabilities: {} });
    await this.send("webExtension.install", { extensionData: { type: "path", path } });
    const window = await this.send("browsingContext.getTree", { "moz:scope": "chrome" });
    this.window = window.contexts[0].context;
    this.page = (await this.send("browsingContext.getTree")).contexts[0].context;
    // From here the extension's other pages are seen.
    this.lookout = (await this.send("browsingContext.create", { type: "tab", background: true })).context;
    await this.goto(`moz-extension://${UUID}/options.html`, this.lookout);
  }

  goto(url, context = this.page) {
    return this.send("browsingContext.navigate", { context, url, wait: "complete" });
  }

  /** The value of a function in a page, as JSON carries it. */
  async evaluate(context, run, ...args) {
    const expression = `(async () => JSON.stringify(await (${run})(...${JSON.stringify(args)})))()`;
    const { result, exceptionDetails } = await this.send("script.evaluate", { expression, target: { context }, awaitPromise: true, userActivation: true });
    if (exceptionDetails) throw new Error(exceptionDetails.text);
    return result.value === undefined ? undefined : JSON.parse(result.value);
  }

  /** Presses the extension's toolbar button on the page that is shown. */
  press() {
    return this.evaluate(
      this.window,
      async (button) => {
        /* global CustomizableUI */
        CustomizableUI.addWidgetToArea(`${button}-browser-action`, "nav-bar");
        document.getElementById(`${button}-BAP`).click();
      },
      BUTTON,
    );
  }

  /** The paths of the extension's open pages. */
  views() {
    return this.evaluate(this.lookout, () => globalThis.browser.extension.getViews().map(({ location }) => location.pathname));
  }

  /** Waits until a function gives something true in the sidebar (as `document`), and gives that. */
  async untilInPanel(run, ...args) {
    const inPanel = `(...args) => {
      const view = browser.extension.getViews().find(({ location }) => location.pathname === "/panel.html");
      return view && (${run})(view.document, ...args);
    }`;
    for (const end = Date.now() + 20000; ; await pause(50)) {
      const value = await this.evaluate(this.lookout, inPanel, ...args);
      if (value) return value;
      if (Date.now() > end) throw new Error(`never true: ${run}`);
    }
  }

  async close() {
    const ended = new Promise((resolve) => this.#child.on("exit", resolve));
    this.#socket.close();
    this.#child.kill();
    await ended;
    rmSync(this.#profile, { recursive: true, force: true });
  }
}
