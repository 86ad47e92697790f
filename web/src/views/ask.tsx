// Asking a network: a form, and two ways to an answer.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Form } from "../client";
import { bytes } from "../format";
import { InsecureBanner, Problem, Waiting } from "../parts/basics";
import { Field, fieldId, rowOf, type Typed } from "../parts/fields";
import { Result } from "../parts/result";
import type { Answer } from "../prediction";
import type { Progress } from "../prover/prover";
import { Link } from "../state/router";
import { client, useLoaded, words } from "../state/server";
import { encodeRow, type Problem as Wrong, RowError } from "../twins/coding";
import { OperatorPart } from "./operator";

type Way = "private" | "operator";

export function AskView({ id }: { id: number }) {
  const form = useLoaded(`form ${id}`, () => client.form(id));
  const network = useLoaded(
    `network ${id}`,
    () => client.network(id),
    (event) => event.type === "network" && event.id === id,
  );
  return (
    <>
      <h1>Ask {network.data?.metadata?.title ?? network.data?.title ?? `network ${id}`}</h1>
      {network.data?.closed && <p class="banner">This network is closed: operators take no new requests.</p>}
      {network.data?.metadata_state === "mismatch" && (
        <p class="banner bad">
          <strong>This network's description does not match its hash on the chain.</strong> Names, units and
          explanations below may be of somebody else: do not trust them.
        </p>
      )}
      {form.data === null ? <Waiting of={form} what="the form" /> : <Asked form={form.data} network={network.data} />}
      <p>
        <Link href={`/networks/${id}`}>What stands behind it</Link>
      </p>
    </>
  );
}

function Asked({ form, network }: { form: Form; network: Parameters<typeof OperatorPart>[0]["network"] | null }) {
  const [typed, setTyped] = useState<Typed>({});
  const [wrong, setWrong] = useState<Wrong[]>([]);
  const [way, setWay] = useState<Way>("private");
  const summary = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (wrong.length > 0) summary.current?.focus();
  }, [wrong]);

  /** The features as the circuit takes them; null where something is wrong, which is shown. */
  const features = (): number[] | null => {
    try {
      const found = encodeRow(form, rowOf(form.inputs, typed));
      setWrong([]);
      return found;
    } catch (error) {
      setWrong(error instanceof RowError ? error.problems : [{ input: null, message: words(error) }]);
      return null;
    }
  };
  const change = (name: string) => (value: string) => {
    setTyped((old) => ({ ...old, [name]: value }));
    setWrong((old) => (old.some((one) => one.input === name) ? old.filter((one) => one.input !== name) : old));
  };

  return (
    <>
      {form.insecure && <InsecureBanner />}
      <form class="ask" noValidate onSubmit={(event) => event.preventDefault()}>
        {wrong.length > 0 && (
          <div class="banner bad" role="alert" tabIndex={-1} ref={summary}>
            <p>Please look at this again:</p>
            <ul>
              {wrong.map((one, index) => (
                <li key={index}>
                  {one.input === null ? (
                    one.message
                  ) : (
                    <a
                      href={`#${fieldId(one.input)}`}
                      onClick={(event) => (
                        event.preventDefault(),
                        document.getElementById(fieldId(one.input!))?.focus()
                      )}
                    >
                      {one.message}
                    </a>
                  )}
                </li>
              ))}
            </ul>
          </div>
        )}
        <div class="fields">
          {form.inputs.map((input) => (
            <Field
              key={input.name}
              input={input}
              value={typed[input.name] ?? ""}
              error={wrong.find((one) => one.input === input.name)?.message ?? null}
              change={change(input.name)}
            />
          ))}
        </div>
        <fieldset class="ways">
          <legend>Who computes</legend>
          <label>
            <input type="radio" name="way" checked={way === "private"} onChange={() => setWay("private")} />
            <span>
              <strong>This browser, in private.</strong> Nothing that you enter leaves this page. No account is needed.
            </span>
          </label>
          <label>
            <input type="radio" name="way" checked={way === "operator"} onChange={() => setWay("operator")} />
            <span>
              <strong>An operator.</strong> It alone sees what you enter, and answers by a deadline. You need a wallet
              with a stake.
            </span>
          </label>
        </fieldset>
        {way === "private" ? (
          <PrivatePart form={form} begun={Object.keys(typed).length > 0} features={features} />
        ) : network === null ? (
          <p role="status">Loading the operators…</p>
        ) : (
          <OperatorPart form={form} network={network} features={features} />
        )}
      </form>
    </>
  );
}

function PrivatePart(props: { form: Form; begun: boolean; features: () => number[] | null }) {
  const { form, begun, features } = props;
  const [busy, setBusy] = useState(false);
  const [loading, setLoading] = useState<Record<string, Progress>>({});
  const [problem, setProblem] = useState<string | null>(null);
  const [answer, setAnswer] = useState<Answer | null>(null);
  const run = useRef(0);
  useEffect(() => () => void ++run.current, []);
  useEffect(() => {
    // while somebody fills in the form, what proves is loaded; whatever fails is told when it is needed
    if (!begun) return;
    const parts = Promise.all([import("../prover/prover"), import("../prediction")]);
    parts.then(([{ prepare }]) => prepare(form.network)).catch(() => undefined);
  }, [begun]);

  const start = async () => {
    const row = features();
    if (row === null) return;
    const mine = ++run.current;
    setBusy(true);
    setProblem(null);
    setAnswer(null);
    setLoading({});
    try {
      const { predictHere } = await import("../prediction");
      const made = await predictHere(form, row, (progress) =>
        setLoading((old) => ({ ...old, [progress.what]: progress })),
      );
      if (mine === run.current) setAnswer(made);
    } catch (error) {
      if (mine === run.current) setProblem(words(error));
    } finally {
      if (mine === run.current) setBusy(false);
    }
  };
  const cancel = async () => {
    ++run.current;
    setBusy(false);
    (await import("../prover/prover")).stop();
  };

  const parts = Object.values(loading);
  const loaded = parts.reduce((sum, part) => sum + part.loaded, 0);
  const known = parts.length > 0 && parts.every((part) => part.total !== null);
  const total = parts.reduce((sum, part) => sum + (part.total ?? 0), 0);
  const complete = known && loaded >= total;
  return (
    <>
      <p class="actions">
        <button type="submit" class="button" onClick={start} disabled={busy}>
          Predict and prove
        </button>
        {busy && (
          <button type="button" class="quiet" onClick={cancel}>
            Stop
          </button>
        )}
      </p>
      <div role="status" class="progress">
        {busy && (
          <>
            <p>
              {parts.length === 0 || complete
                ? "Computing and proving in this browser…"
                : `Loading the prover and its keys, once: ${bytes(loaded)}${known ? ` of ${bytes(total)}` : ""}`}
            </p>
            <progress
              aria-label="Progress"
              value={parts.length === 0 || complete || !known ? undefined : loaded}
              max={total || 1}
            />
          </>
        )}
      </div>
      <Problem text={problem} />
      {answer !== null && (
        <Result
          form={form}
          answer={answer}
          insecure={form.insecure}
          how={`Computed and proven here in ${answer.seconds.toFixed(1)} s; what you entered has not left this page.`}
        />
      )}
    </>
  );
}
