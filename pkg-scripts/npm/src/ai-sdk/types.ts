// The part of the AI SDK's specification (version 4) that is spoken here. Its own package is not needed at run time, and only its
// types would be.

/** A setting that does nothing here. */
export interface Warning {
  type: "unsupported";
  feature: string;
  details?: string;
}

interface Part {
  type: string;
}

interface TextPart {
  type: "text";
  text: string;
}

interface ReasoningPart {
  type: "reasoning";
  text: string;
}

interface ToolCallPart {
  type: "tool-call";
  toolCallId: string;
  toolName: string;
  input: unknown;
}

export interface ToolResultPart {
  type: "tool-result";
  toolCallId: string;
  toolName: string;
  output: { type: string; value?: unknown; reason?: string };
}

export type PromptPart = TextPart | ReasoningPart | ToolCallPart | ToolResultPart;

/** A message; what its parts may be besides is refused by name. */
export interface PromptMessage {
  role: "system" | "user" | "assistant" | "tool";
  content: string | readonly (PromptPart | Part)[];
}

export interface FunctionTool {
  type: "function";
  name: string;
  description?: string;
  inputSchema: unknown;
  strict?: boolean | undefined;
}

export interface LanguageCall {
  prompt: readonly PromptMessage[];
  maxOutputTokens?: number | undefined;
  temperature?: number | undefined;
  stopSequences?: string[] | undefined;
  topP?: number | undefined;
  topK?: number | undefined;
  presencePenalty?: number | undefined;
  frequencyPenalty?: number | undefined;
  responseFormat?: { type: "text" } | { type: "json"; schema?: Record<string, unknown> | undefined } | undefined;
  seed?: number | undefined;
  tools?: readonly (FunctionTool | { type: "provider"; name: string })[] | undefined;
  toolChoice?: { type: "auto" | "none" | "required" | "tool"; toolName?: string | undefined } | undefined;
  abortSignal?: AbortSignal | undefined;
  reasoning?: string | undefined;
  providerOptions?: Record<string, Record<string, unknown>> | undefined;
}

export interface TokenUsage {
  inputTokens: { total: number | undefined; noCache: number | undefined; cacheRead: number | undefined; cacheWrite: number | undefined };
  outputTokens: { total: number | undefined; text: number | undefined; reasoning: number | undefined };
}

export interface Finish {
  unified: "stop" | "length" | "tool-calls" | "error" | "other";
  raw: string | undefined;
}

interface ToolCall {
  type: "tool-call";
  toolCallId: string;
  toolName: string;
  /** JSON. */
  input: string;
}

export type Content = TextPart | ReasoningPart | ToolCall;

interface Metadata {
  id: string;
  timestamp: Date;
  modelId: string;
}

export interface Generated {
  content: Content[];
  finishReason: Finish;
  usage: TokenUsage;
  warnings: Warning[];
  response: Metadata;
}

export type StreamPart =
  | { type: "stream-start"; warnings: Warning[] }
  | ({ type: "response-metadata" } & Metadata)
  | { type: "text-start" | "text-end" | "reasoning-start" | "reasoning-end" | "tool-input-end"; id: string }
  | { type: "text-delta" | "reasoning-delta" | "tool-input-delta"; id: string; delta: string }
  | { type: "tool-input-start"; id: string; toolName: string }
  | ToolCall
  | { type: "error"; error: unknown }
  | { type: "finish"; usage: TokenUsage; finishReason: Finish };

/** A language model for `generateText` and `streamText`. */
export interface LanguageModel {
  readonly specificationVersion: "v4";
  readonly provider: string;
  readonly modelId: string;
  readonly supportedUrls: Record<string, RegExp[]>;
  doGenerate(call: LanguageCall): Promise<Generated>;
  doStream(call: LanguageCall): Promise<{ stream: ReadableStream<StreamPart> }>;
}

export interface EmbeddingCall {
  values: string[];
  dimensions?: number | undefined;
  abortSignal?: AbortSignal | undefined;
}

/** An embedding model for `embed` and `embedMany`. */
export interface EmbeddingModel {
  readonly specificationVersion: "v4";
  readonly provider: string;
  readonly modelId: string;
  readonly maxEmbeddingsPerCall: undefined;
  readonly supportsParallelCalls: boolean;
  doEmbed(call: EmbeddingCall): Promise<{ embeddings: number[][]; usage: { tokens: number }; warnings: Warning[] }>;
}
