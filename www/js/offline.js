// Keeps the page for offline use (see sw.js) and says truthfully how far that is.
import { byId, bytes, make } from "./dom.js";

const HERE = new URL("../", import.meta.url);

export async function wireOffline() {
  if (!("serviceWorker" in navigator) || !isSecureContext) {
    return say("unknown", "Not available offline: this browser or address offers no service worker.");
  }
  const container = navigator.serviceWorker;
  container.addEventListener("message", ({ data }) => {
    if (data.type === "saving") say("saving", `Saving for offline use: ${bytes(data.loaded)} of ${bytes(data.total)}`);
    if (data.type === "failed") say("failed", `Not saved for offline use: ${data.message}.`);
  });
  addEventListener("online", refresh);
  addEventListener("offline", refresh);

  let version;
  try {
    version = await currentVersion();
  } catch (error) {
    // Without the list nothing new can be saved; what was saved before still counts.
    await refresh(error.message);
    return;
  }
  try {
    const registration = await container.register(new URL(`sw.js?v=${version}`, HERE), { updateViaCache: "none" });
    registration.addEventListener("updatefound", () => watch(registration.installing));
    watch(registration.installing);
    await refresh();
  } catch (error) {
    say("failed", `Not saved for offline use: ${error.message}`);
  }
}

/** The version that the server has now: the SHA-256 of its list of files. */
async function currentVersion() {
  const response = await fetch(new URL("files.json", HERE), { cache: "no-store" });
  if (!response.ok) throw new Error(`this server has no files.json, the list of files to keep (it answered ${response.status})`);
  const digest = await crypto.subtle.digest("SHA-256", await response.arrayBuffer());
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function watch(worker) {
  worker?.addEventListener("statechange", () => {
    if (worker.state === "installed" || worker.state === "activated") refresh();
  });
}

/** Looks at what is really kept and shows it. `problem`: why the server could not be asked for its version. */
async function refresh(problem) {
  const registration = await navigator.serviceWorker.getRegistration(HERE);
  const active = registration?.active;
  if (!active) {
    if (typeof problem === "string") say("failed", `Not saved for offline use: ${problem}.`);
    return;
  }
  const kept = await ask(active, "state");
  const size = bytes(kept.bytes);
  if (!kept.complete) {
    const lost = kept.missing.length > 0 ? `${kept.missing.length} files are missing (${kept.missing[0]})` : "nothing is kept";
    say("failed", `Not ready for offline use: ${lost}.`);
  } else if (registration.waiting) {
    const button = make("button", { type: "button", className: "link" }, "Use it now");
    button.addEventListener("click", () => takeOver(registration.waiting));
    say("next", "Works offline. A newer version is ready.", button);
  } else if (!navigator.onLine) {
    say("ready", `You are offline, and everything works: ${size} are kept on this device.`);
  } else if (navigator.serviceWorker.controller) {
    say("ready", `Works offline: ${size} are kept on this device.`);
  } else {
    say("ready", `Works offline from the next visit on: ${size} are kept on this device.`);
  }
}

async function takeOver(waiting) {
  navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), { once: true });
  const { refused } = await ask(waiting, "takeOver");
  if (refused) say("next", `The newer version cannot start yet: ${refused}.`);
}

function ask(worker, type) {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }) => resolve(data);
    worker.postMessage({ type }, [port2]);
  });
}

function say(state, text, ...more) {
  byId("offline").dataset.state = state;
  byId("offline-text").replaceChildren(text, ...more.flatMap((each) => [" ", each]));
}
