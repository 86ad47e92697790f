// The explorer: all tasks, and one task with its rounds.
import type { TaskRound } from "../client";
import { grouped, many, moment, significant } from "../format";
import { AddressText, Deadline, Facts, InsecureBanner, Table, Waiting } from "../parts/basics";
import { numbered, RoundsPart, WithdrawnSince } from "../parts/rounds";
import { Link } from "../state/router";
import { client, useLoaded } from "../state/server";

export function TasksView() {
  const tasks = useLoaded("tasks", client.tasks, (event) => event.type === "task");
  return (
    <>
      <h1>Tasks</h1>
      <p class="lead">What is being trained, live: rounds, deadlines, and who has shared.</p>
      {tasks.data === null ? (
        <Waiting of={tasks} what="the tasks" />
      ) : tasks.data.length === 0 ? (
        <p>There is no task on this chain yet.</p>
      ) : (
        <Table
          caption="Tasks"
          head={["Task", "Phase", "Round", "Deadline", "Coordinator", "Network"]}
          rows={tasks.data.map((task) => [
            <Link href={`/tasks/${task.id}`}>Task {task.id}</Link>,
            task.phase,
            numbered(task),
            <Deadline at={task.deadline} />,
            <AddressText of={task.coordinator} />,
            task.network === null ? "none" : <Link href={`/networks/${task.network}`}>Network {task.network}</Link>,
          ])}
        />
      )}
    </>
  );
}

export function TaskView({ id }: { id: number }) {
  const loaded = useLoaded(
    `task ${id}`,
    () => client.task(id),
    (event) => event.type === "task" && event.id === id,
  );
  const task = loaded.data;
  return (
    <>
      <h1>Task {id}</h1>
      {task === null ? (
        <Waiting of={loaded} what={`task ${id}`} />
      ) : (
        <>
          {task.insecure && <InsecureBanner />}
          <div role="status">
            <Facts
              items={[
                ["Phase", task.phase],
                ["Round", numbered(task)],
                ["Deadline of the phase", <Deadline at={task.deadline} />],
              ]}
            />
          </div>
          <Facts
            items={[
              [
                "Network",
                task.network === null ? "none" : <Link href={`/networks/${task.network}`}>Network {task.network}</Link>,
              ],
              ["Coordinator", <AddressText of={task.coordinator} />],
              ["Specification", <code class="long">{task.specification}</code>],
              ["Gas in all", task.gas === null ? "not known yet" : grouped(Number(task.gas))],
            ]}
          />
          <WithdrawnSince of={task.withdrawn_since} />
          <section aria-labelledby="course">
            <h2 id="course">Course</h2>
            <RoundsPart task={task} />
          </section>
          <section aria-labelledby="each">
            <h2 id="each">Each round</h2>
            {[...task.rounds].reverse().map((one, index) => (
              <details key={`${one.round} ${one.attempt}`} open={index === 0}>
                <summary>
                  Round {numbered(one)}: {one.collection}, {one.outcome}
                </summary>
                <Round one={one} />
              </details>
            ))}
          </section>
        </>
      )}
    </>
  );
}

function Round({ one }: { one: TaskRound }) {
  const nodes = [
    ...new Set([...Object.keys(one.updates), ...one.ready, ...one.shared, ...one.left.map((who) => who.node)]),
  ];
  const transactions = Array.isArray(one.transactions) ? one.transactions.length : one.transactions;
  return (
    <>
      <Facts
        items={[
          ["Opened", one.opened_at === null ? "not known" : moment(one.opened_at)],
          ["Collected until", one.closed_at === null ? "it still collects" : moment(one.closed_at)],
          ["Ended", one.ended_at === null ? "it goes on" : moment(one.ended_at)],
          ["Rows in the sum", one.rows === null ? "not known" : grouped(one.rows)],
          [
            "Gas",
            one.gas === null ? "not known yet" : `${grouped(Number(one.gas))} in ${many(transactions, "transaction")}`,
          ],
          ["Bound on the gradient per row", one.bound_per_row === null ? "none" : significant(one.bound_per_row, 3)],
        ]}
      />
      <Table
        caption={`Who took part in round ${one.round}`}
        head={["Node", "Updates", "Ready", "Shared", "Left"]}
        rows={nodes.map((node) => [
          <AddressText of={node} />,
          grouped(one.updates[node] ?? 0),
          one.ready.includes(node) ? "yes" : "no",
          one.shared.includes(node) ? "yes" : "no",
          one.left.find((who) => who.node === node)?.reason ?? "no",
        ])}
      />
    </>
  );
}
