"""JSON that was made to break its reader: nesting hidden from the count of brackets, and documents of hostile peers."""

import pytest

from twopm_zk.chain.deployment import Deployment
from twopm_zk.errors import DeploymentError, InputError, SpecError
from twopm_zk.system.parsing import MAX_DEPTH, parse_json
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
