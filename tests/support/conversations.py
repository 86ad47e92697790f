"""What tests of conversations share: a small model in a process of its own, an operator of it, and its receipts."""

import re
from pathlib import Path

from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from eth_account import Account
from support import language_models

from twopm_zk.chat.operator import Place
from twopm_zk.cli import cli
from twopm_zk.conversation.model import ConversationModel
from twopm_zk.conversation.receipt import KeptAnswer, Receipt, SignedReceipt, adapter_of
from twopm_zk.conversation.worker import ModelFile

SAID_WORDS = "quincunx marzipan"
"""Nothing else says these, wherever one looks."""
SEED = bytes(range(32))
PLACE = Place(31337, Account.from_key(b"\x05" * 32).address, 1)
OPERATOR, USER = Account.from_key(b"\x01" * 32), Account.from_key(b"\x02" * 32)
KEY = X25519PrivateKey.from_private_bytes(b"\x03" * 32)


def small_model(folder):
    """The file of a made-up model, for a worker."""
    path = folder / "model.gguf"
    return ModelFile(str(path), language_models.write(path), threads=1)


def kept(transcript, *, signer=OPERATOR, **changes):
    """A kept answer; ``changes`` are those of its receipt."""
    usual = {
        "chain_id": PLACE.chain_id,
        "contract": PLACE.contract,
        "network": 1,
        "request": 0,
        "user": USER.address,
        "operator": OPERATOR.address,
        "model": bytes.fromhex(transcript.execution.model),
        "adapter": adapter_of(transcript),
        "transcript": transcript.digest,
        "penalty": 5,
        "issued": 1_800_000_000,
    }
    return KeptAnswer(SignedReceipt.sign(Receipt(**{**usual, **changes}), signer), transcript)


def read_small(file):
    """The model of a file, in this process."""
    return ConversationModel.load(file.path, digest=file.digest, threads=1)


def guide_lines():
    """The commands of docs/converse.md that ask without a fee, or verify."""
    guide = (Path(__file__).parents[2] / "docs" / "converse.md").read_text()
    blocks = re.findall(r"^```sh\n(.*?)^```", guide, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return [line for line in lines if re.match(r'twopm-zk converse ("|verify )', line)]


def runner(file):
    """``run(*words)``: the result of a command with a small model; ``code`` is its exit code, or None for any."""

    def run(*words, code=0, model=True, **options):
        chosen = ["--model-file", file.path, "--model-digest", file.digest, "--threads", "1"] if model else []
        result = CliRunner().invoke(cli, [*words, *chosen], **options)
        if code is not None:
            assert result.exit_code == code, (result.output, result.exception)
        return result

    return run
