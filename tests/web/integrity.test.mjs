// Files whose hash is known, and the package's large files in another place.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { installTarball, openPage, serveApp } from "./support/app.mjs";
import { launch, ROOT } from "./support/browser.mjs";

const MODEL = "/golden/tiny-llama/";
const hashOf = (path) => `sha256-${createHash("sha256").update(readFileSync(path)).digest("base64")}`;
const WEIGHTS = hashOf(join(ROOT, "tests/golden/tiny-llama/model.safetensors"));
const OTHER = hashOf(join(ROOT, "tests/golden/tiny-llama/config.json"));

let app;
let browser;
let page;
before(async () => {
  const dist = join(installTarball("web-app"), "dist");
  const damaged = (rest) => {
    const bytes = readFileSync(join(dist, rest));
    // Within the weights: a sound file, but another one.
    if (rest === "model/nanolm-default.gguf") bytes[bytes.length - 100] ^= 1;
    return bytes;
  };
  // A custom section at the end of a wasm module changes nothing that it does.
  const longer = (rest) => {
    const bytes = readFileSync(join(dist, rest));
    return rest.endsWith(".wasm") ? Buffer.concat([bytes, Buffer.from([0, 2, 1, 97])]) : bytes;
  };
  const bare = (rest) => (/\.(wasm|gguf)$/.test(rest) ? undefined : readFileSync(join(dist, rest)));
  app = await serveApp({ mounts: { "/othermodel/": damaged, "/otherwasm/": longer, "/bare/": bare } });
  browser = await launch({ gpu: "none" });
});
after(async () => {
  await browser?.close();
  await app?.close();
});
beforeEach(async () => {
  await page?.context().close();
  page = await openPage(browser, app);
});

const load = (source, options, base = "/nanolm/") =>
  page.evaluate(
    async ([source, options, base]) => {
      const { Model } = await import(`${base}index.js`);
      try {
        const model = await Model.load(source ?? undefined, { device: "cpu", ...options });
        const labels = source === null ? await model.classify("The match ended in a draw", ["sport", "food"]) : [];
        await model.dispose();
        return { code: "loaded", label: labels[0]?.label };
      } catch (error) {
        return { code: error.code, message: error.message, details: error.details };
      }
    },
    [source, options, base],
  );

describe("a file whose hash is known", () => {
  test("loads where it is the one, fetched and kept", async () => {
    for (let n = 0; n < 2; n++) assert.equal((await load(MODEL, { integrity: { "model.safetensors": WEIGHTS } })).code, "loaded");
    assert.equal((await load(null, { integrity: hashOf(join(ROOT, "pkg-scripts/npm/model/nanolm-default.gguf")) })).code, "loaded");
  });

  test("is refused where it is another, also one that was kept before, and says what was expected and found", async () => {
    const wrong = { integrity: { "model.safetensors": OTHER } };
    for (const kept of [false, true]) {
      if (kept) assert.equal((await load(MODEL, {})).code, "loaded");
      const { code, message, details } = await load(MODEL, wrong);
      assert.equal(code, "download/integrity", message);
      assert.deepEqual([details.file, details.expected, details.found], ["model.safetensors", OTHER, WEIGHTS]);
      assert.ok(message.includes(OTHER) && message.includes(WEIGHTS), message);
    }
    assert.equal((await load(MODEL, {})).code, "loaded");
  });

  test("options that hold nothing are refused", async () => {
    for (const integrity of [WEIGHTS, "md5-abc", { "model.safetensors": "abc" }, { "other.safetensors": WEIGHTS }, 7, null]) {
      const { code, message } = await load(MODEL, { integrity });
      assert.equal(code, "option/invalid", `${JSON.stringify(integrity)}: ${message}`);
    }
  });

  test("the default model and the engine are the package's own", async () => {
    const model = await load(null, {}, "/othermodel/");
    assert.equal(model.code, "download/integrity", model.message);
    const wasm = await load(null, {}, "/otherwasm/");
    assert.equal(wasm.code, "worker/wasm", wasm.message);
    assert.match(wasm.message, /expected the integrity sha256-.*found sha256-/);
  });
});

test("the engine, the default model and its parts from another folder", async () => {
  assert.deepEqual(await load(null, { assetsUrl: "/nanolm" }, "/bare/"), { code: "loaded", label: "sport" });
  assert.deepEqual(await load(null, { assetsUrl: `${app.origin}/nanolm/`, restart: true }, "/bare/"), { code: "loaded", label: "sport" });
  assert.deepEqual(await load(null, { assetsUrl: "/nanolm/", shared: true }, "/bare/"), { code: "loaded", label: "sport" });
  assert.match((await load(null, {}, "/bare/")).code, /^(worker\/wasm|download\/)/);
  assert.equal((await load(null, { assetsUrl: "http://[" }, "/bare/")).code, "option/invalid");
});
