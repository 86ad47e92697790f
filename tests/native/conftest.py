from functools import cache

import pytest
from support import synthetic


@pytest.fixture(scope="session")
def extension():
    """The module ``twopm_zk._native``; skips where it is not built, or not for this processor."""
    module = pytest.importorskip("twopm_zk._native", exc_type=ImportError)
    if reason := module.unsupported():
        pytest.skip(reason)
    return module


@pytest.fixture(scope="session")
def backend(extension):
    from twopm_zk.plonk.backends.native import NativeBackend

    return NativeBackend()


@pytest.fixture(scope="session")
def dev_ptau(extension, tmp_path_factory):
    """``dev_ptau(power)``: path of a development ptau."""

    @cache
    def make(power):
        path = tmp_path_factory.mktemp("ptau") / f"insecure_{power}.ptau"
        extension.write_insecure_ptau(power, path)
        return path

    return make


@pytest.fixture(scope="session")
def made(backend, dev_ptau, tmp_path_factory):
    """``made(count, ...)``: folder with circuit.r1cs, circuit.key and circuit.wtns; circuit.zkey for small ones.

    With keywords ``count`` random constraints of that shape, without exactly ``count`` gates.
    """

    @cache
    def make(count, **shape):
        folder = tmp_path_factory.mktemp("native")
        r1cs, wtns = synthetic.circuit(count, **shape) if shape else synthetic.chain(count)
        (folder / "circuit.r1cs").write_bytes(r1cs)
        (folder / "circuit.wtns").write_bytes(wtns)
        small = count <= 4096
        backend.setup(folder / "circuit.r1cs", dev_ptau(12 if small else 16), folder / "circuit.key")
        if small:
            backend.write_zkey(folder / "circuit.key", folder / "circuit.zkey")
        return folder

    return make
