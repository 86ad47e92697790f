"""``proceed``, ``aggregate`` and ``certify``: conclude a round by hand whose sum is public, from the chain alone."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from twopm_zk.cli.next_steps import with_facts
from twopm_zk.cli.options.connection import Connection, chain_options
from twopm_zk.cli.options.participants import (
    ProvingOptions,
    open_view,
    proving_options,
    spec_argument,
    state_option,
    task_option,
)
from twopm_zk.cli.output import Command, Steps, emit, json_option

if TYPE_CHECKING:
    from twopm_zk.chain.tasks import TaskSnapshot
    from twopm_zk.coordinator.aggregation import RoundExecutor
    from twopm_zk.coordinator.assessment import RoundAssessment
    from twopm_zk.participants.news import News
    from twopm_zk.task.specification import TaskSpec


dry_run_option = click.option("--dry-run", is_flag=True, help="Only compute what would be sent, and show it.")


def _options(command: Command) -> Command:
    for option in (
        json_option,
        chain_options,
        proving_options,
        dry_run_option,
        state_option("coordinator.db"),
        task_option,
        spec_argument,
    ):
        command = option(command)
    return command


@click.command()
@spec_argument
@task_option
@dry_run_option
@chain_options
@json_option
def proceed(connection: Connection, spec_file: Path, task: int, dry_run: bool, as_json: bool) -> None:
    """Open the sum of a round that collected information or an evaluation, and the round after it at the same weights.

    No proof is needed: the contract checks that what all have shared opens the round's point. The coordinator may at
    once, anybody after the deadline.

    \b
    Examples:
      twopm-zk proceed spec.toml --task 1 --dry-run
      twopm-zk proceed spec.toml --task 1
    """
    from twopm_zk.coordinator.aggregation import open_sum
    from twopm_zk.coordinator.summed_round import assess_own_round
    from twopm_zk.task.specification_file import read_spec

    spec = read_spec(spec_file)
    with with_facts(spec=spec_file):
        view = open_view(connection)
        found = assess_own_round(view, spec, task)
        found.require_opened()
        receipt = None if dry_run else open_sum(view, found)
    lines, sent = [found.sentence()], []
    if receipt is None:
        lines.append("The sum opens the round's point.")
    else:
        sent = [{"name": "proceed", "transaction": receipt.transaction, "gas": receipt.gas_used}]
        lines += [f"Transaction {receipt.transaction}", *_what_is_next(view.state(task), spec_file)]
    emit(as_json, _describe(found) | {"dry_run": dry_run, "transactions": sent}, "\n".join(lines))


@click.command()
@_options
def aggregate(
    connection: Connection,
    spec_file: Path,
    task: int,
    state: Path,
    dry_run: bool,
    proving: ProvingOptions,
    as_json: bool,
) -> None:
    """Prove and publish the next weights of a round whose sum is public, which opens the next round.

    Everything it takes is on the chain; the state file only keeps a proof that was made and not sent. The coordinator
    may at once, after the deadline any node of the set that shared.

    \b
    Examples:
      twopm-zk aggregate spec.toml --task 1 --dry-run
      twopm-zk aggregate spec.toml --task 1 --state coordinator.db
    """
    with with_facts(spec=spec_file), _SummedRound(connection, spec_file, state, quiet=as_json) as summed:
        found = summed.assess(task)
        move = found.require_move()
        if not dry_run:
            summed.executor(proving).aggregate(found)
        following = summed.spec.coefficients(move.weights)
    lines = [found.sentence()]
    if found.certifiable and found.settled:
        lines.append(f"That is the target: `twopm-zk certify {spec_file} --task {task}` would finish the task.")
    lines.append("The next weights would be:" if dry_run else f"Round {found.state.round + 1} is open, at the weights:")
    lines += [f"  {name:<14} {value:+.6g}" for name, value in following.items()]
    lines += [] if dry_run else [*summed.sent_lines(), f"Next: twopm-zk task close {task}"]
    document = _describe(found) | {"next_coefficients": following, "dry_run": dry_run, "transactions": summed.sent}
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
    """Prove how near the present weights are to the optimum: the task is finished, or collects its statistics still.

    Uses the public sum of the round, like `twopm-zk aggregate`; the coordinator may at once, anybody after the
    deadline. Refused while the gradient is above the target of SPEC: aggregate then, and collect once more.

    \b
    Examples:
      twopm-zk certify spec.toml --task 1 --dry-run
      twopm-zk certify spec.toml --task 1
    """
    with with_facts(spec=spec_file), _SummedRound(connection, spec_file, state, quiet=as_json) as summed:
        found = summed.assess(task)
        found.require_gradient()
        if not dry_run:
            found.require_certifiable()
            summed.executor(proving).certify(found)
        coefficients = summed.spec.coefficients(found.state.weights)
        insecure = summed.view.insecure_verifiers(task)
        following = [] if dry_run else _what_is_next(summed.view.state(task), spec_file)
    lines = [found.sentence(), *(f"Note: {doubt}." for doubt in found.doubts)]
    lines.append("It would be about the weights:" if dry_run else "Certified.")
    if insecure:
        lines.append("INSECURE KEYS: nothing of this task is proven to anybody.")
    lines += [f"  {name:<14} {value:+.6g}" for name, value in coefficients.items()]
    lines += [f"It covers {found.rows} rows of {len(found.nodes)} nodes:", *(f"  {node}" for node in found.nodes)]
    lines += [*summed.sent_lines(), *following]
    document = _describe(found) | {"coefficients": coefficients, "dry_run": dry_run, "transactions": summed.sent}
    emit(as_json, document | {"insecure_keys": insecure}, "\n".join(lines))


def _what_is_next(state: TaskSnapshot, spec_file: Path) -> list[str]:
    """Lines on the round that is open now, or on the end of the task."""
    from twopm_zk.chain.tasks import Phase

    if state.phase is Phase.FINISHED:
        return ["The task is finished.", f"Next: twopm-zk task show {state.id} --spec {spec_file} --statistics"]
    return [f"Round {state.round} is open: it collects the {state.collected}.", f"Next: twopm-zk task close {state.id}"]


def _describe(found: RoundAssessment) -> dict[str, Any]:
    """An assessment for --json."""
    return {
        "task": found.state.id,
        "round": found.state.round,
        "attempt": found.state.attempt,
        "collects": found.state.collected,
        "nodes": len(found.nodes),
        "participants": list(found.nodes),
        "rows": found.rows,
        "gradient_bound_per_row": found.bound_per_row,
        "gradient_target_per_row": found.state.target_per_row,
        "distance_to_optimum": None if found.distance is None else found.distance.to_json(),
        "certifiable": found.certifiable,
        "doubts": list(found.doubts),
        "next_action": found.action.value,
    }


class _SummedRound:
    """The chain and what was sent, while a round is concluded by hand; the state file is opened to prove."""

    def __init__(self, connection: Connection, spec_file: Path, state_file: Path, *, quiet: bool) -> None:
        from twopm_zk.task.specification_file import read_spec

        self.spec: TaskSpec = read_spec(spec_file)
        self._connection, self._state_file = connection, state_file
        self._steps = Steps(quiet=quiet)
        self._stack = ExitStack()
        self.sent: list[dict[str, Any]] = []

    def __enter__(self) -> _SummedRound:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def assess(self, task: int) -> RoundAssessment:
        """How the round stands, from the chain."""
        from twopm_zk.coordinator.summed_round import assess_own_round
        from twopm_zk.participants.rounds.view import looking_again

        self.view = open_view(self._connection, notify=self._hear)
        return looking_again(lambda: assess_own_round(self.view, self.spec, task))

    def executor(self, proving: ProvingOptions) -> RoundExecutor:
        """What proves and sends; its workers end with the block."""
        from twopm_zk.coordinator.aggregation import RoundExecutor
        from twopm_zk.coordinator.store import CoordinatorStore

        store = self._stack.enter_context(CoordinatorStore(self._state_file))
        store.belongs_to(self.view.address, self.view.fingerprint)
        prover = self._stack.enter_context(proving.prover(self._hear))
        return RoundExecutor(self.view, self.spec, store, prover=prover, notify=self._hear)

    def _hear(self, news: News) -> None:
        if news.kind == "submitted":
            self.sent.append({name: news.values[name] for name in ("name", "transaction", "gas")})
        if news.kind in ("proving", "progress", "proven", "submitted"):
            self._steps.aside(news.text)

    def sent_lines(self) -> list[str]:
        """A line for each transaction."""
        return [f"Transaction {one['transaction']} ({one['name']}, {one['gas']} gas)" for one in self.sent]
