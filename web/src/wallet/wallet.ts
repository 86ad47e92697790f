// A wallet in the browser (EIP-1193), found by EIP-6963; a chunk of its own, with viem.
import {
  type Abi,
  type Account,
  type Address,
  BaseError,
  type Client as ViemClient,
  ContractFunctionRevertedError,
  createClient,
  custom,
  type EIP1193Provider,
  getAddress,
  type Hex,
  type TransactionReceipt,
} from "viem";
import {
  getChainId,
  readContract,
  requestAddresses,
  signTypedData,
  simulateContract,
  switchChain,
  waitForTransactionReceipt,
  writeContract,
} from "viem/actions";
import { client, status } from "../state/server";
import type { Store } from "../state/store";

export interface Choice {
  id: string;
  name: string;
  provider: EIP1193Provider;
}

/** What went wrong, in words that say what to do. */
export class WalletError extends Error {
  constructor(
    readonly kind: "refused" | "wrong-chain" | "account-changed" | "reverted" | "other",
    message: string,
  ) {
    super(message);
    this.name = "WalletError";
  }
}

/** The wallets that announce themselves, else the one that older wallets put in the window. */
export async function discover(): Promise<Choice[]> {
  const found = new Map<string, Choice>();
  const note = (event: Event) => {
    const { info, provider } = (
      event as CustomEvent<{ info: { uuid: string; name: string }; provider: EIP1193Provider }>
    ).detail;
    found.set(info.uuid, { id: info.uuid, name: info.name, provider });
  };
  addEventListener("eip6963:announceProvider", note);
  dispatchEvent(new Event("eip6963:requestProvider"));
  await new Promise((resolve) => setTimeout(resolve, 200));
  removeEventListener("eip6963:announceProvider", note);
  const older = (globalThis as { ethereum?: EIP1193Provider }).ethereum;
  if (found.size === 0 && older) found.set("window", { id: "window", name: "the browser's wallet", provider: older });
  return [...found.values()];
}

export class Wallet {
  #abis = new Map<string, Promise<Abi>>();
  #client: ViemClient;

  constructor(
    readonly name: string,
    readonly provider: EIP1193Provider,
    readonly address: Address,
    readonly chainId: number,
  ) {
    this.#client = createClient({ transport: custom(provider), pollingInterval: 1000 });
  }

  /** The same connection with another account or chain: a new object, so that views see the change. */
  changed(to: { address?: Address; chainId?: number }): Wallet {
    return new Wallet(this.name, this.provider, to.address ?? this.address, to.chainId ?? this.chainId);
  }

  get onRightChain(): boolean {
    return this.chainId === status.value?.chain.id;
  }

  /** Ask the wallet to go to the chain that this page is about. */
  async switchChain(): Promise<void> {
    const id = status.value!.chain.id;
    try {
      await switchChain(this.#client, { id });
    } catch (error) {
      if (codeOf(error) === 4902)
        throw new WalletError(
          "wrong-chain",
          `Your wallet does not know chain ${id}. Add it in the wallet, with an RPC endpoint that you trust, and try again.`,
        );
      throw explained(error);
    }
  }

  /** The result of a view function, at the newest block. */
  async read<T>(contract: string, functionName: string, args: readonly unknown[], abi?: Abi): Promise<T> {
    try {
      const found = { address: addressOf(contract), abi: abi ?? (await this.abi(contract)), functionName, args };
      return (await readContract(this.#client, found)) as T;
    } catch (error) {
      throw explained(error);
    }
  }

  /** Send a transaction that has been tried first; its hash, before it is mined. */
  async send(
    contract: string,
    functionName: string,
    args: readonly unknown[],
    { value = 0n, abi }: { value?: bigint; abi?: Abi } = {},
  ): Promise<Hex> {
    try {
      await this.#check();
      const call = {
        address: addressOf(contract),
        abi: abi ?? (await this.abi(contract)),
        functionName,
        args,
        value,
        account: this.address as Address | Account,
        chain: null,
      };
      await simulateContract(this.#client, call as never);
      return await writeContract(this.#client, call as never);
    } catch (error) {
      throw explained(error);
    }
  }

  /** Wait until a transaction is mined. */
  async mined(hash: Hex): Promise<TransactionReceipt> {
    try {
      const receipt = await waitForTransactionReceipt(this.#client, { hash, timeout: 300_000 });
      if (receipt.status !== "success")
        throw new WalletError("reverted", "The transaction was mined and failed; nothing but its gas was spent.");
      return receipt;
    } catch (error) {
      throw explained(error);
    }
  }

  /** Sign typed data (EIP-712), as 65 bytes with v of 27 or 28. */
  async sign(typed: unknown): Promise<Hex> {
    try {
      await this.#check();
      const signature = await signTypedData(this.#client, { account: this.address, ...(typed as object) } as never);
      const v = parseInt(signature.slice(-2), 16);
      return v < 27 ? `${signature.slice(0, -2) as Hex}${(v + 27).toString(16)}` : signature;
    } catch (error) {
      throw explained(error);
    }
  }

  /** The ABI of a contract, from the same build as the page. */
  abi(contract: string): Promise<Abi> {
    let found = this.#abis.get(contract);
    if (found === undefined) {
      found = client.abi(contract) as Promise<Abi>;
      this.#abis.set(contract, found);
      found.catch(() => this.#abis.delete(contract));
    }
    return found;
  }

  /** The wallet is asked again before each signature: it may have changed without an event. */
  async #check(): Promise<void> {
    const wanted = status.value!.chain.id;
    const chainId = await getChainId(this.#client);
    if (chainId !== wanted)
      throw new WalletError(
        "wrong-chain",
        `Your wallet is on chain ${chainId}; this network is on chain ${wanted}. Switch the chain and go on.`,
      );
    const [first] = (await this.provider.request({ method: "eth_accounts" })) as Address[];
    if (first === undefined || getAddress(first) !== this.address)
      throw new WalletError(
        "account-changed",
        `Your wallet's account is not ${this.address} any more. Choose that account in the wallet and go on.`,
      );
  }
}

/** Ask the wallet for an account, keep the connection in `wallet`, and follow what the wallet changes. */
export async function connect(choice: Choice, wallet: Store<Wallet | null>): Promise<Wallet> {
  const { provider } = choice;
  const plain = createClient({ transport: custom(provider) });
  try {
    const [first] = await requestAddresses(plain);
    if (first === undefined) throw new WalletError("refused", "The wallet gave no account. Unlock it and try again.");
    const made = new Wallet(choice.name, provider, getAddress(first), await getChainId(plain));
    provider.on("accountsChanged", (accounts) => {
      const current = wallet.value;
      if (current?.provider !== provider) return;
      wallet.set(accounts[0] === undefined ? null : current.changed({ address: getAddress(accounts[0]) }));
    });
    provider.on("chainChanged", (chainId) => {
      const current = wallet.value;
      if (current?.provider === provider) wallet.set(current.changed({ chainId: Number(chainId) }));
    });
    provider.on("disconnect", () => wallet.value?.provider === provider && wallet.set(null));
    wallet.set(made);
    return made;
  } catch (error) {
    throw explained(error);
  }
}

function addressOf(contract: string): Address {
  if (/^0x[0-9a-fA-F]{40}$/.test(contract)) return contract as Address;
  const found = status.value?.contracts[contract];
  if (found === undefined) throw new WalletError("other", `This deployment has no ${contract}.`);
  return found as Address;
}

const codeOf = (error: unknown): number | undefined => {
  if (error instanceof BaseError) {
    const found = error.walk((one) => typeof (one as { code?: unknown }).code === "number");
    return (found as { code?: number } | null)?.code;
  }
  return (error as { code?: number } | null)?.code;
};

const REVERTS: Record<string, string> = {
  StakeTooLow:
    "The account has too little at stake for this. Add to its stake, with `twopm-zk stake add`, and try again.",
  NotOffered: "The operator does not offer this network any more. Choose another operator.",
  FeeTooHigh: "The fee has risen since you saw it. Reload the page, look at it, and ask again.",
  WrongState: "The request has moved on in the meantime. Reload the page to see where it stands.",
  DeadlineNotReached: "The deadline is not reached yet. Wait until it is, and try again.",
  DeadlinePassed: "The deadline has passed.",
};

/** Any error of a wallet, its endpoint or a contract in words. */
export function explained(error: unknown): WalletError {
  if (error instanceof WalletError) return error;
  if (codeOf(error) === 4001)
    return new WalletError("refused", "You refused in the wallet. Nothing was sent; you can go on where you were.");
  if (error instanceof BaseError) {
    const reverted = error.walk((one) => one instanceof ContractFunctionRevertedError);
    if (reverted instanceof ContractFunctionRevertedError) {
      const name = reverted.data?.errorName ?? reverted.reason ?? "";
      const told = REVERTS[name] ?? `The contract refuses: ${name || "it gives no reason"}.`;
      return new WalletError("reverted", `${told} Nothing was sent.`);
    }
    return new WalletError("other", `The wallet could not do it: ${error.shortMessage}`);
  }
  return new WalletError("other", error instanceof Error ? error.message : String(error));
}
