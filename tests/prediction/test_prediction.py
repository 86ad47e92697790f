"""Asking for predictions: with a stake, through commitments, answered with proofs; and who is refused."""

import json
import threading

import pytest
from support.people_world import SPEC, DoubleProver, Party, Running, replace

from twopm_zk.coordinator.coordinator import CoordinatorSettings
from twopm_zk.errors import ChainError, InputError, MessageError, PeerError, RangeError, SpecError, TransactionError
from twopm_zk.numbers.fixed_point import FEATURES
from twopm_zk.participants.envelope import Header, seal
from twopm_zk.participants.messages import PredictionInput
from twopm_zk.participants.transport import Peer
from twopm_zk.prediction.client import Asker, quantized_row
from twopm_zk.prediction.operator import Operator
from twopm_zk.prediction.store import OperatorStore, UserStore
from twopm_zk.statements import PredictShape, PredictStatement

pytestmark = pytest.mark.slow

ETH = 10**18
ROW = {"GPA": 3.4, "TUCE": 25.0, "PSI": 1.0}
OPERATOR, USER, POOR = 6, 7, 8


def put_up_stake(view, amount=2 * ETH):
    view.network.contract("RETHDouble").transact("deposit", value=2 * amount)
    view.staking.stake(2, amount)


class Stage:
    """A trained model, an operator with a stake, and a user."""

    def __init__(self, world, folder):
        self.party = Party(world, folder, spec=replace(SPEC, gradient_bound=0.2))
        nodes = [self.party.node(number) for number in range(3)]
        coordinator = self.party.coordinator()
        with coordinator, Running(coordinator, *nodes) as running:
            running.wait()
        self.folder, self.world, self.spec = folder, world, self.party.spec
        self.weights = tuple(self.party.coordinator_view.state(1).weights)
        self.operator_view = world.view(OPERATOR)
        put_up_stake(self.operator_view)
        self.prover = DoubleProver()
        self.opened = []

    def operator(self):
        store = OperatorStore(self.folder / "operator.db")
        self.opened.append(store)
        settings = CoordinatorSettings(poll=0.05)
        return Operator(self.operator_view, self.spec, store, 1, prover=self.prover, settings=settings)

    def asker(self, number=USER, *, stake=True):
        view = self.world.view(number)
        if stake:
            put_up_stake(view)
        store = UserStore(self.folder / f"user{number}.db")
        self.opened.append(store)
        return Asker(view, self.spec, store)

    def close(self):
        for store in self.opened:
            store.close()


@pytest.fixture
def stage(world, tmp_path):
    made = Stage(world, tmp_path)
    yield made
    made.close()


def refused(reason):
    return pytest.raises(MessageError, check=lambda error: error.reason == reason)


def test_a_user_with_stake_gets_the_proven_prediction(stage):
    asker = stage.asker()
    operator = stage.operator()
    with operator:
        thread = threading.Thread(target=operator.run, daemon=True)
        thread.start()
        while not asker.view.inference.contract.events("Offered"):
            pass
        request = asker.ask(1, operator.view.address, ROW)
        assert asker.deliver() == 1
        answer = asker.wait(request, timeout=30, poll=0.05)
        operator.loop.stop()
        thread.join()
    shape = PredictShape(3, FEATURES)
    twin = PredictStatement(shape, 0, stage.weights, quantized_row(stage.spec, ROW))
    assert answer.units == twin.prediction
    assert answer.probability == twin.prediction / 65536
    assert operator.store.query("SELECT features, salt FROM inputs") == [("[]", "0")]  # forgotten


def test_one_without_stake_is_refused_with_the_next_command(stage):
    asker = stage.asker(POOR, stake=False)
    operator = stage.operator()
    with operator:
        operator.tick()
        with pytest.raises(TransactionError) as caught:
            asker.ask(1, operator.view.address, ROW)
    assert caught.value.error == "StakeTooLow"
    assert "twopm-zk stake add" in str(caught.value)


def test_an_operator_that_offers_nothing_is_not_asked(stage):
    with pytest.raises(TransactionError) as caught:
        stage.asker().ask(1, stage.operator_view.address, ROW)
    assert caught.value.error == "NotOffered"


def test_inputs_of_others_and_other_inputs_are_refused(stage):
    asker, other = stage.asker(), stage.asker(POOR)
    with stage.operator() as operator:
        operator.tick()
        request = asker.ask(1, operator.view.address, ROW)
        (question,) = asker.store.open_questions(asker.view.inference.address)
        member = asker.view.member(operator.view.address)

        def send(view, **changes):
            content = changes.pop("content", question.content.encode())
            header = Header(
                "input",
                view.chain.chain_id,
                view.inference.address,
                request,
                0,
                0,
                view.address,
                member.address,
                question.commitment,
            )
            sealed = seal(replace(header, **changes), content, member.public_key, view.chain.account)
            return Peer(member.endpoint, pause=0.01).send(sealed)

        with refused("not_the_sender"):
            send(other.view)
        with refused("not_the_sender"):
            send(asker.view, task=request + 1)
        with refused("wrong_contract"):
            send(asker.view, contract=asker.view.hlr.address)
        with refused("wrong_kind"):
            send(asker.view, kind="opening")
        with refused("does_not_open"):
            send(asker.view, content=PredictionInput((1, 2, 3), 4).encode())
        operator.tick()
        assert asker.view.inference.request(request)["state"] == 1  # not accepted: its input never came
        send(asker.view)
        operator.tick()
        assert asker.wait(request).request == request
        with refused("stale"):
            send(asker.view)


def test_both_sides_may_be_killed_in_between(stage):
    asker = stage.asker()
    operator = stage.operator()
    with operator:
        operator.tick()
        member = asker.view.member(operator.view.address)
        request = asker.ask(1, operator.view.address, ROW)
    operator.store.close()
    with pytest.raises(PeerError):
        asker.deliver()
    # the user forgets the number of its request, as if it had been killed before it was noted
    asker.store.run("UPDATE questions SET request = NULL")
    again = stage.operator()
    with again:
        again.tick()
        assert asker.deliver() == 1
        asked = again.store.waiting(again.view.inference.address)[0]
        model = asker.view.inference.request(request)["modelCommitment"]
        again.view.inference.accept(request)
        again._prove(asked, model)  # killed after the proof was kept, before it was sent
    again.store.close()
    third = stage.operator()
    with third:
        third.tick()
        assert asker.wait(request).request == request
    assert len(stage.prover.made) == 1
    assert member is not None


def test_an_operator_that_is_late_is_named(stage):
    asker = stage.asker()
    with stage.operator() as operator:
        operator.tick()
        request = asker.ask(1, operator.view.address, ROW)
    stage.world.node.advance(2 * 86_400)
    with pytest.raises(ChainError, match="has not accepted"):
        asker.wait(request)


def test_rows_that_do_not_fit_are_refused_without_showing_them():
    with pytest.raises(InputError, match="'PSI'"):
        quantized_row(SPEC, {"GPA": 3.0, "TUCE": 20.0})
    with pytest.raises(InputError, match="'AGE'"):
        quantized_row(SPEC, {**ROW, "AGE": 3.0})
    with pytest.raises(RangeError) as caught:
        quantized_row(SPEC, {**ROW, "GPA": 98765.0})
    assert "98765" not in str(caught.value)
    with pytest.raises(SpecError, match="predict"):
        quantized_row(replace(SPEC, instances=replace(SPEC.instances, predict=None)), ROW)


def test_private_values_are_in_no_repr(stage):
    asker = stage.asker()
    with stage.operator() as operator:
        operator.tick()
        asker.ask(1, operator.view.address, ROW)
    (question,) = asker.store.open_questions(asker.view.inference.address)
    assert str(question.content.salt) not in repr(question)
    assert json.dumps(list(question.content.features))[1:-1] not in repr(question)
