"""What is asked, in the usual shape and sealed: everything that is no question is refused by name, and never quoted."""

import json
import time
from dataclasses import replace

import pytest

from twopm_zk.chat.question import Question, Request, SealedQuestion, require_subject, subject_of
from twopm_zk.errors import InputError, MessageError

SEED = bytes(range(32))
WORD = "quincunx"
ASKED = {"messages": [{"role": "user", "content": WORD}], "seed": SEED.hex(), "temperature": 0.8, "max_tokens": 6}
QUESTION = Question(({"role": "user", "content": WORD},), SEED, 800, 6)


def test_a_question_in_the_usual_shape_is_read():
    found = Request.from_document({**ASKED, "model": "m", "stream": True})
    assert found == Request(QUESTION, "m", stream=True)


def test_the_usual_values_are_those_of_the_library():
    found = Request.from_document({"messages": ASKED["messages"]}).question
    assert (found.temperature, found.max_tokens, len(found.seed)) == (0, 256, 32)
    assert found.seed != Request.from_document({"messages": ASKED["messages"]}).question.seed


def test_a_whole_number_is_a_seed_that_everybody_has_who_knows_it():
    seeds = {Request.from_document({**ASKED, "seed": seed}).question.seed for seed in (0, 1, -1, (1 << 63) - 1)}
    assert len(seeds) == 4
    assert Request.from_document({**ASKED, "seed": 1}).question.seed in seeds


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"messages": None}, "'messages' are a list"),
        ({"messages": []}, "'messages' are 1 to"),
        ({"messages": "text"}, "'messages' are a list"),
        ({"messages": [[]]}, "'messages' are objects"),
        ({"messages": [{"role": "user"}]}, "a role and a content"),
        ({"messages": [{"role": "user", "content": "x", "tool_calls": []}]}, "and nothing else"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "one of system, user, assistant"),
        ({"messages": [{"role": ["user"], "content": "x"}]}, "one of system, user, assistant"),
        ({"messages": [{"role": "user", "content": 5}]}, "text as their content"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "text as their content"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": 5}]}]}, "text as their content"),
        ({"messages": [{"role": "user", "content": "x"}] * 129}, "'messages' are 1 to 128"),
        ({"messages": [{"role": "user", "content": "x" * 32769}]}, "32768 characters"),
        ({"temperature": "1"}, "'temperature' is a number"),
        ({"temperature": True}, "'temperature' is a number"),
        ({"temperature": -0.1}, "'temperature' is from 0 to 10"),
        ({"temperature": 1e300}, "'temperature' is from 0 to 10"),
        ({"temperature": 0.0001}, "three decimals"),
        ({"max_tokens": 0}, "'max_tokens' is from 1 to"),
        ({"max_tokens": 2049}, "'max_tokens' is from 1 to"),
        ({"max_tokens": 1.5}, "'max_tokens' is from 1 to"),
        ({"max_tokens": True}, "'max_tokens' is from 1 to"),
        ({"max_completion_tokens": 5}, "another name of 'max_tokens'"),
        ({"seed": "00"}, "'seed' is 64 hex digits"),
        ({"seed": "z" * 64}, "'seed' is 64 hex digits"),
        ({"seed": 1 << 63}, "'seed' is 64 hex digits"),
        ({"seed": 1.5}, "'seed' is 64 hex digits"),
        ({"seed": True}, "'seed' is 64 hex digits"),
        ({"stream": "yes"}, "'stream' is true or false"),
        ({"model": 5}, "'model' is a name"),
        ({"n": 2}, "'n' cannot be chosen here"),
        ({"top_p": 0.5}, "'top_p' cannot be chosen here"),
        ({"stop": ["x"]}, "'stop' cannot be chosen here"),
        ({"tools": [{}]}, "'tools' cannot be chosen here"),
        ({"marzipan": 1}, "'marzipan' is not known here"),
        ({"<script>": 1}, "'a field' is not known here"),
    ],
)
def test_every_wrong_field_is_named_and_nothing_of_it_is_quoted(changes, said):
    with pytest.raises(InputError, match=said) as refused:
        Request.from_document({**ASKED, **changes})
    assert WORD not in str(refused.value)
    assert refused.value.kind == "malformed"


def test_fields_that_ask_for_nothing_are_taken():
    more = {"n": 1, "top_p": 1.0, "stop": None, "tools": [], "user": "somebody", "stream_options": {"x": 1}}
    said = [{"role": "user", "content": [{"type": "text", "text": WORD}], "name": None}]
    assert Request.from_document({**ASKED, **more, "messages": said}).question == QUESTION


# --- sealed ---


def sealed(**changes):
    return json.loads(SealedQuestion(QUESTION, 3, int(time.time())).encode()) | changes


def test_a_sealed_question_is_read_back_and_padded():
    whole = SealedQuestion(QUESTION, 3, 1_800_000_000)
    content = whole.encode()
    assert SealedQuestion.parse(content, limit=4096) == whole
    assert len(content) % 1024 == 0
    longer = replace(QUESTION, messages=({"role": "user", "content": WORD * 20},))
    assert len(SealedQuestion(longer, 3, 1_800_000_000).encode()) == len(content)


def test_the_subject_is_of_this_content_alone():
    content = SealedQuestion(QUESTION, 3, 1_800_000_000).encode()
    require_subject(content, subject_of(content))
    for other in (content + b" ", content.replace(b"quin", b"quim")):
        with pytest.raises(MessageError) as refused:
            require_subject(other, subject_of(content))
        assert refused.value.reason == "does_not_open"


@pytest.mark.parametrize(
    "changes",
    [
        {"more": 1},
        {"messages": "x"},
        {"messages": []},
        {"messages": [{"role": "tool", "content": "x"}]},
        {"seed": "00"},
        {"seed": SEED.hex().upper()},
        {"temperature": 10_001},
        {"temperature": "1"},
        {"max_tokens": 0},
        {"network": -1},
        {"issued": True},
    ],
)
def test_a_sealed_document_that_is_no_question_is_malformed(changes):
    with pytest.raises(MessageError) as refused:
        SealedQuestion.parse(json.dumps(sealed(**changes)).encode(), limit=65536)
    assert refused.value.reason == "malformed"
    assert WORD not in str(refused.value)


def test_nothing_that_is_asked_is_in_a_repr():
    shown = repr(SealedQuestion(QUESTION, 3, 5)) + repr(QUESTION.asked) + repr(Request(QUESTION, None, stream=False))
    assert WORD not in shown
    assert SEED.hex() not in shown
    assert repr(SEED) not in shown
