"""A task run command by command: every step alone, what it refuses, and what it says is next."""

import json
import re
import signal
import time
from contextlib import contextmanager, nullcontext

import pytest
from support.people_world import SPEC, DoubleKeys, DoubleProver, Party, Running, np, replace, tables

from twopm_zk.auditor.audit import audit
from twopm_zk.chain.network import TaskConfig
from twopm_zk.chain.tasks import Phase
from twopm_zk.cli import main, next_steps
from twopm_zk.cli.options.participants import ProvingOptions
from twopm_zk.coordinator.store import CoordinatorStore
from twopm_zk.coordinator.task_creation import first_optimiser, task_config, training_config
from twopm_zk.node import coordinator_client
from twopm_zk.participants.messages import Opening
from twopm_zk.participants.records import Attempt
from twopm_zk.rows.tables import Table
from twopm_zk.task.instances import TaskInstances
from twopm_zk.task.specification_file import write_spec
from twopm_zk.training.in_process import train

pytestmark = pytest.mark.slow

STRANGER = 8


class Hand:
    """Commands of account 1 (or another) in this process, nodes in threads, and proofs that are hashes."""

    def __init__(self, party, monkeypatch, capsys):
        self.party, self.patch, self.capsys = party, monkeypatch, capsys
        party.world.deployment.write(party.folder / "deployment.json")
        write_spec(party.spec, party.folder / "spec.json")
        monkeypatch.chdir(party.folder)
        monkeypatch.setenv("TWOPM_ZK_RPC_URL", party.world.node.url)
        self.prover = DoubleProver()
        monkeypatch.setattr(ProvingOptions, "prover", lambda *_: nullcontext(self.prover))

    def __call__(self, *words, account=1, code=0):
        self.patch.setenv("TWOPM_ZK_PRIVATE_KEY", self.party.world.node.private_keys[account])
        self.patch.setattr("sys.argv", ["twopm-zk", *map(str, words), "--json"])
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            main()
        out = self.capsys.readouterr().out
        assert caught.value.code == code, out
        return [json.loads(line) for line in out.splitlines()] if "collect" in words and not code else json.loads(out)

    def text(self, *words):
        self.patch.setenv("TWOPM_ZK_PRIVATE_KEY", self.party.world.node.private_keys[1])
        self.patch.setattr("sys.argv", ["twopm-zk", *map(str, words)])
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            main()
        assert not caught.value.code
        return self.capsys.readouterr().out

    @property
    def state(self):
        return self.party.coordinator_view.state(1)

    def collect(self, *words, code=0):
        return self("coordinator", "collect", "spec.json", "--poll", "0.05", *words, code=code)

    def until(self, phase, updates=0, rounds=0):
        while (self.state.phase, self.state.updates, self.state.round) != (phase, updates, rounds):
            time.sleep(0.02)

    def begin(self):
        """Enrolment, the task, its first round."""
        self.collect()
        self("task", "create", "spec.json")
        self("task", "open", "1")

    def close(self, updates=3, rounds=0):
        self.until(Phase.COLLECTING, updates, rounds)
        return self("task", "close", "1")


@pytest.fixture
def terminated():
    """The commands of services set a handler of their own."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def hand(party, monkeypatch, capsys, terminated):
    party.spec = replace(SPEC, gradient_bound=0.1)
    return Hand(party, monkeypatch, capsys)


@contextmanager
def nodes_of(party, *others):
    """Every node until the block ends; those that are still at work are stopped."""
    running = Running(*(others or [party.node(number) for number in range(len(party.sizes))]))
    with running:
        yield running
    assert not running.errors


def run_to_the_end(hand, updates=3):
    """Rounds by hand until the certificate; how often the weights moved."""
    for moves in range(20):
        closed = hand.close(updates, moves)
        assert (closed["event"], closed["round"], closed["updates"]) == ("RoundClosed", moves, updates)
        assert hand.collect("--task", "1")[-1]["news"] == "complete"
        outlook = hand("certify", "spec.json", "--task", "1", "--dry-run")
        assert outlook["transactions"] == []
        if outlook["certifiable"]:
            done = hand("certify", "spec.json", "--task", "1")
            assert [one["name"] for one in done["transactions"]][-1] == "certify"
            return moves, done
        refused = hand("certify", "spec.json", "--task", "1", code=9)
        assert "twopm-zk aggregate spec.json --task 1" in refused["hint"]
        expected = hand("aggregate", "spec.json", "--task", "1", "--dry-run")
        assert hand.state.round == moves
        moved = hand("aggregate", "spec.json", "--task", "1")
        assert moved["next_coefficients"] == expected["next_coefficients"]
        assert [one["name"] for one in moved["transactions"]][-1] == "aggregate"
    raise AssertionError("no certificate")


@pytest.mark.parametrize("rule", ["boehning-lindsay", "bfgs", "newton"])
def test_a_whole_task_by_hand_ends_at_the_same_certificate(hand, rule):
    party = hand.party
    party.spec = replace(party.spec, step=type(party.spec.step)(rule))
    write_spec(party.spec, party.folder / "spec.json")
    with nodes_of(party) as running:
        assert "3 of 3 nodes" in hand.collect()[-1]["text"]
        created = hand("task", "create", "spec.json")
        assert created["task"] == 1
        assert hand("task", "open", "1")["event"] == "RoundOpened"
        moves, done = run_to_the_end(hand)
        running.wait()
    expected = train(party.tables, party.spec)
    assert (moves, done["coefficients"]) == (expected.moves, expected.coefficients)
    assert len(hand.prover.made) == moves + 1  # dry runs and refusals prove nothing
    report = audit(party.world.view(STRANGER), 1, keyring=DoubleKeys(), spec=party.spec)
    assert report.certified, report.failed
    assert hand("task", "show", "1", "--spec", "spec.json")["coefficients"] == expected.coefficients
    with CoordinatorStore(party.folder / "coordinator.db") as store:
        assert store.query("SELECT subject FROM openings") == []  # private, and have served


def test_segments_are_folded_by_hand_too(world, tmp_path, monkeypatch, capsys, terminated):
    instances = TaskInstances(("step-32x3",), "aggregate-16x3", "certify-16x3", "fold-16x3", segments=2)
    party = Party(world, tmp_path, spec=replace(SPEC, instances=instances, gradient_bound=0.1))
    (whole,) = tables([32])
    party.tables[2] = Table(whole.names, np.tile(whole.features, (15, 1)), np.tile(whole.labels, 15))
    hand = Hand(party, monkeypatch, capsys)
    with nodes_of(party):
        hand.begin()
        _, done = run_to_the_end(hand, updates=17)
    assert [one["name"] for one in done["transactions"]] == ["fold", "certify"]
    assert done["coefficients"] == train(party.tables, party.spec).coefficients


def test_every_step_says_what_is_next(hand):
    with nodes_of(hand.party):
        hand.collect()
        assert "Next: twopm-zk task open 1" in hand.text("task", "create", "spec.json")
        assert "Next: twopm-zk task close 1" in hand.text("task", "open", "1")
        hand.until(Phase.COLLECTING, 3)
        assert "twopm-zk coordinator collect SPEC --task 1" in hand.text("task", "close", "1")
        hand.collect("--task", "1")
        shown = hand.text("aggregate", "spec.json", "--task", "1", "--dry-run")
        assert "The next weights would be:" in shown
        assert "Transaction" not in shown
        shown = hand.text("aggregate", "spec.json", "--task", "1")
        assert "Round 1 is open" in shown
        assert "Transaction 0x" in shown


def test_a_certificate_says_whose_and_how_many_rows_it_covers(hand):
    hand.party.spec = replace(hand.party.spec, gradient_bound=0.9)
    write_spec(hand.party.spec, hand.party.folder / "spec.json")
    addresses = sorted(hand.party.world.view(2 + number).address for number in range(3))
    with nodes_of(hand.party) as running:
        waiting = hand.collect()[-1]
        assert sorted(waiting["ready"]) == addresses
        assert all(address in waiting["text"] for address in addresses)
        hand("task", "create", "spec.json")
        hand("task", "open", "1")
        hand.close()
        hand.collect("--task", "1")
        assert hand("certify", "spec.json", "--task", "1", "--dry-run")["participants"] == addresses
        shown = hand.text("certify", "spec.json", "--task", "1")
        assert "It covers 32 rows of 3 nodes:" in shown
        assert all(f"\n  {address}\n" in shown for address in addresses)
        running.wait()
    assert "INSECURE KEYS" in shown
    found = hand("task", "show", "1")
    assert found["insecure_keys"] == ["step-32x3", "aggregate-4x3", "certify-4x3"]
    assert found["certified_nodes"] == addresses
    assert found["certified_rows_at_least"] == hand.party.spec.minimum_rows
    assert found["participation"] == {"0": addresses}
    shown = hand.text("task", "show", "1")
    assert f"round 0: updates of 3 nodes: {', '.join(addresses)}" in shown
    assert "The certificate covers the data of 3 nodes in round 0" in shown
    (receipt,) = hand.text("node", "receipts", "--state", "node0.db").splitlines()
    signed_by = f"task 1, round 0, attempt 0: signed by {hand.party.coordinator_address} for the opening of update "
    assert re.fullmatch(re.escape(signed_by) + r"0x[0-9a-f]{8}\.\.\.[0-9a-f]{8}", receipt)
    (ended,) = [item for item in hand.party.news[0] if item.kind == "finished"]
    assert "INSECURE KEYS" in ended.text
    assert ended.values["insecure_keys"] == found["insecure_keys"]
    assert (ended.values["nodes"], ended.values["rows"]) == (addresses, None)  # no node knows how many rows there are


class Silent(coordinator_client.CoordinatorClient):
    def deliver(self, state, openings):
        pass


class Liar(coordinator_client.CoordinatorClient):
    def deliver(self, state, openings):
        openings = {number: Opening(opening.update, opening.blinding + 1) for number, opening in openings.items()}
        super().deliver(state, openings)


def with_client(node, kind):
    node._client = kind(node.view, node.spec, node.store, coordinator=node._coordinator, notify=node._notify)
    return node


def four(world, tmp_path):
    instances = TaskInstances(("step-32x3",), "aggregate-4x3", "certify-4x3")
    return Party(world, tmp_path, spec=replace(SPEC, instances=instances, minimum_rows=20), sizes=(8, 8, 8, 8))


def test_missing_openings_are_named_and_their_node_is_left_out(world, tmp_path, monkeypatch, capsys, terminated):
    party = four(world, tmp_path)
    hand = Hand(party, monkeypatch, capsys)
    bad = with_client(party.node(3), Silent)
    with nodes_of(party, *(party.node(number) for number in range(3)), bad):
        hand.collect("--nodes", "4")
        hand("task", "create", "spec.json", "--nodes", "4")
        hand("task", "open", "1")
        hand.close(4)
        for command in ("aggregate", "certify"):
            refused = hand(command, "spec.json", "--task", "1", code=9)
            assert "are missing" in refused["message"]
            assert bad.view.address in refused["message"]
            assert "coordinator collect spec.json --task 1" in refused["hint"]
        reopened = hand("task", "reopen", "1", "--exclude", bad.view.address)
        assert (reopened["attempt"], reopened["excluded"]) == (1, [bad.view.address])
        hand.close(3)
        hand.collect("--task", "1")
        assert hand("aggregate", "spec.json", "--task", "1")["nodes"] == 3


def test_collecting_ends_where_an_opening_opens_nothing(world, tmp_path, monkeypatch, capsys, terminated):
    party = four(world, tmp_path)
    hand = Hand(party, monkeypatch, capsys)
    bad = with_client(party.node(3), Liar)
    with nodes_of(party, *(party.node(number) for number in range(3)), bad):
        hand.collect("--nodes", "4")
        hand("task", "create", "spec.json", "--nodes", "4")
        hand("task", "open", "1")
        hand.close(4)
        hand.patch.setenv("TWOPM_ZK_PRIVATE_KEY", party.world.node.private_keys[1])
        hand.patch.setattr("sys.argv", ["twopm-zk", "coordinator", "collect", "spec.json", "--task", "1", "--json"])
        with pytest.raises(SystemExit) as caught:
            main()
        last = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert caught.value.code == 9
        assert f"twopm-zk task reopen 1 --exclude {bad.view.address}" in last["hint"]


# --- what is refused ---


def test_a_task_needs_nodes_that_have_enrolled(hand):
    CoordinatorStore(hand.party.folder / "coordinator.db").close()
    refused = hand("task", "create", "spec.json", code=9)
    assert "0 of 3 nodes have enrolled" in refused["message"]
    assert "twopm-zk coordinator collect spec.json" in refused["hint"]


@pytest.mark.parametrize(
    "command", [("coordinator", "run"), ("coordinator", "collect"), ("task", "create")], ids=" ".join
)
def test_fewer_nodes_than_the_specifications_minimum_are_refused_at_once(hand, monkeypatch, command):
    monkeypatch.setenv("TWOPM_ZK_RPC_URL", "http://127.0.0.1:9")  # before anything is asked of a chain
    refused = hand(*command, "spec.json", "--nodes", "2", code=3)
    assert "2 nodes to wait for are fewer than the minimum of 3" in refused["message"]


def test_nodes_without_the_stake_are_named(hand):
    with nodes_of(hand.party):
        hand.collect()
        refused = hand("task", "create", "spec.json", "--minimum-stake", "1", code=9)
    assert all(hand.party.world.view(2 + number).address in refused["message"] for number in range(3))


@pytest.mark.parametrize("command", [("task", "create"), ("aggregate",), ("certify",)], ids=" ".join)
def test_a_wrong_name_of_the_state_makes_no_empty_one(hand, command):
    task = () if command[0] == "task" else ("--task", "1")
    refused = hand(*command, "spec.json", *task, "--state", "typo.db", code=11)
    assert "there is no state file 'typo.db'" in refused["message"]
    assert not (hand.party.folder / "typo.db").exists()


def test_a_state_that_a_running_coordinator_uses_is_refused(hand):
    with CoordinatorStore(hand.party.folder / "coordinator.db"):
        for command in ("aggregate", "certify"):
            refused = hand(command, "spec.json", "--task", "1", code=11)
            assert "is in use by another process" in refused["message"]
            assert "stop the other one" in refused["hint"]


def create_by_others(hand, *, account=1, **changes):
    """A task without enrolments, for what only depends on its phase."""
    party = hand.party
    network = party.world.view(account).network
    matrix = first_optimiser(replace(party.spec, step=type(party.spec.step)(curvature="ranges")), []).matrix
    config = replace(task_config(party.spec), **changes)
    assert isinstance(config, TaskConfig)
    network.hlr.create_task(config, training_config(party.spec, network, matrix_hash=matrix.hash))


@pytest.fixture
def created(hand):
    with CoordinatorStore(hand.party.folder / "coordinator.db") as store:
        store.belongs_to(hand.party.coordinator_address, hand.party.coordinator_view.fingerprint)
    hand.party.spec = replace(
        hand.party.spec,
        columns=tuple(replace(column, low=0, high=4) for column in hand.party.spec.columns),
    )
    write_spec(hand.party.spec, hand.party.folder / "spec.json")
    create_by_others(hand)
    return hand


def test_each_phase_names_the_command_that_fits_it(created):
    assert "twopm-zk task open 1" in created("task", "close", "1", code=8)["hint"]
    assert "twopm-zk task open 1" in created("aggregate", "spec.json", "--task", "1", code=9)["hint"]
    created("task", "open", "1")
    again = created("task", "open", "1", code=8)
    assert "WrongPhase" in again["message"]
    assert "twopm-zk task close 1" in again["hint"]
    assert "twopm-zk task close 1" in created("certify", "spec.json", "--task", "1", code=9)["hint"]
    below = created("task", "close", "1", code=8)
    assert "BelowMinimum(nodes=0, minimum=3)" in below["message"]
    assert "twopm-zk task reopen TASK" in below["hint"]
    assert "RoundsLeft" in created("task", "finish", "1", code=8)["message"]
    assert "DeadlineNotReached" in created("task", "reopen", "1", code=8)["message"]
    assert "twopm-zk task list" in created("task", "open", "7", code=8)["hint"]


def test_a_task_that_was_never_opened_can_be_finished(created):
    assert created("task", "finish", "1")["event"] == "TaskFinished"
    assert "twopm-zk task show 1" in created("task", "open", "1", code=8)["hint"]


def test_strangers_are_told_whose_task_it_is(created):
    for command in ("open", "finish"):
        refused = created("task", command, "1", account=STRANGER, code=8)
        assert "NotTheCoordinator" in refused["message"]
        assert "twopm-zk task show 1" in refused["hint"]


def test_anybody_may_reopen_after_the_deadline_leaving_out_nobody(created):
    created("task", "open", "1")
    created.party.world.node.advance(100_000)
    stranger = created.party.world.view(3).address
    refused = created("task", "reopen", "1", "--exclude", stranger, account=STRANGER, code=8)
    assert "NotTheCoordinator" in refused["message"]
    assert created("task", "reopen", "1", account=STRANGER)["attempt"] == 1


@pytest.mark.parametrize("address", ["0x12", "me", "0x70997970C51812dc3A010C7d01b50e0d17dc79C9"])
def test_an_address_that_is_none_is_refused(created, address):
    assert "is not an address" in created("task", "reopen", "1", "--exclude", address, code=3)["message"]


def test_another_coordinators_round_is_refused_before_anything_is_proven(hand):
    with nodes_of(hand.party):
        hand.begin()
        hand.close()
        hand.collect("--task", "1")
    other = hand.party.world.view(STRANGER)
    with CoordinatorStore(hand.party.folder / "other.db") as store:
        store.belongs_to(other.address, other.fingerprint)
    words = ("spec.json", "--task", "1", "--state")
    assert "the coordinator of task 1 is" in hand("aggregate", *words, "other.db", account=STRANGER, code=3)["message"]
    assert "belongs to account" in hand("certify", *words, "coordinator.db", account=STRANGER, code=11)["message"]
    assert hand.prover.made == []


def test_another_specification_is_refused(hand):
    with nodes_of(hand.party):
        hand.begin()
        hand.close()
        hand.collect("--task", "1")
    write_spec(replace(hand.party.spec, penalty=2.0), hand.party.folder / "other.json")
    assert "is of the specification" in hand("aggregate", "other.json", "--task", "1", code=8)["message"]


def test_after_the_last_round_the_task_is_finished_without_a_certificate(hand):
    hand.party.spec = replace(hand.party.spec, maximum_rounds=1, gradient_bound=1e-3)
    write_spec(hand.party.spec, hand.party.folder / "spec.json")
    with nodes_of(hand.party) as running:
        hand.begin()
        hand.close()
        hand.collect("--task", "1")
        hand("aggregate", "spec.json", "--task", "1")
        hand.close(3, 1)
        hand.collect("--task", "1")
        for command in ("aggregate", "certify"):
            assert "twopm-zk task finish 1" in hand(command, "spec.json", "--task", "1", code=9)["hint"]
        assert hand("task", "finish", "1")["event"] == "TaskFinished"
        running.wait()
    assert len(hand.prover.made) == 1


def test_a_dry_run_leaves_the_state_file_as_it_is(hand):
    party = hand.party
    party.spec = replace(party.spec, step=type(party.spec.step)("bfgs"))
    write_spec(party.spec, party.folder / "spec.json")
    with nodes_of(party):
        hand.begin()
        hand.close()
        hand.collect("--task", "1")
    state = party.folder / "coordinator.db"
    before = state.read_bytes()
    for command in ("aggregate", "certify"):
        assert hand(command, "spec.json", "--task", "1", "--dry-run")["dry_run"]
        assert state.read_bytes() == before
    hand("aggregate", "spec.json", "--task", "1")
    with CoordinatorStore(state) as store:
        assert list(store.history(hand.state.task_key)) == [0]


def test_a_matrix_that_is_lost_comes_back_from_a_node(hand):
    party = hand.party
    with nodes_of(party):
        hand.begin()
        hand.close()
        hand.collect("--task", "1")
        state = hand.state
    with CoordinatorStore(party.folder / "coordinator.db") as store:
        assert store.openings(Attempt(state.task_key, 0, 0), party.spec.sizes.round)
        matrix = store.matrix(state.matrix_hash)
        store.run("DELETE FROM matrices")
    refused = hand("aggregate", "spec.json", "--task", "1", code=9)
    assert f"twopm-zk node matrix {state.matrix_hash} --out FILE" in refused["hint"]
    saved = {"size": matrix.size, "upper": [str(value) for value in matrix.upper]}
    (party.folder / "matrix.json").write_text(json.dumps(saved))
    assert hand("aggregate", "spec.json", "--task", "1", "--matrix", "matrix.json")["round"] == 0


# --- membership ---


def test_joining_makes_a_member_once_and_leaving_ends_it(hand):
    first = hand("node", "join", "spec.json", account=2)
    again = hand("node", "join", "spec.json", account=2)
    assert (first["new"], again["new"], first["task"]) == (True, False, None)
    assert first["member_since"] == again["member_since"] > 0
    view = hand.party.world.view(2)
    assert view.registrations(hand.party.spec.spec_hash, before=view.block() + 1) == {}
    hand("node", "leave", account=2)
    assert hand.party.world.view(2).member(first["account"]) is None
    assert "twopm-zk node join SPEC" in hand("node", "leave", account=2, code=8)["hint"]


def test_joining_with_a_stake_says_whether_it_is_enough(created):
    create_by_others(created, minimum_stake=10**18)
    poor = created("node", "join", "spec.json", account=3)
    assert (poor["task"], poor["ready"]) == (2, False)
    assert "twopm-zk stake add" in poor["obstacles"][0]
    refused = created("node", "join", "spec.json", "--stake", "1", "--asset", "2", account=3, code=3)
    assert "1000000000000000000 fewer than 1000000000000000000" in refused["message"]
    created.party.world.view(3).network.contract("RETHDouble").transact("deposit", value=2 * 10**18)
    assert created("node", "join", "spec.json", "--stake", "1", "--asset", "2", account=3)["ready"]


def test_a_round_that_is_open_waits_for_nobody_who_joins_later(created):
    created("task", "open", "1")
    late = created("node", "join", "spec.json", account=3)
    assert "takes part from the next round on" in late["obstacles"][0]


def join(hand, account):
    return hand("node", "join", "spec.json", "--state", f"node{account}.db", account=account)


def test_an_attempt_with_a_joining_phase_is_joined_once(created):
    create_by_others(created, join_seconds=600, minimum_nodes=3)
    for account in (2, 3, 4):
        assert not join(created, account)["joined_attempt"]
    assert "start-collecting 2" in created.text("task", "open", "2")
    for _ in range(2):
        for account in (2, 3, 4):
            assert join(created, account)["joined_attempt"]
    assert created("task", "start-collecting", "2")["event"] == "CollectingStarted"


# --- hints ---


def test_every_hint_is_for_an_error_of_our_contracts(world):
    from twopm_zk.chain.compiler import compile_contract

    known = {}
    for name in world.deployment.contracts:
        for entry in compile_contract(name).abi:
            if entry["type"] == "error":
                known.setdefault(entry["name"], []).append([item["name"] for item in entry["inputs"]])
    for name in next_steps._REFUSALS:
        for inputs in known[name]:
            assert next_steps.after_refusal(name, dict.fromkeys(inputs, 1))
    assert next_steps.after_refusal("Unheard", {}) is None
