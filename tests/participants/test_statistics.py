"""What a task collects once it is certified: standard errors and evaluations, over a chain as in one process."""

import numpy as np
import pytest
import statsmodels.api as sm
from support.people_stage import Stage
from support.people_world import SPEC, DoubleKeys, Party, Running, replace, tables

from twopm_zk.auditor.audit import audit
from twopm_zk.chain.tasks import Phase
from twopm_zk.participants.attempts import read_history
from twopm_zk.rows.tables import load_spector
from twopm_zk.statements import Collection
from twopm_zk.system import paths
from twopm_zk.task.parts.statistics import Statistics
from twopm_zk.task.specification_file import read_spec
from twopm_zk.training.in_process import train
from twopm_zk.training.task_summary import summary_of_task

pytestmark = [pytest.mark.chain, pytest.mark.slow]

WITH_ALL = replace(
    SPEC,
    statistics=Statistics(information=True, evaluation=True, held_out=True),
    instances=replace(SPEC.instances, evaluate=("evaluate-48x3",)),
)


def held_out(number):
    """Other rows than those of training: the same ones in another order of labels."""
    part = tables((11, 11, 10))[number]
    return replace(part, labels=part.labels[::-1].copy())


def run(party, people):
    with Running(party.coordinator(), *people) as running:
        running.wait()


def sums_of(view, task):
    state = view.state(task)
    return state, [one.public_sum(state) for one in read_history(view, state)]


def test_a_certified_task_collects_what_its_specification_asks_for(world, tmp_path):
    party = Party(world, tmp_path, spec=WITH_ALL)
    run(party, [party.node(number, held_out=held_out(number)) for number in range(3)])
    view = world.view(0)
    state, sums = sums_of(view, view.task_count())
    assert state.phase is Phase.FINISHED
    assert state.certified
    last = [(one.collection, one.held_out) for one in sums[-4:]]
    assert last == [
        (Collection.GRADIENT, False),
        (Collection.INFORMATION, False),
        (Collection.EVALUATION, False),
        (Collection.EVALUATION, True),
    ]
    assert all(one.weights == state.weights for one in sums[-4:])
    report = audit(view, state.id, spec=WITH_ALL, keyring=DoubleKeys())
    assert report.passed, report.failures
    found = report.summary
    whole = load_spector()
    here = train(tables((11, 11, 10)), WITH_ALL, held_out=[held_out(number) for number in range(3)])
    assert here.weights == state.weights
    own = here.summary()
    assert found.as_dict()["statistics"] == pytest.approx(own.as_dict()["statistics"], abs=1e-5)
    assert np.allclose(found.bse, own.bse, rtol=1e-4)
    assert found.held_out.content.positives == int(whole.labels.sum())
    assert "proven over 32 rows of 3 nodes" in found.evaluation.sentence
    assert summary_of_task(WITH_ALL, sums, claim="", insecure=False).llf == found.llf


def test_where_too_few_nodes_have_rows_for_an_evaluation_the_task_ends_with_its_certificate(world, tmp_path):
    spec = replace(WITH_ALL, gradient_bound=0.9, statistics=Statistics(held_out=True))
    party = Party(world, tmp_path, spec=spec)
    plain, party.node = party.node, lambda number: plain(number, held_out=held_out(number) if number else None)
    stage = Stage(party).begin()
    stage.until(Phase.COLLECTING, when=lambda state: state.held_out)
    stage.tick(*stage.nodes)
    assert stage.state.updates == 2
    (said,) = [news.text for news in party.news[0] if news.kind == "waiting"]
    assert said.endswith(
        "collects the evaluation on held-out rows, of which this node has none: it takes no part in it"
    )
    stage.tick(stage.coordinator)
    assert (stage.state.phase, stage.state.certified) == (Phase.FINISHED, True)
    assert party.kinds("coordinator")[-1] == "no-statistics"
    for participant in (*stage.nodes, stage.coordinator):
        assert participant.tick() is True
        participant.store.close()
    report = audit(stage.reader, stage.task, spec=spec, keyring=DoubleKeys())
    assert report.passed, report.failures
    assert report.certified
    assert report.summary.held_out is None


def test_a_certified_task_goes_on_and_ends_without_its_coordinator(world, tmp_path):
    spec = replace(WITH_ALL, gradient_bound=0.9, statistics=Statistics(information=True, evaluation=True))
    party = Party(world, tmp_path, spec=spec)
    stage = Stage(party).begin()
    for collection in (Collection.INFORMATION, Collection.EVALUATION):
        stage.until(Phase.COLLECTING, when=lambda state, now=collection: state.collection is now)
        stage.until(Phase.READY)
        stage.until(Phase.SUMMED, coordinator=False)
        stage.tick(*stage.nodes * 7)
        assert stage.state.phase is Phase.SUMMED  # in time it is the coordinator's turn
        stage.late()
        if collection is Collection.INFORMATION:
            stage.until(Phase.COLLECTING, coordinator=False)
    stage.until(Phase.FINISHED, coordinator=False)
    unstuck = [news.text for number in range(3) for news in party.news[number] if news.kind == "unstuck"]
    assert [text.partition(": ")[2] for text in sorted(unstuck)] == [
        "the sum of the information is opened",
        "the sum of the evaluation is opened",
    ]
    report = audit(stage.reader, stage.task, spec=spec, keyring=DoubleKeys())
    assert report.passed, report.failures
    assert report.summary.evaluation.content.rows == 32
    stage.close()


def test_banks_fit_a_linear_regression_over_a_chain(world, tmp_path):
    """Greene's regression of credit card expenditure, with what statsmodels makes of the rows of all banks."""
    data = sm.datasets.ccard.load_pandas()
    spec = read_spec(paths.source_root() / "examples" / "credit_cards.toml")
    party = Party(world, tmp_path, spec=spec)
    banks = [data.data.iloc[number::3] for number in range(3)]
    run(party, [party.node(number, table=rows) for number, rows in enumerate(banks)])
    view = world.view(0)
    state, sums = sums_of(view, view.task_count())
    assert state.certified
    assert [one.collection.name for one in sums] == ["INFORMATION", "GRADIENT", "GRADIENT", "EVALUATION"]
    report = audit(view, state.id, spec=spec, keyring=DoubleKeys())
    assert report.passed, report.failures
    theirs = sm.OLS(data.endog, sm.add_constant(data.exog)).fit()
    found, order = report.summary, ["AGE", "INCOME", "OWNRENT", "INCOMESQ", "const"]
    assert np.allclose(found.bse, theirs.bse[order], rtol=1e-3)
    assert np.all(abs(found.params.to_numpy() - theirs.params[order].to_numpy()) < 1e-3 * theirs.bse[order].to_numpy())
    assert found.rsquared == pytest.approx(theirs.rsquared, abs=1e-5)
    assert found.fvalue == pytest.approx(theirs.fvalue, rel=1e-3)
