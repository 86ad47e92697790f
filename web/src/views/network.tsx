// One network: what is proven, by whom, under which keys, and what nobody can know.
import { useEffect, useState } from "preact/hooks";
import type { Audit, AuditReport, Metadata, NetworkDetail } from "../client";
import { duration, ether, fee, grouped, many, percent, significant } from "../format";
import { AddressText, Badge, Facts, InsecureBanner, Table, Waiting } from "../parts/basics";
import { Coefficients } from "../parts/charts";
import { RoundsPart, WithdrawnSince } from "../parts/rounds";
import { Link } from "../state/router";
import { client, useLoaded, useStatus } from "../state/server";
import { Badges } from "./networks";

export function NetworkView({ id }: { id: number }) {
  const loaded = useLoaded(
    `network ${id}`,
    () => client.network(id),
    (event) => event.type === "network" && event.id === id,
  );
  const network = loaded.data;
  if (network === null)
    return (
      <>
        <h1>Network {id}</h1>
        <Waiting of={loaded} what={`network ${id}`} />
      </>
    );
  const askable = network.model === "hlr" && network.certified && !network.closed;
  return (
    <>
      <h1>{network.metadata?.title ?? network.title ?? `Network ${id}`}</h1>
      <Badges network={network} />
      {network.insecure && <InsecureBanner />}
      {askable && (
        <p>
          <Link class="button" href={`/networks/${id}/ask`}>
            Ask this network
          </Link>
        </p>
      )}
      <Description network={network} />
      <Proven network={network} />
      <AuditPart id={id} certified={network.certified} />
      <Course task={network.task} />
      <People network={network} />
    </>
  );
}

type Match = "checking" | "matches" | "differs" | "missing";

/** Whether the document's bytes hash to what the chain says, computed here. */
function useMatch(network: NetworkDetail): Match {
  const [match, set] = useState<Match>("checking");
  useEffect(() => {
    let current = true;
    const check = async (): Promise<Match> => {
      const bytes = await client.metadata(network.id);
      if (bytes === null) return "missing";
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
      const hex = Array.from(digest, (b) => b.toString(16).padStart(2, "0")).join("");
      return `0x${hex}` === network.metadata_hash.toLowerCase() ? "matches" : "differs";
    };
    check().then(
      (found) => current && set(found),
      () => current && set("missing"),
    );
    return () => void (current = false);
  }, [network.id, network.metadata_hash]);
  return match;
}

function Description({ network }: { network: NetworkDetail }) {
  const match = useMatch(network);
  const text = network.metadata;
  return (
    <section aria-labelledby="about">
      <h2 id="about">What it is for</h2>
      {match === "differs" && (
        <p class="banner bad" role="alert">
          <strong>This description does not match its hash on the chain.</strong> It may be of somebody else: do not
          trust it.
        </p>
      )}
      {text === null ? (
        <p>
          Its description is not on this server. The chain has its hash
          {network.uri !== "" && (
            <>
              , and a hint where to find it: <code>{network.uri}</code>
            </>
          )}
          .
        </p>
      ) : (
        <MetadataText text={text} />
      )}
      <p class="small">
        {match === "matches" &&
          "This browser has hashed the description: it is the one that the network's owner registered."}
        {match === "checking" && "Hashing the description…"} Hash <code class="long">{network.metadata_hash}</code>
      </p>
    </section>
  );
}

function MetadataText({ text }: { text: Metadata }) {
  return (
    <>
      <p class="text">{text.purpose}</p>
      <Facts
        items={[
          ["Meant for", <span class="text">{text.intended_use}</span>],
          ["Limits", <span class="text">{text.limits}</span>],
          ["Contact", <span class="text">{text.contact}</span>],
          ...(text.licence
            ? ([["Licence", <span class="text">{text.licence}</span>]] as [string, preact.JSX.Element][])
            : []),
          ["Answers with", `${text.output.label}${text.output.unit ? ` (${text.output.unit})` : ""}`],
        ]}
      />
      <Table
        caption="What it takes"
        head={["Input", "Name in the data", "Unit", "Range", "Meaning"]}
        rows={text.inputs.map((one) => [
          one.label,
          <code>{one.name}</code>,
          one.unit || "none",
          one.categories
            ? Object.values(one.categories).join(", ")
            : one.minimum === null && one.maximum === null
              ? "not given"
              : `${one.minimum ?? "…"} to ${one.maximum ?? "…"}`,
          one.help,
        ])}
      />
    </>
  );
}

function Proven({ network }: { network: NetworkDetail }) {
  const { certificate } = network;
  const known = certificate?.coverage ?? (network.rows === null ? null : `over ${many(network.rows, "row")}`);
  const about = known?.replace(/\.$/, "") ?? null;
  return (
    <section aria-labelledby="proven">
      <h2 id="proven">What is proven</h2>
      {certificate === null ? (
        <p>Nothing yet: the chain has no certificate for the model's weights.</p>
      ) : (
        <p>
          {network.insecure ? "Under secure keys this would be proven: no" : "No"} component of the gradient exceeds{" "}
          <strong>{significant(certificate.bound_per_row, 3)}</strong> per row at the model's weights
          {about === null ? "" : `, ${about}`}. The weights are in the open; the rows are not, and stay with their
          owners.
        </p>
      )}
      {certificate !== null && <WithdrawnSince of={certificate.withdrawn_since} />}
      <Facts
        items={[
          [
            "Model",
            network.family === null
              ? "not known"
              : network.family === "logistic"
                ? "logistic regression"
                : "linear regression",
          ],
          ["Rows", network.rows === null ? "not known" : grouped(network.rows)],
          ["Proven updates", grouped(network.updates)],
          [
            "Keys of predictions",
            network.predict === null ? (
              "none"
            ) : (
              <>
                <code>{network.predict.instance}</code>{" "}
                {network.predict.insecure ? <Badge tone="bad">insecure</Badge> : <Badge tone="good">ceremony</Badge>}
              </>
            ),
          ],
          [
            "Specification",
            network.specification === null ? (
              "not known"
            ) : (
              <>
                <code class="long">{network.specification.hash}</code>
                {network.specification.state === "missing" && " (not on this server)"}
              </>
            ),
          ],
          [
            "Model commitment",
            network.weights === null ? "none" : <code class="long">{network.weights.commitment}</code>,
          ],
        ]}
      />
    </section>
  );
}

function AuditPart({ id, certified }: { id: number; certified: boolean }) {
  const loaded = useLoaded(
    `audit ${id}`,
    () => client.audit(id),
    (event) => event.type === "network" && event.id === id,
  );
  const audit = loaded.data;
  useEffect(() => {
    if (audit?.state !== "running") return;
    const timer = setTimeout(loaded.reload, 1500);
    return () => clearTimeout(timer);
  }, [audit]);
  return (
    <section aria-labelledby="audit">
      <h2 id="audit">Audit</h2>
      {audit === null ? (
        <Waiting of={loaded} what="the audit" />
      ) : audit.report === null ? (
        <AuditState audit={audit} reload={loaded.reload} />
      ) : (
        <>
          {audit.state === "running" && <AuditState audit={audit} reload={loaded.reload} />}
          <Report report={audit.report} texts={audit.texts ?? {}} id={id} certified={certified} />
        </>
      )}
    </section>
  );
}

function AuditState({ audit, reload }: { audit: Audit; reload: () => void }) {
  if (audit.state === "running")
    return (
      <div role="status">
        <p>
          This server is auditing the task: {[audit.step, audit.progress].filter(Boolean).join(", ") || "it has begun"}.
        </p>
        <progress aria-label="Audit" />
      </div>
    );
  return (
    <>
      <p>
        {audit.state === "failed"
          ? `The audit could not be done${audit.progress ? `: ${audit.progress}` : ""}.`
          : "This server has not audited the task yet."}{" "}
        Anybody can audit it: <code>twopm-zk audit</code>.
      </p>
      <button type="button" onClick={reload}>
        Look again
      </button>
    </>
  );
}

function Report(props: { report: AuditReport; texts: Record<string, string>; id: number; certified: boolean }) {
  const { report, texts, id } = props;
  const tone = report.verdict === "unsound" || report.verdict === "insecure-keys" ? "bad" : "good";
  const summary = report.summary;
  return (
    <>
      <p class={`banner ${tone === "bad" ? "bad" : "good"}`}>{report.conclusion}</p>
      <p>
        This server's own audit, up to block {report.block}. <a href={`/v1/networks/${id}/report`}>The whole report</a>
      </p>
      {report.failures.length > 0 && (
        <ul class="bad-text">
          {report.failures.map((failure, index) => (
            <li key={index}>
              {failure.check}: {failure.detail}
            </li>
          ))}
        </ul>
      )}
      {summary !== null && Object.keys(summary.coefficients).length > 0 && <Estimates summary={summary} />}
      <details>
        <summary>Every check, and how often it was made</summary>
        <Table
          caption="Checks"
          head={["Check", "Times", "What it says"]}
          rows={Object.entries(report.checks).map(([name, count]) => [name, grouped(count), texts[name] ?? ""])}
        />
      </details>
      <details>
        <summary>What nobody can know</summary>
        <ul>
          {report.cannot_know.map((text) => (
            <li key={text}>{text}</li>
          ))}
        </ul>
      </details>
    </>
  );
}

function Estimates({ summary }: { summary: NonNullable<AuditReport["summary"]> }) {
  const rows = Object.entries(summary.coefficients);
  const charted = rows.filter(([name]) => name !== "intercept" || rows.length === 1); // its scale is another
  const number = (value: number | null | undefined) =>
    value === null || value === undefined ? "not known" : significant(value);
  return (
    <>
      <h3>Coefficients</h3>
      <Coefficients
        level={summary.level}
        of={charted.map(([name, one]) => ({
          name,
          value: one.coefficient,
          low: one.low ?? null,
          high: one.high ?? null,
        }))}
      />
      <Table
        caption={`Coefficients, with intervals of ${percent(summary.level)}`}
        head={["Column", "Coefficient", "Standard error", "Low", "High", "p"]}
        rows={rows.map(([name, one]) => [
          name,
          number(one.coefficient),
          number(one.standard_error),
          number(one.low),
          number(one.high),
          number(one.p_value),
        ])}
      />
    </>
  );
}

/** The rounds of its task: a chart, a table, and a link to all of it. */
function Course({ task }: { task: number }) {
  const loaded = useLoaded(
    `task ${task}`,
    () => client.task(task),
    (event) => event.type === "task" && event.id === task,
  );
  return (
    <section aria-labelledby="rounds">
      <h2 id="rounds">Rounds</h2>
      {loaded.data === null ? <Waiting of={loaded} what="the rounds" /> : <RoundsPart task={loaded.data} />}
      <p>
        <Link href={`/tasks/${task}`}>Task {task}: who shared, gas and deadlines</Link>
      </p>
    </section>
  );
}

function People({ network }: { network: NetworkDetail }) {
  const status = useStatus();
  const { terms } = network;
  return (
    <>
      <section aria-labelledby="operators">
        <h2 id="operators">Operators</h2>
        {network.operators.length === 0 ? (
          <p>
            Nobody offers answers for a fee. Where the model is certified, your browser can compute and prove them
            itself.
          </p>
        ) : (
          <Table
            caption="Who answers"
            head={["Operator", "At stake", "Needed for answers due", "Keys", "Reached by"]}
            rows={network.operators.map((one) => [
              <AddressText of={one.address} />,
              `${ether(one.stake)}, ${one.restaked ? "restaked" : "its own"}`,
              ether(one.obligations),
              one.insecure ? <Badge tone="bad">insecure</Badge> : <Badge tone="good">ceremony</Badge>,
              one.endpoint ? "an endpoint on the chain" : "nothing published",
            ])}
          />
        )}
      </section>
      <section aria-labelledby="terms">
        <h2 id="terms">Terms and fees</h2>
        <Facts
          items={[
            ["Fee for an answer", fee(terms.fee, network.token, status)],
            ["To the data owners", percent(network.owners_share / 10000)],
            ["To the operator", percent(1 - network.owners_share / 10000)],
            ["Your stake to ask", ether(terms.user_stake)],
            ["An operator's stake for each answer due", ether(terms.operator_stake)],
            ["What a late operator loses", ether(terms.penalty)],
            ["Time to accept", duration(terms.accept_seconds)],
            ["Time to answer", duration(terms.answer_seconds)],
            [
              "Data owners enrolled for fees",
              `${grouped(network.enrolled)}${network.complete ? ", all of them" : ", not all yet"}`,
            ],
            ["Owner of the network", <AddressText of={network.owner} />],
          ]}
        />
      </section>
    </>
  );
}
