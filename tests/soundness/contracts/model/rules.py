"""What calls are refused in rounds of both contracts: each rule that one breaks, by its error."""

import re

NONE, CREATED, COLLECTING, READY, SHARING, SUMMED, DISPUTED, FINISHED = range(8)


def snake(name):
    """``openRound`` as Python would call it."""
    return re.sub("[A-Z]", lambda found: f"_{found[0].lower()}", name)


class Rules:
    """Over the state of a task, which `Rounds` has; ``now`` is (block, time) of the call, in numbers and seconds."""

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
        dataset, before = self.source()
        yield from self.around.data.unusable(now, actor, dataset, index, before)

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
