// A question to an operator, sealed to the key that it has on the chain, and its answer, held to the receipt it comes with.
import { type Hex, hexToBytes, recoverTypedDataAddress } from "viem";
import { client, status } from "../state/server";
import { AnswerOpener, answerKey, saltOf } from "../twins/answer";
import {
  encodeQuestion,
  type Kept,
  type Question,
  receiptTypedData,
  subjectOf,
  transcriptDigest,
} from "../twins/conversation";
import { encodeEnvelope, type Header, messageTypedData, seal } from "../twins/envelope";
import { type Wallet, WalletError } from "./wallet";

const FRESH_SECONDS = 600;

/** The contract that rules on receipts. */
const contract = (): string => {
  const { contracts } = status.value!;
  return contracts["ConversationContract"]!;
};

/**
 * Ask; `heard` gets the pieces of the answer as they come.
 *
 * Resolves to what is kept of the answer, once its receipt was found to be the one that was asked for. Throws in words.
 */
export async function converse(
  wallet: Wallet,
  question: Question,
  heard: (piece: string) => void,
  signal: AbortSignal,
): Promise<Kept> {
  const { network, operator } = status.value!.conversation!;
  const member = await wallet.read<{ since: bigint; publicKey: Hex }>("IdentityContract", "memberOf", [operator]);
  if (member.since === 0n) throw new WalletError("other", "The operator has published no key on the chain.");
  const content = encodeQuestion(question, network, Math.floor(Date.now() / 1000));
  const header: Header = {
    kind: "conversation",
    chainId: status.value!.chain.id,
    contract: contract(),
    task: 0n,
    sender: wallet.address,
    recipient: operator,
    subject: subjectOf(content),
  };
  const sealed = seal(header, content, hexToBytes(member.publicKey));
  const signature = await wallet.sign(messageTypedData(sealed));
  const documents = client.answer({ sealed: JSON.parse(encodeEnvelope(sealed, signature)) }, signal);
  const first = await documents.next();
  if (first.done) throw new WalletError("other", "The answer is empty.");
  const opener = new AnswerOpener(answerKey(sealed.answerSecret, header, saltOf(first.value)));
  for await (const document of documents) {
    const found = opener.open(document);
    if (typeof found.text === "string") heard(found.text);
    if (typeof found.error === "string")
      throw new WalletError("other", `The operator could not answer: ${found.error.slice(0, 300)}`);
    if (!opener.ended) continue;
    const kept = found.kept as Kept;
    await requireReceipt(wallet, kept, question, header, network);
    return kept;
  }
  throw new WalletError("other", "The answer was cut off: do not rely on it.");
}

/** Throws unless the receipt is the operator's, and says what was asked, where, and for whom. */
async function requireReceipt(
  wallet: Wallet,
  kept: Kept,
  question: Question,
  header: Header,
  network: number,
): Promise<void> {
  const { receipt, transcript } = kept;
  const signer = await recoverTypedDataAddress({
    ...receiptTypedData(receipt),
    signature: `0x${kept.signature}`,
  } as never).catch(() => "");
  const { terms } = await wallet.read<{ terms: { penalty: bigint } }>("NetworkRegistry", "networkOf", [network]);
  const checks: [string, boolean][] = [
    ["it is not signed by the operator", signer === header.recipient && receipt.operator === header.recipient],
    [
      "it is of another transcript",
      receipt.transcript === transcriptDigest(transcript) &&
        receipt.model === transcript.model &&
        receipt.adapter === (transcript.adapter ?? "0".repeat(64)),
    ],
    ["it is for somebody else", receipt.user === header.sender && receipt.request === "0"],
    [
      "it is of another chain, contract or network",
      receipt.chain_id === String(header.chainId) &&
        receipt.contract === header.contract &&
        receipt.network === String(network),
    ],
    [
      "it has another seed, temperature or limit",
      transcript.seed === question.seed &&
        transcript.temperature === question.temperature &&
        transcript.max_tokens === question.maxTokens,
    ],
    ["the operator stands for it with another penalty than the network's", BigInt(receipt.penalty) === terms.penalty],
    ["it is of another time", Math.abs(receipt.issued - Date.now() / 1000) <= FRESH_SECONDS],
  ];
  const wrong = checks.find(([, holds]) => !holds);
  if (wrong !== undefined)
    throw new WalletError("other", `The answer's receipt is not what was asked for, do not rely on it: ${wrong[0]}.`);
}
