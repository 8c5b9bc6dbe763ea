// Keeps the page's own files, as an app that works offline does. Models are left to the package, which keeps them itself.
const STORE = "app";

addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || new URL(request.url).pathname.endsWith(".gguf")) return;
  event.respondWith(
    (async () => {
      const store = await caches.open(STORE);
      try {
        const response = await fetch(request);
        if (response.ok) await store.put(request, response.clone());
        return response;
      } catch {
        return (await store.match(request)) ?? Response.error();
      }
    })(),
  );
});
