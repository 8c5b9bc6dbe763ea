// The AI SDK's useChat without a server: the model runs in the page.
//
//   npm install nanolm ai @ai-sdk/react react react-dom vite
//
// With Vite, an index.html with <div id="root"></div> and <script type="module" src="/react-chat.jsx"></script> is the rest of the
// app; its development server needs `optimizeDeps: { exclude: ["nanolm"] }`.
import { useChat } from "@ai-sdk/react";
import { DirectChatTransport, ToolLoopAgent } from "ai";
import { Model } from "nanolm";
import { createNanolm } from "nanolm/ai-sdk";
import { useState } from "react";
import { createRoot } from "react-dom/client";

const MODEL = new URLSearchParams(location.search).get("model") ?? "/models/qwen2.5-0.5b-instruct-q4_k_m.gguf";

// Loaded when the first message is sent.
const nanolm = createNanolm(() => Model.load(MODEL));
const agent = new ToolLoopAgent({ model: nanolm(), instructions: "Be brief.", maxOutputTokens: 200 });
const transport = new DirectChatTransport({ agent, onError: (error) => error.message });

function Chat() {
  const { messages, sendMessage, status, stop, error } = useChat({ transport });
  const [question, setQuestion] = useState("");
  const busy = status === "submitted" || status === "streaming";
  const send = (event) => {
    event.preventDefault();
    sendMessage({ text: question });
    setQuestion("");
  };
  return (
    <main data-status={status}>
      {messages.map(({ id, role, parts }) => (
        <p key={id} className={role}>
          {parts.map((part) => (part.type === "text" ? part.text : ""))}
        </p>
      ))}
      {error && <p role="alert">{error.message}</p>}
      <form onSubmit={send}>
        <input value={question} onChange={(event) => setQuestion(event.target.value)} placeholder="A question" required />
        <button disabled={busy}>Ask</button>
        <button type="button" onClick={stop} disabled={!busy}>
          Stop
        </button>
      </form>
    </main>
  );
}

createRoot(document.getElementById("root")).render(<Chat />);
