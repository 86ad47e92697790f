"""One proof, whichever arithmetic makes it: TWOPM_ZK_VECTORS chooses."""

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.prover

PROVE = """
import json, sys
from twopm_zk import _native
blinding = [bytes([31 * i + 7 & 255] * 31 + [0]) for i in range(11)]
proofs = []
for key, wtns in zip(sys.argv[1::2], sys.argv[2::2]):
    kept = None if len(proofs) % 2 else 0  # values on cosets kept, or computed in the proof
    proofs.append(_native.ProvingKey(key, kept).prove(wtns, None, blinding)[:2])
print(json.dumps([_native.vectors(), proofs]))
"""

FAIL = """
from twopm_zk.errors import InputError
from twopm_zk.plonk.backends.native import NativeBackend, vectors
for call in (vectors, lambda: NativeBackend().write_insecure_ptau(3, "never.ptau")):
    try:
        call()
    except InputError as error:
        print(error)
"""


def python(code, *arguments, **settings):
    """What a process with these environment variables prints."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    finished = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | settings)
    return finished.stdout


@pytest.mark.slow
def test_every_path_makes_the_same_proof(extension, made):
    """Domains of 2^6 to 2^13, public inputs that are rotated and that are transformed, values small and full."""
    shapes = [(20, {}), (60, {"terms": 3, "public": 3, "seed": 1}), (200, {"terms": 9, "public": 50, "seed": 2})]
    folders = [made(count, **shape) for count, shape in shapes] + [made(2500), made(5000)]
    files = [folder / name for folder in folders for name in ("circuit.key", "circuit.wtns")]
    path, proofs = json.loads(python(PROVE, *files, TWOPM_ZK_VECTORS="auto"))
    plain, plain_proofs = json.loads(python(PROVE, *files, TWOPM_ZK_VECTORS="off"))
    assert path == extension.vectors()
    assert plain == "off"
    assert proofs == plain_proofs


def test_a_path_that_does_not_exist_is_refused_by_name(extension):
    refused = python(FAIL, TWOPM_ZK_VECTORS="sse9").splitlines()
    assert len(refused) == 2
    assert all("TWOPM_ZK_VECTORS" in line and '"sse9"' in line and "auto, avx512 or off" in line for line in refused)
