"""JSON that was made to break its reader: nesting hidden from the count of brackets, and documents of hostile peers."""

import subprocess
import sys

import pytest

from twopm_zk.chain.deployment import Deployment
from twopm_zk.errors import DeploymentError, InputError, SpecError
from twopm_zk.system.files import read_bytes
from twopm_zk.system.parsing import MAX_DEPTH, is_nested, parse_json, read_json
from twopm_zk.task.specification_file import read_spec

DEEP = MAX_DEPTH + 1


@pytest.mark.parametrize(
    "level",
    ['["]",', '["}}",', '{"]":', r'["\"]",', r'["\\",'],
    ids=["closing", "braces", "key", "escaped quote", "escaped backslash"],
)
def test_brackets_in_strings_hide_no_nesting(level):
    with pytest.raises(InputError, match="is nested more than"):
        parse_json(level.encode() * DEEP, what="it")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32"])
def test_other_encodings_hide_no_nesting(encoding):
    with pytest.raises(InputError, match=r"is not JSON|is nested more than"):
        parse_json(('["\u5d5d",' * DEEP + "1" + "]" * DEEP).encode(encoding), what="it")


def test_brackets_in_strings_count_for_nothing():
    assert parse_json(b'["' + b"[{" * DEEP + b'", "a\\"]", ["]"]]', what="it") == ["[{" * DEEP, 'a"]', ["]"]]


def test_a_specification_with_deep_nesting_is_refused_by_name(tmp_path):
    path = tmp_path / "spec.json"
    path.write_bytes(b"[" * DEEP)
    with pytest.raises(SpecError, match="is nested more than"):
        read_spec(path)


def test_a_deployment_file_with_deep_nesting_is_refused(tmp_path):
    path = tmp_path / "deployment.json"
    path.write_bytes(b'["]",' * DEEP)
    with pytest.raises(DeploymentError, match="is nested more than"):
        Deployment.read(path)


NESTED_ANSWER = """
import py_ecc.bn128  # which raises the recursion limit
from twopm_zk.chain.rpc.endpoint import _document
for answer in (b'{"result":' + b"[" * 2_000_000, b'{"result":[' + b'{"a":' * 2_000_000):
    assert _document(answer) is None
    assert _document(answer.decode()) is None
print("alive")
"""


@pytest.mark.slow
def test_an_endpoint_that_answers_with_deep_nesting_does_not_end_the_process():
    finished = subprocess.run([sys.executable, "-c", NESTED_ANSWER], capture_output=True, text=True, check=False)
    assert (finished.returncode, finished.stdout) == (0, "alive\n"), finished.stderr[-2000:]


@pytest.mark.parametrize(
    "text", ['"]"', '"[[["', '"" "["', '"["""', '["", "]]", ""]', r'"\"]]]"', r'["\\", "[["]', '"', '["', '"\x22"']
)
def test_what_is_counted_quickly_is_counted_as_one_by_one(text):
    outside, inside, most, escaped = 0, False, 0, False
    for letter in text:
        if inside:
            inside, escaped = letter != '"' or escaped, letter == "\\" and not escaped
        else:
            inside = letter == '"'
            outside += {"[": 1, "{": 1, "]": -1, "}": -1}.get(letter, 0)
            most = max(most, outside)
    assert [is_nested(text.encode(), deeper=at) for at in range(6)] == [most > at for at in range(6)]


def test_a_file_without_end_is_read_up_to_a_limit():
    with pytest.raises(InputError, match="'/dev/zero' has more than 5e-06 GB"):
        read_bytes("/dev/zero", what="it", limit=5000)
    assert read_bytes("/dev/null", what="it") == b""


def test_a_document_is_read_up_to_a_limit(tmp_path, monkeypatch):
    path = tmp_path / "document.json"
    path.write_bytes(b"[1, 2]")
    monkeypatch.setattr("twopm_zk.system.parsing.MAX_JSON", 6)
    assert read_json(path, what="it") == [1, 2]
    path.write_bytes(b"[1, 2] ")
    with pytest.raises(InputError, match="the most that is read"):
        read_json(path, what="it")
