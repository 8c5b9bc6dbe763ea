// What is asked of models.

export type Endpoint = "chat/completions" | "completions" | "responses" | "embeddings";

export const ENDPOINTS: readonly Endpoint[] = ["chat/completions", "completions", "responses", "embeddings"];
