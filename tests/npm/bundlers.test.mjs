// One app through every bundler, from the tarball: its development server and its build, with no more configuration than docs/bundlers.md
// names. Each page has to give the key points of a page without any bundler. Vite has more cases, in package.test.mjs.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { installApp, installTarball } from "../web/support/app.mjs";
import { launch } from "../web/support/browser.mjs";
import { serve } from "../web/support/server.mjs";
import { ARTICLE } from "../web/support/texts.mjs";

const HERE = import.meta.dirname;
const long = Boolean(process.env.NANOLM_LONG);
if (!long) console.log("SKIPPED Next.js and SvelteKit: their packages are 400 MB; NANOLM_LONG=1 node --test tests/npm/bundlers.test.mjs");

let browser;
let expected;
before(async () => {
  browser = await launch();
  const plain = await serve({ "/": join(HERE, "plain"), "/nanolm/": join(installTarball("web-app"), "dist") });
  expected = await pointsAt(plain.origin);
  await plain.close();
  assert.ok(expected.length > 100, expected);
});
after(() => browser?.close());

/** The key points that a page shows, with everything but its own origin blocked. */
async function pointsAt(origin) {
  const context = await browser.newContext();
  const blocked = [];
  const errors = [];
  await context.route(
    (url) => url.origin !== origin,
    (route) => (blocked.push(route.request().url()), route.abort()),
  );
  const page = await context.newPage();
  page.on("pageerror", (error) => errors.push(String(error)));
  try {
    await page.goto(`${origin}/`);
    await page.waitForFunction(() => globalThis.ready);
    const { summary } = await page.evaluate((text) => summarize("cpu", text, "key-points"), ARTICLE);
    assert.equal(await page.textContent("#out"), summary);
    assert.deepEqual([blocked, errors], [[], []]);
    return summary;
  } finally {
    await context.close();
  }
}

/** A served folder, or what `start` starts, has the key points of the plain page. */
async function check(started) {
  const server = await started;
  try {
    assert.equal(await pointsAt(server.origin), expected);
  } finally {
    await server.close();
  }
}

/** An app's own copy of a tool. */
const tool = (app, name) => import(pathToFileURL(createRequire(join(app, "package.json")).resolve(name)));

/** What docs/bundlers.md says for bundlers that leave `new URL("…", import.meta.url)` alone: the package's files go beside the bundle. */
function copyBeside(app, out) {
  mkdirSync(out, { recursive: true });
  cpSync(join(app, "index.html"), join(out, "index.html"));
  const from = join(app, "node_modules/nanolm/dist");
  // cp -r dist/{worker*,thread.js,engine*,model} out/
  const files = readdirSync(from).filter((name) => /^(worker|thread\.js$|engine|model$)/.test(name));
  for (const file of files) cpSync(join(from, file), join(out, file), { recursive: true });
}

/** Runs a command of an app in a group of its own until `close`, once it answers at its port. */
async function running(app, command, ...args) {
  const port = await freePort();
  const child = spawn(process.execPath, [join(app, command), ...args, String(port)], { cwd: app, detached: true, stdio: "ignore", env: quiet });
  const origin = `http://localhost:${port}`;
  for (const end = Date.now() + 60_000; !(await fetch(origin).catch(() => undefined)); ) {
    assert.ok(child.exitCode === null && Date.now() < end, `${command} ${args.join(" ")} does not answer`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return { origin, close: () => process.kill(-child.pid) };
}
const quiet = { ...process.env, NEXT_TELEMETRY_DISABLED: "1" };

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

describe("bundlers", () => {
  let app;
  before(() => {
    app = installApp("bundlers", join(HERE, "bundlers/light"));
    cpSync(join(HERE, "app"), app, { recursive: true });
    rmSync(join(app, "consumer.ts"));
  });

  describe("webpack 5, without configuration", () => {
    const config = (mode) => ({ mode, context: app, entry: "./main.js", output: { path: join(app, "webpack") }, performance: { hints: false } });

    test("build", async () => {
      const { default: webpack } = await tool(app, "webpack");
      const stats = await new Promise((resolve, reject) => webpack(config("production"), (error, stats) => (error ? reject(error) : resolve(stats))));
      assert.ok(!stats.hasErrors() && !stats.hasWarnings(), stats.toString("errors-warnings"));
      cpSync(join(app, "index.html"), join(app, "webpack/index.html"));
      await check(serve({ "/": join(app, "webpack") }));
    });

    test("the companion model's file comes along, and its address is the new one", async () => {
      // The package with a file in the model's place: it is not there in every checkout.
      const embed = join(app, "node_modules/nanolm-embed");
      mkdirSync(embed, { recursive: true });
      for (const file of ["package.json", "index.js"]) cpSync(join(HERE, "../../pkg-scripts/embed", file), join(embed, file));
      writeFileSync(join(embed, "model.gguf"), "a model");
      writeFileSync(join(app, "embed.js"), 'import model from "nanolm-embed";\nglobalThis.found = fetch(model).then((answer) => answer.text());\n');
      const { default: webpack } = await tool(app, "webpack");
      const out = { ...config("production"), entry: "./embed.js", output: { path: join(app, "webpack-embed") } };
      const stats = await new Promise((resolve, reject) => webpack(out, (error, stats) => (error ? reject(error) : resolve(stats))));
      assert.ok(!stats.hasErrors() && !stats.hasWarnings(), stats.toString("errors-warnings"));
      writeFileSync(join(app, "webpack-embed/index.html"), '<!doctype html><script src="main.js"></script>');
      const server = await serve({ "/": join(app, "webpack-embed") });
      const page = await browser.newPage();
      try {
        await page.goto(`${server.origin}/`);
        assert.equal(await page.evaluate(() => globalThis.found), "a model");
      } finally {
        await page.close();
        await server.close();
      }
    });

    test("development server", async () => {
      const { default: webpack } = await tool(app, "webpack");
      const { default: Server } = await tool(app, "webpack-dev-server");
      const options = { port: "auto", host: "127.0.0.1", static: app, client: { logging: "none" } };
      const server = new Server(options, webpack({ ...config("development"), infrastructureLogging: { level: "none" }, stats: "none" }));
      await server.start();
      await check({ origin: `http://127.0.0.1:${server.server.address().port}`, close: () => server.stop() });
    });
  });

  test("Rollup, with the package's files copied beside the bundle", async () => {
    const out = join(app, "rollup");
    const { rollup } = await tool(app, "rollup");
    const { nodeResolve } = await tool(app, "@rollup/plugin-node-resolve");
    const warnings = [];
    const bundle = await rollup({ input: join(app, "main.js"), plugins: [nodeResolve()], onwarn: ({ message }) => warnings.push(message) });
    await bundle.write({ dir: out });
    assert.deepEqual(warnings, []);
    copyBeside(app, out);
    await check(serve({ "/": out }));
  });

  describe("esbuild, with the package's files copied beside the bundle", () => {
    const options = (out) => ({ absWorkingDir: app, entryPoints: ["main.js"], bundle: true, format: "esm", outdir: out, logLevel: "error" });

    test("build", async () => {
      const { build } = await tool(app, "esbuild");
      const { warnings } = await build({ ...options("esbuild"), minify: true });
      assert.deepEqual(warnings, []);
      copyBeside(app, join(app, "esbuild"));
      await check(serve({ "/": join(app, "esbuild") }));
    });

    test("development server", async () => {
      const { context } = await tool(app, "esbuild");
      copyBeside(app, join(app, "esbuild-dev"));
      const made = await context(options("esbuild-dev"));
      const { port } = await made.serve({ servedir: join(app, "esbuild-dev"), host: "127.0.0.1" });
      await check({ origin: `http://127.0.0.1:${port}`, close: () => made.dispose() });
    });
  });
});

describe("Next.js, without configuration", { skip: !long }, () => {
  const NEXT = "node_modules/next/dist/bin/next";
  let app;
  before(() => {
    app = installApp("next-app", join(HERE, "bundlers/next"));
    cpSync(join(HERE, "app/main.js"), join(app, "main.js"));
  });

  test("build", async () => {
    execFileSync(process.execPath, [join(app, NEXT), "build"], { cwd: app, stdio: ["ignore", "ignore", "inherit"], env: quiet });
    await check(running(app, NEXT, "start", "-p"));
  });
  test("development server", () => check(running(app, NEXT, "dev", "-p")));
});

describe("SvelteKit, with Vite's one line", { skip: !long }, () => {
  const VITE = "node_modules/vite/bin/vite.js";
  let app;
  before(() => {
    app = installApp("sveltekit-app", join(HERE, "bundlers/sveltekit"));
    cpSync(join(HERE, "app/main.js"), join(app, "main.js"));
  });

  test("build", async () => {
    execFileSync(process.execPath, [join(app, VITE), "build", "--logLevel", "error"], { cwd: app, stdio: ["ignore", "ignore", "inherit"] });
    // SvelteKit begins with a script inside the page.
    await check(serve({ "/": join(app, "build") }, { policy: null }));
  });
  test("development server", () => check(running(app, VITE, "--logLevel", "error", "--port")));
});
