// Small shared pieces: finding and making elements, writing numbers.

/** The element with this id; a missing one is a mistake in the page. */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no element #${id}`);
  return found;
}

/** A new element with properties and children (strings become text, never markup). */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

const grouped = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

export const number = (n) => grouped.format(n);
export const compact = (n) => short.format(n);
export const plural = (n, one, many = `${one}s`) => `${number(n)} ${n === 1 ? one : many}`;

export function bytes(n) {
  if (n < 1e6) return `${Math.max(1, Math.round(n / 1e3))} kB`;
  return `${(n / 1e6).toFixed(n < 1e8 ? 1 : 0)} MB`;
}

/** Milliseconds, as a person reads them. */
export function duration(ms) {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
}

export function rate(perSecond) {
  return perSecond < 10 ? perSecond.toFixed(1) : number(Math.round(perSecond));
}

/** Buttons are marked, not disabled, so that the focus is not lost while one is in use. */
export function setEnabled(button, enabled) {
  button.setAttribute("aria-disabled", String(!enabled));
}

export const isEnabled = (button) => button.getAttribute("aria-disabled") !== "true";

/** An error of the library, as a notice: its message says what to do; the code is for a report. */
export function showNotice(element, kind, message, code) {
  element.dataset.kind = kind;
  element.replaceChildren(message, ...(code ? [" ", make("code", {}, `(${code})`)] : []));
  element.hidden = false;
}

export const isAbort = (error) => error?.name === "AbortError";
