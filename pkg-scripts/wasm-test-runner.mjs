// node wasm-test-runner.mjs <test binary>.wasm [filter]: cargo's runner for wasm tests. Writes the binary's JavaScript side with
// our build tool and calls its tests in node, as wasm-bindgen-test expects it.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const METHODS = ["debug", "log", "info", "warn", "error"];
const [binary, ...rest] = process.argv.slice(2);
const filter = rest.find((argument) => !argument.startsWith("-"));
const folder = mkdtempSync(join(tmpdir(), "wasm-test-"));

try {
  const names = execFileSync(process.env.NANOLM_BINDGEN, [binary, folder, "tests", "node-test"], { encoding: "utf8" });
  const found = names.split("\n").filter((name) => name !== "");
  // An export is `__wbgt_<modifiers>_<path::of::the::test>`; "$" among the modifiers marks an ignored test.
  const ignored = (name) => name.slice("__wbgt_".length).split("_", 1)[0].includes("$");
  const wanted = found.filter((name) => !ignored(name) && (filter === undefined || name.includes(filter)));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  process.exitCode = (await run(join(folder, "tests.js"), wanted, found.length - wanted.length)) ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

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
  const context = new wasm.WasmBindgenTestContext(false);
  for (const method of METHODS) {
    captured[method] = wasm[`__wbgtest_console_${method}`];
  }
  context.filtered_count(filteredOut);
  return context.run(names.map((name) => wasm.__wasm[name]));
}
