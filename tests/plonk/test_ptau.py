import hashlib
import re

import pytest
from support.ptau_files import INSECURE_TAU as TAU
from support.ptau_files import write_ptau

from twopm_zk.errors import FileFormatError, InputError, PtauError
from twopm_zk.numbers.field import BASE_FIELD_ORDER, FIELD_ORDER
from twopm_zk.plonk import ptau as ptau_module
from twopm_zk.plonk.backends import find_backend
from twopm_zk.plonk.ceremonies import CEREMONIES
from twopm_zk.plonk.ptau import (
    accept_ptau,
    blake2b_of,
    check_ceremony,
    check_well_formed,
    insecure_ptau,
    is_insecure,
    read_ptau,
)
from twopm_zk.plonk.zkey import root_of_unity
from twopm_zk.system import programs
from twopm_zk.system.paths import npm_package

MONTGOMERY = 1 << 256


def times_generator(scalar):
    from py_ecc.optimized_bn128 import G1, multiply, normalize

    return tuple(int(part) for part in normalize(multiply(G1, scalar % FIELD_ORDER))[:2])


@pytest.fixture(scope="module")
def small():
    return insecure_ptau(4)


@pytest.fixture
def with_snarkjs(monkeypatch):
    monkeypatch.setenv("TWOPM_ZK_BACKEND", "snarkjs")


@pytest.fixture
def changed(small, tmp_path):
    """``changed(offset, bytes)``: a copy of the small ptau with some bytes replaced."""

    def change(offset, content):
        whole = bytearray(small.read_bytes())
        whole[offset : offset + len(content)] = content
        path = tmp_path / "changed.ptau"
        path.write_bytes(whole)
        return path

    return change


def test_the_development_ptau_says_that_it_is_insecure(small):
    assert "insecure" in small.name
    assert read_ptau(small).power == 4


@pytest.mark.slow
def test_its_points_are_those_of_the_public_tau(small):
    ptau = read_ptau(small)
    assert is_insecure(ptau)
    for index in (0, 1, 2, 3, 17, 29, 30):
        assert ptau.tau_g1(index) == times_generator(pow(TAU, index, FIELD_ORDER))


@pytest.mark.parametrize("power", [0, 1, 3, 4])
def test_its_lagrange_points_are_the_lagrange_polynomials_at_tau(small, power):
    ptau, n, w = read_ptau(small), 1 << power, root_of_unity(power) if power else 1
    for index in {0, 1 % n, n // 2, n - 1}:
        root = pow(w, index, FIELD_ORDER)
        value = root * (pow(TAU, n, FIELD_ORDER) - 1) * pow(n * (TAU - root), -1, FIELD_ORDER)
        assert ptau.lagrange_g1(power, index) == times_generator(value)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["snarkjs", "native"])
def test_chunks_join_without_a_gap(fresh_cache, monkeypatch, backend):
    _, reason = find_backend(backend)
    if reason:
        pytest.skip(reason)
    monkeypatch.setenv("TWOPM_ZK_BACKEND", backend)
    ptau = read_ptau(insecure_ptau(12))  # several jobs a section
    for index in (2047, 2048, 2049, 4096, 8190):
        assert ptau.tau_g1(index) == times_generator(pow(TAU, index, FIELD_ORDER))
    w = root_of_unity(12)
    for index in (2047, 2048, 4095):
        root = pow(w, index, FIELD_ORDER)
        value = root * (pow(TAU, 4096, FIELD_ORDER) - 1) * pow(4096 * (TAU - root), -1, FIELD_ORDER)
        assert ptau.lagrange_g1(12, index) == times_generator(value)


def test_it_is_the_same_file_every_time(small, fresh_cache):
    again = insecure_ptau(4)
    assert again != small
    assert again.read_bytes() == small.read_bytes()
    assert again.name == small.name


def test_it_is_made_once(small, monkeypatch):
    monkeypatch.setattr(ptau_module, "get_backend", lambda *_: pytest.fail("made again"))
    assert insecure_ptau(4) == small


@pytest.mark.slow
def test_progress_is_reported(fresh_cache, with_snarkjs):
    lines = []
    insecure_ptau(3, progress=lines.append)
    assert lines
    assert all("insecure" in line for line in lines)


@pytest.mark.parametrize("power", [0, 23, 28, -1])
def test_powers_that_no_backend_writes_are_refused(power):
    with pytest.raises(PtauError, match="powers go from 1 to 22"):
        insecure_ptau(power)


def test_a_failed_generation_leaves_nothing(fresh_cache, with_snarkjs, monkeypatch):
    def fail(command, **_):
        command[-1].write_bytes(b"half")
        return programs.Finished(1, "out of memory")

    monkeypatch.setattr(programs, "run", fail)
    with pytest.raises(Exception, match="out of memory"):
        insecure_ptau(3)
    assert not list(fresh_cache.glob("ptau/*"))


@pytest.mark.slow
def test_a_well_formed_ptau_passes(small):
    assert check_well_formed(small).power == 4


HEADER = 12 + 12
TAU_G1 = HEADER + 44 + 12
TAU_G2 = TAU_G1 + 31 * 64 + 12
LAGRANGE = TAU_G2 + 256 + 12


@pytest.mark.slow
@pytest.mark.parametrize(
    ("offset", "content"),
    [
        (TAU_G1, b"\1"),  # generator
        (TAU_G1 + 64 + 5, b"\1\2\3"),  # tau G1, off the curve
        (TAU_G1 + 30 * 64, b"\0\1"),  # last power
        (TAU_G2, b"\1"),
        (TAU_G2 + 128 + 7, b"\1\2\3"),
        (LAGRANGE + 15 * 64, b"\1\2"),
        (TAU_G1 + 64, 2),  # tau G1 replaced by another point of the curve
    ],
)
def test_damaged_points_are_noticed(changed, small, offset, content):
    if isinstance(content, int):
        content = small.read_bytes()[TAU_G1 + 64 * content :][:64]
    with pytest.raises(PtauError, match="do not belong together"):
        check_well_formed(changed(offset, content))


@pytest.mark.parametrize(
    ("offset", "content", "message"),
    [
        (HEADER, b"\x30", "another field"),
        (HEADER + 4, b"\0\0", "another curve"),
        (HEADER + 36, b"\x05", "damaged: section 2"),
        (HEADER + 36, b"\x00", "claims power 0"),
        (HEADER + 36, b"\x1d", "claims power 29"),
        (LAGRANGE - 12, b"\x0d", "no Lagrange points"),
    ],
)
def test_headers_that_do_not_fit_are_refused(changed, offset, content, message):
    with pytest.raises(PtauError, match=message):
        read_ptau(changed(offset, content))


def test_truncated_and_foreign_files_are_refused(small, tmp_path):
    path = tmp_path / "cut.ptau"
    path.write_bytes(small.read_bytes()[:-1])
    with pytest.raises(FileFormatError, match="truncated"):
        read_ptau(path)
    path.write_text("<html>not found</html>")
    with pytest.raises(FileFormatError, match="not a ptau file"):
        read_ptau(path)
    with pytest.raises(InputError):
        read_ptau(tmp_path / "none.ptau")


def test_the_table_of_ceremonies_is_that_of_snarkjs():
    readme = (npm_package("snarkjs") / "README.md").read_text()
    rows = re.findall(r"\[(powersOfTau28_hez_final\w*\.ptau)\]\(\S+\)\s*\|\s*([0-9a-f]{128})", readme)
    assert len(rows) == 21
    assert {digest: name for name, digest in rows} == CEREMONIES


def test_a_development_ptau_is_of_no_ceremony(small):
    with pytest.raises(PtauError, match="not of a published ceremony"):
        check_ceremony(small)


def test_a_published_digest_is_trusted(small, monkeypatch):
    monkeypatch.setitem(CEREMONIES, blake2b_of(small), "powersOfTau28_test.ptau")
    assert check_ceremony(small) == "powersOfTau28_test.ptau"


@pytest.mark.slow
def test_a_digest_that_the_user_names_is_trusted_and_only_that(tmp_path, fresh_cache):
    small = write_ptau(tmp_path / "own.ptau", 4, 1234567)
    assert check_well_formed(small).power == 4
    digest = hashlib.blake2b(small.read_bytes()).hexdigest()
    assert blake2b_of(small) == digest
    for wrong in (digest[:-1], digest[:-1] + ("0" if digest[-1] != "0" else "1"), "", "9" * 5000):
        with pytest.raises(PtauError, match="not the digest that was given"):
            accept_ptau(small, wrong)
        with pytest.raises(PtauError, match="not of a published ceremony"):
            check_ceremony(small)
    for given in (digest, f"0x{digest.upper()}\n"):
        assert accept_ptau(str(small), given) == digest
        assert "named by the user" in check_ceremony(str(small))


def test_a_tau_of_0_or_1_is_said_to_be_one(changed, small):
    generator = small.read_bytes()[TAU_G1 : TAU_G1 + 64]
    for tau, point in ((1, generator), (0, bytes(64))):
        with pytest.raises(PtauError, match=f"is {tau}: nobody has contributed"):
            check_well_formed(changed(TAU_G1 + 64, point))


@pytest.mark.parametrize("name", ["none.ptau", "9" * 5000, "nul\0"])
def test_a_ptau_that_is_not_there_is_an_input_error(tmp_path, name):
    for read in (read_ptau, blake2b_of, check_ceremony):
        with pytest.raises(InputError, match="cannot be read"):
            read(tmp_path / name)


def test_coordinates_are_read_out_of_montgomery_form(changed, small):
    x = (7 * MONTGOMERY % BASE_FIELD_ORDER).to_bytes(32, "little")
    assert read_ptau(changed(TAU_G1 + 64, x)).tau_g1(1)[0] == 7
