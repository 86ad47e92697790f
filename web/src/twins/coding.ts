// From what a person has typed to the integers of the circuit. Twin of twopm_zk/rows/coding.py, rows/batches.py
// (quantized), rows/clipping.py and prediction/requests.py (quantized_row), for one row without a label.
import type { Form, FormColumn, FormInput } from "../client";
import { bias, type Format, limits, one, quantize } from "./fixedPoint";

export type Cell = number | string | null;
export type Row = Record<string, Cell>;

/** What is wrong with one input, or with a column of the model that is computed from several. */
export interface Problem {
  /** Name of the input; null where no single input is to blame. */
  input: string | null;
  message: string;
}

/** All that is wrong with a row; the messages never show its values. */
export class RowError extends Error {
  constructor(readonly problems: Problem[]) {
    super(problems.map((problem) => problem.message).join(" "));
    this.name = "RowError";
  }
}

const ROUNDING = 1e-9; // how far a column that is computed may leave its ends, by what doubles round
const INWARD = 1 - 1e-12; // likewise, of a row that is shortened

export const formatOf = (form: Form): Format => ({ bits: form.x_bits, fracBits: form.x_frac });

/** Quantised features, padded with zeros to the circuit's width. Throws RowError with every problem. */
export function encodeRow(form: Form, row: Row): number[] {
  const format = formatOf(form);
  const problems: Problem[] = [];
  const factors = new Map<string, number>();
  const wrong = new Map<string, string>(); // the input to blame, by factor
  for (const input of form.inputs) {
    const found = factorsOf(input, row[input.name] ?? null, problems);
    for (const [name, value] of found.factors) {
      factors.set(name, value);
      if (found.wrong) wrong.set(name, input.name);
    }
  }
  const plain = new Set(form.inputs.filter(isPlain).map((input) => input.name));
  const features = form.columns.map((column) => {
    let value = 1;
    for (const [name, power] of column.factors) value *= factors.get(name)! ** power;
    if (column.factors.some(([name]) => wrong.has(name))) return 0;
    const own = isAlone(column) && plain.has(column.name);
    const ends = [column.low, column.high].filter((end) => end !== null).map(Math.abs);
    const leeway = own ? 0 : ROUNDING * Math.max(0, ...ends);
    const [low, high] = columnLimits(column, format);
    if (!(value >= low - leeway && value <= high + leeway)) {
      const message = own
        ? `${labelOf(form, column.name)} must be ${rangeText(low, high)}.`
        : `${column.name}, which is computed from what you entered, is outside what the model takes.`;
      problems.push({ input: own ? column.name : null, message });
      return 0;
    }
    return (value - column.centre) / column.scale;
  });
  if (problems.length > 0) throw new RowError(problems);
  const whole = features.map((value, k) => quantize(value, format, form.columns[k]!.name));
  const kept = form.clip === null || form.clip === undefined ? whole : shortened(whole, form.clip, format);
  return [...kept, ...Array<number>(form.features - kept.length).fill(0)];
}

const isPlain = (input: FormInput): boolean =>
  input.kind === "number" && !input.missing && !input.transform && !input.winsorise;
const isAlone = (column: FormColumn): boolean =>
  column.factors.length === 1 && column.factors[0]![0] === column.name && column.factors[0]![1] === 1;
const labelOf = (form: Form, name: string): string => form.inputs.find((input) => input.name === name)?.label || name;

/** A range in words, without ends that there are not. */
export function rangeText(low: number | null, high: number | null): string {
  const shown = (value: number): string => String(Number(value.toPrecision(6)));
  if (low === null) return high === null ? "a number" : `at most ${shown(high)}`;
  return high === null ? `at least ${shown(low)}` : `from ${shown(low)} to ${shown(high)}`;
}

/** What columns of the model are made of, from one cell. */
function factorsOf(input: FormInput, cell: Cell, problems: Problem[]): { factors: [string, number][]; wrong: boolean } {
  const label = input.label || input.name;
  const problem = (message: string) => problems.push({ input: input.name, message }) > 0;
  const indicator: [string, number][] = input.missing ? [[`${input.name}[missing]`, cell === null ? 1 : 0]] : [];
  if (input.kind === "category") {
    const levels = input.categories.map((category) => category.value);
    const chosen = cell === null && input.missing ? input.missing_value : cell;
    const place = chosen === null ? -1 : levels.indexOf(String(chosen));
    const wrong =
      chosen === null ? problem(`Choose ${label}.`) : place < 0 && problem(`${label}: choose one of the list.`);
    const dummies = levels
      .slice(1)
      .map((level, k): [string, number] => [`${input.name}[${level}]`, +(place === k + 1)]);
    return { factors: [...dummies, ...indicator], wrong };
  }
  let value = cell === null && input.missing ? input.missing_value : cell;
  let wrong = false;
  if (value === null) wrong = problem(`Enter ${label}.`);
  else if (typeof value !== "number" || !Number.isFinite(value)) wrong = problem(`${label} must be a number.`);
  else if (outside(value, input)) wrong = problem(`${label} must be ${rangeText(input.minimum, input.maximum)}.`);
  let number = wrong ? 0 : (value as number);
  if (!wrong && input.winsorise) number = Math.min(Math.max(number, input.winsorise[0]), input.winsorise[1]);
  if (!wrong && input.transform === "log1p") number = Math.log1p(number);
  return { factors: [[input.name, number], ...indicator], wrong };
}

const outside = (value: number, input: FormInput): boolean =>
  (input.minimum !== null && value < input.minimum) || (input.maximum !== null && value > input.maximum);

/** Smallest and largest value of a column, by its own range and by what the format reaches. */
function columnLimits(column: FormColumn, format: Format): [number, number] {
  const half = 0.5 / one(format);
  const [least, most] = limits(format);
  const ends = [column.centre + column.scale * (least - half), column.centre + column.scale * (most + half)];
  ends.sort((a, b) => a - b);
  return [Math.max(ends[0]!, column.low ?? -Infinity), Math.min(ends[1]!, column.high ?? Infinity)];
}

/** The row, scaled down to a norm that it must not exceed, each cell rounded towards 0. */
export function shortened(features: number[], norm: number, format: Format): number[] {
  const square = features.reduce((sum, x) => sum + x * x, 0); // exact: far below 2^53
  let most = norm * one(format);
  let twice = 0n;
  for (; !Number.isInteger(most); most *= 2) twice += 2n;
  if (BigInt(square) << twice <= BigInt(most) ** 2n) return features;
  const factor = (norm * one(format) * INWARD) / Math.sqrt(square);
  return features.map((x) => Math.trunc(x * factor) + 0);
}

/** What a prediction of the circuit says: a probability, or a label in its own unit. */
export function expected(form: Form, units: number): number {
  if (form.family === "logistic") return units / 65536;
  return form.output.centre + (form.output.scale * (units - bias({ bits: 32, fracBits: 16 }))) / 65536;
}
