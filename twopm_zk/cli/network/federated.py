"""What the commands of people do where a specification is federated: any model, over HFLContract."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from twopm_zk.cli.options.amounts import show_amount, show_time
from twopm_zk.cli.options.connection import Connection
from twopm_zk.cli.options.federated import ModelChoice, open_federated
from twopm_zk.cli.options.participants import checked_address, news_printer, stop_on_sigterm
from twopm_zk.cli.output import emit
from twopm_zk.system import files

if TYPE_CHECKING:
    from twopm_zk.chain.federated import FederatedSnapshot
    from twopm_zk.coordinator.task_creation import Stakes
    from twopm_zk.federated import FederatedSpec
    from twopm_zk.hfl.attempts import FederatedAttempt
    from twopm_zk.hfl.node import FederatedConsent


def run_node(
    connection: Connection,
    spec: FederatedSpec,
    *,
    model: ModelChoice,
    data: bytes | None,
    coordinator: str,
    task: int | None,
    location: int,
    consent: FederatedConsent,
    state: Path,
    poll: float,
    as_json: bool,
) -> None:
    """A node's part, until the task is finished."""
    from twopm_zk.hfl.node import FederatedNode
    from twopm_zk.hfl.store import FederatedStore

    loaded, notify = model.load(), news_printer(as_json)
    with FederatedStore(state) as store:
        participant = FederatedNode(
            open_federated(connection, notify=notify),
            spec,
            store,
            model=loaded,
            coordinator=checked_address(coordinator),
            data=data,
            task=task,
            location=location,
            consent=consent,
            notify=notify,
            poll=poll,
        )
        stop_on_sigterm(participant.loop)
        participant.run()


def run_coordinator(
    connection: Connection,
    spec: FederatedSpec,
    *,
    task: int | None,
    nodes: int,
    stakes: Stakes,
    straggler_seconds: int,
    state: Path,
    poll: float,
    as_json: bool,
) -> None:
    """A coordinator's part, until the task is finished."""
    from twopm_zk.hfl.coordinator import FederatedCoordinator, FederatedSettings, require_initial
    from twopm_zk.hfl.store import CoordinatorState

    settings = FederatedSettings(nodes=nodes, stakes=stakes, straggler_seconds=straggler_seconds, poll=poll)
    notify = news_printer(as_json)
    require_initial(spec)
    with CoordinatorState(state) as store:
        participant = FederatedCoordinator(
            open_federated(connection, notify=notify), spec, store, settings=settings, task=task, notify=notify
        )
        stop_on_sigterm(participant.loop)
        participant.run()


def show_task(connection: Connection, number: int, spec: FederatedSpec | None, *, as_json: bool) -> None:
    """How a task stands, and who has done what in its present round."""
    from twopm_zk.chain.tasks import Phase
    from twopm_zk.hfl.attempts import FederatedAttempt, read_attempt
    from twopm_zk.hfl.view import require_federated

    view = open_federated(connection, signing=False)
    state = view.state(number)
    if spec is not None:
        require_federated(state, spec)
    attempt = read_attempt(view, state) if state.opened_at else FederatedAttempt()
    document: dict[str, Any] = {
        "task": state.id,
        "phase": state.phase.name.lower(),
        "round": state.round,
        "attempt": state.attempt,
        "results": f"{state.results} of {state.maximum_rounds}",
        "coordinator": state.coordinator,
        "quorum": f"{state.quorum} %",
        "nodes": f"{state.nodes} (minimum {state.minimum_nodes})",
        "ready": f"{state.ready} of {state.nodes}",
        "shared": _shared(state),
        "deadline": _deadline(state),
        "minimum_stake": f"{show_amount(state.minimum_stake)} ETH",
        "lost_by_spoiling": f"{show_amount(state.stake_penalty)} ETH",
        "spec_hash": "0x" + state.spec_hash.hex(),
        "latest_result": "0x" + state.latest_result.hex() if state.results else None,
    }
    if as_json:
        accepted = ["0x" + one.hex() for one in view.accepted(state)]
        emit(True, document | {"nodes_of_the_attempt": _nodes(attempt), "accepted_results": accepted})
        return
    emit(False, document)
    if state.phase is not Phase.FINISHED:
        for line in _lines(state, attempt):
            click.echo(line)


def write_parameters(
    connection: Connection, number: int, spec: FederatedSpec, *, out: Path, round_: int | None, as_json: bool
) -> None:
    """The parameters of a task's accepted result as a file of numpy. InputError where there is none of that round."""
    import io

    import numpy as np

    from twopm_zk.errors import InputError
    from twopm_zk.federated import Storage
    from twopm_zk.hfl.results import find_result
    from twopm_zk.hfl.view import require_federated

    view = open_federated(connection, signing=False)
    state = view.state(number)
    require_federated(state, spec)
    last = state.results - 1 if round_ is None else round_
    if not 0 <= last < state.results:
        raise InputError(
            f"task {number} has {state.results} accepted results"
            + ("" if round_ is None else f"; none is of round {round_}"),
            kind="no-result",
            task=number,
        )
    result = find_result(spec, Storage.of(spec), view.hfl.result_of(number, last), round_=last + 1)
    content = io.BytesIO()
    np.savez(content, *result.arrays(spec))
    files.write_bytes(out, content.getvalue())
    document = {"task": number, "round": last, "result": result.hash.hex(), "out": str(out)}
    document |= {"weight": result.weight, "mean_loss": result.mean_loss}
    text = f"{spec.parameters} parameters of round {last}, result {result.hash.hex()[:16]}..., are in {out}."
    emit(as_json, document, text)


def _shared(state: FederatedSnapshot) -> str:
    from twopm_zk.chain.tasks import Phase

    sharing = state.phase in (Phase.SHARING, Phase.SUMMED)
    again = f", share attempt {state.share_attempt}" if state.share_attempt else ""
    return f"{state.shared if sharing else 0} of {state.ready}{again}"


def _deadline(state: FederatedSnapshot) -> str:
    from twopm_zk.chain.tasks import Phase

    if state.phase in (Phase.CREATED, Phase.FINISHED):
        return "none"
    return show_time(state.deadline) + (" (passed)" if state.late else "")


def _nodes(attempt: FederatedAttempt) -> dict[str, dict[str, Any]]:
    """What each node of the present attempt has done."""
    found: dict[str, dict[str, Any]] = {}
    for node in sorted({*attempt.updates, *attempt.nodes}):
        result = attempt.confirmed.get(node)
        found[node] = {
            "ready": node in attempt.nodes,
            "shared": node in attempt.shared,
            "confirmed": None if result is None else "0x" + result.hex(),
            "reported_missing_by": len(attempt.reports.get(node, ())),
        }
    for node, reason in attempt.gone.items():
        found.setdefault(node, {})["left"] = reason.value
    return found


def _lines(state: FederatedSnapshot, attempt: FederatedAttempt) -> Iterator[str]:
    if attempt.updates:
        yield f"round {state.round}, attempt {state.attempt}:"
    for node, done in _nodes(attempt).items():
        words = ["update committed"] if node in attempt.updates else []
        words += [word for word in ("ready", "shared") if done.get(word)]
        words += [f"confirmed {done['confirmed'][:18]}..."] if done.get("confirmed") else []
        words += [f"missing to {done['reported_missing_by']}"] if done.get("reported_missing_by") else []
        words += [f"out: {done['left']}"] if "left" in done else []
        yield f"  {node}  {', '.join(words)}"
