"""The people of a demonstration: the real roles, in threads, with names for their accounts."""

import hashlib
import threading

import pytest
from support.people_world import SPEC, DoubleProver, Running, replace

from twopm_zk.chain.development.eigenlayer import published
from twopm_zk.chain.networks import ServiceManager
from twopm_zk.demo import predictions
from twopm_zk.demo.attesting import attest_all, attested, written
from twopm_zk.demo.chain_record import chain_record
from twopm_zk.demo.restaking import stand_behind_operator
from twopm_zk.demo.saved import SavedNetwork
from twopm_zk.demo.stage import ISSUER, OPERATOR, OWNERS, STRANGER, USER, AtWork, Stage, split_rows
from twopm_zk.demo.training_run import RoundClock
from twopm_zk.errors import ChainError
from twopm_zk.participants.transport import Peer
from twopm_zk.provenance.records import read_records
from twopm_zk.rows.tables import load_spector
from twopm_zk.system import paths
from twopm_zk.task.metadata import NetworkMetadata
from twopm_zk.task.specification_file import read_spec


class Person:
    """Somebody whose loop ends by itself, by an error, or when it is stopped."""

    def __init__(self, error=None, *, patient=False):
        self.error, self.patient, self.stopped = error, patient, threading.Event()
        self.loop = self

    def stop(self):
        self.stopped.set()

    def run(self):
        if self.error is not None:
            raise self.error
        if self.patient:
            assert self.stopped.wait(20)


def test_the_first_error_stops_everybody_and_is_raised():
    patient = Person(patient=True)
    with pytest.raises(ChainError, match="lost"), AtWork([patient, Person(ChainError("lost"))]) as at_work:
        at_work.wait()
    assert patient.stopped.is_set()


def test_people_stop_where_the_block_ends():
    patient = Person(patient=True)
    with AtWork([patient]) as at_work:
        assert not at_work.failed
    assert patient.stopped.is_set()


@pytest.mark.slow
def test_without_eigenlayer_the_operator_puts_up_a_stake_of_its_own_and_that_is_said(party, monkeypatch):
    monkeypatch.setattr(ServiceManager, "restakes", False)
    stage = Stage(party.world.node, party.world.deployment)
    said = stand_behind_operator(stage)
    assert "of its own, with StakingContract" in said
    assert "not installed" in said
    view = stage.view(OPERATOR)
    assert view.backing_of(view.address).value > 10**18


def test_rows_are_split_into_nearly_equal_parts_in_order():
    table = load_spector()
    parts = split_rows(table, 3)
    assert [part.rows for part in parts] == [11, 10, 11]
    assert [row for part in parts for row in part.features.tolist()] == table.features.tolist()


@pytest.mark.slow
def test_the_registry_authority_attests_to_what_each_owner_has_registered(world, tmp_path):
    stage, news = Stage(world.node, world.deployment), []
    spec = attested(stage, SPEC)
    files = written(split_rows(load_spector(), 3), spec, tmp_path)
    found = attest_all(stage, spec, files, tmp_path, tell=lambda who, item: news.append((who, item.kind)))
    assert [(who, whom) for who, whom, _ in found] == [(ISSUER, name) for name in OWNERS]
    assert news == [(ISSUER, "attested")] * 3
    records = read_records(stage.view(USER), spec.data_terms)
    assert [(stage.names[one.owner], one.usable, one.unusable) for one in records] == [
        (name, (0,), ()) for name in OWNERS
    ]
    assert {one.bound[0].attestation.attester for one in records} == {stage.view(ISSUER).address}


def test_the_saved_documents_are_of_the_specification_that_was_trained(world, tmp_path):
    stage = Stage(world.node, world.deployment)
    spec = attested(stage, read_spec(paths.examples_dir() / "spector.toml"))
    metadata = predictions.metadata_of(spec)
    assert metadata.title == "Grades after a new way of teaching economics"
    SavedNetwork(tmp_path / "network").save(stage, spec, metadata)
    saved = SavedNetwork(tmp_path / "network")
    assert read_spec(saved.specification) == spec
    content = (saved.documents / "network.json").read_bytes()
    assert hashlib.sha256(content).digest() == metadata.sha256
    NetworkMetadata.parse(content).require_of(spec)


@pytest.mark.slow
def test_two_people_ask_the_real_operator_and_the_record_names_who_did_what(party, tmp_path, monkeypatch):
    party.spec = replace(SPEC, gradient_bound=0.1)
    coordinator = party.coordinator()
    with Running(coordinator, *(party.node(number) for number in range(3))) as running:
        running.wait()
    stage = Stage(party.world.node, party.world.deployment)
    news, sent, send = [], [], Peer.send
    monkeypatch.setattr(predictions, "make_prover", lambda backend: DoubleProver())
    monkeypatch.setattr(Peer, "send", lambda peer, envelope: sent.append((peer.url, envelope)) or send(peer, envelope))
    said = stand_behind_operator(stage)
    assert ("allocated at EigenLayer" in said) == (published() is not None)
    answers = predictions.predictions(
        stage, party.spec, 1, tmp_path, backend=None, tell=lambda who, item: news.append((who, item.kind))
    )
    assert [(one.who, one.answer is None, one.reason) for one in answers] == [
        (USER, False, ""),
        (STRANGER, True, "StakeTooLow"),
    ]
    assert [(url[:17], envelope.header.kind) for url, envelope in sent] == [("http://127.0.0.1:", "input")]
    assert {(OPERATOR, "offered"), (OPERATOR, "answered")} <= set(news)

    record = chain_record(stage, party.spec, 1, RoundClock())
    assert record.rounds[0].collects == "information"
    assert {"InferenceContract.answer", "InferenceContract.ask"} <= {one.what for one in record.after}
    assert all(one.what.startswith("HLRContract.") for each in record.rounds for one in each.transactions)
    (answered,) = [one for one in record.after if one.what == "InferenceContract.answer"]
    assert (answered.who, answered.hash) == (OPERATOR, answers[0].transaction)
