"""Silence, lies, withdrawals, lost stores, replaced blocks, greedy coordinators: others go on with the right sum."""

import time

import pytest
from support.people_stage import ETH, Stage, lying, stake
from support.people_world import SPEC, DoubleProver, Party, replace

from twopm_zk.chain.compiler import compile_contract
from twopm_zk.chain.tasks import Phase
from twopm_zk.coordinator.aggregation import RoundExecutor
from twopm_zk.coordinator.coordinator import Coordinator
from twopm_zk.coordinator.store import CoordinatorStore
from twopm_zk.coordinator.summed_round import assess_own_round
from twopm_zk.coordinator.task_creation import Stakes, create_task
from twopm_zk.errors import ChainError, InputError, StoreError, TransactionError
from twopm_zk.node.node import Consent
from twopm_zk.node.store import NodeStore
from twopm_zk.numbers.baby_jubjub import SUBGROUP_ORDER
from twopm_zk.participants import attempts
from twopm_zk.participants.loop import OVERTAKEN
from twopm_zk.participants.records import Attempt
from twopm_zk.sharing import KeyOwner, ProvenPoint, SecretKey
from twopm_zk.statements import Collection
from twopm_zk.training.in_process import train

pytestmark = pytest.mark.slow

NEAR = replace(SPEC, gradient_bound=0.2, minimum_rows=20)
PENALTY = ETH // 2
STAKES = Stakes(ETH, PENALTY)


@pytest.fixture
def staged(world, tmp_path):
    """``staged(sizes)``: a task that collects its first round, information at zero weights; three nodes are enough."""
    made = []

    def make(sizes=(8, 8, 8, 8), *, stakes=STAKES, spec=NEAR, **options):
        party = Party(world, tmp_path, spec=spec, sizes=sizes)
        party.settings = replace(party.settings, stakes=stakes)
        made.append(Stage(party, **options))
        return made[-1].begin()

    yield make
    for stage in made:
        stage.close()


def news_of(stage, who, kind):
    return [item for item in stage.party.news[who] if item.kind == kind]


def stakes(stage):
    return [stage.reader.stake_of(node.view.address) for node in stage.nodes]


def expect_sum(stage, numbers):
    """The sum is that of these nodes, to the bit, and of nobody else."""
    state, total = stage.state, stage.attempt.total
    assert set(stage.attempt.nodes) == {stage.address(number) for number in numbers}
    tallies = [entry.batch.tally(state.collection, state.weights) for n in numbers for entry in stage.nodes[n]._batches]
    assert total.rows == sum(tally.rows for tally in tallies)
    assert list(total.items) == [sum(column) for column in zip(*(tally.items for tally in tallies), strict=True)]


def expect_out(stage, number, reason):
    """It is out for good, and has paid."""
    left = [event["reason"] for event in stage.events("NodeLeft") if event["node"] == stage.address(number)]
    assert [bytes.fromhex(text[2:]).rstrip(b"\0").decode() for text in left] == [reason]
    assert stage.reader.is_barred(stage.state, stage.address(number))
    (paid,) = [event["value"] for event in stage.events("Penalised") if event["node"] == stage.address(number)]
    assert paid == pytest.approx(PENALTY, rel=1e-6)


def expect_undecided(stage):
    """Nobody was proven to have lied: a sum without those that are out could give away an honest one."""
    (failed,) = stage.events("TaskFailed")
    assert bytes.fromhex(failed["reason"][2:]).rstrip(b"\0") == b"undecided dispute"
    assert not stage.state.certified
    assert stage.events("SumShared")[-1]["round"] == stage.state.round


def paid_by(stage):
    return [event["node"] for event in stage.events("Penalised")]


def shared_by(stage, number):
    """All that a node has shared, with the share attempt."""
    address = stage.address(number)
    return [(e["shareAttempt"], tuple(e["vector"])) for e in stage.events("Shared") if e["node"] == address]


def refused_to(view, function, *arguments):
    with pytest.raises(TransactionError) as caught:
        view.hlr.contract.transact(function, *arguments)
    return caught.value.error


# --- silence ---


def test_a_node_that_is_silent_before_it_is_ready_falls_out_and_nobody_proves_again(staged):
    stage = staged()
    stage.collected()
    stage.tick(*stage.nodes[:3])
    assert (stage.state.phase, stage.state.ready) == (Phase.READY, 3)
    stage.late()
    stage.until(Phase.SUMMED, without={3})
    assert stage.state.attempt == 0
    expect_sum(stage, [0, 1, 2])
    stage.until(Phase.FINISHED)  # it takes part again from the next round on
    assert stage.state.certified
    assert [len(stage.proofs(number)) for number in range(4)] == [stage.state.round + 1] * 4
    assert stage.events("Penalised") == []


def test_a_node_that_is_silent_after_it_was_ready_pays_and_the_others_share_again_under_other_masks(staged):
    stage = staged()
    stage.until(Phase.SHARING)
    stage.tick(*stage.nodes[:3])
    first = stage.state
    stage.late()
    state = stage.until(Phase.SUMMED, without={3}, coordinator=False)
    assert (state.attempt, state.share_attempt) == (0, 1)
    assert state.set_digest != first.set_digest
    expect_out(stage, 3, "silent")
    expect_sum(stage, [0, 1, 2])
    for number in range(3):
        (_, one), (_, other) = shared_by(stage, number)
        assert all(a != b for a, b in zip(one, other, strict=True))
        assert len(stage.proofs(number)) == 1  # nobody proves again
    assert stakes(stage)[3] < stakes(stage)[0]
    stage.until(Phase.COLLECTING, without={3})
    stage.tick(stage.nodes[3])
    assert "out of task 1 for good" in stage.party.news[3][-1].text


def test_a_task_whose_set_falls_below_its_minimum_after_a_share_has_failed_and_says_so(staged):
    stage = staged((11, 11, 10))
    stage.until(Phase.SHARING)
    stage.tick(*stage.nodes[:2])
    stage.late()
    state = stage.until(Phase.FINISHED, without={2})
    assert not state.certified
    (failed,) = stage.events("TaskFailed")
    assert bytes.fromhex(failed["reason"][2:]).rstrip(b"\0") == b"too few nodes"
    assert stage.nodes[0].tick() is True
    assert any("failed" in item.text for item in stage.party.news[0])
    assert stage.nodes[0].store.updates(Attempt.of(state)) == {}


def test_a_set_in_which_nobody_shares_in_time_is_given_up_and_the_round_starts_again(staged):
    stage = staged()
    stage.until(Phase.SHARING)
    stage.late()
    before = stakes(stage)
    state = stage.until(Phase.COLLECTING, without={0, 1, 2, 3})
    assert (state.round, state.attempt) == (0, 1)
    stage.until(Phase.SUMMED)  # they have shared nothing, so that all take part again
    expect_sum(stage, [0, 1, 2, 3])
    assert stage.events("NodeLeft") == stage.events("Penalised") == stage.events("NodeBarred") == []
    assert stakes(stage) == before


def test_nodes_start_again_by_themselves_where_nobody_has_shared_in_time(staged):
    stage = staged()
    stage.until(Phase.SHARING)
    stage.last_third()
    stage.tick(*stage.nodes)  # too late to share; nobody has, so that waiting costs nothing, and leaving would
    assert stage.state.ready == 4
    assert "the round starts again and nobody pays" in news_of(stage, 0, "waiting")[-1].text
    stage.late()
    assert stage.until(Phase.COLLECTING, coordinator=False).attempt == 1
    assert paid_by(stage) == []


def test_a_node_whose_share_was_sent_and_never_mined_stays_out_of_the_next_attempt(staged, monkeypatch):
    stage = staged()
    stage.until(Phase.SHARING)

    def lost(*_):
        raise ChainError("the endpoint is gone")

    with monkeypatch.context() as patch:
        patch.setattr(type(stage.nodes[0].view.hlr), "share", lost)
        with pytest.raises(ChainError):
            stage.nodes[0].tick()
    stage.late()
    stage.until(Phase.COLLECTING, without={0, 1, 2, 3})
    stage.until(Phase.READY)
    stage.tick(*stage.nodes)
    assert stage.state.ready == 3
    assert {item.values["objection"] for item in news_of(stage, 0, "objection")} == {"shared-before"}


def test_a_node_without_its_stake_shares_in_no_later_share_attempt_and_is_told(staged):
    stage = staged()
    stage.until(Phase.SHARING)
    stage.tick(*stage.nodes[:3])
    staking = stage.nodes[0].view.staking
    shares = staking.contract.call("positionOf", stage.address(0), 2)["active"]
    staking.contract.transact("unstake", 2, shares)
    stage.late()
    stage.until(Phase.SHARING, without={0, 3}, when=lambda state: state.share_attempt == 1)
    stage.tick(*stage.nodes[:3])
    assert stage.state.shared == 2
    assert "takes a stake of" in news_of(stage, 0, "stake")[0].text
    stake(stage.nodes[0].view, ETH)
    stage.tick(stage.nodes[0])
    assert stage.state.phase is Phase.SUMMED


def test_a_node_whose_own_clock_says_that_it_is_too_late_does_not_pay_for_that(staged, monkeypatch):
    stage = staged()
    stage.until(Phase.SHARING)
    stage.tick(*stage.nodes[1:])  # so that leaving would cost the penalty
    wall, state = time.time, stage.state
    ahead = state.deadline - state.seconds[Phase.SHARING] // 6 - wall()
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: wall() + ahead)
        stage.tick(stage.nodes[0])
    assert "clock" in stage.party.kinds(0)
    assert stage.state.phase is Phase.SHARING
    stage.until(Phase.SUMMED)
    expect_sum(stage, [0, 1, 2, 3])
    assert paid_by(stage) == []


# --- leaving ---


def test_a_node_that_withdraws_before_it_is_ready_disturbs_nobody(staged):
    stage = staged()
    stage.collected()
    stage.nodes[3].view.hlr.withdraw(stage.task)
    stage.until(Phase.SUMMED)
    expect_sum(stage, [0, 1, 2])
    assert stage.events("Penalised") == []


def test_a_node_that_withdraws_before_the_first_share_costs_the_others_nothing(staged):
    stage = staged()
    before = stage.until(Phase.SHARING)
    stage.nodes[3].view.hlr.withdraw(stage.task)
    assert stage.state.set_digest != before.set_digest
    state = stage.until(Phase.SUMMED)
    expect_sum(stage, [0, 1, 2])
    assert state.share_attempt == 0  # nobody had shared
    assert paid_by(stage) == [stage.address(3)]
    assert not stage.reader.is_barred(stage.state, stage.address(3))


def test_a_node_that_withdraws_after_a_share_pays_and_the_others_share_again(staged):
    stage = staged()
    stage.until(Phase.SHARING)
    stage.tick(stage.nodes[0])
    stage.nodes[3].view.hlr.withdraw(stage.task)
    state = stage.until(Phase.SUMMED)
    assert state.share_attempt == 1
    expect_sum(stage, [0, 1, 2])
    (paid,) = stage.events("Penalised")
    assert paid["node"] == stage.address(3)
    assert len(shared_by(stage, 0)) == 2


# --- lies ---


def test_a_liar_whose_claims_do_not_add_up_cannot_complete_them_and_pays(staged):
    stage = staged()
    lying(stage.nodes[3])
    stage.until(Phase.DISPUTED)
    while len(stage.attempt.dispute.complete) < 3:
        stage.tick(*stage.nodes)
    stage.late(stage.state.seconds[Phase.DISPUTED])
    stage.until(Phase.FINISHED)
    expect_out(stage, 3, "silent")
    expect_undecided(stage)


@pytest.mark.parametrize("coordinator", [True, False])
def test_a_liar_that_hides_it_in_one_pair_is_found_by_what_its_victim_reveals(staged, coordinator):
    stage = staged()
    lying(stage.nodes[3], blamed=stage.address(1))
    stage.collected()
    stage.until(Phase.SUMMED, when=lambda state: state.share_attempt == 1, coordinator=coordinator)
    expect_out(stage, 3, "lied")
    expect_sum(stage, [0, 1, 2])
    revealed = [(event["node"], event["other"]) for event in stage.events("PairRevealed")]
    assert revealed in ([(stage.address(1), stage.address(3))], [(stage.address(3), stage.address(1))])


def test_no_pair_is_revealed_to_anybody_but_where_two_claims_differ(staged, monkeypatch):
    """An endpoint that learns what two nodes share learns their masks, whether the contract takes the reveal or not."""
    stage = staged()
    lying(stage.nodes[3], blamed=stage.address(1), reveals=False)
    asked = []
    for node in stage.nodes[:3]:
        plain = node.view.hlr.reveal
        monkeypatch.setattr(
            node.view.hlr,
            "reveal",
            lambda task, other, *rest, plain=plain, me=node.view.address: (
                asked.append((me, other)),
                plain(task, other, *rest),
            )[1],
        )
    stage.until(Phase.DISPUTED)
    for _ in range(4):
        stage.tick(*stage.nodes)  # also after the liar is out of the set, whose digest is another one then
    assert asked == [(stage.address(1), stage.address(3))]


def test_a_liar_that_reveals_a_forged_point_is_refused(staged):
    stage = staged()
    lying(stage.nodes[3], blamed=stage.address(1), reveals=False)
    stage.until(Phase.DISPUTED)
    for node in (stage.nodes[3], *stage.nodes[:3]):
        if len(stage.attempt.dispute.complete) < 4:
            stage.tick(node)
    said, state, accuser = stage.attempt.dispute, stage.state, stage.nodes[3]
    assert said.contradictions
    if not stage.events("PairRevealed"):
        part = accuser._sharing
        honest = part._sharer(state, said.sharing_set)
        reveal = honest._reveal(stage.address(1))
        forged = replace(reveal, lasting=ProvenPoint.of(SecretKey.drawn(), SecretKey.drawn().posted))
        part.reveals = True
        with pytest.raises(TransactionError):
            type(part).__mro__[1]._reveal(part, state, said.sharing_set, stage.attempt.generators, forged)
    stage.until(Phase.SUMMED, when=lambda now: now.share_attempt == 1)
    expect_out(stage, 3, "lied")
    expect_sum(stage, [0, 1, 2])


def test_two_liars_whose_lies_cancel_gain_nothing(staged):
    stage = staged()
    lying(stage.nodes[2], lie=5)
    lying(stage.nodes[3], lie=SUBGROUP_ORDER - 5)
    stage.until(Phase.SUMMED)
    expect_sum(stage, [0, 1, 2, 3])
    stage.tick(*stage.nodes)
    assert stage.events("DisputeOpened") == []


def test_two_liars_that_contradict_each_other_and_reveal_nothing_both_pay(staged):
    stage = staged((8, 8, 8, 4, 4), spec=replace(NEAR, minimum_node_rows=4))
    lying(stage.nodes[4], blamed=stage.address(3), reveals=False)
    lying(stage.nodes[3], lie=0, reveals=False)
    stage.until(Phase.DISPUTED)
    while len(stage.attempt.dispute.complete) < 5:
        stage.tick(*stage.nodes)
    stage.late(stage.state.seconds[Phase.DISPUTED])
    stage.until(Phase.FINISHED)
    expect_out(stage, 3, "silent")
    expect_out(stage, 4, "silent")
    expect_undecided(stage)


def test_a_dispute_in_which_one_of_a_contradicting_pair_falls_silent_ends_too(staged):
    """Its claims are not complete, and contradict another node's: the contract counts the pair although it is out."""
    stage = staged()
    lying(stage.nodes[3], blamed=stage.address(1), reveals=False)
    stage.until(Phase.DISPUTED)
    victim = stage.nodes[1]
    victim._sharing._reveal = lambda *_: None  # and its victim cannot answer in time
    plain = stage.nodes[3]._sharing.view.hlr.claim
    liar, state = stage.nodes[3], stage.state
    sharer = liar._sharing._sharer(state, stage.attempt.sharing_set)
    first, *_ = sharer.claims(stage.attempt.generators).items()
    others = dict([first])
    if stage.address(1) in others:
        plain(stage.task, list(others), list(others.values()))
    liar._sharing._claim = lambda *_: None
    while len(stage.attempt.dispute.complete) < 3:
        stage.tick(*stage.nodes)
    stage.late(state.seconds[Phase.DISPUTED])
    stage.until(Phase.FINISHED)
    expect_out(stage, 3, "silent")
    expect_undecided(stage)
    assert paid_by(stage) == [stage.address(3)]


# --- disputes without cause ---


def test_a_dispute_without_cause_ends_with_the_next_proof_and_costs_the_accuser(staged):
    stage = staged()
    stage.until(Phase.SUMMED)
    stage.nodes[3].view.hlr.dispute(stage.task)
    stage.tick(stage.coordinator)
    (rejected,) = stage.events("DisputeRejected")
    assert rejected["accuser"] == stage.address(3)
    assert stage.reader.is_barred(stage.state, stage.address(3))
    assert stakes(stage)[3] < stakes(stage)[0]
    assert (stage.state.phase, stage.state.round) == (Phase.COLLECTING, 1)


def test_a_coordinator_that_would_end_the_task_settles_the_dispute_over_its_last_sum_first(staged):
    stage = staged(spec=replace(NEAR, maximum_rounds=1, gradient_bound=1e-6))
    stage.until(Phase.SUMMED, when=lambda state: state.last)
    stage.nodes[1].view.hlr.dispute(stage.task)
    stage.tick(*stage.nodes, stage.coordinator)
    assert stage.state.phase is Phase.DISPUTED
    stage.late()
    stage.until(Phase.SUMMED)
    assert paid_by(stage) == [stage.address(1)]
    stage.late()
    assert not stage.until(Phase.FINISHED).certified


def spoilt(stage):
    """A sum that does not open, of a set of which nobody is there any more."""
    lying(stage.nodes[3])
    stage.until(Phase.SHARING)
    for number in range(4):
        stage.tick(stage.nodes[number])
    assert stage.state.phase is Phase.SUMMED
    assert stage.attempt.total is None


def undisputed(stage):
    """So much time passes that a sum which nobody uses or disputes is given up."""
    stage.late(stage.state.seconds[Phase.DISPUTED])
    assert stage.state.given_up


def test_a_sum_that_does_not_open_and_nobody_disputes_does_not_keep_the_task_open_for_ever(staged):
    stage = staged()
    spoilt(stage)
    stage.late()
    stage.tick(stage.coordinator)
    assert news_of(stage, "coordinator", "waiting")[-1].text.endswith("a node of the set has to dispute it")
    assert stage.state.phase is Phase.SUMMED
    undisputed(stage)
    stage.tick(stage.coordinator)
    assert stage.state.phase is Phase.FINISHED
    (said,) = news_of(stage, "coordinator", "undisputed")
    assert said.text.endswith("no node of its set disputes it: the task ends without a certificate")
    before = stakes(stage)
    stage.tick(*stage.nodes[:3])
    assert stakes(stage) == before
    assert news_of(stage, 0, "finished")[-1].text.startswith(f"task {stage.task} is finished, not certified")


def test_who_is_back_before_the_task_is_ended_disputes_a_late_sum(staged):
    stage = staged()
    spoilt(stage)
    stage.late()
    stage.tick(stage.nodes[0])
    assert stage.state.phase is Phase.DISPUTED


def test_without_a_coordinator_a_dispute_without_cause_ends_once_all_have_claimed(staged):
    stage = staged()
    stage.until(Phase.SUMMED)
    stage.nodes[3].view.hlr.dispute(stage.task)
    stage.tick(*stage.nodes)
    assert len(stage.attempt.dispute.complete) == 4
    assert "settled" not in str(stage.party.news)
    stage.late()
    stage.until(Phase.SUMMED, coordinator=False)
    assert stage.reader.is_barred(stage.state, stage.address(3))
    expect_sum(stage, [0, 1, 2, 3])  # its share is good
    stage.tick(*stage.nodes)
    assert stage.state.phase is Phase.SUMMED


def test_a_node_disputes_nothing_while_its_endpoint_hides_shares(staged, monkeypatch):
    """An endpoint that lags behind shows a sum that does not open: whoever disputes that pays for it."""
    stage = staged()
    stage.until(Phase.SUMMED)
    node, plain = stage.nodes[0], stage.nodes[0].view.attempt_events
    seen = plain(stage.state)
    hidden = [event for event in seen if event.name != "Shared" or event["node"] != stage.address(1)]
    monkeypatch.setattr(node.view, "attempt_events", lambda state: hidden)
    with pytest.raises(ChainError, match="looking again"):
        node.tick()
    assert stage.state.phase is Phase.SUMMED
    monkeypatch.setattr(node.view, "attempt_events", plain)
    node.tick()
    assert stage.state.phase is Phase.SUMMED


# --- stores and processes ---


def lose(stage, number):
    """The node's store is gone; what is given back is where it was moved."""
    store = stage.nodes[number].store
    store.close()
    moved = store.path.with_suffix(".moved")
    store.path.rename(moved)
    stage.nodes[number] = stage.party.node(number)
    return moved


def test_a_node_whose_store_is_lost_between_ready_and_share_withdraws_where_that_costs_nothing(staged):
    stage = staged(stakes=Stakes())
    stage.until(Phase.SHARING)
    lose(stage, 3)
    stage.tick(stage.nodes[3])
    stage.until(Phase.SUMMED)
    expect_sum(stage, [0, 1, 2])
    assert stage.events("Penalised") == []
    assert news_of(stage, 3, "withdrawn")


def test_a_store_that_is_brought_back_in_time_saves_the_penalty_and_the_round(staged):
    stage = staged()
    stage.until(Phase.SHARING)
    moved = lose(stage, 3)
    stage.tick(stage.nodes[3])  # leaving would cost its penalty: the deadline is long
    assert "bring this node's store back" in stage.party.news[3][-1].text
    stage.nodes[3].store.close()
    for end in ("", "-wal", "-shm"):
        stage.nodes[3].store.path.with_name(f"node3.db{end}").unlink(missing_ok=True)
    moved.rename(stage.nodes[3].store.path)
    stage.nodes[3] = stage.party.node(3)
    stage.until(Phase.SUMMED)
    expect_sum(stage, [0, 1, 2, 3])


def test_two_processes_cannot_use_one_state(staged):
    stage = staged()
    with pytest.raises(StoreError, match="in use by another process"):
        NodeStore(stage.nodes[0].store.path)


# --- blocks that are replaced ---


def back(stage, snapshot):
    stage.world.node.revert(snapshot)
    for participant in (*stage.nodes, stage.coordinator):
        participant.view.chain.forget_nonces()


def test_a_chain_reorganised_under_a_share_gets_another_one_under_other_masks(staged):
    stage = staged()
    stage.collected()
    snapshot = stage.world.node.snapshot()
    stage.until(Phase.SHARING, coordinator=False)
    stage.tick(stage.nodes[0])
    old = stage.state.set_digest
    ((_, first),) = shared_by(stage, 0)
    back(stage, snapshot)
    stage.tick(*reversed(stage.nodes))  # they are ready in another order
    stage.until(Phase.SHARING)
    new = stage.state.set_digest
    assert new != old
    assert refused_to(stage.nodes[0].view, "share", stage.task, old, list(first)) == "WrongSet"
    stage.until(Phase.SUMMED)
    expect_sum(stage, [0, 1, 2, 3])
    ((_, second),) = shared_by(stage, 0)
    assert all(a != b for a, b in zip(first, second, strict=True))
    assert {entry.digest for entry in stage.nodes[0].store.ledger().entries} == {old, new}


def test_after_a_reorganisation_a_node_shares_with_no_other_set_than_before(staged):
    """The two sums would differ by the node that is in one set only."""
    stage = staged()
    stage.collected()
    snapshot = stage.world.node.snapshot()
    stage.until(Phase.SHARING, coordinator=False)
    stage.tick(stage.nodes[0])
    back(stage, snapshot)
    stage.tick(*stage.nodes[:3])
    stage.late()
    stage.until(Phase.SHARING, without={3})
    stage.tick(stage.nodes[0])
    assert shared_by(stage, 0) == []
    (objection,) = news_of(stage, 0, "objection")
    assert objection.values == {"objection": "shared-before"}
    assert "may be known already" in stage.party.news[0][-1].text


def test_the_same_share_is_sent_again_where_the_first_one_was_lost(staged, monkeypatch):
    stage = staged()
    stage.until(Phase.SHARING)
    node, sent = stage.nodes[0], []

    def lost(task, digest, vector):
        sent.append((digest, tuple(vector)))
        raise ChainError("the endpoint has gone")

    plain = node.view.hlr.share
    monkeypatch.setattr(node.view.hlr, "share", lost)
    for _ in range(2):
        with pytest.raises(ChainError):
            node.tick()
    stage.last_third()  # what may be known already cannot come too late
    monkeypatch.setattr(node.view.hlr, "share", plain)
    node.tick()
    assert sent[0] == sent[1] == (stage.state.set_digest, shared_by(stage, 0)[0][1])


def test_events_that_were_read_before_are_not_added_up_again(staged, monkeypatch):
    stage = staged()
    stage.until(Phase.SHARING)
    view, state = stage.reader, stage.state
    first = attempts.read_attempt(view, state)
    monkeypatch.setattr(attempts, "add", None)
    assert attempts.read_attempt(view, state) is first


def test_a_node_whose_registration_was_in_blocks_that_are_gone_registers_again(party):
    node, snapshot = party.node(0), party.world.node.snapshot()
    node.tick()
    party.world.node.revert(snapshot)
    node.view.chain.forget_nonces()
    reader, dataset = party.world.view(8), party.spec.data_terms.id
    assert reader.places(dataset, owner=node.view.address) == {}
    node.tick()  # finds that it is not registered
    node.tick()
    assert len(reader.places(dataset, owner=node.view.address)) == 1
    node.store.close()


# --- keys ---


def set_key(view, secret):
    owner = KeyOwner(view.identity.address, view.chain.chain_id, view.address)
    view.identity.set_aggregation_key(secret.aggregation_key(owner).numbers)


def test_a_lasting_key_that_is_replaced_after_ready_changes_nothing_in_this_round(staged):
    stage = staged()
    stage.until(Phase.SHARING)
    set_key(stage.nodes[3].view, SecretKey.drawn())
    stage.until(Phase.SUMMED)
    expect_sum(stage, [0, 1, 2, 3])


def test_a_node_whose_account_has_another_key_stays_out_of_the_set_and_says_so(staged):
    stage = staged()
    stage.collected()
    set_key(stage.nodes[3].view, SecretKey.drawn())
    stage.tick(*stage.nodes)
    assert "another key registered" in stage.party.news[3][-1].text
    stage.late()
    stage.until(Phase.SUMMED)
    expect_sum(stage, [0, 1, 2])


# --- coordinators ---


def test_a_coordinator_whose_task_comes_by_a_transaction_that_was_thought_lost_creates_no_other(party, monkeypatch):
    nodes, coordinator = [party.node(number) for number in range(3)], party.coordinator()
    for node in nodes:
        node._register()
    hlr, plain = coordinator.view.hlr, coordinator.view.hlr.create_task

    def lost(*arguments):
        plain(*arguments)
        raise ChainError("no answer")

    with monkeypatch.context() as patch:
        patch.setattr(hlr, "create_task", lost)
        with pytest.raises(ChainError):
            coordinator.tick()
    coordinator.tick()
    assert (coordinator.task, party.world.view(8).task_count()) == (1, 1)
    for one in (*nodes, coordinator):
        one.store.close()


def test_a_coordinator_finds_no_way_to_a_second_sum_once_somebody_has_shared(staged):
    stage = staged()
    view, ways = (
        stage.coordinator.view,
        ("reopen", "close", "openRound", "startSharing", "takeOver", "finish", "settle"),
    )

    def tries():
        return {way: refused_to(view, way, stage.task) for way in ways}

    stage.until(Phase.SHARING)
    stage.tick(stage.nodes[0])
    first = stage.state
    assert set(tries()) == set(ways)
    assert refused_to(view, "expel", stage.task, stage.address(3)) == "DeadlineNotReached"
    assert refused_to(view, "expel", stage.task, stage.address(0)) in ("AlreadyShared", "DeadlineNotReached")
    assert refused_to(view, "withdraw", stage.task) == "NotInTheSet"
    assert refused_to(view, "dispute", stage.task) == "WrongPhase"
    stage.until(Phase.SUMMED, coordinator=False)
    tries()
    assert refused_to(view, "dispute", stage.task) == "NotInTheSet"
    stage.late()
    tries()
    assert (stage.state.key, stage.state.share_attempt) == (first.key, first.share_attempt)
    assert stage.state.set_digest == first.set_digest
    stage.nodes[3].view.hlr.dispute(stage.task)
    tries()
    assert refused_to(view, "expel", stage.task, stage.address(3)) == "DeadlineNotReached"
    stage.until(Phase.FINISHED)
    summed = [(event["round"], event["attempt"]) for event in stage.events("SumShared")]
    assert len(summed) == len(set(summed))


def test_a_coordinator_that_goes_away_is_replaced_by_a_node(staged, tmp_path):
    stage = staged()
    stage.collected()
    stage.until(Phase.SUMMED, coordinator=False)
    with pytest.raises(InputError, match="until its deadline"):
        assess_own_round(stage.nodes[1].view, NEAR, stage.task)
    stage.late()
    stage.tick(*stage.nodes)
    assert "coordinator of task 1, round 0, attempt 0 is late" in stage.party.news[1][-1].text
    view = stage.nodes[1].view
    with CoordinatorStore(tmp_path / "other.db") as store:
        executor = RoundExecutor(view, NEAR, store, prover=DoubleProver(), notify=lambda news: None)
        executor.conclude(assess_own_round(view, NEAR, stage.task))  # anybody may
        assert stage.state.round == 1
        assert refused_to(stage.coordinator.view, "takeOver", stage.task) == "CannotTakeOver"
        assert refused_to(stage.world.view(9), "takeOver", stage.task) == "CannotTakeOver"
        view.hlr.take_over(stage.task)
        assert stage.coordinator.tick() is True
        assert "has taken this coordinator's place" in stage.party.news["coordinator"][-1].text
        stage.coordinator.store.close()
        stage.coordinator = Coordinator(view, NEAR, store, prover=DoubleProver(), task=stage.task)
        stage.until(Phase.FINISHED)
    assert stage.state.certified


def test_reverts_that_are_waited_for_are_the_contracts_own():
    contracts = [compile_contract(name) for name in ("HLRContract", "IDisputes", "ISharing", "IDataHub", "IIdentity")]
    assert {entry["name"] for made in contracts for entry in made.abi if entry["type"] == "error"} >= OVERTAKEN


def test_a_round_below_its_minimum_starts_again(staged):
    stage = staged()
    stage.tick(*stage.nodes[:2])
    stage.late()
    stage.tick(stage.coordinator)
    assert (stage.state.attempt, stage.state.phase) == (1, Phase.COLLECTING)


# --- strangers ---


def test_a_stranger_with_free_accounts_costs_the_others_one_deadline_and_is_waited_for_once(staged):
    """It registers rows, hands in an update where that costs nothing, and says nothing more."""
    stage = staged(stakes=Stakes())
    stranger = stage.nodes[3]
    stranger._sharing.act = lambda *_: None
    stage.collected()
    stage.tick(*stage.nodes[:3])
    stage.late()
    stage.until(Phase.SUMMED)
    expect_sum(stage, [0, 1, 2])
    stranger._take_part = lambda state: None
    stage.until(Phase.COLLECTING)
    stage.coordinator.settings = replace(stage.coordinator.settings, straggler_seconds=1)
    stage.until(Phase.READY, most=400)
    stage.coordinator.settings = replace(stage.coordinator.settings, straggler_seconds=3600)
    stage.until(Phase.FINISHED)
    assert [item.values["node"] for item in news_of(stage, "coordinator", "silent")] == [stranger.view.address]


def test_who_has_no_stake_gets_into_no_round_that_asks_for_one_and_is_told(staged):
    stage = staged()
    stage.nodes[3].view.staking.unstake(2, stage.nodes[3].view.staking.position_of(stage.address(3), 2)["active"])
    stage.tick(*stage.nodes)
    assert "a stake of" in stage.party.news[3][-1].text
    assert "stake more" in stage.party.news[3][-1].text
    stage.late()
    stage.until(Phase.SUMMED)
    expect_sum(stage, [0, 1, 2])


# --- what a node refuses ---


def test_a_node_shares_the_same_rows_at_the_same_weights_with_no_second_set_of_another_task(staged):
    """Every task starts at zero weights: two sums whose sets differ by one node would give that node away."""
    stage = staged()
    stage.collected()
    stage.tick(*stage.nodes[:3])
    stage.late()
    stage.until(Phase.SUMMED, without={3}, coordinator=False)
    expect_sum(stage, [0, 1, 2])
    other = create_task(stage.coordinator.view, NEAR, stakes=stage.stakes)
    stage.hlr.open_round(other)
    for node in stage.nodes:
        node._task = other
    stage.task = stage.coordinator.task = other
    stage.collected()
    stage.tick(*stage.nodes)
    stage.tick(*stage.nodes)
    assert stage.state.ready == 1  # the one that was not in the first sum
    for number in range(3):
        assert news_of(stage, number, "objection")[-1].values == {"objection": "shared-before"}
    stage.late()
    state = stage.until(Phase.COLLECTING)
    assert (state.attempt, state.collection) == (1, Collection.INFORMATION)


@pytest.mark.parametrize(
    ("consent", "objection"),
    [
        (Consent(accounts=frozenset({"0x" + "11" * 20})), "accounts-missing"),
        (Consent(), "too-few-own-rows"),
    ],
    ids=["accounts", "rows"],
)
def test_a_node_stays_out_of_a_set_that_its_owner_does_not_want(staged, consent, objection):
    stage = staged()
    node = stage.nodes[0]
    node._consent = consent
    conditions = node._conditions()
    node._sharing._conditions = conditions if consent.accounts else replace(conditions, rows=9)
    stage.collected()
    stage.tick(*stage.nodes)
    stage.late()
    stage.until(Phase.SUMMED)
    expect_sum(stage, [1, 2, 3])
    assert news_of(stage, 0, "objection")[0].values == {"objection": objection}


def test_a_node_that_misses_a_named_account_withdraws_for_nothing_before_the_set_is_fixed(staged):
    stage = staged((8, 8, 6, 5, 5), spec=replace(NEAR, minimum_node_rows=5))
    stage.nodes[0]._sharing._conditions = replace(
        stage.nodes[0]._conditions(), accounts=frozenset({stage.address(4).lower()})
    )
    stage.collected()
    stage.tick(*stage.nodes[:4])  # the account that it wants has handed in an update, and is not ready
    assert stage.state.ready == 4
    stage.last_third()
    stage.tick(*stage.nodes[:4])
    assert stage.state.ready == 3
    stage.late()
    stage.until(Phase.SUMMED, without={4})
    expect_sum(stage, [1, 2, 3])
    assert stage.events("Penalised") == []
    assert news_of(stage, 0, "withdrawn")[0].values == {"penalty": 0}


def test_a_node_that_misses_a_named_account_in_a_fixed_set_withdraws_and_nobody_waits(staged):
    stage = staged((8, 8, 6, 5, 5), spec=replace(NEAR, minimum_node_rows=5))
    stage.nodes[0]._sharing._conditions = replace(stage.nodes[0]._conditions(), accounts=frozenset({stage.address(4)}))
    stage.until(Phase.SHARING)
    stage.nodes[4].view.hlr.withdraw(stage.task)
    stage.until(Phase.SUMMED, without={4})
    expect_sum(stage, [1, 2, 3])
    assert sorted(paid_by(stage)) == sorted([stage.address(0), stage.address(4)])
    assert f"costs it {PENALTY} wei" in news_of(stage, 0, "withdrawn")[0].text


def test_a_set_that_dies_before_the_first_share_is_collected_again_at_once(staged):
    stage = staged((11, 11, 10))
    stage.until(Phase.SHARING)
    stage.nodes[2].view.hlr.withdraw(stage.task)
    state = stage.until(Phase.COLLECTING, without={2})
    assert (state.attempt, state.round) == (1, 0)
    assert paid_by(stage) == [stage.address(2)]


def test_a_node_says_ready_and_shares_nothing_in_the_last_third_of_a_phase(staged):
    stage = staged()
    stage.collected()
    stage.tick(*stage.nodes[:3])
    stage.last_third()
    stage.tick(stage.nodes[3])
    assert news_of(stage, 3, "objection")[0].values == {"objection": "too-late"}
    assert "the last third of the phase has begun" in news_of(stage, 3, "objection")[0].text
    stage.late()
    stage.until(Phase.SHARING)
    stage.tick(stage.nodes[1])
    stage.last_third()
    stage.tick(stage.nodes[0])
    assert shared_by(stage, 0) == []
    assert news_of(stage, 0, "withdrawn")[0].values == {"penalty": PENALTY}


def test_a_task_of_fewer_nodes_than_its_owner_wants_is_refused(staged):
    stage = staged()
    node = stage.nodes[0]
    node._consent = Consent(minimum_nodes=5)
    with pytest.raises(InputError, match="takes part from 5 on"):
        node.tick()
    node._consent = Consent(minimum_rows=1000)
    with pytest.raises(InputError, match="1000"):
        node.tick()


def test_a_node_is_told_what_silence_would_cost_it(staged):
    stage = staged()
    stage.tick(stage.nodes[0])
    (task,) = news_of(stage, 0, "task")
    assert f"costs {PENALTY} wei" in task.text


def test_four_nodes_and_a_liar_train_to_what_the_honest_ones_would(staged):
    """The whole course: the liar is out in the first round, and the weights are those of the others."""
    stage = staged(spec=NEAR)
    lying(stage.nodes[3], blamed=stage.address(0))
    stage.until(Phase.FINISHED, without=())
    expected = train(stage.party.tables[:3], NEAR)
    assert stage.party.spec.coefficients(stage.state.weights) == expected.coefficients
