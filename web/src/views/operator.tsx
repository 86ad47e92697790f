// The way to an answer through an operator: choose one, connect a wallet, ask, and follow the request.
import { useEffect, useState } from "preact/hooks";
import type { Form, NetworkDetail } from "../client";
import { ether, fee } from "../format";
import { AddressText, Badge, Deadline, Facts, Problem } from "../parts/basics";
import { Result } from "../parts/result";
import { WalletBox } from "../parts/walletBox";
import { useAction } from "../state/action";
import { Link } from "../state/router";
import { useStatus } from "../state/server";
import { useStore } from "../state/store";
import { expected } from "../twins/coding";
import type { Asking, Step } from "../wallet/asking";
import { loadAsking, wallet } from "../wallet/connection";
import { Store } from "../state/store";

type Module = Awaited<ReturnType<typeof loadAsking>>;
const loaded = new Store<Module | null>(null); // what talks to wallets, once it was needed
const nothing = new Store<Asking | null>(null);

export function OperatorPart(props: { form: Form; network: NetworkDetail; features: () => number[] | null }) {
  const { form, network, features } = props;
  const status = useStatus();
  const connected = useStore(wallet);
  const module = useStore(loaded);
  const present = useStore(module?.asking ?? nothing);
  const offers = network.operators.filter((one) => one.endpoint);
  const [chosen, choose] = useState<string | null>(null);
  const { busy, problem, doing } = useAction();
  const operator = offers.find((one) => one.address === chosen) ?? offers[0];

  // an input that is committed to and not delivered is nowhere but here
  const fragile =
    present !== null && present.transaction !== undefined && present.step !== "done" && present.step !== "over";
  useEffect(() => {
    if (!fragile || present.receipt !== undefined) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener("beforeunload", ask);
    return () => removeEventListener("beforeunload", ask);
  }, [fragile, present?.receipt]);

  const begin = () => {
    const row = features();
    if (row === null || connected === null || operator === undefined) return;
    void doing(async () => {
      const parts = await loadAsking();
      loaded.set(parts);
      parts.begin(connected, form, row, {
        operator: operator.address,
        verifierId: operator.verifier_id,
        fee: BigInt(network.terms.fee),
        token: network.token,
      });
      await parts.advance(connected);
    });
  };
  const goOn = () => doing(() => module!.advance(connected!));
  const takeBack = () =>
    doing(async () => {
      await module!.takeBack(connected!, present!.entry!);
      module!.asking.set({ ...present!, step: "over", entry: { ...present!.entry!, state: "refunded" } });
    });

  if (present !== null && present.form.network === form.network)
    return (
      <>
        <WalletBox />
        <Course asking={present} busy={busy} />
        <Problem text={problem} />
        {!busy && connected !== null && present.step !== "done" && present.step !== "over" && (
          <p class="actions">
            <button type="button" class="button" onClick={goOn}>
              Go on
            </button>
          </p>
        )}
        {present.step === "over" && <Over asking={present} busy={busy} takeBack={takeBack} />}
        {present.step === "done" && (
          <Result
            form={present.form}
            answer={{
              expected: expected(present.form, present.entry!.prediction!),
              units: present.entry!.prediction!,
              proof: present.entry!.proof!,
              public: present.entry!.public!,
              key: present.key ?? null,
              seconds: 0,
            }}
            insecure={present.form.insecure || present.entry!.insecure === true}
            how="The operator answered on the chain, and the contract has verified its proof."
          />
        )}
        <p>
          <button type="button" class="quiet" onClick={() => module!.asking.set(null)} disabled={busy}>
            {present.step === "done" || present.step === "over" ? "Ask something else" : "Give this request up"}
          </button>{" "}
          {fragile && "A request that you give up can be taken back under "}
          {fragile && <Link href="/me">My account</Link>}
        </p>
      </>
    );

  return (
    <>
      {offers.length === 0 ? (
        <p>No operator of this network can be reached now. This browser can compute the answer in private.</p>
      ) : (
        <fieldset class="ways">
          <legend>Operator</legend>
          {offers.map((one) => (
            <label key={one.address}>
              <input
                type="radio"
                name="operator"
                checked={operator?.address === one.address}
                onChange={() => choose(one.address)}
              />
              <span>
                <AddressText of={one.address} />, {ether(one.stake)} at stake
                {one.insecure && (
                  <>
                    {" "}
                    <Badge tone="bad">insecure keys</Badge>
                  </>
                )}
              </span>
            </label>
          ))}
        </fieldset>
      )}
      <Facts
        items={[
          ["Fee, at most", fee(network.terms.fee, network.token, status)],
          ["Your stake must be", ether(network.terms.user_stake)],
        ]}
      />
      <WalletBox />
      <p class="actions">
        <button
          type="submit"
          class="button"
          onClick={begin}
          disabled={busy || connected === null || !connected.onRightChain || operator === undefined || network.closed}
        >
          Ask the operator
        </button>
      </p>
      <Problem text={problem} />
    </>
  );
}

const STEPS: [Step, string][] = [
  ["prepare", "Stake and terms are looked at"],
  ["approve", "The contract may take the fee"],
  ["ask", "The request is on the chain"],
  ["deliver", "The operator has signed for your input"],
  ["wait", "The operator answers"],
  ["check", "The proof is verified in this browser"],
];

/** Which steps are done, and which one it is at. */
function Course({ asking, busy }: { asking: Asking; busy: boolean }) {
  const steps = STEPS.filter(([step]) => step !== "approve" || (asking.token && asking.fee > 0n));
  const order = [...steps.map(([step]) => step), "done"];
  const at = asking.step === "over" ? order.indexOf("wait") : order.indexOf(asking.step);
  return (
    <section aria-labelledby="request">
      <h2 id="request">{asking.request === undefined ? "Your request" : `Request ${asking.request}`}</h2>
      <div role="status">
        <ol class="steps">
          {steps.map(([step, text], index) => {
            const state = index < at ? "done" : index === at && asking.step !== "over" ? "now" : "";
            return (
              <li key={step} class={state} aria-current={state === "now" ? "step" : undefined}>
                {text}
                {state === "done" && <span class="good-text"> done</span>}
                {state === "now" && busy && (step === "wait" ? "…" : ": look at your wallet…")}
              </li>
            );
          })}
        </ol>
      </div>
      {asking.step === "wait" && asking.entry && (
        <p>
          The operator {asking.entry.state === "asked" ? "has to accept" : "has accepted, and has to answer"}{" "}
          <Deadline at={asking.entry.deadline} />.
        </p>
      )}
    </section>
  );
}

function Over({ asking, busy, takeBack }: { asking: Asking; busy: boolean; takeBack: () => void }) {
  const entry = asking.entry!;
  if (entry.state === "refunded" || entry.state === "late")
    return (
      <p class="banner">
        The request is over without an answer. Its fee is yours again: withdraw it under{" "}
        <Link href="/me">My account</Link>.
      </p>
    );
  return (
    <div class="banner bad" role="alert">
      <p>
        {entry.state === "asked"
          ? "The operator has not accepted the request in time."
          : "The operator accepted the request and has not answered in time. Taking the fee back also costs it the penalty."}
      </p>
      <button type="button" onClick={takeBack} disabled={busy}>
        Take the fee back
      </button>
    </div>
  );
}
