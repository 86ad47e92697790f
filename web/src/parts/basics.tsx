// Small pieces that several views use.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { duration, moment, short } from "../format";
import { chainNow, type Loaded } from "../state/server";

export function Badge({ tone, children }: { tone: "good" | "bad" | "plain"; children: ComponentChildren }) {
  return <span class={`badge ${tone}`}>{children}</span>;
}

export const INSECURE = "Insecure keys: nothing here is proven to anybody.";

export function InsecureBanner({ what }: { what?: string }) {
  return (
    <p class="banner bad" role="note">
      <strong>{INSECURE}</strong> Somebody may know the secret of {what ?? "the keys"}, and whoever knows it can prove
      anything under them. Such keys are for development.
    </p>
  );
}

/** What is shown while an answer is loaded, or instead of it. */
export function Waiting({ of, what }: { of: Loaded<unknown>; what: string }) {
  if (of.error === null) return <p role="status">Loading {what}…</p>;
  return (
    <div class="banner bad" role="alert">
      <p>{of.status === 404 ? `There is no such thing here: ${of.error}` : `Loading ${what} failed: ${of.error}`}</p>
      <button type="button" onClick={of.reload}>
        Try again
      </button>
    </div>
  );
}

/** An error that does not replace what was shown. */
export const Problem = ({ text }: { text: string | null }) =>
  text === null ? null : (
    <p class="banner bad" role="alert">
      {text}
    </p>
  );

/** Terms and what they are. */
export function Facts({ items }: { items: [string, ComponentChildren][] }) {
  return (
    <dl class="facts">
      {items.map(([term, said]) => (
        <div key={term}>
          <dt>{term}</dt>
          <dd>{said}</dd>
        </div>
      ))}
    </dl>
  );
}

/** An address, shortened for the eye; all of it for copying and for screen readers. */
export const AddressText = ({ of }: { of: string }) => (
  <code class="address" title={of}>
    <span aria-hidden="true">{short(of)}</span>
    <span class="hidden">{of}</span>
  </code>
);

/** How long there is until a deadline, counted down. */
export function Deadline({ at }: { at: number | null | undefined }) {
  const [, tick] = useState(0);
  useEffect(() => {
    if (!at) return;
    const timer = setInterval(() => tick((n) => n + 1), 1000);
    return () => clearInterval(timer);
  }, [at]);
  if (!at) return <>none</>;
  const left = at - chainNow();
  return (
    <time dateTime={new Date(at * 1000).toISOString()} title={moment(at)}>
      {left > 0 ? `in ${duration(left)}` : `passed ${duration(-left)} ago`}
    </time>
  );
}

/** A table that scrolls by itself where it is too wide. */
export function Table({ caption, head, rows }: { caption: string; head: string[]; rows: ComponentChildren[][] }) {
  return (
    <div class="scroll" role="region" aria-label={caption} tabIndex={0}>
      <table>
        <caption>{caption}</caption>
        <thead>
          <tr>
            {head.map((text) => (
              <th scope="col" key={text}>
                {text}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((cells, row) => (
            <tr key={row}>
              {cells.map((cell, column) =>
                column === 0 ? (
                  <th scope="row" key={column}>
                    {cell}
                  </th>
                ) : (
                  <td key={column}>{cell}</td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
