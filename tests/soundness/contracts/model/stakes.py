"""StakingContract's pool in Python's integers, token by token, to the wei; written from docs/contracts.md."""

from collections import Counter, defaultdict
from dataclasses import dataclass

WAD = 10**18
VIRTUAL = 10**6
STETH, WSTETH, RETH = range(3)


@dataclass
class Position:
    active: int = 0
    exiting: int = 0
    available_at: int = 0


class StETH:
    """Balances are shares of all pooled ether; transfers round down to whole shares."""

    def __init__(self, supply, shares):
        self.supply, self.shares = supply, Counter(shares)

    @property
    def all_shares(self):
        return sum(self.shares.values())

    def balance(self, account):
        return self.shares[account] * self.supply // self.all_shares

    def move(self, source, target, amount):
        moved = amount * self.all_shares // self.supply
        self.shares[source] -= moved
        self.shares[target] += moved

    def can(self, source, amount):
        return self.shares[source] >= amount * self.all_shares // self.supply


class Plain:
    def __init__(self, balances):
        self.balances = Counter(balances)

    def balance(self, account):
        return self.balances[account]

    def move(self, source, target, amount):
        self.balances[source] -= amount
        self.balances[target] += amount

    def can(self, source, amount):
        return self.balances[source] >= amount


class Stakes:
    """Everybody's shares; ``pool`` is the contract's own address."""

    def __init__(self, pool, treasury, exit_delay, tokens, reth_rate):
        self.pool, self.treasury, self.exit_delay, self.tokens = pool, treasury, exit_delay, tokens
        self.reth_rate = reth_rate
        self.total = Counter()
        self.positions = defaultdict(Position)
        self.locked = Counter()
        self.paused = False
        self.active_from = {}
        """When a contract of rounds may slash from, where the owner took that from it and gave it back; None if not."""

    def copy_position(self, user, asset, found):
        self.positions[user, asset] = Position(found["active"], found["exiting"], found["availableAt"])

    # --- worth ---

    def balance(self, asset):
        return self.tokens[asset].balance(self.pool)

    def amount(self, asset, shares):
        return shares * (self.balance(asset) + 1) // (self.total[asset] + VIRTUAL)

    def rate(self, asset):
        steth = self.tokens[STETH]
        return {STETH: WAD, WSTETH: WAD * steth.supply // steth.all_shares, RETH: self.reth_rate}[asset]

    def worth(self, asset, shares):
        return self.amount(asset, shares) * self.rate(asset) // WAD

    def active_worth(self, user):
        """What counts as stake."""
        return sum(self.worth(asset, p.active) for asset in self.tokens if (p := self.positions[user, asset]).active)

    def all_worth(self, user):
        """What can be slashed."""
        held = {asset: self.positions[user, asset] for asset in self.tokens}
        return sum(self.worth(asset, p.active + p.exiting) for asset, p in held.items())

    # --- what users do ---

    def refusals(self, now, user, function, arguments):
        asset, *rest = arguments
        if asset not in self.tokens:
            return {"UnknownAsset"}
        position = self.positions[user, asset]
        found = set()
        if function == "stake":
            (amount,) = rest
            found |= {"EnforcedPause"} if self.paused else set()
            if not self.tokens[asset].can(user, amount):
                found.add("*")  # the token's own word
            elif self._minted(user, asset, amount)[1] == 0:
                found.add("NothingReceived")
        elif function == "unstake":
            (shares,) = rest
            found |= {"TooFewShares"} if not 0 < shares <= position.active else set()
        elif function == "withdraw":
            (receiver,) = rest
            found |= {"ZeroAddress"} if int(receiver, 16) == 0 else set()
            found |= {"NothingToWithdraw"} if position.exiting == 0 else set()
            found |= {"StillExiting"} if now < position.available_at else set()
            found |= {"StakeLocked"} if now < self.locked[user] else set()
        return found

    def _minted(self, user, asset, amount):
        token, before = self.tokens[asset], self.balance(asset)
        token.move(user, self.pool, amount)
        received = token.balance(self.pool) - before
        token.move(self.pool, user, amount)
        return received, received * (self.total[asset] + VIRTUAL) // (before + 1)

    def apply(self, now, user, function, arguments):
        asset, *rest = arguments
        position = self.positions[user, asset]
        if function == "stake":
            before = self.balance(asset)
            self.tokens[asset].move(user, self.pool, *rest)
            shares = (self.balance(asset) - before) * (self.total[asset] + VIRTUAL) // (before + 1)
            self.total[asset] += shares
            position.active += shares
        elif function == "unstake":
            position.active -= rest[0]
            position.exiting += rest[0]
            position.available_at = now + self.exit_delay
        else:
            paid = self.amount(asset, position.exiting)
            self.total[asset] -= position.exiting
            position.exiting = 0
            self.tokens[asset].move(self.pool, rest[0], paid)

    # --- what contracts do ---

    def at(self, now):
        """What stands behind operators in that block: what they have staked, where nobody restakes."""
        return self

    def is_restaked(self, operator):
        return False

    def behind(self, operator):
        return self.active_worth(operator)

    def too_long(self, operator, until):
        return False

    def penalise(self, kind, operator, value):
        return self.slash(operator, value)

    def lock(self, user, until):
        self.locked[user] = max(self.locked[user], until)

    def slash(self, user, value):
        """Up to ``value`` wei of ETH, active shares first; roundings are against the user. Returns what was taken."""
        taken = 0
        for asset in self.tokens:
            position = self.positions[user, asset]
            held = position.active + position.exiting
            if taken >= value or held == 0:
                continue
            worth, left = self.worth(asset, held), value - taken
            shares = held if worth <= left else -(-held * left // worth)
            taken += min(worth, left)
            if user == self.treasury:  # destroyed: the rest is worth what it should be
                total = self.total[asset] + VIRTUAL
                shares = -(-shares * total // (total - held + shares))
                self.total[asset] -= shares
            else:
                self.positions[self.treasury, asset].active += shares
            active = min(shares, position.active)
            position.active -= active
            position.exiting -= shares - active
        return taken

    def may_slash(self, kind, now):
        active = self.active_from.get(kind, 0)
        return active is not None and active <= now
