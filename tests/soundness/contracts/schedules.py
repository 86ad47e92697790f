"""Those who follow the protocol, and those who hold it up: one round of both, on the model or on the contracts."""

from collections import Counter

from soundness.contracts.model.data import Data
from soundness.contracts.model.federated import Federated
from soundness.contracts.model.regression import Regression
from soundness.contracts.model.rounds import Surroundings
from soundness.contracts.model.rules import COLLECTING, DISPUTED, FINISHED, READY, SHARING, SUMMED
from support.federated_task import federated_config
from support.rounds_world import DATASET, ETH, task_config

TASK = {"penalty": ETH // 10, "minimumNodes": 3, "maximumUpdates": 8, "maximumRounds": 2}
TRAINING = {"information": 0, "finalInformation": False, "evaluation": False, "gradientTarget": 1000}
TRAINING |= {"lambda": 1, "weightBound": 2**31, "minRows": 1, "heldOutDataset": bytes(32)}


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
        data = Data({DATASET: ()})
        data.places = {(account, DATASET, 0): number for number, account in enumerate(accounts, 1)}
        data.registered = {(account, number): 0 for number, account in enumerate(accounts, 1)}
        around = Surroundings(RichStakes(), data)
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


def every_schedule(kind, honest, hostile, quorum, coordinator, *, lies=True):
    schedule = Schedule()
    while schedule:
        played = Round(
            OnModel(kind, honest + hostile, quorum), schedule, honest, coordinator=coordinator, lies=lies
        ).play()
        yield schedule, played
        schedule = schedule.following()
