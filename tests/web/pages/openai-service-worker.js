import { serveFromPages } from "./nanolm/openai/service-worker.js";

serveFromPages("/nanolm-api/");
addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
