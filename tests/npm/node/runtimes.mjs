// Node, and what else is here of what can run the package outside of a page: another Node (NANOLM_OTHER_NODE), Bun and Deno.
import { execFile, spawnSync } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A path that the environment names, or what is on the PATH. */
function found(variable, name) {
  const path = process.env[variable] ?? name;
  return path !== undefined && spawnSync(path, ["--version"]).status === 0 ? path : undefined;
}

const deno = found("NANOLM_DENO", "deno");
/** By name: the command, or undefined where it is not here. */
export const RUNTIMES = {
  node: [process.execPath],
  "other node": wrap(found("NANOLM_OTHER_NODE")),
  bun: wrap(found("NANOLM_BUN", "bun")),
  deno: deno && [deno, "run", "--allow-all", "--quiet"],
};

function wrap(path) {
  return path && [path];
}

/** Runs a script in a folder, and gives what it prints. */
export async function runIn(runtime, cwd, args, { timeout = 120_000, env = {} } = {}) {
  const [command, ...rest] = RUNTIMES[runtime];
  return run(command, [...rest, ...args], { cwd, timeout, env: { ...process.env, ...env }, maxBuffer: 1 << 26 });
}
