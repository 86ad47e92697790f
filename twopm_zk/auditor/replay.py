"""The history of a task, replayed from its events: what HLRContract must have computed, computed again.

Events come in the order of the chain, with the proofs in them, some with the calldata of their transactions. Nothing is
taken from the contract's storage; the present state is compared at the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from twopm_zk.auditor.course import Course
from twopm_zk.auditor.disputes import DisputesReplay
from twopm_zk.auditor.history import Registrations, ReplayedEvent
from twopm_zk.auditor.keys import Keyring
from twopm_zk.auditor.report import AuditReport
from twopm_zk.auditor.rounds import RoundsReplay
from twopm_zk.auditor.rule import RuleCheck
from twopm_zk.auditor.sets import SharingReplay
from twopm_zk.chain.tasks import Phase, TaskSnapshot
from twopm_zk.errors import InputError
from twopm_zk.sharing import Place
from twopm_zk.task.specification import TaskSpec
from twopm_zk.training.distance import Distance
from twopm_zk.training.public_sums import PublicSum

_WITH_SET = (Phase.READY, Phase.SHARING, Phase.SUMMED, Phase.DISPUTED)


class Replay:
    """Feed it the events in the order of the chain, then `finish`; it fills the report."""

    def __init__(
        self,
        report: AuditReport,
        registrations: Registrations,
        keyring: Keyring,
        *,
        place: Place,
        task_key: int,
        spec: TaskSpec | None = None,
    ) -> None:
        self._course = Course(report, registrations, keyring, place=place, task_key=task_key)
        self._rounds = RoundsReplay(self._course, RuleCheck(spec, self._course.note))
        self._disputes = DisputesReplay(self._course)
        self._sharing = SharingReplay(self._course, self._disputes)
        parts = (self._rounds, self._disputes, self._sharing)
        self._handlers = {name: handler for part in parts for name, handler in part.handlers.items()}
        self._last: ReplayedEvent | None = None

    @property
    def verifiers(self) -> dict[tuple[str, int], str]:
        """The instance of each statement, by its name and its rows; to be filled before the first event."""
        return self._course.verifiers

    @property
    def noisy(self) -> bool:
        """Whether updates carry noise; to be said before the first event."""
        return self._course.noisy

    @noisy.setter
    def noisy(self, noisy: bool) -> None:
        self._course.noisy = noisy

    @property
    def proofs(self) -> int:
        """Proofs that were looked at so far."""
        return self._course.proofs

    @property
    def weights(self) -> tuple[int, ...]:
        """The weights as they follow from the events so far."""
        return self._course.weights

    @property
    def bound(self) -> int | None:
        """The certified bound, None without a certificate."""
        return self._rounds.bound

    @property
    def distance(self) -> Distance | None:
        """Of the certified weights to the optimum, in standard errors; None without a certificate."""
        return self._rounds.distance

    @property
    def sums(self) -> Sequence[PublicSum]:
        """The sums that were used, all but gradients before the last one."""
        return self._rounds.sums

    @property
    def choices(self) -> Sequence[str]:
        """Who has handed in fewer held-out batches than were registered in time, in sentences."""
        return self._rounds.choices

    def feed(self, event: ReplayedEvent) -> None:
        """The next event. Without the calldata of the task's creation there is nothing to compare with."""
        handler = self._handlers.get(event.name)
        if handler is None or not (self._course.config or event.name == "TaskCreated"):
            return
        if self._last is not None:
            ordered = self._last.moment < event.moment and self._last.time <= event.time
            self._course.check("rounds", ordered, event, "comes before an event that it follows")
        self._last = event
        try:
            self._sharing.before(event)
            self._disputes.before(event)
            handler(event)
        except InputError as error:  # numbers that no contract would have taken
            self._course.check("rounds", False, event, f"{event.name} makes no sense: {error.message}")

    def finish(self) -> None:
        """The history ends here: nothing is due any more."""
        if self._last is not None:
            self._disputes.finish()
            self._sharing.finish(self._last)

    def compare(self, state: TaskSnapshot) -> None:
        """That the contract's present state is the one that follows from its events."""
        now, report = self._course, self._course.report
        for name, (found, follows) in self._states(state).items():
            report.check("final state", found == follows, f"{name} does not follow from the contract's events")
        if now.phase in _WITH_SET:
            same = state.set_digest == now.sharing_set.digest and state.ready == len(now.sharing_set.members)
            report.check("final state", same, "the set of nodes does not follow from the contract's events")
        bound = state.gradient_bound if state.certified else None
        report.check("final state", bound == self.bound, "the certificate does not follow from the contract's events")

    def _states(self, state: TaskSnapshot) -> Mapping[str, tuple[Any, Any]]:
        now, config, training = self._course, self._course.config, self._course.training
        if not config:
            return {"the task": (state.phase, Phase.NONE)}
        present = (now.round, now.attempt, now.sharing_set.share_attempt, now.phase)
        found = (state.round, state.attempt, state.share_attempt, state.phase)
        created = now.phase is Phase.CREATED
        limits = ("minimumNodes", "minimumStake", "penalty", "maximumUpdates", "maximumBatches", "maximumRounds")
        rules = ("lambda", "weightBound", "minRows", "gradientTarget", "family", "information")
        after = ("finalInformation", "evaluation", "heldOutDataset")
        return {
            "the phase": (found, present),
            "the deadline": (state.deadline, state.deadline if created else now.deadline),
            "the coordinator": (state.coordinator, now.coordinator),
            "the weights": (state.weights, now.weights),
            "the step matrix": (state.matrix_hash, now.matrix),
            "the model commitment": (state.model_commitment, now.model),
            "the number of moves": (state.moves, now.moves),
            "the collection": (
                (state.collection, state.held_out),
                (state.collection, state.held_out) if created else (now.collection, now.held_out),
            ),
            "the updates": ((state.nodes, state.updates), (len(now.nodes), self._rounds.updates)),
            "the configuration of rounds": (
                [
                    *(state.minimum_nodes, state.minimum_stake, state.stake_penalty),
                    *(state.maximum_updates, state.maximum_batches, state.maximum_rounds),
                ],
                [config[name] for name in limits],
            ),
            "the durations": (dict(state.seconds), {phase: now.seconds(phase) for phase in state.seconds}),
            "the rules": (
                [
                    *(state.penalty, state.weight_bound, state.minimum_rows, state.gradient_target),
                    *(state.family.number, state.information),
                ],
                [training[name] for name in rules],
            ),
            "what is collected after the certificate": (
                [state.final_information, state.evaluation, "0x" + state.held_out_dataset.hex()],
                [training[name] for name in after],
            ),
            "the hashes of generators": (
                {kind: "0x" + digest.hex() for kind, digest in state.generators.items()},
                {kind: training[f"{kind.name.lower()}Generators"] for kind in state.generators},
            ),
        }
