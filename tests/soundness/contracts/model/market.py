"""Requests of one network and the money behind them, in Python's integers, written from docs/networks.md.

They are predictions, or conversations, whose answers can be challenged and are voted on.
"""

from collections import Counter
from dataclasses import dataclass, field

from soundness.contracts.model.rules import snake
from support.conversing import CHALLENGE_WINDOW, MINIMUM_BOND, MODEL, PROMPT, TRANSCRIPT, VOTING
from support.market import DAY
from support.rounds_world import fake_proof

ASKED, ACCEPTED, ANSWERED, LATE, REFUNDED, CHALLENGED, SETTLED, WRONG = range(1, 9)
OPEN, RIGHT, FALSE, UNDECIDED = range(1, 5)
CARRY_OUT = 2 * DAY


@dataclass
class Request:
    state: int
    deadline: int
    user: str
    terms: dict
    operator: str
    input: int = 0
    case: int = 0
    restaked: bool = False
    """Accepted on others' stake, who earn of its fee."""


@dataclass
class Case:
    user: str
    deadline: int
    bond: int
    request: int
    penalty: int
    voters: int
    votes: dict = field(default_factory=dict)
    verdict: int = OPEN

    def count(self, right):
        return sum(vote is right for vote in self.votes.values())


class Market:
    """What one contract of requests owes, holds and has paid, for one network of it."""

    def __init__(self, kind, verifier, network, operators, credits, terms, *, token, share):
        self.kind, self.network, self.operators = kind, network, operators
        self.owner = self.operator = operators[0]
        self.conversations = kind == "conversations"
        self.verifier = verifier
        self.model = 0
        self.credits, self.terms, self.token, self.share = credits, dict(terms), token, share
        self.offered, self.closed, self.retired = True, False, False
        self.requests, self.cases, self.open_cases = {}, {}, Counter()
        self.owed, self.claimed, self.restaked, self.obligations = Counter(), Counter(), Counter(), Counter()
        self.beside = []
        """Markets of other contracts, whose requests need stake of their own."""
        self.per_update = self.carried = self.came = self.paid = 0

    # --- sums ---

    @property
    def updates(self):
        return sum(self.credits.values())

    def claimable(self, account):
        return (self.per_update - self.claimed[account]) * self.credits.get(account, 0)

    def escrow(self):
        """Fees of requests that are not over."""
        running = (ASKED, ACCEPTED, ANSWERED, CHALLENGED) if self.conversations else (ASKED, ACCEPTED)
        return sum(request.terms["fee"] for request in self.requests.values() if request.state in running)

    def bonds(self):
        return sum(case.bond for case in self.cases.values() if case.verdict == OPEN)

    def divide(self, request):
        fee = request.terms["fee"]
        part = fee * self.share // 10_000
        earned = self.restaked if request.restaked else self.owed
        earned[request.operator, self.token] += fee - part
        if part:
            total = self.carried + part
            self.per_update += total // self.updates
            self.carried = total % self.updates

    def release(self, request):
        self.obligations[request.operator] -= request.terms["operatorStake"]

    def back(self, request):
        self.owed[request.user, self.token] += request.terms["fee"]

    # --- calls ---

    def choices(self, accounts):
        last = max(self.requests, default=0)
        some = [number for number in (last, last - 1, last - 2, last - 5) if number >= 0]
        yield from (("ask", (kind,)) for kind in ("", "two", "paid", "maximum", "offer", "other"))
        yield from (("accept", ids) for ids in {(one,) for one in some} | {tuple(some[:2]), (some[0], some[0])})
        functions = ("refund", "slashLate", *(("settle", "challenge", "decide") if self.conversations else ()))
        yield from ((function, (number,)) for function in functions for number in some)
        yield from (("answer", (number, kind)) for number in some for kind in ("", "wrong"))
        yield from (("claim", (account,)) for account in accounts)
        yield from (("withdraw", (token, account)) for token in (False, True) for account in (accounts[0], ZERO))
        if self.conversations:
            yield from (("vote", (number, right)) for number in some for right in (True, False))
            yield from (("challenge", (number, "cheap")) for number in some[:1])

    def real(self, actor, function, arguments):
        """(arguments, wei sent) as the contract is given them."""
        value, fee = 0, self.terms["fee"]
        if function == "ask":
            (kind,) = arguments
            count = 2 if kind == "two" and not self.conversations else 1
            value = (0 if self.token else fee * count) + (kind == "paid")
            maximum = fee - 1 if kind == "maximum" and fee else fee
            operator = self.asked(kind)
            if self.conversations:
                return (self.network, operator, bytes(32) if kind == "offer" else MODEL, PROMPT, maximum), value
            inputs = [len(self.requests) + 100 + place for place in range(count)]
            return (self.network, operator, self.verifier - (kind == "offer"), inputs, maximum), value
        if function == "accept":
            return (list(arguments),), 0
        if function == "answer":
            number, kind = arguments
            if self.conversations:
                return (number, bytes(32) if kind else TRANSCRIPT), 0
            asked = self.requests.get(number)
            proof = fake_proof("predict", self.model, asked.input if asked else 0, 40_000 + bool(kind))
            return (number, 40_000, proof), 0
        if function == "claim":
            return (self.network, *arguments), 0
        if function == "challenge":
            value = self.bond(actor, arguments[0]) - (len(arguments) > 1)
            return arguments[:1], value
        return arguments, 0

    def asked(self, kind):
        """The operator that a question is for."""
        return self.operators[kind == "other"]

    def bond(self, user, number):
        request = self.requests.get(number)
        penalty = request.terms["penalty"] if request else 0
        return (MINIMUM_BOND + penalty // 10) * (1 + self.open_cases[user])

    # --- rules ---

    def refusals(self, now, actor, function, arguments, stakes):
        return set(getattr(self, f"_no_{snake(function)}")(now[1], actor, stakes.at(now), *arguments))

    def _state(self, number, *states):
        request = self.requests.get(number)
        if request is None or request.state not in states:
            yield "WrongState"

    def _answerable(self):
        if self.retired:
            yield "RetiredVerifier"

    def _no_ask(self, now, actor, stakes, kind):
        yield from self._answerable()
        if not self.offered:
            yield "NotOffered"
        if kind == "offer":
            yield "OtherModel" if self.conversations else "OtherVerifier"
            yield "UnknownVerifier"
        if self.closed:
            yield "NetworkIsClosed"
        if kind == "maximum" and self.terms["fee"]:
            yield "FeeTooHigh"
        if kind == "paid":
            yield "WrongPayment"
        if stakes.active_worth(actor) < self.terms["userStake"]:
            yield "StakeTooLow"

    def _no_accept(self, now, actor, stakes, *numbers):
        yield from self._answerable()
        obligations = sum(market.obligations[actor] for market in (self, *self.beside))
        if len(set(numbers)) != len(numbers):
            yield "WrongState"
        for number in numbers:
            yield from self._state(number, ASKED)
            request = self.requests.get(number)
            if request and actor != request.operator:
                yield "NotTheOperator"
            if request and now > request.deadline:
                yield "DeadlinePassed"
            obligations += request.terms["operatorStake"] if request else 0
            if request and stakes.too_long(actor, self.held_until(now, request)):
                yield "LockTooLong"
        if not stakes.may_slash(self.kind, now):
            yield "NotACaller"
        if stakes.behind(actor) < obligations:
            yield "StakeTooLow"

    def held_until(self, now, request):
        """For how long a request that is accepted now holds what stands behind it."""
        window = CHALLENGE_WINDOW + VOTING + CARRY_OUT if self.conversations else 7 * DAY
        return now + request.terms["answerSeconds"] + window

    def _no_answer(self, now, actor, stakes, number, kind):
        yield from self._state(number, ACCEPTED)
        yield from self._answerable()
        request = self.requests.get(number)
        if self.conversations and request and actor != request.operator:
            yield "NotTheOperator"
        if request and now > request.deadline:
            yield "DeadlinePassed"
        if kind:
            yield "EmptyDigest" if self.conversations else "InvalidProof"

    def _no_refund(self, now, actor, stakes, number):
        request = self.requests.get(number)
        if request is None or request.state not in (ASKED, ACCEPTED):
            yield "WrongState"
        elif request.state == ACCEPTED:
            if not self.retired:
                yield "StillDue"
        elif actor != request.user and now <= request.deadline:
            yield "NotTheUser"

    def _no_slash_late(self, now, actor, stakes, number):
        yield from self._state(number, ACCEPTED)
        yield from self._answerable()
        request = self.requests.get(number)
        if request and now <= request.deadline:
            yield "DeadlineNotReached"

    def _no_claim(self, now, actor, stakes, account):
        if self.claimable(account) == 0:
            yield "NothingToClaim"

    def _no_withdraw(self, now, actor, stakes, token, receiver):
        if int(receiver, 16) == 0:
            yield "NobodyToPay"
        if self.owed[actor, token] == 0:
            yield "NothingOwed"

    def _no_settle(self, now, actor, stakes, number):
        yield from self._state(number, ANSWERED)
        request = self.requests.get(number)
        if request and now <= request.deadline:
            yield "DeadlineNotReached"

    def _no_challenge(self, now, actor, stakes, number, cheap=""):
        yield from self._state(number, ANSWERED)
        request = self.requests.get(number)
        if request and now > request.deadline:
            yield "DeadlinePassed"
        if request is None or actor != request.user:
            yield "NotTheUser"
        if cheap:
            yield "BondTooLow"

    def _case(self, number):
        case = self.cases.get(number)
        if case is None or case.verdict != OPEN:
            yield "CaseNotOpen"

    def _no_vote(self, now, actor, stakes, number, right):
        yield from self._case(number)
        case = self.cases.get(number)
        if case is None:
            return
        if now > case.deadline:
            yield "DeadlinePassed"
        operator = self.requests[case.request].operator
        if actor in (case.user, operator) or actor not in self.credits:
            yield "NotAVoter"
        if actor in case.votes:
            yield "AlreadyVoted"

    def _no_decide(self, now, actor, stakes, number):
        yield from self._case(number)
        case = self.cases.get(number)
        if case and now <= case.deadline and self._verdict(case) == UNDECIDED:
            yield "DeadlineNotReached"

    @staticmethod
    def _verdict(case):
        for right, verdict in ((True, RIGHT), (False, FALSE)):
            if 2 * case.count(right) > case.voters:
                return verdict
        return UNDECIDED

    # --- what happens ---

    def apply(self, now, actor, function, arguments, stakes):
        getattr(self, f"_do_{snake(function)}")(now[1], actor, stakes.at(now), *arguments)

    def _do_ask(self, now, actor, stakes, kind):
        count = 2 if kind == "two" and not self.conversations else 1
        first = len(self.requests)
        for place in range(count):
            deadline = now + self.terms["acceptSeconds"]
            asked = Request(ASKED, deadline, actor, dict(self.terms), self.asked(kind), first + 100 + place)
            self.requests[len(self.requests) + 1] = asked
            self.came += self.terms["fee"]

    def _do_accept(self, now, actor, stakes, *numbers):
        for number in numbers:
            request = self.requests[number]
            request.state, request.deadline = ACCEPTED, now + request.terms["answerSeconds"]
            request.restaked = stakes.is_restaked(actor)
            self.obligations[actor] += request.terms["operatorStake"]
            stakes.lock(actor, self.held_until(now, request))

    def _do_answer(self, now, actor, stakes, number, kind):
        request = self.requests[number]
        request.state = ANSWERED
        if self.conversations:
            request.deadline = now + CHALLENGE_WINDOW
        else:
            self.release(request)
            self.divide(request)

    def _do_refund(self, now, actor, stakes, number):
        request = self.requests[number]
        if request.state == ACCEPTED:
            self.release(request)
        request.state = REFUNDED
        self.back(request)

    def _do_slash_late(self, now, actor, stakes, number):
        request = self.requests[number]
        request.state = LATE
        self.release(request)
        self.back(request)
        stakes.penalise(self.kind, request.operator, request.terms["penalty"])

    def _do_claim(self, now, actor, stakes, account):
        self.owed[account, self.token] += self.claimable(account)
        self.claimed[account] = self.per_update

    def _do_withdraw(self, now, actor, stakes, token, receiver):
        self.paid += self.owed.pop((actor, token))

    def collect(self, operator, token):
        """What was earned by others' stake goes to EigenLayer."""
        amount = self.restaked.pop((operator, token), 0)
        self.paid += amount
        return amount

    def _do_settle(self, now, actor, stakes, number):
        self._settled(self.requests[number])

    def _settled(self, request):
        request.state = SETTLED
        self.release(request)
        self.divide(request)

    def _do_challenge(self, now, actor, stakes, number, cheap=""):
        request = self.requests[number]
        bond = self.bond(actor, number)
        request.state, request.case = CHALLENGED, len(self.cases) + 1
        voters = len(self.credits) - len({actor, request.operator} & set(self.credits))
        self.cases[request.case] = Case(actor, now + VOTING, bond, number, request.terms["penalty"], voters)
        self.open_cases[actor] += 1
        self.came += bond

    def _do_vote(self, now, actor, stakes, number, right):
        self.cases[number].votes[actor] = right

    def _do_decide(self, now, actor, stakes, number):
        case = self.cases[number]
        case.verdict = self._verdict(case)
        self.open_cases[case.user] -= 1
        request = self.requests[case.request]
        self.owed[request.operator if case.verdict == RIGHT else case.user, False] += case.bond
        if case.verdict == RIGHT:
            self._settled(request)
            return
        request.state = WRONG if case.verdict == FALSE else REFUNDED
        self.release(request)
        self.back(request)
        if case.verdict == FALSE:
            stakes.penalise(self.kind, request.operator, case.penalty)


ZERO = "0x" + "00" * 20
