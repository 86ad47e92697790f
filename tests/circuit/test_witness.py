import json
import stat
import struct
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import wasmtime

from twopm_zk.circuit import witness as witness_module
from twopm_zk.circuit import witness_program
from twopm_zk.circuit.compilation import compile_circuit
from twopm_zk.circuit.witness import calculate_witness, read_witness
from twopm_zk.errors import FileFormatError, InputError, WitnessError
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.system.files import is_ours
from twopm_zk.system.paths import npm_package
from twopm_zk.system.programs import node as node_program
from twopm_zk.system.programs import run

pytestmark = pytest.mark.circuit


@pytest.fixture
def rescale(tiny):
    return tiny("rescale")


@pytest.mark.parametrize(("x", "floor"), [(640, 2), (-1, -1), (-32768, -128), (32767, 127)])
def test_rescale_floors_over_its_whole_range(rescale, x, floor):
    assert calculate_witness(rescale, {"in": x}).public == [floor % FIELD_ORDER]


@pytest.mark.parametrize("x", [-32769, 32768])
def test_rescale_rejects_inputs_outside_its_range(rescale, x):
    with pytest.raises(WitnessError, match="Num2Bits line") as caught:
        calculate_witness(rescale, {"in": x})
    assert str(abs(x)) not in str(caught.value)


def test_rescale_rejects_a_forged_output(rescale):
    forged = calculate_witness(rescale, {"in": 640}).replace("main.out", 3)
    assert not rescale.accepts(forged)


@pytest.mark.parametrize("bit", range(16))
def test_rescale_rejects_a_forged_bit(rescale, bit):
    honest = calculate_witness(rescale, {"in": 640})
    name = f"main.bit[{bit}]"
    assert not rescale.accepts(honest.replace(name, 1 - honest.signal(name)))
    assert rescale.accepts(honest.replace(name, honest.signal(name)))


def test_signals_that_are_not_there_cannot_be_read_or_forged(tiny):
    honest = calculate_witness(tiny("three"), {"x": 1, "secret": 2, "pair": [3, 4]})
    with pytest.raises(KeyError, match="has no signal"):
        honest.signal("main.nothing")
    gone = next(name for name, wire in tiny("three").load_symbols().wire_of.items() if wire < 0)
    with pytest.raises(KeyError, match="optimised away"):
        honest.replace(gone, 3)


def test_a_forged_constant_one_is_rejected(rescale):
    honest = calculate_witness(rescale, {"in": 0})
    assert not rescale.accepts(replace(honest, values=[0] * len(honest.values)))
    assert not rescale.accepts(replace(honest, values=honest.values[:-1]))


@pytest.mark.parametrize(
    "inputs",
    [
        {"x": 5, "secret": -300, "pair": [7, 11]},
        {"x": "5", "secret": "-300", "pair": ("7", 11)},
        {"x": "0x05", "secret": hex(FIELD_ORDER - 300), "pair": ["0X7", "0x" + "B".zfill(64)]},
        {"x": 5, "secret": -300, "pair": [7, 11], "of_length_0": [], "and": [[], []]},
        {"x": FIELD_ORDER + 5 - FIELD_ORDER, "secret": str(FIELD_ORDER - 300), "pair": np.array([7, 11])},
        {"pair": [7, 11], "secret": np.int64(-300), "x": 5},
    ],
)
def test_integers_may_be_given_in_any_form(tiny, inputs):
    assert calculate_witness(tiny("three"), inputs).public == [FIELD_ORDER - 2, FIELD_ORDER - 232, 5]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"extra": 1}, "no input signal 'extra'"),
        ({"x": None}, "'x' has a value that is not an integer"),
        ({"x": 1.0}, "'x' has a value that is not an integer"),
        ({"x": True}, "'x' has a value that is not an integer"),
        ({"x": "0x"}, "'x' has a value that is not an integer"),
        ({"x": "-0x1"}, "'x' has a value that is not an integer"),
        ({"x": "0xg"}, "'x' has a value that is not an integer"),
        ({"x": "10f"}, "'x' has a value that is not an integer"),
        ({"x": "0x" + "0" * 64 + "1"}, "'x' has a value that is not an integer"),
        ({"x": hex(FIELD_ORDER)}, "'x' has a value outside the field"),
        ({"x": "0x" + "f" * 5000}, "'x' has a value that is not an integer"),
        ({"x": "1_0"}, "'x' has a value that is not an integer"),
        ({"x": " 1"}, "'x' has a value that is not an integer"),
        ({"x": "٣"}, "'x' has a value that is not an integer"),
        ({"x": ""}, "'x' has a value that is not an integer"),
        ({"x": "9" * 5000}, "'x' has a value that is not an integer"),
        ({"x": FIELD_ORDER}, "'x' has a value outside the field"),
        ({"x": -FIELD_ORDER}, "'x' has a value outside the field"),
        ({"x": [1, 2]}, "'x' takes a single value, not 2"),
        ({"pair": [1]}, "'pair' takes 2, not 1"),
        ({"pair": [1, 2, 3]}, "'pair' takes 2, not 3"),
        ({"pair": 1}, "'pair' takes 2, not a single value"),
        ({"pair": [[1], [2, 3]]}, "unequal"),
        ({"pair": [[1, 2]]}, "'pair' takes 2, not 1x2"),
        ({"pair": {"x": 1}}, r"no input signal 'pair\.x'"),
    ],
)
def test_inputs_that_do_not_fit_are_named(tiny, change, message):
    with pytest.raises(InputError, match=message):
        calculate_witness(tiny("three"), {"x": 1, "secret": 2, "pair": [3, 4]} | change)


@pytest.mark.parametrize("value", [FIELD_ORDER - 1, -FIELD_ORDER + 1])
def test_the_edges_of_the_field_are_accepted(tiny, value):
    assert calculate_witness(tiny("multiplier"), {"a": value, "b": 1}).public == [value % FIELD_ORDER]


def test_a_missing_signal_is_named(tiny):
    with pytest.raises(InputError, match="'secret' of circuit 'three' is missing"):
        calculate_witness(tiny("three"), {"x": 1, "pair": [3, 4]})
    with pytest.raises(InputError, match="one object"):
        calculate_witness(tiny("three"), [1, 2])


def test_buses_may_be_nested_or_spelt_out(tiny):
    nested = {"p": [{"x": 1, "y": 2}, {"x": 4, "y": 6}]}
    flat = {"p[0].x": 1, "p[0].y": 2, "p[1].x": 4, "p[1].y": 6}
    assert calculate_witness(tiny("bus"), nested).public == calculate_witness(tiny("bus"), flat).public == [25]


@pytest.mark.parametrize(
    "given",
    [
        {"p": [1, 2, 4, 6]},
        {"p": [[1, 2], [4, 6]]},
        {"p": [[1, 2], ["0x4", "6"]]},
        {"p[0]": [1, 2], "p[1]": {"x": 4, "y": 6}},
    ],
)
def test_a_bus_may_be_one_flat_list_of_its_fields_in_their_order(tiny, given):
    assert calculate_witness(tiny("bus"), given).public == [25]


BUSES = """pragma circom 2.2.0;
bus Coin() { signal bits[3]; signal worth; }
bus Purse(n) { Coin() coins[n]; signal owner[2]; }
template Ledger(n) {
    input Purse(n) purse;
    input Coin() fee;
    input Purse(1) grid[2][2];
    signal output sum;
    var s = fee.worth;
    for (var i = 0; i < n; i++) {
        s += purse.coins[i].worth;
        for (var j = 0; j < 3; j++) { s += (2 ** j) * purse.coins[i].bits[j]; }
    }
    for (var a = 0; a < 2; a++) for (var b = 0; b < 2; b++) { s += grid[a][b].coins[0].worth * (10 * a + b + 1); }
    sum <== s * purse.owner[0] + purse.owner[1];
}
component main {public [fee]} = Ledger(2);
"""
COIN = [0, 0, 0, 1, 0, 0]


@pytest.mark.slow
def test_buses_in_buses_and_arrays_of_them_are_flat_lists_as_in_circoms_own_programs(tmp_path):
    (tmp_path / "ledger.circom").write_text(BUSES)
    circuit = compile_circuit(tmp_path / "ledger.circom")
    flat = {"purse": [1, 0, 1, 10, 0, 1, 1, 20, 3, 4], "fee": [0, 0, 0, 100], "grid": 4 * COIN}
    halves = {"coins": flat["purse"][:8], "owner": [3, 4]}
    for given in (flat, flat | {"purse": halves}, flat | {"grid": [[COIN, COIN], [COIN, COIN]]}):
        assert calculate_witness(circuit, given).public[0] == 505
    cli = npm_package("snarkjs") / "build" / "cli.cjs"
    (tmp_path / "input.json").write_text(json.dumps(flat))
    command = [node_program(), cli, "wtns", "calculate", circuit.wasm, tmp_path / "input.json", tmp_path / "theirs"]
    assert run(command, timeout=60).code == 0
    assert list(read_witness(tmp_path / "theirs", circuit).values) == list(calculate_witness(circuit, flat).values)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"p": [1, 2, 4]}, "'p' takes 2x2, not 3"),
        ({"p": [[1, 2, 4], [6]]}, "unequal"),
        ({"p": 5}, "'p' takes 2x2, not a single value"),
        ({"p": [1, 2, 4, 6], "p[0].x": 1}, r"'p\[0\]\.x' of circuit 'bus' is given twice"),
        ({"p": [{"x": 1, "y": 2}, {"x": 4}]}, r"'p\[1\]\.y' of circuit 'bus' is missing"),
        ({"p": []}, "'p' takes 2x2, not 0"),
        ({"q": [1]}, "has no input signal 'q'"),
    ],
)
def test_flat_lists_that_do_not_fit_a_bus_are_refused_by_name(tiny, given, message):
    with pytest.raises(InputError, match=message):
        calculate_witness(tiny("bus"), given)


def test_an_empty_list_stands_for_a_signal_of_length_0_and_for_no_other(tmp_path, tiny):
    (tmp_path / "maybe.circom").write_text(
        "pragma circom 2.1.9;\n"
        "template Maybe(n) { signal input x; signal input blind[n]; signal output y; var s = 1;\n"
        "  for (var i = 0; i < n; i++) { s += blind[i]; } y <== x * x + s; }\n"
        "component main = Maybe(0);\n"
    )
    circuit = compile_circuit(tmp_path / "maybe.circom")
    assert calculate_witness(circuit, {"x": 3, "blind": []}).public == [10]
    assert calculate_witness(circuit, {"x": 3}).public == [10]
    with pytest.raises(InputError, match="'pair' takes 2, not 0"):
        calculate_witness(tiny("three"), {"x": 1, "secret": 2, "pair": []})


def test_private_inputs_never_reach_a_message(tiny, capfd, caplog):
    secret = 123456789
    with pytest.raises(WitnessError, match="an assertion failed in template Checked line 8") as caught:
        calculate_witness(tiny("checked"), {"secret": secret})
    witness = calculate_witness(tiny("checked"), {"secret": secret + 1})
    seen = [str(caught.value), repr(caught.value), repr(caught.value.__cause__), repr(witness)]
    for wrong in (float(secret), f"{secret}.", [secret, secret], {"x": secret}, secret + FIELD_ORDER):
        with pytest.raises(InputError) as refused:
            calculate_witness(tiny("checked"), {"secret": wrong})
        seen += [str(refused.value), repr(refused.value.__cause__), repr(refused.value.__context__)]
    with pytest.raises(WitnessError) as broken:
        witness_module.require_satisfied(tiny("checked"), witness.replace("main.square", secret).values)
    captured = capfd.readouterr()
    seen += [str(broken.value), captured.out, captured.err, caplog.text]
    assert "main.secret" in str(broken.value)
    assert not [text for text in seen if "12345678" in text or str(secret * secret)[:8] in text]


def test_the_result_is_always_checked_against_the_r1cs(tiny, monkeypatch):
    circuit = tiny("multiplier")
    honest = witness_program.WitnessProgram.run

    def wrong(self, inputs):
        content = bytearray(honest(self, inputs))
        content[32] ^= 1
        return bytes(content)

    monkeypatch.setattr(witness_program.WitnessProgram, "run", wrong)
    with pytest.raises(WitnessError, match=r"breaks constraint 0, over main\.product"):
        calculate_witness(circuit, {"a": 3, "b": 14})


@pytest.mark.slow
@pytest.mark.parametrize("name", ["three", "fifty", "zeros", "hidden"])
def test_wtns_files_are_those_of_node(tiny, tiny_inputs, tmp_path, name):
    circuit, inputs = tiny(name), tmp_path / "input.json"
    inputs.write_text(json.dumps(tiny_inputs[name]))
    calculate_witness(circuit, tiny_inputs[name]).write(tmp_path / "ours.wtns")
    cli = npm_package("snarkjs") / "build" / "cli.cjs"
    finished = run(
        [node_program(), cli, "wtns", "calculate", circuit.wasm, inputs, tmp_path / "theirs.wtns"], timeout=60
    )
    assert finished.code == 0, finished.output
    assert (tmp_path / "ours.wtns").read_bytes() == (tmp_path / "theirs.wtns").read_bytes()


def test_a_written_witness_is_its_owners_and_can_be_read_back(tiny, tmp_path):
    circuit, path = tiny("multiplier"), tmp_path / "witness.wtns"
    honest = calculate_witness(circuit, {"a": 3, "b": 14})
    honest.write(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = read_witness(path, circuit)
    assert list(again.values) == list(honest.values)
    assert not again.checked
    assert circuit.accepts(again)


def test_damaged_wtns_files_are_refused(tiny, tmp_path):
    circuit, path = tiny("multiplier"), tmp_path / "witness.wtns"
    calculate_witness(circuit, {"a": 3, "b": 14}).write(path)
    whole = path.read_bytes()
    for length in range(0, len(whole), 3):
        path.write_bytes(whole[:length])
        with pytest.raises(FileFormatError):
            read_witness(path, circuit)
    damages = {
        "not a field element": whole[:-32] + b"\xff" * 32,
        "another prime": whole.replace(FIELD_ORDER.to_bytes(32, "little"), b"\x07" * 32),
        "32 bytes": whole.replace(struct.pack("<IQI", 1, 40, 32), struct.pack("<IQI", 1, 40, 48)),
    }
    for message, content in damages.items():
        path.write_bytes(content)
        with pytest.raises(FileFormatError, match=message):
            read_witness(path, circuit)


def test_a_wtns_file_of_another_circuit_is_refused(tiny, tmp_path):
    path = tmp_path / "witness.wtns"
    calculate_witness(tiny("multiplier"), {"a": 3, "b": 14}).write(path)
    with pytest.raises(WitnessError, match="another circuit"):
        read_witness(path, tiny("three"))


@pytest.mark.slow
def test_machine_code_that_others_could_write_is_not_loaded(source, fresh_cache, monkeypatch):
    circuit = compile_circuit(source("multiplier"))
    calculate_witness(circuit, {"a": 1, "b": 2})
    (machine_code,) = circuit.folder.glob("wasmtime-*.bin")
    assert stat.S_IMODE(machine_code.stat().st_mode) == 0o600
    assert is_ours(machine_code)
    machine_code.chmod(0o622)
    assert not is_ours(machine_code)
    machine_code.chmod(0o600)
    circuit.folder.chmod(0o777)
    assert not is_ours(machine_code)


@pytest.mark.slow
def test_machine_code_of_another_build_is_compiled_again(source, fresh_cache):
    circuit = compile_circuit(source("multiplier"))
    calculate_witness(circuit, {"a": 1, "b": 2})
    (machine_code,) = circuit.folder.glob("wasmtime-*.bin")
    good = machine_code.read_bytes()
    machine_code.write_bytes(b"not machine code")
    assert calculate_witness(circuit, {"a": 3, "b": 14}).public == [42]
    assert machine_code.read_bytes() == good


def test_no_private_value_stays_in_the_memory_of_a_witness_program(rescale, monkeypatch):
    made = []

    class Remembered(wasmtime.Store):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            made.append(self)

    monkeypatch.setattr(wasmtime, "Store", Remembered)
    calculate_witness(rescale, {"in": 640})
    with pytest.raises(WitnessError):
        calculate_witness(rescale, {"in": 32768})
    assert len(made) == 2
    for store in made:
        with pytest.raises(ValueError, match="closed"):
            store.ptr()


@pytest.mark.slow
def test_a_process_that_has_made_a_witness_ends_without_a_word(source):
    code = (
        "from pathlib import Path; import sys\n"
        "from twopm_zk.circuit.compilation import compile_circuit\n"
        "from twopm_zk.circuit.witness import calculate_witness\n"
        "sys.kept = sys.modules['twopm_zk.circuit.witness_program']\n"  # as long as anything, as debuggers keep modules
        "print(calculate_witness(compile_circuit(Path(sys.argv[1])), {'a': 3, 'b': 14}).public)"
    )
    finished = run([sys.executable, "-c", code, source("multiplier")], timeout=60)
    assert (finished.code, finished.output) == (0, "[42]")


def test_threads_that_ask_for_a_first_witness_at_once_share_one_engine(monkeypatch, tiny, tiny_inputs):
    def slowly(config, make=wasmtime.Engine):
        time.sleep(0.05)
        return make(config)

    monkeypatch.setattr(wasmtime, "Engine", slowly)
    witness_program._made_engine.cache_clear()
    witness_program._loop_module.cache_clear()
    circuit = tiny("multiplier")
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: calculate_witness(circuit, tiny_inputs["multiplier"]), range(8)))
    assert {tuple(one.values) for one in made} == {tuple(made[0].values)}
