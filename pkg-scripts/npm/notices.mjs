// node pkg-scripts/npm/notices.mjs [--check | --sbom]: writes THIRD_PARTY_NOTICES, which the package carries: whose work is compiled into it and by
// which licence. What is compiled in, cargo says; the texts lie beside the sources. --check only says whether the file is right;
// --sbom prints the same parts as a CycloneDX bill of materials.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "../..");
const FILE = join(import.meta.dirname, "THIRD_PARTY_NOTICES");
const TARGET = "wasm32-unknown-unknown";

const cargo = (...args) => execFileSync("cargo", [...args, "--locked"], { cwd: ROOT, encoding: "utf8", maxBuffer: 1 << 28 });

/** The first of these that a part offers is the one it is used by. */
/** From npm. */
const BROUGHT = ["@huggingface/jinja", "@mozilla/readability"];
const PREFERRED = ["MIT", "Zlib", "BSD-3-Clause", "Apache-2.0"];

/** The crates in the engine and in the module for structured output, without what only runs while it is compiled. */
function crates() {
  const { packages } = JSON.parse(cargo("metadata", "--format-version", "1", "--filter-platform", TARGET));
  const tree = cargo("tree", "-p", "nanolm", "-p", "nanolm-grammar", "--target", TARGET, "-e", "normal,no-proc-macro", "--prefix", "none", "-f", "{p}");
  const inside = new Set(tree.split("\n").map((line) => line.split(" ").slice(0, 2).join(" ")));
  return packages
    .filter(({ name, version, source }) => source !== null && inside.has(`${name} v${version}`))
    .map(({ name, version, license, manifest_path }) => ({ name, version, offered: license, folder: dirname(manifest_path) }));
}

/** What the package brings along from npm. */
function fromNpm(name) {
  const folder = join(ROOT, "node_modules", name);
  const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return { name, version, offered: license, folder };
}

/** By which licence a part is used, and its text; parts that bring no text get the general one of Apache. */
function licence({ name, offered, folder }) {
  const choices = offered.split(/\s+OR\s+|\//).map((choice) => choice.replace(/[()]/g, "").trim());
  const chosen = PREFERRED.find((each) => choices.includes(each));
  if (chosen === undefined) throw new Error(`${name}: none of ${PREFERRED.join(", ")} is among "${offered}"`);
  const files = readdirSync(folder).filter((file) => /^(licen[cs]e|copying)/i.test(file));
  const short = chosen.split("-")[0].toUpperCase();
  const file = files.find((file) => file.toUpperCase().includes(short)) ?? (choices.length === 1 ? files[0] : undefined);
  if (file !== undefined) return { chosen, text: readFileSync(join(folder, file), "utf8") };
  if (!choices.includes("Apache-2.0")) throw new Error(`${name}: expected a licence's text beside it, found none`);
  return { chosen: "Apache-2.0", text: undefined };
}

function notices() {
  const std = { name: "the Rust standard library", version: "", offered: "MIT OR Apache-2.0", folder: undefined };
  const parts = [...crates(), ...BROUGHT.map(fromNpm)];
  const groups = new Map();
  const apache = parts.map(({ folder }) => join(folder, "LICENSE-APACHE")).find(existsSync);
  const general = readFileSync(apache, "utf8");
  const add = ({ name, version }, { chosen, text }) => {
    const trimmed = (text ?? general).replaceAll("\r\n", "\n").trim();
    const key = trimmed.replace(/\s+/g, " ");
    const group = groups.get(key) ?? { chosen, text: trimmed, names: [] };
    group.names.push(`${name} ${version}`.trim());
    groups.set(key, group);
  };
  for (const part of parts) add(part, licence(part));
  add(std, { chosen: "Apache-2.0", text: undefined });
  const rule = "-".repeat(80);
  const sections = [...groups.values()]
    .map((group) => ({ ...group, names: group.names.sort() }))
    .sort((a, b) => (a.names[0] < b.names[0] ? -1 : 1))
    .map(({ chosen, text, names }) => `${rule}\n${names.join("\n")}\n\nLicence: ${chosen}\n\n${text}\n`);
  return `nanolm is under the MIT licence; see LICENSE. Compiled into it is work of others, named here with its licences.\n\n${sections.join("\n")}`;
}

/** CycloneDX 1.5. The same sources give the same bytes: it has no date and no serial number. */
function sbom() {
  const { version } = JSON.parse(readFileSync(join(import.meta.dirname, "package.json"), "utf8"));
  const component = (type, { name, version, offered }) => {
    const purl = `pkg:${type}/${name.replace("@", "%40")}@${version}`;
    return { type: "library", "bom-ref": purl, name, version, licenses: [{ expression: offered.replaceAll("/", " OR ") }], purl };
  };
  const components = [...crates().map((crate) => component("cargo", crate)), ...BROUGHT.map((name) => component("npm", fromNpm(name)))];
  components.sort((a, b) => (a.purl < b.purl ? -1 : 1));
  const main = { type: "library", "bom-ref": `pkg:npm/nanolm@${version}`, name: "nanolm", version, purl: `pkg:npm/nanolm@${version}` };
  const dependencies = [{ ref: main.purl, dependsOn: components.map(({ purl }) => purl) }];
  return `${JSON.stringify({ bomFormat: "CycloneDX", specVersion: "1.5", version: 1, metadata: { component: main }, components, dependencies }, null, 1)}\n`;
}

const wanted = process.argv.includes("--sbom") ? sbom() : notices();
if (process.argv.includes("--sbom")) {
  process.stdout.write(wanted);
} else if (process.argv.includes("--check")) {
  if (!existsSync(FILE) || readFileSync(FILE, "utf8") !== wanted) {
    console.error("notices: THIRD_PARTY_NOTICES is not what is compiled in. Run node pkg-scripts/npm/notices.mjs");
    process.exit(1);
  }
} else {
  writeFileSync(FILE, wanted);
}
