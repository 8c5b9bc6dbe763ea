// node pkg-scripts/sizes.mjs <dist> [--json]: what a browser downloads, raw and compressed, against the budget.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

/** JavaScript and wasm together, gzipped, without the model. */
const BUDGET = 1_200_000;

export function sizes(dist) {
  const measured = (path) => {
    const bytes = readFileSync(path);
    const brotli = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: bytes.length > 4e6 ? 5 : 11 } });
    return { raw: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length, brotli: brotli.length };
  };
  const add = (parts) =>
    parts.reduce((a, b) => ({ raw: a.raw + b.raw, gzip: a.gzip + b.gzip, brotli: a.brotli + b.brotli }), {
      raw: 0,
      gzip: 0,
      brotli: 0,
    });
  const names = readdirSync(dist).filter((name) => statSync(join(dist, name)).isFile());
  const of = (end) => add(names.filter((name) => name.endsWith(end)).map((name) => measured(join(dist, name))));
  const models = readdirSync(join(dist, "model")).map((name) => measured(join(dist, "model", name)));
  const javascript = of(".js");
  const wasm = of(".wasm");
  return { javascript, wasm, code: add([javascript, wasm]), model: add(models) };
}

export function sizeTable(measured) {
  const row = (name, { raw, gzip, brotli }) =>
    `| ${name.padEnd(22)} | ${[raw, gzip, brotli].map((n) => String(n).padStart(10)).join(" | ")} |`;
  return [
    "| bytes                  |        raw |       gzip |     brotli |",
    "| ---------------------- | ---------: | ---------: | ---------: |",
    row("JavaScript", measured.javascript),
    row("wasm", measured.wasm),
    row("code (both)", measured.code),
    row("default model", measured.model),
  ].join("\n");
}

if (process.argv[1] === import.meta.filename) {
  const measured = sizes(process.argv[2]);
  console.log(process.argv[3] === "--json" ? JSON.stringify(measured) : sizeTable(measured));
  if (measured.code.gzip > BUDGET) {
    console.error(`sizes: the code is over its budget: expected at most ${BUDGET} bytes gzipped, found ${measured.code.gzip}`);
    process.exitCode = 1;
  }
}
