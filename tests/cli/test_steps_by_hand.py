"""A task run command by command: every step alone, what it refuses, and what it says is next."""

import csv
import json
import math
import signal
import time
from contextlib import contextmanager, nullcontext

import pytest
from support.people_world import SPEC, DoubleProver, Party, Running, replace

from twopm_zk.chain.tasks import Phase
from twopm_zk.cli import main, next_steps
from twopm_zk.cli.options.participants import ProvingOptions
from twopm_zk.coordinator.store import CoordinatorStore
from twopm_zk.coordinator.task_creation import Stakes, registered, task_config, training_config
from twopm_zk.errors import UnsettledError
from twopm_zk.node import sharing_part
from twopm_zk.node.store import NodeStore
from twopm_zk.participants import attempts
from twopm_zk.sharing import Sharer
from twopm_zk.task.parts.statistics import Statistics
from twopm_zk.task.specification_file import write_spec
from twopm_zk.training.in_process import train

pytestmark = pytest.mark.slow

STRANGER = 8
ETH = 10**18
NO_STAKES = Stakes()


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
        out = self._run([*words, "--json"], account, code)
        return json.loads(out)

    def text(self, *words, account=1):
        return self._run(words, account, 0)

    def _run(self, words, account, code):
        self.patch.setenv("TWOPM_ZK_PRIVATE_KEY", self.party.world.node.private_keys[account])
        self.patch.setattr("sys.argv", ["twopm-zk", *map(str, words)])
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            main()
        printed = self.capsys.readouterr()
        assert caught.value.code == code, printed.out + printed.err
        return printed.out

    @property
    def state(self):
        return self.party.coordinator_view.state(1)

    def until(self, phase, updates=None, rounds=None):
        limit = time.monotonic() + 60
        while True:
            state = self.state
            there = state.phase is phase and rounds in (None, state.round) and updates in (None, state.updates)
            if there:
                return state
            assert time.monotonic() < limit, f"{state.name()} is {state.phase.name}"
            time.sleep(0.02)

    def registered(self, nodes=3):
        view, limit = self.party.coordinator_view, time.monotonic() + 60
        while len(registered(view, self.party.spec, stakes=Stakes()).ready) < nodes:
            assert time.monotonic() < limit
            time.sleep(0.02)

    def begin(self):
        """The task, and its first round."""
        self.registered()
        self("task", "create", "spec.json")
        self("task", "open", "1")

    def summed(self, rounds=0, updates=3):
        """Close the round, and wait until all have shared."""
        self.until(Phase.COLLECTING, updates, rounds)
        closed = self("task", "close", "1")
        assert (closed["event"], closed["round"], closed["updates"]) == ("RoundClosed", rounds, updates)
        return self.until(Phase.SUMMED, rounds=rounds)


@pytest.fixture
def terminated():
    """The commands of loops set a handler of their own."""
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


def run_to_the_end(hand):
    """Rounds by hand until the certificate; how often the weights moved."""
    for number in range(40):
        state = hand.summed(number)
        if state.collection.name == "INFORMATION":
            for wrong in ("aggregate", "certify"):
                refused = hand(wrong, "spec.json", "--task", "1", code=9)
                assert "twopm-zk proceed spec.json --task 1" in refused["hint"]
            assert hand("proceed", "spec.json", "--task", "1", "--dry-run")["transactions"] == []
            assert hand.state.phase is Phase.SUMMED
            assert hand("proceed", "spec.json", "--task", "1")["rows"] == 32
            continue
        assert "twopm-zk aggregate spec.json --task 1" in hand("proceed", "spec.json", "--task", "1", code=9)["hint"]
        outlook = hand("certify", "spec.json", "--task", "1", "--dry-run")
        assert outlook["transactions"] == []
        if outlook["certifiable"]:
            done = hand("certify", "spec.json", "--task", "1")
            assert [one["name"] for one in done["transactions"]] == ["certify"]
            return state.moves, done
        refused = hand("certify", "spec.json", "--task", "1", code=9)
        assert "twopm-zk aggregate spec.json --task 1" in refused["hint"]
        expected = hand("aggregate", "spec.json", "--task", "1", "--dry-run")
        assert hand.state.round == number
        moved = hand("aggregate", "spec.json", "--task", "1")
        assert moved["next_coefficients"] == expected["next_coefficients"]
        assert [one["name"] for one in moved["transactions"]] == ["aggregate"]
    raise AssertionError("no certificate")


@pytest.mark.parametrize("rule", ["boehning-lindsay", "newton"])
def test_a_whole_task_by_hand_ends_at_the_same_certificate(hand, rule):
    party = hand.party
    party.spec = replace(party.spec, step=type(party.spec.step)(rule))
    write_spec(party.spec, party.folder / "spec.json")
    with nodes_of(party) as running:
        hand.begin()
        moves, done = run_to_the_end(hand)
        running.wait()
    expected = train(party.tables, party.spec)
    assert (moves, done["coefficients"]) == (expected.moves, expected.coefficients)
    assert len(hand.prover.made) == moves + 1  # dry runs and refusals prove nothing
    assert hand("task", "show", "1", "--spec", "spec.json")["coefficients"] == expected.coefficients


def test_every_step_says_what_is_next(hand):
    with nodes_of(hand.party):
        hand.registered()
        assert "Next: twopm-zk task open 1" in hand.text("task", "create", "spec.json")
        assert "Next: twopm-zk task close 1" in hand.text("task", "open", "1")
        hand.until(Phase.COLLECTING, 3)
        assert "twopm-zk task share 1" in hand.text("task", "close", "1")
        hand.until(Phase.SUMMED)
        shown = hand.text("proceed", "spec.json", "--task", "1")
        assert "Round 1 is open: it collects the gradient." in shown
        assert "Next: twopm-zk task close 1" in shown
        hand.summed(1)
        shown = hand.text("aggregate", "spec.json", "--task", "1", "--dry-run")
        assert "The next weights would be:" in shown
        assert "Transaction" not in shown
        shown = hand.text("aggregate", "spec.json", "--task", "1")
        assert "Round 2 is open" in shown
        assert "Transaction 0x" in shown


def test_a_task_shows_who_did_what_and_every_public_sum(hand):
    hand.party.spec = replace(hand.party.spec, gradient_bound=0.9)
    write_spec(hand.party.spec, hand.party.folder / "spec.json")
    addresses = sorted(hand.party.world.view(2 + number).address for number in range(3))
    with nodes_of(hand.party) as running:
        hand.begin()
        hand.summed()
        there = hand("task", "show", "1")
        done = {"updates": 1, "ready": True, "shared": True}
        assert there["nodes_of_the_attempt"] == dict.fromkeys(addresses, done)
        (first,) = there["rounds"]
        assert (first["collects"], first["rows"], sorted(first["nodes"])) == ("information", 32, addresses)
        assert len(first["information"]) == 10
        assert first["information"][-1] == pytest.approx(32 / 4, rel=1e-3)  # at zero weights a quarter of the rows
        assert all(f"{address}  1 updates, ready, shared" in hand.text("task", "show", "1") for address in addresses)
        hand("proceed", "spec.json", "--task", "1")
        hand.summed(1)
        shown = hand.text("certify", "spec.json", "--task", "1")
        assert "It covers 32 rows of 3 nodes:" in shown
        running.wait()
    assert "INSECURE KEYS" in shown
    found = hand("task", "show", "1")
    assert found["insecure_keys"] == ["step-48x3", "information-48x3", "aggregate-3", "certify-3"]
    assert (sorted(found["certified_nodes"]), found["certified_rows"]) == (addresses, 32)
    assert found["rounds"][1]["gradient_bound_per_row"] == pytest.approx(found["gradient_bound_per_row"])
    near = found["distance_to_optimum"]  # the information is that of the certified weights, which are all zero
    assert near["kind"] == "insecure-keys"
    assert 0 < near["at_least"] < near["standard_errors"] < near["at_most"]
    shown = hand.text("task", "show", "1")
    assert "The certificate covers the 32 rows of 3 nodes in round 1." in shown
    assert "At the last gradient the weights are" in shown
    assert "which is not proven to anybody: the keys are insecure." in shown


def raised(errors):
    """Raise the next of some errors, if there is one."""
    if errors:
        raise errors.pop()


def test_statistics_are_collected_by_hand_after_the_certificate_and_shown(hand):
    """At weights of zero, whose information there is already."""
    instances = replace(hand.party.spec.instances, evaluate=("evaluate-48x3",))
    spec = replace(hand.party.spec, gradient_bound=0.9, statistics=Statistics(evaluation=True), instances=instances)
    hand.party.spec = spec
    write_spec(spec, hand.party.folder / "spec.json")
    show = ("task", "show", "1", "--spec", "spec.json", "--statistics")
    with nodes_of(hand.party) as running:
        hand.begin()
        refused = hand(*show, code=9)
        assert "task 1 has no certificate" in refused["message"]
        assert "twopm-zk certify spec.json --task 1" in refused["hint"]
        hand.summed()
        assert "Round 1 is open: it collects the gradient." in hand.text("proceed", "spec.json", "--task", "1")
        hand.summed(1)
        certified = hand.text("certify", "spec.json", "--task", "1")
        assert "Round 2 is open: it collects the evaluation." in certified
        assert "Next: twopm-zk task close 1" in certified
        early = " ".join(hand.text(*show).split())
        assert "these weights were not evaluated on the rows of training" in early
        hand.summed(2)
        for wrong in ("aggregate", "certify"):
            assert "twopm-zk proceed spec.json" in hand(wrong, "spec.json", "--task", "1", code=9)["hint"]
        assert hand("proceed", "spec.json", "--task", "1", "--dry-run")["collects"] == "evaluation"
        last = hand.text("proceed", "spec.json", "--task", "1")
        assert "The task is finished." in last
        assert "Next: twopm-zk task show 1 --spec spec.json --statistics" in last
        running.wait()
    shown = " ".join(hand.text(*show).split())
    assert "Logit Regression Results" in shown
    assert "Fit: proven over 32 rows of 3 nodes" in shown
    assert "INSECURE KEYS: nothing of this is proven to anybody" in shown
    unsettled, plain = [UnsettledError("a block is just coming")], attempts.read_attempt
    hand.patch.setattr(attempts, "read_attempt", lambda *known: raised(unsettled) or plain(*known))
    found = hand(*show)  # which looks again
    assert not unsettled
    assert found["statistics"]["statistics"]["llf"] == pytest.approx(-32 * math.log(2), rel=1e-4)
    assert found["statistics"]["coefficients"]["GPA"]["standard_error"] > 0
    assert found["rounds"][2]["collects"] == "evaluation"
    assert hand("task", "show", "1")["phase"] == "finished"
    assert "statistics" not in hand("task", "show", "1")


# --- a node by hand ---


def rows_of(party, number):
    path = party.folder / f"rows{number}.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        table = party.tables[number]
        writer.writerow([*table.names, "GRADE"])
        writer.writerows([*row, label] for row, label in zip(table.features, table.labels, strict=True))
    return path


@pytest.fixture
def nodes_by_hand(hand):
    """Three nodes without a loop, members with data, and a task whose first round is open."""
    for number in range(3):
        state = ("--state", f"node{number}.db")
        joined = hand("node", "join", "spec.json", *state, account=2 + number)
        assert joined["new"]
        hand("data", "register", "spec.json", "--data", rows_of(hand.party, number), *state, account=2 + number)
    hand("task", "create", "spec.json")
    hand("task", "open", "1")
    return hand


def step(hand, name, number, *words, code=0):
    state = ("--state", f"node{number}.db")
    return hand("node", name, "spec.json", "--task", "1", *state, *words, account=2 + number, code=code)


def all_ready(hand):
    for number in range(3):
        step(hand, "submit", number)
    hand("task", "close", "1")
    for number in range(3):
        step(hand, "ready", number)


def test_a_round_by_hand_on_all_sides_opens_the_sum(nodes_by_hand):
    hand = nodes_by_hand
    for number in range(3):
        assert len(step(hand, "submit", number)["transactions"]) == 1
        assert step(hand, "submit", number)["transactions"] == []  # done already
    assert "twopm-zk task close 1" in step(hand, "ready", 0, code=3)["hint"]
    hand("task", "close", "1")
    for number in range(3):
        assert len(step(hand, "ready", number)["transactions"]) == 1
    assert json.loads(hand.text("node", "ledger", "--json", "--state", "node0.db")) == {"shares": []}
    assert "nothing is spent" in hand.text("node", "budget", "--state", "node0.db")
    for number in range(3):
        assert len(step(hand, "share", number)["transactions"]) == 1
    assert hand("proceed", "spec.json", "--task", "1")["rows"] == 32
    (shared,) = json.loads(hand.text("node", "ledger", "--json", "--state", "node0.db"))["shares"]
    assert (shared["task"], shared["round"], shared["batches"], shared["rows"]) == (1, 0, 1, 11)
    assert shared["statement"].startswith("information")
    assert "information" in hand.text("node", "ledger", "--state", "node0.db")
    (spent,) = json.loads(hand.text("node", "budget", "--json", "--state", "node0.db"))["budgets"]
    assert (spent["rows"], spent["sums"], spent["sums_without_noise"], spent["epsilon_spent"]) == ("", 1, 1, None)
    assert "infinite" in hand.text("node", "budget", "--privacy-limit", "3", "--state", "node0.db")


def test_what_a_node_shared_shows_no_private_value(nodes_by_hand):
    hand = nodes_by_hand
    for name in ("submit", "ready", "share"):
        for number in range(3):
            step(hand, name, number)
        if name == "submit":
            hand("task", "close", "1")
    with NodeStore(hand.party.folder / "node0.db", read_only=True) as store:
        private = [str(store.lasting_key.scalar)]
        private += [row[0] for row in store.query("SELECT salt FROM batches UNION SELECT blinding FROM updates")]
        private += [row[0] for row in store.query("SELECT secret FROM round_keys")]
    said = hand.text("node", "ledger", "--json", "--state", "node0.db")
    assert len(private) >= 4
    assert not [value for value in private if value in said]


def test_conditions_keep_a_node_out_and_say_why(nodes_by_hand):
    hand = nodes_by_hand
    for number in range(3):
        step(hand, "submit", number)
    hand("task", "close", "1")
    stranger = hand.party.world.view(STRANGER).address
    refused = step(hand, "ready", 0, "--require-account", stranger, code=3)
    assert f"the owner wants {stranger} in the set" in refused["message"]
    refused = step(hand, "ready", 0, "--minimum-nodes", "4", code=3)
    assert "goes on with 3 nodes; this node takes part from 4 on" in refused["message"]
    other = hand.party.world.view(3).address
    assert step(hand, "ready", 0, "--require-account", other)["transactions"]


def test_a_node_leaves_freely_before_sharing_begins_and_not_after_its_own_share(nodes_by_hand):
    hand = nodes_by_hand
    for number in range(3):
        step(hand, "submit", number)
    hand("task", "close", "1")
    step(hand, "ready", 0)
    gone = hand("node", "withdraw", "--task", "1", "--state", "node2.db", account=4)
    assert gone["lost_wei"] == "0"
    assert "twopm-zk task show 1" in step(hand, "ready", 2, code=3)["hint"]
    assert "2 nodes, the owner wants at least 3" in step(hand, "ready", 1, code=3)["message"]
    hand.party.world.node.advance(100_000)
    assert hand("task", "reopen", "1")["attempt"] == 1
    all_ready(hand)
    step(hand, "share", 0)
    refused = hand("node", "withdraw", "--task", "1", "--state", "node0.db", account=2, code=3)
    assert "the sum without it would give it away" in refused["message"]
    forgotten = hand("node", "forget", "--task", "1", "--state", "node0.db", account=2)
    assert forgotten["kept"] == {"round": 0, "attempt": 1}


def test_where_nobody_has_shared_nobody_is_left_out_and_the_round_is_started_again(nodes_by_hand):
    hand = nodes_by_hand
    all_ready(hand)
    hand.party.world.node.advance(hand.party.spec.sharing_seconds + 1)
    silent = hand.party.world.view(2).address
    refused = hand("task", "expel", "1", silent, account=STRANGER, code=8)
    assert "NobodyHasShared" in refused["message"]
    assert "twopm-zk task reopen 1" in refused["hint"]
    assert hand("task", "reopen", "1", account=STRANGER)["attempt"] == 1


def test_a_dispute_is_settled_only_once_its_outcome_is_known(nodes_by_hand):
    hand = nodes_by_hand
    all_ready(hand)
    for number in range(2):
        step(hand, "share", number)
    with hand.patch.context() as lying:
        true = Sharer.vector
        lying.setattr(Sharer, "vector", lambda *words: (*true(*words)[:-1], 1))
        step(hand, "share", 2)
    assert "twopm-zk proceed SPEC --task 1" in hand("task", "settle", "1", code=3)["hint"]
    assert "has no sum yet" in hand("proceed", "spec.json", "--task", "1", code=9)["message"]
    hand.party.world.view(2).hlr.dispute(1)
    refused = hand("task", "settle", "1", code=3)
    assert "no liar is proven" in refused["message"]
    hand.party.world.node.advance(10 * hand.party.spec.disputing_seconds)
    assert hand("task", "settle", "1")["phase"] == "finished"
    assert hand("task", "show", "1")["certified"] is False


def test_who_is_silent_is_left_out_by_anybody_after_the_deadline(world, tmp_path, monkeypatch, capsys, terminated):
    spec = replace(SPEC, gradient_bound=0.1, minimum_nodes=3, minimum_rows=20)
    party = Party(world, tmp_path, spec=spec, sizes=(8, 8, 8, 8))
    hand = Hand(party, monkeypatch, capsys)
    silent = party.world.view(5).address
    with nodes_of(party, *(party.node(number) for number in range(3)), never_sharing(party.node(3))):
        hand.registered(4)
        hand("task", "create", "spec.json")
        hand("task", "open", "1")
        hand.until(Phase.COLLECTING, 4, 0)
        hand("task", "close", "1")
        hand.until(Phase.SHARING)
        limit = time.monotonic() + 60
        while hand.state.shared < 3:
            assert time.monotonic() < limit
            time.sleep(0.05)
        assert hand("task", "show", "1")["nodes_of_the_attempt"][silent]["shared"] is False
        refused = hand("task", "expel", "1", silent, account=STRANGER, code=8)
        assert "DeadlineNotReached" in refused["message"]
        early = hand("task", "reopen", "1", code=8)
        assert "WrongPhase" in early["message"]
        party.world.node.advance(10 * 24 * 3600)
        # anybody may, the other nodes among them: one of us is first
        hand.until(Phase.SUMMED)
    (out,) = [one for one in hand("task", "show", "1")["nodes_of_the_attempt"].items() if "left" in one[1]]
    assert out == (silent, {"updates": 1, "ready": False, "shared": False, "left": "silent"})


def never_sharing(node):
    """A node that says that it is ready, and then nothing."""

    class Silent(sharing_part.SharingPart):
        def _share(self, *_):
            pass

    node._sharing.__class__ = Silent
    node._unstick = lambda state: None
    return node


# --- what is refused ---


def test_a_task_needs_nodes_that_have_registered_and_names_who_is_not_ready(hand):
    refused = hand("task", "create", "spec.json", code=9)
    assert "0 of 3 nodes have registered" in refused["message"]
    assert "twopm-zk data register spec.json" in refused["hint"]
    with nodes_of(hand.party):
        hand.registered()
        refused = hand("task", "create", "spec.json", "--minimum-stake", "1", code=9)
    assert all(hand.party.world.view(2 + number).address in refused["message"] for number in range(3))


def test_a_penalty_above_the_minimum_stake_is_refused(hand):
    refused = hand("task", "create", "spec.json", "--minimum-stake", "1", "--penalty", "2", code=3)
    assert "is more than" in refused["message"]


def test_a_penalty_that_stakes_could_escape_is_refused_with_what_to_do(hand):
    spec = replace(hand.party.spec, sharing_seconds=20 * 24 * 3600)
    hint = create_by_others(hand, spec=spec, stakes=Stakes(ETH, ETH), expect="InvalidConfig")
    assert "exit delay of stakes" in hint


@pytest.mark.parametrize("command", [("coordinator", "run"), ("task", "create")], ids=" ".join)
def test_fewer_nodes_than_the_specifications_minimum_are_refused_at_once(hand, monkeypatch, command):
    monkeypatch.setenv("TWOPM_ZK_RPC_URL", "http://127.0.0.1:9")  # before anything is asked of a chain
    refused = hand(*command, "spec.json", "--nodes", "2", code=3)
    assert "2 nodes to wait for are fewer than the minimum of 3" in refused["message"]


@pytest.mark.parametrize("name", ["submit", "ready", "share"])
def test_a_wrong_name_of_a_nodes_state_makes_no_empty_one(hand, name):
    refused = hand("node", name, "spec.json", "--task", "1", "--state", "typo.db", code=11)
    assert "there is no state file 'typo.db'" in refused["message"]
    assert not (hand.party.folder / "typo.db").exists()


def create_by_others(hand, *, account=1, spec=None, stakes=NO_STAKES, expect=None):
    """A task without nodes, for what only depends on its phase; or what to do next after a refusal."""
    from twopm_zk.errors import TransactionError

    spec = spec or hand.party.spec
    network = hand.party.world.view(account).network
    config = task_config(spec, stakes=stakes)
    if expect is None:
        return network.hlr.create_task(config, training_config(spec, network))
    with pytest.raises(TransactionError, match=expect) as caught:
        network.hlr.create_task(config, training_config(spec, network))
    return next_steps.next_step(caught.value)


@pytest.fixture
def created(hand):
    create_by_others(hand)
    return hand


def test_each_phase_names_the_command_that_fits_it(created):
    assert "twopm-zk task open 1" in created("task", "close", "1", code=8)["hint"]
    assert "twopm-zk task open 1" in created("aggregate", "spec.json", "--task", "1", code=9)["hint"]
    created("task", "open", "1")
    again = created("task", "open", "1", code=8)
    assert "WrongPhase" in again["message"]
    assert "twopm-zk task close 1" in again["hint"]
    for command in ("proceed", "certify"):
        assert "twopm-zk task close 1" in created(command, "spec.json", "--task", "1", code=9)["hint"]
    for command in ("share", "settle"):
        assert "twopm-zk task close 1" in created("task", command, "1", code=8 if command == "share" else 3)["hint"]
    below = created("task", "close", "1", code=8)
    assert "BelowMinimum(nodes=0, minimum=3)" in below["message"]
    assert "twopm-zk task reopen TASK" in below["hint"]
    assert "DeadlineNotReached" in created("task", "finish", "1", code=8)["message"]
    early = created("task", "reopen", "1", code=8)
    assert "DeadlineNotReached" in early["message"]
    assert "anybody may go on after it" in early["hint"]
    assert "twopm-zk task list" in created("task", "open", "7", code=8)["hint"]


def test_a_task_that_was_never_opened_is_shown_and_can_be_finished(created):
    shown = created("task", "show", "1")
    assert (shown["phase"], shown["deadline"], shown["rounds"], shown["nodes_of_the_attempt"]) == (
        "created",
        "none",
        [],
        {},
    )
    assert created("task", "finish", "1")["event"] == "TaskFinished"
    assert "twopm-zk task show 1" in created("task", "open", "1", code=8)["hint"]


def test_strangers_are_told_whose_task_it_is(created):
    for command in ("open", "finish"):
        refused = created("task", command, "1", account=STRANGER, code=8)
        assert "NotTheCoordinator" in refused["message"]
        assert "twopm-zk task show 1" in refused["hint"]


def test_anybody_may_reopen_after_the_deadline(created):
    created("task", "open", "1")
    created.party.world.node.advance(100_000)
    assert created("task", "reopen", "1", account=STRANGER)["attempt"] == 1


@pytest.mark.parametrize("address", ["0x12", "me", "0x70997970C51812dc3A010C7d01b50e0d17dc79C9"])
def test_an_address_that_is_none_is_refused(created, address):
    assert "is not an address" in created("task", "expel", "1", address, code=3)["message"]


def test_a_round_is_the_coordinators_until_its_deadline_and_anybodys_after(hand):
    with nodes_of(hand.party):
        hand.begin()
        hand.summed()
        early = hand("proceed", "spec.json", "--task", "1", account=STRANGER, code=3)
        assert "until its deadline a round is concluded by the coordinator" in early["message"]
    hand.party.world.node.advance(100_000)  # while the nodes are away: they would do it
    assert hand("proceed", "spec.json", "--task", "1", account=STRANGER)["transactions"]
    with nodes_of(hand.party):
        hand.summed(1)
        words = ("spec.json", "--task", "1", "--state", "other.db")
        hand.party.world.node.advance(100_000)
        refused = hand("aggregate", *words, account=STRANGER, code=8)  # the next matrix is chosen by one of the set
        assert "NotInTheSet" in refused["message"]
        words = (*words[:-1], "heir.db")
        assert hand("aggregate", *words, account=2)["transactions"]
    assert len(hand.prover.made) == 2


def test_another_specification_is_refused(hand):
    with nodes_of(hand.party):
        hand.begin()
        hand.summed()
    write_spec(replace(hand.party.spec, penalty=2.0), hand.party.folder / "other.json")
    assert "is of the specification" in hand("proceed", "other.json", "--task", "1", code=8)["message"]


def test_after_the_last_round_the_task_is_finished_without_a_certificate(hand):
    hand.party.spec = replace(hand.party.spec, maximum_rounds=1, gradient_bound=1e-3)
    write_spec(hand.party.spec, hand.party.folder / "spec.json")
    with nodes_of(hand.party) as running:
        hand.begin()
        hand.summed()
        hand("proceed", "spec.json", "--task", "1")
        hand.summed(1)
        hand("aggregate", "spec.json", "--task", "1")
        hand.summed(2)
        for command in ("aggregate", "certify"):
            assert "twopm-zk task finish 1" in hand(command, "spec.json", "--task", "1", code=9)["hint"]
        early = hand("task", "finish", "1", code=8)
        assert "DeadlineNotReached" in early["message"]
        hand.party.world.node.advance(hand.party.spec.aggregating_seconds + 1)
        assert hand("task", "finish", "1")["event"] == "TaskFinished"
        running.wait()
    assert len(hand.prover.made) == 1


def test_a_dry_run_makes_no_state_file_and_a_proof_that_was_made_is_kept_in_one(hand):
    with nodes_of(hand.party):
        hand.begin()
        hand.summed()
        hand("proceed", "spec.json", "--task", "1")
        hand.summed(1)
    state = hand.party.folder / "coordinator.db"
    for command in ("aggregate", "certify"):
        assert hand(command, "spec.json", "--task", "1", "--dry-run")["dry_run"]
        assert not state.exists()
    with CoordinatorStore(state):
        refused = hand("aggregate", "spec.json", "--task", "1", code=11)
        assert "is in use by another process" in refused["message"]
        assert "stop the other one" in refused["hint"]
    hand("aggregate", "spec.json", "--task", "1")
    with CoordinatorStore(state) as store:
        assert store.query("SELECT name FROM work") == [("aggregate",)]


# --- membership ---


def test_joining_makes_a_member_once_and_leaving_ends_it(hand):
    first = hand("node", "join", "spec.json", account=2)
    again = hand("node", "join", "spec.json", account=2)
    assert (first["new"], again["new"], first["task"]) == (True, False, None)
    assert first["member_since"] == again["member_since"] > 0
    view = hand.party.world.view(2)
    assert view.registrations(hand.party.spec.data_terms.id, before=view.block() + 1) == {}
    hand("node", "leave", account=2)
    assert hand.party.world.view(2).member(first["account"]) is None
    assert "twopm-zk node join SPEC" in hand("node", "leave", account=2, code=8)["hint"]


def test_joining_with_a_stake_says_whether_it_is_enough(created):
    create_by_others(created, stakes=Stakes(ETH, ETH // 2))
    poor = created("node", "join", "spec.json", account=3)
    assert (poor["task"], poor["ready"]) == (2, False)
    assert "twopm-zk stake add" in poor["obstacles"][0]
    refused = created("node", "join", "spec.json", "--stake", "1", "--asset", "2", account=3, code=3)
    assert "1000000000000000000 fewer than 1000000000000000000" in refused["message"]
    created.party.world.view(3).network.contract("RETHDouble").transact("deposit", value=2 * ETH)
    assert created("node", "join", "spec.json", "--stake", "1", "--asset", "2", account=3)["ready"]


def test_a_round_that_is_open_waits_for_nobody_who_joins_later(created):
    created("task", "open", "1")
    late = created("node", "join", "spec.json", account=3)
    assert "takes part from the next round on" in late["obstacles"][0]


# --- hints ---


def test_every_hint_is_for_an_error_of_our_contracts(world):
    from twopm_zk.chain.compiler import compile_contract

    known = {}
    for name in (*world.deployment.contracts, "IEigenLayerErrors", "IEAS"):
        for entry in compile_contract(name).abi:
            if entry["type"] == "error":
                known.setdefault(entry["name"], []).append([item["name"] for item in entry["inputs"]])
    for name in next_steps._REFUSALS:
        for inputs in known[name]:
            assert next_steps.after_refusal(name, dict.fromkeys(inputs, 1))
    assert next_steps.after_refusal("Unheard", {}) is None
