"""What a contract that holds fees should owe to whom, kept beside it, in Python's integers."""

from collections import Counter


def held(contract, token, *, of_token):
    """What the contract has: of the token, or of ETH."""
    if of_token:
        return token.call("balanceOf", contract.address)
    return contract.chain.balance(contract.address)


class Ledger:
    """Fees and bonds of ``markets``, which are all networks of one contract with the same data owners."""

    def __init__(self, world, contract, markets, credits):
        self.world, self.contract, self.markets, self.credits = world, contract, markets, credits
        self.people = vars(world.people)
        self.came, self.paid, self.escrow = Counter(), Counter(), Counter()
        self.owed, self.claimed = Counter(), Counter()
        self.per_update, self.carried = Counter(), Counter()
        self.open = {}
        self.bonds = {}

    @property
    def updates(self):
        return sum(self.credits.values())

    def asked(self, market, requests, fee):
        for request in requests:
            self.open[request] = (market, fee)
            self.came[market.token] += fee
            self.escrow[market.token] += fee

    def back(self, request, user):
        market, fee = self.open.pop(request)
        self.escrow[market.token] -= fee
        self.owed[user, market.token] += fee

    def answered(self, request, share):
        """The fee is divided."""
        market, fee = self.open.pop(request)
        self.escrow[market.token] -= fee
        part = fee * share // 10_000
        self.owed["dan", market.token] += fee - part
        total = self.carried[market] + part
        self.per_update[market] += total // self.updates
        self.carried[market] = total % self.updates

    def bond(self, case, amount):
        self.bonds[case] = amount
        self.came[False] += amount
        self.escrow[False] += amount

    def bond_to(self, case, name):
        amount = self.bonds.pop(case)
        self.escrow[False] -= amount
        self.owed[name, False] += amount

    def claimable(self, market, name):
        return (self.per_update[market] - self.claimed[market, name]) * self.credits.get(name, 0)

    def claims(self, market, name):
        self.owed[name, market.token] += self.claimable(market, name)
        self.claimed[market, name] = self.per_update[market]

    def withdrawn(self, name, token):
        self.paid[token] += self.owed.pop((name, token))

    def held(self, token):
        return held(self.contract, self.world.token, of_token=token)

    def check(self):
        for token in (False, True):
            owed = sum(units for (_, kind), units in self.owed.items() if kind is token)
            kept = sum(
                self.claimable(market, name)
                for market in self.markets
                if market.token is token
                for name in self.credits
            )
            kept += sum(self.carried[market] for market in self.markets if market.token is token)
            assert self.held(token) == self.escrow[token] + owed + kept
            assert self.came[token] == self.escrow[token] + owed + kept + self.paid[token]

    def check_each(self):
        for name, person in self.people.items():
            for token in (False, True):
                assert self.contract.call("owedTo", person.address, token) == self.owed[name, token]
            for market in self.markets:
                assert market.claimable(person) == self.claimable(market, name)

    def all_is_taken(self, receiver):
        """At the end everybody takes what is theirs: only what is open and what does not divide is left."""
        market = self.markets[0]
        for one in self.markets:
            for name in self.credits:
                if self.claimable(one, name):
                    one.act(self.world.people.eve, "claim", one.id, self.people[name].address)
                    self.claims(one, name)
        for name, token in list(self.owed):
            if self.owed[name, token]:
                market.act(self.people[name], "withdraw", token, receiver)
                self.withdrawn(name, token)
        self.check()
        for one in self.markets:
            assert self.carried[one] < self.updates
            assert self.held(one.token) == self.escrow[one.token] + sum(
                self.carried[other] for other in self.markets if other.token is one.token
            )
