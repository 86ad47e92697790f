"""The native module's readers, fuzzed by the branches that inputs reach in Rust; and bugs that this has to find."""

import pytest
from soundness.inputs import examples, native_fuzz, readers

from twopm_zk.plonk.backends import find_backend

SECONDS = 3
PLANTED = {
    "planted: overflow": (b"12345678", "attempt to add with overflow"),
    "planted: memory": (b"n=\x00\x00\x00\x00", "bytes was asked for"),
    "planted: endless": (b"\xef", "timeout"),
}
"""Readers with a bug, the input that the search begins from, and what is said of the bug."""


@pytest.fixture(scope="module")
def fuzzer():
    if reason := native_fuzz.build():
        pytest.skip(reason)
    return native_fuzz


def test_the_fuzzer_knows_every_reader_of_the_native_module():
    known = {name for name in readers.READERS() if name.startswith("_native:")}
    assert sorted(native_fuzz.names()) == sorted([*known, *PLANTED])


def test_where_there_is_no_rust_the_build_says_so(monkeypatch):
    monkeypatch.setenv("CARGO", "/nowhere/cargo")
    assert native_fuzz.build() == "fuzzer of the native module not built: cargo was not found"


@pytest.mark.full
def test_what_reaches_new_branches_in_rust_is_changed_again(fuzzer, tmp_path, tally):
    if reason := find_backend("native")[1]:  # which makes examples
        pytest.skip(reason)
    known = {name: reader for name, reader in readers.READERS().items() if name.startswith("_native:")}
    tried = 0
    for number, (name, reader) in enumerate(known.items()):
        folder = tmp_path / str(number)
        found = fuzzer.fuzzed(
            name, folder, reader.seeds(), kind=reader.kind, files=examples.native_files(), seconds=SECONDS
        )
        assert not found["wrong"], (name, found)
        assert found["branches"] > 20, (name, found)
        tried += found["tried"]
    tally.inputs("inputs: fuzzed by coverage, native", tried=tried, handled=tried)


@pytest.mark.full
@pytest.mark.parametrize("name", PLANTED)
def test_a_bug_that_is_planted_in_a_reader_is_found(fuzzer, name, tmp_path, tally):
    seed, message = PLANTED[name]
    limits = ("-max_len=16", "-timeout=2")
    found = fuzzer.fuzzed(name, tmp_path / "fuzzed", [seed], files={}, seconds=120, limits=limits)
    assert found["wrong"], found
    code, inputs, output = found["wrong"]
    assert (code != 0, len(inputs), message in output) == (True, 1, True), found
    tally.mutants("inputs: bugs planted", tried=1, killed=1)
