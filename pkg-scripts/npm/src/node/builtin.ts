// Node's own modules. They are asked for when they are used, so that a bundler for pages finds no import that it cannot resolve.

interface Modules {
  "node:crypto": typeof import("node:crypto");
  "node:fs": typeof import("node:fs");
  "node:fs/promises": typeof import("node:fs/promises");
  "node:os": typeof import("node:os");
  "node:path": typeof import("node:path");
  "node:stream": typeof import("node:stream");
  "node:url": typeof import("node:url");
  "node:worker_threads": typeof import("node:worker_threads");
}

const { process } = globalThis as unknown as { process: { getBuiltinModule<Name extends keyof Modules>(name: Name): Modules[Name] } };

export function builtin<Name extends keyof Modules>(name: Name): Modules[Name] {
  return process.getBuiltinModule(name);
}
