"""A data owner's part step by step: hand in, be ready, share, withdraw; and what the state file says of it."""

from __future__ import annotations

from collections.abc import Callable
from math import isinf
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from twopm_zk.cli.next_steps import after_phase, with_facts
from twopm_zk.cli.options.amounts import show_amount
from twopm_zk.cli.options.connection import Connection, chain_options, describe_receipt
from twopm_zk.cli.options.participants import (
    ProvingOptions,
    consent_options,
    open_view,
    proving_options,
    require_state,
    spec_argument,
    state_option,
    task_option,
)
from twopm_zk.cli.output import Steps, emit, json_option, print_table
from twopm_zk.errors import InputError

if TYPE_CHECKING:
    from twopm_zk.chain.tasks import Phase, TaskSnapshot
    from twopm_zk.node.node import Consent
    from twopm_zk.participants.attempts import AttemptView
    from twopm_zk.participants.news import News
    from twopm_zk.participants.task_view import ChainView
    from twopm_zk.sharing import LedgerEntry

_REASONS = frozenset(
    {"objection", "lost", "barred", "waiting", "stake", "overtaken", "late-rows", "not-attested", "unprovable"}
)
"""Kinds of news that say why a node does not go on."""
Done = Callable[["AttemptView", str], bool]
"""Whether the chain has an account's part of a step already."""


@click.command()
@spec_argument
@task_option
@consent_options
@state_option("node.db")
@proving_options
@chain_options
@json_option
def submit(
    connection: Connection,
    spec_file: Path,
    task: int,
    consent: Consent,
    state: Path,
    proving: ProvingOptions,
    as_json: bool,
) -> None:
    """Prove the updates of your registered batches in the present attempt of TASK, and hand them in.

    A proof is in the state file before it is sent: the same command again sends what is missing, and proves nothing
    twice.

    \b
    Example:
      twopm-zk node submit spec.toml --task 1 --state node.db
    """
    step = _Step(connection, spec_file, task, consent, state, proving)
    step.take("COLLECTING", "submitted", lambda attempt, me: me in attempt.points, as_json=as_json)


@click.command()
@spec_argument
@task_option
@consent_options
@state_option("node.db")
@chain_options
@json_option
def ready(connection: Connection, spec_file: Path, task: int, consent: Consent, state: Path, as_json: bool) -> None:
    """Say that your node is there to share the sum of TASK, once its collecting is closed.

    Who is ready and then does not share in time loses its penalty. Below the conditions that you give the node stays
    out, and says why.

    \b
    Examples:
      twopm-zk node ready spec.toml --task 1
      twopm-zk node ready spec.toml --task 1 --minimum-nodes 5 --require-account 0x90F7...b906
    """
    step = _Step(connection, spec_file, task, consent, state, ProvingOptions())
    step.take("READY", "ready", lambda attempt, me: me in attempt.nodes, as_json=as_json)


@click.command()
@spec_argument
@task_option
@consent_options
@state_option("node.db")
@chain_options
@json_option
def share(connection: Connection, spec_file: Path, task: int, consent: Consent, state: Path, as_json: bool) -> None:
    """Share your opening in TASK under masks that cancel in the sum over all nodes.

    It is written into the state file's ledger first: the same rows are shared at the same weights with no other set.

    \b
    Example:
      twopm-zk node share spec.toml --task 1
    """
    step = _Step(connection, spec_file, task, consent, state, ProvingOptions())
    step.take("SHARING", "shared", lambda attempt, me: me in attempt.vectors, as_json=as_json)


@click.command()
@task_option
@click.option("--accept-penalty", is_flag=True, help="Leave although sharing has begun, which costs the penalty.")
@state_option("node.db")
@chain_options
@json_option
def withdraw(connection: Connection, task: int, accept_penalty: bool, state: Path, as_json: bool) -> None:
    """Leave the present attempt of TASK: free until sharing begins, then it costs the task's penalty.

    Refused where the state file says that a share of this attempt was sent: what was sent can be read, and a sum
    without it would give it away.

    \b
    Example:
      twopm-zk node withdraw --task 1
    """
    from twopm_zk.chain.tasks import Phase
    from twopm_zk.node.store import NodeStore
    from twopm_zk.sharing import withdrawal_objections

    view = open_view(connection)
    with NodeStore(require_state(state)) as store:
        store.belongs_to(view.address, view.fingerprint)
        found = view.state(task)
        for objection in withdrawal_objections(store.ledger(), view.place_of(found)):
            raise InputError(f"this node stays in {found.name()}: {objection.message}")
    lost = found.stake_penalty if found.phase is Phase.SHARING else 0
    if lost and not accept_penalty:
        raise InputError(
            f"sharing has begun in {found.name()}: to leave costs {show_amount(lost)} ETH of this node's stake",
            hint="Give --accept-penalty to leave all the same.",
        )
    receipt = view.hlr.withdraw(task)
    text = f"{view.address} is out of {found.name()}.\nTransaction {receipt.transaction}"
    emit(as_json, {"task": task, "account": view.address, "lost_wei": str(lost), **describe_receipt(receipt)}, text)


@click.command()
@state_option("node.db")
@json_option
def ledger(state: Path, as_json: bool) -> None:
    """Show what this node has shared: where, with which set, at which weights, and how many of its rows it is of.

    No row and no sum is in it. Weights are named by a hash that is the same in every task, or are "all" of a linear
    regression, in which all count as one; the digest is that of the set, as the contract has it. The node may go on
    running.

    \b
    Example:
      twopm-zk node ledger --state node.db
    """
    from twopm_zk.node.store import NodeStore

    with NodeStore(require_state(state), read_only=True) as store:
        documents = [_entry(entry, store.rows_of(entry.collection.data)) for entry in store.ledger().entries]
    if as_json:
        emit(True, {"shares": documents})
    elif documents:
        columns = ("task", "round", "attempt", "statement", "weights", "digest", "rows")
        rows = [[_short(document, column) for column in columns] for document in documents]
        print_table(columns, rows)
    else:
        click.echo("This node has shared nothing.")


@click.command()
@click.option("--privacy-limit", "limit", type=float, metavar="EPSILON", help="The limit that you give your node.")
@click.option(
    "--privacy-delta", "delta", type=float, default=1e-6, show_default=True, help="The delta that epsilon is meant at."
)
@state_option("node.db")
@json_option
def budget(limit: float | None, delta: float, state: Path, as_json: bool) -> None:
    """Show what this node has spent of the privacy of its rows, over all tasks.

    Epsilon says how much more likely, by a factor of e^EPSILON, anything that was published can have become through one
    person's row, but for a probability of delta. Sums without noise keep no epsilon: it is infinite after one. Rows of
    one --rows-name count as the same people's. The node may go on running.

    \b
    Examples:
      twopm-zk node budget --state node.db
      twopm-zk node budget --privacy-limit 5 --privacy-delta 1e-6
    """
    from twopm_zk.node.privacy_part import RowsBudget, budgets
    from twopm_zk.node.store import NodeStore

    with NodeStore(require_state(state), read_only=True) as store:
        found = budgets(store, RowsBudget("", limit, delta))
    documents = [
        {
            "rows": name,
            "sums": len(one.spendings),
            "sums_without_noise": sum(spending.multiplier == 0 for spending in one.spendings),
            "tasks": sorted({spending.task for spending in one.spendings}),
            "delta": delta,
            "epsilon_spent": None if isinf(one.spent) else one.spent,
            "epsilon_left": None if limit is None else one.left,
        }
        for name, one in found.items()
    ]
    if as_json:
        emit(True, {"budgets": documents})
    elif documents:
        columns = ("rows", "tasks", "sums", "without noise", f"epsilon at delta {delta:g}", "left")
        print_table(columns, [_budget_row(document) for document in documents])
    else:
        click.echo("This node has shared nothing: nothing is spent.")


def _budget_row(document: dict[str, Any]) -> list[str]:
    spent, left = document["epsilon_spent"], document["epsilon_left"]
    return [
        document["rows"] or "(no name)",
        str(len(document["tasks"])),
        str(document["sums"]),
        str(document["sums_without_noise"]),
        "infinite" if spent is None else f"{spent:.3g}",
        "no limit" if left is None else f"{left:.3g}",
    ]


@click.command()
@task_option
@state_option("node.db")
@chain_options
@json_option
def forget(connection: Connection, task: int, state: Path, as_json: bool) -> None:
    """Delete the openings and keys of attempts of TASK that are over; the ledger stays, and so do rows and salts.

    `twopm-zk node run` does this by itself when an attempt is over; this is for a node that was stopped before. What
    the present attempt of an unfinished task takes is kept.

    \b
    Example:
      twopm-zk node forget --task 1
    """
    from twopm_zk.chain.tasks import Phase
    from twopm_zk.node.store import NodeStore
    from twopm_zk.participants.records import Attempt

    with NodeStore(require_state(state)) as store:
        view = open_view(connection)
        store.belongs_to(view.address, view.fingerprint)
        found = view.state(task)
        over = found.phase is Phase.FINISHED
        store.forget_rounds(found.task_key, before=None if over else Attempt.of(found))
    kept = None if over else {"round": found.round, "attempt": found.attempt}
    text = f"Openings and keys of task {task} are deleted" + ("." if over else f", but those of {found.name()}.")
    emit(as_json, {"task": task, "kept": kept}, text)


class _Step:
    """One look at the chain by a node, which does what the phase asks of it; then an account of it."""

    def __init__(
        self,
        connection: Connection,
        spec_file: Path,
        task: int,
        consent: Consent,
        state_file: Path,
        proving: ProvingOptions,
    ) -> None:
        self._connection, self._spec_file, self._task = connection, spec_file, task
        self._consent, self._state_file, self._proving = consent, state_file, proving
        self._news: list[News] = []

    def take(self, phase_name: str, kind: str, is_done: Done, *, as_json: bool) -> None:
        """Do what the phase of this name asks for, which makes news of a ``kind``. InputError with the node's reason
        where it does not go on."""
        from twopm_zk.chain.tasks import Phase
        from twopm_zk.node.node import Node
        from twopm_zk.node.store import NodeStore
        from twopm_zk.participants.attempts import read_attempt
        from twopm_zk.participants.rounds.view import looking_again
        from twopm_zk.task.specification_file import read_spec

        steps = Steps(quiet=as_json)

        def hear(news: News) -> None:
            self._news.append(news)
            if news.kind in ("proving", "progress", "proven"):
                steps.aside(news.text)

        spec = read_spec(self._spec_file)
        with (
            with_facts(spec=self._spec_file),
            NodeStore(require_state(self._state_file)) as store,
            self._proving.prover(hear) as prover,
        ):
            view = open_view(self._connection, notify=hear)
            state = view.state(self._task)
            _require_phase(state, Phase[phase_name])
            node = Node(
                view,
                spec,
                store,
                prover=prover,
                coordinator=state.coordinator,
                task=self._task,
                consent=self._consent,
                notify=hear,
            )
            looking_again(node.tick)
            done = [news for news in self._news if news.kind == kind]
            if not done:
                attempt = looking_again(lambda: read_attempt(view, view.state(self._task)))
                self._require_done(state, attempt, view.address, is_done)
        lines = [f"{news.text[:1].upper()}{news.text[1:]}." for news in done] or [
            f"Nothing to do: it is done in {state.name()}."
        ]
        lines += [f"Transaction {news.values['transaction']}" for news in done]
        document = {"task": self._task, "round": state.round, "attempt": state.attempt, "account": view.address}
        sent = [{name: news.values[name] for name in ("transaction", "gas")} for news in done]
        emit(as_json, document | {"transactions": sent}, "\n".join([*lines, _next(view, self._task)]))

    def _require_done(self, state: TaskSnapshot, attempt: AttemptView, me: str, is_done: Done) -> None:
        reasons = [news.text for news in self._news if news.kind in _REASONS]
        if not reasons and is_done(attempt, me):
            return
        why = "its deadline has passed" if state.late else "this node has no part in it"
        raise InputError(
            "; ".join(reasons) or f"{state.name()}: {why}",
            hint=f"`twopm-zk task show {state.id}` names who has handed in, who is ready, and who has shared.",
        )


def _require_phase(state: TaskSnapshot, wanted: Phase) -> None:
    if state.phase is not wanted:
        raise InputError(
            f"{state.name()} is {state.phase.name.lower()}, not {wanted.name.lower()}",
            hint=after_phase(state.id, state.phase),
        )


def _next(view: ChainView, task: int) -> str:
    now = view.state(task)
    return f"Now {now.phase.name.lower()}. {after_phase(task, now.phase)}"


def _entry(entry: LedgerEntry, rows: int) -> dict[str, Any]:
    place, shared = entry.place, entry.collection
    return {
        "chain_id": place.chain_id,
        "contract": place.contract,
        "task": place.task,
        "round": place.round,
        "attempt": place.attempt,
        "statement": shared.statement,
        "weights": "all" if shared.weights is None else hex(shared.weights),
        "digest": "0x" + entry.digest.hex(),
        "rows": rows,
        "batches": len(shared.data),
        "data": [str(commitment) for commitment in sorted(shared.data)],
    }


def _short(document: dict[str, Any], column: str) -> str:
    text = str(document[column])
    return f"{text[:10]}…{text[-6:]}" if text.startswith("0x") else text
