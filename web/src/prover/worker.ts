// The prover's worker, a classic script. snarkjs is a separate program under a licence of its own (GPL-3.0): this loads the
// file of its npm package, unmodified, and calls it.
//
// ffjavascript starts blob: workers, which the page's policy forbids, and then waits for ever; where there is no Worker it
// takes one thread. It fetches by itself where it is given addresses, and does not look at the status: it is given bytes.

export interface ProverFiles {
  wasm: string;
  zkey: string;
  key: string;
}

export type ProverRequest =
  | { id: number; command: "load"; files: ProverFiles }
  | { id: number; command: "prove"; files: ProverFiles; inputs: Record<string, string | string[]> }
  | { id: number; command: "verify"; files: ProverFiles; proof: unknown; publicInputs: string[] };

export type ProverMessage =
  | { id: number; progress: { what: string; loaded: number; total: number | null } }
  | { id: number; result: unknown }
  | { id: number; error: string };

interface Snarkjs {
  curves: { getCurveFromName(name: string): Promise<unknown> };
  plonk: {
    fullProve(
      inputs: unknown,
      wasm: Uint8Array,
      zkey: Uint8Array,
    ): Promise<{ proof: Record<string, unknown>; publicSignals: string[] }>;
    verify(key: unknown, publicInputs: string[], proof: unknown): Promise<boolean>;
  };
}

declare function importScripts(...urls: string[]): void;
declare const self: {
  snarkjs?: Snarkjs;
  postMessage(message: ProverMessage): void;
  onmessage: ((event: MessageEvent<ProverRequest>) => void) | null;
};

const files = new Map<string, Promise<Uint8Array>>();

function snarkjs(): Snarkjs {
  if (self.snarkjs === undefined) {
    Object.defineProperty(self, "Worker", { value: undefined, configurable: true, writable: true });
    importScripts("/prover/snarkjs.min.js");
  }
  return self.snarkjs!;
}

/** The bytes of a file, fetched once; a failure is forgotten, so that it can be tried again. */
function load(id: number, url: string, what: string): Promise<Uint8Array> {
  let file = files.get(url);
  if (file === undefined) {
    file = fetchBytes(id, url, what);
    files.set(url, file);
    file.catch(() => files.delete(url));
  }
  return file;
}

async function fetchBytes(id: number, url: string, what: string): Promise<Uint8Array> {
  const response = await fetch(url);
  if (!response.ok) {
    const said: { message?: string } = await response.json().catch(() => ({}));
    throw new Error(said.message ?? `${what} could not be loaded: the server answered ${response.status}.`);
  }
  // the length of what is sent compressed is not the length of what arrives
  const packed = response.headers.get("content-encoding") !== null;
  const total = Number(response.headers.get(packed ? "x-content-length" : "content-length")) || null;
  const parts: Uint8Array[] = [];
  let loaded = 0;
  for (const reader = response.body!.getReader(); ;) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    loaded += value.length;
    self.postMessage({ id, progress: { what, loaded, total } });
  }
  const bytes = new Uint8Array(loaded);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

async function answer(request: ProverRequest): Promise<unknown> {
  const { id, files: urls } = request;
  const verificationKey = async () =>
    JSON.parse(new TextDecoder().decode(await load(id, urls.key, "the verification key"))) as unknown;
  if (request.command === "verify")
    return snarkjs().plonk.verify(await verificationKey(), request.publicInputs, request.proof);
  const started = Promise.all([load(id, urls.wasm, "the circuit"), load(id, urls.zkey, "the proving key")]);
  const { plonk, curves } = snarkjs();
  await curves.getCurveFromName("bn128"); // kept for the proof
  const [[wasm, zkey], key] = await Promise.all([started, verificationKey()]);
  if (request.command === "load") return true;
  const { proof, publicSignals } = await plonk.fullProve(request.inputs, wasm, zkey);
  return { proof, public: publicSignals, valid: await plonk.verify(key, publicSignals, proof), key };
}

self.onmessage = ({ data }) => {
  answer(data).then(
    (result) => self.postMessage({ id: data.id, result }),
    (error: unknown) =>
      self.postMessage({ id: data.id, error: error instanceof Error ? error.message : String(error) }),
  );
};
