"""Fees and bonds of conversations: what comes in is held, owed or paid out, to the last unit, whatever happens."""

import random
from collections import Counter

import pytest
from support.conversing import (
    ACCEPTED,
    ANSWERED,
    ASKED,
    CREDITS,
    LIE,
    RIGHT,
    WRONG,
    Conversing,
    finished_task,
)
from support.ledger import Ledger
from support.market import DAY, TERMS
from support.rounds_world import ETH


class History:
    """Random acts of everybody, and the ledger beside them."""

    acts = (
        *("ask", "accept", "answer", "decide") * 6,
        *("challenge",) * 4,
        *("claim", "withdraw", "time") * 2,
        *("doubt", "refund", "contradict", "terms"),
    )

    def __init__(self, world, node, markets, seed):
        self.draw, self.node, self.people = random.Random(seed), node, world.people
        self.ledger = Ledger(world, world.conversations, markets, CREDITS)
        self.market, self.cases, self.number = markets[0], {}, 0
        self.done = Counter()

    def step(self):
        self.market = self.draw.choice(self.ledger.markets)
        getattr(self, self.draw.choice(self.acts))()
        self.ledger.check()

    def some(self, state):
        """A request in a state with time left, or None."""
        found = []
        for request in self.ledger.open:
            of = self.market.of(request)
            if of["state"] == state and of["deadline"] > self.market.now() + 60:
                found.append(request)
        return self.draw.choice(found) if found else None

    def ask(self):
        self.ledger.asked(self.market, [self.market.asked()], self.market.fee)

    def accept(self):
        if request := self.some(ASKED):
            self.market.accept(request)

    def answer(self):
        if request := self.some(ACCEPTED):
            self.market.answer(request)

    def refund(self):
        if request := self.some(ASKED):
            self.market.act(self.people.eve, "refund", request)
            self.ledger.back(request, "eve")

    def challenge(self):
        if request := self.some(ANSWERED):
            self.opened(self.market.challenge(request, bond=self.offered(self.market.of(request)["penalty"])))

    def doubt(self):
        self.number += 1
        receipt = self.market.receipt(transcript=self.number.to_bytes(32, "big"))
        self.opened(self.market.challenge_receipt(receipt, bond=self.offered(receipt["penalty"])))

    def offered(self, penalty):
        return self.market.bond(self.people.eve, penalty) + self.draw.choice([0, 0, 7])

    def opened(self, receipt):
        opened = receipt.event("Challenged")
        self.cases[opened["caseId"]] = opened["requestId"]
        self.ledger.bond(opened["caseId"], opened["bond"])

    def decide(self):
        if not self.cases:
            return
        case = self.draw.choice(list(self.cases))
        found = self.market.case(case)
        if found["deadline"] > self.market.now() + 60:
            leaning = self.draw.choice([0.1, 0.9])
            for name in self.draw.sample(list(CREDITS), self.draw.choice([1, 3, 3])):
                if not self.voted(case, name):
                    self.market.act(getattr(self.people, name), "vote", case, self.draw.random() < leaning)
            found = self.market.case(case)
            if max(found["right"], found["wrong"]) < 2:
                return
        self.decided(case)

    def voted(self, case, name):
        return self.market.contract.call("voteOf", case, getattr(self.people, name).address) != 0

    def decided(self, case):
        verdict = self.market.decide(case).event("Decided")["verdict"]
        self.done[verdict] += 1
        self.ledger.bond_to(case, "dan" if verdict == RIGHT else "eve")
        if request := self.cases.pop(case):
            if verdict == RIGHT:
                self.settled(request)
            else:
                self.ledger.back(request, "eve")

    def settled(self, request):
        self.done["settled"] += 1
        self.ledger.answered(request, self.ledger.open[request][0].network["ownersShare"])

    def contradict(self):
        if request := self.some(ANSWERED):
            receipt = self.market.receipt(requestId=request, transcript=LIE)
            arguments = request, receipt, bytes(self.market.sign(receipt))
            self.market.act(self.people.cleo, "proveContradiction", *arguments)
            self.ledger.back(request, "eve")

    def time(self):
        """Days pass, and everything that is due by then is done."""
        self.node.advance(self.draw.choice([1, 4, 8]) * DAY)
        for request in list(self.ledger.open):
            found = self.market.of(request)
            if found["deadline"] >= self.market.now():
                continue
            if found["state"] == ASKED:
                self.market.act(self.people.ben, "refund", request)
                self.ledger.back(request, "eve")
            elif found["state"] == ACCEPTED:
                self.market.act(self.people.ben, "slashLate", request)
                self.ledger.back(request, "eve")
            elif found["state"] == ANSWERED:
                self.market.act(self.people.ben, "settle", request)
                self.settled(request)
        for case in list(self.cases):
            if self.market.case(case)["deadline"] < self.market.now():
                self.decided(case)

    def claim(self):
        name = self.draw.choice(list(CREDITS))
        if self.ledger.claimable(self.market, name):
            self.market.act(self.people.cleo, "claim", self.market.id, getattr(self.people, name).address)
            self.ledger.claims(self.market, name)

    def withdraw(self):
        owed = [key for key, units in self.ledger.owed.items() if units]
        if owed:
            name, token = self.draw.choice(owed)
            self.market.act(getattr(self.people, name), "withdraw", token, self.node.accounts[8])
            self.ledger.withdrawn(name, token)

    def terms(self):
        penalty = self.draw.choice([0, ETH // 100])
        self.market.govern("setTerms", self.market.id, {**LONG, "fee": self.draw.randrange(10**6), "penalty": penalty})


LONG = {**TERMS, "acceptSeconds": 7 * DAY, "answerSeconds": 7 * DAY, "penalty": ETH // 100}


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 3])
def test_what_came_in_is_held_owed_or_paid_out_whatever_happens(world, federated, people, node, seed):
    """Random histories over networks in ETH and in the token, with fees and shares that do not divide."""
    draw = random.Random(seed)
    markets = [
        Conversing(world, federated, **LONG | {"fee": 1 + seed * 999_983}, share=draw.choice([3_333, 9_999])),
        Conversing(world, finished_task(world), **LONG | {"fee": 70_001}, share=draw.choice([1, 10_000]), token=True),
    ]
    people.dan.stake(60 * ETH)
    history = History(world, node, markets, seed)
    for _ in range(70):
        history.step()
    history.ledger.check_each()
    assert set(history.done) >= {WRONG, RIGHT, "settled"}, history.done
    history.ledger.all_is_taken(node.accounts[8])
