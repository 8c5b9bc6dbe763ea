// The types of the tarball, in an application: with the oldest TypeScript that they are for, the last one written in
// JavaScript and the current one; with the libraries of the default and with those that many projects name; the package's own
// declarations checked too.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { promisify } from "node:util";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { installTarball } from "../web/support/app.mjs";
import { ROOT } from "../web/support/browser.mjs";

const run = promisify(execFile);
const COMPILERS = { "5.4": "typescript-5.4", "5.9": "typescript-5.9", current: "typescript" };
const LIBRARIES = { "default libraries": [], "DOM and DOM.Iterable": ["--lib", "ES2022,DOM,DOM.Iterable"] };
const FLAGS = ["--noEmit", "--strict", "--target", "ES2022", "--module", "ES2022", "--moduleResolution", "bundler", "--skipLibCheck", "false"];
const FILES = ["consumer.ts", "elements.ts", "extension.ts", "surfaces.ts"];

let installed;
let app;
before(() => {
  installed = installTarball("types-app");
  app = join(installed, "../..");
  for (const file of FILES) cpSync(join(import.meta.dirname, "app", file), join(app, file));
});

describe("an application compiles, and its mistakes do not", () => {
  for (const [version, folder] of Object.entries(COMPILERS)) {
    for (const [name, libraries] of Object.entries(LIBRARIES)) {
      test(`TypeScript ${version}, ${name}`, async () => {
        const tsc = join(ROOT, "node_modules", folder, "bin/tsc");
        await run(process.execPath, [tsc, ...FLAGS, ...libraries, ...FILES], { cwd: app }).catch(({ stdout, message }) =>
          assert.fail(stdout || message),
        );
      });
    }
  }
});

test("what package.json promises of its files is true", async () => {
  const { messages } = await publint({ pkgDir: installed, strict: true });
  assert.deepEqual(messages.map((message) => formatMessage(message, {})), []);
});
