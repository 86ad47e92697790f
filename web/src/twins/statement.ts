// One prediction as the circuit takes it. Twin of twopm_zk/statements/predict.py, but for the sigmoid: the prediction is
// taken from the circuit's own output.
import type { Form } from "../client";
import { formatOf } from "./coding";
import { inputCommitment, modelCommitment } from "./commitments";
import { biased, WEIGHTS } from "./fixedPoint";

export interface Statement {
  /** Decimal strings. */
  modelCommitment: string;
  inputCommitment: string;
  /** What snarkjs takes; private. */
  circuitInputs: Record<string, string | string[]>;
}

/** Commitments and circuit inputs of quantised features, by the weights that the form has. */
export function statementOf(form: Form, features: number[], salt: bigint): Statement {
  const format = formatOf(form);
  const weights = form.weights.map(Number);
  const context = BigInt(form.context);
  return {
    modelCommitment: String(modelCommitment(context, weights)),
    inputCommitment: String(inputCommitment(salt, features, format, form.family)),
    circuitInputs: {
      context: String(context),
      weights: weights.map((w) => String(biased(w, WEIGHTS))),
      features: features.map((x) => String(biased(x, format))),
      salt: String(salt),
    },
  };
}
