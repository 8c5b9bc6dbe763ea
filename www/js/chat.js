// The tab "Chat": a conversation with a model that was trained for it. The built-in one was not, and the page says so.
import { SentenceAnnouncer } from "./announce.js";
import { byId, make, setEnabled } from "./dom.js";
import { showGallery } from "./gallery.js";
import { Run } from "./run.js";

const MOST_TOKENS = 512;

export function wireChat(engine) {
  const log = byId("log");
  const message = byId("message");
  const again = byId("chat-again");
  const run = new Run(engine, "chat", { what: "chat" });
  let messages = [];

  function reset() {
    messages = [];
    log.replaceChildren(make("p", { className: "placeholder" }, "What you and the model say appears here. Small models make things up: do not rely on what they say."));
    again.toggleAttribute("data-off", true);
    byId("chat-text").textContent = "";
  }
  engine.addEventListener("replaced", reset);
  engine.addEventListener("change", () => {
    const builtIn = engine.choice.source === undefined;
    byId("chat-refusal").hidden = !builtIn;
    for (const part of byId("chat-form").children) if (part.id !== "chat-refusal") part.hidden = builtIn;
  });
  byId("chat-models").addEventListener("click", () => {
    showGallery(true);
    byId("model-choices").scrollIntoView({ block: "center" });
    byId("choose-file").focus({ preventScroll: true });
  });
  again.addEventListener("click", () => {
    run.stop();
    reset();
    message.focus();
  });

  byId("chat-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const content = message.value.trim();
    if (run.running || content === "") return;
    message.value = "";
    if (messages.length === 0) log.replaceChildren();
    messages.push({ role: "user", content });
    const conversation = messages;
    const thought = document.createTextNode("");
    const thoughts = make("details", { hidden: true }, make("summary", {}, "Thoughts"), make("p", {}, thought));
    const node = document.createTextNode("");
    const answer = make("p", { className: "streaming" }, node);
    const said = make("div", { className: "said", ariaLive: "off" }, thoughts, answer);
    log.append(make("p", { className: "asked" }, content), said);
    again.toggleAttribute("data-off", false);
    let written = "";
    const speech = new SentenceAnnouncer();
    const result = await run.go({
      open: (model, options) => model.chat(conversation, { maxNewTokens: MOST_TOKENS, overflow: "drop-oldest", ...options }),
      onPiece: ({ text, reasoning }) => {
        if (reasoning) thoughts.hidden = false;
        thought.appendData(reasoning);
        node.appendData(text);
        written += text;
        speech.push(text);
        log.scrollTop = log.scrollHeight;
      },
      output: log,
      kind: "words",
    });
    speech.finish();
    answer.classList.remove("streaming");
    // Of what was stopped, the part that is there was said.
    if (result) conversation.push({ role: "assistant", content: result.text, reasoning: result.reasoning });
    else if (written) conversation.push({ role: "assistant", content: written });
    else conversation.pop();
  });

  reset();
  setEnabled(byId("chat"), true);
}
