// Reads cases as JSON, and writes what the page's twins of conversations make of them. Run by test_conversation_twins.py.
import { readFileSync } from "node:fs";
import {
  AnswerOpener,
  answerKey,
  saltOf,
} from "../../web/src/twins/answer";
import {
  encodeQuestion,
  type Question,
  type Receipt,
  receiptTypedData,
  subjectOf,
  type Transcript,
  transcriptDigest,
} from "../../web/src/twins/conversation";
import {
  encodeEnvelope,
  type Header,
  hex,
  messageTypedData,
  seal,
} from "../../web/src/twins/envelope";

interface Cases {
  questions: {
    question: Question;
    network: number;
    issued: number;
    header: Header;
    key: string;
    secret: string;
  }[];
  answers: {
    secret: string;
    header: Header;
    documents: Record<string, unknown>[];
  }[];
  transcripts: Transcript[];
  receipts: Receipt[];
}

const cases = JSON.parse(readFileSync(0, "utf8")) as Cases;
const fromHex = (text: string) => Uint8Array.from(Buffer.from(text, "hex"));
const whole = (header: Header): Header => ({
  ...header,
  task: BigInt(header.task),
  subject: BigInt(header.subject),
});
const text = (_: string, value: unknown) =>
  typeof value === "bigint" ? String(value) : value;

function question({
  question,
  network,
  issued,
  header,
  key,
  secret,
}: Cases["questions"][number]): unknown {
  const content = encodeQuestion(question, network, issued);
  const subject = subjectOf(content);
  const sealed = seal(
    { ...whole(header), subject },
    content,
    fromHex(key),
    fromHex(secret),
  );
  return {
    envelope: encodeEnvelope(sealed, `0x${"11".repeat(65)}`),
    answerSecret: hex(sealed.answerSecret),
    typed: JSON.stringify(messageTypedData(sealed), text),
  };
}

function answer({
  secret,
  header,
  documents,
}: Cases["answers"][number]): unknown {
  try {
    const [first, ...rest] = documents;
    const opener = new AnswerOpener(
      answerKey(fromHex(secret), whole(header), saltOf(first!)),
    );
    const found = rest.map((piece) => opener.open(piece));
    return { found, ended: opener.ended };
  } catch (error) {
    return { problem: (error as Error).message };
  }
}

process.stdout.write(
  JSON.stringify({
    questions: cases.questions.map(question),
    answers: cases.answers.map(answer),
    transcripts: cases.transcripts.map(transcriptDigest),
    receipts: cases.receipts.map((receipt) =>
      JSON.stringify(receiptTypedData(receipt), text),
    ),
  }),
);
