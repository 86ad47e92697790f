"""Keystores open and are made as ever, and what they need is not loaded before."""

import subprocess
import sys

import pytest

SCRIPT = """
import sys
{first}
import twopm_zk.node.node
print("py_ecc.bls" in sys.modules)
from eth_account import Account
import eth_keyfile
assert eth_keyfile.create_keyfile_json  # a name alone loads nothing
print("py_ecc.bls" in sys.modules)
made = Account.encrypt(b"k" * 32, "password", kdf="pbkdf2", iterations=2)
assert bytes(Account.decrypt(made, "password")) == b"k" * 32
from eth_keyfile.keyfile import decode_keyfile_json
validators = eth_keyfile.create_keyfile_json(b"\\1" * 32, b"password", version=4, iterations=2, kdf="pbkdf2")
assert decode_keyfile_json(validators, b"password") == b"\\1" * 32
print("py_ecc.bls" in sys.modules, eth_keyfile.__version__ > "0", eth_keyfile.keyfile.KDFType)
import eth_keyfile as again
print(again.__file__.endswith("__init__.py"))
"""


@pytest.mark.parametrize(
    ("first", "loaded"), [("", ["False", "False"]), ("import eth_keyfile", ["True", "True"])], ids=["late", "before"]
)
def test_a_keystore_loads_what_it_needs_and_nothing_else_does(first, loaded):
    command = [sys.executable, "-c", SCRIPT.format(first=first)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    *before, keystores, again = done.stdout.splitlines()
    assert before == loaded
    assert keystores.startswith("True True ")
    assert again == "True"
