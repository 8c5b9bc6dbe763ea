// What the documents show compiles as it stands, with TypeScript's strict checks, against the packed package: names, arguments and results
// are those that there are. Names that a page would have (`text`, `output`, `show`) are declared here.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { installTarball } from "../web/support/app.mjs";
import { ROOT } from "../web/support/browser.mjs";

const PAGES = ["README.md", "pkg-scripts/npm/README.md", ...readdirSync(join(ROOT, "docs")).filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`)];
const BLOCK = /^```(js|jsx|ts|tsx|html)\b.*\n([\s\S]*?)^```$/gm;

/** What is around the snippets. A snippet may declare the same name itself. */
const AROUND = `
declare const Model: typeof import("nanolm").Model;
declare const model: import("nanolm").Model;
declare const createFetch: typeof import("nanolm/openai").createFetch;
declare const Summarizer: typeof import("nanolm/built-in-ai").Summarizer;
declare const LanguageDetector: typeof import("nanolm/built-in-ai").LanguageDetector;
declare const article: string, text: string, letter: string, url: string;
declare const texts: string[], questions: string[], passages: string[];
declare const messages: { role: "user"; content: string }[];
declare const output: HTMLElement;
declare const vector: Float32Array, first: Float32Array, second: Float32Array, query: Float32Array;
declare const encoder: import("nanolm").ModelSource;
declare const blob: Blob, file: File;
declare const signal: AbortSignal;
declare function show(...what: unknown[]): void;
declare function onProgress(progress: import("nanolm").Progress): void;
declare function keyOfThisVisitor(): string;
declare const allowed: Set<unknown>;
declare namespace JSX { interface IntrinsicElements { [name: string]: unknown } }
`;
const OTHERS = `
declare module "nanolm-embed" { const address: URL; export const integrity: string; export default address; }
declare module "react/jsx-runtime";
`;

/** The code of a block, as a module. */
function moduleOf(kind, code) {
  if (kind === "html") return [...code.matchAll(/<script[^>]*>([\s\S]*?)<\/script>/g)].map(([, script]) => script).join("\n");
  // A part of an object, as where an option is shown by itself.
  return /^\w+: \{\n/.test(code) ? `void ({ ${code} });` : code;
}

test("every snippet of the documents compiles", () => {
  const app = join(installTarball("types-app"), "../..");
  const folder = join(app, "snippets");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  writeFileSync(join(folder, "around.d.ts"), AROUND);
  writeFileSync(join(folder, "others.d.ts"), OTHERS);
  const files = [];
  for (const page of PAGES) {
    for (const [, kind, code, at] of [...readFileSync(join(ROOT, page), "utf8").matchAll(BLOCK)].map((match) => [...match, match.index])) {
      const line = readFileSync(join(ROOT, page), "utf8").slice(0, at).split("\n").length + 1;
      const name = `${page.replace(/\W/g, "-")}-line-${line}.${kind.endsWith("x") ? "tsx" : "ts"}`;
      writeFileSync(join(folder, name), `${moduleOf(kind, code)}\nexport {};\n`);
      files.push(name);
    }
  }
  assert.ok(files.length > 30, `only ${files.length} snippets were found`);
  const flags = ["--noEmit", "--strict", "--noImplicitAny", "false", "--jsx", "preserve", "--target", "ES2022", "--module", "ES2022", "--moduleResolution", "bundler", "--skipLibCheck", "--lib", "ES2022,ESNext.Disposable,DOM,DOM.Iterable"];
  const found = (() => {
    try {
      return execFileSync(process.execPath, [join(ROOT, "node_modules/typescript/bin/tsc"), ...flags, "around.d.ts", "others.d.ts", ...files], { cwd: folder, encoding: "utf8" });
    } catch (error) {
      return error.stdout || error.message;
    }
  })();
  assert.equal(found, "", found);
});
