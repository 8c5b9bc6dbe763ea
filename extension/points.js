// The call for the key points. The background script begins it while the panel opens, and the panel, which asks the same under the same name,
// finds it under way.

/** The name of a tab's call. */
export const nameOf = (tabId, what) => `tab-${tabId}-${what}`;

export function keyPoints(model, text, { tabId, length, ...options }) {
  return model.summarize(text, { type: "key-points", length, keep: nameOf(tabId, "points"), ...options });
}
