"""A first specification from a data dictionary, options or answers: what it says, and what is refused."""

import tomllib

import pytest

from twopm_zk.errors import SpecError
from twopm_zk.task.draft import Draft, entries_of
from twopm_zk.task.specification_file import parse_spec

ENTRIES = (
    {"name": "died", "type": "label", "positive": "yes", "negative": "no|unknown"},
    {"name": "age", "type": "number", "low": "0", "high": "120", "unit": "1", "missing": "60"},
    {"name": "crp", "type": "number", "low": "0", "high": "500", "transform": "log1p"},
    {"name": 'ward "7"', "type": "category", "categories": "A | B|C", "missing": "A"},
    {"name": "n", "type": "weight"},
    {"name": "case_id", "type": "ignore"},
)


def test_a_draft_is_a_specification_that_reads_back():
    draft = Draft(ENTRIES, penalty=2.0, name="deaths")
    spec = parse_spec(tomllib.loads(draft.text()))
    assert spec.spec_hash == draft.spec().spec_hash
    assert spec.features == ("age", "age[missing]", "crp", 'ward "7"[B]', 'ward "7"[C]', 'ward "7"[missing]')
    assert (spec.label, spec.outcome.positive, spec.outcome.negative) == ("died", "yes", ("no", "unknown"))
    assert (spec.penalty, spec.name, spec.frequencies.column) == (2.0, "deaths", "n")
    assert spec.instances is not None
    assert "case_id" not in draft.text()


def test_every_character_of_a_name_comes_back():
    name = "".join(map(chr, range(1, 0x180)))
    assert Draft(ENTRIES[:2], name=name).spec().name == name


def test_a_label_with_categories_has_the_rest_of_them_as_negative():
    label = {"name": "y", "type": "label", "positive": "2", "categories": "0|1|2"}
    assert Draft((label, ENTRIES[1])).spec().outcome.negative == ("0", "1")
    assert Draft(({"name": "y", "type": "label"}, ENTRIES[1])).spec().outcome.positive is None


def test_more_columns_than_any_circuit_takes_make_a_specification_without_instances():
    many = [ENTRIES[1] | {"name": f"x{k}", "missing": ""} for k in range(31)]
    assert Draft((ENTRIES[0], *many)).spec().instances is None


def test_a_dictionary_is_read_by_the_names_of_its_columns():
    found = entries_of(["Name ", "TYPE", "low"], [["a", "number", " 0 "], ["", "", ""], ["y", "label", ""]])
    assert [entry["name"] for entry in found] == ["a", "y"]
    assert found[0]["low"] == "0"


def test_larger_batches_take_the_largest_circuits_and_the_smaller_ones_for_what_is_left():
    entries = (*ENTRIES[:1], *({"name": f"x{k}", "type": "number", "low": "0", "high": "1"} for k in range(3)))
    plain, large = Draft(entries).spec().instances, Draft(entries, batch=1000).spec().instances
    assert plain.step == ("step-48x3", "step-119x3")
    assert large.step == (*plain.step, "step-549x3", "step-1023x3")
    assert Draft(entries, batch=10**6).spec().instances == large


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: entries_of(["name", "typ"], []), "a data dictionary has no 'typ'"),
        (lambda: entries_of(["name", "low"], []), "has a `name` and a `type`"),
        (lambda: Draft(ENTRIES[1:]).text(), "there are 0 labels and 1 weights"),
        (lambda: Draft((ENTRIES[0], ENTRIES[0], ENTRIES[1])).text(), "there are 2 labels"),
        (lambda: Draft((ENTRIES[0], {"name": "a", "type": "date"})).text(), "column 'a' is of type 'date'; known"),
        (lambda: entries_of(["name", "type"], [["", "number"]]), "entry 1 of the data dictionary has no `name`"),
        (
            lambda: Draft((ENTRIES[0], ENTRIES[1] | {"categories": "a|b"})).text(),
            "column 'age' is of type 'number', which has no `categories`",
        ),
        (lambda: Draft(ENTRIES[:2], name="\udcff").text(), "is not UTF-8"),
        (lambda: Draft((ENTRIES[0], ENTRIES[1] | {"low": "x"})).text(), "column 'age': `low` is not a number"),
        (lambda: Draft((ENTRIES[0], {"name": "a", "type": "number"})).text(), "column 'a': give `low` and `high`"),
        (
            lambda: Draft(({"name": "y", "type": "label", "categories": "a|b"}, ENTRIES[1])).text(),
            "which is `positive`",
        ),
        (lambda: Draft((ENTRIES[0],)).text(), "`features` is missing"),
        (lambda: Draft((ENTRIES[0], ENTRIES[1]), formula="died ~ bmi").text(), "`formula` names 'bmi'"),
    ],
)
def test_what_makes_no_specification_is_refused(make, message):
    with pytest.raises(SpecError, match=message):
        make()
