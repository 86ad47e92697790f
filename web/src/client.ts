/**
 * A small client for the HTTP API of `twopm-zk serve`: no dependency, for browsers and Node 20 or newer.
 *
 * Big integers are decimal strings, times are Unix seconds. An answer that is no success is a `TwopmError`.
 */

/** What the server says is wrong; `kind` is "unreachable" where there is no answer at all. */
export class TwopmError extends Error {
  constructor(
    readonly kind: string,
    message: string,
    readonly status = 0,
    /** Seconds to wait before asking again, where the server says so. */
    readonly retryAfter: number | null = null,
  ) {
    super(message);
    this.name = "TwopmError";
  }
}

export interface Status {
  version: string;
  chain: { id: number; block: number; time: number; development: boolean };
  contracts: Record<string, string>;
  token: { address: string; symbol: string; decimals: number } | null;
  insecure: boolean;
  proving: boolean;
  /** Who answers conversations here; null where nobody does. */
  conversation: ServedConversation | null;
  /** The chain does not answer; this is the last known state. */
  stale?: boolean;
}

export interface ServedConversation {
  network: number;
  operator: string;
  /** The name and the digest of the model; null where the server passes on what it cannot read. */
  model: string | null;
  digest: string | null;
  sealed_only: boolean;
}

export interface NetworkSummary {
  id: number;
  title: string | null;
  purpose: string | null;
  metadata_state: "verified" | "missing" | "mismatch";
  model: "hlr" | "hfl";
  task: number;
  family: "logistic" | "gaussian" | null;
  closed: boolean;
  certified: boolean;
  phase: string;
  operators: number;
  insecure: boolean;
  fee: string;
  token: boolean;
  rows: number | null;
  updates: number;
}

export interface MetadataInput {
  name: string;
  label: string;
  unit: string;
  minimum: number | null;
  maximum: number | null;
  help: string;
  categories?: Record<string, string>;
}

export interface Metadata {
  title: string;
  purpose: string;
  intended_use: string;
  limits: string;
  contact: string;
  licence?: string;
  specification: string;
  inputs: MetadataInput[];
  output: { label: string; unit: string; help: string };
}

export interface OperatorEntry {
  address: string;
  verifier_id: number;
  insecure: boolean;
  endpoint: boolean;
  /** Its X25519 key on the chain, in hexadecimal. */
  key: string | null;
  /** Wei of ETH that stand behind its answers. */
  stake: string;
  /** These are others', allocated at EigenLayer; else they are its own. */
  restaked: boolean;
  /** Wei of its stake that accepted requests need. */
  obligations: string;
}

/** By address, owners of rows in a certified sum that have withdrawn them since. */
export type Withdrawals = Record<string, { block: number; retraining: boolean }>;

export interface NetworkDetail extends Omit<NetworkSummary, "operators"> {
  owner: string;
  uri: string;
  metadata_hash: string;
  metadata: Metadata | null;
  terms: {
    user_stake: string;
    operator_stake: string;
    penalty: string;
    fee: string;
    accept_seconds: number;
    answer_seconds: number;
  };
  /** Of 10,000: what the task's data owners get of a fee. */
  owners_share: number;
  enrolled: number;
  complete: boolean;
  specification: { hash: string; state: "verified" | "missing"; name: string | null; label: string | null } | null;
  weights: { commitment: string; context: string; values: number[] } | null;
  coefficients: Record<string, number> | null;
  certificate: {
    round: number;
    bound_per_row: number;
    coverage: string | null;
    withdrawn_since: Withdrawals;
  } | null;
  predict: {
    instance: string;
    verifier_id: number;
    verifier: string;
    insecure: boolean;
    features: number;
    x_bits: number;
    x_frac: number;
    family: "logistic" | "gaussian";
  } | null;
  operators: OperatorEntry[];
}

export interface FormInput {
  name: string;
  label: string;
  unit: string;
  help: string;
  kind: "number" | "category";
  minimum: number | null;
  maximum: number | null;
  step: number | null;
  categories: { value: string; label: string }[];
  /** Whether it may be left empty. */
  missing: boolean;
  missing_value: number | string | null;
  transform: "log1p" | null;
  winsorise: [number, number] | null;
}

export interface FormColumn {
  name: string;
  centre: number;
  scale: number;
  low: number | null;
  high: number | null;
  factors: [string, number][];
}

/** What a page needs to make a form, and the circuit's inputs from what is typed. */
export interface Form {
  network: number;
  task: number;
  instance: string;
  features: number;
  x_bits: number;
  x_frac: number;
  family: "logistic" | "gaussian";
  context: string;
  weights: string[];
  model_commitment: string;
  inputs: FormInput[];
  columns: FormColumn[];
  /** The norm that rows are shortened to, where the task has one. */
  clip?: number | null;
  output: { label: string; unit: string; help: string; positive: string | null; centre: number; scale: number };
  insecure: boolean;
}

export interface AuditReport {
  block: number;
  verdict: "certified" | "not-certified" | "insecure-keys" | "unsound";
  conclusion: string;
  insecure_keys: string[];
  gradient_bound_per_row: number | null;
  rounds: number;
  updates: number;
  nodes: string[];
  coefficients: Record<string, number> | null;
  summary: {
    level: number;
    coefficients: Record<
      string,
      {
        coefficient: number;
        standard_error?: number | null;
        p_value?: number | null;
        low?: number | null;
        high?: number | null;
      }
    >;
    provenance: { standard_errors: { sentence?: string } | null };
    [name: string]: unknown;
  } | null;
  checks: Record<string, number>;
  failed: number;
  failures: { check: string; detail: string }[];
  notes: string[];
  cannot_know: string[];
  [name: string]: unknown;
}

export interface Audit {
  state: "none" | "running" | "done" | "failed";
  /** What is being checked, and how far that is, in words. */
  step: string;
  progress: string;
  report: AuditReport | null;
  /** What each check is, in words. */
  texts?: Record<string, string>;
}

export interface TaskSummary {
  id: number;
  phase: string;
  round: number;
  /** Counted from 0, as in each round. */
  attempt: number;
  deadline: number | null;
  /** Hash of the specification. */
  specification: string;
  coordinator: string;
  network: number | null;
  /** Whether it is proven under keys for development. */
  insecure: boolean;
}

export interface TaskRound {
  round: number;
  attempt: number;
  collection: string;
  outcome: string;
  updates: Record<string, number>;
  ready: string[];
  shared: string[];
  left: { node: string; reason: string }[];
  gas: number | string | null;
  rows: number | null;
  opened_at: number | null;
  /** When collecting ended. */
  closed_at: number | null;
  ended_at: number | null;
  bound_per_row: number | null;
  transactions: number | string[];
}

export interface TaskDetail extends TaskSummary {
  withdrawn_since: Withdrawals;
  rounds: TaskRound[];
  gas: number | string | null;
}

/** snarkjs' PLONK proof. */
export type Proof = Record<string, unknown>;

export interface RequestEntry {
  id: number;
  network: number;
  task: number;
  state: "asked" | "accepted" | "answered" | "late" | "refunded";
  user: string;
  operator: string;
  deadline: number;
  fee: string;
  token: boolean;
  model_commitment: string;
  input_commitment: string;
  /** In units of 2^-16, as the proof has it. */
  prediction: number | null;
  /** The verifier of its answer, by its number in the registry. */
  verifier_id: number;
  insecure?: boolean;
  proof?: Proof | null;
  public?: string[] | null;
}

export interface Account {
  account: string;
  member: boolean;
  stake: string;
  locked_until: number | null;
  obligations: string;
  requests: RequestEntry[];
  owed: { eth: string; token: string };
  claims: { network: number; amount: string; token: boolean }[];
  /** What the account is asked to do now. */
  asked: {
    kind: string;
    what: string;
    task: number | null;
    request: number | null;
    network: number | null;
    deadline: number | null;
    command: string | null;
  }[];
}

export interface Prediction {
  expected: number;
  /** In units of 2^-16, as the proof has it. */
  units: number;
  proof: Proof;
  public: string[];
  insecure_keys: string[];
  verification_key: Record<string, unknown>;
}

export interface Session {
  token: string;
  account: string;
  expires: number;
}

export type ChainEvent =
  { type: "block"; block: number; time: number } | { type: "task" | "request" | "network"; id: number };

/** A row: a number, a category by its name, or null where a value may be missing. */
export type InputRow = Record<string, number | string | null>;

export interface SignInOptions {
  /** The account, with its EIP-55 checksum. */
  address: string;
  /** Signs the text as `personal_sign` does (EIP-191); returns 0x and 130 hexadecimal digits. */
  sign: (message: string) => Promise<string> | string;
  /** At most 24 hours. */
  seconds?: number;
}

export class Client {
  #session: Session | null = null;

  /** @param origin Of the server, such as `http://127.0.0.1:8080`; in its own page it may be left out. */
  constructor(readonly origin: string = globalThis.location?.origin ?? "http://127.0.0.1:8080") {}

  status = (): Promise<Status> => this.#get("/v1/status");
  networks = async (): Promise<NetworkSummary[]> =>
    (await this.#get<{ networks: NetworkSummary[] }>("/v1/networks")).networks;
  network = (id: number): Promise<NetworkDetail> => this.#get(`/v1/networks/${id}`);
  form = (id: number): Promise<Form> => this.#get(`/v1/networks/${id}/form`);
  audit = (id: number): Promise<Audit> => this.#get(`/v1/networks/${id}/audit`);
  tasks = async (): Promise<TaskSummary[]> => (await this.#get<{ tasks: TaskSummary[] }>("/v1/tasks")).tasks;
  task = (id: number): Promise<TaskDetail> => this.#get(`/v1/tasks/${id}`);
  account = (address: string): Promise<Account> => this.#get(`/v1/accounts/${encodeURIComponent(address)}`);
  request = (id: number): Promise<RequestEntry> => this.#get(`/v1/requests/${id}`);

  /** The bytes of a network's metadata document, as the server has them; null where it has none. */
  async metadata(id: number): Promise<Uint8Array<ArrayBuffer> | null> {
    const response = await this.#fetch(`/v1/networks/${id}/metadata`, {}, [404]);
    return response.status === 404 ? null : new Uint8Array(await response.arrayBuffer());
  }

  /** The key under which proofs of a network's predictions verify. */
  verificationKey = (id: number): Promise<Record<string, unknown>> =>
    this.#get(`/v1/networks/${id}/prover/verification_key.json`);

  /** The ABI of one of the deployment's contracts, by its name. */
  abi = (contract: string): Promise<unknown[]> => this.#get(`/v1/abi/${encodeURIComponent(contract)}.json`);

  /** Sign in with Ethereum (ERC-4361); predictions need it, from an account with the network's stake. */
  async signIn({ address, sign, seconds = 3600 }: SignInOptions): Promise<Session> {
    const [{ nonce }, status] = [await this.#get<{ nonce: string }>("/v1/session/nonce"), await this.status()];
    const now = Date.now();
    const message = [
      `${new URL(this.origin).host} wants you to sign in with your Ethereum account:`,
      address,
      "",
      "Sign in to ask for predictions. This sends no transaction and costs nothing.",
      "",
      `URI: ${this.origin}`,
      "Version: 1",
      `Chain ID: ${status.chain.id}`,
      `Nonce: ${nonce}`,
      `Issued At: ${new Date(now).toISOString()}`,
      `Expiration Time: ${new Date(now + seconds * 1000).toISOString()}`,
    ].join("\n");
    this.#session = await this.#post<Session>("/v1/session", { message, signature: await sign(message) });
    return this.#session;
  }

  /** End the session. */
  async signOut(): Promise<void> {
    if (this.#session !== null) await this.#fetch("/v1/session", { method: "DELETE" });
    this.#session = null;
  }

  /**
   * Proven predictions of 1 to 16 rows, computed by the server: it sees the rows. Needs a session.
   */
  async predict(id: number, inputs: InputRow | InputRow[]): Promise<Prediction[]> {
    const body = Array.isArray(inputs) ? { inputs } : { input: inputs };
    return (await this.#post<{ predictions: Prediction[] }>(`/v1/networks/${id}/predictions`, body)).predictions;
  }

  /** Whether a proof holds, and whether it is about the network's present model. */
  verify = (
    network: number,
    proof: Proof,
    publicInputs: string[],
  ): Promise<{ valid: boolean; matches: { model: boolean } }> =>
    this.#post("/v1/verify", { network, proof, public: publicInputs });

  /** Relay a sealed envelope to its operator; the operator's receipt. The server cannot read it. */
  deliver = (envelope: string): Promise<unknown> => this.#post("/v1/deliveries", envelope);

  /** What happens on the chain, until `signal` is aborted or the connection ends; throws where it cannot begin. */
  async *events(signal?: AbortSignal): AsyncGenerator<ChainEvent> {
    const response = await this.#fetch("/v1/events", { signal, headers: { accept: "text/event-stream" } });
    for await (const { event, data } of this.#stream(response))
      yield { type: event, ...JSON.parse(data) } as ChainEvent;
  }

  /**
   * The documents of an answer to a conversation as they come: chunks of the usual shape, or sealed pieces.
   *
   * @param question `{messages, ...}`, which needs a session, or `{sealed}`, which needs none.
   */
  async *answer(question: Record<string, unknown>, signal?: AbortSignal): AsyncGenerator<Record<string, unknown>> {
    const body = JSON.stringify({ ...question, stream: true });
    const headers = { "content-type": "application/json" };
    const response = await this.#fetch("/v1/chat/completions", { method: "POST", headers, body, signal });
    for await (const { data } of this.#stream(response)) {
      if (data === "[DONE]") return;
      const found = JSON.parse(data) as Record<string, unknown>;
      if (typeof found.error === "string") throw new TwopmError(found.error, String(found.message));
      yield found;
    }
    throw new TwopmError("unreachable", "The answer was broken off.");
  }

  async *#stream(response: Response): AsyncGenerator<{ event: string; data: string }> {
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        text += value.replaceAll("\r\n", "\n");
        const parts = text.split("\n\n");
        text = parts.pop()!;
        for (const part of parts) {
          const field = (name: string) =>
            part
              .split("\n")
              .filter((line) => line.startsWith(`${name}:`))
              .map((line) => line.slice(name.length + 1).trimStart())
              .join("\n");
          if (field("data") !== "") yield { event: field("event"), data: field("data") };
        }
      }
    } finally {
      void reader.cancel().catch(() => undefined);
    }
  }

  async #get<T>(path: string): Promise<T> {
    return (await this.#fetch(path)).json() as Promise<T>;
  }

  async #post<T>(path: string, body: unknown): Promise<T> {
    const response = await this.#fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
    return response.json() as Promise<T>;
  }

  async #fetch(path: string, options: RequestInit = {}, allowed: number[] = []): Promise<Response> {
    const headers = new Headers(options.headers);
    if (this.#session !== null) headers.set("authorization", `Bearer ${this.#session.token}`);
    let response: Response;
    try {
      response = await fetch(this.origin + path, { ...options, headers });
    } catch (error) {
      if (options.signal?.aborted) throw error;
      throw new TwopmError("unreachable", "The server does not answer. Check that it runs, and try again.");
    }
    if (response.ok || allowed.includes(response.status)) return response;
    const said: { error?: string; message?: string } = await response.json().catch(() => ({}));
    const after = Number(response.headers.get("retry-after"));
    const message = said.message ?? `The server answered ${response.status}.`;
    throw new TwopmError(said.error ?? "error", message, response.status, after > 0 ? after : null);
  }
}
