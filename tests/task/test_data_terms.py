"""What a task asks of data: one id for all tasks that ask the same, and whose attestation it takes."""

from dataclasses import replace

import pytest
from Crypto.Hash import keccak
from hypothesis import given, settings
from hypothesis import strategies as st
from support.privacy import private_spec
from support.small_tasks import make_table

from twopm_zk.errors import SpecError
from twopm_zk.numbers.fixed_point import Format
from twopm_zk.privacy.terms import Privacy
from twopm_zk.rows.batches import prepare, same_rows
from twopm_zk.task.canonical import canonical
from twopm_zk.task.columns import Column
from twopm_zk.task.inputs import Input
from twopm_zk.task.outcome import Frequencies, Outcome
from twopm_zk.task.parts.data import ATTESTATION, MAX_ISSUERS, DataTerms, Provenance, schema_uid
from twopm_zk.task.parts.statistics import Statistics
from twopm_zk.task.parts.step_rule import StepRule
from twopm_zk.task.specification_file import parse_spec, read_spec, write_spec

ISSUER, OTHER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8", "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"
UID = "0x" + "ab" * 32


def document(**changes):
    features = [{"name": "a", "centre": 0, "scale": 1}]
    return {"label": "y", "lambda": 1, "name": "grades", "features": features} | changes


def hashed(*parts):
    return keccak.new(data=b"".join(parts), digest_bits=256).digest()


SPEC = private_spec(name="grades")

ELSEWHERE = st.fixed_dictionaries(
    {},
    optional={
        "penalty": st.sampled_from([0.5, 1.0, 7.25]),
        "weight_bound": st.sampled_from([256.0, 1024.0]),
        "decrement_bound": st.floats(1e-3, 1),
        "gradient_bound": st.floats(1e-3, 0.5),
        "maximum_rounds": st.integers(1, 40),
        "minimum_nodes": st.integers(3, 9),
        "minimum_rows": st.integers(1, 500),
        "minimum_node_rows": st.integers(1, 40),
        "maximum_node_updates": st.integers(1, 64),
        "sharing_seconds": st.integers(1, 10**6),
        "statistics": st.builds(Statistics, st.booleans(), st.booleans(), st.booleans()),
        "step": st.sampled_from([StepRule("gradient", curvature="ranges"), StepRule("newton")]),
        "privacy": st.builds(
            Privacy, st.floats(0.5, 8), st.just(1e-6), st.sampled_from(["row", "node"]), clip=st.just(2.0)
        ),
    },
)


@pytest.mark.slow
@settings(max_examples=40)
@given(changes=ELSEWHERE, name=st.sampled_from(["grades", "other"]))
def test_whatever_else_a_task_asks_for_its_data_stay_the_same(changes, name):
    other = replace(SPEC, **changes, name=name, data_name="grades")
    assert other.data_terms == SPEC.data_terms
    assert other.held_out_terms == SPEC.held_out_terms
    some, others = (prepare(make_table(40, seed=3), spec).batches for spec in (SPEC, other))
    assert same_rows(some, others)
    salted = [replace(batch, salt=ours.salt) for batch, ours in zip(others, some, strict=True)]
    assert [batch.commitment for batch in salted] == [batch.commitment for batch in some]


MATTERS = (
    {"name": "marks"},
    {"columns": SPEC.columns[::-1]},
    {"columns": (replace(SPEC.columns[0], scale=2.0), SPEC.columns[1])},
    {"columns": (replace(SPEC.columns[0], centre=0.5), SPEC.columns[1])},
    {"columns": (replace(SPEC.columns[0], low=-3.0), SPEC.columns[1])},
    {"columns": (replace(SPEC.columns[0], unit=0.5), SPEC.columns[1])},
    {"columns": (*SPEC.columns, Column("x0:x1", low=-16.0, high=16.0, scale=4.0, product=(("x0", 1), ("x1", 1))))},
    {"label": "z"},
    {"outcome": Outcome(positive="1")},
    {"outcome": Outcome(positive="1", negative=("0",))},
    {"inputs": (Input("x0", winsorise=(-1.0, 1.0)),)},
    {"inputs": (Input("x0", low=-3.0, high=3.0, missing=0.0),)},
    {"frequencies": Frequencies(positive=2), "privacy": None},
    {"frequencies": Frequencies("n"), "privacy": None},
    {"format": Format(20, 16)},
    {"privacy": Privacy(1.0, 1e-6, clip=3.0)},
    {"privacy": None},
    {"family": "gaussian", "outcome": Outcome(scale=Column("y", 0.0, 1.0)), "step": StepRule("newton")},
)


def test_all_that_batches_follow_from_is_in_the_id():
    specs = [SPEC, *(replace(SPEC, **changes) for changes in MATTERS), SPEC.provable(rows=100), SPEC.provable(rows=40)]
    ids = [terms.id for spec in specs for terms in (spec.data_terms, spec.held_out_terms)]
    assert len(set(ids)) == 2 * len(specs)


def test_the_id_is_the_hash_of_the_contract_s_struct():
    # abi.encode of a tuple with one dynamic part, written out by hand
    schema = hashed(canonical(SPEC.schema_document(rows=[119], width=2, clip=2.0)))

    def word(number):
        return number.to_bytes(32, "big")

    def encoded(held_out, uid, issuers):
        tail = [word(len(issuers)), *(word(int(one, 16)) for one in issuers)]
        return b"".join([word(32), schema, word(held_out), uid, word(128), *tail])

    assert SPEC.data_terms == DataTerms(schema)
    assert SPEC.data_terms.id == hashed(encoded(False, bytes(32), []))
    assert SPEC.held_out_terms.id == hashed(encoded(True, bytes(32), []))
    attested = replace(SPEC, provenance=Provenance((ISSUER, OTHER)))
    uid = hashed(ATTESTATION.encode(), bytes(20), b"\x01")
    assert attested.data_terms == DataTerms(schema, False, uid, (OTHER, ISSUER))
    assert attested.data_terms.id == hashed(encoded(False, uid, [OTHER, ISSUER]))
    assert attested.data_terms.attested
    assert not SPEC.data_terms.attested


def test_who_may_attest_is_a_part_of_what_a_data_set_is():
    one = parse_spec(document(provenance={"issuers": [ISSUER]}))
    others = [
        parse_spec(document()),
        parse_spec(document(provenance={"issuers": [OTHER]})),
        parse_spec(document(provenance={"issuers": [ISSUER, OTHER]})),
        parse_spec(document(provenance={"issuers": [ISSUER], "schema": UID})),
    ]
    assert len({spec.data_terms.id for spec in (one, *others)}) == 5
    assert len({spec.spec_hash for spec in (one, *others)}) == 5
    turned = parse_spec(document(provenance={"issuers": [OTHER.lower(), ISSUER]}))
    assert turned == others[2]
    assert turned.provenance.issuers == (OTHER, ISSUER)
    assert turned.provenance.schema == schema_uid(ATTESTATION)


def test_tables_of_data_come_back_from_a_file_and_are_left_out_where_they_say_nothing(tmp_path):
    spec = parse_spec(document(data={"name": "the grades"}, provenance={"issuers": [ISSUER], "schema": UID}))
    write_spec(spec, tmp_path / "spec.json")
    again = read_spec(tmp_path / "spec.json")
    assert again.spec_hash == spec.spec_hash
    assert again.data_terms.id == spec.data_terms.id
    assert spec.document["data"] == {"name": "the grades"}
    assert spec.document["provenance"] == {"issuers": [ISSUER], "schema": UID}
    plain = parse_spec(document())
    assert parse_spec(document(data={"name": "grades"})) == plain
    assert parse_spec(document(data={})) == plain
    assert not {"data", "provenance"} & plain.document.keys()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": {"nam": "x"}}, r"`data.nam` is no key.*\n.*`name`"),
        ({"data": "grades"}, "`data` is not a table"),
        ({"data": {"name": 3}}, "`data.name` is not a text"),
        ({"data": {"name": " "}}, "`data.name` is empty, has more than 200"),
        ({"data": {"name": "a\nb"}}, "`data.name` is empty, has more than 200"),
        ({"data": {"name": "a" * 201}}, "`data.name` is empty, has more than 200"),
        ({"provenance": {}}, r"`provenance.issuers` is 0; allowed: 1 to 16"),
        ({"provenance": {"issuers": [hex(k) for k in range(1, 18)]}}, r"`provenance.issuers` is 17; allowed: 1 to 16"),
        ({"provenance": {"issuers": ISSUER}}, "`provenance.issuers` is not a list"),
        ({"provenance": {"issuers": [1]}}, r"`provenance.issuers\[0\]` is no address"),
        ({"provenance": {"issuers": [ISSUER, OTHER[2:]]}}, r"`provenance.issuers\[1\]` is no address"),
        ({"provenance": {"issuers": [ISSUER.replace("dc79", "Dc79")]}}, r"\[0\]` is no address.*\n.*checksum"),
        ({"provenance": {"issuers": ["0x" + "0" * 40]}}, r"\[0\]` is the zero address"),
        ({"provenance": {"issuers": [ISSUER, ISSUER.lower()]}}, f"`provenance.issuers` has {ISSUER} more than once"),
        ({"provenance": {"issuers": [ISSUER], "schema": "0x12"}}, "`provenance.schema` is no UID"),
        ({"provenance": {"issuers": [ISSUER], "schema": "ab" * 32}}, "`provenance.schema` is no UID"),
        ({"provenance": {"issuers": [ISSUER], "schema": "0x" + "0" * 64}}, "`provenance.schema` is no UID"),
        ({"provenance": {"issuers": [ISSUER], "resolver": ISSUER}}, "`provenance.resolver` is no key"),
    ],
)
def test_tables_of_data_that_cannot_be_are_refused_by_their_keys(changes, message):
    with pytest.raises(SpecError, match=message):
        parse_spec(document(**changes))


def test_the_most_issuers_are_taken():
    issuers = tuple(f"0x{k:040x}" for k in range(1, MAX_ISSUERS + 1))
    assert len(Provenance(issuers).issuers) == MAX_ISSUERS
