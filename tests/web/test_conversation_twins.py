"""What the page seals, opens and checks of a conversation is, to the bit, what the library does."""

import json
import random
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from eth_account import Account
from eth_account.messages import encode_typed_data
from support.conversations import KEY, OPERATOR, PLACE, USER, kept
from support.web import ROOT, needs_npm

from twopm_zk.chat.question import Question, SealedQuestion, require_subject
from twopm_zk.chat.sealed import AnswerSealer, answer_key
from twopm_zk.conversation.sampling import Sampling
from twopm_zk.conversation.transcript import Execution, Transcript
from twopm_zk.participants.envelope import Envelope, Header

pytestmark = needs_npm
DRAW = random.Random(17)
TEXTS = ["hello", 'Größe\n\t"quoted" \\ 漢字 😀 </script>', "", " " * 900, "\u2028\x00\x7f"]
SAID = ({"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"})


def header(subject=0):
    return Header("conversation", 31337, PLACE.contract, 0, USER.address, OPERATOR.address, subject)


def as_typescript(one):
    names = {"kind": one.kind, "chainId": one.chain_id, "contract": one.contract, "task": str(one.task)}
    return {**names, "sender": one.sender, "recipient": one.recipient, "subject": str(one.subject)}


def transcripts():
    for adapter in (None, DRAW.randbytes(32).hex()):
        tokens = [tuple(DRAW.randrange(1 << 32) for _ in range(size)) for size in (9, 200)]
        sampling = Sampling(DRAW.randbytes(32), DRAW.randrange(10_001))
        yield Transcript(Execution(DRAW.randbytes(32).hex(), tokens[0], sampling, 300, adapter), tokens[1])
    yield Transcript(Execution("00" * 32, (), Sampling(bytes(32)), 1), ())


QUESTIONS = [
    SealedQuestion(
        Question((*SAID, {"role": "user", "content": text}), DRAW.randbytes(32), DRAW.randrange(10_001), 7),
        3,
        1_800_000_000,
    )
    for text in TEXTS
]
PRIVATE = [DRAW.randbytes(32) for _ in QUESTIONS]
TRANSCRIPTS = list(transcripts())
RECEIPTS = [kept(one, penalty=DRAW.randrange(1 << 96)).signed.receipt for one in TRANSCRIPTS]
SECRET, SALT = DRAW.randbytes(32), DRAW.randbytes(32)
PIECES = [*({"text": text} for text in TEXTS), {"finish": "stop"}]


def answer():
    sealer = AnswerSealer(answer_key(SECRET, header(5), SALT))
    pieces = [sealer.seal(piece, last=piece is PIECES[-1]) for piece in PIECES]
    return [{"salt": SALT.hex()}, *(one.to_json() for one in pieces)]


def changed(change):
    found = answer()
    change(found)
    return found


def flip(found):
    found[1]["sealed"] = f"{int(found[1]['sealed'][0], 16) ^ 1:x}" + found[1]["sealed"][1:]


BROKEN = [
    changed(flip),
    changed(lambda found: found.pop(2)),
    changed(lambda found: found.insert(2, found[1])),
    changed(lambda found: found.append(found[-1])),
    changed(lambda found: found[-1].update(last=False)),
    changed(lambda found: found[2].update(last=True)),
    changed(lambda found: found[0].update(salt="00" * 32)),
    changed(lambda found: found[0].update(salt="00")),
    changed(lambda found: found[1].update(sealed="zz")),
]


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """What the twins answer, from one run of Node."""
    script = tmp_path_factory.mktemp("twins") / "twins.mjs"
    source = Path(__file__).parent / "conversation_twins.ts"
    esbuild = [ROOT / "node_modules" / ".bin" / "esbuild", source, "--bundle", "--platform=node", "--format=esm"]
    subprocess.run([*esbuild, f"--outfile={script}"], check=True, capture_output=True)
    document = {
        "questions": [
            {
                "question": {
                    "messages": one.question.messages,
                    "seed": one.question.seed.hex(),
                    "temperature": one.question.temperature,
                    "maxTokens": one.question.max_tokens,
                },
                "network": one.network,
                "issued": one.issued,
                "header": as_typescript(header()),
                "key": KEY.public_key().public_bytes_raw().hex(),
                "secret": private.hex(),
            }
            for one, private in zip(QUESTIONS, PRIVATE, strict=True)
        ],
        "answers": [
            {"secret": SECRET.hex(), "header": as_typescript(header(5)), "documents": one}
            for one in (answer(), *BROKEN)
        ],
        "transcripts": [json.loads(one.to_json()) for one in TRANSCRIPTS],
        "receipts": [one.to_json() for one in RECEIPTS],
    }
    done = subprocess.run(["node", str(script)], input=json.dumps(document), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_the_operator_opens_the_question_that_the_page_has_sealed(answers):
    for one, private, found in zip(QUESTIONS, PRIVATE, answers["questions"], strict=True):
        envelope = Envelope.parse(found["envelope"].encode())
        content = envelope.open(KEY)
        require_subject(content, envelope.header.subject)
        assert SealedQuestion.parse(content, limit=1 << 18) == one
        assert len(content) % 1024 == 0
        assert replace(envelope.header, subject=0) == header()
        assert found["answerSecret"] == envelope.answer_secret(KEY).hex()
        assert envelope.ephemeral == X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def test_the_wallet_signs_what_the_operator_checks(answers):
    for found in answers["questions"]:
        envelope, typed = Envelope.parse(found["envelope"].encode()), json.loads(found["typed"])
        signable = encode_typed_data(typed["domain"], typed["types"], typed["message"])
        signature = bytes(USER.sign_message(signable).signature)
        replace(envelope, signature=signature).require_signature()


def test_the_page_reads_the_answer_that_the_operator_has_sealed(answers):
    assert answers["answers"][0] == {"found": PIECES, "ended": True}


@pytest.mark.parametrize("number", range(len(BROKEN)))
def test_the_page_notices_what_was_done_to_an_answer_on_its_way(answers, number):
    found = answers["answers"][1 + number]
    assert "missing, or was changed" in found.get("problem", "") or "not understood" in found.get("problem", "")


def test_the_digest_of_a_transcript_is_the_librarys(answers):
    assert answers["transcripts"] == [one.digest.hex() for one in TRANSCRIPTS]


def test_the_page_recovers_receipts_from_the_typed_data_that_operators_sign(answers):
    for receipt, found in zip(RECEIPTS, answers["receipts"], strict=True):
        typed = json.loads(found)
        signable = encode_typed_data(typed["domain"], typed["types"], typed["message"])
        assert signable == receipt.signable
        assert Account.recover_message(signable, signature=kept_signature(receipt)) == OPERATOR.address


def kept_signature(receipt):
    return bytes(OPERATOR.sign_message(receipt.signable).signature)
