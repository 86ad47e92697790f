// A message to an operator: encrypted to its published key, signed as typed data by the sender's wallet. Twin of
// twopm_zk/participants/envelope.py and of PredictionInput.encode in participants/messages.py.
import { chacha20poly1305 } from "@noble/ciphers/chacha";
import { x25519 } from "@noble/curves/ed25519";
import { hkdf } from "@noble/hashes/hkdf";
import { sha256 } from "@noble/hashes/sha2";

const VERSION = 2;
const PADDING = 1024;
const INFO = new TextEncoder().encode("twopm-zk envelope v1");
const ANSWER_INFO = new TextEncoder().encode("twopm-zk answer v1");

export interface Header {
  kind: "input" | "conversation";
  chainId: number;
  /** The InferenceContract, or for a question of a conversation the contract that rules on receipts. */
  contract: string;
  /** Number of the request; 0 of a conversation without a fee. */
  task: bigint;
  sender: string;
  recipient: string;
  /** The commitment that the content opens. */
  subject: bigint;
}

export interface Sealed {
  header: Header;
  ephemeral: Uint8Array;
  ciphertext: Uint8Array;
  /** Of which keys of an answer are made; it never leaves this page. */
  answerSecret: Uint8Array;
}

/** JSON with its keys in order and no white space, as twopm_zk/participants/wire.py writes it. */
export const encode = (value: Record<string, unknown>): string =>
  JSON.stringify(value, (_, item) =>
    item !== null && typeof item === "object" && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );

export const headerJson = (header: Header): Record<string, unknown> => ({
  version: VERSION,
  kind: header.kind,
  chain_id: String(header.chainId),
  contract: header.contract,
  task: String(header.task),
  sender: header.sender,
  recipient: header.recipient,
  subject: String(header.subject),
});

/** A document as JSON, padded so that its length tells little of what is in it. */
export function padded(document: Record<string, unknown>): Uint8Array {
  const content = new TextEncoder().encode(encode(document));
  const found = new Uint8Array(Math.ceil(content.length / PADDING) * PADDING).fill(0x20);
  found.set(content);
  return found;
}

/** The opened input. */
export const encodeInput = (features: number[], salt: bigint): Uint8Array =>
  padded({ features: features.map(String), salt: String(salt) });

/** The bytes of a header that encryption authenticates. */
export const authenticated = (header: Header): Uint8Array => new TextEncoder().encode(encode(headerJson(header)));

/** Encrypt to an X25519 key of 32 bytes. Throws where the key has another length or is of low order. */
export function seal(
  header: Header,
  content: Uint8Array,
  recipientKey: Uint8Array,
  secret: Uint8Array = x25519.utils.randomSecretKey(),
): Sealed {
  if (recipientKey.length !== 32) throw new Error(`${header.recipient} has published no X25519 key of 32 bytes.`);
  const ephemeral = x25519.getPublicKey(secret);
  const shared = x25519.getSharedSecret(secret, recipientKey);
  const derived = (info: Uint8Array) => hkdf(sha256, shared, new Uint8Array([...ephemeral, ...recipientKey]), info, 32);
  // the key is used once, so the nonce can be constant
  const cipher = chacha20poly1305(derived(INFO), new Uint8Array(12), authenticated(header));
  return { header, ephemeral, ciphertext: cipher.encrypt(content), answerSecret: derived(ANSWER_INFO) };
}

const HEADER_TYPE = [
  { name: "kind", type: "string" },
  { name: "task", type: "uint256" },
  { name: "sender", type: "address" },
  { name: "recipient", type: "address" },
  { name: "subject", type: "uint256" },
] as const;

const domainOf = (header: Header) =>
  ({
    name: "twopm-zk",
    version: "1",
    chainId: header.chainId,
    verifyingContract: header.contract as `0x${string}`,
  }) as const;

const plain = (header: Header) => ({
  kind: header.kind,
  task: header.task,
  sender: header.sender as `0x${string}`,
  recipient: header.recipient as `0x${string}`,
  subject: header.subject,
});

/** What the sender's wallet signs (EIP-712). */
export const messageTypedData = ({ header, ephemeral, ciphertext }: Sealed) =>
  ({
    domain: domainOf(header),
    types: {
      Header: HEADER_TYPE,
      Message: [
        { name: "header", type: "Header" },
        { name: "ephemeral", type: "bytes32" },
        { name: "ciphertext", type: "bytes" },
      ],
    },
    primaryType: "Message",
    message: { header: plain(header), ephemeral: `0x${hex(ephemeral)}`, ciphertext: `0x${hex(ciphertext)}` },
  }) as const;

/** What the recipient has signed when it took the message. */
export const receiptTypedData = (header: Header) =>
  ({
    domain: domainOf(header),
    types: { Header: HEADER_TYPE, Receipt: [{ name: "header", type: "Header" }] },
    primaryType: "Receipt",
    message: { header: plain(header) },
  }) as const;

/** The body of the request that delivers it. */
export function encodeEnvelope({ header, ephemeral, ciphertext }: Sealed, signature: `0x${string}`): string {
  const document = {
    ephemeral: hex(ephemeral),
    ciphertext: hex(ciphertext),
    signature: signature.slice(2).toLowerCase(),
  };
  return encode({ header: headerJson(header), ...document });
}

export const hex = (bytes: Uint8Array): string => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
