// npx nanolm, as the tarball installs it: its output, its exit codes, its endpoint with curl and with the official client.
import assert from "node:assert/strict";
import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import OpenAI from "openai";
import { installTarball } from "../web/support/app.mjs";
import { ROOT } from "../web/support/browser.mjs";
import { ARTICLE, LONGISH } from "../web/support/texts.mjs";
import { RUNTIMES } from "./node/runtimes.mjs";

const run = promisify(execFile);
const TEMPLATE = "{% for message in messages %}{{ message.role + ': ' + message.content + '\\n' }}{% endfor %}";

let app;
let bin;
let nanolm;
let folder;
let chatty;
const file = (name) => join(folder, name);
before(async () => {
  const installed = installTarball("node-app");
  app = join(installed, "../..");
  bin = join(app, "node_modules/.bin/nanolm");
  nanolm = await import(pathToFileURL(join(installed, "dist/index.js")));
  folder = mkdtempSync(join(tmpdir(), "nanolm-cli-"));
  process.env.NANOLM_CACHE = file("cache");
  writeFileSync(file("article.txt"), LONGISH);
  chatty = file("chatty");
  cpSync(join(ROOT, "tests/golden/tiny-llama"), chatty, { recursive: true });
  writeFileSync(join(chatty, "chat_template.jinja"), TEMPLATE);
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the command to its end, whatever its exit code. */
async function command(args, { input = "", env = {} } = {}) {
  const running = run(bin, args, { env: { ...process.env, ...env }, timeout: 60_000 });
  running.child.stdin.end(input);
  return running.then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
  );
}

/** What a loaded model gives. */
async function own(work, source) {
  const model = await nanolm.Model.load(source);
  try {
    return await work(model);
  } finally {
    await model.dispose();
  }
}

describe("texts", () => {
  test("key points, from a file and from a pipe", async () => {
    const points = (await own((model) => model.summarize(LONGISH, { type: "key-points", length: "medium" }).result)).points;
    const wanted = points.map(({ text }) => `- ${text}\n`).join("");
    assert.equal(points.length, 5);
    assert.deepEqual(await command(["summarize", file("article.txt"), "--length", "medium"]), { code: 0, stdout: wanted, stderr: "" });
    assert.deepEqual(await command(["summarize", "--length", "medium", "-"], { input: LONGISH }), { code: 0, stdout: wanted, stderr: "" });
    const { stdout } = await command(["summarize", "--length=medium", "--json"], { input: LONGISH });
    const { type, text, points: inJson } = JSON.parse(stdout);
    assert.deepEqual([type, inJson], ["key-points", points]);
    assert.equal(text, points.map(({ text }) => text).join("\n"));
  });

  test("tldr and headline", async () => {
    const { tldr, headline } = await own(async (model) => ({ tldr: await model.summarize(ARTICLE).text(), headline: await model.summarize(ARTICLE, { type: "headline" }).text() }));
    assert.equal((await command(["summarize", "--type", "tldr"], { input: ARTICLE })).stdout, `${tldr}\n`);
    assert.equal((await command(["summarize", "--type", "headline"], { input: ARTICLE })).stdout, `${headline}\n`);
  });

  test("labels, entities, keywords, an answer, vectors", async () => {
    const wanted = await own(async (model) => ({
      labels: await model.classify(ARTICLE, ["sport", "harbours"]),
      entities: await model.extractEntities(ARTICLE),
      numbers: await model.extractEntities(ARTICLE, { types: ["NUMBER"] }),
      keywords: await model.extractKeywords(ARTICLE, { limit: 3 }),
      answer: await model.answer("When did a storm tear away the lantern?", ARTICLE),
      vectors: await model.embed(["one line", "another"]),
    }));
    const json = async (...args) => JSON.parse((await command([...args, "--json"], { input: ARTICLE })).stdout);
    assert.deepEqual(await json("classify", "--labels", "sport, harbours"), wanted.labels);
    assert.deepEqual(await json("extract", "entities"), wanted.entities);
    assert.deepEqual(await json("extract", "keywords", "-", "--limit", "3"), wanted.keywords);
    assert.deepEqual(await json("answer", "When did a storm tear away the lantern?"), wanted.answer);
    const printed = await command(["extract", "entities", "--types", "NUMBER"], { input: ARTICLE });
    assert.equal(printed.stdout, wanted.numbers.map(({ text }) => `NUMBER\t${text}\n`).join(""));
    const labels = await command(["classify", "--labels", "sport,harbours"], { input: ARTICLE });
    assert.equal(labels.stdout, wanted.labels.map(({ label, score }) => `${score.toFixed(3)}\t${label}\n`).join(""));
    const { stdout } = await command(["embed", "--lines"], { input: "one line\n\nanother\n" });
    assert.deepEqual(stdout.trim().split("\n").map((line) => JSON.parse(line)), wanted.vectors.map((vector) => [...vector]));
    assert.deepEqual(await command(["answer", "Who wrote the opera?"], { input: "Two plus two is four." }), { code: 1, stdout: "", stderr: "nanolm: no answer found\n" });
  });

  test("what a chat model writes of a text", async () => {
    const text = "The lamp was lit.\n\nThe storm came.";
    // Questions need more room than it has.
    const roomy = file("roomy");
    cpSync(chatty, roomy, { recursive: true });
    const config = JSON.parse(readFileSync(join(chatty, "config.json"), "utf8"));
    writeFileSync(join(roomy, "config.json"), JSON.stringify({ ...config, max_position_embeddings: 512 }));
    const wanted = await own(async (model) => {
      const streams = [model.rewrite(text, { tone: "more-formal", instruction: "Be brief." }), model.translate(text, { to: "de" }), model.summarize(text)];
      return Promise.all(streams.map((stream) => stream.text()));
    }, roomy);
    const written = async (...args) => (await command([...args, "--model", roomy], { input: text })).stdout;
    assert.equal(await written("rewrite", "--tone", "more-formal", "--instruction", "Be brief."), `${wanted[0]}\n`);
    assert.equal(JSON.parse(await written("translate", "--to", "de", "--json")).text, wanted[1]);
    assert.equal(await written("summarize", "--type", "tldr"), `${wanted[2]}\n`);
  });

  test("encodings", async () => {
    const summary = async (bytes) => command(["summarize", "--type", "tldr"], { input: bytes });
    const text = "Das Café öffnete gestern. It was full.";
    const { stdout } = await summary(Buffer.from(text));
    assert.match(stdout, /Café|full/);
    assert.equal((await summary(Buffer.from(`\ufeff${text}`, "utf16le"))).stdout, stdout);
    const old = await summary(Buffer.from(text, "latin1"));
    assert.deepEqual([old.code, old.stdout], [0, stdout]);
    assert.match(old.stderr, /not UTF-8: it was read as windows-1252/);
    assert.match((await summary(Buffer.from([1, 0, 2]))).stderr, /is no text/);
  });

  test("who reads may stop reading", { skip: process.platform === "win32" && "SKIPPED no shell" }, () => {
    const { status, stderr, stdout } = spawnSync("bash", ["-c", 'set -o pipefail; "$0" embed --lines "$1" | head -c 5', bin, file("article.txt")], { encoding: "utf8" });
    assert.deepEqual([status, stderr, stdout.length], [0, "", 5]);
  });
});

describe("arguments", () => {
  const helped = ["serve", "chat", "summarize", "classify", "extract", "answer", "embed", "rewrite", "translate"];
  test("help is everywhere", async () => {
    const { code, stdout } = await command(["--help"]);
    assert.equal(code, 0);
    for (const name of helped) {
      assert.match(stdout, new RegExp(`^  ${name} `, "m"));
      const own = await command([name, "--help"]);
      assert.deepEqual([own.code, own.stderr], [0, ""]);
      assert.match(own.stdout, new RegExp(`^nanolm ${name} [\\s\\S]*--help`));
    }
    const { version } = JSON.parse(readFileSync(join(app, "node_modules/nanolm/package.json")));
    assert.equal((await command(["--version"])).stdout, `${version}\n`);
    assert.equal((await command([])).stdout, stdout);
  });

  const wrong = [
    [["sing"], /there is no command "sing"\. See: nanolm --help/],
    [["summarize", "--poem"], /'--poem'.*See: nanolm summarize --help/],
    [["summarize", "--type", "poem"], /--type: expected key-points, tldr, headline, found "poem"/],
    [["summarize", "a", "b"], /found "b"/],
    [["classify", "-"], /--labels or --set/],
    [["classify", "--set", "no such set"], /no such set/],
    [["extract", "verbs"], /"entities" or "keywords", found "verbs"/],
    [["extract", "keywords", "--limit", "many"], /--limit: expected a number, found "many"/],
    [["summarize", "--threads", "99"], /threads: expected a whole number from 1 to 16/],
    [["answer"], /expected a question/],
    [["chat"], /expected a MODEL/],
    [["rewrite", "-"], /expected --model with a chat model/],
    [["rewrite", "-", "--tone", "rude"], /--tone: expected as-is, more-formal, more-casual, found "rude"/],
    [["translate", "-", "--model", "a.gguf"], /expected --to with a language/],
    [["serve", "--port", "70000"], /--port: expected a whole number/],
  ];
  for (const [args, message] of wrong) {
    test(`nanolm ${args.join(" ")}: the code 2`, async () => {
      const { code, stdout, stderr } = await command(args, { input: ARTICLE });
      assert.deepEqual([code, stdout], [2, ""], stderr);
      assert.match(stderr, /^nanolm: .*\. See: nanolm .*--help\n$/);
      assert.match(stderr, message);
    });
  }

  const failing = [
    [["summarize", "no/such.txt"], /no\/such.txt cannot be read: there is no such file/],
    [["summarize", "."], /it is a folder/],
    [["summarize", "--model", "no/such.gguf"], /expected the file, found none.*\[download\/status\]/],
    [["serve", "no/such.gguf", "--port", "0"], /\[download\/status\]/],
    [["serve", "--host", "192.0.2.1", "--port", "0"], /192.0.2.1 is no address of this machine/],
  ];
  for (const [args, message] of failing) {
    test(`nanolm ${args.join(" ")}: the code 1`, async () => {
      const { code, stdout, stderr } = await command(args, { input: ARTICLE });
      assert.deepEqual([code, stdout], [1, ""], stderr);
      assert.match(stderr, message);
      assert.equal(stderr.trim().split("\n").length, stderr.includes("everybody") ? 2 : 1, stderr);
    });
  }
});

describe("chat", () => {
  const options = ["--max-tokens", "6", "--seed", "3", "--temperature", "0.7"];
  const settings = { maxNewTokens: 6, seed: 3, temperature: 0.7 };
  test("what is piped in is a message", async () => {
    const messages = [{ role: "system", content: "Be brief." }, { role: "user", content: "The keeper" }];
    const answer = await own((model) => model.chat(messages, settings).text(), chatty);
    assert.ok(answer.length > 5);
    const args = ["chat", chatty, "--system", "Be brief.", ...options];
    assert.deepEqual(await command(args, { input: "The keeper" }), { code: 0, stdout: `${answer}\n`, stderr: "" });
    assert.equal(JSON.parse((await command([...args, "--json"], { input: "The keeper" })).stdout).text, answer);
  });

  test("a conversation on a terminal", { skip: process.platform === "win32" && "SKIPPED no pseudo-terminal" }, async () => {
    const first = [{ role: "user", content: "One" }];
    const [one, two] = await own(async (model) => {
      const one = await model.chat(first, settings).text();
      return [one, await model.chat([...first, { role: "assistant", content: one }, { role: "user", content: "Two" }], settings).text()];
    }, chatty);
    const code = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";
    const child = spawn("python3", ["-c", code, bin, "chat", chatty, ...options]);
    let shown = "";
    child.stdout.setEncoding("utf8").on("data", (text) => (shown += text));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what moves a terminal's cursor
    const screen = () => shown.replace(/\x1b\[[\d;]*[A-Za-z]/g, "").replaceAll("\r", "");
    const shows = async (text) => {
      for (let wait = 0; !screen().includes(text); wait += 20) {
        if (wait > 20_000) assert.fail(`expected ${JSON.stringify(text)}, found ${JSON.stringify(screen())}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    await shows("> ");
    child.stdin.write("One\n");
    // The whole answer, and the prompt behind it.
    await shows(`One\n${one}\n> `);
    child.stdin.write("Two\n");
    await shows(`Two\n${two}\n> `);
    child.stdin.write("/exit\n");
    const [status] = await once(child, "exit");
    assert.equal(status, 0, shown);
  });
});

/** Starts the endpoint and gives its address; `end` asks it to stop and gives its exit code and what it wrote. */
async function endpoint(args, { env = {}, command = [bin] } = {}) {
  const child = spawn(command[0], [...command.slice(1), "serve", "--port", "0", ...args], { env: { ...process.env, ...env } });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text) => (stderr += text));
  const exited = once(child, "exit");
  while (!stdout.includes("\n")) await Promise.race([once(child.stdout, "data"), exited.then(() => assert.fail(stderr))]);
  const address = / at (http:\S+)\/v1\n/.exec(stdout)[1];
  const end = async (signal = "SIGTERM") => {
    child.kill(signal);
    const [code] = await exited;
    return { code, stderr };
  };
  return { address, end, child };
}

const HELLO = [{ role: "user", content: "The keeper lights the lamp" }];

describe("serve", () => {
  for (const [runtime, node] of Object.entries(RUNTIMES)) {
    const skip = node === undefined && `SKIPPED ${runtime} is not here`;
    test(`${runtime} answers curl and the openai client`, { skip }, async () => {
      const script = join(app, "node_modules/nanolm/dist/cli/index.js");
      const { address, end } = await endpoint([chatty], { command: [...(node ?? []), script] });
      const client = new OpenAI({ apiKey: "none", baseURL: `${address}/v1`, maxRetries: 0 });
      const asked = { model: "any", messages: HELLO, max_tokens: 9 };
      const wanted = await own((model) => model.chat(HELLO, { maxNewTokens: 9 }).result, chatty);

      const whole = await client.chat.completions.create(asked);
      assert.equal(whole.choices[0].message.content, wanted.text);
      assert.equal(whole.usage.prompt_tokens, wanted.usage.promptTokens);
      const chunks = [];
      for await (const chunk of await client.chat.completions.create({ ...asked, stream: true })) chunks.push(chunk);
      assert.equal(chunks.map(({ choices }) => choices[0].delta.content ?? "").join(""), wanted.text);
      assert.ok(chunks.length > 5);
      assert.equal((await client.completions.create({ model: "any", prompt: "The lamp", max_tokens: 3 })).usage.completion_tokens, 3);
      assert.equal((await client.responses.create({ model: "any", input: "The keeper lights the lamp", max_output_tokens: 16 })).output_text.length > 3, true);
      const { data } = await client.embeddings.create({ model: "any", input: ["a lamp", "a light"] });
      assert.deepEqual(Float32Array.from(data[0].embedding), await own((model) => model.embed("a lamp")));
      assert.deepEqual((await client.models.list()).data.map(({ id }) => id), ["nanolm"]);
      await assert.rejects(client.chat.completions.create({ ...asked, temperature: -1 }), { status: 400, param: "temperature" });

      const curl = async (...args) => (await run("curl", ["--silent", "--no-buffer", "--max-time", "20", ...args])).stdout;
      const json = ["-H", "content-type: application/json", "-d", JSON.stringify({ ...asked, stream: true })];
      const events = (await curl(`${address}/v1/chat/completions`, ...json)).trim().split("\n\n");
      assert.equal(events.pop(), "data: [DONE]");
      assert.equal(events.map((event) => JSON.parse(event.slice("data: ".length)).choices[0].delta.content ?? "").join(""), wanted.text);
      assert.match(await curl("-D", "-", "-o", "/dev/null", `${address}/v1/chat/completions`, ...json), /^HTTP\/1.1 200[\s\S]*content-type: text\/event-stream/i);
      assert.equal(await curl("-w", "%{http_code}", "-o", "/dev/null", `${address}/v1/nothing`), "404");
      assert.deepEqual(await end(), { code: 0, stderr: "" });
    });
  }

  test("the package's own model, with its name", async () => {
    const { address, end } = await endpoint([]);
    assert.deepEqual(await (await fetch(`${address}/health`)).json(), { status: "ok" });
    const { choices } = await (await fetch(`${address}/v1/completions`, { method: "POST", body: JSON.stringify({ model: "x", prompt: "The", max_tokens: 4 }) })).json();
    assert.equal(choices[0].text, await own((model) => model.generate("The", { maxNewTokens: 4 }).text()));
    assert.deepEqual(await end("SIGINT"), { code: 0, stderr: "" });
  });

  test("a port that is taken, and one of another server", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address();
    const { code, stdout, stderr } = await command(["serve", "--port", String(port)]);
    taken.close();
    assert.deepEqual([code, stdout], [1, ""]);
    assert.equal(stderr, `nanolm: port ${port} of 127.0.0.1 is in use. Give another one with --port, or 0 for any that is free\n`);
  });

  test("a key", async () => {
    for (const [args, env] of [[["--key", "secret"], {}], [[], { NANOLM_KEY: "secret" }]]) {
      const { address, end } = await endpoint(args, { env });
      const baseURL = `${address}/v1`;
      const models = (apiKey) => new OpenAI({ apiKey, baseURL, maxRetries: 0 }).models.list();
      assert.equal((await models("secret")).data.length, 1);
      await assert.rejects(models("other"), { status: 401, code: "invalid_api_key" });
      assert.equal((await fetch(`${baseURL}/models`)).status, 401);
      assert.equal((await end()).code, 0);
    }
  });

  test("pages of other origins are refused, unless they are named", async () => {
    const ask = (address, origin, more = {}) => fetch(`${address}/v1/models`, { headers: { origin }, ...more });
    const closed = await endpoint([]);
    const refused = await ask(closed.address, "https://example.org");
    assert.deepEqual([refused.status, (await refused.json()).error.code, refused.headers.get("access-control-allow-origin")], [403, "origin_not_allowed", null]);
    // A page whose name was made to lead here.
    const renamed = await new Promise((resolve) => request(`${closed.address}/v1/models`, { headers: { host: "evil.example" } }, resolve).end());
    assert.equal(renamed.statusCode, 403);
    renamed.resume();
    await closed.end();

    const open = await endpoint(["--cors", "https://example.org", "--cors", "https://other.example"]);
    const allowed = await ask(open.address, "https://other.example");
    assert.deepEqual([allowed.status, allowed.headers.get("access-control-allow-origin")], [200, "https://other.example"]);
    const preflight = await ask(open.address, "https://example.org", {
      method: "OPTIONS",
      headers: { origin: "https://example.org", "access-control-request-method": "POST", "access-control-request-headers": "authorization,x-stainless-os" },
    });
    assert.equal(preflight.status, 204);
    assert.equal(preflight.headers.get("access-control-allow-headers"), "authorization,x-stainless-os");
    assert.equal((await ask(open.address, "https://third.example")).status, 403);
    await open.end();
  });

  test("a client that leaves stops the model, and the next one is answered", async () => {
    const { address, end } = await endpoint([]);
    const client = new OpenAI({ apiKey: "none", baseURL: `${address}/v1`, maxRetries: 0 });
    const long = { model: "any", prompt: "Once", max_tokens: 900, stream: true };
    const alone = performance.now();
    let tokens = 0;
    for await (const _ of await client.completions.create(long)) tokens += 1;
    const whole = performance.now() - alone;
    assert.ok(tokens > 200, `${tokens}`);
    for (let i = 0; i < 3; i++) for await (const _ of await client.completions.create(long)) break;
    const begun = performance.now();
    await client.completions.create({ model: "any", prompt: "The", max_tokens: 1 });
    const waited = performance.now() - begun;
    assert.ok(waited < whole, `${waited} ms after three that were left, of ${whole} ms each`);
    assert.equal((await end()).code, 0);
  });

  test("told to stop, it ends its answers first and takes no more", async () => {
    const { address, end } = await endpoint([]);
    const body = JSON.stringify({ model: "any", prompt: "Once", max_tokens: 300, stream: true });
    const response = await fetch(`${address}/v1/completions`, { method: "POST", body });
    const reader = response.body.getReader();
    await reader.read();
    const ended = end();
    let text = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      text += Buffer.from(value);
    }
    assert.match(text, /data: \[DONE\]\s*$/);
    assert.equal((await ended).code, 0);
    await assert.rejects(fetch(`${address}/health`));
  });

  test("a host that others reach, without a key, is said to be open", async () => {
    const { end } = await endpoint(["--host", "0.0.0.0"]);
    assert.match((await end()).stderr, /everybody who reaches .* can use it: give a --key/);
  });

  test("what is too long, and what is no JSON", async () => {
    const { address, end } = await endpoint([]);
    const post = (body) => fetch(`${address}/v1/completions`, { method: "POST", body });
    assert.equal((await post(Buffer.alloc(33 << 20, 32))).status, 413);
    assert.equal((await post("{")).status, 400);
    assert.equal((await end()).code, 0);
  });
});
