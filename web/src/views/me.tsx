// One account: what is asked of it now, its stake, its requests, and what it is owed.
import { useState } from "preact/hooks";
import type { Account, RequestEntry } from "../client";
import { ether, moment, money } from "../format";
import { AddressText, Deadline, Facts, Problem, Table, Waiting } from "../parts/basics";
import { WalletBox } from "../parts/walletBox";
import { useAction } from "../state/action";
import { Link } from "../state/router";
import { chainNow, client, useLoaded, useStatus } from "../state/server";
import { useStore } from "../state/store";
import { loadAsking, wallet } from "../wallet/connection";
import type { Wallet } from "../wallet/wallet";

const ADDRESS = /^0x[0-9a-fA-F]{40}$/;

export function MeView() {
  const connected = useStore(wallet);
  const [typed, setTyped] = useState("");
  const [shown, setShown] = useState<string | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const address = shown ?? connected?.address ?? null;
  const look = (event: Event) => {
    event.preventDefault();
    const text = typed.trim();
    const right = ADDRESS.test(text);
    setProblem(right || text === "" ? null : "An address is 0x and 40 hexadecimal digits.");
    setShown(right ? text : null);
  };
  return (
    <>
      <h1>My account</h1>
      <WalletBox />
      <form class="inline" onSubmit={look} noValidate>
        <label for="address">Or any account's address</label>
        <input
          id="address"
          type="text"
          spellcheck={false}
          autocomplete="off"
          value={typed}
          aria-invalid={problem !== null}
          aria-describedby={problem === null ? undefined : "address-error"}
          onInput={(event) => setTyped(event.currentTarget.value)}
        />
        <button>Look</button>
        {problem !== null && (
          <p class="bad-text" id="address-error" role="alert">
            {problem}
          </p>
        )}
      </form>
      {address === null ? (
        <p>Connect a wallet or type an address to see what is asked of it, its stake, its requests and its fees.</p>
      ) : (
        <AccountPart
          address={address}
          own={connected?.address.toLowerCase() === address.toLowerCase() ? connected : null}
        />
      )}
    </>
  );
}

function AccountPart({ address, own }: { address: string; own: Wallet | null }) {
  const status = useStatus();
  const loaded = useLoaded(
    `account ${address}`,
    () => client.account(address),
    () => true,
  );
  const { busy, problem, doing } = useAction();
  const [told, setTold] = useState("");
  const account = loaded.data;
  if (account === null) return <Waiting of={loaded} what="the account" />;

  const act = async (what: string, todo: (wallet: Wallet) => Promise<unknown>) => {
    setTold(`${what}: look at your wallet…`);
    const done = await doing(() => todo(own!));
    setTold(done ? `${what}: done.` : "");
    if (done) loaded.reload();
  };
  const send = (what: string, name: string, args: unknown[]) =>
    act(what, async (using) => using.mined(await using.send("InferenceContract", name, args)));
  const disabled = busy || own === null || !own.onRightChain;

  return (
    <>
      <p>
        <AddressText of={address} /> {own === null && "(not the wallet's account: to look at only)"}
      </p>
      <p role="status">{told}</p>
      <Problem text={problem ?? loaded.error} />
      <section aria-labelledby="asked">
        <h2 id="asked">What is asked of it now</h2>
        <AskedOf account={account} />
      </section>
      <section aria-labelledby="stake">
        <h2 id="stake">Stake</h2>
        <Facts
          items={[
            ["At stake", ether(account.stake)],
            ["Needed for answers due", ether(account.obligations)],
            ["Locked until", account.locked_until ? moment(account.locked_until) : "not locked"],
          ]}
        />
        <p class="small">
          <code>twopm-zk stake add</code> and <code>twopm-zk stake unstake</code> change it.
        </p>
      </section>
      <section aria-labelledby="fees">
        <h2 id="fees">Fees</h2>
        <ul class="plain">
          {account.claims.map((claim) => (
            <li key={claim.network}>
              {money(claim.amount, claim.token, status)} of{" "}
              <Link href={`/networks/${claim.network}`}>network {claim.network}</Link>, as a data owner{" "}
              <button
                type="button"
                disabled={disabled || BigInt(claim.amount) === 0n}
                onClick={() => send("Claim", "claim", [BigInt(claim.network), address])}
              >
                Claim
              </button>
            </li>
          ))}
          {(["eth", "token"] as const)
            .filter((kind) => kind === "eth" || (status?.token ?? null) !== null)
            .map((kind) => (
              <li key={kind}>
                {money(account.owed[kind], kind === "token", status)} owed{" "}
                <button
                  type="button"
                  disabled={disabled || BigInt(account.owed[kind]) === 0n}
                  onClick={() => send("Withdrawal", "withdraw", [kind === "token", address])}
                >
                  Withdraw {kind === "eth" ? "ETH" : (status?.token?.symbol ?? "")}
                </button>
              </li>
            ))}
        </ul>
      </section>
      <section aria-labelledby="requests">
        <h2 id="requests">Requests</h2>
        {account.requests.length === 0 ? (
          <p>None.</p>
        ) : (
          <Table
            caption="Requests"
            head={["Request", "Network", "State", "Deadline", "Fee", "Operator", "To do"]}
            rows={account.requests.map((entry) => [
              entry.id,
              <Link href={`/networks/${entry.network}`}>Network {entry.network}</Link>,
              entry.state,
              entry.state === "asked" || entry.state === "accepted" ? <Deadline at={entry.deadline} /> : "none",
              money(entry.fee, entry.token, status),
              <AddressText of={entry.operator} />,
              <Refund
                entry={entry}
                disabled={disabled}
                act={() => act("Taking back", async (using) => (await loadAsking()).takeBack(using, entry))}
              />,
            ])}
          />
        )}
      </section>
    </>
  );
}

function AskedOf({ account }: { account: Account }) {
  if (account.asked.length === 0) return <p>Nothing.</p>;
  return (
    <ul class="plain">
      {account.asked.map((one, index) => (
        <li key={index}>
          {one.what}
          {one.deadline ? (
            <>
              {" "}
              <Deadline at={one.deadline} />
            </>
          ) : null}
          {one.task ? (
            <>
              {" "}
              <Link href={`/tasks/${one.task}`}>Task {one.task}</Link>
            </>
          ) : null}
          {one.command ? (
            <>
              : <code>{one.command}</code>
            </>
          ) : null}
        </li>
      ))}
    </ul>
  );
}

function Refund({ entry, disabled, act }: { entry: RequestEntry; disabled: boolean; act: () => void }) {
  const late = chainNow() > entry.deadline;
  if (entry.state !== "asked" && !(entry.state === "accepted" && late)) return <>nothing</>;
  return (
    <button type="button" disabled={disabled} onClick={act} aria-label={`Take back request ${entry.id}`}>
      {entry.state === "asked" ? "Take it back" : "Late: take the fee back"}
    </button>
  );
}
