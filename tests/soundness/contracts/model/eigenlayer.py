"""EigenLayer 1.4 in Python's integers, as far as one operator set and its delegators go, to the share.

From EigenLayer's own documents (AllocationManager.md, SharesAccounting.md). Shares of a staker are deposit shares *
scaling factor * the operator's greatest magnitude; both products round down. A slash takes magnitude, rounded up; what
it leaves of delegated shares is rounded up, and what it takes of queued ones down, so that nobody pays for roundings
of another's shares. Slashed shares wait to be burnt. What calls are refused, eigen_calls.py says.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from dataclasses import dataclass

WAD = 10**18
OFFSET = 1_000
"""Virtual shares and units of a strategy."""
BLOCK_SECONDS = 3_600
WITHDRAWAL, DEALLOCATION = 336, 420
"""Blocks: 14 and 17.5 days, of an hour a block here, as on Ethereum of 12 seconds."""


def up(number, times, parts):
    """number * times / parts, rounded up."""
    return -(-number * times // parts)


@dataclass
class Allocation:
    """Magnitude, what is added to it, and in which block; ``effect`` is 0 where nothing is pending."""

    current: int = 0
    pending: int = 0
    effect: int = 0

    def at(self, block):
        return Allocation(self.current + self.pending) if block >= self.effect else self


@dataclass
class Withdrawal:
    staker: str
    operator: str
    nonce: int
    start: int
    asset: int
    scaled: int
    open: bool = True


class Accounts:
    """What stakers, operators and the set have; ``delegated`` is each staker's operator, who is delegated to itself."""

    def __init__(self, tokens, strategies, delegated):
        self.tokens, self.strategies, self.delegated = tokens, strategies, dict(delegated)
        self.delays = Counter()
        """Of an operator's allocations, in blocks."""
        self.total, self.burnable = Counter(), Counter()
        self.deposits, self.shares, self.scaling = Counter(), Counter(), {}
        self.listed = defaultdict(list)
        """A staker's assets, as EigenLayer goes through them."""
        self.magnitudes = defaultdict(lambda: [(0, WAD)])
        """(block, greatest magnitude from then on) by operator and asset."""
        self.encumbered, self.allocations = Counter(), defaultdict(Allocation)
        self.members, self.until = set(), {}
        """Who is in the set, and until which block who left it can be slashed."""
        self.withdrawals, self.nonces = [], Counter()
        self.paused = False

    # --- sums ---

    def operators(self):
        return [staker for staker, operator in self.delegated.items() if staker == operator]

    def underlying(self, asset, shares):
        balance = self.tokens[asset].balance(self.strategies[asset])
        return shares * (balance + OFFSET) // (self.total[asset] + OFFSET)

    def magnitude(self, operator, asset, block=None):
        """The greatest that the operator can allocate: all that it was never slashed for."""
        history = self.magnitudes[operator, asset]
        return history[-1][1] if block is None else history[bisect_right(history, (block, 2 * WAD)) - 1][1]

    def factor(self, staker, asset):
        return self.magnitude(self.delegated.get(staker), asset)

    def withdrawable(self, staker, asset, deposits=None):
        deposits = self.deposits[staker, asset] if deposits is None else deposits
        return deposits * self.scaling.get((staker, asset), WAD) // WAD * self.factor(staker, asset) // WAD

    def allocation(self, block, operator, asset):
        return self.allocations[operator, asset].at(block)

    def slashable(self, block, operator):
        return operator in self.members or block <= self.until.get(operator, 0)

    def queued(self, block, operator, asset):
        """Shares that are on their way out, and can still be slashed."""
        scaled = sum(
            one.scaled
            for one in self.withdrawals
            if (one.operator, one.asset) == (operator, asset) and one.start >= block - WITHDRAWAL
        )
        return scaled * self.magnitude(operator, asset) // WAD

    def lasting(self, block, operator, asset):
        """Shares that stay allocated for as long as what is taken away now."""
        most, found = self.magnitude(operator, asset), self.allocation(block, operator, asset)
        if not most or not self.slashable(block, operator):
            return 0
        going = found.pending < 0 and found.effect <= block + DEALLOCATION
        magnitude = found.current + (found.pending if going else 0)
        return self.shares[operator, asset] * (magnitude * WAD // most) // WAD

    def reach(self, block, operator, asset):
        """Shares that a slash of all that is allocated would take."""
        current = self.allocation(block, operator, asset).current
        if not current:
            return 0
        there = self.shares[operator, asset] + self.queued(block, operator, asset)
        return there * current // self.magnitude(operator, asset)

    def drawn(self, one):
        """Shares that a withdrawal comes to, as things are."""
        return one.scaled * self.magnitude(one.operator, one.asset, one.start + WITHDRAWAL) // WAD

    # --- what happens to them ---

    def _bound(self, block, operator, asset):
        """Magnitude that is allocated, or will be, and what is being taken away until it is."""
        kept = self.allocations[operator, asset]
        freed = kept.pending if kept.pending < 0 and block >= kept.effect else 0
        return self.encumbered[operator, asset] + freed

    def _settle(self, block, operator, asset):
        """What was pending and is due has happened."""
        self.encumbered[operator, asset] = self._bound(block, operator, asset)
        found = self.allocation(block, operator, asset)
        self.allocations[operator, asset] = Allocation(found.current, found.pending, found.effect)
        return self.allocations[operator, asset]

    def _bought(self, actor, asset, amount):
        """Shares for so many tokens, of which a few units may stay on their way."""
        token, strategy = self.tokens[asset], self.strategies[asset]
        token.move(actor, strategy, amount)
        there = token.balance(strategy) + OFFSET
        token.move(strategy, actor, amount)
        return amount * (self.total[asset] + OFFSET) // (there - amount)

    def credit(self, staker, asset, shares):
        """More deposit shares, such that what was slashed before takes nothing of them."""
        factor, before = self.factor(staker, asset), self.deposits[staker, asset]
        scaling = self.scaling.get((staker, asset), WAD)
        if before:
            scaling = (self.withdrawable(staker, asset) + shares) * WAD // (before + shares)
        self.scaling[staker, asset] = scaling * WAD // factor
        self.deposits[staker, asset] += shares
        if asset not in self.listed[staker]:
            self.listed[staker].append(asset)
        if staker in self.delegated:
            self.shares[self.delegated[staker], asset] += shares

    def _queue(self, block, staker, operator, asset, deposits):
        scaled = deposits * self.scaling.get((staker, asset), WAD) // WAD
        if operator:
            self.shares[operator, asset] -= self.withdrawable(staker, asset, deposits)
        self.deposits[staker, asset] -= deposits
        if not self.deposits[staker, asset]:
            self.scaling.pop((staker, asset), None)
            there = self.listed[staker]
            there[there.index(asset)] = there[-1]
            there.pop()
        self.withdrawals.append(Withdrawal(staker, operator, self.nonces[staker], block, asset, scaled))
        self.nonces[staker] += 1

    def _pay(self, asset, shares, receiver):
        amount = self.underlying(asset, shares)
        self.total[asset] -= shares
        self.tokens[asset].move(self.strategies[asset], receiver, amount)

    # --- what the AVS does ---

    def slash(self, block, operator, wad):
        """That part of each strategy's allocation, times 10^18."""
        for asset in self.strategies:
            found = self._settle(block, operator, asset)
            if not found.current:
                continue
            most = self.magnitude(operator, asset)
            gone = up(found.current, wad, WAD)
            before = self.shares[operator, asset]
            self.shares[operator, asset] = up(before, most - gone, most)
            waiting = [one for one in self.withdrawals if (one.operator, one.asset) == (operator, asset)]
            scaled = sum(one.scaled for one in waiting if one.start >= block - WITHDRAWAL)
            self.burnable[asset] += before - self.shares[operator, asset] + scaled * gone // WAD
            found.current -= gone
            self.encumbered[operator, asset] -= gone
            if found.pending < 0:
                found.pending += up(-found.pending, wad, WAD)
            self.magnitudes[operator, asset].append((block, most - gone))
