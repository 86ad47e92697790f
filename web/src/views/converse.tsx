// Talking with a language model: sealed to its operator, and a receipt of each answer to keep.
import { useEffect, useRef, useState } from "preact/hooks";
import type { ServedConversation } from "../client";
import { AddressText, Facts, Problem } from "../parts/basics";
import { WalletBox } from "../parts/walletBox";
import { useAction } from "../state/action";
import { Link } from "../state/router";
import { useStatus } from "../state/server";
import { Store, useStore } from "../state/store";
import type { Kept, Message } from "../twins/conversation";
import { loadConversing, wallet } from "../wallet/connection";

interface Said extends Message {
  /** Of an answer: what is kept of it, once it is whole. */
  kept?: Kept;
  /** An answer that was stopped or broken off: it is no part of what the model is told next. */
  broken?: boolean;
}

/** The conversation; it is nowhere but in this page, and stays while one looks at other views. */
const said = new Store<Said[]>([]);

export default function ConverseView() {
  const status = useStatus();
  return (
    <>
      <h1>Converse</h1>
      {status === null ? (
        <p role="status">Loading…</p>
      ) : status.conversation === null ? (
        <p>
          This server answers no conversations. <Link href="/">See the networks.</Link>
        </p>
      ) : (
        <Conversation with={status.conversation} />
      )}
    </>
  );
}

function Conversation({ with: served }: { with: ServedConversation }) {
  const connected = useStore(wallet);
  const all = useStore(said);
  const [typed, setTyped] = useState("");
  const [temperature, setTemperature] = useState("0");
  const { busy, problem, setProblem, doing } = useAction();
  const running = useRef<AbortController | null>(null);
  useEffect(() => () => running.current?.abort(), []);

  const send = () => {
    const content = typed.trim();
    const thousandths = Math.round(Number(temperature) * 1000);
    if (content === "" || connected === null || busy) return;
    if (!(thousandths >= 0 && thousandths <= 10_000)) return setProblem("The temperature is a number from 0 to 10.");
    const before = said.value.filter((one) => !one.broken);
    const history: Message[] = [...before, { role: "user", content }].map(({ role, content }) => ({
      role: role as Message["role"],
      content,
    }));
    const stop = (running.current = new AbortController());
    let text = "";
    const show = (change: Partial<Said>) =>
      said.set([...before, { role: "user", content }, { role: "assistant", content: text, ...change }]);
    void doing(async () => {
      const [{ converse }, { freshSeed }] = await Promise.all([loadConversing(), import("../twins/conversation")]);
      const question = { messages: history, seed: freshSeed(), temperature: thousandths, maxTokens: 512 };
      setTyped("");
      try {
        const kept = await converse(
          connected,
          question,
          (piece) => {
            text += piece;
            show({});
          },
          stop.signal,
        );
        show({ kept });
      } catch (error) {
        if (text === "") {
          said.set(before);
          setTyped(content);
        } else show({ broken: true });
        if (!stop.signal.aborted) throw error;
      }
    });
  };

  return (
    <>
      <p class="lead">
        What you say is sealed in this page to <AddressText of={served.operator} />, the operator of{" "}
        <Link href={`/networks/${served.network}`}>network {served.network}</Link>. It signs a receipt for each answer;
        with it anybody whom you give it to can compute the answer again, to the last bit.
      </p>
      <Promises served={served} />
      <WalletBox />
      <ol class="said" aria-label="Conversation" aria-live="polite">
        {all.map((one, index) => (
          <li key={index} class={one.role}>
            <p class="small">{one.role === "user" ? "You" : "The model"}</p>
            <p class="text">{one.content}</p>
            {one.kept !== undefined && <ReceiptPart kept={one.kept} />}
            {one.broken && <p class="small">Broken off: there is no receipt, and it is not told to the model again.</p>}
          </li>
        ))}
      </ol>
      <form class="ask" onSubmit={(event) => event.preventDefault()}>
        <div class="field">
          <label for="message">Your message</label>
          <textarea
            id="message"
            rows={3}
            value={typed}
            onInput={(event) => setTyped(event.currentTarget.value)}
            autocomplete="off"
          />
        </div>
        <div class="field">
          <label for="temperature">Temperature</label>
          <input
            id="temperature"
            type="text"
            inputMode="decimal"
            value={temperature}
            onInput={(event) => setTemperature(event.currentTarget.value)}
            autocomplete="off"
          />
          <p class="small">0 takes the likeliest word each time; higher ones vary.</p>
        </div>
        <p class="actions">
          <button
            type="submit"
            class="button"
            onClick={send}
            disabled={busy || connected === null || !connected.onRightChain || typed.trim() === ""}
          >
            Send
          </button>
          {busy && (
            <button type="button" class="quiet" onClick={() => running.current?.abort()}>
              Stop
            </button>
          )}
          {!busy && all.length > 0 && (
            <button type="button" class="quiet" onClick={() => said.set([])}>
              Begin anew
            </button>
          )}
        </p>
        <p role="status">{busy ? "Your wallet signs the sealed message; then the operator answers…" : ""}</p>
      </form>
      <Problem text={problem} />
    </>
  );
}

function ReceiptPart({ kept }: { kept: Kept }) {
  const save = async () => {
    const { keptFile } = await import("../twins/conversation");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([keptFile(kept)], { type: "application/json" }));
    link.download = `receipt-${kept.receipt.transcript.slice(0, 12)}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  };
  return (
    <p class="small">
      <button type="button" onClick={save}>
        Save the receipt
      </button>{" "}
      Signed by the operator, and of this conversation. It holds all of what was said: keep it where only you can read
      it.
    </p>
  );
}

function Promises({ served }: { served: ServedConversation }) {
  return (
    <details>
      <summary>What is promised, and who can read what</summary>
      <Facts
        items={[
          [
            "The operator",
            "reads all of it while it answers, and keeps nothing; nobody can check that it keeps nothing.",
          ],
          [
            "This server",
            served.sealed_only
              ? "passes on what it cannot read. It sees who asks, when, and how many pieces an answer has."
              : "is the operator's own.",
          ],
          ["The chain", "sees nothing of it, unless you challenge an answer there."],
          ["Whoever votes on a challenge", "reads the conversation that you send them."],
        ]}
      />
      <p>
        The receipt promises that the operator has given this answer to this conversation. Whether it is the model's is
        computed with <code>twopm-zk converse verify receipt.json</code>, on any machine that has the model; this page
        only checks who has signed. Nothing promises that an answer is true or good, and this page comes from the
        server: whoever doubts it asks with <code>twopm-zk converse</code> instead.
      </p>
      {served.digest !== null && <Facts items={[["Model", <code class="long">{served.digest}</code>]]} />}
    </details>
  );
}
