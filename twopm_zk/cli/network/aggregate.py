"""``aggregate`` and ``certify``: conclude a closed round by hand, from the openings that are collected."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from twopm_zk.cli.next_steps import with_facts
from twopm_zk.cli.options.connection import Connection, chain_options
from twopm_zk.cli.options.participants import (
    ProvingOptions,
    matrix_option,
    open_view,
    proving_options,
    read_matrix,
    require_state,
    spec_argument,
    state_option,
)
from twopm_zk.cli.output import Command, Steps, emit, json_option

if TYPE_CHECKING:
    from twopm_zk.coordinator.aggregation import RoundExecutor
    from twopm_zk.coordinator.assessment import RoundAssessment
    from twopm_zk.participants.news import News
    from twopm_zk.task.specification import TaskSpec


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
    proving: ProvingOptions,
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
    with with_facts(spec=spec_file), _ClosedRound(connection, spec_file, state, quiet=as_json) as closed:
        found = closed.assess(task, matrix)
        move = found.require_move()
        if not dry_run:
            closed.executor(proving).aggregate(found)
        following = closed.spec.coefficients(move.weights)
    lines = [found.sentence()]
    if found.certifiable and found.settled:
        lines.append(f"That is the target: `twopm-zk certify {spec_file} --task {task}` would finish the task.")
    lines.append("The next weights would be:" if dry_run else f"Round {found.state.round + 1} is open, at the weights:")
    lines += [f"  {name:<14} {value:+.6g}" for name, value in following.items()]
    lines += [] if dry_run else [*closed.sent_lines(), f"Next: twopm-zk task close {task}"]
    document = _describe(found) | {"next_coefficients": following, "dry_run": dry_run, "transactions": closed.sent}
    emit(as_json, document, "\n".join(lines))


@click.command()
@_options
def certify(
    connection: Connection,
    spec_file: Path,
    task: int,
    state: Path,
    dry_run: bool,
    proving: ProvingOptions,
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
    with with_facts(spec=spec_file), _ClosedRound(connection, spec_file, state, quiet=as_json) as closed:
        found = closed.assess(task)
        if not dry_run:
            found.require_certifiable()
            closed.executor(proving).certify(found)
        coefficients = closed.spec.coefficients(found.state.weights)
        insecure = closed.view.insecure_verifiers(task)
    lines = [found.sentence(), *(f"Note: {doubt}." for doubt in found.doubts)]
    lines.append("It would be about the weights:" if dry_run else "Certified.")
    if insecure:
        lines.append("INSECURE KEYS: nothing of this task is proven to anybody.")
    lines += [f"  {name:<14} {value:+.6g}" for name, value in coefficients.items()]
    lines += [f"It covers {found.rows} rows of {len(found.nodes)} nodes:", *(f"  {node}" for node in found.nodes)]
    lines += closed.sent_lines()
    document = _describe(found) | {"coefficients": coefficients, "dry_run": dry_run, "transactions": closed.sent}
    emit(as_json, document | {"insecure_keys": insecure}, "\n".join(lines))


def _describe(found: RoundAssessment) -> dict[str, Any]:
    """An assessment for --json."""
    return {
        "task": found.state.id,
        "round": found.state.round,
        "attempt": found.state.attempt,
        "nodes": len(found.nodes),
        "participants": list(found.nodes),
        "updates": len(found.collected.contributions),
        "rows": found.rows,
        "gradient_bound_per_row": found.bound_per_row,
        "gradient_target_per_row": found.state.target_per_row,
        "standard_errors_from_optimum": found.decrement,
        "certifiable": found.certifiable,
        "doubts": list(found.doubts),
        "next_action": found.action.value,
    }


class _ClosedRound:
    """The store, the chain and what was sent, while a round is concluded by hand; closed when the block ends."""

    def __init__(self, connection: Connection, spec_file: Path, state_file: Path, *, quiet: bool) -> None:
        from twopm_zk.coordinator.store import CoordinatorStore
        from twopm_zk.task.specification_file import read_spec

        self.spec: TaskSpec = read_spec(spec_file)
        self._connection = connection
        self._steps = Steps(quiet=quiet)
        self._stack = ExitStack()
        self.sent: list[dict[str, Any]] = []
        self.store = self._stack.enter_context(CoordinatorStore(require_state(state_file)))

    def __enter__(self) -> _ClosedRound:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def assess(self, task: int, matrix: Path | None = None) -> RoundAssessment:
        """How the round stands, with a step matrix from a file where one is given."""
        from twopm_zk.coordinator.closed_round import assess_own_round

        self.view = open_view(self._connection, notify=self._hear)
        self.store.belongs_to(self.view.address, self.view.fingerprint)
        given = None if matrix is None else read_matrix(matrix)
        return assess_own_round(self.view, self.spec, self.store, task, matrix=given)

    def executor(self, proving: ProvingOptions) -> RoundExecutor:
        """What proves and sends; its workers end with the block."""
        from twopm_zk.coordinator.aggregation import RoundExecutor

        prover = self._stack.enter_context(proving.prover(self._hear))
        return RoundExecutor(self.view, self.spec, self.store, prover=prover, notify=self._hear)

    def _hear(self, news: News) -> None:
        if news.kind == "submitted":
            self.sent.append({name: news.values[name] for name in ("name", "transaction", "gas")})
        if news.kind in ("proving", "progress", "proven", "submitted"):
            self._steps.note(f"[dim]{news.text}[/dim]")

    def sent_lines(self) -> list[str]:
        """A line for each transaction."""
        return [f"Transaction {one['transaction']} ({one['name']}, {one['gas']} gas)" for one in self.sent]
