// The form of what is written.

/** A JSON schema. Which keywords are held to, docs/structured-output.md says; any other is refused. */
export type JsonSchema = boolean | Readonly<Record<string, unknown>>;

/**
 * JSON of a schema, without one an object of any kind; or what a regular expression matches from its beginning to its end. `prefix` is how
 * it begins already, as in a chat whose last message is the assistant's: together with that, what is written has the form.
 */
export type ResponseFormat =
  | { type: "json"; schema?: JsonSchema | undefined; prefix?: string | undefined }
  /** `pattern`: the source of a `RegExp`. */
  | { type: "regex"; pattern: string; prefix?: string | undefined };

export interface FormatOptions {
  /**
   * Only what has this form can be written: of the tokens, those that do not fit are never chosen. The output ends when the value is
   * complete, or in the middle of it at `maxNewTokens` (`finishReason: "length"`). What this needs is fetched when it is first used.
   */
  responseFormat?: ResponseFormat | undefined;
}
