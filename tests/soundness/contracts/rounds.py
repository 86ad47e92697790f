"""The state machine of rounds in plain Python, from docs/protocol.md, sections 4 and 8: what both contracts share.

`refusals` gives every rule that a call breaks, `apply` what becomes of one that breaks none.
"""

import re
from collections import defaultdict
from copy import copy, deepcopy
from dataclasses import dataclass, field

NONE, CREATED, COLLECTING, READY, SHARING, SUMMED, DISPUTED, FINISHED = range(8)
NO_ARGUMENTS = ("openRound", "close", "reopen", "startSharing", "takeOver", "finish", "withdraw")


def snake(name):
    """``openRound`` as Python would call it."""
    return re.sub("[A-Z]", lambda found: f"_{found[0].lower()}", name)


@dataclass
class Node:
    """What a node did last in a task."""

    participated: int = 0
    in_set: int = 0
    next_index: int = 0
    batches: int = 0
    shared_in: int = 0
    seat: int = 0
    barred: bool = False

    def said(self):
        """What `nodeOf` has to say."""
        return {
            "participated": self.participated,
            "inSet": self.in_set,
            "nextIndex": self.next_index,
            "batches": self.batches,
            "sharedIn": self.shared_in,
            "seat": self.seat,
            "barred": int(self.barred),
        }


@dataclass
class Surroundings:
    """What rounds ask others about: members, data, stakes, and whether the contract may slash."""

    stakes: object
    data: dict
    """(account, index) to (commitment, block of its registration)."""
    since: dict = field(default_factory=dict)
    keys: set = field(default_factory=set)
    """Accounts with a key to share under."""
    withdrawn: set = field(default_factory=set)
    penalties: list = field(default_factory=list)
    """(account, wei that were asked for, wei that were taken)."""


class Rounds:
    """One task. Times are seconds, blocks are numbers; ``now`` is (block, time) of the call that is judged."""

    batches_are_one = False

    def __init__(self, surroundings, coordinator, config, number):
        self.around, self.coordinator, self.config, self.id = surroundings, coordinator, config, number
        self.phase, self.deadline, self.opened_at = CREATED, 0, 0
        self.nodes = self.ready = self.shared = self.updates = 0
        self.round = self.attempt = self.share_attempt = self.moves = self.missed = 0
        self.shared_once = self.disputed = False
        self.records = defaultdict(Node)
        self.barred = ()
        """Whom the contract said to be out for good, as often as it did."""
        self.deadlines = 0
        """Phases that ended by their deadline, or began, since the round opened: what liveness counts."""

    def __getattr__(self, name):
        config = self.__dict__.get("config", {})
        if name in config:
            return config[name]
        raise AttributeError(name)

    def copy(self):
        """The task as it is now; what it asks others about is the same."""
        copied = copy(self)
        copied.records = deepcopy(self.records)
        return copied

    # --- names of things ---

    @property
    def key(self):
        return ((self.round << 32) | self.attempt) + 1

    @property
    def share_key(self):
        return self.key, self.share_attempt

    def inside(self, account):
        return self.records[account].in_set == self.key

    def members(self):
        return [account for account in list(self.records) if self.inside(account)]

    def state(self):
        """What `taskOf` has to say."""
        return {
            "phase": self.phase,
            "minimumNodes": self.minimumNodes,
            "nodes": self.nodes,
            "ready": self.ready,
            "shared": self.shared,
            "updates": self.updates,
            "round": self.round,
            "attempt": self.attempt,
            "shareAttempt": self.share_attempt,
            "deadline": self.deadline,
            "openedAt": self.opened_at,
            "moves": self.moves,
            "sharedOnce": self.shared_once,
            "coordinator": int(self.coordinator, 16),
            "missed": self.missed,
            "disputed": self.disputed,
            "penalty": self.penalty,
            "minimumStake": self.minimumStake,
        }

    # --- what is refused ---

    def refusals(self, now, actor, function, arguments):
        """Names of the errors of all rules that the call breaks; none where it goes through."""
        return set(getattr(self, f"_no_{snake(function)}")(now, actor, *arguments))

    def _phase(self, *phases):
        if self.phase not in phases:
            yield "WrongPhase"

    def _late(self, now):
        return now[1] > self.deadline

    def _in_time(self, now):
        if self._late(now):
            yield "DeadlinePassed"

    def _over(self, now):
        if not self._late(now):
            yield "DeadlineNotReached"

    def _in_set(self, account):
        if not self.inside(account):
            yield "NotInTheSet"

    def _enough(self, count):
        if count < self.minimumNodes:
            yield "BelowMinimum"

    def _staked(self, actor):
        if self.minimumStake and self.around.stakes.active_worth(actor) < self.minimumStake:
            yield "StakeTooLow"

    def _no_open_round(self, now, actor):
        yield from self._phase(CREATED)
        if actor != self.coordinator:
            yield "NotTheCoordinator"

    def _no_update(self, now, actor, index):
        yield from self._phase(COLLECTING)
        yield from self._in_time(now)
        if self.updates == self.maximumUpdates:
            yield "AttemptFull"
        node = self.records[actor]
        if node.barred:
            yield "Barred"
        since = self.around.since.get(actor, 0)
        if since == 0 or since >= self.opened_at:
            yield "NotAMemberBeforeTheRound"
        if node.participated == self.key:
            if node.batches >= self.maximumBatches:
                yield "TooManyBatches"
            if index < node.next_index:
                yield "IndexNotAscending"
        else:
            yield from self._staked(actor)
        if actor in self.around.withdrawn:
            yield "DataIsWithdrawn"
        commitment, registered = self.around.data.get((actor, index), (0, 0))
        if commitment == 0 or registered >= self.opened_at:
            yield "DataNotCommittedBeforeTheRound"

    def _no_close(self, now, actor):
        yield from self._phase(COLLECTING)
        yield from self._enough(self.nodes)
        if actor != self.coordinator and self.updates != self.maximumUpdates:
            yield from self._over(now)

    def _no_ready(self, now, actor, right_key):
        yield from self._phase(READY)
        yield from self._in_time(now)
        node = self.records[actor]
        if node.participated != self.key:
            yield "NotAParticipant"
        if node.in_set == self.key:
            yield "AlreadyReady"
        if not right_key or actor not in self.around.keys:
            yield "NotTheRegisteredKey"

    def _no_start_sharing(self, now, actor):
        yield from self._phase(READY)
        yield from self._over(now)
        yield from self._enough(self.ready)

    def _no_shares(self, now, actor, right_set):
        yield from self._phase(SHARING)
        yield from self._in_time(now)
        yield from self._enough(self.ready)
        yield from self._in_set(actor)
        present = self.share_attempt + 1
        if self.records[actor].shared_in == present:
            yield "AlreadyShared"
        if not right_set:
            yield "WrongSet"
        if present != 1:
            yield from self._staked(actor)

    def _no_withdraw(self, now, actor):
        yield from self._phase(READY, SHARING)
        yield from self._in_time(now)
        if self.phase == READY and self.records[actor].participated != self.key:
            yield "NotAParticipant"
        if self.phase == SHARING:
            yield from self._in_set(actor)

    def _no_expel(self, now, actor, account):
        yield from self._in_set(account)
        yield from self._phase(SHARING)
        if not self.shared_once:
            yield "NobodyHasShared"
        yield from self._over(now)
        if self.records[account].shared_in == self.share_attempt + 1:
            yield "AlreadyShared"

    def _not_failed(self, now):
        """Why the present attempt may still come to something."""
        unshared = self.phase == SHARING and not self.shared_once
        if self.phase == READY:
            if self.ready >= self.minimumNodes:
                yield "EnoughNodes"
            yield from self._over(now)
        elif unshared:
            if self.ready >= self.minimumNodes:
                yield from self._over(now)
        else:
            yield from self._phase(COLLECTING)
            if self.nodes >= self.minimumNodes:
                yield "EnoughNodes"
            yield from self._over(now)

    def _not_stuck(self, now):
        if self.phase != SUMMED:
            yield from self._not_failed(now)
        elif now[1] <= self.deadline + self.disputeSeconds:
            yield "DeadlineNotReached"

    def _no_reopen(self, now, actor):
        yield from self._not_failed(now)

    def _no_take_over(self, now, actor):
        node = self.records[actor]
        waits = node.in_set != 0 and not node.barred and actor != self.coordinator
        present = node.in_set == self.key
        late_sum = present and self.phase == SUMMED and self._late(now)
        if not waits or not (late_sum or (self.missed != 0 and (present or node.in_set == self.missed))):
            yield "CannotTakeOver"

    def _no_finish(self, now, actor):
        judging = self.phase == DISPUTED or (self.phase == SHARING and self.shared_once)
        if self.phase in (NONE, FINISHED) or judging:
            yield "WrongPhase"
        if actor != self.coordinator:
            yield from self._not_given_up(now)
        if self.phase != CREATED and not self.over():
            yield from self._not_stuck(now)
        if self.phase == SUMMED:
            yield from self._over(now)

    def _not_given_up(self, now):
        yield "NotTheCoordinator"

    def over(self):
        """Whether the coordinator may end the task whatever its attempt may come to."""
        return self.moves == self.maximumRounds

    # --- what happens ---

    def apply(self, now, actor, function, arguments):
        getattr(self, f"_do_{snake(function)}")(now, actor, *arguments)

    def enter(self, now, phase, seconds):
        self.phase, self.deadline = phase, now[1] + seconds
        self.deadlines += 1

    def _start_attempt(self, now):
        self.nodes = self.updates = self.ready = self.shared = self.share_attempt = 0
        self.shared_once = False
        self.enter(now, COLLECTING, self.collectSeconds)

    def next_round(self, now):
        self.round, self.attempt, self.opened_at = self.round + 1, 0, now[0]
        self._start_attempt(now)

    def end(self):
        self.phase, self.missed = FINISHED, 0

    def _do_open_round(self, now, actor):
        self.opened_at = now[0]
        self._start_attempt(now)

    def count(self, actor, index):
        """Whether it is the node's first update of the attempt."""
        node = self.records[actor]
        first = node.participated != self.key
        if first:
            node.participated, node.batches, node.shared_in = self.key, 0, 0
            self.nodes += 1
        node.batches += 1
        node.next_index = index + 1
        self.updates += 1
        return first

    def _do_close(self, now, actor):
        self.enter(now, READY, self.readySeconds)

    def _do_ready(self, now, actor, right_key):
        node = self.records[actor]
        node.in_set, node.seat = self.key, self.shared
        self.shared += 1
        self.ready += 1
        self._begin_if_all_are_ready(now)

    def _begin_if_all_are_ready(self, now):
        if self.ready == self.nodes and self.ready >= self.minimumNodes:
            self._begin_sharing(now)

    def _begin_sharing(self, now):
        self.shared, self.disputed = 0, False
        self.enter(now, SHARING, self.shareSeconds)

    def _do_start_sharing(self, now, actor):
        self._begin_sharing(now)

    def _do_shares(self, now, actor):
        self.records[actor].shared_in = self.share_attempt + 1
        self.shared_once = True
        self.shared += 1
        if self.shared == self.ready:
            self.enter(now, SUMMED, self.aggregateSeconds)

    def _do_withdraw(self, now, actor, *, free=False):
        if self.phase == READY:
            self.nodes -= 1
            if self.inside(actor):
                self.remove(actor)
            else:
                self.records[actor].participated = 0
            self._begin_if_all_are_ready(now)
            return
        self.remove(actor)
        if not free:
            self.penalise(now, actor)
        if self.shared_once:
            self.restart(now)

    def _do_expel(self, now, actor, account):
        self.expel(now, account)
        if self.shared == self.ready:
            self.restart(now)

    def _do_reopen(self, now, actor):
        self.attempt += 1
        self._start_attempt(now)

    def _do_take_over(self, now, actor):
        self.coordinator, self.missed = actor, 0

    def _do_finish(self, now, actor):
        self.end()

    def remove(self, account):
        node = self.records[account]
        node.participated = node.in_set = 0
        self.ready -= 1

    def expel(self, now, account):
        self.remove(account)
        self.bar(account)
        self.penalise(now, account)

    def bar(self, account):
        self.records[account].barred = True
        self.barred += (account,)

    def penalise(self, now, account):
        """A contract that may slash no more takes nothing, and blocks nothing."""
        if self.penalty:
            stakes = self.around.stakes
            taken = stakes.slash(account, self.penalty) if stakes.may_slash(self.kind, now[1]) else 0
            self.around.penalties.append((account, self.penalty, taken))

    def restart(self, now):
        if self.ready < self.minimumNodes:
            self.end()
        else:
            self.share_attempt += 1
            self._begin_sharing(now)
