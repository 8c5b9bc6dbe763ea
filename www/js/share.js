// What another app has shared with the installed page (manifest.webmanifest): it comes in the address.

const ADDRESS = /^https?:\/\/\S+$/i;

/** Puts a shared text in, if there is one. `say` tells why nothing came of what was shared. */
export async function shareTarget(source, say) {
  const { searchParams } = new URL(location.href);
  const [text, title, url] = ["text", "title", "url"].map((name) => searchParams.get(name)?.trim() ?? "");
  if (!(text || title || url)) return;
  const only = text || url || title;
  await source.ready;
  source.setText(ADDRESS.test(only) ? "" : only, false, text === "" ? undefined : title);
  if (ADDRESS.test(only)) say("Only an address was shared, and this page can contact no other site. Select the text there and share that, or paste it here.");
  // A reload does not bring it back, and it stays out of the history.
  history.replaceState(null, "", location.pathname);
}
