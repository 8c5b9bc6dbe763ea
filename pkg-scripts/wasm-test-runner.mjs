// node wasm-test-runner.mjs <test binary>.wasm [filter]: cargo's runner for wasm tests. Writes the binary's JavaScript side with
// our build tool and calls its tests in a page of Chromium, as wasm-bindgen-test expects it.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const METHODS = ["debug", "log", "info", "warn", "error"];
const [binary, ...rest] = process.argv.slice(2);
const filter = rest.find((argument) => !argument.startsWith("-"));
const needsGpu = process.env.NANOLM_TEST_LANE === "gpu";
const folder = mkdtempSync(join(tmpdir(), "wasm-test-"));

try {
  const names = execFileSync(process.env.NANOLM_BINDGEN, [binary, folder, "tests", "web-test"], { encoding: "utf8" });
  const found = names.split("\n").filter((name) => name !== "");
  // An export is `__wbgt_<modifiers>_<path::of::the::test>`; "$" among the modifiers marks an ignored test.
  const ignored = (name) => name.slice("__wbgt_".length).split("_", 1)[0].includes("$");
  const wanted = found.filter((name) => !ignored(name) && (filter === undefined || name.includes(filter)));
  const filteredOut = found.length - wanted.length;
  const passed = await runInBrowser(wanted, filteredOut);
  process.exitCode = passed ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Loads the tests into a page of Chromium and calls them there. */
async function runInBrowser(names, filteredOut) {
  const { launch } = await import("../tests/web/support/browser.mjs");
  const { serve } = await import("../tests/web/support/server.mjs");
  writeFileSync(join(folder, "run.mjs"), `${run}\nconst METHODS = ${JSON.stringify(METHODS)};\nglobalThis.runTests = run;`);
  writeFileSync(join(folder, "index.html"), '<!doctype html><pre id="output"></pre><script type="module" src="./run.mjs"></script>');
  writeFileSync(join(folder, "favicon.ico"), "");
  const server = await serve({ "/": folder });
  const browser = await launch();
  try {
    const page = await browser.newPage();
    page.on("console", (message) => console.log(message.text()));
    page.on("pageerror", (error) => console.error(String(error)));
    await page.goto(`${server.origin}/index.html`);
    await page.waitForFunction(() => globalThis.runTests !== undefined);
    if (needsGpu && !(await page.evaluate(async () => (await navigator.gpu?.requestAdapter()) != null))) {
      console.log("SKIPPED gpu kernels in the browser: it has no WebGPU adapter");
      return true;
    }
    const passed = await page.evaluate((args) => globalThis.runTests("./tests.js", ...args), [names, filteredOut]);
    // In a page the harness writes its report here.
    console.log(await page.textContent("#output"));
    return passed;
  } finally {
    await browser.close();
    await server.close();
  }
}

/** The page's script: it uses nothing of this file but METHODS. */
async function run(module, names, filteredOut) {
  // The harness prints with these and shows a test's own output only if it fails.
  globalThis.__wbgtest_og_console_log = console.log;
  globalThis.__wbgtest_og_console_error = console.error;
  const captured = {};
  for (const method of METHODS) {
    console[method] = (...args) => captured[method]?.(args);
  }
  globalThis.__wbg_test_invoke = (call) => call();
  const wasm = await import(module);
  await wasm.default({ module_or_path: "./tests_bg.wasm" });
  const context = new wasm.WasmBindgenTestContext(false);
  for (const method of METHODS) {
    captured[method] = wasm[`__wbgtest_console_${method}`];
  }
  context.filtered_count(filteredOut);
  return context.run(names.map((name) => wasm.__wasm[name]));
}
