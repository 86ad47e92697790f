"""Disputes over a sum of HLRContract.

All pair points are the identity, for nodes share their openings as they are; who claims others, in such a way that they
add up, contradicts two of them.
"""

from soundness.contracts.model.rounds import Rounds
from soundness.contracts.model.rules import DISPUTED, SUMMED
from support.rounds_world import EVALUATE, EVALUATIONS, GRADIENT, INFORMATION, LOGISTIC, MATRICES, STEP
from support.sharing import flattened

from twopm_zk.numbers.baby_jubjub import IDENTITY, SUBGROUP_ORDER, Point
from twopm_zk.numbers.field import FIELD_ORDER

GENERATORS = {STEP: GRADIENT, INFORMATION: MATRICES, EVALUATE: EVALUATIONS[LOGISTIC]}
OTHER = GRADIENT[0]
"""A pair point that a liar claims."""
ZERO = Point(*IDENTITY)


class Disputes(Rounds):
    """What `Regression` has besides: its nodes' openings, in ``sums`` and ``points``."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.accuser, self.liar_found = None, False
        self.claimed, self.contradictions, self.removed = 0, 0, 0
        self.complete, self.pairs = set(), {}

    def _reject(self, now):
        self.bar(self.accuser)
        self.penalise(now, self.accuser)

    def _no_dispute(self, now, actor):
        yield from self._phase(SUMMED)
        yield from self._in_set(actor)
        if self.disputed:
            yield "AlreadyDisputed"

    def _do_dispute(self, now, actor):
        self.disputed, self.accuser, self.liar_found = True, actor, False
        self.claimed = self.contradictions = self.removed = 0
        self.complete, self.pairs = set(), {}
        self.enter(now, DISPUTED, self.disputeSeconds)

    def _claims(self, actor, kind):
        """Other members by address, and the points that are claimed of them."""
        others = sorted((m for m in self.members() if m != actor), key=lambda account: int(account, 16))
        points = dict.fromkeys(others, ZERO)
        if kind == "crossed" and len(others) > 1:
            first, second = others[:2]
            points[first] = OTHER
            same = (int(actor, 16) < int(first, 16)) == (int(actor, 16) < int(second, 16))
            points[second] = Point((FIELD_ORDER - OTHER[0]) if same else OTHER[0], OTHER[1])
        return points

    def _real_claim(self, task, person, kind):
        points = self._claims(person.address, kind)
        vector = list(self.sums.get(person.address, [1] * len(GENERATORS[self.collected])))
        if kind == "vector":
            vector[0] = (vector[0] + 1) % SUBGROUP_ORDER
        given = [tuple(point) for point in points.values()]
        if kind == "points" and given:
            given[0] = tuple(OTHER)
        return vector, flattened(GENERATORS[self.collected]), list(points), given

    def _no_claim(self, now, actor, kind):
        yield from self._phase(DISPUTED)
        yield from self._in_time(now)
        yield from self._in_set(actor)
        if self.liar_found:
            yield "LiarFound"
        if actor in self.complete:
            yield "AlreadyClaimed"
        if kind == "vector":
            yield "NotTheSharedVector"
        if kind == "points" and self.ready > 1:
            yield "ClaimsDoNotAddUp"

    def _do_claim(self, now, actor, kind):
        for other, point in self._claims(actor, kind).items():
            self.pairs[actor, other] = point
            theirs = self.pairs.get((other, actor))
            self.contradictions += theirs is not None and theirs != point
        self.complete.add(actor)
        self.claimed += 1

    def _contradicted(self, one, two):
        first, second = self.pairs.get((one, two)), self.pairs.get((two, one))
        if first is None or second is None or first == second:
            yield "NotContradicted"

    def _real_reveal(self, task, person, account):
        generators = flattened(GENERATORS[self.collected])
        return (account, *person.reveal(task.person(account)), generators)

    def _no_reveal(self, now, actor, account):
        yield from self._phase(DISPUTED)
        yield from self._in_set(actor)
        yield from self._in_set(account)
        yield from self._contradicted(actor, account)
        if actor == account or not {actor, account} <= set(self.points) or self.phase != DISPUTED:
            yield "NotTheKeys"

    def _do_reveal(self, now, actor, account):
        """What both claimed is not the truth: their masks are not 0."""
        self.liar_found = True
        self.expel(now, actor)
        self.expel(now, account)

    def _not_last_resort(self, now):
        yield from self._phase(DISPUTED)
        if self.liar_found:
            yield "LiarFound"
        if now[1] <= self.deadline + self.disputeSeconds:
            yield "DeadlineNotReached"

    def _no_expel(self, now, actor, account):
        if self.phase != DISPUTED:
            yield from super()._no_expel(now, actor, account)
            return
        yield from self._in_set(account)
        yield from self._not_last_resort(now)
        if account in self.complete:
            yield "AlreadyClaimed"

    def _do_expel(self, now, actor, account):
        if self.phase != DISPUTED:
            super()._do_expel(now, actor, account)
            return
        self.removed += 1
        self.expel(now, account)

    def _no_expel_pair(self, now, actor, one, two):
        yield from self._not_last_resort(now)
        yield from self._contradicted(one, two)
        if self.inside(one) and self.inside(two) and not {one, two} <= self.complete:
            yield "NotClaimed"

    def _do_expel_pair(self, now, actor, one, two):
        del self.pairs[one, two]
        self.contradictions -= 1
        if not (self.inside(one) and self.inside(two)):
            return
        self.claimed -= 2
        self.removed += 2
        self.expel(now, one)
        self.expel(now, two)

    def _no_settle(self, now, actor):
        yield from self._phase(DISPUTED)
        if self.liar_found:
            return
        yield from self._over(now)
        if self.ready != self.claimed or self.contradictions:
            yield "Unsettled"

    def _do_settle(self, now, actor):
        if self.liar_found:
            self.restart(now)
        elif self.removed:
            self.end()
        else:
            self.enter(now, SUMMED, self.aggregateSeconds)
            self._reject(now)
