"""What the page computes of a person's input is, to the bit, what the library computes."""

import json
import random
import subprocess
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from eth_account import Account
from eth_account.messages import encode_typed_data
from support.forms import form_of
from support.small_tasks import spector_spec
from support.web import ROOT, needs_npm

from twopm_zk.errors import TwopmError
from twopm_zk.numbers.commitments import input_commitment, model_commitment
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.numbers.fixed_point import FEATURES, Format
from twopm_zk.participants.envelope import Envelope, Header, Receipt
from twopm_zk.participants.messages import PredictionInput
from twopm_zk.prediction.requests import predict_shape, quantized_row
from twopm_zk.rows.clipping import shortened
from twopm_zk.statements import PredictStatement
from twopm_zk.task.instances import TaskInstances
from twopm_zk.task.specification_file import parse_spec

pytestmark = needs_npm
CHOSEN = TaskInstances(("step-48x3",), "aggregate-3", "certify-3", ("information-48x3",), "predict-3")
SPECTOR = spector_spec(instances=CHOSEN)
HOSPITAL = parse_spec(
    {
        "label": "y",
        "lambda": 1,
        "features": [
            {"name": "age", "low": 0, "high": 120, "unit": 1, "centre": 60, "scale": 32, "missing": 60},
            {"name": "crp", "low": 0, "high": 500, "transform": "log1p", "winsorise": [0.5, 300]},
            {"name": "ward", "categories": ["A", "B", 3], "missing": "B"},
            {"name": "Größe", "centre": 170, "scale": 16},
        ],
        "formula": "age*ward + crp + I(age**2) + Größe",
    }
).provable(rows=20)
LINEAR = parse_spec(
    {
        "label": {"name": "days", "low": 0, "high": 60},
        "family": "gaussian",
        "lambda": 1,
        "features": [
            {"name": "x", "low": -10, "high": 10},
            {"name": "w", "low": -1, "high": 1, "winsorise": [-0.5, 0.5]},
        ],
    }
).provable(rows=20)
SPECS = [SPECTOR, HOSPITAL, LINEAR]
DRAW = random.Random(14)


def cell(one, spec):
    """A cell of an input: mostly one that it takes, sometimes none, sometimes one too many."""
    if DRAW.random() < 0.08:
        return None
    if one.categories:
        return DRAW.choice([*one.categories, *one.categories, "elsewhere"])
    column = next((column for column in spec.columns if column.name == one.name and not column.product), one)
    low, high = (one.low, one.high) if one.low is not None else (column.low, column.high)
    low, high = (45.0, 290.0) if low is None else (low, high)
    if DRAW.random() < 0.06:
        return DRAW.choice([low - 0.5, high + 0.5, low, high, 1e9])
    whole = DRAW.uniform(low, high)
    return DRAW.choice([whole, float(round(whole)), round(whole * 8) / 8])


def rows():
    for spec in SPECS:
        shape = predict_shape(spec)
        weights = [DRAW.randrange(-(1 << 24), 1 << 24) for _ in spec.columns]
        weights += [0] * (shape.features - len(weights)) + [DRAW.randrange(-(1 << 24), 1 << 24)]
        form = form_of(spec, weights, context=DRAW.randrange(FIELD_ORDER))
        for _ in range(90):
            yield spec, form, {one.name: cell(one, spec) for one in spec.sources}, DRAW.randrange(FIELD_ORDER)
        if spec is SPECTOR:  # every value is halfway between two integers, above and below 0
            for k in range(-40, 40):
                row = {"GPA": 3.0, "TUCE": 22 + (2 * k + 1) / 1024, "PSI": k % 2}
                yield spec, form, row, DRAW.randrange(FIELD_ORDER)


def lengths():
    """Rows of features around a norm; those that are longer are shortened."""
    for norm in (1.25, 2.0, 0.7):
        rows = [[DRAW.randrange(-9000, 9000) for _ in range(3)] for _ in range(60)]
        yield norm, [*rows, [int(norm * 4096), 0, 0], [int(norm * 4096) + 1, 0, 0], [0, 3 * 1024, -4 * 1024]]


def reals():
    formats = [Format(16, 12), Format(20, 16), Format(32, 20)]
    for format in formats:
        ties = [(2 * k + 1) / 2 / format.one for k in range(-30, 30)]
        ends = [end + part / format.one for end in format.limits for part in (-0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75)]
        yield format, [*ties, *ends, -0.0, *(DRAW.uniform(*format.limits) for _ in range(100))]


def python_real(value, format):
    try:
        return int(format.quantize(value))
    except TwopmError:
        return None


@pytest.fixture(scope="module")
def cases():
    shapes = [predict_shape(spec) for spec in SPECS]
    messages = []
    for _ in range(6):
        shape = DRAW.choice(shapes)
        features = tuple(DRAW.randrange(-shape.format.bias, shape.format.bias) for _ in range(shape.features))
        content = PredictionInput(features, DRAW.randrange(FIELD_ORDER))
        sender, recipient = (Account.from_key(DRAW.randbytes(32)).address for _ in range(2))
        contract = Account.from_key(DRAW.randbytes(32)).address
        header = Header("input", 31337, contract, DRAW.randrange(99), sender, recipient, content.commitment(shape))
        messages.append((header, content, DRAW.randbytes(32), DRAW.randbytes(32)))
    return {
        "rows": list(rows()),
        "lengths": list(lengths()),
        "reals": list(reals()),
        "models": [
            (DRAW.randrange(FIELD_ORDER), [DRAW.randrange(-(1 << 31), 1 << 31) for _ in range(n)])
            for n in (1, 4, 8, 31)
        ],
        "inputs": [
            (DRAW.randrange(FIELD_ORDER), [DRAW.randrange(-s.format.bias, s.format.bias) for _ in range(s.features)], s)
            for s in shapes
        ],
        "messages": messages,
    }


@pytest.fixture(scope="module")
def answers(cases, tmp_path_factory):
    """What the twins answer, from one run of Node."""
    script = tmp_path_factory.mktemp("twins") / "twins.mjs"
    esbuild = [ROOT / "node_modules" / ".bin" / "esbuild", Path(__file__).parent / "twins.ts", "--bundle"]
    subprocess.run(
        [*esbuild, "--platform=node", "--format=esm", f"--outfile={script}"], check=True, capture_output=True
    )
    gaussian = form_of(LINEAR, [0] * (predict_shape(LINEAR).features + 1))
    document = {
        "rows": [{"form": form, "row": row, "salt": str(salt)} for _, form, row, salt in cases["rows"]],
        "lengths": [{"norm": norm, "rows": rows, "format": named(FEATURES)} for norm, rows in cases["lengths"]],
        "reals": [{"values": values, "format": named(format)} for format, values in cases["reals"]],
        "models": [{"context": str(context), "weights": weights} for context, weights in cases["models"]],
        "inputs": [
            {"salt": str(salt), "features": xs, "format": named(s.format), "family": s.family.name.lower()}
            for salt, xs, s in cases["inputs"]
        ],
        "units": [{"form": gaussian, "units": units} for units in (0, 1 << 31, (1 << 31) - 77, (1 << 32) - 1)],
        "messages": [
            {
                "header": {
                    "kind": "input",
                    "chainId": header.chain_id,
                    "contract": header.contract,
                    "task": str(header.task),
                    "sender": header.sender,
                    "recipient": header.recipient,
                    "subject": str(header.subject),
                },
                "features": list(content.features),
                "salt": str(content.salt),
                "key": X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw().hex(),
                "secret": secret.hex(),
            }
            for header, content, private, secret in cases["messages"]
        ],
    }
    command = ["node", str(script)]
    done = subprocess.run(command, input=json.dumps(document), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def named(format):
    return {"bits": format.bits, "fracBits": format.frac_bits}


@pytest.mark.slow
def test_a_row_becomes_the_same_integers_commitments_and_circuit_inputs(cases, answers):
    taken = 0
    for (spec, form, row, salt), found in zip(cases["rows"], answers["rows"], strict=True):
        try:
            features = quantized_row(spec, row)
        except TwopmError:
            assert "problems" in found, row
            continue
        assert found["features"] == list(features), row
        statement = PredictStatement(
            predict_shape(spec), int(form["context"]), tuple(map(int, form["weights"])), features, salt
        )
        assert found["commitments"] == [str(value) for value in statement.public[:2]]
        assert found["inputs"] == {name: texts(value) for name, value in statement.circuit_inputs().items()}
        taken += 1
    assert taken > 150


def texts(value):
    return [str(one) for one in value] if isinstance(value, list) else str(value)


def test_what_is_refused_is_refused_here_and_there_and_named(cases, answers):
    refused = 0
    for (spec, _, row, _), found in zip(cases["rows"], answers["rows"], strict=True):
        if "problems" in found:
            with pytest.raises(TwopmError):
                quantized_row(spec, row)
            names = {problem["input"] for problem in found["problems"]}
            assert names <= {None, *(one.name for one in spec.sources)}
            refused += 1
    assert refused > 30


def test_rows_that_are_too_long_for_a_private_task_are_shortened(cases, answers):
    for (norm, rows), found in zip(cases["lengths"], answers["lengths"], strict=True):
        expected = shortened(np.array(rows), norm, FEATURES).tolist()
        assert found == expected
        assert 3 < sum(one != other for one, other in zip(rows, expected, strict=True)) < len(rows)


def test_reals_are_rounded_with_ties_to_even_over_the_whole_range(cases, answers):
    for (format, values), found in zip(cases["reals"], answers["reals"], strict=True):
        assert found == [python_real(value, format) for value in values]


def test_commitments_of_any_width_are_the_librarys(cases, answers):
    assert answers["models"] == [str(model_commitment(context, weights)) for context, weights in cases["models"]]
    assert answers["inputs"] == [
        str(input_commitment(salt, xs, format=s.format, family=s.family.number)) for salt, xs, s in cases["inputs"]
    ]


def test_a_predicted_number_comes_in_its_own_unit(answers):
    shape = predict_shape(LINEAR)
    expected = [LINEAR.expected(shape.real(units)) for units in (0, 1 << 31, (1 << 31) - 77, (1 << 32) - 1)]
    assert answers["units"] == pytest.approx(expected, rel=1e-12)


def test_the_operator_opens_what_the_page_has_sealed(cases, answers):
    for (header, content, private, secret), found in zip(cases["messages"], answers["messages"], strict=True):
        envelope = Envelope.parse(found["envelope"].encode())
        assert envelope.header == header
        key = X25519PrivateKey.from_private_bytes(private)
        assert envelope.open(key) == content.encode()
        made = X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
        assert envelope.ephemeral == made
        assert X25519PublicKey.from_public_bytes(made)


def test_a_wallet_signs_what_the_operator_checks(cases, answers):
    for (header, *_), found in zip(cases["messages"], answers["messages"], strict=True):
        envelope = Envelope.parse(found["envelope"].encode())
        typed = json.loads(found["typed"])
        theirs = header.typed("Message", {"ephemeral": envelope.ephemeral, "ciphertext": envelope.ciphertext})
        assert hashed(typed["message"]) == theirs
        assert hashed(typed["receipt"]) == header.typed("Receipt", {})
        assert Receipt(header, b"").header == header


def hashed(typed):
    message = json.loads(json.dumps(typed["message"]))
    message["header"] |= {name: int(message["header"][name]) for name in ("task", "subject")}
    for name in ("ephemeral", "ciphertext"):
        if name in message:
            message[name] = bytes.fromhex(message[name][2:])
    return encode_typed_data(typed["domain"], typed["types"], message)
