// A text that another app has shared with the installed page (manifest.webmanifest): it comes in the address.

/** Puts a shared text in, if there is one. */
export async function shareTarget(source) {
  const { searchParams } = new URL(location.href);
  const text = searchParams.get("text")?.trim() || searchParams.get("title")?.trim();
  if (!text) return;
  await source.ready;
  source.setText(text);
  // A reload does not bring it back, and it stays out of the history.
  history.replaceState(null, "", location.pathname);
}
