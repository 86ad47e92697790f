"""What tests of conversations share: a small model in a process of its own, an operator of it, and its receipts."""

from contextlib import contextmanager

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from eth_account import Account
from support import language_models

from twopm_zk.chat.desk import Desk
from twopm_zk.chat.operator import ConversationOperator, Place
from twopm_zk.conversation.model import ConversationModel
from twopm_zk.conversation.receipt import KeptAnswer, Receipt, SignedReceipt, adapter_of
from twopm_zk.conversation.worker import ModelFile, Worker

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


@contextmanager
def small_operator(file, *, account=OPERATOR, place=PLACE, load=None, **options):
    """An operator with a small model in a process of its own."""
    with Worker(file) as worker:
        desk = Desk(worker, load=load)
        yield ConversationOperator(desk, account, KEY, place, **options)
        desk.close()


def read_small(file):
    """The model of a file, in this process."""
    return ConversationModel.load(file.path, digest=file.digest, threads=1)
