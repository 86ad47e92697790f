"""The state machine of rounds in plain Python, from docs/protocol.md, sections 4 and 8: what both contracts share.

`refusals` gives every rule that a call breaks, `apply` what becomes of one that breaks none.
"""

from collections import defaultdict
from copy import copy, deepcopy
from dataclasses import dataclass, field

from soundness.contracts.model.rules import COLLECTING, CREATED, FINISHED, READY, SHARING, SUMMED, Rules, snake

NO_ARGUMENTS = ("openRound", "close", "reopen", "startSharing", "takeOver", "finish", "withdraw")


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
    data: object
    since: dict = field(default_factory=dict)
    keys: set = field(default_factory=set)
    """Accounts with a key to share under."""
    penalties: list = field(default_factory=list)
    """(account, wei that were asked for, wei that were taken)."""


class Rounds(Rules):
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

    def source(self):
        """The data set that updates are about, and the block before which batches have to be registered."""
        return self.dataset, self.opened_at

    def data_of(self, account, index):
        """The commitment that an update is about; 0 for none."""
        return self.around.data.places.get((account, self.source()[0], index), 0)

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
