"""Files and values that are wrong: a clear error each, never a panic, a crash or a wrong proof."""

import contextlib
import random
import struct
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import synthetic
from support.r1cs_files import r1cs_bytes

from twopm_zk.errors import (
    CircuitTooSmallError,
    FileFormatError,
    InputError,
    ProofFormatError,
    ProvingError,
    PtauError,
    PtauTooSmallError,
    TwopmError,
    WitnessError,
)
from twopm_zk.numbers.field import BASE_FIELD_ORDER, FIELD_ORDER

pytestmark = pytest.mark.prover


@pytest.fixture(scope="module")
def sound(made):
    return made(20, public=3, terms=3)


@pytest.fixture
def prove(backend, sound, tmp_path):
    """``prove(zkey=bytes, key=bytes, wtns=bytes)``: prove with one file replaced, and verify the proof."""

    def run(*, zkey=None, key=None, wtns=None):
        files = {"zkey": zkey, "key": key, "wtns": wtns}
        for name, content in files.items():
            (tmp_path / f"circuit.{name}").write_bytes(content or (sound / f"circuit.{name}").read_bytes())
        path = tmp_path / ("circuit.zkey" if zkey else "circuit.key")
        proof, public = backend.prove(path, tmp_path / "circuit.wtns")
        assert backend.verify(backend.export_verification_key(path), public, proof)
        return proof, public

    return run


def at_section(content, number):
    """Offset of a section's first byte."""
    position = 12
    while True:
        found, length = struct.unpack_from("<IQ", content, position)
        if found == number:
            return position + 12
        position += 12 + length


def changed(content, number, offset, new):
    position = at_section(content, number) + offset
    return content[:position] + new + content[position + len(new) :]


ORDER = FIELD_ORDER.to_bytes(32, "little")
ZKEY_DAMAGE = {
    "not a PLONK one": (1, 0, b"\x01\0\0\0"),
    "an FFLONK proving key": (1, 0, b"\x0a\0\0\0"),
    "another curve": (2, 4, b"\xff"),
    "domain of 7 rows": (2, 80, b"\x07"),
    "domain of 0 rows": (2, 80, bytes(4)),
    "domain of 1 rows": (2, 80, b"\x01"),
    "domain of 2147483648 rows": (2, 80, b"\x00\x00\x00\x80"),
    "contradict": (2, 88, b"\xff\xff"),
    "number or point of the header": (2, 92, ORDER),
    "number or point of the header ": (2, 160, b"\x01\x02\x03"),
    "addition 0": (3, 8, ORDER),
    "uses a later signal": (3, 0, b"\xff\xff\xff\x7f"),
    "wire 2": (4, 8, b"\xff\xff\xff\x7f"),
    "selector coefficient 1": (7, 32, ORDER),
    "permutation coefficient 0": (12, 0, b"\xff" * 32),
    "power of tau 3": (14, 3 * 64, b"\x01"),
    "power of tau 2": (14, 2 * 64, BASE_FIELD_ORDER.to_bytes(32, "little")),
    "begin with the generator": (14, 0, bytes(64)),
}


@pytest.mark.parametrize("message", ZKEY_DAMAGE)
def test_damage_in_a_proving_key_is_named(prove, sound, message):
    content = (sound / "circuit.zkey").read_bytes()
    with pytest.raises(FileFormatError, match=message.strip()):
        prove(zkey=changed(content, *ZKEY_DAMAGE[message]))


def test_contradictions_that_only_a_proof_shows_give_no_proof(prove, sound):
    content = (sound / "circuit.zkey").read_bytes()
    swapped = content[at_section(content, 7) :][:32]
    for number in (8, 12):
        with pytest.raises(TwopmError) as caught:
            prove(zkey=changed(content, number, 64, swapped))
        assert "does not" in caught.value.message or "contradict" in caught.value.message


def test_every_flipped_bit_of_a_compact_key_is_noticed(prove, sound):
    content = (sound / "circuit.key").read_bytes()
    used = 128 + 796  # of the head; zeros follow up to the checksum
    places = [*range(0, used, 61), used - 1, 2000, 4087, 4088, 4095, *range(4096, len(content), 997), len(content) - 1]
    for place in places:
        flipped = content[:place] + bytes([content[place] ^ 1 << place % 8]) + content[place + 1 :]
        with pytest.raises(FileFormatError):
            prove(key=flipped)
    for cut in (b" ", content[:4095], content[:4096], content[:-8], content[:-1], content + bytes(8)):
        with pytest.raises(FileFormatError):
            prove(key=cut)


def checksum(content):
    """That of a compact key, as plonk/key.rs has it: of all words but the 512th."""
    words = struct.unpack(f"<{len(content) // 8}Q", content)

    def chunk(start, words):
        lanes = [(start + 1) % 2**64] * 8
        for index, word in enumerate(words):
            product = (lanes[index % 8] ^ word) * 0x9E3779B97F4A7C15 % 2**64
            lanes[index % 8] = (product << 23 | product >> 41) % 2**64
        total = 0
        for lane in lanes:
            total = (total << 7 | total >> 57) % 2**64 ^ lane
        return total

    rest = 0
    for number, at in enumerate(range(512, len(words), 1 << 16)):
        rest ^= chunk(number, words[at : at + (1 << 16)])
    return chunk(rest, words[:511])


def forged(content):
    """The same key with a checksum that is right again."""
    return content[:4088] + struct.pack("<Q", checksum(content)) + content[4096:]


def test_a_forged_compact_key_gives_no_wrong_proof(prove, sound):
    """One with a sound checksum: numbers that are no index are refused, and all else leads to no proof."""
    content = (sound / "circuit.key").read_bytes()
    assert forged(content) == content
    gates, size = (struct.unpack_from("<I", content, 128 + 72 + at)[0] for at in (16, 8))
    wires = -(-gates // 16) * 64  # bytes of one wire, rounded up to 64
    permutation = 4096 + 4 * wires
    points = len(content) - 64 * size

    def replaced(place, new):
        return forged(content[:place] + new + content[place + len(new) :])

    for place, message in [
        (4096 + 4 * 7, "gate 7 has a signal"),
        (4096 + 3 * wires + 4 * 9, "gate 9 has a signal or a kind"),
        (permutation + 4 * 5, "place 5 of the permutation"),
        (24, "kinds of gates"),
    ]:
        with pytest.raises(FileFormatError, match=message):
            prove(key=replaced(place, b"\xff\xff\xff\x7f"))
    swapped = content[permutation + 4 : permutation + 8] + content[permutation : permutation + 4]
    for place, new in [
        (permutation, swapped),
        (points, content[points + 64 : points + 128]),  # a Lagrange point, taken from the next row
        (points + 64, b"\xff" * 64),  # no point at all
        (128 + 72 + 20 + 64, content[128 + 72 + 20 + 128 :][:64]),  # another commitment
    ]:
        with pytest.raises((ProvingError, WitnessError)):
            prove(key=replaced(place, new))


def test_sections_may_come_in_any_order(prove, sound):
    for name in ("zkey", "wtns"):
        content = (sound / f"circuit.{name}").read_bytes()
        prove(**{name: synthetic.reordered(content, sorted)})
        prove(**{name: synthetic.reordered(content, lambda numbers: sorted(numbers, reverse=True))})


@pytest.mark.parametrize("name", ["zkey", "wtns"])
def test_truncated_extended_and_doubled_containers_are_refused(prove, sound, name):
    content = (sound / f"circuit.{name}").read_bytes()
    doubled = content[:8] + struct.pack("<I", struct.unpack_from("<I", content, 8)[0] + 1) + content[12:]
    wrong = [b"", content[:3], content[:11], content[:40], content[:-1], content + b"\0", doubled]
    wrong.append(doubled + struct.pack("<IQ", 1, 0))
    wrong.append(content[:8] + b"\xff" * 4 + content[12:])  # 2^32 - 1 sections
    wrong.append(content[:16] + b"\xff" * 8 + content[24:])  # a section of 2^64 - 1 bytes
    wrong.append(b"ptau" + content[4:])
    wrong.append(content[:4] + struct.pack("<I", 9) + content[8:])
    for damaged in wrong:
        with pytest.raises(FileFormatError):
            prove(**{name: damaged or b" "})


def test_witnesses_that_do_not_fit_are_refused_before_proving(prove, sound):
    content = (sound / "circuit.wtns").read_bytes()
    start = at_section(content, 2)
    values = [int.from_bytes(content[at : at + 32], "little") for at in range(start, len(content), 32)]
    forged = [*values[:-1], (values[-1] + 1) % FIELD_ORDER]
    with pytest.raises(WitnessError, match="does not satisfy the circuit"):
        prove(wtns=synthetic.wtns_bytes(forged))
    for length in (len(values) - 1, len(values) + 1, 1):
        with pytest.raises(WitnessError, match="another circuit"):
            prove(wtns=synthetic.wtns_bytes([*values, 0][:length]))
    with pytest.raises(FileFormatError, match="value 4"):
        prove(wtns=synthetic.wtns_bytes([*values[:4], FIELD_ORDER, *values[5:]]))
    with pytest.raises(FileFormatError, match="must be 1"):
        prove(wtns=synthetic.wtns_bytes([2, *values[1:]]))
    with pytest.raises(FileFormatError, match="another curve"):
        prove(wtns=synthetic.wtns_bytes(values, prime=FIELD_ORDER + 2))


@pytest.mark.slow
def test_every_changed_value_of_a_witness_is_noticed_or_harmless(prove, sound):
    content = (sound / "circuit.wtns").read_bytes()
    start = at_section(content, 2)
    values = [int.from_bytes(content[at : at + 32], "little") for at in range(start, len(content), 32)]
    noticed = 0
    for index in range(1, len(values)):
        forged = [*values[:index], (values[index] + 5) % FIELD_ORDER, *values[index + 1 :]]
        try:
            prove(wtns=synthetic.wtns_bytes(forged))  # a signal that no constraint uses may be anything
        except WitnessError:
            noticed += 1
    assert noticed > len(values) / 2


def test_missing_files_are_named(backend, sound, tmp_path):
    missing = tmp_path / "missing"
    with pytest.raises(InputError, match="missing"):
        backend.prove(missing, sound / "circuit.wtns")
    with pytest.raises(InputError, match="missing"):
        backend.prove(sound / "circuit.zkey", missing)
    with pytest.raises(InputError, match="missing"):
        backend.setup(missing, missing, tmp_path / "out.key")
    assert list(tmp_path.iterdir()) == []


def test_setup_refuses_what_it_cannot_use_and_leaves_nothing(backend, dev_ptau, tmp_path):
    out = tmp_path / "out.key"

    def setup(r1cs, ptau):
        for name, content in {"circuit.r1cs": r1cs, "some.ptau": ptau}.items():
            (tmp_path / name).write_bytes(content)
        backend.setup(tmp_path / "circuit.r1cs", tmp_path / "some.ptau", out)

    r1cs, ptau = synthetic.chain(40)[0], dev_ptau(6).read_bytes()
    with pytest.raises(PtauTooSmallError, match="needs 40 gates"):
        setup(r1cs, dev_ptau(5).read_bytes())
    with pytest.raises(CircuitTooSmallError):
        setup(synthetic.chain(1)[0], ptau)
    at = at_section(ptau, 12) - 12
    with pytest.raises(PtauError, match="Lagrange"):
        setup(r1cs, ptau[:at] + b"\x1f" + ptau[at + 1 :])
    with pytest.raises(PtauError, match="generators"):
        setup(r1cs, changed(ptau, 3, 0, ptau[at_section(ptau, 3) + 128 :][:128]))
    with pytest.raises(FileFormatError, match="second group"):
        setup(r1cs, changed(ptau, 3, 128, b"\x01"))
    with pytest.raises(FileFormatError, match="Lagrange point 5"):
        setup(r1cs, changed(ptau, 12, (63 + 5) * 64, b"\x01"))
    with pytest.raises(FileFormatError):
        setup(r1cs[:-3], ptau)
    with pytest.raises(FileFormatError, match="another curve"):
        setup(changed(r1cs, 1, 4, b"\x03"), ptau)
    with pytest.raises(FileFormatError, match="signal"):
        setup(changed(r1cs, 2, 4, b"\xff\xff\0\0"), ptau)
    with pytest.raises(FileFormatError, match="not below"):
        setup(changed(r1cs, 2, 8, ORDER), ptau)
    with pytest.raises(FileFormatError, match="constraints in"):
        setup(changed(r1cs, 1, 60, b"\xff\xff\xff\xff"), ptau)
    with pytest.raises(FileFormatError, match="even the constant 1 is missing"):
        setup(r1cs_bytes([], wires=0), ptau)
    with pytest.raises(FileFormatError, match=r"4294967295 \+ 4294967295 publics"):
        setup(changed(r1cs, 1, 36, b"\xff" * 12), ptau)
    with pytest.raises(CircuitTooSmallError, match="0 gate"):
        setup(r1cs_bytes([], wires=1), ptau)
    assert {path.name for path in tmp_path.iterdir()} == {"circuit.r1cs", "some.ptau"}


def test_public_inputs_that_a_header_merely_claims_are_refused_before_memory_is_asked_for(backend, dev_ptau, tmp_path):
    r1cs = synthetic.chain(40)[0]
    path = tmp_path / "circuit.r1cs"
    for claimed, error, message in [
        (2**32 - 2, FileFormatError, "has room for 67108864"),
        (2**26, FileFormatError, "has room for 67108864"),
        (2**25, PtauTooSmallError, "power 26"),
        (65, PtauTooSmallError, "power 7"),
    ]:
        path.write_bytes(changed(r1cs, 1, 36, struct.pack("<II", claimed + 1, claimed)))
        with pytest.raises(error, match=message):
            backend.setup(path, dev_ptau(6), tmp_path / "out.key")
    path.write_bytes(changed(r1cs, 1, 36, b"\xff" * 4))
    with pytest.raises(FileFormatError, match="too many to number"):
        backend.setup(path, dev_ptau(6), tmp_path / "out.key")


@pytest.mark.skipif(sys.platform != "linux", reason="address space limits")
def test_signals_that_no_constraint_uses_cost_no_memory(dev_ptau, tmp_path):
    path = tmp_path / "circuit.r1cs"
    path.write_bytes(changed(synthetic.chain(40)[0], 1, 36, struct.pack("<I", 2**31)))
    script = f"""
import resource
from twopm_zk import _native
_native.blake2b_512({str(path)!r})  # starts all threads
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (256 << 20), resource.RLIM_INFINITY))
print(_native.setup({str(path)!r}, {str(dev_ptau(6))!r}, {str(tmp_path / "out.key")!r}, bytes(64)))
"""
    finished = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert finished.stdout.strip() == "(40, 6, 1)", finished.stderr[-2000:]


@pytest.mark.parametrize("power", [0, 29, 2**32 - 1])
def test_a_ptau_of_one_point_or_of_an_impossible_power_is_refused(extension, backend, dev_ptau, tmp_path, power):
    sound = dev_ptau(5).read_bytes()
    head = sound[at_section(sound, 1) :][:36] + struct.pack("<II", power, power)
    sections = {1: head, 2: sound[at_section(sound, 2) :][:64], 3: sound[at_section(sound, 3) :][:256]}
    body = b"".join(struct.pack("<IQ", number, len(content)) + content for number, content in sections.items())
    ptau, r1cs = tmp_path / "one.ptau", tmp_path / "circuit.r1cs"
    ptau.write_bytes(b"ptau" + struct.pack("<II", 1, len(sections)) + body)
    r1cs.write_bytes(synthetic.chain(4)[0])
    with pytest.raises(FileFormatError, match=f"power {power}; powers go from 1 to 28"):
        backend.setup(r1cs, ptau, tmp_path / "out.key")
    with pytest.raises(extension.NativeError) as caught:
        extension.check_ptau(ptau)
    assert caught.value.args[0] == "format"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ((2, 5 * 64, 2, 6), "section 2"),
        ((2, 1 * 64, 2, 0), "tau is 0 or 1"),
        ((12, 9 * 64, 12, 10), "section 12 does not hold the Lagrange points of power 3"),
    ],
)
def test_a_ptau_whose_points_do_not_belong_together_is_refused(extension, dev_ptau, tmp_path, damage, message):
    number, offset, source, index = damage
    ptau = dev_ptau(6).read_bytes()
    other = ptau[at_section(ptau, source) + index * 64 :][:64]
    (tmp_path / "wrong.ptau").write_bytes(changed(ptau, number, offset, other))
    with pytest.raises(extension.NativeError) as caught:
        extension.check_ptau(tmp_path / "wrong.ptau")
    assert caught.value.args[0] == "ptau"
    assert message in caught.value.args[1]


def test_a_second_group_of_another_tau_is_refused(extension, dev_ptau, tmp_path):
    from py_ecc import bn128 as bn

    x, y = bn.multiply(bn.G2, 5)
    coordinates = [*x.coeffs, *y.coeffs]
    point = b"".join((int(c) * 2**256 % BASE_FIELD_ORDER).to_bytes(32, "little") for c in coordinates)
    (tmp_path / "wrong.ptau").write_bytes(changed(dev_ptau(5).read_bytes(), 3, 128, point))
    with pytest.raises(extension.NativeError, match="powers of one tau"):
        extension.check_ptau(tmp_path / "wrong.ptau")


def test_a_point_of_the_twist_outside_the_group_is_refused(extension, dev_ptau, tmp_path):
    from py_ecc.bn128 import FQ2, b2, field_modulus

    x = 1  # the first abscissa with a point whose order is not the field's; see the loop
    while True:
        y = _square_root(FQ2([x, 0]) ** 3 + b2, field_modulus)
        if y is not None:
            break
        x += 1
    coordinates = [x, 0, *(int(c) for c in y.coeffs)]
    point = b"".join((c * 2**256 % BASE_FIELD_ORDER).to_bytes(32, "little") for c in coordinates)
    (tmp_path / "wrong.ptau").write_bytes(changed(dev_ptau(5).read_bytes(), 3, 128, point))
    with pytest.raises(extension.NativeError, match="second group 1 is not valid"):
        extension.check_ptau(tmp_path / "wrong.ptau")


def _square_root(value, p):
    """A square root in Fp2 with p = 3 modulo 4, or None (Adj and Rodriguez-Henriquez, algorithm 9)."""
    from py_ecc.bn128 import FQ2

    a1 = value ** ((p - 3) // 4)
    alpha, x0 = a1 * a1 * value, a1 * value
    root = FQ2([0, 1]) * x0 if alpha == FQ2([-1, 0]) else (FQ2([1, 0]) + alpha) ** ((p - 1) // 2) * x0
    return root if root * root == value else None


def test_malformed_proofs_raise_and_wrong_counts_too(extension, backend, sound):
    key = extension.export_verification_key(sound / "circuit.zkey")
    proof, public, _ = extension.ProvingKey(sound / "circuit.zkey").prove(sound / "circuit.wtns")
    assert extension.verify(key, public, proof)
    wrong = [
        (key, "[]", proof),
        (key, public, "{}"),
        (key, public, proof.replace("plonk", "groth16")),
        (key, f'["{FIELD_ORDER}", "1", "2"]', proof),
        (key.replace('"nPublic": 3', '"nPublic": -3'), public, proof),
        (key, "[" * 100_000, proof),
    ]
    for arguments in wrong:
        with pytest.raises(extension.NativeError) as caught:
            extension.verify(*arguments)
        assert caught.value.args[0] == "proof"
    parsed, values = backend.prove(sound / "circuit.zkey", sound / "circuit.wtns")
    with pytest.raises(ProofFormatError):
        backend.verify(backend.export_verification_key(sound / "circuit.zkey"), values[:2], parsed)


FUZZ = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["zkey", "key", "wtns"])
@FUZZ
@given(data=st.data())
def test_mutated_proving_files_give_an_error_or_a_true_proof(prove, sound, name, data):
    content = (sound / f"circuit.{name}").read_bytes()
    with contextlib.suppress(TwopmError):
        prove(**{name: mutated(content, data)})


@pytest.mark.slow
@FUZZ
@given(data=st.data())
def test_forged_compact_keys_give_an_error_or_a_true_proof(prove, sound, data):
    changed = mutated((sound / "circuit.key").read_bytes(), data)
    changed = changed[: len(changed) // 8 * 8].ljust(4096, b" ")
    with contextlib.suppress(TwopmError):
        prove(key=forged(changed))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["r1cs", "ptau"])
@FUZZ
@given(data=st.data())
def test_mutated_setup_files_give_an_error_or_a_key(backend, dev_ptau, sound, tmp_path, name, data):
    files = {"r1cs": (sound / "circuit.r1cs").read_bytes(), "ptau": dev_ptau(8).read_bytes()}
    files[name] = mutated(files[name], data)
    for suffix, content in files.items():
        (tmp_path / f"mutated.{suffix}").write_bytes(content)
    with contextlib.suppress(TwopmError):
        backend.setup(tmp_path / "mutated.r1cs", tmp_path / "mutated.ptau", tmp_path / "out.key")


def mutated(content, data):
    """One to three changes: bytes, words with extreme values, cuts, insertions, copies of other places."""
    result = bytearray(content)
    for _ in range(data.draw(st.integers(1, 3))):
        # half of all changes hit the headers, where sizes are
        limit = data.draw(st.sampled_from([len(result) - 1, min(120, len(result) - 1)]))
        position = data.draw(st.integers(0, limit))
        kind = data.draw(st.sampled_from(["byte", "word", "cut", "insert", "copy"]))
        if kind == "byte":
            result[position] ^= data.draw(st.integers(1, 255))
        elif kind == "word":
            value = data.draw(st.sampled_from([0, 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1]))
            result[position : position + 8] = value.to_bytes(8, "little")
        elif kind == "cut":
            del result[position : position + data.draw(st.integers(1, 200))]
        elif kind == "insert":
            result[position:position] = data.draw(st.binary(min_size=1, max_size=64))
        else:
            source = data.draw(st.integers(0, len(result) - 1))
            result[position : position + 64] = result[source : source + 64]
        if not result:
            return b" "
    return bytes(result)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="address space limits")
def test_refused_memory_is_an_exception(made, tmp_path):
    folder = made(2**15)
    script = f"""
import resource
from twopm_zk import _native
_native.blake2b_512({str(folder / "circuit.wtns")!r})  # starts all threads
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
outcomes = set()
for room in (8, 12, 16, 24, 32, 48, 64, 512):  # below, a thread's own memory may be what is missing
    resource.setrlimit(resource.RLIMIT_AS, (used + (room << 20), resource.RLIM_INFINITY))
    try:
        key = _native.ProvingKey({str(folder / "circuit.key")!r})
        key.prove({str(folder / "circuit.wtns")!r})
        outcomes.add("proven")
    except _native.NativeError as error:
        outcomes.add(error.args[0])
print(sorted(outcomes))
"""
    finished = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert finished.stdout.strip() == "['memory', 'proven']", finished.stderr[-2000:]


def test_random_bytes_are_no_files(backend, tmp_path):
    rng = random.Random(3)
    path = tmp_path / "random"
    for magic in (b"", b"zkey\1\0\0\0", b"zkey\1\0\0\0\2\0\0\0"):
        path.write_bytes(magic + rng.randbytes(500))
        with pytest.raises(FileFormatError):
            backend.export_verification_key(path)
    path.unlink()
    path.mkdir()
    with pytest.raises((FileFormatError, InputError)):
        backend.export_verification_key(path)
    assert list(path.iterdir()) == []
