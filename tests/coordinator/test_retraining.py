"""A task that goes on without an owner of a certified one who has withdrawn: what it proves, and who lies about it."""

import math
from copy import deepcopy

import pytest
from support.histories import failed_checks
from support.people_world import SPEC, DoubleKeys, Party, Running, np, replace

from twopm_zk.auditor.audit import audit
from twopm_zk.auditor.descent import check_descent
from twopm_zk.coordinator.retraining import child_of
from twopm_zk.coordinator.task_creation import Stakes, task_config, training_config
from twopm_zk.errors import DeploymentError, InputError, TrainingError
from twopm_zk.node.withdrawal import withdraw
from twopm_zk.numbers.fixed_point import WEIGHTS
from twopm_zk.participants.rounds.descent import first_weights
from twopm_zk.rows.batches import prepare
from twopm_zk.task.parts.step_rule import StepRule
from twopm_zk.task.specification_file import parse_spec
from twopm_zk.training.in_process import train

pytestmark = pytest.mark.slow

NEWTON = replace(SPEC, step=StepRule("newton"), gradient_bound=1e-3, minimum_rows=16)
SIZES = (8, 8, 8, 8)
GONE = 3
"""The node whose owner withdraws."""


def run(party, *numbers, **changes):
    nodes = [party.node(number, **changes) for number in numbers]
    with Running(party.coordinator(), *nodes) as running:
        running.wait(120)
    return party.news["coordinator"][-1].values


class Family:
    """A certified task of four owners, one of whom has withdrawn since, and the one that went on without it."""

    def __init__(self, party):
        self.party, self.view = party, party.coordinator_view
        self.parent_spec = party.spec
        run(party, *range(4))
        self.parent = self.view.state(1)
        self.gone = party.world.view(2 + GONE)
        withdraw(self.gone, datasets(party.spec), retraining=True)
        self.child = child_of(self.view, self.parent, party.spec, [self.gone.address])
        party.spec = self.child.spec
        run(party, *range(3))
        self.report = self.audit(ancestors=[self.parent_spec])

    def audit(self, task=2, **options):
        spec = {1: self.parent_spec, 2: self.child.spec}[task]
        return audit(self.party.world.view(8), task, keyring=DoubleKeys(), **{"spec": spec, **options})


def datasets(spec):
    return [spec.data_terms.id, spec.held_out_terms.id]


@pytest.fixture(scope="module")
def family(deployed, tmp_path_factory):
    """Trained once for this module, which only reads it."""
    snapshot = deployed.node.snapshot()
    yield Family(Party(deployed, tmp_path_factory.mktemp("family"), spec=NEWTON, sizes=SIZES))
    deployed.node.revert(snapshot)
    deployed.chain.forget_nonces()


# --- the whole way ---


def test_the_child_begins_with_its_parents_weights_over_the_same_registrations(family):
    child = family.view.state(2)
    assert family.parent.certified
    assert child.certified
    assert first_weights(family.view, 2) == family.parent.weights != child.weights
    assert child.dataset == family.parent.dataset
    assert parse_spec(family.child.spec.document) == family.child.spec
    assert family.child.remaining == tuple(sorted(family.party.world.view(2 + number).address for number in range(3)))


def test_what_is_left_of_the_withdrawn_rows_is_at_most_what_the_certificate_bounds(family):
    """The optimum over the remaining rows does not depend on where training began; docs/consent.md has the bound."""
    child, spec = family.view.state(2), family.child.spec
    optimum, hessian = solved(prepared(family.party.tables[:GONE], spec), spec.penalty)

    def errors(state):
        """Standard errors between weights and the optimum."""
        away = np.subtract(state.weights, np.rint(optimum * WEIGHTS.one)) / WEIGHTS.one
        return math.sqrt(away @ hessian @ away)

    distance = family.report.distance
    assert distance.proven
    assert errors(child) <= distance.within < 0.05
    assert errors(family.parent) > 5 * distance.within  # the weights that it began with are none of these


def test_training_alone_on_the_remaining_rows_ends_at_the_same_coefficients(family):
    alone = train(family.party.tables[:GONE], replace(family.child.spec, descent=None, decrement_bound=1e-3))
    found = family.child.spec.coefficients(family.view.state(2).weights)
    assert found == pytest.approx(alone.coefficients, rel=1e-2)


def test_the_audit_of_the_child_says_where_it_comes_from_and_that_of_the_parent_who_has_left(family):
    report = family.report
    assert report.sound, report.failed
    (line,) = report.lineage
    assert line == (f"descent: task 2 goes on from the certified weights of task 1, without {family.gone.address}")
    assert report.to_json()["descent"] == [{"task": 2, "parent": 1, "without": [family.gone.address]}]
    assert not report.withdrawn
    parent = family.audit(1)
    assert parent.sound, parent.failed
    (note,) = parent.notes
    assert note.startswith(f"{family.gone.address}, whose rows are in the certified sum, withdrew them in block ")
    assert parent.to_json()["withdrawn_since"][family.gone.address]["retraining"]


def test_without_its_specification_an_audit_says_that_a_task_began_elsewhere(family):
    report = family.audit(spec=None)
    assert report.sound, report.failed
    assert any("began at other weights than 0" in note for note in report.notes)
    assert not report.descent


# --- liars ---


def checked(family, **changes):
    """What the audit of the child says of a specification with another descent."""
    report, spec = deepcopy(family.report), family.child.spec
    spec = replace(spec, descent=replace(spec.descent, **changes))
    assert report.passed
    check_descent(family.view, report, family.view.state(2), spec, [])
    return " ".join(report.failed)


def test_a_child_that_names_another_parent_certificate_or_owner_fails_its_audit(family):
    assert "is of the specification" in checked(family, spec_hash=b"x" * 32)
    assert "has the key" in checked(family, certificate=7)
    assert "a later one" in checked(family, task=9)
    present, stranger = (family.party.world.view(number).address for number in (2, 8))
    said = checked(family, without=(present,))
    assert f"{present} has not withdrawn its data" in said
    assert f"task 2 has updates of {present}, without whom task 2 was to go on" in said
    assert f"{stranger} was not in the certified set of task 1" in checked(family, without=(stranger,))


def test_a_task_that_starts_from_other_weights_is_refused_by_nodes_and_fails_its_audit(family):
    party, view, spec = family.party, family.view, family.child.spec
    snapshot = party.world.node.snapshot()
    for one, weights in ((spec, [1, 0, 0, 0]), (spec, ()), (family.parent_spec, family.parent.weights)):
        training = training_config(one, view.network, initial_weights=weights)
        number = view.hlr.create_task(task_config(one, stakes=Stakes()), training)
        node = party.node(0, spec=one, task=number)
        with pytest.raises(DeploymentError, match="other first weights"):
            node.tick()
        node.store.close()
        assert failed_checks(audit(view, number, keyring=DoubleKeys(), spec=one)) == {"descent"}
    party.world.node.revert(snapshot)
    view.chain.forget_nonces()


REFUSED = {
    "somebody who was not in it": (8, InputError, "was not in the certified set"),
    "somebody who has not withdrawn": (2, InputError, "has not withdrawn its data"),
}


@pytest.mark.parametrize(("number", "error", "why"), REFUSED.values(), ids=REFUSED)
def test_nobody_is_left_out_who_has_not_withdrawn(family, number, error, why):
    address = family.party.world.view(number).address
    with pytest.raises(error, match=why):
        child_of(family.view, family.parent, family.parent_spec, [address])


def test_minima_that_the_others_cannot_meet_and_tasks_without_a_certificate_are_refused(family):
    view, spec, gone = family.view, family.parent_spec, [family.gone.address]
    with pytest.raises(InputError, match=r"3 nodes are left .* the minimum is 4"):
        child_of(view, family.parent, spec, gone, minimum_nodes=4)
    with pytest.raises(InputError, match=r"144 rows at most are left .* the minimum is 145"):
        child_of(view, family.parent, spec, gone, minimum_rows=145)
    with pytest.raises(TrainingError, match="no certificate"):
        child_of(view, replace(family.parent, certified_key=0), spec, gone)


def prepared(tables, spec):
    """The rows as circuits take them, with the 1 of the intercept, and the labels."""
    batches = [batch for table in tables for batch in prepare(table, spec).batches]
    features = np.vstack([batch.features for batch in batches]) / spec.format.one
    return np.column_stack([features, np.ones(len(features))]), np.concatenate([batch.labels for batch in batches])


def solved(rows, penalty):
    """The optimum in floating point, by Newton's rule from 0, and the Hessian there."""
    design, labels = rows
    lifted, weights = np.diag([penalty] * (design.shape[1] - 1) + [0.0]), np.zeros(design.shape[1])
    for _ in range(30):
        chance = 1 / (1 + np.exp(-design @ weights))
        hessian = (design.T * (chance * (1 - chance))) @ design + lifted
        weights = weights - np.linalg.solve(hessian, design.T @ (chance - labels) + lifted @ weights)
    return weights, hessian
