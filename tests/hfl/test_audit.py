"""An audit of a federated task: every result again, from the chain and the storage; and what a tampered one says.

One task of two rounds is run for all tests here, in which a node falls silent after it was ready. The secrets of
another one are looked for in all that it leaves.
"""

import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from support.federated_world import ETH, FederatedStage, specification
from support.traces import seen_on_chain

from twopm_zk.chain.tasks import Phase
from twopm_zk.errors import DeploymentError
from twopm_zk.federated import Storage, masked_update, parse_masked
from twopm_zk.federated.masks import mask_stretch
from twopm_zk.hfl.auditor import audit_federated
from twopm_zk.hfl.report import FederatedVerdict
from twopm_zk.privacy.spent import Spent
from twopm_zk.sharing import PairSecrets

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def course(deployed, tmp_path_factory):
    """A finished task, with what node 0 kept secret while it lasted."""
    snapshot, folder = deployed.node.snapshot(), tmp_path_factory.mktemp("federated")
    stage = FederatedStage(deployed, folder, nodes=4, spec=specification(folder), penalty=ETH // 10)
    stage.begin()
    stage.until(Phase.SHARING, when=lambda state: state.ready == 4)
    stage.until(Phase.SHARING, without={3}, when=lambda state: state.shared == 3)
    stage.late()
    secrets, away = [], {3}
    while stage.state.phase is not Phase.FINISHED:
        state = stage.until(Phase.SUMMED, without=away)
        secrets.append(kept_secret(stage, state))
        following = Phase.FINISHED if state.round else Phase.COLLECTING
        stage.until(following, without=away)
    for node in stage.nodes[:3]:
        node.tick()
    yield SimpleNamespace(stage=stage, folder=folder, secrets=secrets, spec=stage.spec)
    stage.close()
    deployed.node.revert(snapshot)
    deployed.chain.forget_nonces()


def kept_secret(stage, state):
    """The update, salt, keys and masks of node 0 in the present round, and what it has put into the storage."""
    node = stage.nodes[0]
    attempt = node.view.attempt_of(state)
    stored = node.store.update(stage.spec, attempt.task_key, state.round)
    keys = node.store.lasting_key, node.store.round_key(attempt)
    pairs = PairSecrets(stage.attempt.sharing_set, node.view.address, *keys)
    masks = [mask_stretch(seed, 0, stage.spec.words) for seed in pairs.seeds.values()]
    return SimpleNamespace(
        update=stored.update.words,
        salt=stored.salt,
        data_salt=node.store.data_salt(stage.spec.data_terms.id),
        keys=[key.scalar for key in keys],
        seeds=list(pairs.seeds.values()),
        masks=masks,
        masked=masked_update(stage.spec, pairs, stored.update),
        shared=stage.attempt.shared[node.view.address],
    )


def audited(course, **changes):
    return audit_federated(course.stage.reader, course.stage.task, spec=course.spec, **changes)


@pytest.fixture
def copied(course, tmp_path):
    """The storage somewhere else, to be tampered with."""
    for number in range(2):
        if (course.folder / f"storage{number}").exists():
            shutil.copytree(course.folder / f"storage{number}", tmp_path / f"storage{number}")
    return Storage((f"file://{tmp_path}/storage0", f"file://{tmp_path}/storage1")), tmp_path


# --- the audit ---


def test_an_audit_computes_every_result_again(course):
    report = audited(course)
    assert (report.failures, report.verdict) == ([], FederatedVerdict.SOUND)
    expected = course.stage.expected(0, 1, 2)
    assert [one.computed for one in report.accepted] == [result.hash for result in expected[1:]]
    assert [one.mean_loss for one in report.accepted] == [result.mean_loss for result in expected[1:]]
    first = report.accepted[0]
    assert first.left_out == [(course.stage.address(3), "silent")]
    assert first.nodes == tuple(sorted(course.stage.address(number) for number in range(3)))
    assert len(first.confirmed_by) >= 2
    assert [one.sums for one in report.attempts] == [2, 1]  # the first one was shared anew
    assert "Nothing is proven of any single update" in report.conclusion
    assert not any("noise" in text for text in report.unknowable)  # there is none
    report.privacy = Spent(1.0, 1e-5, "node", honest=2, nodes=3, planned=2, released=2, spent=1.0)
    assert "that nodes added the noise" in report.unknowable[-1]


@pytest.mark.parametrize("damage", ["lost", "altered"])
def test_a_tampered_storage_makes_an_audit_incomplete_and_is_named(course, copied, damage):
    storage, folder = copied
    shared = course.secrets[0].shared
    path = next(path for path in folder.rglob(f"{shared.content.hex()}.bin"))
    path.unlink() if damage == "lost" else path.write_bytes(b"\0" * path.stat().st_size)
    report = audited(course, storage=storage)
    assert (report.passed, report.verdict) == (True, FederatedVerdict.INCOMPLETE)
    kind = "not-stored" if damage == "lost" else "other-content"
    assert report.accepted[0].missing == {course.stage.address(0): kind}
    assert report.accepted[1].computed == course.stage.expected(0, 1, 2)[2].hash  # goes on from what was accepted
    assert "rounds 0 " in report.conclusion


def test_an_audit_names_who_confirmed_what_does_not_follow(course):
    """Nodes 1 and 2 are a quorum of a third round that never was: the last events are replaced by theirs."""
    stage, wrong = course.stage, b"\x66" * 32

    class Forged:
        """The chain as it would be if both had confirmed something else in the last round."""

        def __init__(self, view):
            self._view = view

        def __getattr__(self, name):
            return getattr(self._view, name)

        def state(self, task):
            return replace(self._view.state(task), latest_result=wrong)

        def task_events(self, task, **options):
            events = self._view.task_events(task, **options)
            for event in events:
                if event.name in ("ResultConfirmed", "ResultAccepted") and event["round"] == 1:
                    event.values["result"] = "0x" + wrong.hex()
            return events

    report = audit_federated(Forged(stage.reader), stage.task, spec=course.spec)
    assert report.verdict is FederatedVerdict.UNSOUND
    (failure,) = [one for one in report.failures if one.check == "results"]
    assert "computed here is" in failure.detail
    assert any(stage.address(number) in failure.detail for number in range(3))


@pytest.mark.parametrize(
    ("name", "change", "check"),
    [
        ("MaskedUpdateShared", {"location": 9}, "shares"),
        ("ResultConfirmed", {"votes": 9}, "confirmations"),
        ("UpdateCommitted", {"data": 5}, "data"),
        ("UpdateCommitted", {"update": "0x" + "11" * 32}, "sets"),
        ("NodeReady", {"roundX": 1}, "sets"),
        ("RoundClosed", {"nodes": 2}, "rounds"),
        ("SetOpened", {"digest": "0x" + "11" * 32}, "sets"),
        ("AllShared", {"deadline": 5}, "shares"),
        ("NodeLeft", {"reason": "0x" + b"missing".ljust(32, b"\0").hex()}, "missing"),
        ("Penalised", {"value": 10**19}, "penalties"),
    ],
)
def test_an_event_that_does_not_follow_fails_its_check(course, monkeypatch, name, change, check):
    view = course.stage.reader
    plain = type(view).task_events

    def changed(self, task, **options):
        events = plain(self, task, **options)
        next(event for event in events if event.name == name).values.update(change)
        return events

    monkeypatch.setattr(type(view), "task_events", changed)
    report = audited(course)
    assert report.verdict is FederatedVerdict.UNSOUND
    assert check in {failure.check for failure in report.failures}


def test_another_specification_is_refused(course):
    with pytest.raises(DeploymentError, match="of the specification"):
        audit_federated(course.stage.reader, course.stage.task, spec=replace(course.spec, title="another"))


# --- what a task leaves behind ---


def everything(course):
    """All that others can read: the chain, the storage, the coordinator's file, and what it was told."""
    stage = course.stage
    parts = [bytes(part) for part in seen_on_chain(stage.reader)]
    for path in [*course.folder.glob("storage*/*"), *course.folder.glob("coordinator*")]:
        parts.append(path.read_bytes())
    parts.append("\n".join(news.text + repr(news.values) for news in stage.news["coordinator"]).encode())
    return b"\n".join(parts)


def test_nothing_of_a_nodes_update_is_on_the_chain_in_the_storage_or_with_the_coordinator(course):
    seen = everything(course)
    rows = course.stage.models(0)
    values = [*rows.features.ravel(), *rows.labels]
    for secret in course.secrets:
        words = [int(word) for word in secret.update[: course.spec.parameters]]
        assert all(abs(word) > 1 << 10 for word in words)  # none that is anywhere by chance
        needles = [word.to_bytes(8, "little", signed=True) for word in words]
        needles += [word.to_bytes(32, "big", signed=True) for word in words]
        needles += [word.tobytes() for mask in secret.masks for word in mask]
        needles += [secret.salt, secret.data_salt, *secret.seeds]
        needles += [key.to_bytes(32, order) for key in secret.keys for order in ("big", "little")]
        needles += [str(key).encode() for key in secret.keys] + [secret.salt.hex().encode()]
        needles += [np.float64(value).tobytes() for value in values] + [f"{value:.6f}".encode() for value in values]
        assert not [needle for needle in needles if needle in seen]
        # what is there is the masked update, and it is where the chain says
        assert secret.masked.encoded in seen
        assert secret.shared.content == secret.masked.hash


def test_the_masks_are_what_hides_it(course):
    """The search above finds what it looks for: without its masks the shared content is the update."""
    for secret in course.secrets:
        stored = parse_masked(
            course.spec, Storage.of(course.spec).find(secret.shared.content, len(secret.masked.encoded))
        )
        signs = [-1 if int(a, 16) > int(course.stage.address(0), 16) else 1 for a in others(course, secret)]
        words = stored.words.copy()
        for sign, mask in zip(signs, secret.masks, strict=True):
            words += mask if sign > 0 else np.uint64(0) - mask
        assert (words.view(np.int64) == secret.update).all()


def others(course, secret):
    """The addresses of the pairs of node 0, ascending, as its masks are."""
    return sorted((course.stage.address(number) for number in (1, 2)), key=lambda address: int(address, 16))


def test_a_finished_task_leaves_no_update_and_no_key_of_a_round_in_the_nodes_own_file(course):
    content = b"".join(path.read_bytes() for path in course.folder.glob("node0.db*"))
    for secret in course.secrets:
        assert secret.update.tobytes() not in content
        assert secret.salt.hex().encode() not in content
        assert str(secret.keys[1]).encode() not in content
    assert course.secrets[0].data_salt.hex().encode() in content  # what it must keep
