"""A model in a process of its own: the same answers, and an end when nobody wants one."""

import os
import signal
import threading
from pathlib import Path

import pytest
from support.conversations import SAID_WORDS, SEED, read_small, small_model
from support.waiting import until

from twopm_zk.conversation.worker import Answered, Asked, ModelFile, Worker
from twopm_zk.errors import InputError, ToolError, ToolMissingError
from twopm_zk.system.paths import PACKAGE_DIR

pytest.importorskip("tokenizers", reason="the package tokenizers is not installed")
SAID = ({"role": "user", "content": f"hello {SAID_WORDS}"},)


def asked(**changes):
    return Asked(**{"messages": SAID, "seed": SEED, "temperature": 800, "max_tokens": 12, **changes})


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return small_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def worker(file):
    with Worker(file) as started:
        yield started


def test_its_answer_is_the_one_of_the_model_in_this_process(worker, file):
    *pieces, whole = worker.answer(asked())
    model = read_small(file)
    reply = model.chat(SAID, seed=SEED, temperature=0.8, max_tokens=12)
    assert "".join(pieces) == "".join(reply)
    assert whole == Answered(reply.transcript, stopped=whole.stopped)
    assert (worker.digest, worker.context) == (model.digest, model.context)


def test_a_conversation_that_is_too_long_is_refused_and_the_next_is_answered(worker):
    with pytest.raises(InputError, match="leaves no room for an answer") as refused:
        list(worker.answer(asked(messages=({"role": "user", "content": "x" * 500},))))
    assert refused.value.kind == "conversation-too-long"
    assert isinstance(list(worker.answer(asked(max_tokens=1)))[-1], Answered)


def test_an_answer_that_nobody_wants_ends_and_the_process_stays(worker):
    before, wanted = worker.process_id, threading.Event()
    wanted.set()
    answer = worker.answer(asked(max_tokens=100), wanted=wanted.is_set)
    next(answer)
    wanted.clear()
    assert list(answer) == []
    assert isinstance(list(worker.answer(asked()))[-1], Answered)
    assert worker.process_id == before


def test_an_answer_whose_taker_leaves_ends_and_the_process_stays(worker):
    before = worker.process_id
    answer = worker.answer(asked(max_tokens=100))
    next(answer)
    answer.close()
    assert isinstance(list(worker.answer(asked()))[-1], Answered)
    assert worker.process_id == before


@pytest.mark.slow
def test_a_process_that_does_not_heed_is_ended_and_the_next_question_finds_another(worker, monkeypatch):
    from twopm_zk.conversation import worker as module

    monkeypatch.setattr(module, "_HEED_SECONDS", 0.2)
    before = worker.process_id
    answer = worker.answer(asked(max_tokens=100))
    next(answer)
    os.kill(before, signal.SIGSTOP)  # as one that reads a long prompt
    answer.close()
    assert isinstance(list(worker.answer(asked(max_tokens=2)))[-1], Answered)
    assert worker.process_id != before


@pytest.mark.slow
def test_a_process_that_dies_is_an_error_and_the_next_question_finds_another(worker):
    answer = worker.answer(asked(max_tokens=100))
    next(answer)
    os.kill(worker.process_id, signal.SIGKILL)
    with pytest.raises(ToolError, match="has died"):
        list(answer)
    assert isinstance(list(worker.answer(asked(max_tokens=2)))[-1], Answered)


def test_a_file_that_is_another_model_is_refused_when_it_is_read(file):
    with pytest.raises(InputError, match="not the model that was asked for"), Worker(ModelFile(file.path)):
        pass


def test_a_missing_package_is_named(monkeypatch, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "from twopm_zk.conversation import model\nmodel.DISTRIBUTION = 'no-such-distribution'\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(PACKAGE_DIR.parent)]))
    with (
        pytest.raises(ToolMissingError, match="no-such-distribution, which is not installed") as missing,
        Worker(ModelFile()),
    ):
        pass
    assert missing.value.kind == "no-language-model"


def test_after_it_is_closed_nothing_of_its_process_is_left(file):
    with Worker(file) as worker:
        number = worker.process_id
    assert worker.process_id is None
    until(lambda: not _is_there(number))
    with pytest.raises(ToolError, match="ending"):
        list(worker.answer(asked()))


def _is_there(number):
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
def test_memory_does_not_grow_with_conversations(worker):
    def resident():
        pages = Path(f"/proc/{worker.process_id}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    for _ in range(5):
        list(worker.answer(asked()))
    before = resident()
    for _ in range(40):
        list(worker.answer(asked(messages=({"role": "user", "content": "hello " * 15},))))
    assert resident() - before < 4 << 20
