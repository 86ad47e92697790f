"""Witness programs that loop for ever, take memory, call themselves or are none: each is stopped, and named."""

from pathlib import Path

import pytest
import wasmtime

from twopm_zk.circuit import witness_program
from twopm_zk.circuit.compilation import Circuit, compile_circuit
from twopm_zk.circuit.witness import calculate_witness
from twopm_zk.errors import WitnessError

PART = "inputs: witness programs"
MULTIPLIER = Path(__file__).parents[2] / "circuits" / "multiplier.circom"
FUNCTIONS = {
    "getVersion": "(result i32) (i32.const 2)",
    "getFieldNumLen32": "(result i32) (i32.const 8)",
    "init": "(param i32)",
    "getInputSignalSize": "(param i32 i32) (result i32) (i32.const 1)",
    "getSharedRWMemoryStart": "(result i32) (i32.const 0)",
    "setInputSignal": "(param i32 i32 i32)",
    "getWitnessSize": "(result i32) (i32.const 3)",
    "getWitness": "(param i32)",
    "getMessageChar": "(result i32) (i32.const 0)",
}
FOR_EVER = "(loop $again (br $again))"
DEEPER = "(call $init (i32.add (local.get 0) (i32.const 1)))"
GROWS = """(loop $again
  (br_if $again (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))
  (drop (i32.load (i32.const 2000000000)))"""
TELLS = "(loop $again (call $tell) (br $again))"
NO_KIND = "known kind"
STOPPED = "was stopped after"
BROKE_OFF = "broke off"
PROGRAMS = {
    "an endless start": ({}, "(start $endless)", STOPPED),
    "an endless version": ({"getVersion": f"(result i32) {FOR_EVER} (i32.const 2)"}, "", STOPPED),
    "an endless init": ({"init": f"(param i32) {FOR_EVER}"}, "", STOPPED),
    "an endless input": ({"setInputSignal": f"(param i32 i32 i32) {FOR_EVER}"}, "", STOPPED),
    "an endless witness": ({"getWitness": f"(param i32) {FOR_EVER}"}, "", STOPPED),
    "messages for ever": ({"init": f"(param i32) {TELLS}"}, "", STOPPED),
    "a message for ever": (
        {"init": f"(param i32) {TELLS}", "getMessageChar": "(result i32) (i32.const -77)"},
        "",
        STOPPED,
    ),
    "calls of itself": ({"init": f"(param i32) {DEEPER}"}, "", "calls itself too deep"),
    "memory without end": ({"init": f"(param i32) {GROWS}"}, "", BROKE_OFF),
    "nothing reachable": ({"init": "(param i32) unreachable"}, "", BROKE_OFF),
    "another version": ({"getVersion": "(result i32) (i32.const 1)"}, "", NO_KIND),
    "no version": ({"getVersion": None}, "", NO_KIND),
    "a function with other parameters": ({"init": "(param i64 i64)"}, "", NO_KIND),
    "no witness": ({"getWitness": None}, "", NO_KIND),
    "more wires": ({"getWitnessSize": "(result i32) (i32.const 2000000000)"}, "", "gave 2000000000 wires, not 3"),
    "fewer wires than none": ({"getWitnessSize": "(result i32) (i32.const -5)"}, "", "gave -5 wires, not 3"),
    "a witness outside its memory": (
        {"getSharedRWMemoryStart": "(result i32) (i32.const 1999999999)"},
        "",
        BROKE_OFF,
    ),
    "an import that is not offered": ({}, '(import "env" "exit" (func))', NO_KIND),
}


def text_of(functions, more, pages=1):
    """The program as text: `FUNCTIONS`, some of them replaced or left out, and more declarations."""
    written = [
        f'(func ${name} (export "{name}") {body})' for name, body in (FUNCTIONS | functions).items() if body is not None
    ]
    imports, others = (more, "") if more.startswith("(import") else ("", more)
    return f"""(module {imports}
      (import "runtime" "printErrorMessage" (func $tell))
      (memory (export "memory") {pages})
      (func $endless {FOR_EVER})
      {" ".join(written)} {others})"""


@pytest.fixture
def circuit(fresh_cache):
    """``circuit(text)``: three wires and one input, with a witness program of that text."""

    def make(text):
        made = Circuit("foreign", "ab" * 16, 1, 1, 3, 3, "", ("main.out",), {"a": ()})
        made.folder.mkdir(parents=True, exist_ok=True)
        made.wasm.write_bytes(wasmtime.wat2wasm(text))
        for kept in made.folder.glob("*.bin"):
            kept.unlink()
        return made

    return make


@pytest.fixture
def short(monkeypatch):
    """A time that is over soon, for programs that take all they get."""
    monkeypatch.setattr(witness_program, "TICK", 0.01)
    monkeypatch.setattr(witness_program, "longest", lambda _: 0.05)
    witness_program._made_engine.cache_clear()
    witness_program._loop_module.cache_clear()
    yield
    witness_program._made_engine.cache_clear()
    witness_program._loop_module.cache_clear()


@pytest.mark.slow
@pytest.mark.usefixtures("short")
def test_a_program_that_misbehaves_is_stopped_and_named(circuit, tally):
    for name, (functions, more, reason) in PROGRAMS.items():
        with pytest.raises(WitnessError) as refused:
            witness_program.WitnessProgram(circuit(text_of(functions, more))).run({"a": [7]})
        assert reason in str(refused.value), name
        assert "the witness program of 'foreign'" in str(refused.value), name
    tally.inputs(PART, tried=len(PROGRAMS), handled=len(PROGRAMS))


def test_memory_ends_at_what_the_size_of_the_circuit_gives(circuit, tally):
    pages = witness_program.most_memory(circuit(text_of({}, ""))) // 65536
    for given, fits in ((pages, False), (pages + 1, False), (pages - 2, True)):  # a page each for inputs and wires
        program = witness_program.WitnessProgram(circuit(text_of({}, "", pages=given)))
        if fits:
            assert program.run({"a": [7]})[:32] == (7).to_bytes(32, "little")
        else:
            with pytest.raises(WitnessError, match="needs more memory"):
                program.run({"a": [7]})
    tally.inputs(PART, tried=3, handled=3)


@pytest.mark.usefixtures("short")
def test_one_program_that_is_stopped_stops_no_other(circuit, tiny_inputs):
    with pytest.raises(WitnessError, match=STOPPED):
        witness_program.WitnessProgram(circuit(text_of({"init": f"(param i32) {FOR_EVER}"}, ""))).run({"a": [7]})
    witness_program.longest = lambda _: 60
    assert calculate_witness(compile_circuit(MULTIPLIER), tiny_inputs["multiplier"]).public == [42]


def test_the_limits_leave_room_for_the_largest_circuits():
    small, large = (
        Circuit("ours", "", 0, 0, 0, wires, "", (), {})
        for wires in (1388, 249_457)  # predict-3 and information-75x30, which have 13 and 191 pages
    )
    assert [witness_program.most_memory(one) // 65536 // 13 > 50 for one in (small, large)] == [True, True]
    assert witness_program.most_memory(large) > 20 * 191 * 65536
    assert (witness_program.longest(small), witness_program.longest(large)) == (61, 309)
