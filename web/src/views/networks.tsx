// The list of networks.
import type { NetworkSummary, Status } from "../client";
import { fee, grouped, many } from "../format";
import { Badge, Facts, INSECURE, Waiting } from "../parts/basics";
import { Link } from "../state/router";
import { client, useLoaded, useStatus } from "../state/server";

export function NetworksView() {
  const status = useStatus();
  const networks = useLoaded("networks", client.networks, (event) => event.type === "network" || event.type === "task");
  return (
    <>
      <h1>Networks</h1>
      <p class="lead">
        Each network is one model, trained on rows that never left their owners. See what stands behind it, and ask it.
      </p>
      {networks.data === null ? (
        <Waiting of={networks} what="the networks" />
      ) : networks.data.length === 0 ? (
        <p>There is no network here yet. The coordinator of a task makes one with `twopm-zk network create`.</p>
      ) : (
        <ul class="cards">
          {networks.data.map((network) => (
            <Card key={network.id} network={network} status={status} />
          ))}
        </ul>
      )}
    </>
  );
}

function Card({ network, status }: { network: NetworkSummary; status: Status | null }) {
  const trusted = network.metadata_state === "verified";
  const askable = network.model === "hlr" && network.certified && !network.closed;
  return (
    <li class="card">
      <h2>
        <Link href={`/networks/${network.id}`}>{network.title ?? `Network ${network.id}`}</Link>
      </h2>
      <Badges network={network} />
      {network.purpose !== null && <p class="text">{network.purpose}</p>}
      {!trusted && (
        <p class="bad-text">
          {network.metadata_state === "missing"
            ? "Its description is not on this server."
            : "This description does not match its hash on the chain: do not trust it."}
        </p>
      )}
      {network.insecure && <p class="bad-text">{INSECURE}</p>}
      <Facts
        items={[
          ["Rows", network.rows === null ? "not known" : grouped(network.rows)],
          ["Operators", grouped(network.operators)],
          ["Fee", fee(network.fee, network.token, status)],
        ]}
      />
      <p class="actions">
        {askable && (
          <Link class="button" href={`/networks/${network.id}/ask`} aria-label={`Ask: ${network.title ?? network.id}`}>
            Ask
          </Link>
        )}
        <Link href={`/networks/${network.id}`} aria-label={`What stands behind it: ${network.title ?? network.id}`}>
          What stands behind it
        </Link>
      </p>
      <p class="small">
        {network.updates > 0
          ? `${many(network.updates, "proven update")}, task ${network.task}`
          : `Task ${network.task}`}
      </p>
    </li>
  );
}

export function Badges({
  network,
}: {
  network: Pick<NetworkSummary, "certified" | "insecure" | "closed" | "model" | "phase">;
}) {
  return (
    <p class="badges">
      {network.certified ? (
        <Badge tone={network.insecure ? "plain" : "good"}>certificate on the chain</Badge>
      ) : (
        <Badge tone="plain">no certificate: {network.phase}</Badge>
      )}
      {network.insecure && <Badge tone="bad">insecure keys</Badge>}
      {network.closed && <Badge tone="plain">closed</Badge>}
      {network.model === "hfl" && <Badge tone="plain">not for questions</Badge>}
    </p>
  );
}
