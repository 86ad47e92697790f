"""Every reader of files, messages and answers of the package, with valid examples to begin from.

A name is ``module:function``, below `twopm_zk`. `found` has those that the sources define; each is in `READERS`, or in
`READ_ELSEWHERE` with the reason. Whatever bytes a reader is given, it answers, or raises one of its ``errors``.
"""

import ast
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from eth_abi.exceptions import DecodingError
from soundness.inputs import examples

from twopm_zk.errors import TwopmError
from twopm_zk.gateway.responses import RefusedError
from twopm_zk.system.parsing import parse_json

PACKAGE = Path(__file__).parents[3] / "twopm_zk"
UNTRUSTED = {"path", "file", "folder", "content", "data", "text", "texts", "document", "value", "answer", "proof"}
"""Names of a parameter that holds what somebody else wrote, or where it is."""
VERBS = {"read", "parse", "load", "open", "decode", "from"}
READ_ELSEWHERE = {
    "auditor.event_reader:EventReader.decode": "chain.abi:decode_inputs",
    "federated.encoding:Encoding.parse": "federated.updates:parse_update, and those of masked updates and results",
    "chain.development_node:DevelopmentNode.load": "anvil reads the file",
    "chain.rpc.answers:parsed": "what parses is given to it: the other functions of the module",
    "conversation.network:read_shape": "conversation.model:ConversationModel.load",
    "conversation.weights:read_blocks": "conversation.model:ConversationModel.load",
    "conversation.weights:read_matrix": "conversation.model:ConversationModel.load",
    "conversation.weights:read_vector": "conversation.model:ConversationModel.load",
    "plonk.proving:load_proof": "plonk.proof: three files",
    "prediction.proof_file:ProofFile.read": "prediction.proof_file:ProofFile.parse",
    "cli.pipeline.verify:read_proof_file": "prediction.proof_file:ProofFile.parse",
    "provenance.showing:read_packages": "datasets.package:Package.read",
    "rows.sources:read_cells": "rows.csv_file:read_csv, rows.frames:read_parquet",
    "rows.tables:read_table": "rows.csv_file:read_csv, rows.frames:read_parquet",
    "cli.options.rows:read_rows": "rows.csv_file:read_csv, rows.frames:read_parquet",
    "system.files:read_bytes": "tests/regressions/test_hostile_json.py",
    "system.parsing:read_json": "system.parsing:parse_json",
    "task.specification_file:read_document": "task.specification_file:read_spec",
    "federated.specification_file:read_federated": "federated.specification_file:read_specification",
}


@dataclass(frozen=True)
class Reader:
    """How a reader is called with bytes, of which kind they are (json, text or bytes), and valid ones."""

    call: Callable[[bytes], object]
    kind: str
    seeds: Callable[[], list[bytes]]
    errors: tuple[type[Exception], ...] = (TwopmError,)


@cache
def found():
    """Public functions of the package that read what somebody else wrote, by their names and those of parameters."""
    names = set()
    for path in PACKAGE.rglob("*.py"):
        module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef):
                names |= _reads(module, node)
            elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                for part in node.body:
                    names |= _reads(module, part, node.name + ".") if isinstance(part, ast.FunctionDef) else set()
    return names


def _reads(module, function, owner=""):
    parameters = [one.arg for one in function.args.args if one.arg not in ("self", "cls")]
    is_one = bool(VERBS & set(function.name.split("_"))) or module == "chain.rpc.answers"
    untrusted = bool(UNTRUSTED & set(parameters))
    return {f"{module}:{owner}{function.name}"} if is_one and untrusted and not function.name.startswith("_") else set()


def native():
    """Names of all functions of the native module that take a path, text or bytes."""
    stub = ast.parse((PACKAGE / "_native.pyi").read_text())
    found = {node.name for node in stub.body if isinstance(node, ast.FunctionDef) and node.args.args}
    return {f"_native:{name}" for name in found - {"write_insecure_ptau"} | {"ProvingKey", "ProvingKey.prove"}}


@cache
def _scratch():
    return Path(tempfile.mkdtemp(prefix="readers-"))


def _file(read, name="input"):
    """Reads bytes from a file."""

    def call(content):
        path = _scratch() / name
        path.write_bytes(content)
        return read(path)

    return call


def _document(read):
    """Reads a document that is parsed before."""
    return lambda content: read(parse_json(content, what="it"))


def _text(read):
    return lambda content: read(content.decode("utf-8", "replace"))


def _readers():
    """By name, made when it is first asked for: most of the package is imported."""
    from twopm_zk.chain import abi
    from twopm_zk.chain.attestations.certificates import CertificateStatement
    from twopm_zk.chain.attestations.service import DataClaim
    from twopm_zk.chain.deployment import Deployment
    from twopm_zk.chain.rpc import answers, endpoint
    from twopm_zk.chat.kept import read_question
    from twopm_zk.chat.question import Request, SealedQuestion
    from twopm_zk.chat.sealed import SealedPiece
    from twopm_zk.chat.service import read_status
    from twopm_zk.circuit.r1cs import read_r1cs
    from twopm_zk.circuit.symbols import read_symbols
    from twopm_zk.circuit.witness import open_witness, read_witness
    from twopm_zk.cli.application.conversing import read_kept
    from twopm_zk.cli.options.amounts import parse_amount, parse_part, parse_stake
    from twopm_zk.cli.options.fees import parse_fee
    from twopm_zk.cli.options.stake_assets import parse_assets, parse_eigenlayer
    from twopm_zk.cli.pipeline.prove import parse_scaling, read_inputs
    from twopm_zk.conversation.gguf_file import open_gguf
    from twopm_zk.conversation.model import ConversationModel
    from twopm_zk.conversation.receipt import KeptAnswer, Receipt, SignedReceipt
    from twopm_zk.conversation.training import read_conversations
    from twopm_zk.conversation.transcript import Transcript
    from twopm_zk.datasets.manifest import Manifest
    from twopm_zk.datasets.openings import Openings
    from twopm_zk.datasets.package import Package
    from twopm_zk.federated.masks import parse_masked
    from twopm_zk.federated.results import parse_result
    from twopm_zk.federated.specification_file import parse_federated, read_specification
    from twopm_zk.federated.updates import parse_update
    from twopm_zk.gateway.predictions import parse_proof
    from twopm_zk.gateway.sessions import SignIn
    from twopm_zk.hfl.data import read_opening
    from twopm_zk.participants import envelope, messages, wire
    from twopm_zk.plonk import proof
    from twopm_zk.plonk.compact_key import read_compact_key
    from twopm_zk.plonk.ptau import read_ptau
    from twopm_zk.plonk.zkey import read_zkey
    from twopm_zk.prediction.proof_file import ProofFile
    from twopm_zk.rows.cells import CsvOptions
    from twopm_zk.rows.csv_file import read_csv
    from twopm_zk.rows.frames import read_parquet
    from twopm_zk.rows.tables import read_scaling, read_weights
    from twopm_zk.system import binary_file, parsing
    from twopm_zk.task.formula import parse_formula
    from twopm_zk.task.metadata import NetworkMetadata
    from twopm_zk.task.specification_file import parse_spec, read_spec

    one = examples

    def opened_envelope(content):
        found = envelope.Envelope.parse(content)
        found.require_signature()
        return found.open(one.KEY)

    def signed(document):
        return SignedReceipt.from_document(document).signed

    def answered(parse):
        return _document(lambda document: answers.parsed("that", parse, document))

    def blocks(path):
        file = binary_file.open_binary_file(path, "r1cs", versions=(1,))
        return [file.read(number) for number in file.sections]

    def masked(parse):
        return lambda content: parse(one.federated(), content)

    names = ("GPA", "PSI")
    abi_items = one.ABI["inputs"]
    json_, text, bytes_ = "json", "text", "bytes"
    rpc = (TwopmError, endpoint.EndpointError)
    return {
        "system.parsing:parse_json": Reader(lambda c: parse_json(c, what="it"), json_, one.documents),
        "system.parsing:parse_natural": Reader(
            _text(lambda t: parsing.parse_natural(t, what="it", limit=1 << 64)), text, lambda: [b"12", b"0"]
        ),
        "system.parsing:parse_number": Reader(
            _text(parsing.parse_number), text, lambda: [b"1.5", b"-2e9", b"inf"], (ValueError,)
        ),
        "system.binary_file:open_binary_file": Reader(_file(blocks), bytes_, one.r1cs),
        "participants.wire:parse": Reader(lambda c: wire.parse(c, limit=1 << 20), json_, one.documents),
        "participants.envelope:Header.from_json": Reader(_document(envelope.Header.from_json), json_, one.headers),
        "participants.envelope:Envelope.parse": Reader(opened_envelope, json_, one.envelopes),
        "participants.envelope:Receipt.parse": Reader(
            lambda c: envelope.Receipt.parse(c, header=one.HEADER), json_, one.envelope_receipts
        ),
        "participants.messages:PredictionInput.parse": Reader(
            lambda c: messages.PredictionInput.parse(c, one.shape(), commitment=one.prediction_commitment()),
            json_,
            one.prediction_inputs,
        ),
        "chat.question:Request.from_document": Reader(
            _document(lambda d: Request.from_document(d if isinstance(d, dict) else {})), json_, one.requests
        ),
        "chat.question:SealedQuestion.parse": Reader(
            lambda c: SealedQuestion.parse(c, limit=1 << 20), json_, one.questions
        ),
        "chat.kept:read_question": Reader(_file(read_question), json_, one.kept_questions),
        "chat.sealed:SealedPiece.from_document": Reader(_document(SealedPiece.from_document), json_, one.pieces),
        "chat.service:read_status": Reader(_document(read_status), json_, one.statuses),
        "conversation.transcript:Transcript.from_document": Reader(
            _document(Transcript.from_document), json_, one.transcripts
        ),
        "conversation.receipt:Receipt.from_document": Reader(_document(Receipt.from_document), json_, one.receipts),
        "conversation.receipt:SignedReceipt.from_document": Reader(_document(signed), json_, one.signed_receipts),
        "conversation.receipt:KeptAnswer.from_document": Reader(
            _document(lambda d: KeptAnswer.from_document(d).committed), json_, one.kept_answers
        ),
        "cli.application.conversing:read_kept": Reader(_file(read_kept), json_, one.kept_answers),
        "conversation.training:read_conversations": Reader(_file(read_conversations), json_, one.conversations),
        "conversation.gguf_file:open_gguf": Reader(_file(open_gguf), bytes_, one.models),
        "conversation.model:ConversationModel.load": Reader(
            _file(one.load_model(ConversationModel)), bytes_, one.models
        ),
        "task.specification_file:read_spec": Reader(_file(read_spec, "spec.toml"), text, one.specifications),
        "task.specification_file:parse_spec": Reader(_document(parse_spec), json_, one.specification_documents),
        "task.metadata:NetworkMetadata.parse": Reader(NetworkMetadata.parse, json_, one.metadata),
        "task.formula:parse_formula": Reader(
            _text(parse_formula), text, lambda: [b"y ~ a + b:c + d**2", b"y ~ a*b - 1"]
        ),
        "federated.specification_file:read_specification": Reader(
            _file(read_specification, "federated.toml"), text, one.federated_files
        ),
        "federated.specification_file:parse_federated": Reader(
            _document(parse_federated), json_, one.federated_documents
        ),
        "federated.masks:parse_masked": Reader(masked(parse_masked), bytes_, one.masked_updates),
        "federated.results:parse_result": Reader(masked(parse_result), bytes_, one.results),
        "federated.updates:parse_update": Reader(masked(parse_update), bytes_, one.updates),
        "hfl.data:read_opening": Reader(_file(read_opening), json_, one.federated_openings),
        "datasets.openings:Openings.parse": Reader(Openings.parse, json_, one.openings),
        "datasets.manifest:Manifest.parse": Reader(lambda c: Manifest.parse(c, one.VERSION), json_, one.manifests),
        "datasets.package:Package.read": Reader(_file(Package.read), bytes_, one.packages),
        "prediction.proof_file:ProofFile.parse": Reader(ProofFile.parse, json_, one.proof_files),
        "plonk.proof:Proof.from_json": Reader(_document(proof.Proof.from_json), json_, one.proofs),
        "plonk.proof:VerificationKey.from_json": Reader(_document(proof.VerificationKey.from_json), json_, one.keys),
        "plonk.proof:public_from_json": Reader(_document(proof.public_from_json), json_, lambda: [b'["1", "42"]']),
        "plonk.proof:read_proof": Reader(_file(proof.read_proof), json_, one.proofs),
        "plonk.proof:read_public": Reader(_file(proof.read_public), json_, lambda: [b'["1", "42"]']),
        "plonk.proof:read_verification_key": Reader(_file(proof.read_verification_key), json_, one.keys),
        "plonk.zkey:read_zkey": Reader(_file(read_zkey), bytes_, one.zkeys),
        "plonk.ptau:read_ptau": Reader(_file(lambda p: read_ptau(p).tau_g2(1)), bytes_, one.ptaus),
        "plonk.compact_key:read_compact_key": Reader(_file(read_compact_key), bytes_, one.compact_keys),
        "circuit.r1cs:read_r1cs": Reader(_file(read_r1cs), bytes_, one.r1cs),
        "circuit.symbols:read_symbols": Reader(_file(read_symbols), text, lambda: [b"1,1,0,main.out\n2,2,0,main.a\n"]),
        "circuit.witness:open_witness": Reader(_file(open_witness), bytes_, one.witnesses),
        "circuit.witness:read_witness": Reader(_file(lambda p: read_witness(p, one.circuit())), bytes_, one.witnesses),
        "cli.pipeline.prove:read_inputs": Reader(_file(one.witness_of(read_inputs)), json_, one.circuit_inputs),
        "chain.deployment:Deployment.read": Reader(_file(Deployment.read), json_, one.deployments),
        "chain.rpc.answers:number": Reader(answered(answers.number), json_, lambda: [b'"0x10"'], rpc),
        "chain.rpc.answers:data": Reader(answered(answers.data), json_, lambda: [b'"0x10"'], rpc),
        "chain.rpc.answers:block_header": Reader(answered(answers.block_header), json_, one.blocks, rpc),
        "chain.rpc.answers:logs": Reader(answered(answers.logs), json_, one.logs, rpc),
        "chain.rpc.answers:mined": Reader(answered(answers.mined), json_, one.mined, rpc),
        "chain.rpc.answers:transaction": Reader(answered(answers.transaction), json_, one.transactions, rpc),
        "chain.rpc.endpoint:_document": Reader(one.endpoint_answer(endpoint), json_, one.rpc_answers),
        "chain.abi:decode_values": Reader(
            lambda c: abi.decode_values(abi_items, c), bytes_, one.calldata, (DecodingError,)
        ),
        "chain.abi:decode_inputs": Reader(lambda c: abi.decode_inputs(one.ABI, c), bytes_, one.calldata),
        "chain.attestations.service:DataClaim.parse": Reader(DataClaim.parse, bytes_, lambda: [bytes(95) + b"\x01"]),
        "chain.attestations.certificates:CertificateStatement.parse": Reader(
            CertificateStatement.parse, bytes_, lambda: [bytes(223) + b"\x01"]
        ),
        "gateway.sessions:SignIn.parse": Reader(_text(SignIn.parse), text, one.sign_ins, (RefusedError,)),
        "gateway.predictions:parse_proof": Reader(
            _document(one.proof_and_public(parse_proof)), json_, one.proofs_with_public, (TwopmError, RefusedError)
        ),
        "rows.csv_file:read_csv": Reader(
            _file(lambda p: read_csv(p, wanted=None, options=CsvOptions())), text, one.tables
        ),
        "rows.frames:read_parquet": Reader(_file(lambda p: read_parquet(p, wanted=None)), bytes_, one.parquets),
        "rows.tables:read_weights": Reader(_file(lambda p: read_weights(p, names)), json_, one.weights),
        "rows.tables:read_scaling": Reader(_file(lambda p: read_scaling(p, names)), json_, one.scalings),
        "cli.options.amounts:parse_amount": Reader(
            _text(parse_amount), text, lambda: [b"1.5", b"0.000000000000000001"]
        ),
        "cli.options.amounts:parse_stake": Reader(_text(parse_stake), text, lambda: [b"0", b"32"]),
        "cli.options.amounts:parse_part": Reader(
            _text(lambda t: parse_part(t, True, lambda part: part or 0)), text, lambda: [b"all", b"100"]
        ),
        "cli.options.fees:parse_fee": Reader(
            _text(lambda t: parse_fee(t, one.NETWORKS, token=False)), text, lambda: [b"0.001", b"1e-18", b"12"]
        ),
        "cli.pipeline.prove:parse_scaling": Reader(
            _text(lambda t: parse_scaling((t,), None, names)), text, lambda: [b"GPA=3,0.64"]
        ),
        "cli.options.stake_assets:parse_assets": Reader(_text(lambda t: parse_assets([t])), text, one.assets),
        "cli.options.stake_assets:parse_eigenlayer": Reader(
            _text(lambda t: parse_eigenlayer([t])), text, lambda: [b"operator=0x" + b"11" * 20]
        ),
    } | one.native_readers(Reader, _file)


READERS = cache(_readers)
