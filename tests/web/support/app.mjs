// A fresh app with the packed tarball installed in it, as anyone would.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./browser.mjs";
import { serve } from "./server.mjs";

/** A small trained model that is not part of the repository; where it is missing, its tests are skipped. */
export const STORIES = join(ROOT, "../shared/weights/stories260K");

export function tarball() {
  const name = existsSync(join(ROOT, "build")) && readdirSync(join(ROOT, "build")).find((file) => /^nanolm-.*\.tgz$/.test(file));
  if (!name) throw new Error("no tarball in build/: run pkg-scripts/pack");
  return join(ROOT, "build", name);
}

/** Installs the tarball into an empty app, unless it is there already, and gives the folder of the installed package. */
export function installTarball(name) {
  const app = join(ROOT, "build", name);
  const installed = join(app, "node_modules/nanolm");
  const stamp = join(app, "installed");
  const wanted = String(statSync(tarball()).mtimeMs);
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return installed;
  rmSync(app, { recursive: true, force: true });
  mkdirSync(app, { recursive: true });
  writeFileSync(join(app, "package.json"), JSON.stringify({ name, private: true, type: "module" }));
  execFileSync("npm", ["install", "--no-audit", "--no-fund", "--offline", "--loglevel=error", tarball()], { cwd: app, stdio: ["ignore", "ignore", "inherit"] });
  writeFileSync(stamp, wanted);
  return installed;
}

/** Prepended to the worker in `/broken/<name>/`: GPUs that fail in each way there is, storage that does, a worker that dies. */
const BROKEN = {
  noadapter: "navigator.gpu.requestAdapter = async () => null;",
  nodevice: "GPUAdapter.prototype.requestDevice = async () => { throw new DOMException('refused for the test', 'OperationError'); };",
  noshaders:
    "GPUDevice.prototype.createShaderModule = new Proxy(GPUDevice.prototype.createShaderModule, { apply: (f, device, [d]) => " +
    "Reflect.apply(f, device, [{ ...d, code: 'fn broken(' }]) });",
  // Takes what it is given and fails at the end, as a store does that runs out of space.
  fullcache:
    "Cache.prototype.put = async (key, response) => { await response.blob(); throw new DOMException('full', 'QuotaExceededError'); };",
  stuckcache: "Cache.prototype.put = async () => { throw new DOMException('full', 'QuotaExceededError'); };",
  nocache: "Object.defineProperty(globalThis, 'caches', { value: undefined });",
  crash:
    "addEventListener('message', ({ data }) => data.method === 'generate' && setTimeout(() => { throw new Error('died for the test'); }));",
  nogpu: "Object.defineProperty(navigator, 'gpu', { value: undefined });",
};

/**
 * Serves the test pages, the installed package at /nanolm/ (with a broken GPU at /broken/<name>/), the tiny random models at
 * /golden/ and small texts that are no models at /garbage/.
 */
export function serveApp(options = {}) {
  const packageDir = installTarball("web-app");
  const dist = join(packageDir, "dist");
  const mounts = {
    "/": join(ROOT, "tests/web/pages"),
    "/nanolm/": dist,
    "/golden/": join(ROOT, "tests/golden"),
    "/stories/": STORIES,
    "/garbage/": (rest) => (rest === "text.gguf" ? "this is no model file, whatever its name says" : undefined),
    // A package whose files are missing or damaged.
    "/noworker/": (rest) => (rest === "worker.js" ? undefined : existsSync(join(dist, rest)) ? readFileSync(join(dist, rest)) : undefined),
    "/badwasm/": (rest) => (rest === "engine_bg.wasm" ? "not wasm" : existsSync(join(dist, rest)) ? readFileSync(join(dist, rest)) : undefined),
  };
  for (const [name, code] of Object.entries(BROKEN)) {
    mounts[`/broken/${name}/`] = (rest) => {
      if (!existsSync(join(dist, rest))) return undefined;
      const body = readFileSync(join(dist, rest));
      return rest === "worker.js" ? `${code}\n${body}` : body;
    };
  }
  return serve(mounts, options);
}

/** A page of its own, with its own storage, that fails the test on any request to another origin. */
export async function openPage(browser, app, path = "/index.html") {
  const context = await browser.newContext();
  const page = await context.newPage();
  page.foreign = [];
  context.on("request", (request) => {
    if (!request.url().startsWith(app.origin)) page.foreign.push(request.url());
  });
  page.on("console", (message) => {
    if (process.env.NANOLM_TEST_VERBOSE) console.log(`  [page] ${message.text()}`);
  });
  await page.goto(app.origin + path);
  await page.waitForFunction(() => globalThis.ready);
  return page;
}

/** Waits until the page has no workers left. A browser ends one within seconds, even in the middle of a computation. */
export async function workersEnd(page) {
  for (let wait = 0; page.workers().length > 0; wait += 50) {
    if (wait > 15000) throw new Error(`expected no worker, found ${page.workers().length} after 15 s`);
    await page.waitForTimeout(50);
  }
}
