// What the page knows of its server: the status, whether it is reached, what happens on the chain, and loaded answers.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { type ChainEvent, Client, type Status, TwopmError } from "../client";
import { Store, useStore } from "./store";

export const client = new Client();
export const status = new Store<Status | null>(null);
/** Why what is shown may be out of date; null where it is not. */
export const trouble = new Store<string | null>(null);

const STATUS_SECONDS = 20;
const STALE =
  "The chain's RPC endpoint does not answer. What you see is the last known state, and nothing can be sent.";
const topics = new Set<(event: ChainEvent) => void>();
let skew = 0; // seconds from this device's clock to the chain's

/** The chain's time, which deadlines are measured by. */
export const chainNow = (): number => Math.floor(Date.now() / 1000 + skew);

const noteTime = (time: number): void => {
  skew = time - Date.now() / 1000;
};

async function refresh(): Promise<void> {
  try {
    const found = await client.status();
    noteTime(found.chain.time);
    status.set(found);
    trouble.set(found.stale ? STALE : null);
  } catch (error) {
    trouble.set(error instanceof TwopmError && error.status === 503 ? STALE : words(error));
  }
}

/** Follow the server from now on. */
export function follow(): void {
  void refresh();
  setInterval(() => document.visibilityState === "visible" && void refresh(), STATUS_SECONDS * 1000);
  void listen();
}

async function listen(): Promise<never> {
  for (let pause = 1; ; pause = Math.min(2 * pause, 60)) {
    try {
      for await (const event of client.events()) {
        pause = 1;
        if (event.type === "block") noteBlock(event.block, event.time);
        for (const topic of [...topics]) topic(event);
      }
    } catch {
      // too many listeners, or no server: the status tells
    }
    await new Promise((resolve) => setTimeout(resolve, pause * 1000));
  }
}

function noteBlock(block: number, time: number): void {
  noteTime(time);
  const known = status.value;
  if (known !== null) status.set({ ...known, chain: { ...known.chain, block, time } });
}

/** Call `heard` for events, until the function that is returned is called. */
export function onEvent(heard: (event: ChainEvent) => void): () => void {
  topics.add(heard);
  return () => topics.delete(heard);
}

/** An error in words for people. */
export function words(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  if (error instanceof TwopmError && error.retryAfter !== null) return `${text} Try again in ${error.retryAfter} s.`;
  return text;
}

export interface Loaded<T> {
  data: T | null;
  error: string | null;
  /** Of the server's answer; 0 where there was none. */
  status: number;
  reload: () => void;
}

/**
 * An answer of the server, loaded again when `key` changes and when an event says that it may have changed.
 * What was loaded stays while it is loaded again, and where that fails.
 */
export function useLoaded<T>(key: string, load: () => Promise<T>, touches?: (event: ChainEvent) => boolean): Loaded<T> {
  const [found, set] = useState<{ key: string; data: T | null; error: string | null; status: number } | null>(null);
  const turn = useRef(0);
  const latest = useRef({ load, touches });
  latest.current = { load, touches };
  const reload = useCallback(() => {
    const mine = ++turn.current;
    latest.current.load().then(
      (data) => mine === turn.current && set({ key, data, error: null, status: 200 }),
      (error: unknown) =>
        mine === turn.current &&
        set((old) => ({
          key,
          data: old?.key === key ? old.data : null,
          error: words(error),
          status: error instanceof TwopmError ? error.status : 0,
        })),
    );
  }, [key]);
  useEffect(() => {
    reload();
    return () => void ++turn.current;
  }, [reload]);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = onEvent((event) => {
      if (!latest.current.touches?.(event)) return;
      timer ??= setTimeout(() => {
        timer = undefined;
        reload();
      }, 500); // several events of one block, and blocks in a row, are one reload
    });
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, [reload]);
  const current = found?.key === key ? found : null;
  return { data: current?.data ?? null, error: current?.error ?? null, status: current?.status ?? 0, reload };
}

/** The status once it is known. */
export const useStatus = (): Status | null => useStore(status);
