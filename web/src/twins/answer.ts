// An answer that only one reader can read: pieces under a key of this one answer, counted, and the last one marked.
// Twin of twopm_zk/chat/sealed.py.
import { chacha20poly1305 } from "@noble/ciphers/chacha";
import { hkdf } from "@noble/hashes/hkdf";
import { sha256 } from "@noble/hashes/sha2";
import { authenticated, type Header } from "./envelope";

const INFO = new TextEncoder().encode("twopm-zk answer stream v1");
const HEX = /^(?:[0-9a-f]{2})+$/;

/** The key of one answer; the operator draws `salt` for it. */
export const answerKey = (secret: Uint8Array, header: Header, salt: Uint8Array): Uint8Array =>
  hkdf(sha256, secret, salt, new Uint8Array([...INFO, ...authenticated(header)]), 32);

function bytesOf(value: unknown): Uint8Array {
  if (typeof value !== "string" || !HEX.test(value)) throw new Error("The answer is not understood.");
  return Uint8Array.from(value.match(/../g)!, (pair) => parseInt(pair, 16));
}

/** The salt that an answer begins with. */
export function saltOf(document: Record<string, unknown>): Uint8Array {
  const found = bytesOf(document.salt);
  if (found.length !== 32) throw new Error("The answer is not understood.");
  return found;
}

export class AnswerOpener {
  #count = 0n;
  /** Whether the last piece was read. */
  ended = false;

  constructor(readonly key: Uint8Array) {}

  /** The next piece's document. Throws where one is missing, was moved or changed, or comes after the end. */
  open(piece: Record<string, unknown>): Record<string, unknown> {
    const last = piece.last === true;
    const nonce = new DataView(new ArrayBuffer(12));
    nonce.setUint8(0, last ? 1 : 0);
    nonce.setBigUint64(4, this.#count);
    let content: Uint8Array;
    try {
      if (this.ended) throw new Error();
      content = chacha20poly1305(this.key, new Uint8Array(nonce.buffer)).decrypt(bytesOf(piece.sealed));
    } catch {
      throw new Error("A piece of the answer is missing, or was changed on its way: do not rely on it.");
    }
    this.#count += 1n;
    this.ended = last;
    return JSON.parse(new TextDecoder().decode(content)) as Record<string, unknown>;
  }
}
