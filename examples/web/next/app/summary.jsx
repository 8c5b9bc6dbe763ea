"use client";
// Nothing is loaded on the server: there the hooks are still waiting.
import { useModel, useSummary } from "nanolm/react";
import { useState } from "react";

export default function Summary({ text }) {
  const [asked, setAsked] = useState(false);
  const { model, progress, error, retry } = useModel(undefined, { enabled: asked });
  const { points, running } = useSummary(model, text, { type: "key-points" });
  if (!asked) return <button onClick={() => setAsked(true)}>Summarise</button>;
  if (error) return <button onClick={retry}>{error.message} Try again</button>;
  if (!model) return <progress value={progress?.loaded} max={progress?.total} />;
  return (
    <ul aria-busy={running}>
      {points.map((point) => (
        <li key={point.start}>{point.text}</li>
      ))}
    </ul>
  );
}
