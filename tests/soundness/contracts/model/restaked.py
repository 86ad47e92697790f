"""What stands behind operators that may be restaked, and what their fees come to: written from docs/restaking.md.

A promise to a user keeps what counted as stake when it was made: whatever operators and delegators do, a slash can
reach that until the promise is over, less what was slashed meanwhile.
"""

from collections import Counter
from dataclasses import dataclass

from soundness.contracts.model.eigenlayer import BLOCK_SECONDS, DEALLOCATION, WAD, WITHDRAWAL, up
from support.market import DAY

LONGEST, OLDEST = 70, 168
"""Days that a reward is for at most, and that it reaches back."""


@dataclass
class Promise:
    """Shares by asset that have to be within reach until a time: at EigenLayer, or of the pool."""

    operator: str
    until: int
    restaked: bool
    shares: dict
    slack: int = 100
    """What roundings may have cost."""


class Restaked:
    """``at`` says when; everything else is about that block."""

    def __init__(self, stakes, eigen, markets):
        self.stakes, self.eigen = stakes, eigen
        self.markets = {market.kind: market for market in markets}
        self.block = self.time = 0
        self.memberships, self.rewarded, self.handed = {}, {}, Counter()
        self.promises, self.penalties = [], []

    def at(self, now):
        self.block, self.time = now
        return self

    # --- what counts ---

    def active_worth(self, user):
        return self.stakes.active_worth(user)

    def may_slash(self, kind, now):
        return self.stakes.may_slash(kind, now)

    def is_restaked(self, operator):
        return operator in self.eigen.members

    def behind(self, operator):
        """What is allocated and stays, or what the operator has in the pool: never both."""
        if not self.is_restaked(operator):
            return self.stakes.active_worth(operator)
        return sum(self._worth(asset, shares) for asset, shares in self._lasting(operator).items())

    def _lasting(self, operator):
        return {asset: self.eigen.lasting(self.block, operator, asset) for asset in self.eigen.strategies}

    def reach(self, operator):
        """What a slash could take at EigenLayer."""
        return sum(self._worth(asset, self.eigen.reach(self.block, operator, asset)) for asset in self.eigen.strategies)

    def _worth(self, asset, shares):
        return self.eigen.underlying(asset, shares) * self.stakes.rate(asset) // WAD

    @property
    def held(self):
        """Seconds for which EigenLayer holds what leaves."""
        return min(WITHDRAWAL, DEALLOCATION) * BLOCK_SECONDS

    def too_long(self, operator, until):
        return self.is_restaked(operator) and until > self.time + self.held

    # --- promises ---

    def lock(self, operator, until):
        restaked = self.is_restaked(operator)
        if restaked:
            shares = self._lasting(operator)
        else:
            shares = {asset: self.stakes.positions[operator, asset].active for asset in self.stakes.tokens}
        self.promises.append(Promise(operator, until, restaked, shares))
        self.stakes.lock(operator, until)

    def _within_reach(self, promise, asset):
        if promise.restaked:
            return self.eigen.reach(self.block, promise.operator, asset)
        position = self.stakes.positions[promise.operator, asset]
        return position.active + position.exiting

    def check_promises(self):
        """Nobody got away what a user was promised."""
        self.promises = [one for one in self.promises if one.until >= self.time]
        for one in self.promises:
            for asset, shares in one.shares.items():
                found = self._within_reach(one, asset)
                slack = one.slack if one.restaked else 0
                assert found + slack >= shares, f"{found} shares of {asset} within reach, {shares} promised: {one}"

    def penalise(self, kind, operator, value):
        """Wei that were taken: first of the allocation, which is burnt; then of what the operator has in the pool."""
        restaked = taken = 0
        if not self.stakes.may_slash(kind, self.time):
            return 0
        if value and not self.eigen.paused and self.eigen.slashable(self.block, operator):
            restaked = self._burn(operator, value)
        mine = [one for one in self.promises if one.operator == operator and not one.restaked]
        before = {asset: self._pooled(operator, asset) for asset in self.stakes.tokens}
        if restaked < value:
            taken = self.stakes.slash(operator, value - restaked)
        for asset, shares in before.items():
            for one in mine:
                one.shares[asset] = max(0, one.shares[asset] - shares + self._pooled(operator, asset))
        self.penalties.append((operator, restaked + taken, restaked))
        return restaked + taken

    def _pooled(self, operator, asset):
        position = self.stakes.positions[operator, asset]
        return position.active + position.exiting

    def _burn(self, operator, value):
        reach, eigen = self.reach(operator), self.eigen
        if not reach:
            return 0
        wad = min(WAD, up(value, WAD, reach))
        there = {a: eigen.shares[operator, a] + eigen.queued(self.block, operator, a) for a in eigen.strategies}
        units = {a: there[a] // max(1, eigen.magnitude(operator, a)) + 3 for a in eigen.strategies}
        """Shares of one unit of magnitude, of a rounding of either way, and of the other parts."""
        eigen.slash(self.block, operator, wad)
        for one in self.promises:
            if one.operator == operator and one.restaked:
                one.shares = {asset: shares * (WAD - wad) // WAD for asset, shares in one.shares.items()}
                one.slack += sum(units.values())
        gone = reach - self.reach(operator)
        allowed = value + sum(self._worth(a, unit) + 2 for a, unit in units.items()) + reach // WAD + 1
        assert gone <= allowed, f"{gone} wei were slashed for a penalty of {value}"
        return min(gone, value)

    # --- members and fees ---

    def joined(self, operator):
        self.memberships[operator] = (self.time, 0)

    def left(self, operator):
        self.memberships[operator] = (self.memberships[operator][0], self.time)

    def period(self, kind, operator, token):
        """First and last second of what the next reward is for, or the error that refuses it."""
        since, until = self.memberships.get(operator, (0, 0))
        last = (self.time - 1) // DAY
        if until:
            last = min(last, until // DAY)
        first = -(-since // DAY)
        if not since or first >= last:
            return "NoWholePeriod"
        start = max(first, self.rewarded.get((kind, operator, token), 0))
        if start >= last:
            start = last - 1  # a fee that comes late is for the last day once more
        oldest = -(-(self.time - OLDEST * DAY) // DAY)
        start = max(start, oldest, last - LONGEST)
        return (start, last) if start < last else "TooLongAgo"

    def reward_refusals(self, now, kind, operator, token):
        self.at(now)
        if kind not in self.markets:
            return {"NotACaller"}
        period, found = self.period(kind, operator, token), set()
        if isinstance(period, str):
            found.add(period)
        if not self.markets[kind].restaked[operator, token]:
            found.add("NothingToReward")
        return found

    def reward(self, now, kind, operator, token):
        """What `Rewarded` has to say."""
        start, end = self.at(now).period(kind, operator, token)
        self.rewarded[kind, operator, token] = end
        amount = self.markets[kind].collect(operator, token)
        self.handed[token] += amount
        return {"operator": operator, "amount": amount, "start": start * DAY, "end": end * DAY}
