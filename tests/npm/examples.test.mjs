// The examples, as they stand, with the packed tarball and a tiny random model: in Node, in a shell, and in Chromium with the network off.
import assert from "node:assert/strict";
import { execFile, execFileSync, spawn } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { build } from "vite";
import { installApp, installTarball } from "../web/support/app.mjs";
import { launch, ROOT } from "../web/support/browser.mjs";
import { serve } from "../web/support/server.mjs";
import { ARTICLE } from "../web/support/texts.mjs";

const EXAMPLES = join(ROOT, "examples/web");
const app = join(ROOT, "build/examples");
const TEMPLATE = "{% for message in messages %}{{ message.role + ': ' + message.content + '\\n' }}{% endfor %}";
const OFFLINE = "data:text/javascript,globalThis.fetch = (url) => { throw new Error('fetched for the test: ' + url); };";
const PACKAGES = ["openai", "@langchain", "ai", "@ai-sdk", "react", "react-dom"];
const long = Boolean(process.env.NANOLM_LONG);
if (!long) console.log("SKIPPED the example for Next.js: its packages are 400 MB; NANOLM_LONG=1 node --test tests/npm/examples.test.mjs");

before(() => {
  rmSync(app, { recursive: true, force: true });
  mkdirSync(join(app, "node_modules/.bin"), { recursive: true });
  cpSync(installTarball("node-app"), join(app, "node_modules/nanolm"), { recursive: true });
  symlinkSync("../nanolm/dist/cli/index.js", join(app, "node_modules/.bin/nanolm"));
  for (const name of PACKAGES) symlinkSync(join(ROOT, "node_modules", name), join(app, "node_modules", name), "dir");
  cpSync(join(ROOT, "tests/golden/tiny-llama"), join(app, "chatty"), { recursive: true });
  writeFileSync(join(app, "chatty/chat_template.jinja"), TEMPLATE);
  const config = join(app, "chatty/config.json");
  writeFileSync(config, JSON.stringify({ ...JSON.parse(readFileSync(config, "utf8")), max_position_embeddings: 1024 }));
  cpSync(EXAMPLES, app, { recursive: true });
});

test("an example has less than 60 lines", () => {
  const files = readdirSync(EXAMPLES, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  assert.ok(files.length >= 7);
  for (const { parentPath, name } of files) assert.ok(readFileSync(join(parentPath, name), "utf8").split("\n").length <= 60, name);
});

describe("in Node", () => {
  for (const name of ["openai.mjs", "langchain.mjs"]) {
    test(name, () => {
      const out = execFileSync(process.execPath, ["--import", OFFLINE, name, "./chatty"], { cwd: app, encoding: "utf8", timeout: 60_000 });
      const found = Object.fromEntries(out.trim().split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]));
      assert.deepEqual(Object.keys(found), ["chat", "stream", "tool", "object", "embeddings"]);
      assert.ok(JSON.parse(found.chat).length > 10);
      assert.equal(found.stream, found.chat);
      const [call] = JSON.parse(found.tool);
      assert.equal(call.name, "weather");
      for (const { unit } of [call.args, JSON.parse(found.object)]) assert.ok(["C", "F"].includes(unit), out);
      assert.equal(found.embeddings, "2 128");
    });
  }
});

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

test("serve.sh: curl, and the server ends with the script", { skip: process.platform === "win32" && "SKIPPED no shell" }, async () => {
  const port = String(await freePort());
  const { stdout } = await promisify(execFile)("bash", ["serve.sh", "./chatty"], { cwd: app, env: { ...process.env, PORT: port, npm_config_offline: "true" }, timeout: 60_000 });
  const [models, whole, ...events] = stdout.trim().split("\n").filter((line) => line !== "");
  assert.deepEqual(JSON.parse(models).data.map(({ id }) => id), ["nanolm"]);
  const { content } = JSON.parse(whole).choices[0].message;
  assert.ok(content.length > 10);
  assert.equal(events.pop(), "data: [DONE]");
  const deltas = events.map((event) => JSON.parse(event.slice("data: ".length)).choices[0].delta.content ?? "");
  assert.equal(deltas.join(""), content);
  for (let wait = 0; await fetch(`http://127.0.0.1:${port}/health`).then(() => true, () => false); wait += 100) {
    assert.ok(wait < 10_000, "the server goes on behind the script");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
});

describe("in Chromium", () => {
  let browser;
  before(async () => (browser = await launch({ gpu: "none" })));
  after(() => browser?.close());

  /** Opens an address, and fails on any request to another origin and any error of the page. */
  async function open(origin, path) {
    const context = await browser.newContext();
    const page = await context.newPage();
    const wrong = [];
    context.on("request", (request) => request.url().startsWith(origin) || request.url().startsWith("data:") || wrong.push(request.url()));
    page.on("pageerror", (error) => wrong.push(String(error)));
    await page.goto(origin + path);
    return { page, offline: (offline) => context.setOffline(offline), wrong };
  }

  test("page.html: a summary and a chat, without a bundler", async () => {
    // Its script stands in the page.
    const server = await serve({ "/": app, "/nanolm/": join(app, "node_modules/nanolm/dist") }, { policy: null });
    const { page, offline, wrong } = await open(server.origin, "/page.html?model=chatty/");
    const points = page.locator("#points li");
    const turns = page.locator("#chat li");
    const status = (text) => page.waitForFunction((text) => document.querySelector("#status").textContent === text, text);
    const ask = async (question, expected) => {
      await page.fill("#ask input", question);
      await page.click("#ask button");
      await page.waitForFunction((count) => document.querySelectorAll("#chat li").length === count, expected);
      await status("answered");
      await page.evaluate(() => (document.querySelector("#status").textContent = ""));
    };
    await page.fill("#text", "The keeper lights the lamp. Ships pass by.");
    await page.click("#summarize");
    await status("summarised");
    await ask("Who lights the lamp?", 2);
    await offline(true);
    await page.fill("#text", ARTICLE);
    await page.click("#summarize");
    await status("summarised");
    const listed = await points.allTextContents();
    assert.equal(listed.length, 3);
    // Whole sentences, not tokens.
    for (const text of listed) assert.ok(ARTICLE.includes(text) && / .*[.!?]$/.test(text), text);
    await ask("And the wind?", 4);
    const said = await turns.allTextContents();
    assert.deepEqual([said[0], said[2]], ["Who lights the lamp?", "And the wind?"]);
    assert.ok(said[1].length > 10 && said[3].length > 10 && said[1] !== said[3], JSON.stringify(said));
    assert.deepEqual(wrong, []);
    await server.close();
  });

  test("react-chat.jsx: useChat of the AI SDK without a server", async () => {
    const root = '<!doctype html><title>Chat</title><div id="root"></div><script type="module" src="/react-chat.jsx"></script>';
    writeFileSync(join(app, "index.html"), root);
    await build({ root: app, configFile: false, logLevel: "error", define: { "process.env.NODE_ENV": '"production"' } });
    const server = await serve({ "/": join(app, "dist"), "/chatty/": join(app, "chatty") });
    const { page, offline, wrong } = await open(server.origin, "/?model=/chatty/");
    const ask = async (question, answers) => {
      await page.fill("input", question);
      await page.click("form button:first-of-type");
      await page.waitForFunction((count) => document.querySelectorAll("p.assistant").length === count, answers);
      await page.waitForSelector("main[data-status=ready]");
      return page.locator("p").allTextContents();
    };
    const first = await ask("Who lights the lamp?", 1);
    assert.equal(first[0], "Who lights the lamp?");
    assert.ok(first[1].length > 10, first[1]);
    await offline(true);
    const both = await ask("And the wind?", 2);
    assert.deepEqual(both.slice(0, 3), [...first, "And the wind?"]);
    assert.ok(both[3].length > 10 && both[3] !== first[1], both[3]);
    assert.deepEqual(await page.locator("[role=alert]").count(), 0);
    assert.deepEqual(wrong, []);
    await server.close();
  });

  test("next: a page that the server renders", { skip: !long }, async () => {
    const next = installApp("next-app", join(ROOT, "tests/npm/bundlers/next"));
    rmSync(join(next, "app"), { recursive: true });
    cpSync(join(EXAMPLES, "next"), next, { recursive: true });
    const command = join(next, "node_modules/next/dist/bin/next");
    const env = { ...process.env, NEXT_TELEMETRY_DISABLED: "1" };
    execFileSync(process.execPath, [command, "build"], { cwd: next, stdio: ["ignore", "ignore", "inherit"], env });
    const port = await freePort();
    const child = spawn(process.execPath, [command, "start", "-p", String(port)], { cwd: next, detached: true, stdio: "ignore", env });
    try {
      const origin = `http://localhost:${port}`;
      let html;
      for (const end = Date.now() + 60_000; html === undefined; await new Promise((resolve) => setTimeout(resolve, 200))) {
        assert.ok(child.exitCode === null && Date.now() < end, "next start does not answer");
        html = await fetch(origin).then((response) => response.text(), () => undefined);
      }
      assert.match(html, /<button>Summarise<\/button>/);
      const { page, wrong } = await open(origin, "/");
      await page.click("text=Summarise");
      await page.waitForSelector("ul[aria-busy=false] li");
      const article = await page.textContent("article");
      const points = await page.locator("li").allTextContents();
      for (const text of points) assert.ok(article.includes(text), text);
      assert.ok(points.length >= 2);
      assert.deepEqual(wrong, []);
    } finally {
      process.kill(-child.pid);
    }
  });
});
