// A module of npm's packages for a page that has no bundler.
import { build } from "vite";
import { ROOT } from "./browser.mjs";

/** The code of a module with everything that it imports. `resolve(id, importer)` may say where something else is. */
export async function bundled(code, { resolve = () => undefined } = {}) {
  const entry = "\0client";
  const { output } = (
    await build({
      root: ROOT,
      configFile: false,
      logLevel: "error",
      define: { "process.env.NODE_ENV": '"production"' },
      build: { write: false, minify: false, lib: { entry, formats: ["es"], fileName: "client" }, rollupOptions: { output: { inlineDynamicImports: true } } },
      plugins: [{ name: "entry", enforce: "pre", resolveId: (id, importer) => (importer === undefined ? entry : resolve(id, importer)), load: (id) => (id === entry ? code : undefined) }],
    })
  )[0];
  return output[0].code;
}
