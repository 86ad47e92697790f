// Asking an operator, step by step. Whatever stops it (a wallet that refuses, another account or chain, a server that
// does not answer) leaves all that was done before, and `advance` goes on from there.
import { type Address, hexToBytes, parseEventLogs, recoverTypedDataAddress, type Hex } from "viem";
import { type Form, type RequestEntry, TwopmError } from "../client";
import { verify } from "../prover/prover";
import { chainNow, client, onEvent, status } from "../state/server";
import { Store } from "../state/store";
import { randomScalar } from "../twins/commitments";
import {
  encodeEnvelope,
  encodeInput,
  type Header,
  headerJson,
  receiptTypedData,
  seal,
  messageTypedData,
} from "../twins/envelope";
import { type Statement, statementOf } from "../twins/statement";
import { type Wallet, WalletError } from "./wallet";

export type Step = "prepare" | "approve" | "ask" | "deliver" | "wait" | "check" | "done" | "over";

export interface Asking {
  form: Form;
  operator: string;
  verifierId: number;
  /** The most that is paid, in wei or units of the token: what was shown. */
  fee: bigint;
  token: boolean;
  account: Address;
  step: Step;
  statement: Statement;
  features: number[];
  salt: bigint;
  approval?: Hex;
  transaction?: Hex;
  request?: bigint;
  /** The operator's signature under what it took; shows that it had the input. */
  receipt?: unknown;
  entry?: RequestEntry;
  /** The verification key, once the answer was checked with it. */
  key?: Record<string, unknown>;
}

const PATIENCE_MS = 60_000;

/** The one request that is on its way; it stays while one looks at other views. */
export const asking = new Store<Asking | null>(null);

/** Begin; nothing is sent yet. */
export function begin(
  wallet: Wallet,
  form: Form,
  features: number[],
  offer: { operator: string; verifierId: number; fee: bigint; token: boolean },
): void {
  const salt = randomScalar();
  const statement = statementOf(form, features, salt);
  asking.set({ form, ...offer, account: wallet.address, step: "prepare", statement, features, salt });
}

const change = (part: Partial<Asking>): Asking => {
  const next = { ...asking.value!, ...part };
  asking.set(next);
  return next;
};

/** Go on with the request from where it is, until it is over. Throws in words what stopped it. */
export async function advance(wallet: Wallet): Promise<void> {
  if (wallet.address !== asking.value!.account)
    throw new WalletError(
      "account-changed",
      `You asked as ${asking.value!.account}; the wallet's account is now ${wallet.address}. Choose the first in the wallet and go on.`,
    );
  const steps: Partial<Record<Step, (now: Asking, wallet: Wallet) => Promise<void>>> = {
    prepare,
    approve,
    ask,
    deliver,
    wait,
    check,
  };
  for (let act = steps[asking.value!.step]; act; act = steps[asking.value!.step]) await act(asking.value!, wallet);
}

/** The stake, the money and the offer, before anything is signed. */
async function prepare(now: Asking, wallet: Wallet): Promise<void> {
  const [network, stake] = await Promise.all([
    client.network(now.form.network),
    wallet.read<bigint>("StakingContract", "stakeOf", [now.account]),
  ]);
  if (network.closed) throw new WalletError("other", "The network has been closed: it takes no new requests.");
  if (BigInt(network.terms.fee) > now.fee)
    throw new WalletError("other", "The fee has risen since you saw it. Reload the page, look at it, and ask again.");
  if (stake < BigInt(network.terms.user_stake)) {
    const { ether } = await import("../format");
    throw new WalletError(
      "other",
      `This network answers accounts with ${ether(network.terms.user_stake)} at stake; ${now.account} has ${ether(stake)}. ` +
        "Add to it with `twopm-zk stake add`, and go on.",
    );
  }
  change({ step: now.token && now.fee > 0n ? "approve" : "ask" });
}

const ERC20 = [
  {
    type: "function",
    name: "allowance",
    stateMutability: "view",
    inputs: [{ type: "address" }, { type: "address" }],
    outputs: [{ type: "uint256" }],
  },
  {
    type: "function",
    name: "approve",
    stateMutability: "nonpayable",
    inputs: [{ type: "address" }, { type: "uint256" }],
    outputs: [], // some tokens return nothing
  },
] as const;

/** Let the contract take the fee, and no more. */
async function approve(now: Asking, wallet: Wallet): Promise<void> {
  const token = status.value!.token!.address;
  const spender = status.value!.contracts["InferenceContract"];
  const allowed = await wallet.read<bigint>(token, "allowance", [now.account, spender], ERC20 as never);
  if (allowed < now.fee) {
    const approval = now.approval ?? (await wallet.send(token, "approve", [spender, now.fee], { abi: ERC20 as never }));
    change({ approval });
    await wallet.mined(approval);
  }
  change({ step: "ask" });
}

/** The commitment to the input, and the fee, on the chain. */
async function ask(now: Asking, wallet: Wallet): Promise<void> {
  let { transaction } = now;
  if (transaction === undefined) {
    const { operator, verifierId, fee, statement } = now;
    const args = [BigInt(now.form.network), operator, BigInt(verifierId), [BigInt(statement.inputCommitment)], fee];
    transaction = await wallet.send("InferenceContract", "ask", args, { value: now.token ? 0n : fee });
    change({ transaction });
  }
  let receipt;
  try {
    receipt = await wallet.mined(transaction);
  } catch (error) {
    if (error instanceof WalletError && error.kind === "reverted") change({ transaction: undefined });
    throw error;
  }
  const abi = await wallet.abi("InferenceContract");
  const contract = status.value!.contracts["InferenceContract"]!.toLowerCase();
  const logs = receipt.logs.filter((log) => log.address.toLowerCase() === contract);
  const [event] = parseEventLogs({ abi, logs, eventName: "Asked" }) as unknown as { args: { id: bigint } }[];
  if (event === undefined) throw new WalletError("other", "The transaction was mined without a request in it.");
  change({ request: event.args.id, step: "deliver" });
}

/** The opened input, encrypted to the operator's key as the chain has it, and signed. */
async function deliver(now: Asking, wallet: Wallet): Promise<void> {
  const member = await wallet.read<{ since: bigint; publicKey: Hex }>("IdentityContract", "memberOf", [now.operator]);
  if (member.since === 0n) throw new WalletError("other", "The operator has published no key. Take the request back.");
  const header: Header = {
    kind: "input",
    chainId: status.value!.chain.id,
    contract: status.value!.contracts["InferenceContract"]!,
    task: now.request!,
    sender: now.account,
    recipient: now.operator,
    subject: BigInt(now.statement.inputCommitment),
  };
  const sealed = seal(header, encodeInput(now.features, now.salt), hexToBytes(member.publicKey));
  const signature = await wallet.sign(messageTypedData(sealed));
  const receipt = (await client.deliver(encodeEnvelope(sealed, signature))) as { header: unknown; signature: string };
  await requireReceipt(header, receipt);
  change({ receipt, step: "wait" });
}

async function requireReceipt(header: Header, receipt: { header: unknown; signature: string }): Promise<void> {
  const typed = receiptTypedData(header);
  const same = JSON.stringify(sorted(receipt.header)) === JSON.stringify(sorted(headerJson(header)));
  const signer = await recoverTypedDataAddress({ ...typed, signature: `0x${receipt.signature}` } as never);
  if (!same || signer !== header.recipient)
    throw new WalletError("other", "The operator's receipt is of another message, or not signed by it.");
}

const sorted = (value: unknown): unknown =>
  Object.entries((value ?? {}) as object).sort(([a], [b]) => (a < b ? -1 : 1));

/** Until the operator has answered, or its time is over; a server that fails for a moment ends no wait. */
async function wait(now: Asking): Promise<void> {
  let heard = Date.now();
  for (;;) {
    try {
      const entry = await client.request(Number(now.request));
      heard = Date.now();
      if (asking.value === null) return;
      change({ entry });
      if (entry.state === "answered") return void change({ step: "check" });
      if (entry.state === "late" || entry.state === "refunded" || isLate(entry)) return void change({ step: "over" });
    } catch (error) {
      if (!mayPass(error) || Date.now() - heard > PATIENCE_MS) throw error;
    }
    await nextEvent(Number(now.request));
  }
}

/** Whether a server that says this may answer the next time: it is away, busy, or does not reach the chain. */
const mayPass = (error: unknown): boolean =>
  error instanceof TwopmError && (error.status === 0 || error.status === 429 || error.status >= 500);

export const isLate = (entry: RequestEntry): boolean =>
  (entry.state === "asked" || entry.state === "accepted") && chainNow() > entry.deadline;

/** Something has happened to the request, a block has come, or a few seconds have passed. */
function nextEvent(request: number): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      stop();
      clearTimeout(timer);
      resolve();
    };
    const stop = onEvent(
      (event) => (event.type === "block" || (event.type === "request" && event.id === request)) && end(),
    );
    const timer = setTimeout(end, 4000);
  });
}

/** The answer's proof, verified here too, about this input and this model. */
async function check(now: Asking): Promise<void> {
  const entry = await client.request(Number(now.request)); // anew, so that it can be tried again
  if (!entry.proof || !entry.public)
    throw new WalletError("other", "The server does not give the proof of the answer. Try again.");
  const [model, input, prediction] = entry.public;
  const about = model === now.statement.modelCommitment && input === now.statement.inputCommitment;
  if (!about || prediction !== String(entry.prediction))
    throw new WalletError("other", "The answer's proof is about another model or another input: do not rely on it.");
  if (!(await verify(now.form.network, entry.proof, entry.public)))
    throw new WalletError("other", "The answer's proof does not verify: do not rely on it.");
  change({ entry, key: await client.verificationKey(now.form.network), step: "done" });
}

/** Take the fee back: of a request that was not accepted, or of one that is late: then its operator is slashed, unless the
 * verifier of the answer was retired, which nobody can answer. */
export async function takeBack(wallet: Wallet, entry: RequestEntry): Promise<void> {
  const verifier = await wallet.read<{ retired: boolean }>("VerifierRegistry", "entryOf", [BigInt(entry.verifier_id)]);
  const name = entry.state === "accepted" && !verifier.retired ? "slashLate" : "refund";
  await wallet.mined(await wallet.send("InferenceContract", name, [BigInt(entry.id)]));
}
