// Opens the panel: from the toolbar button, its keyboard shortcut, and the context menus. Opening the engine beside it saves the
// panel the wait.
import { connect } from "nanolm/extension";
import { hostEngine } from "nanolm/extension/background";
import { browser, isChromium } from "./browser.js";
import { keyPoints } from "./points.js";
import { choiceOf, settings } from "./settings.js";

const openEngine = hostEngine("engine.html");

browser.runtime.onInstalled.addListener(() => {
  browser.contextMenus.removeAll(() => {
    browser.contextMenus.create({ id: "page", title: "Summarise this page", contexts: ["page"] });
    browser.contextMenus.create({ id: "selection", title: "Summarise the selection", contexts: ["selection"] });
  });
});

browser.action.onClicked.addListener((tab) => open(tab, { what: "auto" }));

browser.contextMenus.onClicked.addListener(({ menuItemId, frameId }, tab) => {
  open(tab, { what: menuItemId === "selection" ? "selection" : "page", frameId: menuItemId === "selection" ? frameId : 0 });
});

/** What the visitor did must be answered by opening the panel at once, before anything is awaited. */
function open(tab, request) {
  const opened = isChromium ? openSidePanel(tab) : browser.sidebarAction.open();
  // The panel finds there what it was opened for, also when it is open already.
  browser.storage.session.set({ [`request-${tab.id}`]: { ...request, at: Date.now() } });
  Promise.all([opened, beginAhead(tab.id, request)]).catch((error) => console.error(error));
}

/** The page is read and its key points are begun while the panel opens. */
async function beginAhead(tabId, request) {
  const [chosen, text] = await Promise.all([settings(), readAhead(tabId, request), openEngine()]);
  if (!text) return;
  const model = connect(choiceOf(chosen));
  // What fails here fails in the panel again, which says so.
  await keyPoints(model, text, { tabId, length: chosen.length }).result.catch(() => {});
  model.close();
}

async function readAhead(tabId, { what, frameId = 0 }) {
  const target = { tabId, frameIds: [frameId] };
  try {
    await browser.scripting.executeScript({ target, files: ["page.js"] });
    const [{ result }] = await browser.scripting.executeScript({ target, func: (what) => globalThis.nanolmPage.readAhead(what), args: [what] });
    return result;
  } catch {
    // A page that is closed to extensions: the panel says so.
    return undefined;
  }
}

/** A panel that belongs to its tab. */
function openSidePanel({ id: tabId }) {
  browser.sidePanel.setOptions({ tabId, path: `panel.html?tab=${tabId}`, enabled: true });
  return browser.sidePanel.open({ tabId });
}

browser.tabs.onRemoved.addListener((tabId) => browser.storage.session.remove(`request-${tabId}`));
