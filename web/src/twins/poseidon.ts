// The Poseidon permutation over BN254's scalar field. Twin of twopm_zk/numbers/poseidon.py.
// The library has circomlib's parameters from the same generator; the permutation itself is used, because secret hashes
// keep a state in the capacity element.
import { Field } from "@noble/curves/abstract/modular";
import { grainGenConstants, poseidon as makePermutation } from "@noble/curves/abstract/poseidon";

export const FIELD_ORDER = 21888242871839275222246405745257275088548364400416034343698204186575808495617n;
const PARTIAL_ROUNDS = [56, 57, 56, 60, 60, 63, 64, 63, 60, 66, 60, 65, 70, 60, 64, 68]; // width 2 to 17
const Fp = Field(FIELD_ORDER);
const made = new Map<number, (state: bigint[]) => bigint[]>();

/** Permute 2 to 17 field elements. */
export function permutation(state: bigint[]): bigint[] {
  const t = state.length;
  let permute = made.get(t);
  if (permute === undefined) {
    const partial = PARTIAL_ROUNDS[t - 2];
    if (partial === undefined) throw new RangeError(`Poseidon takes 2 to 17 elements, not ${t}`);
    const basic = { Fp, t, roundsFull: 8, roundsPartial: partial, sboxPower: 5 };
    permute = makePermutation({ ...basic, ...grainGenConstants(basic) });
    made.set(t, permute);
  }
  return permute(state);
}

/** circomlib's Poseidon(n) of 1 to 16 field elements. */
export const poseidon = (inputs: bigint[]): bigint => permutation([0n, ...inputs])[0]!;
