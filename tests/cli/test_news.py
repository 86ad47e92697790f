"""News on the screen: with the time, and what takes long is heard of now and then."""

import json
import re
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from twopm_zk.cli.options import participants
from twopm_zk.cli.options.participants import news_printer, progress_news
from twopm_zk.participants.news import News

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def now(text):
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def test_every_line_begins_with_the_time(capsys):
    before = datetime.now(UTC).replace(microsecond=0)
    news_printer(False)(News("waiting", "2 of 3 nodes [0xA]"))
    time, text = capsys.readouterr().out.rstrip("\n").split(" ", 1)
    assert before <= now(time) <= datetime.now(UTC)
    assert text == "2 of 3 nodes [0xA]"


def test_who_waits_for_an_issuer_hears_what_that_one_has_to_do(capsys):
    news_printer(False)(News("not-attested", "no attestation holds"))
    assert "no attestation holds (an issuer attests with `twopm-zk data attest SPEC`" in capsys.readouterr().out


def test_every_document_has_the_time(capsys):
    news_printer(True)(News("proven", "proven batch 1", {"large": 2**60, "vector": (1, 2**250)}))
    document = json.loads(capsys.readouterr().out)
    assert TIME.fullmatch(document.pop("time"))
    assert document == {"news": "proven", "text": "proven batch 1", "large": str(2**60), "vector": [1, str(2**250)]}


@pytest.mark.parametrize(("seconds", "heard"), [(3.9, []), (4.1, ["compiling"])])
def test_progress_is_news_when_nothing_was_heard_for_a_while(monkeypatch, seconds, heard):
    clock = [100.0]
    monkeypatch.setattr(participants.time, "monotonic", lambda: clock[0])
    news = []
    tell = progress_news(news.append)
    clock[0] += seconds
    tell("compiling")
    tell("at once after it")
    assert [item.text for item in news] == heard


@pytest.mark.parametrize("with_news", [True, False])
def test_contracts_that_are_compiled_first_are_heard_of(monkeypatch, capsys, with_news):
    from twopm_zk.participants import task_view

    clock, news = [100.0], []
    monkeypatch.setattr(participants.time, "monotonic", lambda: clock[0])

    def compare(network, *, progress):
        for name in ("HLRContract", "DataHub"):
            clock[0] += 10
            progress(f"comparing {name} with its source")

    monkeypatch.setattr(task_view, "ChainView", compare)
    connection = SimpleNamespace(network=lambda signing: None)
    participants.open_view(connection, notify=news.append if with_news else None)
    said = [item.text for item in news] if with_news else capsys.readouterr().err.splitlines()
    assert said == ["comparing HLRContract with its source", "comparing DataHub with its source"]
