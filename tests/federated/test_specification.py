"""The specification of federated learning: strict files, limits with names, one hash, and sums that cannot wrap."""

import json
from dataclasses import replace

import pytest
from support.federated import document, private_spec, small_spec
from support.small_tasks import SPECTOR

from twopm_zk.errors import InputError, SpecError
from twopm_zk.federated import (
    AggregationRule,
    parse_federated,
    read_federated,
    read_specification,
    with_initial,
    write_federated,
)
from twopm_zk.privacy.terms import Privacy
from twopm_zk.task.parts.data import Provenance
from twopm_zk.task.specification import TaskSpec
from twopm_zk.task.specification_file import read_spec

ISSUER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"

WHOLE = """
kind = "federated"
title = "Digits"
description = "Eight by eight pixels"

[model]
name = "perceptron"
arrays = [[64, 32], [32], [32, 10], [10]]
initial = "{initial}"

[update]
clip = 2
frac_bits = 18
weighting = "examples"
maximum_examples = 5000
evaluate = true

[rule]
name = "fedavg"
server_rate = 0.5
momentum = 0.875
proximal = 0.01

[fit]
epochs = 2
rate = 0.1
shuffle = true
optimiser = "sgd"

[rounds]
maximum = 12
quorum_percent = 75
collecting_seconds = 60
ready_seconds = 61
sharing_seconds = 62
aggregating_seconds = 63

[minimum]
nodes = 4

[maximum]
nodes = 20

[storage]
locations = ["file:///srv/updates", "s3://a-bucket/task-1"]
"""


def whole(tmp_path, **changes):
    text = WHOLE.format(initial="ab" * 32)
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "spec.toml").write_text(text)
    return tmp_path / "spec.toml"


def test_a_whole_file_is_read(tmp_path):
    spec = read_federated(whole(tmp_path))
    assert spec.shapes == ((64, 32), (32,), (32, 10), (10,))
    assert spec.parameters == 64 * 32 + 32 + 320 + 10
    assert spec.tail == ("weight", "loss", "evaluated")
    assert spec.words == spec.parameters + 3
    assert spec.rule == AggregationRule("fedavg", 0.5, 0.875, 0.01)
    assert spec.fit == {"epochs": 2, "rate": 0.1, "shuffle": True, "optimiser": "sgd"}
    assert (spec.minimum_nodes, spec.maximum_nodes, spec.maximum_rounds, spec.quorum_percent) == (4, 20, 12, 75)
    assert (spec.collecting_seconds, spec.ready_seconds) == (60, 61)
    assert (spec.sharing_seconds, spec.aggregating_seconds) == (62, 63)
    assert spec.initial == b"\xab" * 32
    assert len(spec.spec_hash) == 32


def test_a_short_file_gets_documented_defaults():
    spec = small_spec()
    assert (spec.frac_bits, spec.weighting, spec.maximum_examples, spec.evaluate) == (16, "examples", 65536, False)
    assert spec.rule == AggregationRule()
    assert (spec.minimum_nodes, spec.maximum_nodes, spec.maximum_rounds, spec.quorum_percent) == (3, 100, 30, 67)
    assert spec.privacy is None
    assert spec.noise is None
    assert not spec.has_velocity


def test_what_is_written_is_read_back_with_the_same_hash(tmp_path):
    for spec in (read_federated(whole(tmp_path)), with_initial(private_spec(), b"\1" * 32)):
        write_federated(spec, tmp_path / "spec.json")
        again = read_federated(tmp_path / "spec.json")
        assert again == replace(spec, privacy=again.privacy)  # the number of honest nodes is written out
        assert again.spec_hash == spec.spec_hash
        assert again.document == json.loads((tmp_path / "spec.json").read_text())


def test_a_file_is_of_the_kind_that_it_says(tmp_path):
    assert read_specification(whole(tmp_path)) == read_federated(whole(tmp_path))
    assert isinstance(read_specification(SPECTOR), TaskSpec)
    with pytest.raises(SpecError, match="`kind` is missing"):
        read_federated(SPECTOR)
    with pytest.raises(SpecError, match="`kind` is given: this is no specification of a regression"):
        read_spec(whole(tmp_path))
    with pytest.raises(SpecError, match="`kind` is 'linear'"):
        parse_federated(document(kind="linear"))
    (tmp_path / "spec.toml").write_text("kind = ")
    with pytest.raises(SpecError, match="is not TOML"):
        read_specification(tmp_path / "spec.toml")
    with pytest.raises(InputError, match="cannot be read"):
        read_specification(tmp_path / "nowhere.toml")


def test_every_part_of_the_specification_changes_the_hash(tmp_path):
    spec = read_federated(whole(tmp_path))
    changes = [
        {"title": "Other"},
        {"description": ""},
        {"model": "other"},
        {"shapes": ((64, 32), (32,), (10, 32), (10,))},
        {"initial": bytes(32)},
        {"clip": 2.5},
        {"frac_bits": 17},
        {"weighting": "equal"},
        {"maximum_examples": 4999},
        {"evaluate": False},
        {"rule": replace(spec.rule, server_rate=0.25)},
        {"rule": replace(spec.rule, momentum=0.75)},
        {"rule": replace(spec.rule, proximal=0.02)},
        {"fit": {**spec.fit, "epochs": 3}},
        {"fit": {**spec.fit, "shuffle": 1}},
        {"minimum_nodes": 5},
        {"maximum_nodes": 21},
        {"maximum_rounds": 13},
        {"quorum_percent": 76},
        *({name: getattr(spec, name) + 1} for name in vars(spec) if name.endswith("_seconds")),
        {"locations": spec.locations[::-1]},
        {"data_name": "scans"},
        {"data_fields": ("64 grey values",)},
        {"provenance": Provenance((ISSUER,))},
        {"weighting": "equal", "evaluate": False, "privacy": Privacy(1.0, 1e-5, "node")},
        {"weighting": "equal", "evaluate": False, "privacy": Privacy(2.0, 1e-5, "node")},
        {"weighting": "equal", "evaluate": False, "privacy": Privacy(1.0, 1e-6, "node")},
        {"weighting": "equal", "evaluate": False, "privacy": Privacy(1.0, 1e-5, "node", honest=2)},
    ]
    hashes = {spec.spec_hash, *(replace(spec, **change).spec_hash for change in changes)}
    assert len(hashes) == 1 + len(changes)
    named = {name for change in changes for name in change}
    assert named == set(spec.__dataclass_fields__)


def test_numbers_that_are_whole_are_integers_whoever_reads_the_file():
    """So that one hash is one configuration: canonical JSON does not tell 1 from 1.0."""
    one, other = small_spec(fit={"epochs": 1.0}), small_spec(fit={"epochs": 1})
    assert type(one.fit["epochs"]) is type(other.fit["epochs"]) is int
    assert with_initial(one, bytes(32)).spec_hash == with_initial(other, bytes(32)).spec_hash


def test_without_what_training_starts_from_there_is_no_hash():
    with pytest.raises(SpecError, match=r"`model\.initial` is missing") as raised:
        _ = small_spec().spec_hash
    assert raised.value.kind == "no-initial"


REFUSED = [
    ({"version": 2}, "`version` is 2"),
    ({"tittle": "x"}, "Did you mean `title`"),
    ({"title": " "}, "`title` is empty"),
    ({"title": "x" * 201}, "`title` has 201 characters"),
    ({"title": "a\x1b[31m"}, "`title` has a character that cannot be printed"),
    ({"description": "x" * 4001}, "`description` has 4001"),
    ({"title": 5}, "`title` is not a text"),
    ({"model": {}}, "`model.arrays` is missing"),
    ({"model": []}, "`model` is not a table"),
    ({"model": {"arrays": []}}, "`model.arrays` is 0"),
    ({"model": {"arrays": [[2, True]]}}, r"`model.arrays\[0\]` is not a list of integers"),
    ({"model": {"arrays": [[2], 3]}}, r"`model.arrays\[1\]` is not a list"),
    ({"model": {"arrays": [[2], [0]]}}, r"`model.arrays\[1\]` is no shape"),
    ({"model": {"arrays": [[-1]]}}, "is no shape"),
    ({"model": {"arrays": [[1] * 9]}}, "is no shape: up to 8"),
    ({"model": {"arrays": [[1 << 14, 1 << 14]]}}, "have 268435456 numbers together; allowed: 134217728"),
    ({"model": {"arrays": [[1]] * 4097}}, "`model.arrays` is 4097"),
    ({"model": {"arrays": [[1]], "name": "x" * 201}}, "`model.name` has 201"),
    ({"model": {"arrays": [[1]], "initial": "ab"}}, "`model.initial` is not a SHA-256"),
    ({"model": {"arrays": [[1]], "initial": "AB" * 32}}, "`model.initial` is not a SHA-256"),
    ({"model": {"arrays": [[1]], "initial": "zz" * 32}}, "`model.initial` is not a SHA-256"),
    ({"model": {"arrays": [[1]], "shape": []}}, "`model.shape` is no key"),
    ({"update": {}}, "`update.clip` is missing"),
    ({"update": {"clip": 0}}, "`update.clip` is 0; allowed"),
    ({"update": {"clip": float("nan")}}, "`update.clip` is nan; allowed"),
    ({"update": {"clip": 2.0**21}}, "`update.clip` is 2097152; allowed"),
    ({"update": {"clip": "1"}}, "`update.clip` is not a number"),
    ({"update": {"clip": 1, "frac_bits": 3}}, "`update.frac_bits` is 3; allowed: 4 to 28"),
    ({"update": {"clip": 1, "frac_bits": 29}}, "`update.frac_bits` is 29"),
    ({"update": {"clip": 1, "weighting": "rows"}}, "`update.weighting` is 'rows'; allowed: examples, equal"),
    ({"update": {"clip": 1, "maximum_examples": 0}}, "`update.maximum_examples` is 0"),
    ({"update": {"clip": 1, "evaluate": 1}}, "`update.evaluate` is not true or false"),
    ({"rule": {"name": "krum"}}, "`rule.name` is 'krum'; allowed: fedavg"),
    ({"rule": {"server_rate": 0}}, "`rule.server_rate` is 0"),
    ({"rule": {"server_rate": 0.3}}, r"`rule.server_rate` is 0.3; it must be a multiple of 2\^-16, such as 0.3000"),
    ({"rule": {"momentum": 1}}, "`rule.momentum` is 1; allowed: 0 up to, not including, 1"),
    ({"rule": {"momentum": 0.9}}, "`rule.momentum` is 0.9; it must be a multiple"),
    ({"rule": {"proximal": -1}}, "`rule.proximal` is -1"),
    ({"fit": {"a b": 1}}, "`fit` has the key 'a b'"),
    ({"fit": {"round": 1}}, "not `round` or `proximal_mu`"),
    ({"fit": {"x": [1]}}, "`fit.x` is neither"),
    ({"fit": {"x": float("inf")}}, "`fit.x` is neither"),
    ({"fit": {"x": 2**60}}, r"`fit.x` is an integer beyond 2\^53"),
    ({"fit": {"x": "y" * 4001}}, "`fit.x` has 4001"),
    ({"fit": {f"x{k}": 1 for k in range(65)}}, "`fit` has 65 keys; allowed: 64"),
    ({"rounds": {"maximum": 0}}, "`rounds.maximum` is 0"),
    ({"rounds": {"quorum_percent": 50}}, "`rounds.quorum_percent` is 50; allowed: 51 to 100"),
    ({"rounds": {"quorum_percent": 101}}, "`rounds.quorum_percent` is 101"),
    ({"rounds": {"ready_seconds": 0}}, "`rounds.ready_seconds` is 0"),
    ({"rounds": {"sharing_seconds": 2592001}}, "`rounds.sharing_seconds` is 2592001"),
    ({"rounds": {"disputing_seconds": 5}}, "`rounds.disputing_seconds` is no key"),
    ({"minimum": {"nodes": 1}}, "`minimum.nodes` is 1; allowed: 2"),
    ({"minimum": {"nodes": 5}, "maximum": {"nodes": 4}}, "`maximum.nodes` is 4; allowed: 5"),
    ({"maximum": {"nodes": 65536}}, "`maximum.nodes` is 65536"),
    ({"storage": {}}, "`storage.locations` has 0 URLs"),
    ({"storage": {"locations": [f"memory://a{k}" for k in range(17)]}}, "has 17 URLs; allowed: 1 to 16"),
    ({"storage": {"locations": ["memory://a", "memory://a/"]}}, "has a folder more than once"),
    ({"privacy": {"epsilon": 1, "delta": 1e-5}}, "`update.weighting` is 'examples'"),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED, ids=[message[:40] for _, message in REFUSED])
def test_a_refusal_names_the_key_and_the_limit(changes, message):
    with pytest.raises(SpecError, match=message):
        parse_federated(document(**changes))


@pytest.mark.parametrize(
    ("update", "privacy", "message"),
    [
        ({"weighting": "equal", "evaluate": True}, {}, "`update.evaluate` is true"),
        ({"weighting": "equal"}, {"unit": "row"}, "`privacy.unit` is 'row'"),
        ({"weighting": "equal"}, {"clip": 1.0}, "`privacy.clip` is no key"),
        ({"weighting": "equal"}, {"honest": 4}, "`privacy.honest` is 4; allowed: 1 to 3"),
        ({"weighting": "equal"}, {"epsilon": 21}, "`privacy.epsilon` is 21"),
        ({"weighting": "equal"}, {"delta": 0.5}, "`privacy.delta` is 0.5"),
    ],
)
def test_privacy_that_no_noise_keeps_is_refused(update, privacy, message):
    terms = {"epsilon": 1.0, "delta": 1e-5} | privacy
    with pytest.raises(SpecError, match=message):
        parse_federated(document(update={"clip": 1.0} | update, privacy=terms))


@pytest.mark.parametrize("content", [None, [], 5, "federated"])
def test_what_is_no_table_is_refused(content):
    with pytest.raises(SpecError, match="a specification is a table"):
        parse_federated(content)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"update": {"clip": 2.0**20, "frac_bits": 28}}, "a sum of changes"),
        ({"update": {"clip": 1, "maximum_examples": 1 << 28, "frac_bits": 4}}, "an average"),
        ({"update": {"clip": 1, "maximum_examples": 1 << 30, "frac_bits": 28}, "maximum": {"nodes": 32}}, "changes"),
        ({"update": {"clip": 2.0**20}, "rule": {"momentum": 0.9375, "server_rate": 2}}, "a round may move"),
    ],
)
def test_sums_that_could_wrap_are_refused(changes, message):
    with pytest.raises(SpecError, match=message):
        parse_federated(document(**changes))


def test_the_largest_sum_that_is_allowed_is_below_2_to_the_63():
    """One more node would reach it."""
    update = {"clip": 2.0**15, "frac_bits": 16, "maximum_examples": 1 << 20}
    nodes = ((1 << 63) - 1) // ((1 << 20) * small_spec(update=update, maximum={"nodes": 3}).norm_bound)
    spec = small_spec(update=update, maximum={"nodes": nodes})
    assert spec.maximum_nodes * spec.maximum_weight * spec.coordinate_bound < 1 << 63
    with pytest.raises(SpecError, match=r"a sum of changes may reach 2\^63"):
        small_spec(update=update, maximum={"nodes": nodes + 1})


def test_warnings_name_what_may_be_unwise():
    assert [text.split(":")[0] for text in small_spec().warnings()] == ["there is no `privacy`"]
    few = small_spec(minimum={"nodes": 2}, update={"clip": 0.01, "frac_bits": 4})
    assert [text for text in few.warnings() if "`minimum.nodes` is 2" in text]
    assert [text for text in few.warnings() if "`update.frac_bits` is 4" in text]
    assert private_spec().warnings() == []


def test_parsing_a_private_file_needs_no_accountant(monkeypatch):
    """It takes seconds to import, and its next release must not change which sums are refused."""
    import twopm_zk.privacy.accounting as accounting

    monkeypatch.setattr(accounting, "calibrate", None)
    spec = private_spec()
    assert spec.coordinate_bound > spec.norm_bound
    assert spec.layout


def test_the_data_of_a_task_are_its_own_unless_their_fields_are_named():
    initial = {"arrays": [[2, 3], [4]], "initial": "ab" * 32}
    fields = {"name": "scans", "fields": ["64 grey values", "a digit"]}
    alone, other = small_spec(model=initial), small_spec(model=initial, update={"clip": 2.0})
    assert alone.data_terms.id != other.data_terms.id
    shared, again = (replace(one, data_name="scans", data_fields=tuple(fields["fields"])) for one in (alone, other))
    assert shared.data_terms == again.data_terms
    assert shared.spec_hash != again.spec_hash
    assert parse_federated(shared.document) == shared
    assert shared.document["data"] == fields
    for changes in ({"data_name": "x-rays"}, {"data_fields": ("a digit",)}, {"provenance": Provenance((ISSUER,))}):
        assert replace(shared, **changes).data_terms.id != shared.data_terms.id, changes
    assert replace(shared, provenance=Provenance((ISSUER,))).data_terms.issuers == (ISSUER,)
    with pytest.raises(SpecError, match=r"`model\.initial` is missing"):
        _ = small_spec().data_terms
    assert small_spec(data=fields).data_terms == shared.data_terms


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"field": []}, r"`data.field` is no key.*\n.*`fields`"),
        ({"fields": "grey values"}, "`data.fields` is not a list"),
        ({"fields": ["a", "a"]}, "`data.fields` has a field more than once"),
        ({"fields": ["a", "b" * 201]}, r"`data.fields\[1\]` is empty, has more than 200"),
        ({"fields": [str(k) for k in range(257)]}, "`data.fields` is 257; allowed: 0 to 256"),
        ({"name": ""}, "`data.name` is empty"),
    ],
)
def test_data_that_cannot_be_are_refused(data, message):
    with pytest.raises(SpecError, match=message):
        small_spec(data=data)
