"""How long strangers and a minority can hold a round up: every schedule of theirs on small sets, counted in deadlines.

Those who follow the protocol act at once, and wait for a deadline where they have to. The others do whatever makes them
wait: they join and vanish, come late, share rubbish or what nobody can fetch, leave in the last second, accuse without
cause, stay silent in any phase. Each schedule runs on the model; the slowest ones, and some by chance, on the
contracts, with the model beside them. The bounds are those of docs/protocol.md, section 9.
"""

import random
from collections import Counter

import pytest
from soundness.contracts.federated import Federated
from soundness.contracts.regression import Regression
from soundness.contracts.rounds import COLLECTING, DISPUTED, FINISHED, READY, SHARING, SUMMED, Surroundings
from support.federated_task import federated_config
from support.rounds_world import ETH, task_config

TASK = {"penalty": ETH // 10, "minimumNodes": 3, "maximumUpdates": 8, "maximumRounds": 2}
TRAINING = {"information": 0, "finalInformation": False, "evaluation": False, "gradientTarget": 1000}
TRAINING |= {"lambda": 1, "weightBound": 2**31, "minRows": 1}


class Schedule:
    """What the others choose, one choice after another; all schedules come one after another by `following`."""

    def __init__(self, chosen=(), draw=None):
        self.chosen, self.taken, self.widths, self.draw = list(chosen), [], [], draw

    def choose(self, *options):
        usual = self.draw.randrange(len(options)) if self.draw else 0
        place = len(self.taken)
        pick = self.chosen[place] if place < len(self.chosen) else usual
        self.taken.append(pick)
        self.widths.append(len(options))
        return options[pick]

    def following(self):
        """The next schedule in order, or None after the last one."""
        for place in reversed(range(len(self.taken))):
            if self.taken[place] + 1 < self.widths[place]:
                return Schedule([*self.taken[:place], self.taken[place] + 1])
        return None


class RichStakes:
    def active_worth(self, account):
        return 10 * ETH

    def slash(self, account, value):
        return value

    def may_slash(self, kind, now):
        return True


class OnModel:
    """Calls go to the model alone; time passes at once."""

    def __init__(self, kind, nodes, quorum):
        accounts = [f"0x{number:040x}" for number in range(1, nodes + 1)]
        around = Surroundings(RichStakes(), {(account, 0): (number + 1, 0) for number, account in enumerate(accounts)})
        around.since = dict.fromkeys(accounts, 1)
        around.keys = set(accounts)
        self.accounts, self.now = accounts, (10, 1000)
        if kind == "hfl":
            self.task = Federated(around, accounts[0], federated_config(**TASK), 1, quorum)
        else:
            self.task = Regression(around, accounts[0], task_config(**TASK), 1, TRAINING, 1)

    def do(self, actor, function, *arguments):
        self.now = (self.now[0] + 1, self.now[1] + 1)
        broken = self.task.refusals(self.now, actor, function, arguments)
        assert not broken, f"{function}{arguments}: {broken}"
        self.task.apply(self.now, actor, function, arguments)

    def wait_until(self, time):
        self.now = (self.now[0] + 1, max(time, self.now[1]))


class OnChain(OnModel):
    """The same calls on the contracts, which have to say the same as the model."""

    def __init__(self, arena, kind, nodes, quorum):
        self.arena, self.caller, state = arena, arena.caller, arena.copy()
        self.accounts = arena.accounts[:nodes]
        self.contract = getattr(arena.world, kind)
        chosen = {**TASK, "quorum": quorum, "information": 0, "final": False, "evaluation": False}
        config, extra = arena.settings(kind, chosen)
        outcome = self.caller.send(self.accounts[0], self.contract, "createTask", config, extra)
        number = outcome.named("TaskCreated")[0]["taskId"]
        self.task = arena.model(state, kind, self.accounts[0], number, config, extra)
        self.now = (outcome.block, outcome.time)

    def digest(self):
        return bytes.fromhex(self.contract.call("setDigestOf", self.task.id).removeprefix("0x"))

    def do(self, actor, function, *arguments):
        given = self.task.real(self, self.arena.person(actor), function, arguments)
        outcome = self.caller.send(actor, self.contract, function, *given)
        assert outcome.error is None, f"{function}{arguments}: {outcome.error}"
        self.now = (outcome.block - 1, outcome.time - 1)
        super().do(actor, function, *arguments)
        self.arena.check_task(self.task)

    def wait_until(self, time):
        if time > self.now[1]:
            self.caller.wait_until(time)


class Round:
    """One round of `honest` nodes, the first of whom is the coordinator where there is one, and of `hostile` ones."""

    def __init__(self, place, schedule, honest, *, coordinator, lies=True):
        self.place, self.task, self.choose = place, place.task, schedule.choose
        self.honest, self.hostile = place.accounts[:honest], place.accounts[honest:]
        self.coordinator, self.lies = coordinator, lies
        self.waited = Counter()
        self.rubbish, self.unfetched = set(), set()

    def act(self, actor, function, *arguments):
        self.place.do(actor, function, *arguments)

    def wait(self, phase):
        """For the end of the phase: the only thing that costs time."""
        self.waited[phase] += 1
        self.place.wait_until(self.task.deadline + 1)

    def last_second(self, phase):
        self.waited[phase] += 1
        self.place.wait_until(self.task.deadline - 3)

    def inside(self, accounts):
        return [account for account in accounts if self.task.inside(account)]

    def play(self):
        """Until the round has its result, or the task its end."""
        task = self.task
        self.act(self.honest[0], "openRound")
        while task.phase != FINISHED and not task.moves and not (task.kind == "hlr" and task.certified):
            assert sum(self.waited.values()) < 40, "the round does not end"
            {
                COLLECTING: self.collecting,
                READY: self.readying,
                SHARING: self.sharing,
                SUMMED: self.summed_hlr if task.kind == "hlr" else self.summed_hfl,
                DISPUTED: self.disputed,
            }[task.phase]()
        return self

    def collecting(self):
        update = ("submitUpdate", 0, "") if self.task.kind == "hlr" else ("commitUpdate", 0)
        for account in self.hostile:
            if not self.task.records[account].barred and self.choose(True, False):
                self.act(account, *update)
        for account in self.honest:
            self.act(account, *update)
        if not self.coordinator:
            self.wait("collect")
        self.act(self.honest[0] if self.coordinator else self.honest[1], "close")

    def readying(self):
        task, leaving = self.task, []
        for account in self.hostile:
            if task.records[account].participated == task.key:
                choice = self.choose("silent", "ready", "leaves")
                if choice != "silent":
                    self.act(account, "ready", True)
                if choice == "leaves":
                    leaving.append(account)
        for account in self.honest:
            self.act(account, "ready", True)
        leaving = [account for account in leaving if task.phase == READY]
        if leaving:
            self.last_second("ready")
            for account in leaving:
                if task.phase == READY:
                    self.act(account, "withdraw")
        if task.phase == READY:
            if not leaving:
                self.waited["ready"] += 1
            self.place.wait_until(task.deadline + 1)
            self.act(self.honest[1], "startSharing")

    def sharing(self):
        task, spoilt = self.task, "rubbish" if self.task.kind == "hlr" else "unfetched"
        plans = {account: self.choose("silent", "shares", "leaves", spoilt) for account in self.inside(self.hostile)}
        self.rubbish, self.unfetched = set(), set()
        for account in self.inside(self.honest):
            self.act(account, "share", *self.kind_of_share(""))
        for account, plan in plans.items():
            if plan in ("shares", spoilt):
                self.act(account, "share", *self.kind_of_share(plan))
                (self.rubbish if task.kind == "hlr" else self.unfetched).update({account} if plan == spoilt else ())
        leaving = [account for account, plan in plans.items() if plan == "leaves"]
        if leaving:  # one is enough for the others to share again
            self.last_second("share")
            self.act(leaving[0], "withdraw")
        elif task.phase == SHARING:
            self.wait("share")
            for account, plan in plans.items():
                if plan == "silent":
                    self.act(self.honest[0], "expel", account)

    def kind_of_share(self, plan):
        if self.task.kind == "hfl":
            return (True,)
        return ("rubbish" if plan == "rubbish" else "",)

    def summed_hfl(self):
        task, key = self.task, self.task.share_key
        for account in self.inside(self.hostile):
            choice = self.choose("silent", "other", "reports")
            if choice == "other":
                self.act(account, "confirm", 1)
            elif choice == "reports" and task.share_key == key:
                self.act(account, "reportMissing", self.honest[0])
        for missing in self.inside(self.unfetched):
            for account in self.inside(self.honest):
                if task.share_key == key and task.inside(missing):
                    self.act(account, "reportMissing", missing)
        if task.share_key == key and not self.unfetched:
            for account in self.honest:
                if task.share_key == key and task.phase == SUMMED and not task.moves:
                    self.act(account, "confirm", 0)
        if task.share_key == key and task.phase == SUMMED and not task.moves:
            self.wait("aggregate")
            self.act(self.honest[0], "reopen")

    def summed_hlr(self):
        task = self.task
        accusers = [
            a for a in self.inside(self.hostile) if not self.rubbish and not task.disputed and self.choose(0, 1)
        ]
        if self.rubbish:
            self.act(self.honest[0], "dispute")
        elif accusers:
            self.act(accusers[0], "dispute")
        else:
            self.use()

    def use(self):
        if self.coordinator:
            self.act(self.honest[0], "certify", "")
        else:
            self.wait("aggregate")
            self.act(self.honest[1], "certify", "")

    def disputed(self):
        task = self.task
        if not self.rubbish:
            if not self.coordinator:
                self.wait("dispute")
            self.act(self.honest[0], "certify", "")
            return
        for account in self.inside(self.honest):
            self.act(account, "claim", "")
        liars = [account for account in self.inside(self.rubbish) if self.lies and self.choose(False, True)]
        if liars:  # whoever is contradicted shows the truth, and all who lied of it are out
            self.last_second("dispute")
            task.liar_found = True
            task.expel(self.place.now, liars[0])
            self.act(self.honest[0], "settle")
            return
        silent = [account for account in self.inside(self.hostile) if account not in task.complete]
        self.wait("dispute")
        self.waited["dispute"] += 1
        self.place.wait_until(task.deadline + task.disputeSeconds + 1)
        for account in silent:
            self.act(self.honest[0], "expel", account)
        self.act(self.honest[0], "settle")


def bound(kind, hostile, *, coordinator):
    """Deadlines until a round has its sum used or its result, by phase, as docs/protocol.md has them."""
    limits = {"collect": 0 if coordinator else 1, "ready": min(1, hostile), "share": hostile}
    if kind == "hlr":
        limits["dispute"] = hostile + 1 if hostile else 0
    limits["aggregate"] = 0 if coordinator or kind == "hfl" else 1
    return limits


def every_schedule(kind, honest, hostile, quorum, coordinator, *, lies=True):
    schedule = Schedule()
    while schedule:
        played = Round(
            OnModel(kind, honest + hostile, quorum), schedule, honest, coordinator=coordinator, lies=lies
        ).play()
        yield schedule, played
        schedule = schedule.following()


CASES = [
    ("hlr", 3, 1, 0),
    ("hlr", 3, 2, 0),
    ("hfl", 3, 1, 67),
    ("hfl", 4, 1, 80),
    ("hfl", 3, 0, 100),
    ("hfl", 4, 2, 51),
]


@pytest.mark.parametrize("coordinator", [True, False], ids=["with a coordinator", "without one"])
@pytest.mark.parametrize(("kind", "honest", "hostile", "quorum"), CASES)
def test_no_schedule_of_a_minority_holds_a_round_up_for_longer_than_is_said(
    kind, honest, hostile, quorum, coordinator, tally
):
    limits, tried, ended, longest = bound(kind, hostile, coordinator=coordinator), 0, 0, Counter()
    for schedule, played in every_schedule(kind, honest, hostile, quorum, coordinator):
        tried += 1
        over = {phase: n for phase, n in played.waited.items() if n > limits.get(phase, 0)}
        assert not over, f"{over} deadlines, {limits} at most: {schedule.taken}"
        longest |= played.waited
        failed = played.task.phase == FINISHED and not (played.task.moves or getattr(played.task, "certified", 0))
        ended += failed
        if failed:
            assert played.waited["dispute"] >= 2, "only a dispute that silence leaves undecided ends a task"
    tally.attacks(f"contracts: schedules that hold up a round of {kind.upper()}", tried=tried, refused=tried)
    assert kind == "hlr" or not ended
    assert longest == Counter(limits), "the bound is reached in each phase, so no lower one holds"


@pytest.mark.parametrize(
    ("kind", "honest", "hostile", "quorum"), [("hlr", 3, 2, 0), ("hfl", 3, 1, 67), ("hfl", 4, 1, 80)]
)
def test_the_slowest_schedules_take_as_long_on_the_contracts(arena, kind, honest, hostile, quorum, amount, tally):
    coordinator = kind == "hfl"
    slowest = sorted(
        every_schedule(kind, honest, hostile, quorum, coordinator, lies=False),
        key=lambda found: sum(found[1].waited.values()),
        reverse=True,
    )[: amount(1, 10)]
    chosen = [(schedule.taken, played.waited) for schedule, played in slowest]
    draw = random.Random(honest)
    for _ in range(amount(1, 40)):
        schedule = Schedule(draw=draw)
        played = Round(OnModel(kind, honest + hostile, quorum), schedule, honest, coordinator=coordinator, lies=False)
        chosen.append((schedule.taken, played.play().waited))
    arena.caller.begin()
    for taken, waited in chosen:
        snapshot = arena.caller.rpc("evm_snapshot")
        place = OnChain(arena, kind, honest + hostile, quorum)
        played = Round(place, Schedule(taken), honest, coordinator=coordinator, lies=False).play()
        assert played.waited == waited
        arena.caller.rpc("evm_revert", snapshot)
    arena.caller.end()
    tally.attacks("contracts: schedules that hold up a round, on the chain", tried=len(chosen), refused=len(chosen))


def test_where_the_quorum_does_not_hold_without_them_a_minority_can_hold_results_up_for_ever():
    """docs/protocol.md says so: ask for a quorum that those who are trusted reach."""
    held = Round(OnModel("hfl", 4, 80), Schedule(), 3, coordinator=True)
    held.summed_hfl = lambda: (held.wait("aggregate"), held.act(held.honest[0], "reopen"))
    with pytest.raises(AssertionError, match="does not end"):
        held.play()
    assert held.waited["aggregate"] > 10
