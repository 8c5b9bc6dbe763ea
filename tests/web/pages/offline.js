import "./page.js";

globalThis.registered = navigator.serviceWorker.register("./service-worker.js", { type: "module" }).then(async () => {
  await navigator.serviceWorker.ready;
  return true;
});
