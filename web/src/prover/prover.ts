// The page's side of the prover: one worker, started when it is first needed.
import type { Proof } from "../client";
import type { ProverFiles, ProverMessage, ProverRequest } from "./worker";

declare const PROVER_URL: string; // set by build.mjs

export interface Proven {
  proof: Proof;
  public: string[];
  valid: boolean;
  key: Record<string, unknown>;
}

export interface Progress {
  what: string;
  loaded: number;
  /** Bytes in all; null where the server does not say. */
  total: number | null;
}

type Listen = (progress: Progress) => void;
type WithoutId<T> = T extends unknown ? Omit<T, "id"> : never;

let worker: Worker | undefined;
let sent = 0;
const waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void; listen?: Listen }>();

const filesOf = (network: number): ProverFiles => ({
  wasm: `/v1/networks/${network}/prover/circuit.wasm`,
  zkey: `/v1/networks/${network}/prover/circuit.zkey`,
  key: `/v1/networks/${network}/prover/verification_key.json`,
});

function start(): Worker {
  const started = new Worker(PROVER_URL, { name: "prover" });
  started.onmessage = ({ data }: MessageEvent<ProverMessage>) => {
    const one = waiting.get(data.id);
    if (one === undefined) return;
    if ("progress" in data) return one.listen?.(data.progress);
    waiting.delete(data.id);
    if ("error" in data) one.reject(new Error(data.error));
    else one.resolve(data.result as never);
  };
  // a worker that cannot load or dies gives this, and no message
  started.onerror = (event) => {
    stop(event.message || "The prover could not be started in this browser. Reload the page and try again.");
  };
  return started;
}

/** End the worker, and with it what it was computing. */
export function stop(reason = "Stopped."): void {
  worker?.terminate();
  worker = undefined;
  for (const { reject } of waiting.values()) reject(new Error(reason));
  waiting.clear();
}

function ask<T>(request: WithoutId<ProverRequest>, listen?: Listen): Promise<T> {
  worker ??= start();
  const id = ++sent;
  return new Promise<T>((resolve, reject) => {
    waiting.set(id, { resolve, reject, listen });
    worker!.postMessage({ id, ...request });
  });
}

/** Load the prover and a network's keys, so that a proof can begin at once. */
export const prepare = (network: number, listen?: Listen): Promise<true> =>
  ask({ command: "load", files: filesOf(network) }, listen);

/** Prove `predict` for these inputs, and verify the proof. */
export const prove = (network: number, inputs: Record<string, string | string[]>, listen?: Listen): Promise<Proven> =>
  ask({ command: "prove", files: filesOf(network), inputs }, listen);

/** Whether somebody's proof holds under the network's verification key. */
export const verify = (network: number, proof: Proof, publicInputs: string[]): Promise<boolean> =>
  ask({ command: "verify", files: filesOf(network), proof, publicInputs });
