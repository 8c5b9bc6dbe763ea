// Keeps the page for offline use (see sw.js) and says truthfully how far that is.
import { byId, bytes, make } from "./dom.js";

const HERE = new URL("../", import.meta.url);

/** Why the version that the server has now is not kept, or "". */
let problem = "";
/** Whether the server could be asked for its version. */
let reached = true;

export async function wireOffline() {
  if (!navigator.serviceWorker || !isSecureContext) {
    return say("unknown", "Not available offline: this browser or address offers no service worker.");
  }
  navigator.serviceWorker.addEventListener("message", ({ data }) => {
    if (data.type === "saving") say("saving", `Saving for offline use: ${bytes(data.loaded)} of ${bytes(data.total)}`);
    if (data.type === "failed") {
      problem = "";
      fail(data.message);
    }
  });
  addEventListener("online", refresh);
  addEventListener("offline", refresh);
  // Without a network nothing new can be saved; what was saved before still counts.
  if (!navigator.onLine) return refresh();
  try {
    const version = await currentVersion();
    const registration = await navigator.serviceWorker.register(new URL(`sw.js?v=${version}`, HERE), { updateViaCache: "none" });
    if (!registration) throw new Error("the browser refused the service worker");
    registration.addEventListener("updatefound", () => watch(registration.installing));
    watch(registration.installing);
    await refresh();
  } catch (error) {
    await fail(error.message);
  }
}

/** The version that the server has now: the SHA-256 of its list of files. */
async function currentVersion() {
  const response = await fetch(new URL("files.json", HERE), { cache: "no-store" }).catch((error) => {
    reached = false;
    throw error;
  });
  if (!response.ok) throw new Error(`this server has no files.json, the list of files to keep (it answered ${response.status})`);
  const digest = await crypto.subtle.digest("SHA-256", await response.arrayBuffer());
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function watch(worker) {
  worker?.addEventListener("statechange", () => {
    if (worker.state === "redundant") fail("not every file could be fetched");
    else if (worker.state !== "installing") refresh();
  });
}

function fail(reason) {
  problem ||= reason.replace(/[.\s]+$/, "");
  return refresh();
}

/** Looks at what is really kept and shows it. */
async function refresh() {
  // Where storage is denied, this is, too.
  const registration = await navigator.serviceWorker.getRegistration(HERE).catch(() => undefined);
  if (!registration?.active) {
    if (problem) say("failed", `Not saved for offline use: ${problem}.`);
    else if (!registration?.installing) say("unknown", "Not saved for offline use yet.");
    return;
  }
  const kept = await ask(registration.active, "state");
  const size = bytes(kept.bytes);
  if (!kept.complete) {
    const lost = kept.missing.length > 0 ? `${kept.missing.length} files are missing (${kept.missing[0]})` : "nothing is kept";
    say("failed", `Not ready for offline use: ${lost}.`);
  } else if (registration.waiting) {
    const button = make("button", { type: "button", className: "link" }, "Use it now");
    button.addEventListener("click", () => takeOver(registration.waiting));
    say("next", "Works offline. A newer version is ready.", button);
  } else if (!navigator.onLine || !reached) {
    say("ready", `No network, and everything works: ${size} kept here.`);
  } else if (problem) {
    say("next", `Works offline. A newer version could not be saved: ${problem}.`);
  } else if (navigator.serviceWorker.controller) {
    say("ready", `Works offline: ${size} kept on this device.`);
  } else {
    say("ready", `Works offline from the next visit on: ${size} kept.`);
  }
}

async function takeOver(waiting) {
  navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), { once: true });
  const { refused } = await ask(waiting, "takeOver");
  if (refused) say("next", `The newer version cannot start yet: ${refused}.`);
}

/** What was kept has been deleted. */
export function sayForgotten() {
  say("unknown", "Deleted. The next visit saves the page again.");
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
