// A fresh app with the packed tarball installed in it, as anyone would.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { launch, ROOT } from "./browser.mjs";
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

/**
 * Takes the GPU away: in one call after the other, right after so many submits (of those of a first call, 4 read the prompt, and
 * the others write 1, 2, 4, 8, 16 ... tokens), or, for 0, before the call begins.
 */
const lostAt = (...submits) => `
  const devices = [];
  const { requestDevice } = GPUAdapter.prototype;
  GPUAdapter.prototype.requestDevice = async function (...options) {
    devices.push(await Reflect.apply(requestDevice, this, options));
    return devices.at(-1);
  };
  const losses = ${JSON.stringify(submits)};
  let left = -1;
  addEventListener('message', ({ data }) => {
    if (data.method === 'load') return;
    left = losses.shift() ?? -1;
    if (left === 0) devices.at(-1).destroy();
  });
  const { submit } = GPUQueue.prototype;
  GPUQueue.prototype.submit = function (commands) {
    Reflect.apply(submit, this, [commands]);
    if (commands.length > 0 && --left === 0) devices.at(-1).destroy();
  };`;

const DISGUISED =
  "for (const key of ['vendor', 'architecture', 'device', 'description']) " +
  "Object.defineProperty(GPUAdapterInfo.prototype, key, { get: () => 'Graphics for the test' }); " +
  "Object.defineProperty(GPUAdapterInfo.prototype, 'isFallbackAdapter', { get: () => false });";

/** Opens no second device. */
const ONLY_ONE = `
  const { requestAdapter } = GPU.prototype;
  GPU.prototype.requestAdapter = async function (...options) { return devices.length > 0 ? null : Reflect.apply(requestAdapter, this, options); };`;

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
  // Keeps no bytes before there is a model.
  latecache: `{ const { put } = Cache.prototype; Cache.prototype.put = async function (...args) {
    while (args[0].includes("nanolm-chunk=") && performance.getEntriesByName("nanolm: model made").length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    return Reflect.apply(put, this, args);
  }; }`,
  stuckcache: "Cache.prototype.put = async () => { throw new DOMException('full', 'QuotaExceededError'); };",
  nocache: "Object.defineProperty(globalThis, 'caches', { value: undefined });",
  // Ends itself, and traps, when a text says so.
  ends: "addEventListener('message', ({ data }) => data.input === 'end yourself' && close());",
  traps:
    "addEventListener('message', ({ data }) => { if (data.input === 'trap') " +
    "Object.defineProperty(data, 'input', { get() { throw new WebAssembly.RuntimeError('unreachable'); } }); });",
  crash:
    "addEventListener('message', ({ data }) => data.task === 'generate' && setTimeout(() => { throw new Error('died for the test'); }));",
  // While the tokens from 17 to 32 are computed, where those before took little time; earlier elsewhere.
  lost: lostAt(9),
  lostprompt: lostAt(2),
  lostidle: lostAt(0),
  losttwice: lostAt(9, 0),
  // Nothing comes after it.
  lostforgood: lostAt(9) + ONLY_ONE,
  // Before the third message: a session is made, a text appended, and then written to.
  lostlater: lostAt(-1, -1, 0) + ONLY_ONE,
  // Its software adapter passes for hardware: it is measured like one.
  disguised: DISGUISED,
  // And it has no subgroups; or wrong ones.
  nosubgroups:
    DISGUISED +
    "GPUSupportedFeatures.prototype.has = new Proxy(GPUSupportedFeatures.prototype.has, { apply: (f, features, [name]) => " +
    "name !== 'subgroups' && Reflect.apply(f, features, [name]) });",
  wrongsubgroups:
    DISGUISED +
    "GPUDevice.prototype.createShaderModule = new Proxy(GPUDevice.prototype.createShaderModule, { apply: (f, device, [d]) => " +
    "Reflect.apply(f, device, [{ ...d, code: d.code.replace(/subgroupShuffleXor\\((\\w+), distance\\)/g, '$1') }]) });",
  // And one of the fused kernels computes nothing.
  unfused:
    DISGUISED +
    "GPUDevice.prototype.createShaderModule = new Proxy(GPUDevice.prototype.createShaderModule, { apply: (f, device, [d]) => " +
    "Reflect.apply(f, device, [{ ...d, code: d.code.replace(/fn fused_feed\\([^{]*\\{/, '$& if (batch.n > 0u) { return; }') }]) });",
  // One kernel computes nothing.
  wrongkernel:
    "GPUDevice.prototype.createShaderModule = new Proxy(GPUDevice.prototype.createShaderModule, { apply: (f, device, [d]) => " +
    // Of the two orders of weights, that for adapters that compute on the CPU.
    "Reflect.apply(f, device, [d.code.includes('row / 4u % 4u') ? { ...d, code: d.code.replace(/fn matvec\\([^{]*\\{/, '$& if (batch.n > 0u) { return; }') } : d]) });",
  // All of them do.
  wrongkernels:
    "GPUDevice.prototype.createShaderModule = new Proxy(GPUDevice.prototype.createShaderModule, { apply: (f, device, [d]) => " +
    "Reflect.apply(f, device, [{ ...d, code: d.code.replace(/@compute[^{]*\\{/g, '$& if (batch.n > 0u) { return; }') }]) });",
  nogpu: "Object.defineProperty(navigator, 'gpu', { value: undefined });",
};

/** Packages with files that are missing, replaced or changed, at `/damaged/<name>/`. */
const missing = () => undefined;
const garbage = () => "not what it should be";
const before = (code) => (file) => `${code}\n${file}`;
/** Another value in the place of one that the module has, as the package's minifier writes it. */
const instead = (value, other) => (file) => {
  const text = String(file);
  if (!text.includes(value)) throw new Error(`a module no longer says ${value}: look at how dist/ writes it now`);
  return text.replaceAll(value, other);
};
const smallChunks = (file) => instead("=2e4", "=400")(instead("4194304", "16384")(file));
const DAMAGED = {
  allwasm: { "engine-simd128.wasm": garbage, "engine-relaxed.wasm": garbage, "engine-threads.wasm": garbage },
  noworkers: { "worker.js": missing, "worker-threads.js": missing },
  norelaxed: { "engine-relaxed.wasm": missing },
  badrelaxed: { "engine-relaxed.wasm": garbage },
  nothreads: { "engine-threads.wasm": missing },
  badthreads: { "engine-threads.wasm": garbage },
  noworkerthreads: { "worker-threads.js": missing },
  // Small models have several chunks, and what stands still for a moment is taken up again.
  smallchunks: {
    "worker.js": smallChunks,
    "worker-threads.js": smallChunks,
    "files/store.js": instead("4194304", "16384"),
  },
  onlysimd128: { "engine-relaxed.wasm": missing, "engine-threads.wasm": missing },
  nosharing: { "worker-threads.js": before("delete globalThis.SharedArrayBuffer;") },
  // A memory that is not shared, whatever was asked for, as after a bad shim; and one that is refused.
  notshared: { "worker-threads.js": before("{ const M = WebAssembly.Memory; WebAssembly.Memory = function (d) { return new M({ ...d, shared: false }); }; }") },
  nomemory: { "worker-threads.js": before("WebAssembly.Memory = function () { throw new RangeError('refused for the test'); };") },
  littlememory: {
    "worker-threads.js": before("{ const M = WebAssembly.Memory; WebAssembly.Memory = function (d) { if (d.maximum > 16384) throw new RangeError('too much'); return new M(d); }; }"),
  },
  nothread: { "thread.js": missing },
  badthread: { "thread.js": garbage },
  stuckthread: { "thread.js": () => "" },
  // Says that it runs and is gone; and one that is taken for dead over its work.
  gonethread: { "thread.js": () => "onmessage = () => { postMessage({}); close(); };" },
  deadthread: { "thread.js": before(`{ const f = WebAssembly.instantiate; WebAssembly.instantiate = async (...args) => {
    const { exports } = await f(...args);
    return { exports: { ...exports, thread_run() { exports.thread_failed(); exports.thread_run(); } } };
  }; }`) },
};


/**
 * Serves the test pages, the installed package at /nanolm/ (with a broken GPU at /broken/<name>/), the tiny random models at
 * /golden/, small texts that are no models at /garbage/, and what else `mounts` says.
 */
export function serveApp({ mounts: more = {}, ...options } = {}) {
  const packageDir = installTarball("web-app");
  const dist = join(packageDir, "dist");
  const mounts = {
    "/": join(ROOT, "tests/web/pages"),
    "/nanolm/": dist,
    "/golden/": join(ROOT, "tests/golden"),
    "/stories/": STORIES,
    "/garbage/": (rest) => (rest === "text.gguf" ? "this is no model file, whatever its name says" : undefined),
    ...more,
  };
  const served = (rest) => (existsSync(join(dist, rest)) ? readFileSync(join(dist, rest)) : undefined);
  for (const [name, damage] of Object.entries(DAMAGED)) {
    mounts[`/damaged/${name}/`] = (rest) => (rest in damage ? damage[rest](served(rest)) : served(rest));
  }
  for (const [name, code] of Object.entries(BROKEN)) {
    mounts[`/broken/${name}/`] = (rest) => {
      if (!existsSync(join(dist, rest))) return undefined;
      const body = readFileSync(join(dist, rest));
      return rest === "worker.js" || rest === "worker-threads.js" ? `${code}\n${body}` : body;
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

/** An app, a browser and one page of it, for all cases of a file; `close` ends them. The options are those of `launch`. */
export async function openApp(options) {
  const app = await serveApp();
  const browser = await launch(options);
  const close = async () => {
    await browser.close();
    await app.close();
  };
  return { app, browser, page: await openPage(browser, app), close };
}

/** What `transformers` says of a tiny model. */
export const expectedOf = (folder) => JSON.parse(readFileSync(join(ROOT, "tests/golden", folder, "expected.json"), "utf8"));

/** Waits until the page has no workers left. A browser ends one within seconds, even in the middle of a computation. */
export async function workersEnd(page) {
  for (let wait = 0; page.workers().length > 0; wait += 50) {
    if (wait > 15000) throw new Error(`expected no worker, found ${page.workers().length} after 15 s`);
    await page.waitForTimeout(50);
  }
}

/**
 * An app of a folder with its package.json and lock file, with what the lock file says and the tarball installed, in build/. What takes
 * long is done once for every lock file. Gives the app's folder.
 */
export function installApp(name, folder) {
  const app = join(ROOT, "build", name);
  const stamp = join(app, "node_modules/of-lock-file");
  const lock = readFileSync(join(folder, "package-lock.json"), "utf8");
  if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== lock) {
    rmSync(app, { recursive: true, force: true });
    mkdirSync(app, { recursive: true });
    for (const file of ["package.json", "package-lock.json"]) cpSync(join(folder, file), join(app, file));
    const flags = ["--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline", "--loglevel=error"];
    // Not `npm ci`: it refuses lock files without an optional dependency that the registry lacks, as Vite's has one.
    execFileSync("npm", ["install", "--no-save", ...flags], { cwd: app, stdio: ["ignore", "ignore", "inherit"] });
    writeFileSync(stamp, lock);
  }
  for (const entry of readdirSync(app)) if (entry !== "node_modules") rmSync(join(app, entry), { recursive: true });
  cpSync(folder, app, { recursive: true });
  const nanolm = join(app, "node_modules/nanolm");
  rmSync(nanolm, { recursive: true, force: true });
  cpSync(installTarball("web-app"), nanolm, { recursive: true });
  return app;
}
