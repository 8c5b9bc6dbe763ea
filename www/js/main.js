// The demo page: wires the parts together and starts loading the model of the package.
import { wireChat } from "./chat.js";
import { wireComplete } from "./complete.js";
import { byId } from "./dom.js";
import { wireDrop } from "./drop.js";
import { Engine } from "./engine.js";
import { wireFinds } from "./finds.js";
import { wireGallery } from "./gallery.js";
import { wireInstall } from "./install.js";
import { openFiles, wireModelCard } from "./model-card.js";
import { wireOffline } from "./offline.js";
import { wireRedact } from "./redact.js";
import { wireSearch } from "./search.js";
import { shareTarget } from "./share.js";
import { Source } from "./source.js";
import { wireSummarise } from "./summarise.js";
import { wireTabs } from "./tabs.js";

const engine = new Engine();
const source = new Source();
wireInstall();
wireTabs(document.querySelector('[role="tablist"]'));
wireModelCard(engine);
wireGallery(engine);
const summary = wireSummarise(engine, source);
wireFinds(engine, source);
wireSearch(engine, source);
wireRedact(engine, source);
wireChat(engine);
wireComplete(engine);
wireDrop({
  onText: (text) => {
    // Two tabs do not show the text.
    if (byId("tab-complete").ariaSelected === "true" || byId("tab-chat").ariaSelected === "true") byId("tab-summarise").click();
    source.setText(text);
  },
  onModel: (files) => openFiles(engine, files),
});

// A first visit shows what the page does: the sample's key points, unless the visitor is quicker.
let untouched = true;
for (const type of ["pointerdown", "keydown", "input"]) addEventListener(type, () => (untouched = false), { once: true, capture: true });
await shareTarget(source, summary.say);

// Keeping the page for offline use fetches the same files again: it waits until the model is there.
await engine.load(engine.choice);
if (untouched && engine.model) summary.show();
wireOffline();
