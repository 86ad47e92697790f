// A prediction computed and proven in this browser; nothing of the input leaves the page. Loaded when it is asked for.
import type { Form, Status } from "./client";
import { type Progress, prove, type Proven } from "./prover/prover";
import { expected } from "./twins/coding";
import { randomScalar } from "./twins/commitments";
import { statementOf } from "./twins/statement";

export interface Answer {
  expected: number;
  /** In units of 2^-16, as the proof has it. */
  units: number;
  proof: Record<string, unknown>;
  public: string[];
  key: Record<string, unknown> | null;
  seconds: number;
}

/** Prove what the form's model says of quantised features, and check everything that the proof is about. */
export async function predictHere(
  form: Form,
  features: number[],
  listen: (progress: Progress) => void,
): Promise<Answer> {
  const started = performance.now();
  const statement = statementOf(form, features, randomScalar());
  if (statement.modelCommitment !== form.model_commitment)
    throw new Error("The weights that this server sent are not those of the model on the chain. Do not rely on it.");
  let made: Proven;
  try {
    made = await prove(form.network, statement.circuitInputs, listen);
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    if (/assert/i.test(said))
      throw new Error("The model expects more of this input than a proven prediction can hold.");
    throw error;
  }
  const [model, input, prediction] = made.public;
  if (model !== statement.modelCommitment || input !== statement.inputCommitment)
    throw new Error("The proof is about another model or input than it should be. Do not rely on it.");
  if (!made.valid) throw new Error("The proof does not verify. Do not rely on it.");
  const units = Number(prediction);
  const seconds = (performance.now() - started) / 1000;
  return { expected: expected(form, units), units, proof: made.proof, public: made.public, key: made.key, seconds };
}

/** What anybody can check with `twopm-zk verify`: proof and public inputs, never the input or its salt. */
export function proofFile(form: Form, answer: Answer, status: Status): string {
  const document = {
    format: 1,
    proof: answer.proof,
    public: answer.public,
    verification_key: answer.key,
    network: form.network,
    chain_id: status.chain.id,
    contract: status.contracts["HLRContract"],
    task: form.task,
  };
  return JSON.stringify(document, null, 1) + "\n";
}
