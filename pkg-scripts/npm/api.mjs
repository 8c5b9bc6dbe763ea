// node pkg-scripts/npm/api.mjs [--write]: docs/api.md and docs/errors.md, out of the types that the package exports and their
// comments. Without --write, files that say something else are an error.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
// Any version that is written in JavaScript can read the sources.
import ts from "typescript-5.9";

const SOURCE = join(import.meta.dirname, "src");
const DOCS = resolve(import.meta.dirname, "../../docs");
const WRITTEN = "<!-- Written by pkg-scripts/npm/api.mjs out of pkg-scripts/npm/src: change the comments there. -->";

const parse = (file) => ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true);

/** The text of the comment before a node, and whether it is for the inside only. */
function commentOf(node, source) {
  const ranges = ts.getLeadingCommentRanges(source.text, node.getFullStart()) ?? [];
  const last = ranges.map(({ pos, end }) => source.text.slice(pos, end)).filter((text) => text.startsWith("/**")).at(-1);
  if (last === undefined) return { text: "", internal: false };
  const lines = last.slice(3, -2).split("\n").map((line) => line.replace(/^\s*\* ?/, "").trimEnd());
  const text = lines.join("\n").trim().replace(/^@throws /gm, "Rejects with ").replace(/^@param (\w+) /gm, "`$1`: ").trim();
  return { text: text.replaceAll("{@link ", "`").replace(/^@internal ?/, ""), internal: text.startsWith("@internal") };
}

/** A declaration on one line, without its body. */
function signature(node, source) {
  const body = node.body ?? node.initializer;
  const text = source.text.slice(node.getStart(source), body === undefined ? node.end : body.pos);
  return text
    .replace(/\/\*\*[\s\S]*?\*\/\s*/g, "")
    .replace(/\s+/g, " ")
    .replace(/^(public|override|readonly) /, "")
    .replace(/^async /, "")
    .replace(/^static async /, "static ")
    .replace(/ \| undefined(;?)$/, "$1")
    .replace(/[;={]?\s*$/, "")
    .trim();
}

function membersOf(declaration, source) {
  const members = [];
  // Of an overloaded method the last declaration, which has a body, is for the inside.
  const overloaded = new Set(
    declaration.members.filter((m) => ts.isMethodDeclaration(m) && m.body === undefined).map((m) => m.name.getText(source)),
  );
  for (const member of declaration.members) {
    const name = member.name?.getText(source) ?? "";
    const hidden = (ts.getCombinedModifierFlags(member) & ts.ModifierFlags.Private) !== 0 || name.startsWith("#");
    const { text, internal } = commentOf(member, source);
    if (hidden || internal || ts.isConstructorDeclaration(member) || name.startsWith("[Symbol")) continue;
    if (member.body !== undefined && overloaded.has(name)) continue;
    members.push(`- \`${signature(member, source)}\`${text === "" ? "" : `\n\n${indented(text)}`}`);
  }
  return members;
}

const indented = (text) => text.split("\n").map((line) => (line === "" ? "" : `  ${line}`)).join("\n");

function section(name, file) {
  const source = parse(file);
  const parts = [];
  for (const declaration of source.statements) {
    if (declaration.name?.getText(source) !== name) continue;
    const { text, internal } = commentOf(declaration, source);
    if (internal) continue;
    if (parts.length === 0) parts.push(`### ${name}`);
    if (text !== "") parts.push(text);
    const parents = (declaration.heritageClauses ?? []).flatMap((clause) => clause.types.map((type) => `\`${type.getText(source)}\``));
    if (parents.length > 0) parts.push(`Extends ${parents.join(", ")}.`);
    if (ts.isTypeAliasDeclaration(declaration)) parts.push(name === "ErrorCode" ? "See [errors.md](errors.md)." : `\`${signature(declaration, source).replace(/^export /, "")}\``);
    else if (declaration.members !== undefined) parts.push(...[membersOf(declaration, source).join("\n\n")].filter(Boolean));
  }
  return parts.join("\n\n");
}

/** What index.ts exports: `[name, file]`, in its order. */
function exported() {
  const index = parse(join(SOURCE, "index.ts"));
  return index.statements.filter(ts.isExportDeclaration).flatMap((statement) => {
    const file = join(SOURCE, statement.moduleSpecifier.text.replace(/\.js$/, ".ts"));
    if (statement.exportClause !== undefined) return statement.exportClause.elements.map((element) => [element.name.text, file]);
    const all = parse(file);
    const isExported = (each) => (ts.getCombinedModifierFlags(each) & ts.ModifierFlags.Export) !== 0;
    return all.statements.filter((each) => each.name !== undefined && isExported(each)).map((each) => [each.name.text, file]);
  });
}

function api() {
  const names = exported();
  // The classes that a program begins with come first, errors last.
  const rank = ([name, file]) => (["Model", "Session", "TextStream"].includes(name) ? 0 : file.endsWith("errors.ts") ? 2 : 1);
  const ordered = [...names.keys()].sort((a, b) => rank(names[a]) - rank(names[b]) || a - b).map((at) => names[at]);
  const sections = ordered.map(([name, file]) => section(name, file));
  return `# What \`nanolm\` exports\n\n${WRITTEN}\n\n${sections.join("\n\n")}\n`;
}

function errors() {
  const file = join(SOURCE, "errors.ts");
  const source = parse(file);
  const union = source.statements.find((each) => each.name?.text === "ErrorCode");
  const rows = union.type.types.map((type) => {
    // A comment stands before the bar of its code, outside of the node.
    const before = source.text.slice(0, type.getStart(source));
    const comment = /\/\*\* (.*) \*\/\s*\|\s*$/.exec(before)?.[1] ?? "";
    return `| \`${type.literal.text}\` | ${comment} |`;
  });
  return `# Errors\n\n${WRITTEN}\n\nEvery error of the package is a \`NanolmError\`: \`code\` is one of these, \`message\` says what happened and what to do, and\n\`details\` has the facts by name. An aborted \`signal\` rejects with its own reason instead.\n\n| code | what it means, and what to do |\n|---|---|\n${rows.join("\n")}\n`;
}

let stale = false;
for (const [name, text] of [["api.md", api()], ["errors.md", errors()]]) {
  const path = join(DOCS, name);
  if (process.argv.includes("--write")) writeFileSync(path, text);
  else if (!existsSync(path) || readFileSync(path, "utf8") !== text) {
    console.error(`docs/${name} is not what the sources say. Run: node pkg-scripts/npm/api.mjs --write`);
    stale = true;
  }
}
if (stale) process.exitCode = 1;
