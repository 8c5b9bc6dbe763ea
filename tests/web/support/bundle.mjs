// A module of npm's packages for a page that has no bundler.
import { build } from "vite";
import { ROOT } from "./browser.mjs";

/** The code of a module with everything that it imports; `external` are addresses that the page serves. */
export async function bundled(code, { external = [] } = {}) {
  const entry = "\0client";
  const { output } = (
    await build({
      root: ROOT,
      configFile: false,
      logLevel: "error",
      define: { "process.env.NODE_ENV": '"production"' },
      build: { write: false, minify: false, lib: { entry, formats: ["es"], fileName: "client" }, rollupOptions: { external, output: { inlineDynamicImports: true } } },
      plugins: [{ name: "entry", resolveId: (id) => (id.endsWith("client") ? entry : undefined), load: (id) => (id === entry ? code : undefined) }],
    })
  )[0];
  return output[0].code;
}
