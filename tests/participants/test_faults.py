"""Liars, garbage, replays, silence, and networks that fail: named, left out, or waited for; the others go on."""

import contextlib
import socket
import threading
import time

import pytest
from support.people_world import SPEC, DoubleKeys, Party, Running, np, replace, tables

from twopm_zk.auditor.audit import audit
from twopm_zk.chain import Chain
from twopm_zk.chain.compiler import compile_contract
from twopm_zk.chain.deployment import Deployment
from twopm_zk.chain.network import Network
from twopm_zk.chain.tasks import Phase
from twopm_zk.cli.next_steps import next_step
from twopm_zk.coordinator.coordinator import CoordinatorSettings
from twopm_zk.errors import (
    ChainError,
    DataError,
    DeploymentError,
    DivergenceError,
    InputError,
    MessageError,
    StoreError,
    TransactionError,
)
from twopm_zk.node import coordinator_client
from twopm_zk.node.node import Consent
from twopm_zk.participants.envelope import Header, seal
from twopm_zk.participants.loop import OVERTAKEN
from twopm_zk.participants.messages import Enrolment, Opening
from twopm_zk.participants.records import Attempt
from twopm_zk.participants.task_view import ChainView
from twopm_zk.participants.transport import Peer
from twopm_zk.rows.tables import Table
from twopm_zk.statements import Update
from twopm_zk.task.instances import TaskInstances
from twopm_zk.training.in_process import train

pytestmark = pytest.mark.slow

FOUR = replace(SPEC, instances=TaskInstances(("step-32x3",), "aggregate-4x3", "certify-4x3"), minimum_rows=20)
FAST = CoordinatorSettings(poll=0.05, straggler_seconds=3600, opening_seconds=3600, nodes=4)


@pytest.fixture
def four(world, tmp_path):
    """Four nodes where three are enough; number 3 is the bad one."""
    return Party(world, tmp_path, spec=FOUR, sizes=(8, 8, 8, 8), settings=FAST)


def run(party, *nodes, coordinator=None):
    coordinator = coordinator or party.coordinator()
    with coordinator, Running(coordinator, *nodes) as running:
        running.wait()
    return coordinator


def refused(reason):
    return pytest.raises(MessageError, check=lambda error: error.reason == reason)


def expect_left_out(party, bad, reason):
    """Everybody's news say so, the chain too, and the rest is certified."""
    faults = [item for item in party.news["coordinator"] if item.kind == "fault"]
    assert faults
    assert {item.values["node"] for item in faults} == {bad}
    assert reason in faults[0].text
    report = audit(party.world.view(8), 1, keyring=DoubleKeys(), spec=party.spec)
    assert report.certified, report.failed
    assert any(f"{bad} was left out" in note for note in report.notes)
    expected = train(party.tables[:3], replace(party.spec, minimum_rows=20))
    return report, expected


# --- bad nodes ---


class Liar(coordinator_client.CoordinatorClient):
    """Opens something else than it has committed to."""

    def deliver(self, state, openings):
        for number, opening in openings.items():
            update = opening.update
            lie = Update(update.rows, (update.gradient[0] + 1, *update.gradient[1:]), update.x_frac_bits)
            openings[number] = Opening(lie, opening.blinding)
        super().deliver(state, openings)


class Babbler(coordinator_client.CoordinatorClient):
    """Sends signed garbage."""

    def deliver(self, state, openings):
        class Garbage:
            def encode(self):
                return b"\x80\x04garbage"

        super().deliver(state, dict.fromkeys(openings, Garbage()))


class Silent(coordinator_client.CoordinatorClient):
    """Hands in updates and never opens them."""

    def deliver(self, state, openings):
        pass


def with_client(node, kind):
    node._client = kind(node.view, node.spec, node.store, coordinator=node._coordinator, notify=node._notify)
    return node


@pytest.mark.parametrize(
    ("kind", "reason"),
    [(Liar, "does not open"), (Babbler, "malformed")],
)
def test_a_node_that_lies_is_named_and_left_out(four, kind, reason):
    bad = with_client(four.node(3), kind)
    nodes = [four.node(number) for number in range(3)]
    coordinator = four.coordinator()
    address = bad.view.address
    with coordinator, Running(coordinator, *nodes, bad) as running:
        running.wait()
    report, _ = expect_left_out(four, address, reason)
    assert report.nodes >= {node.view.address for node in nodes}
    assert any(item.kind == "refused" for item in four.news[3])
    assert any(item.kind == "excluded" for item in four.news[3])


def test_the_evidence_of_a_lie_is_kept_with_its_signature(four):
    bad = with_client(four.node(3), Liar)
    coordinator = four.coordinator()
    faults = []
    coordinator._notify = lambda news: faults.extend(
        coordinator.store.faults(coordinator.view.state(1).task_key) if news.kind == "fault" else ()
    )
    run(four, *(four.node(number) for number in range(3)), bad, coordinator=coordinator)
    from twopm_zk.participants.envelope import Envelope

    evidence = Envelope.parse(faults[0].evidence)
    evidence.require_signature()
    assert evidence.header.sender == bad.view.address


def test_nobody_is_blamed_for_a_clock_that_differs(four, monkeypatch):
    """The chain's clock may be behind this machine's: what counts is how long this process has waited."""
    from twopm_zk.chain import tasks

    real = time.time
    monkeypatch.setattr(tasks.time, "time", lambda: real() + 1000)
    four.settings = replace(FAST, opening_seconds=5, straggler_seconds=5)
    four.spec = replace(FOUR, gradient_bound=0.2)
    run(four, *(four.node(number) for number in range(4)))
    assert "fault" not in four.kinds("coordinator")
    assert "silent" not in four.kinds("coordinator")


def test_a_node_that_withholds_its_opening_is_named_and_left_out(four):
    four.settings = replace(FAST, opening_seconds=2)
    four.spec = replace(FOUR, gradient_bound=0.2)
    bad = with_client(four.node(3), Silent)
    address = bad.view.address
    run(four, *(four.node(number) for number in range(3)), bad)
    expect_left_out(four, address, "withheld its opening")


def test_a_node_that_hands_in_nothing_is_not_waited_for_again(four):
    four.settings = replace(FAST, straggler_seconds=2)
    bad = four.node(3)
    bad._take_part = lambda state: None
    address = bad.view.address
    started = time.monotonic()
    run(four, *(four.node(number) for number in range(3)), bad)
    silent = [item for item in four.news["coordinator"] if item.kind == "silent"]
    assert [item.values["node"] for item in silent] == [address]  # in the first round only
    assert time.monotonic() - started < 30
    report = audit(four.world.view(8), 1, keyring=DoubleKeys())
    assert report.certified
    assert address not in report.nodes


# --- messages out of place, at a running coordinator ---


class Stage:
    """A coordinator with a closed round; nodes have submitted and not yet delivered."""

    def __init__(self, party):
        self.party = party
        self.coordinator = party.coordinator()
        self.coordinator.server.start()
        self.nodes = [party.node(number) for number in range(3)]
        self.coordinator.tick()
        for node in self.nodes:
            node.tick()
        while self.state is None or self.state.phase is not Phase.CLOSED:
            self.coordinator.tick()
            if self.state is not None and self.state.phase is Phase.COLLECTING:
                for node in self.nodes:
                    node.tick()

    @property
    def state(self):
        return None if self.coordinator.task is None else self.coordinator.view.state(self.coordinator.task)

    def opening(self, number):
        state = self.state
        stored = self.nodes[number].store.updates(Attempt(state.task_key, state.round, state.attempt))[0]
        return stored.commitment, Opening(stored.opened.update, stored.opened.blinding)

    def send(self, number, *, content=None, account=None, **changes):
        view = self.nodes[number].view
        subject, opening = self.opening(number)
        state = self.state
        header = Header(
            "opening",
            view.chain.chain_id,
            view.hlr.address,
            state.id,
            state.round,
            state.attempt,
            view.address,
            self.coordinator.view.address,
            subject,
        )
        header = replace(header, **changes)
        member = view.member(self.coordinator.view.address)
        content = opening.encode() if content is None else content
        envelope = seal(header, content, member.public_key, account or view.chain.account)
        return Peer(member.endpoint, pause=0.01).send(envelope)

    def close(self):
        self.coordinator.server.close()
        for participant in (self.coordinator, *self.nodes):
            participant.store.close()


@pytest.fixture
def stage(party):
    made = Stage(party)
    yield made
    made.close()


def test_a_right_opening_is_taken_and_once_more_does_no_harm(stage):
    assert stage.send(0).header == stage.send(0).header
    attempt = Attempt(stage.state.task_key, 0, 0)
    assert len(stage.coordinator.store.received(attempt)) == 1


def test_another_nodes_opening_is_refused(stage):
    subject, opening = stage.opening(1)
    with refused("not_the_sender"):
        stage.send(0, subject=subject, content=opening.encode())


def test_messages_of_other_tasks_rounds_attempts_chains_and_people_are_refused(stage):
    for reason, changes in (
        ("wrong_task", {"task": 9}),
        ("stale", {"round": 1}),
        ("stale", {"attempt": 3}),
        ("wrong_contract", {"chain_id": 1}),
        ("wrong_contract", {"contract": stage.nodes[0].view.identity.address}),
        ("wrong_recipient", {"recipient": stage.nodes[1].view.address}),
        ("wrong_kind", {"kind": "input"}),
        ("not_the_sender", {"subject": 12345}),
    ):
        with refused(reason):
            stage.send(0, **changes)
    assert stage.coordinator.store.faults(stage.state.task_key) == []  # nobody is blamed for what opens nothing


def test_a_stranger_is_refused(stage):
    stranger = stage.party.world.view(9)
    with refused("not_a_member"):
        stage.send(0, sender=stranger.address, account=stranger.chain.account)


def test_a_message_of_the_attempt_before_cannot_be_replayed(stage):
    view = stage.nodes[0].view
    subject, opening = stage.opening(0)
    state = stage.state
    member = view.member(stage.coordinator.view.address)
    header = Header("opening", view.chain.chain_id, view.hlr.address, 1, 0, 0, view.address, member.address, subject)
    recorded = seal(header, opening.encode(), member.public_key, view.chain.account)
    Peer(member.endpoint).send(recorded)
    stage.coordinator.view.hlr.reopen(state.id, [])
    with refused("stale"):
        Peer(member.endpoint).send(recorded)


def test_enrolment_ends_with_the_task(stage):
    content = Enrolment(11, 1, None).encode()
    with refused("malformed"):  # the specification asks for moments
        stage.send(0, kind="enrolment", task=0, subject=SPEC.local_task_key, content=content)
    moments = stage.nodes[0]._moments()
    doubled = Enrolment(2 * moments.rows, 1, moments + moments).encode()
    with refused("stale"):
        stage.send(0, kind="enrolment", task=0, subject=SPEC.local_task_key, content=doubled)
    same = Enrolment(moments.rows, 1, moments).encode()
    stage.send(0, kind="enrolment", task=0, subject=SPEC.local_task_key, content=same)  # a lost receipt
    with refused("wrong_spec"):
        stage.send(0, kind="enrolment", task=0, subject=5, content=same)


def test_the_status_says_what_is_missing_and_nothing_private(stage):
    member = stage.nodes[0].view.member(stage.coordinator.view.address)
    stage.send(0)
    status = Peer(member.endpoint).get("/v1/tasks/1")
    assert status["missing"] == [str(stage.opening(number)[0]) for number in sorted((1, 2), key=stage_order(stage))]
    assert (status["phase"], status["round"], status["faults"]) == ("closed", 0, [])
    matrix = Peer(member.endpoint).get(f"/v1/matrices/{stage.state.matrix_hash}")
    assert matrix["size"] == 4
    assert Peer(member.endpoint).get("/v1/spec")["document"]["label"] == "GRADE"


def stage_order(stage):
    positions = {update.commitment: update.position for update in stage.coordinator.view.updates(stage.state)}
    return lambda number: positions[stage.opening(number)[0]]


def test_openings_leave_a_node_only_when_the_round_is_closed(party):
    coordinator = party.coordinator()
    coordinator.server.start()
    nodes = [party.node(number) for number in range(3)]
    coordinator.tick()
    for _ in range(2):
        for node in nodes[:3]:
            node.tick()
        coordinator.tick()
    while coordinator.task is None or coordinator.view.state(1).phase is not Phase.COLLECTING:
        coordinator.tick()
    for node in nodes[:2]:
        node.tick()
        node.tick()
    state = coordinator.view.state(1)
    assert (state.phase, state.nodes) == (Phase.COLLECTING, 2)
    assert coordinator.store.received(Attempt(state.task_key, 0, 0)) == set()
    assert not any(item.kind == "delivered" for number in range(2) for item in party.news[number])
    coordinator.server.close()
    for participant in (coordinator, *nodes):
        participant.store.close()


# --- a lost inbox, a lost key, a stalled coordinator ---


def test_an_inbox_that_is_lost_is_filled_again(stage):
    """The coordinator has signed and then lost the openings: nodes ask now and then, and send them again."""
    for node in stage.nodes:
        node.tick()
    attempt = Attempt(stage.state.task_key, 0, 0)
    assert len(stage.coordinator.store.received(attempt)) == 3
    stage.coordinator.store.run("DELETE FROM openings")
    for _ in range(12):
        for node in stage.nodes:
            node.tick()
    assert len(stage.coordinator.store.received(attempt)) == 3


@pytest.mark.parametrize(
    "document",
    [
        {"missing": [float("inf")], "size": float("inf"), "upper": []},
        {"missing": [[]], "size": 4, "upper": [float("inf")] * 10},
        {"missing": 5, "size": -1, "upper": []},
        {"size": 10**9, "upper": []},
        {"size": 4, "upper": ["9" * 5000] * 10},
        [],
    ],
)
def test_a_node_survives_whatever_its_coordinator_answers(stage, monkeypatch, document):
    node = stage.nodes[0]
    monkeypatch.setattr(Peer, "get", lambda self, path: document)
    for _ in range(coordinator_client._STATUS_EVERY):
        assert node.tick() is False
    assert node.store.matrix(stage.state.matrix_hash) is None


@pytest.mark.parametrize("endpoint", ["http://[v1.x]", "http://127.0.0.1:b", "http://\x00", "http://xn--a\u0300b.c"])
def test_a_node_survives_whatever_its_coordinator_publishes(stage, endpoint):
    key = stage.coordinator._key.public_key().public_bytes_raw()
    stage.coordinator.view.publish(endpoint, key)
    stage.nodes[0]._client.deliver(stage.state, {0: stage.opening(0)[1]})
    assert stage.party.news[0][-1].kind == "retry"


def test_openings_go_to_nobody_that_the_owner_has_not_named(stage, monkeypatch):
    """Any participant can take the coordinator's place; to see the others' updates it needs their owners' word."""
    thief, node = stage.nodes[0].view.address, stage.nodes[1]
    sent = []
    monkeypatch.setattr(node._client, "deliver", lambda state, openings: sent.append(state.coordinator))
    taken = replace(stage.state, coordinator=thief)
    node._deliver(taken)
    assert sent == []
    assert thief in stage.party.news[1][-1].text
    node._deliver(stage.state)
    node._consent = Consent(successors=frozenset({thief}))
    node._deliver(taken)
    assert sent == [stage.coordinator.view.address, thief]


def test_a_coordinator_that_stalls_is_replaced_by_a_node(stage):
    """After the deadline anyone reopens; a participant takes over with the matrix that its node has kept."""
    for node in stage.nodes:
        node.tick()
    assert [node.store.matrix(stage.state.matrix_hash) is not None for node in stage.nodes] == [True] * 3
    stage.party.world.node.advance(stage.party.spec.aggregating_seconds + 1)
    for _ in range(8):  # some patience, then one of the nodes moves the task on
        for node in stage.nodes:
            with contextlib.suppress(TransactionError):
                node.tick()
    state = stage.state
    assert (state.round, state.attempt) == (0, 1)
    stage.nodes[0].view.hlr.take_over(1)
    assert stage.coordinator.tick() is True
    assert stage.coordinator.view.state(1).coordinator == stage.nodes[0].view.address
    assert "replaced" in stage.party.kinds("coordinator")


def test_an_update_that_was_mined_unseen_is_not_an_error(party, monkeypatch):
    """A node that was killed after sending looks before its transaction is mined, and sends the same once more."""
    coordinator = party.coordinator()
    nodes = [party.node(number) for number in range(3)]
    with coordinator.server:
        coordinator.tick()
        for node in nodes:
            node.tick()
        while coordinator.task is None or coordinator.view.state(1).phase is not Phase.COLLECTING:
            coordinator.tick()
        nodes[0].tick()
        monkeypatch.setattr(nodes[0].view, "updates", lambda state, **_: [])
        assert nodes[0].tick() is False
    assert coordinator.view.state(1).updates == 1
    for participant in (coordinator, *nodes):
        participant.store.close()


def test_reverts_that_are_waited_for_are_the_contracts_own():
    errors = {entry["name"] for entry in compile_contract("HLRContract").abi if entry["type"] == "error"}
    assert errors >= OVERTAKEN


def test_a_round_below_its_minimum_starts_again(party):
    coordinator = party.coordinator()
    coordinator.server.start()
    nodes = [party.node(number) for number in range(3)]
    coordinator.tick()
    for node in nodes:
        node.tick()
    while coordinator.task is None or coordinator.view.state(1).phase is not Phase.COLLECTING:
        coordinator.tick()
    nodes[0].tick()
    party.world.node.advance(party.spec.collecting_seconds + 1)
    coordinator.tick()
    state = coordinator.view.state(1)
    assert (state.attempt, state.phase) == (1, Phase.COLLECTING)
    assert "only 1 of 3 nodes" in party.news["coordinator"][-1].text
    coordinator.server.close()
    for participant in (coordinator, *nodes):
        participant.store.close()


# --- what a node refuses ---


def made_task(party, **changes):
    """A task whose coordinator has other rules than the specification says."""
    from twopm_zk.coordinator.task_creation import first_optimiser, task_config, training_config

    view = party.coordinator_view
    node = party.node(0)
    matrix = first_optimiser(party.spec, [node._enrolment]).matrix
    rules = ("minimum_nodes", "dataset", "maximum_rounds")
    config = replace(task_config(party.spec), **{k: v for k, v in changes.items() if k in rules})
    training = training_config(party.spec, view.network, matrix_hash=matrix.hash)
    training = replace(training, **{k: v for k, v in changes.items() if k not in rules})
    view.hlr.create_task(config, training)
    return node


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"minimum_nodes": 2}, "minimum of nodes"),
        ({"min_rows": 1}, "minimum of rows"),
        ({"penalty": 1}, "lambda"),
        ({"weight_bound": 1 << 29}, "weight bound"),
        ({"gradient_target": 1}, "gradient target"),
        ({"dataset": b"x" * 32}, "data set"),
        ({"maximum_rounds": 99}, "limit of rounds"),
        ({"matrix_replaceable": True}, "step rule"),
    ],
    ids=lambda change: change if isinstance(change, str) else next(iter(change)),
)
def test_a_node_refuses_a_task_that_was_created_with_other_rules(party, change, named):
    node = made_task(party, **change)
    with pytest.raises(DeploymentError, match=named):
        node.tick()
    node.store.close()


def test_a_node_refuses_a_task_below_its_own_minimum(party):
    node = made_task(party)
    node._consent = Consent(minimum_nodes=5)
    with pytest.raises(InputError, match="takes part from 5 on"):
        node.tick()
    node._consent = Consent(minimum_rows=1000)
    with pytest.raises(InputError, match="1000"):
        node.tick()
    node.store.close()


def test_a_node_refuses_another_specification(party):
    node = made_task(party)
    node.store.close()
    other = party.node(0, spec=replace(SPEC, penalty=2.0), task=1)
    with pytest.raises(DeploymentError, match="specification"):
        other.tick()
    other.store.close()


def test_a_node_refuses_development_keys_on_a_public_chain(party, monkeypatch):
    node = made_task(party)
    monkeypatch.setattr(ChainView, "public", True)
    with pytest.raises(DeploymentError, match="development keys"):
        node.tick()
    node._consent = Consent(allow_insecure=True)
    node.tick()
    node.store.close()


def test_a_deployment_file_that_does_not_match_the_chain(world, tmp_path):
    chain = Chain(world.node.url)
    for change, message in (
        ({"chain_id": 1}, "the deployment is on chain 1"),
        ({"contracts": world.deployment.contracts | {"DataHub": world.deployment.contracts["HLRContract"]}}, "DataHub"),
        (
            {"verifiers": {n: replace(v, code_hash="0x" + "00" * 32) for n, v in world.deployment.verifiers.items()}},
            "verifier step-32x3",
        ),
    ):
        replace(world.deployment, **change).write(tmp_path / "deployment.json")
        with pytest.raises(DeploymentError, match=message):
            ChainView(Network(chain, Deployment.read(tmp_path / "deployment.json")))


def test_a_node_that_registers_after_the_round_opened_waits(party):
    node = made_task(party)
    party.coordinator_view.hlr.open_round(1)
    node.tick()
    assert "opened before this node was a member" in party.news[0][-1].text
    node.store.close()


def test_a_node_that_has_not_enrolled_stays_out(party):
    """Its rows are not in the step matrix, which may then be too large for them."""
    node = made_task(party)
    node._register()
    party.coordinator_view.hlr.open_round(1)
    node.tick()
    assert "has not enrolled" in party.news[0][-1].text
    assert not any(item.kind == "submitted" for item in party.news[0])
    node.store.close()


def test_a_round_with_too_few_rows_is_named_and_starts_again_after_its_deadline(party):
    party.spec = replace(SPEC, minimum_rows=33)
    stage = Stage(party)
    for node in stage.nodes:
        node.tick()
    stage.coordinator.tick()
    assert "has 32 rows of 33" in party.news["coordinator"][-1].text
    assert stage.state.attempt == 0
    party.world.node.advance(SPEC.aggregating_seconds + 1)
    stage.coordinator.tick()
    assert stage.state.attempt == 1
    stage.close()


def test_other_rows_than_the_registered_ones_are_refused(party):
    party.node(0).store.close()
    party.tables[0] = party.tables[1]
    with pytest.raises(DataError, match="others than"):
        party.node(0)


def test_a_stake_that_is_too_low_is_named_and_waited_for(party):
    party.settings = replace(party.settings, minimum_stake=10**18)
    node = party.node(0)
    coordinator = party.coordinator()
    coordinator.server.start()
    coordinator.tick()
    node.tick()
    coordinator.tick()
    assert coordinator.task is None
    assert "0 of 3 nodes" in party.news["coordinator"][-1].text
    coordinator.server.close()
    for participant in (coordinator, node):
        participant.store.close()


def test_a_copied_commitment_is_replaced_by_one_with_a_new_salt(party):
    from twopm_zk.participants.task_view import dataset_of

    node = party.node(0)
    (entry,) = node.store.batches(SPEC.spec_hash)
    thief = party.world.view(9)
    thief.network.data_hub.register(dataset_of(SPEC), 0, [entry.batch.commitment])
    node.tick()
    (again,) = node.store.batches(SPEC.spec_hash)
    assert again.batch.commitment != entry.batch.commitment
    hub = node.view.data_hub
    assert hub.commitment_of(node.view.address, dataset_of(SPEC), again.place) == again.batch.commitment
    node.store.close()


# --- data and weights ---


def test_weights_that_leave_their_range_name_the_feature_and_lambda(party):
    party.spec = replace(SPEC, weight_bound=0.25)
    with pytest.raises(DivergenceError, match="'GPA'") as caught:
        run(party, *(party.node(number) for number in range(3)))
    assert "Raise `lambda`" in str(caught.value)


def test_a_missing_class_is_named(party):
    party.tables = [Table(t.names, t.features, np.zeros_like(t.labels)) for t in party.tables]
    with pytest.raises(DataError, match=r"'GRADE' is .* in all 32 rows"):
        run(party, *(party.node(number) for number in range(3)))


def test_a_constant_column_trains_where_lambda_allows_it(party):
    for table in party.tables:
        table.features[:, 1] = 22.0
    run(party, *(party.node(number) for number in range(3)))
    assert party.news["coordinator"][-1].values["certified"]


def test_one_row_is_too_few(party):
    party.tables[0] = tables((1,))[0]
    with pytest.raises(DataError, match="rows_per_node"):
        party.node(0)


def test_a_target_that_is_not_reached_ends_without_a_certificate(party):
    party.spec = replace(SPEC, maximum_rounds=1, gradient_bound=1e-6)
    run(party, *(party.node(number) for number in range(3)))
    assert party.news["coordinator"][-1].values["certified"] is False
    report = audit(party.world.view(8), 1, keyring=DoubleKeys())
    assert report.sound
    assert not report.certified


def test_a_disk_that_is_full_stops_a_node_with_nothing_lost(party):
    node = party.node(0)
    (entry,) = node.store.batches(SPEC.spec_hash)
    pages = node.store.query("PRAGMA page_count")[0][0]
    node.store.run(f"PRAGMA max_page_count = {pages}")
    coordinator = party.coordinator()
    others = [party.node(number) for number in (1, 2)]
    with coordinator, Running(coordinator, *others) as running:
        with pytest.raises(StoreError, match="could not be written"):
            filling(node)
        node.store.close()
        again = party.node(0)
        assert again.store.batches(SPEC.spec_hash)[0].batch.salt == entry.batch.salt
        again.run()
        running.wait()
        again.store.close()
    assert party.news[0][-1].kind == "finished"


def filling(node):
    for number in range(100):
        node.store.set_meta(f"enrolment filler {number}", "x" * 500)


# --- the network ---


class Flaky:
    """Between a participant and its EVM node: drops every n-th connection, and can be cut."""

    def __init__(self, url, *, every):
        self.target = ("127.0.0.1", int(url.rsplit(":", 1)[1]))
        self.every, self.count, self.cut = every, 0, False
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._pipe, args=(client,), daemon=True).start()

    def _pipe(self, client):
        with client, socket.create_connection(self.target) as server, contextlib.suppress(OSError):
            while request := client.recv(1 << 20):
                self.count += 1
                if self.cut or self.count % self.every == 0:
                    return
                server.sendall(request)
                server.settimeout(0.05)
                with contextlib.suppress(TimeoutError):
                    while answer := server.recv(1 << 20):
                        client.sendall(answer)

    def close(self):
        self.socket.close()


def test_an_rpc_that_drops_connections_does_not_stop_a_node(party):
    proxy = Flaky(party.world.node.url, every=97)
    chain = Chain(proxy.url, private_key=party.world.node.private_keys[2])
    from twopm_zk.node.node import Node
    from twopm_zk.node.store import NodeStore

    news = []
    view = None
    while view is None:
        with contextlib.suppress(ChainError):
            view = ChainView(Network(chain, party.world.deployment))
    unlucky = Node(
        view,
        party.spec,
        NodeStore(party.folder / "unlucky.db"),
        prover=party.make_prover(),
        coordinator=party.coordinator_address,
        table=party.tables[0],
        notify=news.append,
        poll=0.05,
    )
    run(party, unlucky, party.node(1), party.node(2))
    proxy.close()
    assert news[-1].kind == "finished"


def test_an_rpc_that_is_gone_is_waited_for(party):
    proxy = Flaky(party.world.node.url, every=10**9)
    chain = Chain(proxy.url, private_key=party.world.node.private_keys[2])
    view = ChainView(Network(chain, party.world.deployment))
    from twopm_zk.participants.loop import PollingLoop

    proxy.cut = True
    news, looks = [], []

    def tick():
        looks.append(1)
        view.block()
        return True

    loop = PollingLoop(tick, poll=0.01, notify=news.append)
    timer = threading.Timer(4.0, lambda: setattr(proxy, "cut", False))  # longer than one request is repeated
    timer.start()
    assert loop.run() is True
    timer.join()
    proxy.close()
    assert news
    assert all(item.kind == "retry" for item in news)


def test_keys_of_another_ptau_are_explained(party):
    """The proof is fine for the keys that made it, and not for the deployed verifier."""

    class OtherKeys(party.make_prover):
        def prove(self, statements):
            return super().prove([("certify-4x3", said) for _, said in statements])

    party.make_prover, plain = OtherKeys, party.make_prover
    node = party.node(0)
    party.make_prover = plain
    with pytest.raises(TransactionError, match="InvalidProof") as caught:
        run(party, node, party.node(1), party.node(2))
    assert "--ptau FILE" in next_step(caught.value)
