// The demo page as a visitor has it: build/site/ served under the strict policy, in Chromium.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach } from "node:test";
import { launch, ROOT } from "./browser.mjs";
import { serve } from "./server.mjs";

const BUILT = join(ROOT, "build/site");
export const missing = existsSync(join(BUILT, "nanolm/model/nanolm-default.gguf")) ? false : "build/site/ has no default model";
export const noCompanion = existsSync(join(BUILT, "embed/model.gguf")) ? false : "build/site/ has no companion model: pkg-scripts/embed/pack makes it";
const POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'";
export const PATIENCE = { timeout: 120_000 };

/** Registers what makes a site and opens its page before each case. `demo` has, while a case runs, `{ browser, site, server, context, page, problems }`. */
export function demoPage() {
  const demo = {};
  before(async () => {
    demo.browser = await launch();
  });
  after(() => demo.browser?.close());
  beforeEach(async () => {
    demo.site = mkdtempSync(join(tmpdir(), "nanolm-site-"));
    cpSync(BUILT, demo.site, { recursive: true });
    demo.publish();
    demo.server = await serve({ "/": demo.site }, { policy: POLICY });
    demo.context = await demo.browser.newContext();
    demo.problems = [];
    demo.page = await demo.visit();
  });
  afterEach(async () => {
    await demo.context.close();
    await demo.server.close();
    rmSync(demo.site, { recursive: true, force: true });
  });

  /** What the build does last: the list that is the site's version. */
  demo.publish = () => void execFileSync(process.execPath, [join(ROOT, "pkg-scripts/site-files.mjs"), demo.site]);

  demo.visit = async (width = 1280) => {
    const opened = await demo.context.newPage();
    await opened.setViewportSize({ width, height: 800 });
    opened.on("pageerror", (error) => demo.problems.push(error.message));
    opened.on("console", (message) => message.type() === "error" && demo.problems.push(message.text()));
    await opened.goto(`${demo.server.origin}/`);
    return opened;
  };

  demo.shown = (id, of = demo.page) => of.textContent(`#${id}`);
  demo.says = (id, pattern, of = demo.page) =>
    of.waitForFunction(([id, pattern]) => new RegExp(pattern).test(document.getElementById(id).textContent), [id, pattern], PATIENCE);
  demo.loaded = (of = demo.page) => demo.says("load-text", "^Loaded", of);
  demo.finished = (id = "summary", of = demo.page) =>
    of.waitForFunction((id) => document.getElementById(id).getAttribute("aria-busy") === "false", id, PATIENCE);
  demo.summarise = async (of = demo.page) => {
    await demo.loaded(of);
    await of.click("#summarise");
    await demo.finished("summary", of);
    return of.locator("#summary .point-text").allTextContents();
  };
  demo.open = (name, bytes) => demo.page.setInputFiles("#file", { name, mimeType: "", buffer: bytes });
  return demo;
}
