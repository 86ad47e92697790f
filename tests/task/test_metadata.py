"""The metadata document of a network: what it takes, what it refuses, and that its hash is of its bytes."""

import hashlib
import json
from pathlib import Path

import pytest
from support.people_world import SPEC, replace

from twopm_zk.errors import MetadataError
from twopm_zk.task.metadata import MAX_BYTES, NetworkMetadata, draft, hash_text
from twopm_zk.task.specification_file import read_spec

EXAMPLES = Path(__file__).parents[2] / "examples"


def document(**changes):
    return {**draft(SPEC).document, **changes}


def parsed(**changes):
    return NetworkMetadata.parse(json.dumps(document(**changes)).encode())


def with_input(**changes):
    first, *others = document()["inputs"]
    return [{**first, **changes}, *others]


def test_a_draft_says_what_the_specification_does_and_is_read_again():
    made = draft(SPEC)
    assert NetworkMetadata.parse(made.encoded) == made
    assert made.specification == hash_text(SPEC)
    assert [one.name for one in made.inputs] == ["GPA", "TUCE", "PSI"]
    made.require_of(SPEC)


def test_a_draft_knows_ranges_and_categories(tmp_path):
    (tmp_path / "spec.toml").write_text(
        'lambda = 1.0\nlabel = "died"\n[[features]]\nname = "age"\nlow = 0\nhigh = 120\nunit = 1\n'
        '[[features]]\nname = "ward"\ncategories = ["surgery", "medicine"]\n'
    )
    age, ward = draft(read_spec(tmp_path / "spec.toml")).inputs
    assert (age.minimum, age.maximum, dict(age.categories)) == (0, 120, {})
    assert dict(ward.categories) == {"surgery": "surgery", "medicine": "medicine"}


def test_the_hash_is_of_the_bytes_as_they_are():
    spaced = json.dumps(document(), indent=7).encode()
    found = NetworkMetadata.parse(spaced)
    assert found == parsed()
    assert found.encoded == spaced
    assert found.sha256 == hashlib.sha256(spaced).digest() != parsed().sha256


def test_the_example_is_of_the_examples_specification():
    found = NetworkMetadata.parse((EXAMPLES / "spector-network.json").read_bytes())
    found.require_of(read_spec(EXAMPLES / "spector.toml"))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"title": "x" * 121}, "title"),
        ({"title": ""}, "title"),
        ({"title": " \n "}, "title"),
        ({"title": 3}, "title"),
        ({"purpose": "x" * 2001}, "purpose"),
        ({"contact": None}, "contact"),
        ({"licence": "x" * 201}, "licence"),
        ({"limits": "bell \x07"}, "limits"),
        ({"limits": "turned \u202e round"}, "limits"),
        ({"format": 2}, "format"),
        ({"format": "1"}, "format"),
        ({"specification": "0x12"}, "specification"),
        ({"specification": "0x" + "AB" * 32}, "specification"),
        ({"inputs": {}}, "inputs"),
        ({"inputs": ["GPA"]}, r"inputs\[0\]"),
        ({"inputs": document()["inputs"] * 2}, "more than once"),
        ({"inputs": with_input(minimum="2")}, "minimum"),
        ({"inputs": with_input(minimum=True)}, "minimum"),
        ({"inputs": with_input(minimum=3, maximum=2)}, "minimum"),
        ({"inputs": with_input(maximum=10**99)}, None),
        ({"inputs": with_input(label="x" * 81)}, "label"),
        ({"inputs": with_input(unit="x" * 41)}, "unit"),
        ({"inputs": with_input(help="x" * 501)}, "help"),
        ({"inputs": with_input(categories={})}, "categories"),
        ({"inputs": with_input(categories=["a"])}, "categories"),
        ({"inputs": with_input(categories={"a": "x" * 81})}, "categories.a"),
        ({"inputs": with_input(colour="red")}, "colour"),
        ({"output": {"unit": ""}}, "label"),
        ({"output": {"label": "a", "more": 1}}, "more"),
        ({"output": []}, "output"),
        ({"script": "<script>"}, "script"),
    ],
)
def test_what_a_document_may_not_hold_is_refused_by_its_field(changes, field):
    if field is None:
        parsed(**changes)  # a large number is one
        return
    with pytest.raises(MetadataError, match=field):
        parsed(**changes)


@pytest.mark.parametrize("name", sorted(set(draft(SPEC).document)))
def test_every_field_has_to_be_there(name):
    short = document()
    del short[name]
    with pytest.raises(MetadataError, match=name):
        NetworkMetadata.parse(json.dumps(short).encode())


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"null", b"{", b"\xff", b"[" * 5000, b'{"format": 1e400}', b'{"format": NaN}'],
)
def test_what_is_no_document_is_refused(content):
    with pytest.raises(MetadataError):
        NetworkMetadata.parse(content)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_ranges_are_finite(value):
    text = json.dumps(document(inputs=with_input(minimum=123456789))).replace("123456789", value)
    with pytest.raises(MetadataError, match="minimum"):
        NetworkMetadata.parse(text.encode())


def test_a_document_has_a_size():
    text = json.dumps(document())
    NetworkMetadata.parse(text.encode().ljust(MAX_BYTES))
    with pytest.raises(MetadataError, match=str(MAX_BYTES + 1)):
        NetworkMetadata.parse(text.encode().ljust(MAX_BYTES + 1))


def test_texts_are_texts_whatever_they_look_like():
    """Markup is nothing that a document refuses: who shows it shows it as text."""
    found = parsed(title="<b>bold</b>", purpose="a\nb & <script>alert(1)</script>")
    assert found.title == "<b>bold</b>"
    assert NetworkMetadata.parse(found.encoded) == found


def test_a_document_of_another_specification_is_refused():
    with pytest.raises(MetadataError, match="is of specification"):
        draft(SPEC).require_of(replace(SPEC, name="another"))


@pytest.mark.parametrize(
    "inputs", [document()["inputs"][1:], [*document()["inputs"], {**document()["inputs"][0], "name": "AGE"}]]
)
def test_inputs_are_the_specifications(inputs):
    with pytest.raises(MetadataError, match="differ"):
        parsed(inputs=inputs).require_of(SPEC)
    with pytest.raises(MetadataError, match="no category 'a'"):
        parsed(inputs=with_input(categories={"a": "A"})).require_of(SPEC)
