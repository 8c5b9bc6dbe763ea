// The tab "Continue a text": free completion with the sampling options that matter.
import { announce, SentenceAnnouncer } from "./announce.js";
import { byId, make, setEnabled } from "./dom.js";
import { Run } from "./run.js";

export function wireComplete(engine) {
  const output = byId("completion");
  const run = new Run(engine, "complete");

  for (const [slider, value] of [["temperature", "temperature-value"], ["tokens", "tokens-value"]]) {
    byId(slider).addEventListener("input", () => (byId(value).textContent = byId(slider).value));
  }

  byId("complete-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    if (run.running) return;
    const prompt = byId("prompt").value;
    const node = document.createTextNode("");
    const paragraph = make("p", { className: "summary-text streaming" }, make("span", { className: "given" }, prompt), node);
    output.replaceChildren(paragraph);
    const speech = new SentenceAnnouncer();
    announce("Writing.");
    await run.go({
      open: (model, options) => model.generate(prompt, { ...sampling(), ...options }),
      onPiece: ({ text }) => {
        node.appendData(text);
        speech.push(text);
        output.scrollTop = output.scrollHeight;
      },
      output,
      kind: "words",
    });
    speech.finish();
    paragraph.classList.remove("streaming");
    if (engine.choice.source === undefined) output.append(make("p", { className: "muted" }, "The built-in model is made to read: what it writes freely makes no sense. Larger models write better."));
  });

  setEnabled(byId("complete"), true);
}

/** The options as the library names them; an empty field leaves the library's default. */
function sampling() {
  const values = {
    maxNewTokens: byId("tokens").valueAsNumber,
    temperature: byId("temperature").valueAsNumber,
    topK: byId("top-k").valueAsNumber,
    topP: byId("top-p").valueAsNumber,
    repetitionPenalty: byId("repetition").valueAsNumber,
    seed: byId("seed").valueAsNumber,
  };
  return Object.fromEntries(Object.entries(values).filter(([, value]) => !Number.isNaN(value)));
}
