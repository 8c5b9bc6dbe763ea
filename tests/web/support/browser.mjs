// The system's Chromium, headless, with or without a (software) WebGPU adapter.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";

export const ROOT = join(import.meta.dirname, "../../..");

/** What pkg-scripts/setup picked. */
export function chromiumPath() {
  if (process.env.NANOLM_CHROMIUM) return process.env.NANOLM_CHROMIUM;
  const setup = readFileSync(join(ROOT, "build/env.sh"), "utf8");
  const picked = /^export NANOLM_CHROMIUM='(.*)'$/m.exec(setup)?.[1];
  if (picked === undefined) throw new Error("no browser: run pkg-scripts/setup browser");
  return picked;
}

const QUIET = ["--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic"];
/** SwiftShader: a WebGPU adapter on the CPU. Slow, and the same on every machine. */
const SOFTWARE_GPU = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];
const NO_GPU = ["--disable-gpu", "--disable-features=WebGPU"];

/** `gpu`: "software" (the default), "real" (whatever the machine has) or "none". */
export function launch({ gpu = "software", args = [] } = {}) {
  const flags = { software: SOFTWARE_GPU, none: NO_GPU, real: ["--enable-unsafe-webgpu", "--enable-features=Vulkan"] }[gpu];
  return chromium.launch({
    executablePath: chromiumPath(),
    headless: true,
    // Root, as in containers, has no sandbox to use.
    chromiumSandbox: process.getuid?.() !== 0,
    args: [...QUIET, ...flags, ...args],
  });
}
