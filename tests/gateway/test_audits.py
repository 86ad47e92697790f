"""Audits in the background: of each certified task, in a process of its own, kept, and again after a change."""

import os
import time
from types import SimpleNamespace

import pytest
from support.waiting import until

from twopm_zk.chain.tasks import Phase
from twopm_zk.errors import ChainError
from twopm_zk.gateway import audits as audits_module
from twopm_zk.gateway.audits import AuditResult, Audits
from twopm_zk.gateway.state.reader import Snapshot

RESULT = AuditResult({"verdict": "certified"}, "<p>A report</p>")


def good(job, progress):
    progress("rounds and their proofs", "proof 3 of 7")
    return RESULT


def failing(job, progress):
    raise ChainError("no EVM node answers at http://127.0.0.1:1")


def stumbling(job, progress):
    raise ValueError("secret")


def dying(job, progress):
    os._exit(9)


class Told(list):
    def kinds(self):
        return [news.kind for news in self]


def snapshot(*, moment=(5, 1), certified=True, title="Grades"):
    network = SimpleNamespace(
        entry=SimpleNamespace(task=1),
        training=object(),
        certified=certified or None,
        state=SimpleNamespace(phase=Phase.COLLECTING),
        spec=None,
        document={"title": title},
    )
    return Snapshot(1, 1, networks={1: network}, last_events={1: moment})


@pytest.fixture
def make(tmp_path, monkeypatch):
    monkeypatch.setenv("TWOPM_ZK_CACHE", str(tmp_path))

    def made(work, news):
        return Audits(rpc_url="http://127.0.0.1:1", deployment=None, fingerprint="chain", work=work, notify=news.append)

    return made


@pytest.mark.slow
def test_a_task_is_audited_once_and_again_when_it_has_changed(make, tmp_path):
    news = Told()
    with make(good, news) as audits:
        assert audits.state(1).state == "none"
        audits.look(snapshot(certified=False))
        audits.look(snapshot())
        until(lambda: audits.state(1).state == "done")
        document = audits.state(1).to_json()
        assert (document["state"], document["report"]) == ("done", {"verdict": "certified"})
        assert document["texts"]["keys"].startswith("lasting keys")
        audits.look(snapshot())
        audits.look(snapshot(moment=(9, 1)))
        until(lambda: len(news) == 2)
    assert news.kinds() == ["audited", "audited"]
    assert len(list((tmp_path / "audits").iterdir())) == 2
    with make(failing, news) as later:  # another process finds what was kept
        later.look(snapshot())
        until(lambda: later.state(1).state == "done")
    assert later.state(1).result.page == "<p>A report</p>"


def test_a_damaged_report_is_not_believed_and_is_replaced(make, tmp_path):
    made = []
    path = tmp_path / "audits" / "key"

    def audited():
        audits = make(None, Told())
        audits._made = lambda job: made.append(job) or RESULT
        audits._audit(snapshot().networks[1], "key")
        return audits.state(1).result

    assert audited() == RESULT
    whole = path.read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert audited() == RESULT
        assert path.read_bytes() == whole
    path.write_bytes(whole.replace(b"A report", b"A rep0rt"))
    assert audited() == RESULT
    assert len(made) == 6
    assert audited() == RESULT
    assert len(made) == 6


@pytest.mark.parametrize("name", ["statistics/logistic.py", "html/page.css"])
def test_an_audit_that_another_version_has_kept_is_not_taken(make, monkeypatch, tmp_path, name):
    source = tmp_path / "package" / name
    source.parent.mkdir(parents=True)
    monkeypatch.setattr(audits_module, "PACKAGE_DIR", tmp_path / "package")
    seen = snapshot()
    keys = []
    for content in ("one", "one", "other"):
        source.write_text(content)
        keys.append(make(good, Told())._key(seen.networks[1], seen))
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.slow
def test_an_audit_whose_process_dies_is_said_and_tried_again_later_only(make):
    news = Told()
    with make(dying, news) as audits:
        audits.look(snapshot())
        until(lambda: audits.state(1).state == "failed")
        audits.look(snapshot())
        time.sleep(0.1)
    assert news.kinds() == ["audit-failed"]
    assert "its process has died" in news[0].text


@pytest.mark.parametrize(
    ("work", "said"), [(failing, "no EVM node answers at http://127.0.0.1:1"), (stumbling, "ValueError")]
)
def test_an_error_is_told_in_our_own_words_or_by_its_name(work, said):
    sent = []
    audits_module._in_child(work, None, SimpleNamespace(send=sent.append))
    assert sent == [said]


def test_nothing_is_audited_while_the_chain_is_away(make):
    audits = make(good, Told())
    audits.look(Snapshot(**{**vars(snapshot()), "stale": True}))
    assert audits._next() is None
    audits.look(snapshot())
    assert audits._next() is not None
