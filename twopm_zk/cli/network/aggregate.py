"""``aggregate`` and ``certify``: conclude a closed round by hand, from the openings that are collected."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from twopm_zk.cli.options.connection import Connection, chain_options
from twopm_zk.cli.options.participants import (
    make_prover,
    matrix_option,
    open_view,
    proving_options,
    read_matrix,
    require_state,
    spec_argument,
    state_option,
)
from twopm_zk.cli.output import Steps, emit, json_option
from twopm_zk.errors import TrainingError

if TYPE_CHECKING:
    from twopm_zk.chain.tasks import TaskSnapshot
    from twopm_zk.coordinator.aggregation import Aggregator, Outlook
    from twopm_zk.participants.messages import Opening
    from twopm_zk.participants.news import News
    from twopm_zk.task.specification import TaskSpec

Command = TypeVar("Command", bound=Callable[..., Any])


def _options(command: Command) -> Command:
    for option in (
        json_option,
        chain_options,
        proving_options,
        click.option("--dry-run", is_flag=True, help="Only compute what would be proven, and show it."),
        state_option("coordinator.db"),
        click.option("--task", type=click.IntRange(1), required=True, help="Your task, whose round is closed."),
        spec_argument,
    ):
        command = option(command)
    return command


@click.command()
@_options
@matrix_option
def aggregate(
    connection: Connection,
    spec_file: Path,
    task: int,
    state: Path,
    matrix: Path | None,
    dry_run: bool,
    ptau: Path | None,
    backend: str | None,
    scheduler: str | None,
    allow_plaintext: bool,
    as_json: bool,
) -> None:
    """Prove and publish the next weights of a closed round, which opens the next one.

    Takes the openings from the state file of `twopm-zk coordinator collect` (or `run`, once that has ended). Segments
    are folded first where there are several. A proof that was made and not sent is sent, not made again.

    \b
    Examples:
      twopm-zk aggregate spec.toml --task 1 --dry-run
      twopm-zk aggregate spec.toml --task 1 --state coordinator.db
    """
    with _Round(connection, spec_file, task, state, quiet=as_json) as closed:
        if matrix is not None:
            closed.store.add_matrix(read_matrix(matrix))
        aggregator = closed.aggregator(ptau, backend, scheduler, allow_plaintext)
        outlook = aggregator.outlook(closed.state, closed.openings)
        if closed.state.round == closed.state.maximum_rounds and not dry_run:
            raise TrainingError(
                f"{closed.state.name()} is the last one: the weights cannot move any more",
                hint=f"Next: `twopm-zk certify {spec_file} --task {task}`, or `twopm-zk task finish {task}`.",
            )
        _, weights = aggregator.next_move(closed.state, closed.openings)
        document = closed.describe(outlook) | {"next_coefficients": closed.spec.coefficients(weights)}
        lines = [closed.sentence(outlook)]
        if outlook.certifiable:
            lines.append(f"That is the target: `twopm-zk certify {spec_file} --task {task}` would finish the task.")
        if dry_run:
            lines.append("The next weights would be:")
        else:
            aggregator.aggregate(closed.state, closed.openings)
            lines.append(f"Round {closed.state.round + 1} is open, at the weights:")
    lines += [f"  {name:<14} {value:+.6f}" for name, value in document["next_coefficients"].items()]
    lines += [] if dry_run else [*closed.sent_lines(), f"Next: twopm-zk task close {task}"]
    emit(as_json, {**document, "dry_run": dry_run, "transactions": closed.sent}, "\n".join(lines))


@click.command()
@_options
def certify(
    connection: Connection,
    spec_file: Path,
    task: int,
    state: Path,
    dry_run: bool,
    ptau: Path | None,
    backend: str | None,
    scheduler: str | None,
    allow_plaintext: bool,
    as_json: bool,
) -> None:
    """Prove how near the present weights are to the optimum, and finish the task with them.

    Uses the openings of the closed round, like `twopm-zk aggregate`. Refused while the gradient is above the target
    of SPEC: aggregate then, and collect once more.

    \b
    Examples:
      twopm-zk certify spec.toml --task 1 --dry-run
      twopm-zk certify spec.toml --task 1
    """
    with _Round(connection, spec_file, task, state, quiet=as_json) as closed:
        aggregator = closed.aggregator(ptau, backend, scheduler, allow_plaintext)
        outlook = aggregator.outlook(closed.state, closed.openings)
        document = closed.describe(outlook) | {"coefficients": closed.spec.coefficients(closed.state.weights)}
        if not outlook.certifiable and not dry_run:
            last = closed.state.round == closed.state.maximum_rounds
            following = f"twopm-zk task finish {task}" if last else f"twopm-zk aggregate {spec_file} --task {task}"
            raise TrainingError(f"{closed.sentence(outlook)} It cannot be certified.", hint=f"Next: `{following}`.")
        if not dry_run:
            aggregator.certify(closed.state, closed.openings)
    lines = [closed.sentence(outlook), "Certified." if not dry_run else "It would be about the weights:"]
    lines += [f"  {name:<14} {value:+.6f}" for name, value in document["coefficients"].items()]
    lines += closed.sent_lines()
    emit(as_json, {**document, "dry_run": dry_run, "transactions": closed.sent}, "\n".join(lines))


class _Round:
    """A closed round with all its openings, open until the ``with`` block ends."""

    def __init__(self, connection: Connection, spec_file: Path, task: int, state_file: Path, *, quiet: bool) -> None:
        from twopm_zk.coordinator.aggregation import require_complete
        from twopm_zk.coordinator.store import CoordinatorStore
        from twopm_zk.task.specification_file import read_spec

        self.spec: TaskSpec = read_spec(spec_file)
        self._steps = Steps(quiet=quiet)
        self._stack = ExitStack()
        self.sent: list[dict[str, Any]] = []
        self.store = self._stack.enter_context(CoordinatorStore(require_state(state_file)))
        try:
            self.view = open_view(connection)
            self.store.belongs_to(self.view.address, self.view.fingerprint)
            self.state: TaskSnapshot = self.view.state(task)
            self.openings: tuple[Opening, ...] = require_complete(self.view, self.spec, self.store, self.state)
        except BaseException:
            self._stack.close()
            raise

    def __enter__(self) -> _Round:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def aggregator(
        self, ptau: Path | None, backend: str | None, scheduler: str | None, allow_plaintext: bool
    ) -> Aggregator:
        """What proves and sends; the workers end with the block."""
        from twopm_zk.coordinator.aggregation import Aggregator

        prover = self._stack.enter_context(make_prover(ptau, backend, scheduler, allow_plaintext=allow_plaintext))
        return Aggregator(self.view, self.spec, self.store, prover=prover, notify=self._hear)

    def _hear(self, news: News) -> None:
        if news.kind == "submitted":
            self.sent.append({name: news.values[name] for name in ("name", "transaction", "gas")})
        if news.kind in ("proven", "submitted"):
            self._steps.note(f"[dim]{news.text}[/dim]")

    def describe(self, outlook: Outlook) -> dict[str, Any]:
        """For --json."""
        return {
            "task": self.state.id,
            "round": self.state.round,
            "attempt": self.state.attempt,
            "nodes": self.state.nodes,
            "updates": len(self.openings),
            "rows": outlook.total.rows,
            "gradient_bound_per_row": outlook.per_row,
            "gradient_target_per_row": self.state.gradient_target / (1 << 32),
            "certifiable": outlook.certifiable,
        }

    def sentence(self, outlook: Outlook) -> str:
        """How near the weights are."""
        target = self.state.gradient_target / (1 << 32)
        return (
            f"Round {self.state.round} of task {self.state.id}, {outlook.total.rows} rows: the gradient is at most "
            f"{outlook.per_row:.2e} per row, the target {target:.2e}."
        )

    def sent_lines(self) -> list[str]:
        """A line for each transaction."""
        return [f"Transaction {one['transaction']} ({one['name']}, {one['gas']} gas)" for one in self.sent]
