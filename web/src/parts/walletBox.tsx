// Connecting a wallet: which there are, which account it gives, and whether it is on the right chain.
import { useState } from "preact/hooks";
import { useAction } from "../state/action";
import { useStatus } from "../state/server";
import { useStore } from "../state/store";
import { loadWallet, wallet } from "../wallet/connection";
import type { Choice } from "../wallet/wallet";
import { AddressText, Problem } from "./basics";

export function WalletBox() {
  const status = useStatus();
  const connected = useStore(wallet);
  const [choices, setChoices] = useState<Choice[] | null>(null);
  const { busy, problem, setProblem, doing } = useAction();

  const connect = (choice: Choice) =>
    doing(async () => {
      await (await loadWallet()).connect(choice, wallet);
      setChoices(null);
    });
  const look = () =>
    doing(async () => {
      const found = await (await loadWallet()).discover();
      if (found.length === 0) {
        setProblem(
          "No wallet was found in this browser. Install one (an EIP-1193 wallet), reload the page, and try again.",
        );
      } else if (found.length === 1) {
        await (await loadWallet()).connect(found[0]!, wallet);
      } else {
        setChoices(found);
      }
    });

  return (
    <section class="wallet" aria-label="Wallet">
      {connected === null ? (
        <p>
          <button type="button" onClick={look} disabled={busy}>
            {busy ? "Asking the wallet…" : "Connect a wallet"}
          </button>
        </p>
      ) : (
        <p>
          {connected.name}: <AddressText of={connected.address} />{" "}
          <button type="button" class="quiet" onClick={() => wallet.set(null)}>
            Forget it
          </button>
        </p>
      )}
      {connected === null && choices !== null && (
        <ul class="choices" aria-label="Wallets in this browser">
          {choices.map((choice) => (
            <li key={choice.id}>
              <button type="button" onClick={() => connect(choice)} disabled={busy}>
                {choice.name}
              </button>
            </li>
          ))}
        </ul>
      )}
      {connected !== null && status !== null && !connected.onRightChain && (
        <div class="banner bad" role="alert">
          <p>
            The wallet is on chain {connected.chainId}; this page is about chain {status.chain.id}.
          </p>
          <button type="button" onClick={() => doing(() => connected.switchChain())} disabled={busy}>
            Switch to chain {status.chain.id}
          </button>
        </div>
      )}
      <Problem text={problem} />
    </section>
  );
}
