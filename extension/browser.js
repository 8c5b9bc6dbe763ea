// The browser's extension interface by one name, and the one difference that matters here.
export const browser = globalThis.browser?.runtime ? globalThis.browser : globalThis.chrome;
export const isChromium = browser.sidebarAction === undefined;
