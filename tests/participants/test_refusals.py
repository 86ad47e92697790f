"""What nodes and coordinators refuse, and how they say so: other rules, other rows, data and weights that cannot be."""

import contextlib
import select
import socket
import threading

import pytest
from support.people_stage import Stage
from support.people_world import SPEC, Running, np, replace, tables

from twopm_zk.chain import Chain
from twopm_zk.chain.deployment import Deployment
from twopm_zk.chain.network import Network
from twopm_zk.chain.tasks import Phase
from twopm_zk.coordinator.task_creation import Stakes, task_config, training_config
from twopm_zk.errors import (
    ChainError,
    DataError,
    DeploymentError,
    DivergenceError,
    StoreError,
    TrainingError,
    TransactionError,
)
from twopm_zk.node.node import Consent
from twopm_zk.participants.loop import PollingLoop
from twopm_zk.participants.task_view import ChainView, dataset_of
from twopm_zk.rows.tables import Table

pytestmark = pytest.mark.slow


@pytest.fixture
def stage(party):
    """``stage(spec)``: a task that collects its first round."""
    made = []

    def make(**changes):
        party.spec = replace(SPEC, **changes)
        made.append(Stage(party))
        return made[-1].begin()

    yield make
    for one in made:
        one.close()


@pytest.fixture
def first(party):
    made = party.node(0)
    yield made
    made.store.close()


def created(party, **changes):
    """A task whose coordinator has other rules than the specification says."""
    view = party.coordinator_view
    config, training = task_config(party.spec, stakes=Stakes()), training_config(party.spec, view.network)
    rules = {name: value for name, value in changes.items() if hasattr(config, name) and name != "penalty"}
    others = {name: value for name, value in changes.items() if name not in rules}
    return view.hlr.create_task(replace(config, **rules), replace(training, **others))


# --- tasks ---


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"minimum_nodes": 2}, "minimum of nodes"),
        ({"min_rows": 1}, "minimum of rows"),
        ({"penalty": 1}, "lambda"),
        ({"weight_bound": 1 << 29}, "weight bound"),
        ({"gradient_target": 1}, "gradient target"),
        ({"dataset": b"x" * 32}, "data set"),
        ({"maximum_rounds": 99}, "limit of moves"),
        ({"maximum_updates": 999}, "limit of updates"),
        ({"maximum_batches": 1}, "limit of a node's updates"),
        ({"share_seconds": 60}, "duration of a phase"),
        ({"information": 0}, "time to collect information"),
        ({"information": 2}, "time to collect information"),
        ({"gradient_generators": bytes(31) + b"\1"}, "hash of generators"),
        ({"information_generators": bytes(31) + b"\1"}, "hash of generators"),
    ],
    ids=lambda change: change if isinstance(change, str) else next(iter(change)),
)
def test_a_node_refuses_a_task_that_was_created_with_other_rules(party, first, change, named):
    created(party, **change)
    first._registered = True
    with pytest.raises(DeploymentError, match=named):
        first.tick()


def test_a_node_refuses_another_specification(party):
    created(party)
    other = party.node(0, spec=replace(SPEC, penalty=2.0), task=1)
    other._registered = True
    with pytest.raises(DeploymentError, match="specification"):
        other.tick()
    other.store.close()


def test_a_node_refuses_development_keys_on_a_public_chain(party, first, monkeypatch):
    created(party)
    monkeypatch.setattr(ChainView, "public", True)
    with pytest.raises(DeploymentError, match="development keys"):
        first.tick()
    first._consent = Consent(allow_insecure=True)
    first.tick()


def test_a_deployment_file_that_does_not_match_the_chain(world, tmp_path):
    chain = Chain(world.node.url)
    for change, message in (
        ({"chain_id": 1}, "the deployment is on chain 1"),
        ({"contracts": world.deployment.contracts | {"DataHub": world.deployment.contracts["HLRContract"]}}, "DataHub"),
        (
            {"verifiers": {n: replace(v, code_hash="0x" + "00" * 32) for n, v in world.deployment.verifiers.items()}},
            "verifier ",
        ),
    ):
        replace(world.deployment, **change).write(tmp_path / "deployment.json")
        with pytest.raises(DeploymentError, match=message):
            ChainView(Network(chain, Deployment.read(tmp_path / "deployment.json")))


def test_a_node_that_registers_after_the_round_opened_waits(party, first):
    created(party)
    party.coordinator_view.hlr.open_round(1)
    first.tick()
    assert "opened before this node was a member" in party.news[0][-1].text


# --- rows ---


def test_other_rows_than_the_registered_ones_are_refused(party, first):
    first.store.close()
    party.tables[0] = party.tables[1]
    with pytest.raises(DataError, match="others than"):
        party.node(0)


def test_one_row_is_too_few(party):
    party.tables[0] = tables((1,))[0]
    with pytest.raises(DataError, match="rows_per_node"):
        party.node(0)


def test_a_commitment_that_somebody_has_copied_is_registered_all_the_same(party, first):
    (entry,) = first.store.batches(dataset_of(SPEC))
    copier = party.world.view(9).network.data_hub
    copier.open(SPEC.data_terms)
    copier.register(dataset_of(SPEC), 0, [entry.batch.commitment])
    first.tick()
    (again,) = first.store.batches(dataset_of(SPEC))
    assert again.batch.commitment == entry.batch.commitment
    hub = first.view.data_hub
    assert hub.commitment_of(first.view.address, dataset_of(SPEC), again.place) == again.batch.commitment


def test_an_update_that_was_mined_unseen_is_not_an_error(stage, monkeypatch):
    """A node that was killed after sending looks before its transaction is mined, and sends the same once more."""
    made = stage()
    node = made.nodes[0]
    node.tick()
    monkeypatch.setattr(node.view, "updates", lambda state, **_: [])
    assert node.tick() is False
    assert made.state.updates == 1


# --- data and weights ---


def test_weights_that_leave_their_range_name_the_feature_and_lambda(stage):
    with pytest.raises(DivergenceError, match="'GPA'") as caught:
        stage(weight_bound=0.25).until(Phase.FINISHED)
    assert "Raise `lambda`" in str(caught.value)


def test_a_missing_class_is_named(party, stage):
    party.tables = [Table(t.names, t.features, np.zeros_like(t.labels)) for t in party.tables]
    with pytest.raises(DataError, match=r"'GRADE' is .* in all 32 rows"):
        stage().until(Phase.FINISHED)


def test_a_round_with_too_few_rows_stops_the_coordinator_which_says_why(stage):
    with pytest.raises(TrainingError, match="has 32 rows of 33: no proof can exist"):
        stage(minimum_rows=33).until(Phase.FINISHED)


def test_a_constant_column_trains_where_lambda_allows_it(party, stage):
    for table in party.tables:
        table.features[:, 1] = 22.0
    assert stage(gradient_bound=0.2).until(Phase.FINISHED).certified


def test_a_target_that_is_not_reached_ends_without_a_certificate_once_nobody_may_dispute_any_more(stage):
    made = stage(maximum_rounds=1, gradient_bound=1e-6)
    made.until(Phase.SUMMED, when=lambda state: state.last)
    made.tick(made.coordinator)
    assert "after the deadline until which nodes may dispute" in made.party.news["coordinator"][-1].text
    assert made.state.phase is Phase.SUMMED
    made.late()
    assert not made.until(Phase.FINISHED).certified
    made.tick(made.nodes[0])
    assert made.party.news[0][-1].text.startswith("task 1 is finished, not certified")


def test_a_proof_of_other_keys_than_the_deployed_ones_stops_a_node(party, stage):
    """The proof is fine for the keys that made it, and not for the deployed verifier."""

    class OtherKeys(party.make_prover):
        def prove(self, statements, *, keep=None):
            return super().prove([("certify-3", said) for _, said in statements], keep=keep)

    made = stage()
    made.nodes[0]._prover = OtherKeys()
    with pytest.raises(TransactionError, match="InvalidProof"):
        made.nodes[0].tick()


# --- disks and networks ---


def test_a_disk_that_is_full_stops_a_node_with_nothing_lost(party, stage):
    made = stage()
    node = made.nodes[0]
    (entry,) = node.store.batches(dataset_of(party.spec))
    node.store.run(f"PRAGMA max_page_count = {node.store.query('PRAGMA page_count')[0][0]}")
    with pytest.raises(StoreError, match="could not be written"):
        fill(node.store)
    node.store.close()
    made.nodes[0] = party.node(0)
    assert made.nodes[0].store.batches(dataset_of(party.spec))[0].batch.salt == entry.batch.salt
    made.until(Phase.SUMMED)
    assert len(made.attempt.nodes) == 3


def fill(store):
    for number in range(100):
        store.set_meta(f"filler {number}", "x" * 500)


class Flaky:
    """Between a participant and its EVM node: drops the connection with every n-th request, and can be cut."""

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
            while True:
                for ready in select.select([client, server], [], [])[0]:
                    if not (part := ready.recv(1 << 20)):
                        return
                    if ready is client:
                        self.count += 1
                        if self.cut or self.count % self.every == 0:
                            return
                    (server if ready is client else client).sendall(part)

    def close(self):
        self.socket.close()


def flaky_view(party, proxy, number):
    while True:
        with contextlib.suppress(ChainError):
            chain = Chain(proxy.url, private_key=party.world.node.private_keys[number])
            return ChainView(Network(chain, party.world.deployment))


def test_an_endpoint_that_drops_connections_does_not_stop_a_node(party, monkeypatch):
    party.spec = replace(SPEC, gradient_bound=0.2)
    proxy = Flaky(party.world.node.url, every=47)
    unlucky, plain = flaky_view(party, proxy, 2), party.world.view
    monkeypatch.setattr(party.world, "view", lambda number: unlucky if number == 2 else plain(number))
    with Running(party.coordinator(), *(party.node(number) for number in range(3))) as running:
        running.wait(200)
    proxy.close()
    assert party.news[0][-1].kind == "finished"


def test_an_endpoint_that_is_gone_is_waited_for(party):
    proxy = Flaky(party.world.node.url, every=10**9)
    view = flaky_view(party, proxy, 2)
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
