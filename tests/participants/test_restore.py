"""A node whose disk is lost in the middle of a task goes on from storage and chain, with all that it had committed."""

import shutil

import pytest
from support.data_sets import csv_text
from support.people_world import Running

from twopm_zk.datasets.storing import put
from twopm_zk.node.backup import packaged, restore
from twopm_zk.node.recollection import recall_shares
from twopm_zk.node.registration import load_batches, register
from twopm_zk.node.store import NodeStore
from twopm_zk.rows.cells import CsvOptions
from twopm_zk.training.in_process import train

pytestmark = [pytest.mark.slow, pytest.mark.chain]


def quiet(line):
    pass


def test_a_node_that_was_killed_and_has_an_empty_disk_takes_part_in_the_next_round(party, tmp_path):
    view, spec, disk = party.world.view(2), party.spec, tmp_path / "disk"
    dataset, rows = spec.data_terms.id, tmp_path / "rows.csv"
    rows.write_text(csv_text(party.tables[0]))
    store = NodeStore(disk / "node.db")
    load_batches(store, spec, rows)
    committed = [entry.batch.commitment for entry in register(view, store, spec)]
    with packaged(view, store, spec, rows, CsvOptions()) as package:
        put(view, store, package, f"file://{tmp_path}/storage", progress=quiet)

    dying = party.node(0, store=store, table=None)
    dying._notify = lambda news, tell=dying._notify: (tell(news), news.kind == "shared" and dying.loop.stop())
    others = party.node(1), party.node(2)
    with Running(party.coordinator(), *others) as running:
        with Running(dying) as first:
            first.wait(100)
            known = store.ledger().entries, store.spendings("")
        assert len(known[0]) == 1
        shutil.rmtree(disk)

        store = NodeStore(disk / "node.db")
        store.belongs_to(view.address, view.fingerprint)
        found = restore(view, store, spec, progress=quiet)
        assert [entry.batch.commitment for entry in found] == committed
        assert recall_shares(view, store, spec) == 1
        assert (store.ledger().entries, store.spendings("")) == known  # as if the disk were the old one
        with Running(party.node(0, store=store, table=None)) as again:
            again.wait(150)
            assert recall_shares(view, store, spec) == len(store.ledger().entries) > 1  # and all of it is there already
        running.wait(100)

    state = party.world.view(8).state(1)
    assert state.certified
    assert spec.coefficients(state.weights) == train(party.tables, spec).coefficients
    events = party.world.view(8).task_events(1, from_block=1, to_block=state.block)
    handed_in = {(e["round"], e["data"]) for e in events if e.name == "UpdateAccepted" and e["node"] == view.address}
    assert {data for _, data in handed_in} == set(committed)
    assert {number for number, _ in handed_in} == set(range(state.round + 1))
    assert view.places(dataset) == {commitment: place for place, commitment in enumerate(committed)}
