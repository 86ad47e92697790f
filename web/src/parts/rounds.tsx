// What a task's rounds came to, for a network's page and the explorer.
import type { TaskDetail, TaskRound, Withdrawals } from "../client";
import { grouped, many, significant } from "../format";
import { AddressText, Table } from "./basics";
import { Rounds } from "./charts";

/** A round, with its attempt where it is not the first. */
export const numbered = ({ round, attempt }: { round: number; attempt: number }): string =>
  attempt > 0 ? `${round}, attempt ${attempt + 1}` : String(round);

const rowsOfRounds = (rounds: TaskRound[]) =>
  rounds.map((one) => [
    numbered(one),
    one.collection,
    one.outcome,
    grouped(Object.keys(one.updates).length),
    grouped(Object.values(one.updates).reduce((sum, count) => sum + count, 0)),
    one.bound_per_row === null ? "not proven" : significant(one.bound_per_row, 3),
  ]);

export function RoundsPart({ task }: { task: TaskDetail }) {
  if (task.rounds.length === 0) return <p>No round has been opened yet.</p>;
  return (
    <>
      <Rounds
        of={task.rounds.map((one) => ({
          round: one.round,
          bound: one.bound_per_row,
          nodes: Object.keys(one.updates).length,
          outcome: one.outcome,
        }))}
      />
      <details>
        <summary>The same as a table</summary>
        <Table
          caption="Rounds"
          head={["Round", "Sum of", "Outcome", "Nodes", "Updates", "Bound per row"]}
          rows={rowsOfRounds(task.rounds)}
        />
      </details>
    </>
  );
}

/** Who has withdrawn rows that a certificate rests on. */
export function WithdrawnSince({ of }: { of: Withdrawals }) {
  const gone = Object.entries(of);
  if (gone.length === 0) return null;
  return (
    <p>
      Since then {many(gone.length, "data owner")} withdrew rows that are in the certified sum:{" "}
      {gone.map(([owner, { block, retraining }], index) => (
        <>
          {index > 0 && "; "}
          <AddressText of={owner} /> in block {grouped(block)}, and models {retraining ? "may" : "may not"} be trained
          on without them
        </>
      ))}
      .
    </p>
  );
}
