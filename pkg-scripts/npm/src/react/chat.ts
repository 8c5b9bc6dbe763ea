"use client";

import { useCallback, useEffect, useRef, useState } from "react";
import type { ChatMessage, ChatOptions, Model, Result } from "../index.js";

export interface UseChatOptions extends Omit<ChatOptions, "signal" | "onProgress"> {
  /** What the conversation begins with. Read once. */
  messages?: readonly ChatMessage[] | undefined;
}

export interface Chat {
  /** The conversation; the last message grows while the model writes. */
  messages: readonly ChatMessage[];
  running: boolean;
  error: unknown;
  /** Says something and has it answered. Resolves at the answer's end; `undefined` where it was stopped or failed. */
  send: (content: string) => Promise<Result | undefined>;
  /** Stops the answer and keeps what there is of it. */
  stop: () => void;
  /** Stops the answer and begins again with these messages, or with those at first. */
  reset: (messages?: readonly ChatMessage[]) => void;
}

/** A conversation with a model. What is being written is aborted where the component is unmounted. */
export function useChat(model: Model | undefined, options: UseChatOptions = {}): Chat {
  const first = useRef(options.messages ?? []);
  const [messages, setMessages] = useState<readonly ChatMessage[]>(first.current);
  const [running, setRunning] = useState(false);
  const [error, setError] = useState<unknown>(undefined);
  /** What the callbacks see: they stay the same from one rendering to the next. */
  const now = useRef({ model, options, messages: first.current, work: undefined as AbortController | undefined });
  // Written in an effect: a rendering may be thrown away.
  useEffect(() => {
    now.current.model = model;
    now.current.options = options;
    return undefined;
  }, [model, options]);

  const show = useCallback((next: readonly ChatMessage[]) => {
    now.current.messages = next;
    setMessages(next);
  }, []);

  const stop = useCallback(() => {
    now.current.work?.abort();
    now.current.work = undefined;
    setRunning(false);
  }, []);

  const reset = useCallback(
    (next: readonly ChatMessage[] = first.current) => {
      stop();
      setError(undefined);
      show(next);
    },
    [stop, show],
  );

  const send = useCallback(
    async (content: string): Promise<Result | undefined> => {
      const { model } = now.current;
      if (model === undefined) throw new TypeError("there is no model yet: wait until it is loaded");
      const { messages: _, ...rest } = now.current.options;
      // A message while the last answer is being written ends that answer.
      stop();
      const work = new AbortController();
      now.current.work = work;
      const asked: readonly ChatMessage[] = [...now.current.messages, { role: "user", content }];
      show(asked);
      setRunning(true);
      setError(undefined);
      let [text, reasoning] = ["", ""];
      try {
        const stream = model.chat(asked, { ...rest, signal: work.signal });
        for await (const piece of stream) {
          if (work.signal.aborted) return undefined;
          text += piece.text;
          reasoning += piece.reasoning;
          show([...asked, { role: "assistant", content: text, ...(reasoning !== "" && { reasoning }) }]);
        }
        const result = await stream.result;
        return work.signal.aborted ? undefined : result;
      } catch (error) {
        if (!work.signal.aborted) setError(error);
        return undefined;
      } finally {
        if (now.current.work === work) {
          now.current.work = undefined;
          setRunning(false);
        }
      }
    },
    [stop, show],
  );

  useEffect(() => () => now.current.work?.abort(), []);
  return { messages, running, error, send, stop, reset };
}
