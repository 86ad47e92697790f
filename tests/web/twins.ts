// Reads cases as JSON, and writes what the page's twins make of them. Bundled and run by test_twins.py.
import { readFileSync } from "node:fs";
import type { Form } from "../../web/src/client";
import {
  encodeRow,
  expected,
  type Row,
  RowError,
  shortened,
} from "../../web/src/twins/coding";
import {
  inputCommitment,
  modelCommitment,
} from "../../web/src/twins/commitments";
import {
  encodeEnvelope,
  encodeInput,
  type Header,
  messageTypedData,
  receiptTypedData,
  seal,
} from "../../web/src/twins/envelope";
import { quantize, type Format } from "../../web/src/twins/fixedPoint";
import { statementOf } from "../../web/src/twins/statement";

interface Cases {
  rows: { form: Form; row: Row; salt: string }[];
  lengths: { norm: number; rows: number[][]; format: Format }[];
  reals: { values: number[]; format: Format }[];
  models: { context: string; weights: number[] }[];
  inputs: {
    salt: string;
    features: number[];
    format: Format;
    family: "logistic" | "gaussian";
  }[];
  units: { form: Form; units: number }[];
  messages: {
    header: Header;
    features: number[];
    salt: string;
    key: string;
    secret: string;
  }[];
}

const cases = JSON.parse(readFileSync(0, "utf8")) as Cases;
const fromHex = (text: string) => Uint8Array.from(Buffer.from(text, "hex"));

function row({ form, row, salt }: Cases["rows"][number]): unknown {
  try {
    const features = encodeRow(form, row);
    const statement = statementOf(form, features, BigInt(salt));
    return {
      features,
      commitments: [statement.modelCommitment, statement.inputCommitment],
      inputs: statement.circuitInputs,
    };
  } catch (error) {
    if (!(error instanceof RowError)) throw error;
    return { problems: error.problems };
  }
}

function real(value: number, format: Format): number | null {
  try {
    return quantize(value, format, "x");
  } catch {
    return null;
  }
}

function message({
  header,
  features,
  salt,
  key,
  secret,
}: Cases["messages"][number]): unknown {
  const whole = {
    ...header,
    task: BigInt(header.task),
    subject: BigInt(header.subject),
  };
  const sealed = seal(
    whole,
    encodeInput(features, BigInt(salt)),
    fromHex(key),
    fromHex(secret),
  );
  const text = (_: string, value: unknown) =>
    typeof value === "bigint" ? String(value) : value;
  const typed = {
    message: messageTypedData(sealed),
    receipt: receiptTypedData(whole),
  };
  return {
    envelope: encodeEnvelope(sealed, `0x${"11".repeat(65)}`),
    typed: JSON.stringify(typed, text),
  };
}

const answers = {
  rows: cases.rows.map(row),
  lengths: cases.lengths.map(({ norm, rows, format }) =>
    rows.map((one) => shortened(one, norm, format)),
  ),
  reals: cases.reals.map(({ values, format }) =>
    values.map((value) => real(value, format)),
  ),
  models: cases.models.map(({ context, weights }) =>
    String(modelCommitment(BigInt(context), weights)),
  ),
  inputs: cases.inputs.map((one) =>
    String(
      inputCommitment(BigInt(one.salt), one.features, one.format, one.family),
    ),
  ),
  units: cases.units.map(({ form, units }) => expected(form, units)),
  messages: cases.messages.map(message),
};
process.stdout.write(JSON.stringify(answers));
