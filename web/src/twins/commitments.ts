// Commitments to a model and to an input. Twin of twopm_zk/numbers/commitments.py, as far as a prediction needs it.
import { biased, type Format, WEIGHTS } from "./fixedPoint";
import { FIELD_ORDER, permutation, poseidon } from "./poseidon";

const PACKED_BITS = 240;
const TAG = { model: 1n, input: 6n };
export type Family = "logistic" | "gaussian";
const FAMILY_NUMBER: Record<Family, number> = { logistic: 0, gaussian: 1 };

const domain = (tag: bigint, length: number, shape: number): bigint =>
  tag + (BigInt(length) << 8n) + (BigInt(shape) << 32n);

/** The hash that contracts recompute. */
export function publicHash(tag: bigint, items: bigint[], shape: number): bigint {
  let state = domain(tag, items.length, shape);
  for (let i = 0; i < items.length; i += 2) state = poseidon([state, ...items.slice(i, i + 2)]);
  return state;
}

/** The hash that only circuits and their twins compute: the state goes on in the capacity element. */
export function secretHash(tag: bigint, items: bigint[], shape: number): bigint {
  let state = domain(tag, items.length, shape);
  for (let i = 0; i < items.length; i += 3) state = permutation([state, ...items.slice(i, i + 3)])[0]!;
  return state;
}

function pack(values: bigint[], bits: number): bigint[] {
  const per = Math.floor(PACKED_BITS / bits);
  const packed: bigint[] = [];
  for (let start = 0; start < values.length; start += per)
    packed.push(values.slice(start, start + per).reduce((sum, v, i) => sum + (v << BigInt(bits * i)), 0n));
  return packed;
}

/** Of signed integer weights, in column order, then the intercept. Not hiding. */
export const modelCommitment = (context: bigint, weights: number[]): bigint => {
  const lanes = weights.map((w) => biased(w, WEIGHTS));
  return publicHash(TAG.model, [context, ...pack(lanes, WEIGHTS.bits)], weights.length);
};

/** Of one input row; the salt hides it. */
export const inputCommitment = (salt: bigint, features: number[], format: Format, family: Family): bigint => {
  const lanes = features.map((x) => biased(x, format));
  const rows = FAMILY_NUMBER[family] * 1024 + 1;
  const shape = ((rows * 128 + features.length) * 32 + format.bits) * 32 + format.fracBits;
  return secretHash(TAG.input, [salt, ...pack(lanes, format.bits)], shape);
};

/** A uniform field element from the browser's generator, by rejection. */
export function randomScalar(): bigint {
  for (;;) {
    const bytes = crypto.getRandomValues(new Uint8Array(32));
    bytes[0]! &= 0x3f; // 254 bits
    const value = BigInt("0x" + Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join(""));
    if (value < FIELD_ORDER) return value;
  }
}
