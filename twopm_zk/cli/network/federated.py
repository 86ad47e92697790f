"""What the commands of people do where a specification is federated: any model, over HFLContract."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from twopm_zk.cli.next_steps import with_facts
from twopm_zk.cli.options.amounts import show_amount, show_time
from twopm_zk.cli.options.connection import Connection
from twopm_zk.cli.options.federated import ModelChoice, model_options, open_federated
from twopm_zk.cli.options.participants import checked_address, news_printer, spec_argument, stop_on_sigterm
from twopm_zk.cli.output import (
    Steps,
    emit,
    force_option,
    json_option,
    print_table,
    refuse_existing,
    step_after_step,
)
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
    from twopm_zk.participants.rounds.view import looking_again

    view = open_federated(connection, signing=False)

    def look() -> tuple[FederatedSnapshot, FederatedAttempt]:
        state = view.state(number)
        if spec is not None:
            require_federated(state, spec)
        return state, read_attempt(view, state) if state.opened_at else FederatedAttempt()

    state, attempt = looking_again(look)
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

    from twopm_zk.hfl.results import accepted_result
    from twopm_zk.hfl.view import require_federated

    view = open_federated(connection, signing=False)
    state = view.state(number)
    require_federated(state, spec)
    last, result = accepted_result(view, spec, state, round_=round_)
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


def audit_task(connection: Connection, number: int, spec: FederatedSpec, *, as_json: bool) -> int:
    """Check a task again, from the chain and the storage; the exit code."""
    from twopm_zk.hfl.auditor import audit_federated
    from twopm_zk.hfl.report import CHECKS

    steps = Steps(quiet=as_json)
    with steps.step("deployment, compared with the chain"):
        view = open_federated(connection, signing=False)
    with ExitStack() as present:
        report = audit_federated(view, number, spec=spec, progress=step_after_step(steps, present))
    if as_json:
        emit(True, report.to_json())
        return 0 if report.sound else 1
    print_table(
        ("what", "checks", "meaning"),
        [(name, report.counts[name], text) for name, text in CHECKS.items() if name in report.counts],
        title=f"Task {number} of HFLContract on chain {report.chain_id}, up to block {report.block}",
    )
    for one in report.attempts:
        click.echo(f"  {one.sentence()}")
        for node, kind in one.missing.items():
            click.echo(f"    the masked update of {node} is not to be had: {kind}")
    for record in report.datasets.values():
        click.echo(record.sentence)
    for note in report.notes:
        click.echo(f"note: {note}")
    for line in report.failed:
        click.echo(f"FAILED {line}")
    if report.privacy is not None:
        said = report.privacy.sentence
        click.echo(f"{said[0].upper()}{said[1:]}.")
    click.echo("An audit cannot know:")
    for text in report.unknowable:
        click.echo(f"  - {text}")
    click.secho(report.conclusion, fg=None if report.sound else "red", bold=True)
    return 0 if report.sound else 1


@click.command()
@spec_argument
@model_options
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Specification to write, as JSON.")
@click.option("--location", type=click.IntRange(0), default=0, show_default=True, help="Where to put them.")
@force_option
@json_option
def initial(spec_file: Path, model: ModelChoice, out: Path, location: int, force: bool, as_json: bool) -> None:
    """Fix what the training of a federated SPEC starts from: the parameters of your model, by their hash.

    They are put into a storage location of SPEC, where all nodes find them, and the specification that names them is
    written to --out: that is the one to agree on, and to create the task from.

    \b
    Example:
      twopm-zk spec initial draft.toml --model digits.py:Digits --out federated.json
    """
    from dataclasses import replace

    from twopm_zk.errors import SpecError
    from twopm_zk.federated import Storage, first_result, read_federated, with_initial, write_federated
    from twopm_zk.hfl.node import called

    refuse_existing(out, force=force)
    draft = replace(read_federated(spec_file), initial=None)
    loaded = model.load()
    with with_facts(spec=spec_file):
        result = first_result(draft, called("parameters", loaded.parameters))
    if location >= len(draft.locations):
        raise SpecError(f"--location {location} is none of the {len(draft.locations)} in `storage.locations`")
    Storage.of(draft).put(location, result.encoded)
    spec = with_initial(draft, result.hash)
    write_federated(spec, out)
    document = {"out": str(out), "initial": result.hash.hex(), "specification": "0x" + spec.spec_hash.hex()}
    text = (
        f"{spec.parameters} parameters are in storage location {location}; specification {out} names them.\n"
        f"Next: twopm-zk coordinator run {out}"
    )
    emit(as_json, document, text)


def check_federated(spec: FederatedSpec, *, as_json: bool) -> None:
    """What is allowed in a specification and may be unwise, and how much it moves around."""
    from twopm_zk.federated import masked_size, result_size

    document: dict[str, Any] = {
        "specification": None if spec.initial is None else "0x" + spec.spec_hash.hex(),
        "dataset": None if spec.initial is None else "0x" + spec.data_terms.id.hex(),
        "parameters": spec.parameters,
        "masked_update_bytes": masked_size(spec),
        "result_bytes": result_size(spec),
        "warnings": spec.warnings(),
        "noise": None if spec.noise is None else spec.noise.sigma,
    }
    lines = [
        f"{spec.parameters:,} parameters; a node stores {masked_size(spec):,} bytes in a round, and reads as many of "
        "each other node",
        *(f"warning: {text}" for text in document["warnings"]),
    ]
    if spec.initial is None:
        lines.append("`model.initial` is missing: `twopm-zk spec initial` fixes what training starts from")
    else:
        lines.append(f"specification {document['specification']}")
    if spec.noise is not None:
        lines.append(f"each node adds noise of standard deviation {spec.noise.sigma:.3g} to each parameter's change")
    emit(as_json, document, "\n".join(lines))
