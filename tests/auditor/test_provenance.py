"""Data sets and attestations in an audit: whose word the rows rest on, and what DataHub should have refused."""

from dataclasses import replace

import pytest
from support.histories import ATTESTED, DATASET, ISSUER, TERMS, Story, failed_checks, proof_of

from twopm_zk.chain.attestations import DataClaim
from twopm_zk.task.parts.data import DataTerms, Provenance

STRANGER = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"


def attested(*, indices=(0,), **changes):
    """A task of three nodes, whose rows the issuer has attested to: the first one's with changes."""
    story = Story(3, terms=ATTESTED)
    made = [
        story.attest(person, indices, **(changes if not number else {})) for number, person in enumerate(story.people)
    ]
    story.open_round()
    return story, made


def certified(story):
    story.sum_up()
    story.certify()
    return story.replay()


def test_a_task_whose_data_are_attested_passes_and_says_by_whom():
    story, _ = attested()
    report = certified(story)
    assert report.passed, report.failed
    assert report.counts["provenance"] == 3
    (record,) = report.datasets.values()
    assert (record.id, record.updates, record.attested) == (f"0x{ATTESTED.id.hex()}", 3, {ISSUER: 3})
    assert record.sentence == f"data set {record.id}: 3 updates, the data of 3 attested 3 by {ISSUER}"
    (document,) = report.to_json()["datasets"]
    assert (document["updates"], document["attested_by"], document["issuers"]) == (3, {ISSUER: 3}, [ISSUER])
    assert report.notes == []


def test_a_task_that_asks_for_no_attestation_says_so():
    story = Story(3)
    story.open_round()
    report = certified(story)
    assert report.passed
    assert "provenance" not in report.counts
    assert report.datasets[DATASET].sentence.endswith("3 updates, whose data nobody has attested to, nor had to")


@pytest.mark.parametrize("told", [True, False])
def test_an_attestation_that_is_revoked_after_its_use_is_a_note(told):
    story, (first, *_) = attested()
    story.collect()
    story.revoke(first, told=told)
    report = story.replay()
    assert report.passed, report.failed
    (note,) = report.notes
    when = f"in block {story.block}" if told else f"at time {story.now}"
    owner = story.people[0].address
    assert (
        note == f"{ISSUER} has revoked its attestation 0x{first.uid.hex()} to data of {owner} {when}, after their use"
    )


def test_one_attestation_may_be_about_several_batches_and_a_later_one_takes_its_place():
    story, (first, *_) = attested(indices=(0, 1))
    node = story.people[0]
    story.revoke(first)
    story.attest(node, (0,))
    story.submit(node)
    assert story.replay().passed


def test_anybody_may_have_the_same_commitment_and_nobody_twice():
    """A commitment that somebody copied is of use to nobody but who can open it, and no fault of its owner."""
    story = Story(3)
    first, second, _ = story.people
    copied = story.commitment(first, 0)
    event = story.data[1]
    story.data[1] = replace(event, values=event.values | {"commitment": copied})
    story.open_round()
    story.submit(first)
    story.submit(second, data=copied)
    proof = story.events[-1].values
    proof["proof"] = proof_of("step", (story.model, copied, proof["y"]))
    assert story.replay().passed
    story.submit(first)
    assert "data" in failed_checks(story.replay())


def revoked_before():
    story, (first, *_) = attested()
    story.revoke(first)
    story.submit(story.people[0])
    return story, "had been revoked"


def revoked_before_as_eas_says():
    story, (first, *_) = attested()
    story.revoke(first, told=False)
    story.submit(story.people[0])
    return story, "had been revoked"


def bound_later():
    story = Story(3, terms=ATTESTED)
    story.open_round()
    story.submit(story.people[0])
    story.attest(story.people[0])
    return story, "no attestation was bound to the data"


def bound_to_other_batches():
    story, _ = attested(bound=[4])
    story.submit(story.people[0])
    return story, "no attestation was bound to the data"


def bound_to_more_than_it_says():
    story = Story(3, terms=ATTESTED)
    first = story.people[0]
    story.register(first, 1)
    story.attest(first, (0,), bound=[story.commitment(first, 0), story.commitment(first, 1)])
    story.open_round()
    story.submit(first, index=1)
    return story, "is of other data"


def changed(said, **changes):
    def made():
        story, _ = attested(**changes)
        story.submit(story.people[0])
        return story, said

    return made


def forgotten():
    story, (first, *_) = attested()
    story.submit(story.people[0])
    del story.attestations[first.uid]
    return story, "EAS has no attestation"


@pytest.mark.parametrize(
    "made",
    [
        revoked_before,
        revoked_before_as_eas_says,
        bound_later,
        bound_to_other_batches,
        bound_to_more_than_it_says,
        forgotten,
        changed("which the terms do not name", attester=STRANGER),
        changed("is about another account", recipient=STRANGER),
        changed("is of another schema", schema=b"\x01" * 32),
        changed("had expired", expires=1),
        changed("was made later", time=1 << 40),
        changed("is of other data", data=b"rubbish"),
        changed("is of other data", data=DataClaim(TERMS[0].id, bytes(32), 1).encoded),
    ],
)
def test_an_update_whose_data_no_attestation_held_of_is_found(made):
    story, said = made()
    report = story.replay()
    assert failed_checks(report) == {"provenance"}
    assert said in report.failures[0].detail
    assert report.datasets[story.dataset].attested == {}


def never_opened(story):
    story.terms = ()


def opened_later(story):
    story.datasets = lambda plain=story.datasets: {
        name: replace(one, opened=(1 << 30, 0)) for name, one in plain().items()
    }


def of_other_terms(story):
    other = DataTerms.of("rows", Provenance((STRANGER,)))
    story.datasets = lambda plain=story.datasets: {name: replace(one, terms=other) for name, one in plain().items()}


def of_held_out_rows(story):
    story.config["dataset"] = story.events[0].values["dataset"] = f"0x{TERMS[1].id.hex()}"


@pytest.mark.parametrize("change", [never_opened, opened_later, of_other_terms, of_held_out_rows])
def test_a_data_set_that_is_not_what_its_id_says_is_found(change):
    story = Story(3)
    change(story)
    assert failed_checks(story.replay()) == {"data sets"}
