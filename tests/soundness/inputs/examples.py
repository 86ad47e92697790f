"""Valid examples of everything that is read, small, from the encoders themselves: each function a list of bytes."""

import hashlib
import io
import json
import tempfile
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from eth_account import Account
from support import conversations as conversing
from support import data_sets, language_models, r1cs_files, synthetic
from support import federated as federations

from twopm_zk.chain.deployment import Deployed, DeployedVerifier, Deployment
from twopm_zk.chat.kept import KeptQuestion, KeptQuestions
from twopm_zk.chat.operator import Place
from twopm_zk.chat.question import Question, SealedQuestion
from twopm_zk.chat.sealed import AnswerSealer
from twopm_zk.circuit.compilation import compile_circuit
from twopm_zk.circuit.instances import find_instance
from twopm_zk.circuit.witness import calculate_witness
from twopm_zk.conversation.sampling import Sampling
from twopm_zk.conversation.transcript import Execution, Transcript
from twopm_zk.federated.encoding import UPDATE
from twopm_zk.federated.masks import MaskedUpdate
from twopm_zk.federated.results import first_result
from twopm_zk.gateway.sessions import message_of
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.participants.envelope import Header, Receipt, seal
from twopm_zk.participants.messages import PredictionInput
from twopm_zk.plonk.proof import KEY_POINTS
from twopm_zk.plonk.solidity import proof_from_calldata
from twopm_zk.prediction.proof_file import FORMAT
from twopm_zk.statements.predict import PredictShape
from twopm_zk.system.paths import examples_dir

TESTS = Path(__file__).parents[2]
ACCOUNT, OTHER = Account.from_key(b"\x01" * 32), Account.from_key(b"\x02" * 32)
KEY = conversing.KEY
VERSION = data_sets.VERSION
CONTRACT = data_sets.CONTRACT
HEADER = Header("input", 31337, CONTRACT, 1, ACCOUNT.address, OTHER.address, 7)
NETWORKS = SimpleNamespace(token=None)
ABI = {
    "name": "all",
    "inputs": [
        {"type": "uint256", "name": "a"},
        {"type": "bytes", "name": "b"},
        {"type": "string", "name": "c"},
        {"type": "address[]", "name": "d"},
        {
            "type": "tuple[]",
            "name": "e",
            "components": [{"type": "bytes32", "name": "f"}, {"type": "int8[2]", "name": "g"}],
        },
    ],
}


def _json(*documents):
    return [json.dumps(document).encode() for document in documents]


def documents():
    return _json({"a": [1, 2.5, "text", None, True], "b": {"c": {"d": []}}}, [[[[1]]]], "x", 7)


def headers():
    return _json(HEADER.to_json())


@cache
def envelopes():
    content = prediction_inputs()[0]
    return [seal(HEADER, content, KEY.public_key().public_bytes_raw(), ACCOUNT).encode()]


@cache
def envelope_receipts():
    return _json(Receipt.sign(HEADER, OTHER).to_json())


@cache
def shape():
    return PredictShape.from_parameters(find_instance("predict-3").parameters)


_INPUT = PredictionInput((100, -5, 3), 77)


@cache
def prediction_commitment():
    return _INPUT.commitment(shape())


def prediction_inputs():
    return [_INPUT.encode()]


_SAID = ({"role": "user", "content": "What is a proof?"},)


def requests():
    return _json(
        {"model": None, "messages": list(_SAID), "temperature": 0.5, "max_tokens": 20, "seed": 7, "stream": False},
        {"messages": list(_SAID), "seed": "ab" * 32, "max_completion_tokens": 5, "n": 1},
    )


def questions():
    return [SealedQuestion(Question(_SAID, bytes(32)), 1, 1_800_000_000).encode()]


def kept_questions():
    folder = Path(tempfile.mkdtemp(prefix="questions-"))
    place, address = Place(1, OTHER.address, 1), OTHER.address
    KeptQuestions(folder).write(KeptQuestion(Question(_SAID, bytes(32)), place, address, address, 5, 7))
    return [(folder / "question-7.json").read_bytes()]


def pieces():
    return _json(AnswerSealer(bytes(32)).seal({"text": "yes"}, last=True).to_json())


def statuses():
    found = {"network": 1, "operator": OTHER.address, "model": "m", "digest": "ab" * 32, "sealed_only": False}
    return _json({"conversation": found}, {"conversation": None})


@cache
def _transcript():
    return Transcript(Execution("ab" * 32, (1, 2, 3), Sampling(bytes(32), 700), 5), (4, 5))


def transcripts():
    return [_transcript().to_json().encode()]


@cache
def _kept():
    return conversing.kept(_transcript())


def kept_answers():
    return [*_json(_kept().to_json()), *transcripts()]


def receipts():
    return _json(_kept().signed.receipt.to_json())


def signed_receipts():
    return _json(_kept().signed.to_json())


def conversations():
    return _json({"messages": [*_SAID, {"role": "assistant", "content": "It shows that something holds."}]})


@cache
def models():
    return [language_models.gguf(*language_models.parts(0))]


def load_model(model):
    def load(path):
        return model.load(path, digest=hashlib.sha256(path.read_bytes()).hexdigest(), threads=1)

    return load


def specifications():
    return [(examples_dir() / name).read_bytes() for name in ("spector.toml", "credit_cards.toml")]


def _toml(name):
    import tomllib

    return tomllib.loads((examples_dir() / name).read_text())


def specification_documents():
    return _json(*(_toml(name) for name in ("spector.toml", "credit_cards.toml")))


def metadata():
    return [(examples_dir() / "spector-network.json").read_bytes()]


def federated_files():
    return [(examples_dir() / "digits.toml").read_bytes()]


def federated_documents():
    return _json(_toml("digits.toml"), federations.document())


@cache
def federated():
    return federations.small_spec()


def updates():
    words = np.arange(federated().words, dtype=np.int64)
    return [UPDATE.encode(federated().layout, words)]


def masked_updates():
    return [MaskedUpdate(federated().layout, np.arange(federated().words, dtype=np.uint64)).encoded]


def results():
    return [first_result(federated(), [np.ones((2, 3)), np.zeros(4)]).encoded]


def federated_openings():
    from twopm_zk.hfl.data import OPENING

    return _json({"format": OPENING, "salt": "ab" * 32})


@cache
def _package():
    from twopm_zk.datasets.package import write_package

    with tempfile.TemporaryDirectory() as folder:
        rows, target = (
            data_sets.write_part(Path(folder) / "rows.csv") or Path(folder) / "rows.csv",
            Path(folder) / "out",
        )
        opened = data_sets.openings_of(rows)
        target.touch()
        write_package(opened, rows, target)
        return opened.encode(), target.read_bytes()


def openings():
    return [_package()[0]]


def packages():
    return [_package()[1]]


def manifests():
    return [data_sets.manifest_of().encode()]


@cache
def _proof():
    saved = json.loads((TESTS / "vectors" / "plonk_three.json").read_text())
    return proof_from_calldata([int(number) for number in saved["proof"]]).to_json()


@cache
def _key():
    """The key of no circuit: points and numbers that are in their ranges."""
    g2 = [
        [
            "10857046999023057135944570762232829481370756359578518086990519993285655852781",
            "11559732032986387107991004021392285783925812861821192530917403151452391805634",
        ],
        [
            "8495653923123431417604973247489272438418190587263600148770280649306958101930",
            "4082367875863433681332203403145435568316851327593401208105741076214120093531",
        ],
        ["1", "0"],
    ]
    points = {name: ["1", "2", "1"] for name in KEY_POINTS}
    root = pow(5, (FIELD_ORDER - 1) >> 3, FIELD_ORDER)
    numbers = {"nPublic": 3, "power": 3, "k1": "2", "k2": "3", "X_2": g2, "w": str(root)}
    return {"protocol": "plonk", "curve": "bn128", **numbers, **points}


def proofs():
    return _json(_proof())


def keys():
    return _json(_key())


def proofs_with_public():
    return _json({"proof": _proof(), "public": ["1", "2", "3"]})


def proof_and_public(parse):
    def read(document):
        found = document if isinstance(document, dict) else {}
        return parse(found.get("proof"), found.get("public"))

    return read


def proof_files():
    place = {"network": 1, "chain_id": 31337, "contract": CONTRACT, "task": 1}
    return _json({"format": FORMAT, "proof": _proof(), "public": ["1", "2", "3"], "verification_key": _key(), **place})


def circuit():
    return compile_circuit(TESTS / "circuits" / "multiplier.circom")


@cache
def witnesses():
    return [calculate_witness(circuit(), {"a": 3, "b": 14}).to_bytes()]


def circuit_inputs():
    return _json({"a": 3, "b": "14"}, {"a": "0x3", "b": [14]})


def witness_of(read):
    """Reads inputs, and calculates the witness of `circuit`."""
    return lambda path: calculate_witness(circuit(), read(path))


def r1cs():
    return [
        circuit().r1cs.read_bytes(),
        r1cs_files.r1cs_bytes([({1: 1}, {2: 1}, {3: 1})], wires=4, outputs=1, public=1),
    ]


@cache
def native_files():
    """A small circuit's files by their suffix, made by the native prover: `ptau`, `key`, `zkey`, `r1cs`, `wtns`."""
    from twopm_zk import _native as native

    folder = Path(tempfile.mkdtemp(prefix="readers-"))
    paths = {suffix: folder / f"sound.{suffix}" for suffix in ("r1cs", "wtns", "ptau", "key", "zkey")}
    for path, content in zip(paths.values(), synthetic.circuit(9, public=2, seed=4), strict=False):
        path.write_bytes(content)
    native.write_insecure_ptau(6, paths["ptau"])
    native.setup(paths["r1cs"], paths["ptau"], paths["key"], bytes(64))
    native.write_zkey(paths["key"], paths["zkey"])
    return paths


def _content(suffix):
    return lambda: [native_files()[suffix].read_bytes()]


zkeys, ptaus, compact_keys = _content("zkey"), _content("ptau"), _content("key")


def native_readers(reader, through_file):
    """What the native module reads: from one file that is changed, beside others that are sound."""
    from twopm_zk import _native as native

    def sound(suffix):
        return native_files()[suffix]

    def made(name):
        return native_files()["key"].with_name(name)

    def file(call):
        return through_file(call, "native")

    def words(content):
        key, _, rest = content.decode("utf-8", "replace").partition("\n---\n")
        public, _, proof = rest.partition("\n---\n")
        return native.verify(key, public, proof)

    @cache
    def proven():
        proof, public, _ = native.ProvingKey(sound("key")).prove(sound("wtns"))
        return [native.export_verification_key(sound("key")), public, proof]

    def texts():
        return ["\n---\n".join(proven()).encode()]

    def points(content):
        half = len(content) // 3 * 2
        return native.sum_of_multiples(content[:half], content[half:])

    errors = (native.NativeError,)
    r1cs_, wtns, ptau, keys_ = _content("r1cs"), _content("wtns"), _content("ptau"), (_content("key"), _content("zkey"))

    def both():
        return keys_[0]() + keys_[1]()

    def exported(path):
        return native.export_verification_key(path)

    def proves(path):
        return native.ProvingKey(path).prove(sound("wtns"))

    sum_errors = (native.NativeError, ValueError)
    return {
        "_native:setup": reader(
            file(lambda path: native.setup(path, sound("ptau"), made("made.key"), bytes(64))), "bytes", r1cs_, errors
        ),
        "_native:setup with a ptau": reader(
            file(lambda path: native.setup(sound("r1cs"), path, made("made.key"), bytes(64))), "bytes", ptau, errors
        ),
        "_native:write_zkey": reader(
            file(lambda path: native.write_zkey(path, made("made.zkey"))), "bytes", keys_[0], errors
        ),
        "_native:export_verification_key": reader(file(exported), "bytes", both, errors),
        "_native:ProvingKey": reader(file(proves), "bytes", both, errors),
        "_native:ProvingKey.prove": reader(file(_prove_with(native, sound)), "bytes", wtns, errors),
        "_native:check_ptau": reader(file(native.check_ptau), "bytes", ptau, errors),
        "_native:blake2b_512": reader(file(native.blake2b_512), "bytes", wtns, errors),
        "_native:verify": reader(words, "text", texts, errors),
        "_native:sum_of_multiples": reader(points, "bytes", lambda: [bytes(32) + b"\x01" + bytes(63)], sum_errors),
    }


def _prove_with(native, sound):
    @cache
    def key():
        return native.ProvingKey(sound("key"))

    return lambda path: key().prove(path)


def deployments():
    one, code = "0x" + "11" * 20, "0x" + "22" * 32
    contracts = {"HLRContract": Deployed(one, code, {"Lib": one}), "DataHub": Deployed(one, code)}
    verifiers = {"step-48x3": DeployedVerifier(1, one, code, "step", 48, 3, 12, True)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "deployment.json"
        Deployment(31337, 5, True, contracts, verifiers).write(path)
        return [path.read_bytes()]


_HASH, _ADDRESS = "0x" + "ab" * 32, "0x" + "0d" * 20
_LOG = {"address": _ADDRESS, "topics": [_HASH], "data": "0x", "blockNumber": "0x10", "transactionHash": _HASH}
_LOG |= {"logIndex": "0x0"}


def blocks():
    return _json({"number": "0x10", "hash": _HASH, "parentHash": _HASH, "timestamp": "0x2", "baseFeePerGas": "0x7"})


def logs():
    return _json([_LOG, _LOG], [])


def mined():
    return _json(
        {"status": "0x1", "blockNumber": "0x10", "gasUsed": "0x1", "logs": [_LOG], "contractAddress": _ADDRESS}
    )


def transactions():
    return _json({"hash": _HASH, "from": _ADDRESS, "to": None, "input": "0x01"})


def rpc_answers():
    return _json(
        {"jsonrpc": "2.0", "id": 1, "result": [_LOG]},
        {"jsonrpc": "2.0", "id": 1, "error": {"code": -32005, "message": "query returned more than 10000 results"}},
        [{"jsonrpc": "2.0", "id": 1, "result": "0x"}, {"jsonrpc": "2.0", "id": 0, "error": {"code": -32016}}],
    )


def endpoint_answer(endpoint):
    """An answer's document, and whether it asks to wait; the usable ones of several."""

    def read(content):
        document = endpoint._document(content)
        if isinstance(document, list):
            return endpoint._matched(document, ["eth_call", "eth_getCode"])
        return document and (endpoint._error(document), endpoint._limit("eth_getLogs", document))

    return read


def calldata():
    from eth_abi import encode

    kinds = ["uint256", "bytes", "string", "address[]", "(bytes32,int8[2])[]"]
    return [encode(kinds, [5, b"abc", "text", [_ADDRESS], [(bytes(32), [1, -1])]]), bytes(320)]


def sign_ins():
    found = message_of(
        origin="https://example.org:8",
        account=ACCOUNT.address,
        chain_id=1,
        nonce="ab" * 24,
        issued=1.8e9,
        expires=1.9e9,
    )
    return [found.encode(), *(found.replace("2027", year).encode() for year in ("0001", "9999"))]


def tables():
    return [
        b"GPA,PSI,GRADE\n2.66,0,0\n3.5,1,1\n",
        'sep=;\r\n"a";b\r\n1,5;"x ""y"""\r\n'.encode("utf-16"),
        "größe\tb\n1\t2\n".encode("cp1252"),
    ]


def parquets():
    from importlib.util import find_spec

    if find_spec("pyarrow"):
        import pyarrow
        import pyarrow.parquet

        table, out = pyarrow.table({"a": [1.5, 2.0, None], "b": ["x", "y", "z"]}), io.BytesIO()
        pyarrow.parquet.write_table(table, out)
        return [out.getvalue()]
    return [b"PAR1" + bytes(40) + b"PAR1"]


def weights():
    return _json({"GPA": 2.8, "PSI": 2.4, "intercept": -13}, [1, 2.5, -3])


def scalings():
    return _json({"GPA": {"centre": 3, "scale": 0.64}, "PSI": {}})


def assets():
    return [
        b"stETH=0x" + b"11" * 20,
        b"other=0x" + b"11" * 20 + b",rate=0x" + b"22" * 20 + b",strategy=0x" + b"33" * 20,
    ]
