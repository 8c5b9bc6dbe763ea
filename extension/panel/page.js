// The page in the tab, as the panel sees it. Reading it needs what the visitor's click gave: `activeTab`, for this tab until it goes
// to another site.
import { browser } from "../browser.js";

const MARKS =
  "::highlight(nanolm-points){background-color:rgb(236 180 62 / .28)}" +
  "::highlight(nanolm-current){background-color:rgb(247 199 84);color:#1f211e}";

/** Why a page cannot be read, in words for its reader. */
export class Unreadable extends Error {}

export class Page {
  #tabId;
  #frameId;
  /** The colours of marks are in the page. Added twice, they would only be there twice. */
  #styled;

  constructor(tabId, frameId = 0) {
    this.#tabId = tabId;
    this.#frameId = frameId;
  }

  /** `{ text, what, words, title, language, url }` */
  async read(what) {
    const target = { tabId: this.#tabId, frameIds: [this.#frameId] };
    const tab = browser.tabs.get(this.#tabId);
    this.#styled = undefined;
    try {
      // Mostly the script is there: the background script has begun with it.
      const read = (await this.#call("read", what)) ?? (await this.#inject(target, what));
      return { ...read, url: (await tab).url ?? "" };
    } catch (error) {
      if (error instanceof Unreadable) throw error;
      throw new Unreadable(whyNot(error));
    }
  }

  async #inject(target, what) {
    await browser.scripting.executeScript({ target, files: ["page.js"] });
    return this.#call("read", what);
  }

  /** False where another document is in the tab, or where more of this one has come since it was read. */
  async isAsRead() {
    // What can no longer be read is another site.
    return (await this.#call("isAsRead").catch(() => false)) === true;
  }

  /** Scrolls to a place; false where it has left the page. */
  async show(place) {
    await this.#style();
    return this.#call("show", place);
  }

  async mark(places) {
    await this.#style();
    return this.#call("mark", "points", places);
  }

  clear() {
    return this.#call("clear").catch(() => {});
  }

  #style() {
    this.#styled ??= browser.scripting.insertCSS({ target: { tabId: this.#tabId, frameIds: [this.#frameId] }, css: MARKS });
    return this.#styled;
  }

  async #call(name, ...args) {
    const target = { tabId: this.#tabId, frameIds: [this.#frameId] };
    const [{ result, error }] = await browser.scripting.executeScript({
      target,
      func: (name, args) => globalThis.nanolmPage?.[name](...args),
      args: [name, args],
    });
    if (error) throw new Unreadable(`The page could not be read: ${error.message ?? error}`);
    return result;
  }
}

function whyNot({ message }) {
  if (/activeTab|Cannot access contents|Missing host permission/i.test(message)) {
    return "To read this page, press the toolbar button once more: the browser lets an extension read only the page it was called on.";
  }
  return "The browser does not let extensions read this page. That is so for its own pages, the add-on store and the PDF viewer.";
}
