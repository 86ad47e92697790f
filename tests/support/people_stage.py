"""Participants that look at the chain one after the other, in one thread: a test says who, until what, and who lies."""

import contextlib

from twopm_zk.chain.tasks import Phase
from twopm_zk.coordinator.task_creation import create_task
from twopm_zk.errors import TransactionError
from twopm_zk.node.sharing_part import SharingPart
from twopm_zk.numbers.baby_jubjub import SUBGROUP_ORDER, add, multiply, negate
from twopm_zk.participants.attempts import read_attempt
from twopm_zk.participants.records import Attempt
from twopm_zk.sharing import Sharer
from twopm_zk.sharing.masks import sign

ETH = 10**18


class Stage:
    """A coordinator and nodes of a party; with stakes, the nodes have them."""

    def __init__(self, party, **options):
        self.party, self.world = party, party.world
        self.stakes = party.settings.stakes
        self.nodes = [party.node(number, **options) for number in range(len(party.sizes))]
        for node in self.nodes if self.stakes.minimum else ():
            stake(node.view, self.stakes.minimum)
        self.coordinator = party.coordinator()
        self.reader = party.world.view(8)
        self.task = None

    @property
    def state(self):
        return self.reader.state(self.task)

    @property
    def attempt(self):
        return read_attempt(self.reader, self.state)

    @property
    def hlr(self):
        return self.coordinator.view.hlr

    def address(self, number):
        return self.nodes[number].view.address

    def events(self, name):
        events = self.reader.task_events(self.task, from_block=1, to_block=self.reader.block())
        return [event for event in events if event.name == name]

    def begin(self):
        """All are registered, and the first round collects."""
        for node in self.nodes:
            node._register()
        self.task = create_task(self.coordinator.view, self.party.spec, stakes=self.stakes)
        self.coordinator.task = self.task
        self.hlr.open_round(self.task)
        return self

    def tick(self, *who):
        """One look each; what the contract refuses a liar is no error of the others."""
        for participant in who:
            with contextlib.suppress(TransactionError) if is_liar(participant) else contextlib.nullcontext():
                participant.tick()

    def everybody(self, without=()):
        return [*(node for number, node in enumerate(self.nodes) if number not in without), self.coordinator]

    def until(self, phase, *, without=(), coordinator=True, when=lambda state: True, most=60):
        """Let all look again and again until the task is in a phase; numbers of nodes that look away."""
        who = [one for one in self.everybody(without) if coordinator or one is not self.coordinator]
        for _ in range(most):
            for one in who:
                state = self.state
                if state.phase is phase and when(state):
                    return state
                self.tick(one)
        raise AssertionError(f"{self.state.phase.name} after {most} looks, not {phase.name}: {self.party.news}")

    def collected(self):
        """All have submitted; the coordinator has closed."""
        return self.until(Phase.READY)

    def late(self, seconds=1):
        """Let the phase's deadline pass."""
        state = self.state
        now = self.reader.chain.time
        self.world.node.advance(max(0, state.deadline - now) + seconds + 1)

    def last_third(self):
        """Let so much time pass that the last third of the phase begins."""
        state = self.state
        self.world.node.advance(state.deadline - self.reader.chain.time - state.seconds[state.phase] // 3 + 1)

    def proofs(self, number):
        return self.nodes[number]._prover.made

    def key_of(self, number):
        """The secret key of the present attempt."""
        return self.nodes[number].store.round_key(Attempt.of(self.state))

    def close(self):
        for participant in (*self.nodes, self.coordinator):
            participant.store.close()


def stake(view, amount):
    reth = view.deployment.contract(view.chain, "RETHDouble")
    reth.transact("deposit", value=2 * amount)
    reth.transact("approve", view.staking.address, 10**30)
    view.staking.stake(2, reth.call("balanceOf", view.address))


# --- nodes that lie ---


class LyingPart(SharingPart):
    """Shares something else than its opening: ``lie`` more of the first sum. ``blamed`` is the node in whose pair it
    hides that in a dispute; without one it claims the truth. ``reveals`` says whether it answers contradictions."""

    lie, blamed, reveals = 1, None, True

    def _sharer(self, state, sharing_set):
        sharer = super()._sharer(state, sharing_set)
        if sharer is None:
            return None
        lying = object.__new__(type("Lying", (_LyingSharer,), {"lie": self.lie, "blamed": self.blamed}))
        lying.__dict__.update(sharer.__dict__)
        return lying

    def _reveal(self, *arguments):
        if self.reveals:
            super()._reveal(*arguments)


class _LyingSharer(Sharer):
    lie, blamed = 0, None

    def vector(self, generators, opening):
        first, *others = super().vector(generators, opening)
        return ((first + self.lie) % SUBGROUP_ORDER, *others)

    def claims(self, generators):
        found = super().claims(generators)
        if self.blamed in found:
            lie = multiply(generators[0], self.lie % SUBGROUP_ORDER)
            found[self.blamed] = add(found[self.blamed], lie if sign(self.address, self.blamed) > 0 else negate(lie))
        return found

    def answers(self, generators, claims):
        return Sharer.answers(_honest(self), generators, claims)


def _honest(sharer):
    honest = object.__new__(Sharer)
    honest.__dict__.update(sharer.__dict__)
    return honest


def lying(node, *, lie=1, blamed=None, reveals=True, part=LyingPart):
    """The node with a part that lies."""
    kind = type("Lying", (part,), {"lie": lie, "blamed": blamed, "reveals": reveals})
    node._sharing.__class__ = kind
    return node


def is_liar(participant):
    return isinstance(getattr(participant, "_sharing", None), LyingPart)
