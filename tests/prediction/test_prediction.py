"""Asking for predictions: with a stake, through commitments, answered with proofs; and who is refused."""

import json
import re
import threading
import time

import pytest
from support.people_world import SPEC, DoubleProver, Party, Running, replace

from twopm_zk.chain import Chain
from twopm_zk.chain.network import Network
from twopm_zk.chain.networks import NetworkTerms
from twopm_zk.cli.next_steps import next_step
from twopm_zk.errors import ChainError, InputError, MessageError, PeerError, RangeError, SpecError, TransactionError
from twopm_zk.numbers.fixed_point import FEATURES
from twopm_zk.participants.envelope import Header, seal
from twopm_zk.participants.messages import PredictionInput
from twopm_zk.participants.service import ServiceSettings
from twopm_zk.participants.task_view import ChainView
from twopm_zk.participants.transport import Peer
from twopm_zk.prediction.client import PredictionClient
from twopm_zk.prediction.enrolment import creditors, enrol_all, missing
from twopm_zk.prediction.operator import Operator
from twopm_zk.prediction.refunds import late_requests, refund, refundable
from twopm_zk.prediction.requests import ChainRequest, RequestState, quantized_row
from twopm_zk.prediction.store import HeldInput, OperatorStore, SentInput, UserStore
from twopm_zk.proving.statement_prover import proof_numbers
from twopm_zk.statements import PredictShape, PredictStatement

pytestmark = pytest.mark.slow

ETH = 10**18
ROW = {"GPA": 3.4, "TUCE": 25.0, "PSI": 1.0}
OPERATOR, USER, POOR = 6, 7, 8


def put_up_stake(view, amount=2 * ETH):
    view.network.contract("RETHDouble").transact("deposit", value=2 * amount)
    view.staking.stake(2, amount)


@pytest.fixture(scope="module")
def trained(deployed, tmp_path_factory):
    """A task that is finished, and an operator with a stake, for all tests of this file."""
    snapshot = deployed.node.snapshot()
    party = Party(deployed, tmp_path_factory.mktemp("trained"), spec=replace(SPEC, gradient_bound=0.2))
    nodes = [party.node(number) for number in range(3)]
    coordinator = party.coordinator()
    with Running(coordinator, *nodes) as running:
        running.wait()
    put_up_stake(deployed.view(OPERATOR))
    deployed.view(1).networks.register(1, bytes(32), NetworkTerms())
    yield party
    deployed.node.revert(snapshot)


class Stage:
    """A trained model, an operator with a stake, and a user."""

    def __init__(self, party, folder):
        self.folder, self.world, self.spec = folder, party.world, party.spec
        self.operator_view = self.world.view(OPERATOR)
        self.weights = tuple(self.operator_view.state(1).weights)
        self.prover = DoubleProver()
        self.opened, self.news = [], []

    def operator(self):
        store = OperatorStore(self.folder / "operator.db")
        self.opened.append(store)
        settings = ServiceSettings(poll=0.05)
        return Operator(
            self.operator_view,
            self.spec,
            store,
            1,
            prover=self.prover,
            settings=settings,
            notify=lambda item: self.news.append(item.kind),
        )

    def client(self, number=USER, *, stake=True):
        view = self.world.view(number)
        if stake:
            put_up_stake(view)
        store = UserStore(self.folder / f"user{number}.db")
        self.opened.append(store)
        return PredictionClient(view, self.spec, store)

    def close(self):
        for store in self.opened:
            store.close()


@pytest.fixture
def stage(trained, world, tmp_path):
    made = Stage(trained, tmp_path)
    yield made
    made.close()


def refused(reason):
    return pytest.raises(MessageError, check=lambda error: error.reason == reason)


def test_a_user_with_stake_gets_the_proven_prediction(stage):
    client = stage.client()
    operator = stage.operator()
    with operator:
        thread = threading.Thread(target=operator.run, daemon=True)
        thread.start()
        while not client.view.inference.contract.events("Offered"):
            pass
        request = client.ask(1, operator.view.address, [ROW])[0]
        assert client.deliver() == 1
        answer = client.wait(request, timeout=30, poll=0.05)
        operator.loop.stop()
        thread.join()
    (kept,) = client.store.kept(client.view.inference.address, 1, operator.view.address)
    assert kept.content.features == ()  # nobody needs them any more
    client.heard(request)
    shape = PredictShape(3, FEATURES)
    twin = PredictStatement(shape, 0, stage.weights, quantized_row(stage.spec, ROW))
    assert answer.units == twin.prediction
    assert answer.expected == twin.prediction / 65536
    assert answer.insecure == ("step-48x3", "information-48x3", "aggregate-3", "certify-3", "predict-3")
    assert operator.store.query("SELECT features, salt FROM inputs") == [("[]", "0")]  # forgotten
    assert client.store.query("SELECT * FROM questions") == []


def test_one_without_stake_is_refused_with_the_next_command(stage):
    client = stage.client(POOR, stake=False)
    operator = stage.operator()
    with operator:
        operator.tick()
        with pytest.raises(TransactionError) as caught:
            client.ask(1, operator.view.address, [ROW])[0]
    assert caught.value.error == "StakeTooLow"
    assert "twopm-zk stake add" in next_step(caught.value)


def test_an_operator_that_offers_nothing_is_not_asked(stage):
    with pytest.raises(TransactionError) as caught:
        stage.client().ask(1, stage.operator_view.address, [ROW])
    assert caught.value.error == "NotOffered"


def test_inputs_of_others_and_other_inputs_are_refused(stage):
    client, other = stage.client(), stage.client(POOR)
    with stage.operator() as operator:
        operator.tick()
        request = client.ask(1, operator.view.address, [ROW])[0]
        (sent,) = client.store.pending(client.view.inference.address)
        member = client.view.member(operator.view.address)

        def send(view, **changes):
            content = changes.pop("content", sent.content.encode())
            header = Header(
                "input",
                view.chain.chain_id,
                view.inference.address,
                request,
                view.address,
                member.address,
                sent.commitment,
            )
            sealed = seal(replace(header, **changes), content, member.public_key, view.chain.account)
            return Peer(member.endpoint, pause=0.01).send(sealed)

        with refused("not_the_sender"):
            send(other.view)
        with refused("not_the_sender"):
            send(client.view, task=request + 1)
        with refused("wrong_contract"):
            send(client.view, contract=client.view.hlr.address)
        with refused("malformed"):
            send(client.view, kind="opening")
        with refused("does_not_open"):
            send(client.view, content=PredictionInput((1, 2, 3), 4).encode())
        operator.tick()
        assert client.view.inference.request(request)["state"] == 1  # not accepted: its input never came
        send(client.view)
        operator.tick()
        assert client.wait(request).request == request
        with refused("stale"):
            send(client.view)


def test_a_clock_that_is_ahead_does_not_make_a_user_forget_what_it_has_paid_for(stage, monkeypatch):
    client = stage.client()
    with stage.operator() as operator:
        operator.tick()
        request = client.ask(1, operator.view.address, [ROW])[0]
        wall = time.time
        monkeypatch.setattr(time, "time", lambda: wall() + 10 * 365 * 86400)
        assert client.deliver() == 1
        with pytest.raises(ChainError):
            client.wait(request, timeout=0)
        monkeypatch.undo()
        operator.tick()
        assert client.wait(request).request == request


def test_both_sides_may_be_killed_in_between(stage):
    client = stage.client()
    operator = stage.operator()
    with operator:
        operator.tick()
        member = client.view.member(operator.view.address)
        request = client.ask(1, operator.view.address, [ROW])[0]
    operator.store.close()
    with pytest.raises(PeerError):
        client.deliver()
    # the user forgets the number of its request, as if it had been killed before it was noted
    client.store.run("UPDATE questions SET request = NULL")
    again = stage.operator()
    with again:
        again.tick()
        assert client.deliver() == 1
        asked = again.store.waiting(again.view.inference.address)[0]
        model = client.view.inference.request(request)["modelCommitment"]
        again.view.inference.accept([request])
        again._prove(asked, model)  # killed after the proof was kept, before it was sent
    again.store.close()
    third = stage.operator()
    with third:
        third.tick()
        assert client.wait(request).request == request
    assert len(stage.prover.made) == 1
    assert member is not None


class Raced:
    """A prover whose operator is overtaken while it proves."""

    def __init__(self, stage, meanwhile):
        self.plain, self.meanwhile = stage.prover, meanwhile

    def prove(self, statements):
        results = self.plain.prove(statements)
        self.meanwhile(statements[0][1], results[0])
        return results


def front_run(stage, number):
    """Somebody sees the operator's transaction, and sends its proof first."""

    def meanwhile(statement, result):
        stage.world.view(POOR).inference.answer(number, statement.prediction, proof_numbers(result))

    return meanwhile


def too_late(stage, number):
    """The deadline passes while the operator proves."""

    def meanwhile(statement, result):
        stage.world.node.advance(2 * 86_400)

    return meanwhile


def slashed(stage, number):
    """The deadline passes while the operator proves, and somebody has it slashed."""

    def meanwhile(statement, result):
        stage.world.node.advance(2 * 86_400)
        stage.world.view(POOR).inference.slash_late(number)

    return meanwhile


@pytest.mark.parametrize(
    ("race", "news", "state"),
    [
        (front_run, "overtaken", RequestState.ANSWERED),
        (too_late, "late", RequestState.ACCEPTED),
        (slashed, "late", RequestState.LATE),
    ],
)
def test_a_request_that_moves_on_while_it_is_proven_is_news_and_ends_nobody(stage, race, news, state):
    client, operator = stage.client(), stage.operator()
    with operator:
        operator.tick()
        request = client.ask(1, operator.view.address, [ROW])[0]
        client.deliver()
        operator._prover = Raced(stage, race(stage, request))
        thread = threading.Thread(target=operator.run, daemon=True)
        thread.start()
        while news not in stage.news:
            assert thread.is_alive()
            thread.join(0.05)
        assert ChainRequest.read(client.view, request).state is state
        # and the next one is answered
        operator._prover = stage.prover
        again = client.ask(1, operator.view.address, [ROW | {"GPA": 3.0}])[0]
        client.deliver(again)
        assert client.wait(again, timeout=30, poll=0.05).request == again
        operator.loop.stop()
        thread.join()
    assert operator.store.waiting(operator.view.inference.address) == []
    assert operator.store.query("SELECT DISTINCT features, salt FROM inputs") == [("[]", "0")]


def test_an_acceptance_that_was_thought_lost_is_gone_on_with(stage, monkeypatch):
    client, operator = stage.client(), stage.operator()
    with operator:
        operator.tick()
        request = client.ask(1, operator.view.address, [ROW])[0]
        client.deliver()
        read = ChainRequest.read
        stale = read(operator.view, request)
        operator.view.inference.accept([request])
        answers = iter([stale])  # the node has not seen the block yet
        monkeypatch.setattr(ChainRequest, "read", lambda view, number: next(answers, None) or read(view, number))
        operator.tick()
        operator.tick()
        assert client.wait(request, poll=0.05).request == request


def test_an_operator_whose_stake_is_too_low_says_so_once_and_serves_on(stage):
    client, operator = stage.client(), stage.operator()
    with operator:
        operator.tick()
        request = client.ask(1, operator.view.address, [ROW])[0]
        client.deliver()
        staking = operator.view.staking
        shares = staking.position_of(operator.view.address, 2)["active"]
        staking.unstake(2, shares)
        operator.tick()
        operator.tick()
        assert stage.news.count("stake") == 1
        put_up_stake(operator.view)
        operator.tick()
        assert client.wait(request, poll=0.05).request == request


def test_a_request_that_has_no_proof_is_told_once_and_its_input_forgotten(stage, monkeypatch):
    client = stage.client()
    with stage.operator() as operator:
        operator.tick()
        client.ask(1, operator.view.address, [ROW])[0]
        client.deliver()
        tried = []

        def none(*_):
            tried.append(1)
            raise RangeError("the weights expect more of this input than a prediction holds")

        monkeypatch.setattr(operator, "_statement", none)
        operator.tick()
        operator.tick()
        assert len(tried) == stage.news.count("unanswerable") == 1
        assert operator.store.query("SELECT features, salt, done FROM inputs") == [("[]", "0", 1)]


def test_an_old_input_whose_operator_is_gone_does_not_hold_up_the_next(stage):
    client = stage.client()
    with stage.operator() as gone:
        gone.tick()
        client.ask(1, gone.view.address, [ROW])[0]
        client.store.run("UPDATE questions SET operator = ?", stage.world.view(1).address)  # whose service has ended
        second = client.ask(1, gone.view.address, [ROW])[0]
        assert client.deliver(second) == 1
        with pytest.raises(PeerError):
            client.deliver()
        gone.tick()
        client.wait(second, poll=0.05)
    stage.world.node.advance(2 * 86_400)
    assert client.deliver() == 0  # nobody can answer it any more: forgotten, and no error
    assert client.store.query("SELECT DISTINCT features FROM questions") == [("[]",)]


def test_an_operator_that_is_late_is_named(stage):
    client = stage.client()
    with stage.operator() as operator:
        operator.tick()
        request = client.ask(1, operator.view.address, [ROW])[0]
    stage.world.node.advance(2 * 86_400)
    with pytest.raises(ChainError, match="has not accepted"):
        client.wait(request)


# --- fees ---


FEE = 10**15


def with_fee(stage, **terms):
    """The network's owner asks for a fee from now on; its data owners are enrolled."""
    view = stage.world.view(1)
    assert sum(missing(view, view.networks.get(1)).values()) == 3
    enrol_all(view, view.networks.get(1))
    assert missing(view, view.networks.get(1)) == {}
    view.networks.set_terms(1, NetworkTerms(fee=FEE, **terms))


def test_a_fee_is_paid_only_where_the_user_agrees_and_divided_once_the_answer_is_proven(stage):
    with_fee(stage)
    client, operator = stage.client(), stage.operator()
    with operator:
        operator.tick()
        with pytest.raises(InputError, match="takes a fee") as caught:
            client.ask(1, operator.view.address, [ROW], maximum_fee=FEE - 1)
        assert caught.value.kind == "fee-not-agreed"
        assert client.store.pending(client.view.inference.address) == []
        (request,) = client.ask(1, operator.view.address, [ROW], maximum_fee=FEE)
        client.deliver()
        operator.tick()
        client.wait(request, poll=0.05)
    inference = stage.world.view(1).inference
    assert inference.owed_to(operator.view.address, token=False) == FEE // 2
    assert inference.claimable(1, stage.world.view(2).address) == FEE // 2 // 3


def test_requests_that_wait_are_accepted_together_as_far_as_the_stake_goes(stage):
    client, operator = stage.client(), stage.operator()
    stake = operator.view.staking.stake_of(operator.view.address)
    stage.world.view(1).networks.set_terms(1, NetworkTerms(operator_stake=stake * 2 // 5))
    with operator:
        operator.tick()
        requests = client.ask(1, operator.view.address, [ROW] * 3)
        assert client.deliver() == 3
        operator.tick()
        accepted = client.view.inference.contract.events("Accepted")
        assert [event["id"] for event in accepted] == requests[:2]
        assert len({event.transaction for event in accepted}) == 1
        assert stage.news.count("stake") == 1
        operator.tick()  # the two are answered: there is room for the third
        for request in requests:
            assert client.wait(request, poll=0.05).request == request


def test_one_of_several_that_was_taken_back_holds_up_no_other(stage, monkeypatch):
    client, operator = stage.client(), stage.operator()
    stage.world.view(1).networks.set_terms(1, NetworkTerms(operator_stake=ETH // 10))
    with operator:
        operator.tick()
        one, other = client.ask(1, operator.view.address, [ROW, ROW])
        client.deliver()
        read = ChainRequest.read
        stale = {number: read(operator.view, number) for number in (one, other)}
        refund(client.view, one)
        answers = dict(stale)  # both as they were when the operator looked
        monkeypatch.setattr(ChainRequest, "read", lambda view, number: answers.pop(number, None) or read(view, number))
        operator.tick()
        assert client.wait(other, poll=0.05).request == other
        with pytest.raises(ChainError, match="fee was given back"):
            client.wait(one)
    assert "refunded" in stage.news
    assert operator.store.waiting(operator.view.inference.address) == []


def test_an_operator_whose_verifier_was_retired_gives_the_fee_back_and_goes_on(stage):
    with_fee(stage)
    client, operator = stage.client(), stage.operator()
    with operator:
        operator.tick()
        (request,) = client.ask(1, operator.view.address, [ROW], maximum_fee=FEE)
        client.deliver()
        operator.view.inference.accept([request])
        stage.world.chain.forget_nonces()
        registry = stage.world.deployment.contract(stage.world.chain, "VerifierRegistry")
        registry.transact("retire", stage.world.deployment.verifiers["predict-3"].id)
        operator.tick()
    assert "retired" in stage.news
    assert ChainRequest.read(client.view, request).state is RequestState.REFUNDED
    assert client.view.inference.owed_to(client.view.address, token=False) == FEE
    assert operator.view.inference.obligations_of(operator.view.address) == 0


def test_what_nobody_answers_is_found_and_taken_back(stage):
    with_fee(stage)
    client = stage.client()
    with stage.operator() as operator:
        operator.tick()
        accepted, asked = client.ask(1, operator.view.address, [ROW, ROW], maximum_fee=FEE)
        operator.view.inference.accept([accepted])
    assert refundable(client.view) == late_requests(client.view) == []
    stage.world.node.advance(86_401)
    assert [one.id for one in refundable(client.view)] == [accepted, asked]
    assert [one.id for one in late_requests(stage.world.view(POOR))] == [accepted]
    with pytest.raises(ChainError, match="is late"):
        client.wait(accepted)
    for request in (accepted, asked):
        refund(client.view, request)
    assert client.view.inference.contract.events("OperatorLate")[0]["id"] == accepted
    assert client.view.inference.owed_to(client.view.address, token=False) == 2 * FEE
    assert refundable(client.view) == late_requests(client.view) == []
    assert client.deliver() == 0  # and the inputs are forgotten
    assert client.store.query("SELECT * FROM questions") == []


def test_an_operator_that_answers_by_another_verifier_is_not_asked(stage):
    client = stage.client()
    with stage.operator() as operator:
        operator.tick()
        stage.world.chain.forget_nonces()
        registry = stage.world.deployment.contract(stage.world.chain, "VerifierRegistry")
        double = stage.world.deployment.verifiers["predict-3"].address
        added = registry.transact("add", 5, 0, 0, 3, 12, 0, True, double).event("VerifierAdded")["id"]
        operator.view.inference.offer(1, added)
        with pytest.raises(TransactionError) as caught:
            client.ask(1, operator.view.address, [ROW])
    assert caught.value.error == "OtherVerifier"
    assert "deployment file" in next_step(caught.value)


def test_a_network_of_another_specification_is_not_asked(stage):
    client = stage.client()
    client.spec = replace(stage.spec, name="another")
    with pytest.raises(SpecError, match="network 1 is of another specification"):
        client.ask(1, stage.operator_view.address, [ROW])
    with pytest.raises(InputError, match="there is no network 99"):
        client.ask(99, stage.operator_view.address, [ROW])


def test_nobody_is_enrolled_before_the_certificate(stage):
    view = stage.world.view(1)
    state = view.state(1)
    assert creditors(view, 1) == dict.fromkeys(creditors(view, 1), 1)
    assert len(creditors(view, 1)) == state.certified_nodes == 3
    with pytest.raises(InputError, match="no certificate"):
        creditors(Uncertified(view), 1)


class Uncertified:
    """A view of a task before its certificate."""

    def __init__(self, view):
        self._view = view

    def state(self, task):
        return replace(self._view.state(task), certified_key=0)


def test_rows_that_do_not_fit_are_refused_without_showing_them():
    with pytest.raises(InputError, match="'PSI'"):
        quantized_row(SPEC, {"GPA": 3.0, "TUCE": 20.0})
    with pytest.raises(InputError, match="'AGE'"):
        quantized_row(SPEC, {**ROW, "AGE": 3.0})
    with pytest.raises(RangeError) as caught:
        quantized_row(SPEC, {**ROW, "GPA": 98765.0})
    assert "98765" not in str(caught.value)
    # in the units of the data and by the specification's range, not by the format's and an option of another command
    assert str(caught.value) == "the input's 'GPA' is outside the specification's range, -2.12008 to 8.11992"
    with pytest.raises(SpecError, match="predict"):
        quantized_row(replace(SPEC, instances=replace(SPEC.instances, predict=None)), ROW)


def test_private_values_are_in_no_repr(stage):
    client = stage.client()
    with stage.operator() as operator:
        operator.tick()
        client.ask(1, operator.view.address, [ROW])[0]
    (sent,) = client.store.pending(client.view.inference.address)
    assert str(sent.content.salt) not in repr(sent)
    assert json.dumps(list(sent.content.features))[1:-1] not in repr(sent)


def test_no_input_is_in_the_repr_of_what_holds_it():
    content = PredictionInput((1234567, 7654321), 99887766)
    held = (content, SentInput(1, 2, "0x", content), HeldInput(1, 2, content, (31337, (424242,))))
    statement = PredictStatement(PredictShape(2, FEATURES), 0, (1, 2, 3), content.features, content.salt)
    for one in (*held, statement):
        assert not {"1234567", "7654321", "99887766", "31337", "424242"} & set(re.findall("[0-9]+", repr(one)))


# --- asked once, whatever happens to the user ---

ROWS = [ROW, ROW | {"GPA": 3.0}]


class Killed(BaseException):
    """Where the user's process ends."""


def dying(monkeypatch, where, name):
    """Ends the process where it comes to a method; what it did before stays."""

    def dies(*_, **__):
        raise Killed

    monkeypatch.setattr(where, name, dies)


@pytest.fixture
def asking(stage, monkeypatch):
    with_fee(stage)
    asking = Asking(stage, monkeypatch)
    with stage.operator() as operator:
        operator.tick()
        asking.operator = operator
        yield asking


class Asking:
    """A user who is killed and asks again, with what is on its disk and a connection of its own."""

    def __init__(self, stage, monkeypatch):
        self.stage, self.monkeypatch = stage, monkeypatch
        put_up_stake(stage.world.view(USER))
        self.operator = None
        self.paid_before = self.held

    def client(self):
        world = self.stage.world
        for store in self.stage.opened[1:]:
            store.close()
        store = UserStore(self.stage.folder / "user.db")
        self.stage.opened.append(store)
        chain = Chain(world.node.url, private_key=world.node.private_keys[USER])
        return PredictionClient(ChainView(Network(chain, world.deployment)), self.stage.spec, store)

    def ask(self, rows=(ROW,), *, client=None, maximum_fee=FEE):
        return (client or self.client()).ask(1, self.operator.view.address, list(rows), maximum_fee=maximum_fee)

    def killed(self, where, name, rows=(ROW,)):
        """A process that asks, and is killed where it comes to that."""
        client = self.client()
        with self.monkeypatch.context() as patched:
            dying(patched, where(client), name)
            with pytest.raises(Killed):
                self.ask(rows, client=client)
        return client

    def pooled(self, rows=(ROW,)):
        """One that is killed while its transaction waits in the pool of the chain's node."""
        self.stage.world.node.rpc("evm_setAutomine", False)
        client = self.killed(lambda client: client.view.chain, "_wait", rows)
        self.stage.world.node.rpc("evm_setAutomine", True)
        return client

    @property
    def held(self):
        """Wei that the contract holds of fees."""
        view = self.stage.world.view(POOR)
        return view.chain.balance(view.inference.address)

    def is_asked_once(self, rows=1):
        asked = self.stage.world.view(POOR).inference.contract.events("Asked")
        return len(asked) == rows and self.held - self.paid_before == rows * FEE

    def answered(self, client, request):
        client.deliver(request)
        self.operator.tick()
        return client.wait(request, timeout=30, poll=0.05)


@pytest.mark.parametrize("moment", ["before it is sent", "in the pool", "mined", "taken"])
def test_a_user_who_is_killed_while_asking_asks_once(asking, moment):
    rows = [*ROWS, ROW]
    if moment == "before it is sent":
        asking.killed(lambda client: client.view.chain, "_submit", rows)
    elif moment == "in the pool":
        asking.pooled(rows)
        again = asking.client()
        mine = lambda *_: asking.stage.world.node.rpc("evm_mine")  # noqa: E731 - it comes once this one was sent too
        asking.monkeypatch.setattr(again.view.chain, "_outwait", mine)
        submit = again.view.chain._submit
        asking.monkeypatch.setattr(again.view.chain, "_submit", lambda *a, **o: [submit(*a, **o), mine()][0])
        assert len(set(asking.ask(rows, client=again))) == len(rows)
    elif moment == "mined":
        asking.killed(lambda client: client.view.chain, "_wait", rows)
    else:
        asking.killed(lambda client: client.store, "set_request", rows)
    client = asking.client()
    requests = asking.ask(rows, client=client)
    assert len(set(requests)) == len(rows)
    assert asking.is_asked_once(len(rows))
    for request in requests:
        assert asking.answered(client, request).request == request


def test_an_answer_that_was_not_heard_is_told_again_and_then_the_same_row_is_another_question(asking):
    client = asking.client()
    (request,) = asking.ask(client=client)
    answer = asking.answered(client, request)
    again = asking.client()  # killed before it was told
    assert asking.ask(client=again) == [request]
    assert again.wait(request, poll=0.05) == answer
    assert len(again.view.inference.contract.events("Asked")) == 1
    again.heard(request)
    assert again.store.query("SELECT * FROM questions") == []
    assert asking.ask() != [request]


def test_a_row_that_was_asked_about_is_not_paid_for_with_others(asking):
    (one,) = asking.ask([ROW])
    both = asking.ask([ROWS[1], ROW])
    assert both[1] == one
    assert asking.is_asked_once(2)


def test_another_question_is_asked_while_one_is_unknown(asking):
    asking.pooled([ROW])
    asking.stage.world.node.rpc("anvil_dropAllTransactions")
    (other,) = asking.ask([ROWS[1]])
    (one,) = asking.ask([ROW])
    assert one != other
    assert asking.is_asked_once(2)
    assert asking.ask(ROWS) == [one, other]


def test_a_transaction_that_was_dropped_is_sent_again_under_its_nonce(asking):
    killed = asking.pooled()
    asking.stage.world.node.rpc("anvil_dropAllTransactions")
    (kept,) = killed.store.kept(killed.view.inference.address, 1, asking.operator.view.address)
    again = asking.client()
    asking.ask(client=again)
    (sent,) = again.view.chain.transactions(again.view.chain.block)
    assert again.view.chain.hold_nonce() == kept.nonce + 1
    assert sent.sender == again.view.address
    assert asking.is_asked_once()


def test_a_question_whose_transaction_was_replaced_or_reverted_is_sent_again(asking):
    asking.operator.view.inference.withdraw_offer(1)
    client = asking.client()
    with asking.monkeypatch.context() as patched:
        patched.setattr(client.view.chain, "_estimate", lambda *_: 500_000)  # as if the offer was there then
        with pytest.raises(TransactionError) as reverted:
            asking.ask(client=client)
    assert reverted.value.error == "NotOffered"
    assert len(client.store.pending(client.view.inference.address)) == 1  # a block that is replaced may bring it back
    asking.operator.offered = False
    asking.operator.tick()
    asking.ask()
    assert asking.is_asked_once()


def test_a_refusal_since_the_question_of_before_has_come_meanwhile_is_none(asking):
    asking.pooled()
    again = asking.client()

    def refuse(*_):  # an endpoint that reckons with its pool does so before that is mined
        asking.stage.world.node.rpc("evm_mine")
        raise TransactionError("refused", error="ERC20InsufficientAllowance")

    asking.monkeypatch.setattr(again.view.chain, "_estimate", refuse)
    (request,) = asking.ask(client=again)
    assert asking.answered(again, request).request == request
    assert asking.is_asked_once()


def test_what_the_contract_refuses_before_it_is_sent_is_not_kept(asking):
    asking.operator.view.inference.withdraw_offer(1)
    client = asking.client()
    with pytest.raises(TransactionError):
        asking.ask(client=client)
    assert client.store.query("SELECT * FROM questions") == []


def test_a_request_whose_block_is_replaced_is_found_again_or_sent_again(asking):
    node, client = asking.stage.world.node, asking.client()
    snapshot = node.snapshot()
    asking.ask([ROW], client=client)
    node.revert(snapshot)
    stranger = asking.stage.world.view(POOR)
    put_up_stake(stranger)
    entry, verifier = stranger.networks.get(1), stranger.deployment.verifiers["predict-3"].id
    stranger.inference.ask(entry, asking.operator.view.address, verifier, [5])  # has its number now
    (request,) = asking.ask([ROW])
    client = asking.client()
    assert asking.answered(client, request).request == request
    assert len(client.view.inference.contract.events("Asked", user=client.view.address)) == 1


def test_a_wait_goes_on_under_the_number_that_a_request_has_after_its_block_was_replaced(asking):
    client = asking.client()
    (request,) = asking.ask(client=client)
    client.deliver()
    asking.operator.tick()
    client.store.run("UPDATE questions SET request = ?", request + 5)  # what was heard of it before
    assert client.wait(request + 5, timeout=30, poll=0.05).request == request


def test_a_fee_that_is_raised_meanwhile_is_asked_for_only_where_nothing_was_paid(asking):
    networks = asking.stage.world.view(1).networks
    asking.ask([ROW])
    asking.killed(lambda client: client.view.chain, "_submit", [ROWS[1]])
    networks.set_terms(1, NetworkTerms(fee=2 * FEE))
    asking.ask([ROW])  # was paid for
    with pytest.raises(InputError, match="takes a fee"):
        asking.ask([ROWS[1]])
    assert asking.is_asked_once()
    networks.set_terms(1, NetworkTerms(fee=FEE))
    asking.ask([ROWS[1]])
    assert asking.is_asked_once(2)


def test_a_question_whose_fee_came_back_is_asked_anew(asking):
    client = asking.client()
    (request,) = asking.ask(client=client)
    refund(client.view, request)
    (again,) = asking.ask(client=client)
    assert again != request
    asking.stage.world.node.advance(2 * 86_400)
    with pytest.raises(ChainError, match="has not accepted"):
        client.wait(again)
    assert asking.ask() == [again]  # its fee is with the contract
    refund(client.view, again)
    assert asking.ask() not in ([request], [again])
