// The list of models: the built-in one, those kept on this device, and where others are to be had. The page's policy lets it
// fetch from no other site: visitors download those themselves, and open the file here.
import { announce } from "./announce.js";
import { byId, bytes, make, showNotice } from "./dom.js";
import { canKeep, forgetAll, keep, keptModels, keptPage, openKept, remove, siteFiles } from "./kept.js";
import { sayForgotten } from "./offline.js";

/** Of architectures and types of weights that run here, the smallest first. Their sizes are their publishers'. */
const ELSEWHERE = [
  ["all-MiniLM-L6-v2 Q8_0", "Search", 25e6, "https://huggingface.co/second-state/All-MiniLM-L6-v2-Embedding-GGUF"],
  ["SmolLM2 135M Instruct Q8_0", "Chat", 145e6, "https://huggingface.co/bartowski/SmolLM2-135M-Instruct-GGUF"],
  ["SmolLM2 360M Instruct Q8_0", "Chat", 386e6, "https://huggingface.co/HuggingFaceTB/SmolLM2-360M-Instruct-GGUF"],
  ["Qwen2.5 0.5B Instruct Q4_K_M", "Chat", 491e6, "https://huggingface.co/Qwen/Qwen2.5-0.5B-Instruct-GGUF"],
];
const THEIR_LICENCE = "Apache 2.0";

export function wireGallery(engine) {
  const list = byId("models");
  /** Of the copy under way. */
  let copying = null;
  let turn = 0;

  byId("forget").addEventListener("click", async () => {
    await forgetAll();
    sayForgotten();
    announce("Deleted.");
    await render();
  });
  byId("model-toggle").addEventListener("click", () => {
    showGallery(byId("model-choices").hidden);
    render();
  });
  engine.addEventListener("change", render);

  async function render() {
    turn += 1;
    const mine = turn;
    const [models, page, files] = await Promise.all([keptModels(), keptPage(), siteFiles()]);
    if (mine !== turn) return;
    const { source, label } = engine.choice;
    const using = (is) => Boolean(engine.model) && !engine.loading && is;
    const rows = builtIn(files, using(source === undefined) ? IN_USE() : button("Use", () => use(undefined, "")));
    for (const { name, size } of models) {
      const choose = using(label === name) ? IN_USE() : button("Use", async () => use(await openKept(name), name), name);
      const forget = button("Delete", async () => render(await remove(name)), name);
      rows.push(row({ name, about: ["Kept on this device", bytes(size)], actions: [choose, forget] }));
    }
    if (using(source !== undefined) && !models.some(({ name }) => name === label)) {
      const size = [source].flat().reduce((sum, file) => sum + file.size, 0);
      const actions = [IN_USE()];
      if (copying) actions.push(button("Stop", () => copying.abort(), "copying"));
      else if (canKeep && source instanceof File) actions.push(button("Keep it", () => copy(source), `${label} on this device`));
      rows.push(row({ name: label, about: ["Opened from your disk", bytes(size)], actions }));
    }
    const links = ELSEWHERE.map(([name, what, size, href]) => {
      const hint = make("span", { className: "visually-hidden" }, ` ${name} from huggingface.co, in a new tab`);
      const link = make("a", { href, target: "_blank", rel: "noopener" }, "Download", hint);
      return row({ name, about: [what, `about ${Math.round(size / 1e6)} MB`, THEIR_LICENCE], actions: [link] });
    });
    list.replaceChildren(...rows, ...links);
    showKept(page + models.reduce((sum, { size }) => sum + size, 0));
  }

  function use(source, label) {
    return engine.load({ source, label, device: byId("device").value });
  }

  async function copy(file) {
    copying = new AbortController();
    const { signal } = copying;
    const [bar, text] = [byId("load-progress"), byId("load-text")];
    await render();
    const onProgress = (share) => {
      bar.value = share;
      text.textContent = `Copying… ${Math.round(100 * share)} %`;
    };
    try {
      await keep(file, { signal, onProgress });
      text.textContent = "Kept on this device.";
    } catch (error) {
      text.textContent = signal.aborted ? "Stopped." : "Copying failed.";
      if (!signal.aborted) showNotice(byId("load-notice"), "error", `${file.name} could not be kept on this device: ${error.message}`);
    }
    announce(text.textContent);
    bar.value = 0;
    copying = null;
    await render();
  }
}

/** Opens the list, or closes it. */
export function showGallery(open) {
  byId("model-choices").hidden = !open;
  const toggle = byId("model-toggle");
  toggle.setAttribute("aria-expanded", String(open));
  toggle.textContent = open ? "Close" : "Models and device";
}

/** The model of the page, and what its tasks fetch when they are first used. */
function builtIn(files, action) {
  const models = files.filter(({ path }) => path.startsWith("nanolm/") && path.endsWith(".gguf"));
  const size = (is) => models.filter(({ path }) => path.endsWith("-default.gguf") === is).reduce((sum, file) => sum + file.bytes, 0);
  const card = (name, licence) => make("a", { href: `nanolm/model/${name}` }, licence);
  const rows = [row({ name: "nanolm default", about: ["Summaries, answers, keywords", bytes(size(true)), card("MODEL_CARD.md", "CC BY-SA 4.0")], actions: [action] })];
  if (size(false) > 0) {
    const about = ["Search, labels and names: fetched when first used", bytes(size(false)), card("TABLE_CARD.md", "Apache 2.0"), card("HEADS_CARD.md", "and others")];
    rows.push(row({ name: "Its companions", about, actions: [] }));
  }
  const encoder = files.find(({ path }) => path === "embed/model.gguf");
  if (encoder) {
    const link = make("a", { href: "embed/EMBED_CARD.md" }, "Apache 2.0");
    rows.push(row({ name: "all-MiniLM-L6-v2", about: ["Sentence encoder: fetched when Search asks for it", bytes(encoder.bytes), link], actions: [] }));
  }
  return rows;
}

function showKept(size) {
  byId("kept").textContent = size > 0 ? `Kept on this device: ${bytes(size)}.` : "Nothing is kept on this device.";
  byId("forget").hidden = size === 0;
}

const IN_USE = () => make("span", { className: "in-use" }, "In use");

function button(label, act, what) {
  const made = make("button", { type: "button", className: "link" }, label, ...(what ? [make("span", { className: "visually-hidden" }, ` ${what}`)] : []));
  made.addEventListener("click", act);
  return made;
}

function row({ name, about, actions }) {
  const parts = about.flatMap((each, at) => (at === 0 ? [each] : [" · ", each]));
  return make("li", {}, make("span", { className: "models-name" }, name), make("span", { className: "models-about" }, ...parts), make("span", { className: "models-actions" }, ...actions));
}
