// What pkg-scripts/demo does once everything is built: summarises in a headless browser, then serves the page.
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { launch, ROOT } from "../tests/web/support/browser.mjs";
import { serve } from "../tests/web/support/server.mjs";

const { values: options } = parseArgs({
  options: {
    "no-serve": { type: "boolean", default: false },
    device: { type: "string", default: "auto" },
    sample: { type: "string", default: "comet-landing" },
    port: { type: "string", default: "8080" },
  },
});

const site = join(ROOT, "build/site");
// Only an isolated page gets threads, and only pkg-scripts/build without --one makes the engine for them.
const isolated = statSync(join(site, "nanolm/engine-threads.wasm")).size > 8;
const start = (port) => serve({ "/": site }, { port, isolated });
const server = await start(Number(options.port)).catch(() => start(0));
const text = readFileSync(join(ROOT, `www/samples/${options.sample}.txt`), "utf8").trim();

const browser = await launch();
try {
  const page = await browser.newPage();
  await page.exposeFunction("print", (text) => process.stdout.write(text));
  await page.goto(`${server.origin}/`);
  console.log(`\nThe article: ${text.split(/\s+/).length} words, “${text.slice(0, 70).replace(/\s+/g, " ")}…”`);
  for (const type of ["key-points", "tldr", "headline"]) {
    await page.evaluate(summarizeInPage, [text, type, options.device]);
  }
} finally {
  await browser.close();
}

if (options["no-serve"]) {
  await server.close();
} else {
  console.log(`\nThe demo page: ${server.origin}/   (Ctrl-C ends it)`);
}

/** Runs in the page. */
async function summarizeInPage([text, type, device]) {
  const { Model } = await import("/nanolm/index.js");
  const began = performance.now();
  globalThis.model ??= await Model.load(undefined, { device });
  const { model } = globalThis;
  if (globalThis.told === undefined) {
    globalThis.told = true;
    const { info } = model;
    await print(
      `The model: ${info.name}, ${(info.parameters / 1e6).toFixed(1)} million weights, ${info.weightType}, context ${info.contextLength}; ` +
        `loaded in ${Math.round(performance.now() - began)} ms\n` +
        `Runs on the ${info.device.kind.toUpperCase()}: ${info.device.reason}\n`,
    );
  }
  await print(`\n${type}:\n`);
  const stream = model.summarize(text, { type });
  for await (const piece of stream) {
    await print(type === "key-points" ? `  - ${piece.text.replace(/\s+/g, " ").trim()}\n` : piece.text);
  }
  const { usage, timings } = await stream.result;
  const rate = type === "key-points" ? "" : `, ${timings.tokensPerSecond.toFixed(0)} tokens/s`;
  await print(
    `\n  [first piece after ${timings.firstTokenMs.toFixed(0)} ms; read ${usage.promptTokens} tokens, wrote ${usage.completionTokens}${rate}]\n`,
  );
}
