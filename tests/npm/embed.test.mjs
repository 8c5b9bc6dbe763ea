// The companion model's tarball as its users have it: in a Vite app that is built, in a plain page, and in Node; vectors as `transformers`
// makes them. Its weights are no part of the repository: pkg-scripts/embed/pack makes the package from the model's folder.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { build } from "vite";
import { installTarball } from "../web/support/app.mjs";
import { launch, ROOT } from "../web/support/browser.mjs";
import { serve } from "../web/support/server.mjs";

const MADE = join(ROOT, "build/embed");
const tarball = existsSync(MADE) && readdirSync(MADE).find((name) => /^nanolm-embed-.*\.tgz$/.test(name));
const missing = tarball ? false : "build/embed/ has no tarball: pkg-scripts/embed/pack makes it";
if (missing) console.log(`SKIPPED nanolm-embed: ${missing}`);
/** Texts with the vectors of `transformers`. */
const golden = JSON.parse(readFileSync(join(ROOT, "tests/golden/minilm.json"))).filter(({ text }) => text !== "");
const manifest = JSON.parse(readFileSync(join(ROOT, "pkg-scripts/embed/manifest.json")));
const MOST = 16_000_000;

test("manifest and types say the same, and keep to the limit", () => {
  const { types, loss, bytes } = JSON.parse(readFileSync(join(ROOT, "pkg-scripts/embed/types.json")));
  for (const [name, type] of Object.entries(types)) assert.equal(manifest.tensors[name].type, type, name);
  for (const [name, { type }] of Object.entries(manifest.tensors)) assert.equal(type, types[name] ?? "F32", name);
  assert.ok(manifest.file.bytes <= MOST && bytes <= MOST, `${manifest.file.bytes} bytes`);
  assert.ok(loss.rounded <= 0.005, `mean cosine ${1 - loss.rounded}`);
  const weights = Object.values(manifest.tensors).reduce((sum, { bytes }) => sum + bytes, 0);
  assert.ok(weights < manifest.file.bytes && weights > 0.9 * manifest.file.bytes, `${weights} of ${manifest.file.bytes}`);
});

describe("nanolm-embed", { skip: missing }, () => {
  let app, installed, browser;
  before(async () => {
    app = join(installTarball("embed-app"), "../..");
    installed = join(app, "node_modules/nanolm-embed");
    rmSync(installed, { recursive: true, force: true });
    mkdirSync(installed);
    execFileSync("tar", ["-xzf", join(MADE, tarball), "-C", installed, "--strip-components=1"]);
    browser = await launch();
  });
  after(() => browser?.close());

  function check(vectors) {
    const cosines = golden.map(({ vector }, i) => vector.reduce((sum, x, k) => sum + x * vectors[i][k], 0));
    assert.ok(Math.min(...cosines) > 0.98, `${cosines}`);
    assert.ok(cosines.reduce((sum, x) => sum + x, 0) / cosines.length > 0.99, `${cosines}`);
  }

  async function vectorsAt(mounts, path = "") {
    const server = await serve(mounts);
    const page = await browser.newPage();
    try {
      await page.goto(`${server.origin}/${path}`);
      return await page.waitForFunction(() => globalThis.vectors).then((found) => found.jsonValue());
    } finally {
      await page.close();
      await server.close();
    }
  }

  const script = (embed, nanolm) => `import model, { integrity } from "${embed}";
import { Model } from "${nanolm}";
const encoder = await Model.load(model, { integrity });
globalThis.vectors = (await encoder.embed(${JSON.stringify(golden.map(({ text }) => text))})).map((vector) => [...vector]);
await encoder.dispose();
`;

  test("the tarball holds the model, its licence and its notice, and nothing else", () => {
    const files = readdirSync(installed).sort();
    assert.deepEqual(files, ["EMBED_CARD.md", "LICENSE", "NOTICE", "README.md", "index.d.ts", "index.js", "manifest.json", "model.gguf", "package.json"]);
    assert.match(readFileSync(join(installed, "LICENSE"), "utf8"), /Apache License\s+Version 2\.0/);
    assert.match(readFileSync(join(installed, "NOTICE"), "utf8"), /all-MiniLM-L6-v2[\s\S]*changed/);
    const bytes = readFileSync(join(installed, "model.gguf"));
    assert.equal(bytes.length, manifest.file.bytes);
    assert.equal(createHash("sha256").update(bytes).digest("hex"), manifest.file.sha256);
    const said = /integrity = "sha256-(.*)"/.exec(readFileSync(join(installed, "index.js"), "utf8"))[1];
    assert.equal(Buffer.from(said, "base64").toString("hex"), manifest.file.sha256);
  });

  test("a Vite app finds it, without configuration", async () => {
    writeFileSync(join(app, "index.html"), '<!doctype html><script type="module" src="./main.js"></script>');
    writeFileSync(join(app, "main.js"), script("nanolm-embed", "nanolm"));
    await build({ root: app, logLevel: "error", configFile: false, build: { target: "esnext" } });
    check(await vectorsAt({ "/": join(app, "dist") }));
  });

  test("a plain page finds it", async () => {
    const files = { "index.html": '<!doctype html><script type="module" src="main.js"></script>', "main.js": script("./embed/index.js", "./nanolm/index.js") };
    const mounts = { "/": (rest) => files[rest] };
    check(await vectorsAt({ ...mounts, "/embed/": installed, "/nanolm/": join(app, "node_modules/nanolm/dist") }, "index.html"));
  });

  test("Node finds it", () => {
    writeFileSync(join(app, "node.mjs"), `${script("nanolm-embed", "nanolm")}console.log(JSON.stringify(globalThis.vectors));\n`);
    check(JSON.parse(execFileSync(process.execPath, ["node.mjs"], { cwd: app, maxBuffer: 2 ** 24 })));
  });
});
