// Where the package runs: in a page or a worker of one, or in Node, Bun and Deno, which have threads and files in place of them.

interface Process {
  /** A module of Node's own. Bundlers for pages do not see what is asked for in this way. */
  getBuiltinModule?: unknown;
}

const { process, document, Worker } = globalThis as { process?: Process; document?: unknown; Worker?: unknown };

/** Whether this is Node, or another runtime with its modules. Electron's pages are pages; a document without workers is a test's. */
export const isNode: boolean =
  typeof process?.getBuiltinModule === "function" && (document === undefined || Worker === undefined);
