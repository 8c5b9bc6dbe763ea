// The examples for Node, as they stand, with the packed tarball and a tiny random model. Nothing may be fetched.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { installTarball } from "../web/support/app.mjs";
import { ROOT } from "../web/support/browser.mjs";

const app = join(ROOT, "build/examples");
const TEMPLATE = "{% for message in messages %}{{ message.role + ': ' + message.content + '\\n' }}{% endfor %}";
const OFFLINE = "data:text/javascript,globalThis.fetch = (url) => { throw new Error('fetched for the test: ' + url); };";

before(() => {
  rmSync(app, { recursive: true, force: true });
  mkdirSync(join(app, "node_modules"), { recursive: true });
  cpSync(installTarball("node-app"), join(app, "node_modules/nanolm"), { recursive: true });
  for (const name of ["openai", "@langchain"]) symlinkSync(join(ROOT, "node_modules", name), join(app, "node_modules", name), "dir");
  cpSync(join(ROOT, "tests/golden/tiny-llama"), join(app, "chatty"), { recursive: true });
  writeFileSync(join(app, "chatty/chat_template.jinja"), TEMPLATE);
});

describe("examples", () => {
  for (const name of ["openai.mjs", "langchain.mjs"]) {
    test(name, () => {
      const file = join(ROOT, "examples/web", name);
      assert.ok(readFileSync(file, "utf8").split("\n").length <= 60, "an example has less than 60 lines");
      cpSync(file, join(app, name));
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
