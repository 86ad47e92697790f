// Conversations as operators and contracts have them. Twin of twopm_zk/chat/question.py, of the digest in
// twopm_zk/conversation/transcript.py, and of twopm_zk/conversation/receipt.py.
import { sha256 } from "@noble/hashes/sha2";
import { encode, hex, padded } from "./envelope";

export interface Message {
  role: "system" | "user" | "assistant";
  content: string;
}

export interface Question {
  messages: Message[];
  /** 32 bytes, in hexadecimal: draws follow from them, and they hide what was said behind its digest. */
  seed: string;
  /** Thousandths. */
  temperature: number;
  maxTokens: number;
}

export interface Transcript {
  format: string;
  model: string;
  adapter?: string;
  seed: string;
  temperature: number;
  max_tokens: number;
  prompt: number[];
  answer: number[];
}

export interface Receipt {
  chain_id: string;
  contract: string;
  network: string;
  request: string;
  user: string;
  operator: string;
  model: string;
  adapter: string;
  transcript: string;
  penalty: string;
  issued: number;
}

/** What is kept of an answer: the file that `twopm-zk converse verify` takes. */
export interface Kept {
  format: string;
  receipt: Receipt;
  signature: string;
  transcript: Transcript;
}

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
const bytesOf = (text: string): Uint8Array => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));

/** 32 fresh bytes, in hexadecimal. */
export const freshSeed = (): string => hex(crypto.getRandomValues(new Uint8Array(32)));

/** The question as it is sealed. */
export const encodeQuestion = (question: Question, network: number, issued: number): Uint8Array =>
  padded({
    messages: question.messages.map(({ role, content }) => ({ role, content })),
    seed: question.seed,
    temperature: question.temperature,
    max_tokens: question.maxTokens,
    network,
    issued,
  });

/** The commitment to a sealed content, which the envelope's header has. */
export const subjectOf = (content: Uint8Array): bigint =>
  BigInt(`0x${hex(sha256(new Uint8Array([...ascii("twopm-zk sealed question 1"), ...content])))}`);

/** Numbers as 4 bytes each, big-endian. */
function words(numbers: number[]): Uint8Array {
  const found = new DataView(new ArrayBuffer(4 * numbers.length));
  numbers.forEach((number, index) => found.setUint32(4 * index, number));
  return new Uint8Array(found.buffer);
}

/** The digest of a transcript, in hexadecimal: what a receipt commits to. */
export function transcriptDigest(transcript: Transcript): string {
  const total = sha256.create().update(ascii("twopm-zk conversation transcript 1"));
  const parts = [
    bytesOf(transcript.seed),
    bytesOf(transcript.model),
    words([transcript.temperature, transcript.max_tokens]),
    words(transcript.prompt),
    words(transcript.answer),
    ...(transcript.adapter === undefined ? [] : [bytesOf(transcript.adapter)]),
  ];
  for (const part of parts) {
    const length = new DataView(new ArrayBuffer(8));
    length.setBigUint64(0, BigInt(part.length));
    total.update(new Uint8Array(length.buffer)).update(part);
  }
  return hex(total.digest());
}

/** What the operator signs (EIP-712). */
export const receiptTypedData = (receipt: Receipt) =>
  ({
    domain: {
      name: "twopm-zk conversation",
      version: "1",
      chainId: Number(receipt.chain_id),
      verifyingContract: receipt.contract as `0x${string}`,
    },
    types: {
      Receipt: [
        { name: "networkId", type: "uint256" },
        { name: "requestId", type: "uint256" },
        { name: "user", type: "address" },
        { name: "operator", type: "address" },
        { name: "model", type: "bytes32" },
        { name: "adapter", type: "bytes32" },
        { name: "transcript", type: "bytes32" },
        { name: "penalty", type: "uint96" },
        { name: "issued", type: "uint48" },
      ],
    },
    primaryType: "Receipt",
    message: {
      networkId: BigInt(receipt.network),
      requestId: BigInt(receipt.request),
      user: receipt.user as `0x${string}`,
      operator: receipt.operator as `0x${string}`,
      model: `0x${receipt.model}`,
      adapter: `0x${receipt.adapter}`,
      transcript: `0x${receipt.transcript}`,
      penalty: BigInt(receipt.penalty),
      issued: receipt.issued,
    },
  }) as const;

/** The file of a kept answer. */
export const keptFile = (kept: Kept): string => encode(kept as unknown as Record<string, unknown>);
