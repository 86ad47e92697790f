"""Tasks with noise over a chain: drawn once for each sum, in every share, and no more of it than owners allow."""

import sqlite3

import numpy as np
import pytest
from support.people_stage import Stage
from support.people_world import SPEC, DoubleKeys, Party, replace, tables
from support.private_task import private_spec
from support.traces import numbers_in, seen_on_chain, words_of

from twopm_zk.auditor.audit import audit
from twopm_zk.chain.tasks import Phase
from twopm_zk.errors import DeploymentError, InputError, TrainingError
from twopm_zk.node.node import Consent
from twopm_zk.node.privacy_part import RowsBudget
from twopm_zk.numbers.baby_jubjub import SUBGROUP_ORDER
from twopm_zk.numbers.pedersen import GRADIENT, pack
from twopm_zk.participants.attempts import read_history
from twopm_zk.participants.records import Attempt
from twopm_zk.privacy import accounting
from twopm_zk.privacy.plan import Noise
from twopm_zk.rows.batches import prepare
from twopm_zk.rows.tables import Table
from twopm_zk.statements import Collection

pytestmark = pytest.mark.chain


@pytest.fixture
def drawn(monkeypatch):
    """All noise that is drawn, in order."""
    found, draw = [], Noise.draw

    def remembered(self):
        found.append(draw(self))
        return found[-1]

    monkeypatch.setattr(Noise, "draw", remembered)
    return found


@pytest.fixture
def private(world, tmp_path):
    return Party(world, tmp_path, spec=private_spec())


def gathered(stage):
    return read_history(stage.reader, stage.state)


def exact(weights):
    """The gradient without noise, over the rows as they are after clipping."""
    batches = [batch for table in tables((11, 11, 10)) for batch in prepare(table, private_spec()).batches]
    return np.sum([batch.tally(Collection.GRADIENT, weights).items for batch in batches], axis=0)


@pytest.mark.slow
def test_a_private_task_ends_with_its_certificate_and_every_sum_has_the_noise_of_all_nodes(private, drawn):
    stage = Stage(private).begin()
    state = stage.until(Phase.FINISHED)
    assert state.certified
    sums = gathered(stage)
    assert len(drawn) == 3 * len(sums)
    for number, one in enumerate(sums):
        noise = np.sum(drawn[3 * number : 3 * number + 3], axis=0)
        assert (np.array(one.view.total.items) - exact(one.weights) == noise).all()
    report = audit(stage.reader, stage.task, spec=private_spec(), keyring=DoubleKeys())
    assert report.passed, report.failures
    plan = private_spec().noise
    for node in stage.nodes:
        spent = node.store.spendings("")
        assert [(one.round, one.collection) for one in spent] == [(n, Collection.GRADIENT) for n in range(len(sums))]
        found = accounting.epsilon([one.multiplier for one in spent], private_spec().privacy.delta)
        assert found <= private_spec().privacy.epsilon
        assert {one.multiplier for one in spent} == {plan.multiplier(Collection.GRADIENT)}
    stage.close()


@pytest.mark.slow
def test_neither_noise_nor_a_sum_without_it_is_on_the_chain_or_in_a_file_once_a_task_is_over(private, drawn):
    stage = Stage(private).begin()
    stage.until(Phase.FINISHED)
    weights = [one.weights for one in gathered(stage)]
    for node in stage.nodes:
        assert node.tick() is True
    batches = [node._batches[0].batch for node in stage.nodes]
    stage.close()
    secrets = {abs(value) for noise in drawn for value in noise if value}
    for batch in batches:
        for at in weights:
            sums = batch.tally(Collection.GRADIENT, at).items
            secrets |= {abs(value) for value in sums} | {abs(value) for value in pack(GRADIENT, sums)}
    secrets = {value for value in secrets if value > 1 << 24}  # smaller ones are numbers of anything
    assert len(secrets) > 12
    seen = {word for part in seen_on_chain(stage.reader) for word in words_of(part)}
    seen |= {SUBGROUP_ORDER - word for word in seen} | {(1 << 256) - word for word in seen}
    for path in private.folder.iterdir():
        seen |= {number for found in numbers_in(path.read_bytes()) for number in found}
    assert not secrets & seen
    assert {stage.state.task_key} & seen  # what is public is found


@pytest.mark.slow
def test_a_node_of_several_batches_adds_its_noise_to_the_first_alone(private, drawn):
    whole, *others = tables((11, 11, 10))
    large = Table(whole.names, np.vstack([whole.features] * 6), np.concatenate([whole.labels] * 6))
    private.tables = [large, *others]
    stage = Stage(private).begin()
    stage.until(Phase.READY)
    first, *rest = stage.nodes
    stored = first.store.updates(Attempt.of(stage.state))
    assert [stored[number].noisy for number in sorted(stored)] == [True, False]
    assert len(drawn) == 3
    for node in rest:
        assert [one.noisy for one in node.store.updates(Attempt.of(stage.state)).values()] == [True]
    stage.until(Phase.SHARING, when=lambda state: state.shared == 0)
    stage.close()


@pytest.mark.slow
def test_a_node_that_starts_again_in_the_middle_of_a_round_draws_no_noise_twice(private, drawn):
    """It is killed after its noise is on disk, after its proof is, and after it has handed in."""
    stage = Stage(private).begin()
    node = stage.nodes[0]
    kept = []

    def killed(*_, **__):
        raise KeyboardInterrupt

    for method in ("_prover.prove", "_submit"):
        holder, _, name = method.rpartition(".")
        target = getattr(node, holder) if holder else node
        original = getattr(target, name)
        setattr(target, name, killed)
        with pytest.raises(KeyboardInterrupt):
            node.tick()
        setattr(target, name, original)
        (update,) = node.store.updates(Attempt.of(stage.state)).values()
        kept.append(update.opening)
        node.store.close()
        node = stage.nodes[0] = private.node(0)
    node.tick()
    node.store.close()
    node = stage.nodes[0] = private.node(0)
    stage.until(Phase.SHARING)
    (update,) = node.store.updates(Attempt.of(stage.state)).values()
    assert [*kept, update.opening] == [kept[0]] * 3
    assert len(drawn) == 3
    stage.close()


@pytest.mark.slow
def test_a_node_whose_noise_the_chain_lost_stays_out(private):
    """A reorganisation may take the first of its updates and leave the others."""
    stage = Stage(private).begin()
    stage.until(Phase.READY)
    node = stage.nodes[0]
    node.store.close()
    with sqlite3.connect(private.folder / "node0.db") as database:
        database.execute("UPDATE updates SET noisy = 0")
    node = stage.nodes[0] = private.node(0)
    node.tick()
    said = [news for news in private.news[0] if news.kind == "objection"]
    assert [news.values["objection"] for news in said] == ["without-noise"]
    assert node.view.address not in stage.attempt.nodes
    stage.close()


def consent(epsilon, **changes):
    return Consent(budget=RowsBudget(epsilon=epsilon, delta=1e-4, **changes))


@pytest.mark.slow
def test_a_node_takes_part_while_the_whole_of_a_task_keeps_its_owners_limit(private):
    """The first task has room; a second one over the same rows has not, and is not begun."""
    stage = Stage(private, consent=consent(9.0)).begin()
    stage.until(Phase.FINISHED)
    stage.close()
    again = Stage(private, consent=consent(9.0), task=2)
    again.begin()
    with pytest.raises(TrainingError, match=r"from epsilon \d.* to \d+.*; their owner's limit is 9") as caught:
        again.nodes[0].tick()
    assert caught.value.kind == "budget-exhausted"
    assert again.state.updates == 0
    again.close()
    other = private.node(0, consent=consent(9.0, name="other people"), task=2)
    other.tick()
    assert again.state.updates == 1
    other.store.close()


def test_a_limit_that_was_reached_since_keeps_a_share_back(private):
    """Another task has spent it meanwhile: the node stays out of the set, and nothing of it is published."""
    stage = Stage(private, consent=consent(9.0)).begin()
    stage.until(Phase.READY)
    node = stage.nodes[0]
    with node.store.transaction():
        node.store.run("INSERT INTO spendings VALUES ('', 'another', 0, 0, 0, 0.4, 0.0)")
    node.tick()
    said = [news for news in private.news[0] if news.kind == "objection"]
    assert [news.values["objection"] for news in said] == ["budget-exhausted"]
    assert node.view.address not in stage.attempt.nodes
    assert len(node.store.spendings("")) == 1
    stage.close()


@pytest.mark.slow
def test_exact_sums_keep_no_limit_before_or_after(world, tmp_path, private):
    with pytest.raises(InputError, match="no `privacy`") as caught:
        Party(world, tmp_path / "exact", spec=SPEC).node(0, consent=consent(9.0))
    assert caught.value.kind == "no-privacy"
    plain = replace(SPEC, gradient_bound=0.9)
    stage = Stage(Party(world, tmp_path / "plain", spec=plain)).begin()
    stage.until(Phase.FINISHED)
    store = stage.nodes[0].store
    assert {one.multiplier for one in store.spendings("")} == {0.0}
    node = Party(world, tmp_path, spec=private_spec()).node(0, store=store, consent=consent(1000.0))
    with pytest.raises(TrainingError, match="from epsilon inf to inf"):
        node._privacy.require(stage.state)
    stage.close()


def test_a_task_with_other_verifiers_than_its_specification_names_is_refused(world, tmp_path):
    """Ones that let in more noise, or none: the coordinator chooses them, and nodes compare."""
    stage = Stage(Party(world, tmp_path, spec=private_spec())).begin()
    node, state = stage.nodes[0], stage.state
    node.spec = replace(private_spec(), privacy=None, instances=SPEC.instances, step=SPEC.step)
    with pytest.raises(DeploymentError, match="uses the verifier of step-45x3-noise"):
        node._require_verifiers(state)
    stage.close()
