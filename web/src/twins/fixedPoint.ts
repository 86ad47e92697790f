// Reals as integers: q = round(x * 2^fracBits), ties to even. Twin of twopm_zk/numbers/fixed_point.py.
// The integers here are far below 2^53, so that a number holds them exactly.

export interface Format {
  bits: number;
  fracBits: number;
}

export const WEIGHTS: Format = { bits: 32, fracBits: 20 };

export const one = (format: Format): number => 2 ** format.fracBits;
export const bias = (format: Format): number => 2 ** (format.bits - 1);

/** Smallest and largest real that a format holds. */
export const limits = (format: Format): [number, number] => [
  -bias(format) / one(format),
  (bias(format) - 1) / one(format),
];

/** The nearest integer, ties to even; `Math.round` takes ties up. */
export function roundTiesToEven(x: number): number {
  const low = Math.floor(x);
  const rest = x - low; // exact: x and low are within a factor of two, or low is 0 or -1
  if (rest !== 0.5) return rest < 0.5 ? low : low + 1;
  return low % 2 === 0 ? low : low + 1;
}

/** RangeError for what is not finite or does not fit; the message names the value and never shows it. */
export function quantize(x: number, format: Format, name: string): number {
  const scaled = roundTiesToEven(x * one(format));
  if (!Number.isFinite(scaled) || scaled < -bias(format) || scaled >= bias(format)) {
    const [low, high] = limits(format);
    throw new RangeError(`${name} is outside [${low}, ${high}]`);
  }
  return scaled + 0; // never -0
}

/** A signed integer as the unsigned one that a circuit takes. */
export function biased(value: number, format: Format): bigint {
  if (!Number.isInteger(value) || value < -bias(format) || value >= bias(format))
    throw new RangeError(`an integer does not fit ${format.bits} signed bits`);
  return BigInt(value + bias(format));
}
