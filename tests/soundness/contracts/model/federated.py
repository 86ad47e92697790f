"""A task of HFLContract: updates are hashes, results are accepted by a quorum, and what is missing is reported."""

from collections import defaultdict
from dataclasses import dataclass, field
from hashlib import sha256

from soundness.contracts.model.rounds import NO_ARGUMENTS, SUMMED, Rounds

RESULTS = (b"\x01" * 32, b"\x02" * 32)


@dataclass
class Ballot:
    votes: dict = field(default_factory=lambda: defaultdict(set))
    reports: dict = field(default_factory=lambda: defaultdict(set))
    missing: str | None = None


class Federated(Rounds):
    kind = "hfl"

    def __init__(self, surroundings, coordinator, config, number, quorum):
        super().__init__(surroundings, coordinator, config, number)
        self.quorum = quorum
        self.ballots = defaultdict(Ballot)
        self.results, self.accepted_key, self.credits = {}, 0, ()

    @property
    def ballot(self):
        return self.ballots[self.share_key]

    def enough_of(self, votes):
        return votes * 100 >= self.quorum * self.ready

    def choices(self, accounts, indices):
        """Every call worth making, of every kind: (function, arguments)."""
        yield from ((function, ()) for function in NO_ARGUMENTS)
        yield from (("commitUpdate", (index,)) for index in indices)
        yield from (("ready", (right,)) for right in (True, False))
        yield from (("share", (right,)) for right in (True, False))
        yield from (("confirm", (number,)) for number in range(len(RESULTS)))
        yield from ((function, (account,)) for function in ("expel", "reportMissing") for account in accounts)

    def real(self, task, person, function, arguments):
        """The arguments that the contract is given."""
        if function == "commitUpdate":
            return (self.id, *arguments, sha256(person.name.encode()).digest())
        if function == "share":
            return self.id, task.digest() if arguments[0] else bytes(32), b"\x07" * 32, 0
        if function == "confirm":
            return self.id, RESULTS[arguments[0]]
        if function == "ready":
            return self.id, *person.keys_to_share(right=arguments[0])
        return (self.id, *arguments)

    # --- rules ---

    def _no_commit_update(self, now, actor, index):
        return self._no_update(now, actor, index)

    def _no_share(self, now, actor, right_set):
        return self._no_shares(now, actor, right_set)

    def _voter(self, actor):
        yield from self._phase(SUMMED)
        yield from self._in_set(actor)
        if any(actor in votes for votes in self.ballot.votes.values()):
            yield "AlreadyConfirmed"

    def _no_confirm(self, now, actor, result):
        return self._voter(actor)

    def _no_report_missing(self, now, actor, account):
        yield from self._voter(actor)
        yield from self._in_time(now)
        yield from self._in_set(account)
        if actor in self.ballot.reports[account]:
            yield "AlreadyReported"

    def _not_failed(self, now):
        if self.phase == SUMMED:
            yield from self._over(now)
        else:
            yield from super()._not_failed(now)

    # --- what happens ---

    def _do_commit_update(self, now, actor, index):
        self.count(actor, index)

    def _do_share(self, now, actor, right_set):
        self._do_shares(now, actor)

    def _do_confirm(self, now, actor, result):
        votes = self.ballot.votes[result]
        votes.add(actor)
        if not self.enough_of(len(votes)):
            return
        self.accepted_key, self.credits = self.key, tuple(self.members())
        self.results[self.round] = RESULTS[result]
        self.moves += 1
        if self.moves == self.maximumRounds:
            self.end()
        else:
            self.next_round(now)

    def _do_report_missing(self, now, actor, account):
        ballot = self.ballot
        ballot.reports[account].add(actor)
        reports = len(ballot.reports[account])
        if self.enough_of(reports) or reports + 1 == self.ready:
            ballot.missing = account
            self.expel(now, account)
            self.restart(now)

    def _do_withdraw(self, now, actor):
        """For nothing where its last share was followed by a report of missing that it did not join."""
        last = self.records[actor].shared_in
        ballot = self.ballots[self.key, last - 1]
        free = last != 0 and ballot.missing is not None and actor not in ballot.reports[ballot.missing]
        super()._do_withdraw(now, actor, free=free)
