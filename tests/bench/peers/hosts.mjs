// Where an engine runs: a page of a browser of its own, or a process. Both take `load` and `generate`, with a time limit each.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { launch } from "../../web/support/browser.mjs";
import { Processes } from "./processes.mjs";

const LOAD_MS = 180_000;
const GENERATE_MS = 240_000;

function limited(promise, ms, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not done after ${ms / 1000} s`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

export class PageHost {
  #browser;
  #page;
  #errors = [];
  #processes;

  /** An empty page, cross-origin isolated by the server's headers. */
  static async start(origin, page = "") {
    const host = new PageHost();
    host.#browser = await launch({ gpu: "none" });
    host.#page = await host.#browser.newPage();
    host.#page.on("pageerror", (error) => host.#errors.push(error.message));
    host.#page.on("console", (message) => {
      // Files that an engine looks for and can do without are no errors.
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) host.#errors.push(message.text());
    });
    await host.#page.goto(`${origin}/${page}`);
    await host.#page.waitForFunction(() => globalThis.ready);
    if (!(await host.#page.evaluate(() => crossOriginIsolated))) throw new Error("the page is not cross-origin isolated");
    const session = await host.#browser.newBrowserCDPSession();
    const { processInfo } = await session.send("SystemInfo.getProcessInfo");
    await session.detach();
    host.#processes = new Processes(processInfo.filter(({ type }) => type === "renderer").map(({ id }) => id));
    return host;
  }

  get browserVersion() {
    return this.#browser.version();
  }

  load(adapter, options) {
    return this.#run(([adapter, options]) => bench.load(adapter, options), [adapter, options], LOAD_MS, "load");
  }

  generate(prompt, n) {
    return this.#run(([prompt, n]) => bench.generate(prompt, n), [prompt, n], GENERATE_MS, `generate ${n} from ${prompt.length}`);
  }

  embed(lists) {
    return this.#run((lists) => bench.embed(lists), lists, GENERATE_MS, `embed ${lists.length} lists`);
  }

  /** The machine's limits, once page/roofline.js is loaded. */
  roof() {
    return this.#run(() => bench.roof(), undefined, LOAD_MS, "roofline");
  }

  async #run(script, argument, ms, what) {
    try {
      return await limited(this.#page.evaluate(script, argument), ms, what);
    } catch (error) {
      const [message] = error.message.replace(/^page\.evaluate: /, "").split("\n    at ");
      throw new Error([message.split("\n")[0], ...this.#errors.slice(-1)].join("; page: ").slice(0, 300));
    }
  }

  get peakMemory() {
    return this.#processes.peak;
  }

  get processorMs() {
    return this.#processes.processorMs;
  }

  close() {
    this.#processes?.stop();
    return limited(this.#browser.close(), 10_000, "closing the browser").catch(() => {});
  }
}

export class NativeHost {
  #models;
  #process;
  #lines;
  #processes;
  #stderr = "";

  /** `models`: the folder that paths of models are relative to. */
  static start(python, script, models) {
    const host = new NativeHost();
    host.#models = models;
    host.#process = spawn(python, [script], { stdio: ["pipe", "pipe", "pipe"] });
    host.#process.stderr.on("data", (chunk) => {
      host.#stderr = (host.#stderr + chunk).slice(-400);
    });
    // Its end is seen by whoever waits for a line.
    host.#process.stdin.on("error", () => {});
    host.#processes = new Processes([host.#process.pid]);
    host.#lines = createInterface({ input: host.#process.stdout })[Symbol.asyncIterator]();
    return host;
  }

  load(_, { path, ...options }) {
    return this.#ask({ do: "load", ...options, path: join(this.#models, path) }, LOAD_MS);
  }

  generate(prompt, n) {
    return this.#ask({ do: "generate", prompt, n }, GENERATE_MS);
  }

  async #ask(command, ms) {
    this.#process.stdin.write(`${JSON.stringify(command)}\n`);
    const { value, done } = await limited(this.#lines.next(), ms, command.do);
    if (done) throw new Error(`the process ended: ${this.#stderr.trim().split("\n").at(-1)}`);
    const answer = JSON.parse(value);
    if (answer.error) throw new Error(answer.error);
    return answer;
  }

  get peakMemory() {
    return this.#processes.peak;
  }

  get processorMs() {
    return this.#processes.processorMs;
  }

  async close() {
    this.#processes.stop();
    this.#process.kill("SIGKILL");
  }
}
