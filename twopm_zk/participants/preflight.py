"""Whether a task of a specification can be had in a deployment, before anybody has paid for anything."""

from __future__ import annotations

from twopm_zk.chain.deployment import STATEMENTS
from twopm_zk.chain.rpc import reading
from twopm_zk.chain.tasks import Phase
from twopm_zk.errors import DeploymentError
from twopm_zk.participants.task_view import ChainView
from twopm_zk.task.specification import TaskSpec


def require_verifiers(view: ChainView, spec: TaskSpec) -> None:
    """Raise DeploymentError unless the deployment has a usable verifier for each instance of the specification.

    A task that is under way has fixed its verifiers when it was created, so that nothing is asked for one. The error
    names the instances that are missing, or whose verifiers the registry has retired.
    """
    chosen = spec.instances
    if chosen is None:
        return
    names = chosen.names
    known = view.deployment.verifiers
    missing = [name for name in names if name not in known]
    entries = {name: _entry(view, name) for name in names if name in known}
    retired = [name for name, entry in entries.items() if entry["retired"]]
    other = [name for name, entry in entries.items() if not _is_of(view, name, entry)]
    if not (missing or retired or other) or _under_way(view, spec):
        return
    if missing:
        raise DeploymentError(
            f"the deployment has no verifier of {', '.join(missing)}, which the specification names",
            kind="no-verifiers",
            missing=missing,
        )
    if retired:
        raise DeploymentError(
            f"the registry has retired the verifiers of {', '.join(retired)}", kind="retired-verifiers", retired=retired
        )
    raise DeploymentError(f"the registry has other verifiers of {', '.join(other)} than the deployment file says")


def _entry(view: ChainView, name: str) -> dict[str, object]:
    registry, number = view.network.contract("VerifierRegistry"), view.network.verifier_id(name)
    return dict(reading("a verifier", lambda: registry.call("entryOf", number)))


def _is_of(view: ChainView, name: str, entry: dict[str, object]) -> bool:
    known = view.deployment.verifiers[name]
    statement, family = STATEMENTS.index(known.statement) + 1, known.family.number
    return (entry["verifier"], entry["statement"], entry["family"]) == (known.address, statement, family)


def _under_way(view: ChainView, spec: TaskSpec) -> bool:
    return view.newest_task(spec.spec_hash, lambda state: state.phase is not Phase.FINISHED) is not None
