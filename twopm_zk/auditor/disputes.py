"""Disputes replayed: claims that add up, pairs that contradict each other, what was revealed, and who was left out.

Who is left out follows from `judge`. Where nobody revealed anything and silence hides a liar, the task ends. Pairs that
contradict each other are then left out in anybody's order: one of a pair stays once the other one is out.
"""

from __future__ import annotations

from dataclasses import replace

from twopm_zk.auditor.course import Course, Handlers
from twopm_zk.auditor.history import ReplayedEvent
from twopm_zk.chain.tasks import Phase
from twopm_zk.errors import InputError
from twopm_zk.numbers.baby_jubjub import Point, is_on_curve
from twopm_zk.sharing import Departure, Evidence, ProvenPoint, Reveal, SharingSet, Verdict, judge, pair_truth
from twopm_zk.sharing.disputes import claims_add_up

_USES = ("SumOpened", "ModelPublished", "Certified")


class DisputesReplay:
    """The dispute over the present share attempt."""

    def __init__(self, course: Course) -> None:
        self._course = course
        self._set: SharingSet | None = None
        """The set that shared what is disputed; None where nothing is."""
        self._reveals: list[Reveal] = []
        self._truths: dict[frozenset[str], Point] = {}
        """What each pair should have claimed that has been revealed."""
        self._unseen = False
        """Whether something was revealed that this replay could not check."""
        self._disputed: tuple[int, int, int] | None = None
        self._left: set[str] = set()
        self._announced: set[str] = set()
        """Whom the claim that comes next contradicts."""
        self._rejection: ReplayedEvent | None = None
        self.handlers: Handlers = {
            "DisputeOpened": self._opened,
            "PairPointsClaimed": self._claimed,
            "Contradiction": self._contradiction,
            "PairRevealed": self._revealed,
        }

    def before(self, event: ReplayedEvent) -> None:
        """Whether a rejection was that of a sum that is used at once, or had to wait for the dispute's end."""
        rejection, now = self._rejection, self._course
        if rejection is None and event.name in _USES and now.phase is Phase.DISPUTED:
            now.check("disputes", False, event, "uses a sum that is disputed, and does not reject that")
        if rejection is None or event.name in ("NodeBarred", "Penalised"):
            return
        self._rejection = None
        used = event.name in _USES and event.transaction == rejection.transaction
        if not used:
            self.finish(rejection)

    def finish(self, rejection: ReplayedEvent | None = None) -> None:
        """A rejection by which the dispute ended: everybody has claimed the same, so that the sum opens after all."""
        rejection, now = rejection or self._rejection, self._course
        if rejection is None:
            return
        now.check("disputes", now.is_late(rejection), rejection, "ends a dispute before its deadline")
        same = self._verdict.frivolous == rejection["accuser"] and not self._left
        now.check("disputes", same, rejection, "rejects a dispute in which somebody was silent, or lied")
        now.check("disputes", now.total is not None, rejection, "rejects a dispute over a sum that does not open")
        self._set = None
        now.enter(Phase.SUMMED, rejection.time)

    def reject(self, event: ReplayedEvent) -> None:
        """A dispute is said to have been without cause."""
        now = self._course
        now.check_phase("disputes", event, Phase.DISPUTED)
        said = now.view.dispute
        same = said is not None and said.accuser == event["accuser"]
        now.check("disputes", same, event, "rejects the dispute of somebody else")
        self._rejection = event

    # --- what was said ---

    def _opened(self, event: ReplayedEvent) -> None:
        now = self._course
        now.check_phase("disputes", event, Phase.SUMMED)
        now.check("disputes", event["accuser"] in now.sharing_set, event, "is a dispute by somebody outside the set")
        present = (now.round, now.attempt, now.sharing_set.share_attempt)
        now.check("disputes", self._disputed != present, event, "is the second dispute over a share attempt")
        now.follow(event)
        self._set, self._disputed = now.sharing_set, present
        self._reveals, self._truths, self._left, self._unseen = [], {}, set(), False
        now.enter(Phase.DISPUTED, event.time)
        now.check_deadline("disputes", event)

    def _claimed(self, event: ReplayedEvent) -> None:
        now, node = self._course, event["node"]
        now.check_phase("disputes", event, Phase.DISPUTED)
        now.check("disputes", not now.is_late(event), event, f"{node} claims after the deadline")
        valid = all(is_on_curve(Point(x, y)) for x, y in event["points"])
        now.check("disputes", valid, event, f"{node} claims what is no point of the curve")
        others = event["others"]
        inside = node in now.sharing_set and all(other in now.sharing_set and other != node for other in others)
        now.check("disputes", inside, event, "is a claim outside of the set")
        near = inside and all(now.sharing_set.are_neighbours(node, other) for other in others)
        now.check("disputes", near or not inside, event, f"{node} claims a pair with who has no masks with it")
        anew = all(self._claim(node, other) is None for other in others) and not self._truths
        now.check("disputes", anew, event, f"{node} claims what it had claimed, or after a lie was proven")
        now.follow(event)
        evidence = self._evidence
        complete = evidence is not None and claims_add_up(evidence, node)
        what = f"{node} is said to have claimed all, and it does not add up, or the other way round"
        now.check("disputes", complete == event["complete"], event, what)
        differing = {other for other in others if self._claim(other, node) not in (None, self._claim(node, other))}
        now.check("disputes", self._announced == differing, event, "contradicts others than its events tell")
        self._announced = set()

    def _contradiction(self, event: ReplayedEvent) -> None:
        """Comes just before the claim that it is about."""
        self._announced.add(event["other"])

    def _revealed(self, event: ReplayedEvent) -> None:
        now, node, other = self._course, event["node"], event["other"]
        now.check_phase("disputes", event, Phase.DISPUTED)
        inside = self._set is not None and node in now.sharing_set and other in now.sharing_set
        if not now.check("disputes", inside, event, "reveals a pair that is not in the set"):
            return
        assert self._set is not None  # noqa: S101 - just checked
        truth = Point(event["x"], event["y"])
        reveal = _reveal_of(event)
        proven = reveal is not None and pair_truth(self._set, now.view.generators, reveal) == truth
        if event.call is not None and event.call.direct:
            now.check("disputes", proven, event, f"the proof of {node} and {other} gives another point")
        elif not proven:
            self._unseen = True
            now.note(f"round {now.round}: {node} revealed its pair with {other} through another contract, unseen here")
        claimed = (self._claim(node, other), self._claim(other, node))
        differ = None not in claimed and claimed[0] != claimed[1]
        now.check("disputes", differ, event, f"{node} reveals its pair with {other}, and they did not differ")
        if reveal is not None and proven:
            self._reveals.append(reveal)
        self._truths[frozenset((node, other))] = truth

    # --- what follows ---

    def check_departure(self, event: ReplayedEvent, reason: Departure) -> None:
        """That a node had to be left out of the set, for a lie or for silence in a dispute."""
        now, node = self._course, event["node"]
        now.check_phase("disputes", event, Phase.DISPUTED)
        now.check("disputes", node in now.sharing_set, event, f"{node} is left out, and was not in the set")
        self._left.add(node)
        if reason is Departure.LIED:
            lied = any(
                self._claim(node, other) != truth
                for pair, truth in self._truths.items()
                if node in pair
                for other in pair - {node}
            )
            now.check("disputes", lied, event, f"{node} is left out for a lie that nobody has proven")
            return
        end = now.deadline + now.seconds(Phase.DISPUTED)
        over = event.time > end and not self._truths
        now.check("disputes", over, event, f"{node} is left out for silence while lies can still be proven, or are")
        verdict = self._verdict
        hidden = node in verdict.left_out
        now.check("disputes", hidden, event, f"{node} is left out for silence, and has said all")

    def is_settled(self, event: ReplayedEvent) -> bool:
        """Whether liars were proven, so that the others share again; then all of them have to be out."""
        now = self._course
        if self._set is None or now.phase is not Phase.DISPUTED or not self._truths:
            return False
        right = self._unseen or self._verdict.liars <= self._left
        now.check("disputes", right, event, "keeps somebody who was proven to lie")
        self._set = None
        return True

    def is_undecided(self, event: ReplayedEvent) -> bool:
        """Whether no liar was proven, and all that hide one are out: whoever is may have been kept from the chain."""
        now = self._course
        if self._set is None or now.phase is not Phase.DISPUTED or self._truths or not self._left:
            return False
        verdict, left = self._verdict, self._left
        right = verdict.silent <= left and all(pair & left for pair in verdict.contradicted)
        now.check("disputes", right and now.is_late(event), event, "ends a dispute that others still hide a lie in")
        self._set = None
        return True

    @property
    def _evidence(self) -> Evidence | None:
        evidence = self._course.view.evidence
        if evidence is None or self._set is None:
            return None
        return replace(evidence, sharing_set=self._set, reveals=tuple(self._reveals))

    @property
    def _verdict(self) -> Verdict:
        evidence = self._evidence
        return Verdict() if evidence is None else judge(evidence)

    def _claim(self, node: str, other: str) -> Point | None:
        said = self._course.view.dispute
        return None if said is None else said.claims.get(node, {}).get(other)


def _reveal_of(event: ReplayedEvent) -> Reveal | None:
    """What a node has shown, from its call; None where that is nowhere to be found, or makes no sense."""
    if event.call is None or event.call.function != "reveal":
        return None
    try:
        points = [
            ProvenPoint.parse(*(shown[name] for name in ("x", "y", "challenge", "response")))
            for shown in event.call.arguments["shown"]
        ]
    except (InputError, KeyError, TypeError):
        return None
    return Reveal(event["node"], event["other"], *points) if len(points) == 2 else None
