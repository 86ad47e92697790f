"""``task show``: how a task stands, who has done what in its round, and all sums that are public."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from twopm_zk.cli.network.federated import show_task as show_federated
from twopm_zk.cli.network.retrain import after_withdrawals
from twopm_zk.cli.next_steps import with_facts
from twopm_zk.cli.options.amounts import show_amount, show_time
from twopm_zk.cli.options.connection import Connection, chain_options
from twopm_zk.cli.options.federated import HFL, contract_option
from twopm_zk.cli.options.participants import open_view
from twopm_zk.cli.output import emit, json_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from twopm_zk.chain.tasks import TaskSnapshot
    from twopm_zk.participants.attempts import AttemptView, Collected
    from twopm_zk.task.specification import TaskSpec
    from twopm_zk.training.distance import Distance


@click.command()
@click.argument("number", metavar="TASK", type=click.IntRange(1))
@click.option(
    "--spec", "spec_file", type=click.Path(path_type=Path), help="Its specification, for coefficients and estimates."
)
@contract_option
@click.option("--statistics", is_flag=True, help="Print the summary of the certified model; needs --spec.")
@chain_options
@json_option
def show(
    connection: Connection, number: int, spec_file: Path | None, contract: str, statistics: bool, as_json: bool
) -> None:
    """Show how TASK stands: phase, deadline, who has handed in, is ready, has shared, and the sums of all rounds.

    Everything is read off the chain, and needs no account. Sums are over all nodes of a round; with --json the
    information that was collected is there in full, by the upper triangle of its matrix. --statistics prints what
    follows from the sums at the certified weights, as statsmodels would: standard errors, tests, and how well the model
    fits.

    \b
    Examples:
      twopm-zk task show 1
      twopm-zk task show 1 --spec spec.toml
      twopm-zk task show 1 --spec spec.toml --statistics
      twopm-zk task show 1 --contract hfl
    """
    from twopm_zk.federated import FederatedSpec, read_specification
    from twopm_zk.participants.attempts import AttemptView, certified_round, read_attempt, read_history
    from twopm_zk.participants.rounds.view import looking_again
    from twopm_zk.participants.task_view import require_certificate, require_spec
    from twopm_zk.training.task_summary import summary_of_task

    given = None if spec_file is None else read_specification(spec_file)
    if isinstance(given, FederatedSpec) or contract == HFL:
        if statistics or not isinstance(given, FederatedSpec | None):
            raise click.UsageError("--statistics, and --spec of a regression, say nothing of a task of HFLContract")
        show_federated(connection, number, given, as_json=as_json)
        return
    if statistics and spec_file is None:
        raise click.UsageError("--statistics needs --spec: the sums alone do not name columns and their units")
    view = open_view(connection, signing=False)

    def look() -> tuple[TaskSnapshot, AttemptView, tuple[Collected, ...]]:
        state = view.state(number)
        if statistics:
            with with_facts(spec=spec_file):
                require_certificate(state)
        if not state.opened_at:
            return state, AttemptView(state.collection, len(state.weights), state.family), ()
        return state, read_attempt(view, state), read_history(view, state)

    state, attempt, history = looking_again(look)
    insecure = view.insecure_verifiers(number)
    coefficients, spec = {}, given
    if spec is not None:
        require_spec(state, spec)
        coefficients = spec.coefficients(state.weights)
    covered = next(iter(certified_round(history)), None) if state.certified else None
    nearness = _distance(spec, state, history, noisy=view.has_noise(number))
    summary = None
    if spec is not None and state.certified:
        claim = f"no component of the gradient exceeds {state.bound_per_row:.3g} per row"
        sums = [one.public_sum(state) for one in history]
        summary = summary_of_task(spec, sums, claim=claim, insecure=bool(insecure))
    document: dict[str, Any] = {
        **_standing(state),
        "spec_hash": "0x" + state.spec_hash.hex(),
        "weights": list(state.weights),
        "certified": state.certified,
        "insecure_keys": insecure,
        "gradient_bound_per_row": state.bound_per_row,
    }
    gone = {} if covered is None else view.withdrawals(state.dataset)
    withdrawn = {node: gone[node] for node in sorted(gone) if covered is not None and node in covered.view.nodes}
    if as_json:
        document |= {
            "nodes_of_the_attempt": _nodes(attempt),
            "rounds": [_round_document(state, one) for one in history],
            "distance_to_optimum": None if nearness is None else _distance_document(nearness, insecure),
            "certified_nodes": None if covered is None else list(covered.view.nodes),
            "certified_rows": None if covered is None else _rows(covered),
            "withdrawn_since": {node: one.to_json() for node, one in withdrawn.items()},
        }
        document |= {"coefficients": coefficients} if spec is not None else {}
        document |= {"statistics": summary.as_dict()} if summary is not None else {}
        emit(True, document)
        return
    if insecure:
        click.secho("INSECURE KEYS: nothing of this task is proven to anybody.", fg="red", bold=True, err=True)
    emit(False, document)
    for name, value in coefficients.items():
        click.echo(f"  {name:<14} {value:+.6g}")
    for line in [*_present_lines(state, attempt), *_past_lines(state, history), *_certificate_lines(covered)]:
        click.echo(line)
    for node, one in withdrawn.items():
        click.echo(f"{one.sentence(node)}.")
    if withdrawn and (hint := after_withdrawals(number, spec_file, withdrawn)) is not None:
        click.echo(hint)
    if statistics:
        click.echo(f"\n{summary}\n")
    if nearness is not None:
        said = nearness.sentence(unproven="the keys are insecure" if insecure else "")
        click.echo(f"At the last gradient {said}.")


def _distance(
    spec: TaskSpec | None, state: TaskSnapshot, history: Sequence[Collected], *, noisy: bool
) -> Distance | None:
    """How far the weights of the last gradient are from the optimum; None before there is any."""
    from twopm_zk.statements import Collection
    from twopm_zk.training.learner import distance_of

    if not any(one.view.collection is Collection.GRADIENT for one in history):
        return None
    return distance_of(spec, state.family, [one.public_sum(state) for one in history], noisy=noisy)


def _distance_document(found: Distance, insecure: Sequence[str]) -> dict[str, Any]:
    return found.to_json() | ({"kind": "insecure-keys"} if found.proven and insecure else {})


def _standing(state: TaskSnapshot) -> dict[str, Any]:
    from twopm_zk.chain.tasks import Phase

    sharing = state.phase in (Phase.SHARING, Phase.SUMMED, Phase.DISPUTED)
    shared = f"{state.shared if sharing else 0} of {state.ready}"
    return {
        "task": state.id,
        "phase": state.phase.name.lower(),
        "collects": state.collected,
        "round": state.round,
        "attempt": state.attempt,
        "moves": f"{state.moves} of {state.maximum_rounds}",
        "coordinator": state.coordinator,
        "nodes": f"{state.nodes} (minimum {state.minimum_nodes})",
        "updates": f"{state.updates} of {state.maximum_updates}",
        "ready": f"{state.ready} of {state.nodes}",
        "shared": shared + (f", share attempt {state.share_attempt}" if state.share_attempt else ""),
        "deadline": _deadline(state),
        "minimum_stake": f"{show_amount(state.minimum_stake)} ETH",
        "lost_by_spoiling": f"{show_amount(state.stake_penalty)} ETH",
    }


def _deadline(state: TaskSnapshot) -> str:
    from twopm_zk.chain.tasks import Phase

    if state.phase in (Phase.CREATED, Phase.FINISHED):
        return "none"
    return show_time(state.deadline) + (" (passed)" if state.late else "")


def _nodes(attempt: AttemptView) -> dict[str, dict[str, Any]]:
    """What each node of the present attempt has done."""
    found: dict[str, dict[str, Any]] = {}
    for node, batches in sorted(attempt.batches.items()):
        found[node] = {"updates": batches, "ready": node in attempt.nodes, "shared": node in attempt.vectors}
    if attempt.sharing_set is not None:
        for node, reason in attempt.sharing_set.departed:
            found.setdefault(node, {})["left"] = reason.value
    return found


def _present_lines(state: TaskSnapshot, attempt: AttemptView) -> Iterator[str]:
    from twopm_zk.chain.tasks import Phase

    if state.phase is Phase.FINISHED or not attempt.batches:
        return
    yield f"round {state.round}, attempt {state.attempt}, {state.collected}:"
    for node, done in _nodes(attempt).items():
        words = [f"{done.get('updates', 0)} updates"]
        words += [word for word in ("ready", "shared") if done.get(word)]
        words += [f"out: {done['left']}"] if "left" in done else []
        yield f"  {node}  {', '.join(words)}"


def _past_lines(state: TaskSnapshot, history: Sequence[Collected]) -> Iterator[str]:
    for one in history:
        nodes = one.view.nodes
        line = f"round {one.round}: {one.collected} of {_rows(one)} rows of {len(nodes)} nodes"
        bound = _bound(state, one)
        if bound is not None:
            line += f", at most {bound:.2e} per row"
        yield f"{line}: {', '.join(nodes)}"


def _certificate_lines(covered: Collected | None) -> Iterator[str]:
    if covered is not None:
        yield (
            f"The certificate covers the {_rows(covered)} rows of {len(covered.view.nodes)} nodes in round "
            f"{covered.round}."
        )


def _round_document(state: TaskSnapshot, one: Collected) -> dict[str, Any]:
    from twopm_zk.statements import Collection

    document: dict[str, Any] = {
        "round": one.round,
        "attempt": one.attempt,
        "collects": one.collected,
        "nodes": list(one.view.nodes),
        "rows": _rows(one),
        "gradient_bound_per_row": _bound(state, one),
    }
    if one.view.collection is Collection.INFORMATION and one.view.total is not None:
        document["information"] = one.view.total.real.tolist()
    return document


def _rows(one: Collected) -> int:
    return 0 if one.view.total is None else one.view.total.rows


def _bound(state: TaskSnapshot, one: Collected) -> float | None:
    from twopm_zk.statements.rounds import BOUND_FRAC_BITS

    bound = one.gradient_bound(state)
    return None if bound is None else bound / (1 << BOUND_FRAC_BITS)
