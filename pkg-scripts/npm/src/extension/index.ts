/// <reference lib="esnext.disposable" preserve="true" />
/**
 * `nanolm/extension`: for the panels, popups, options pages and content scripts of a browser extension.
 *
 * ```js
 * const model = connect();
 * for await (const point of model.summarize(text, { type: "key-points", keep: "points" })) show(point);
 * ```
 */

import { type ConnectOptions, RemoteModel } from "./remote.js";

export type { ModelChoice } from "./choice.js";
export type { ConnectOptions, KeepOptions } from "./remote.js";
export { RemoteModel } from "./remote.js";

/** The extension's engine. Nothing is started before the first call. */
export function connect(options: ConnectOptions = {}): RemoteModel {
  return new RemoteModel(options);
}
