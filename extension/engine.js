// The one engine of all tabs: Chromium's offscreen document, or a frame of Firefox's background page.
import { serveEngine } from "nanolm/extension/engine";
import { choiceForEngine } from "./settings.js";

serveEngine({ preload: choiceForEngine(), idleMs: 120_000 });
