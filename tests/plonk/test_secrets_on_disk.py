"""A prover that is killed leaves nothing private on any disk."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from twopm_zk.circuit.compilation import compile_circuit
from twopm_zk.plonk.backends import find_backend
from twopm_zk.plonk.keys import setup

pytestmark = pytest.mark.prover
SECRET = 0x5EC2E7 << 200 | 0x1234567
KILLED_WHILE_PROVING = """
import os, signal, sys
from pathlib import Path
from twopm_zk.circuit.compilation import compile_circuit
from twopm_zk.plonk.keys import setup
from twopm_zk.plonk.proving import prove
from twopm_zk.system import programs

def kill(_):
    os.kill(os.getpid(), signal.SIGKILL)

keys = setup(compile_circuit(sys.argv[1]), backend=sys.argv[2])
programs.node()
programs._lines = kill  # where a prover is a process of its own: while it runs
prove(keys, {"a": int(sys.argv[3]), "b": 2}, backend=sys.argv[2], progress=kill)
"""
KILLED_WHILE_WRITING = """
import os, signal, sys
from twopm_zk.circuit.compilation import compile_circuit
from twopm_zk.circuit.witness import calculate_witness
from twopm_zk.system import files

def kill(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

witness = calculate_witness(compile_circuit(sys.argv[1]), {"a": int(sys.argv[2]), "b": 2})
files.Path.replace = os.link = kill
witness.write(sys.argv[3])
"""


def holding(folder, secret):
    """Files below a folder that hold a value, as a wtns file or text spells it."""
    spellings, found = (secret.to_bytes(32, "little"), str(secret).encode()), []
    for parent, _, names in os.walk(folder):
        for path in (Path(parent) / name for name in names):
            with contextlib.suppress(FileNotFoundError):  # what another test writes into the same cache may be gone
                if path.is_file() and any(spelling in path.read_bytes() for spelling in spellings):
                    found.append(path)
    return found


def run_until_killed(code, *arguments, **environment):
    finished = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=os.environ | {name: str(value) for name, value in environment.items()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == -signal.SIGKILL, finished.stderr


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["native", "snarkjs"])
def test_a_prover_killed_in_the_middle_leaves_its_witness_nowhere(source, fresh_keys, tmp_path, backend):
    if find_backend(backend)[1]:
        pytest.skip(f"{backend} cannot be used")
    setup(compile_circuit(source("multiplier")), backend=backend)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    arguments = source("multiplier"), backend, SECRET
    run_until_killed(KILLED_WHILE_PROVING, *arguments, TMPDIR=scratch, TWOPM_ZK_CACHE=fresh_keys)
    found = holding(tmp_path, SECRET) + holding(fresh_keys / "circuits", SECRET)
    assert not found
    deadline = time.monotonic() + 30  # the child of a killed parent ends by itself, and leaves none either
    while any(str(scratch) in command_line(process) for process in Path("/proc").glob("[0-9]*")):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert not holding(tmp_path, SECRET)


def command_line(process):
    try:
        return (process / "cmdline").read_text()
    except OSError:
        return ""


@pytest.mark.slow
def test_a_command_killed_while_it_writes_a_witness_leaves_none_of_it(source, tmp_path):
    run_until_killed(KILLED_WHILE_WRITING, source("multiplier"), SECRET, tmp_path / "out.wtns")
    assert not list(tmp_path.iterdir())


def test_a_file_that_holds_the_secret_would_be_found(tmp_path):
    (tmp_path / "left").write_bytes(b"..." + SECRET.to_bytes(32, "little"))
    assert holding(tmp_path, SECRET) == [tmp_path / "left"]
