"""Time and peak memory of every stage, each run in a fresh process; medians, snarkjs and native side by side.

Run: python bench/pipeline.py [--runs 3] [INSTANCE ...]; writes bench/results/pipeline.md and prints it.
Times are of the stage itself, without the start of Python; memory is the largest process of the stage.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from twopm_zk import Instance

RESULTS = Path(__file__).parent / "results" / "pipeline.md"
STAGES = ("compile", "setup", "witness", "prove", "verify")


def step_inputs(instance: Instance) -> dict[str, Any]:
    """Inputs of a step of random rows, as many as it holds."""
    import numpy as np

    from twopm_zk.statements import Rows, StepShape, StepStatement

    shape = StepShape.from_parameters(instance.parameters)
    rng = np.random.default_rng(1)
    features = rng.integers(-8192, 8192, (shape.rows, shape.features))
    rows = Rows.padded(shape, features, rng.integers(0, 2, shape.rows).tolist())
    return dict(StepStatement(shape, 0, tuple(range(shape.features + 1)), rows).circuit_inputs())


def stage(name: str, instance_name: str, backend: str) -> None:
    """Child process: run one stage and print seconds and peak memory in MB."""
    from twopm_zk import calculate_witness, compile_circuit, find_instance, insecure_ptau, setup
    from twopm_zk.plonk.backends import get_backend

    instance = find_instance(instance_name)
    circuit = None if name == "compile" else compile_circuit(instance)
    prover = get_backend(backend)
    scratch = Path(tempfile.mkdtemp())
    ready = {}
    if name in ("witness", "prove", "verify"):
        ready["inputs"] = step_inputs(instance)
    if name in ("prove", "verify"):
        ready["keys"] = setup(circuit)
        ready["key"] = ready["keys"].readable_by(prover)
        calculate_witness(circuit, ready["inputs"]).write(scratch / "w.wtns")
    if name == "setup":
        ready["ptau"] = insecure_ptau(circuit.power)
    if name == "verify":
        ready["proof"], ready["public"] = prover.prove(ready["key"], scratch / "w.wtns")
        ready["vk"] = ready["keys"].verification_key
        prover.verify(ready["vk"], ready["public"], ready["proof"])
    if name == "prove" and backend == "native":
        prover.prove(ready["key"], scratch / "w.wtns")  # a node keeps its key loaded
    started = time.perf_counter()
    if name == "compile":
        os.environ["TWOPM_ZK_CACHE"] = str(scratch)
        compile_circuit(instance)
    elif name == "setup":
        prover.setup(circuit.r1cs, ready["ptau"], scratch / prover.key_file)
    elif name == "witness":
        calculate_witness(circuit, ready["inputs"])
    elif name == "prove":
        prover.prove(ready["key"], scratch / "w.wtns")
    else:
        assert prover.verify(ready["vk"], ready["public"], ready["proof"])
    seconds = time.perf_counter() - started
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(json.dumps({"seconds": seconds, "megabytes": peak / 1024}))


def measure(name: str, instance: str, backend: str, runs: int) -> tuple[float, float]:
    results = []
    for _ in range(runs):
        command = [sys.executable, __file__, "--stage", name, "--backend", backend, instance]
        finished = subprocess.run(command, capture_output=True, text=True, check=True)
        results.append(json.loads(finished.stdout.splitlines()[-1]))
    return tuple(statistics.median(row[key] for row in results) for key in ("seconds", "megabytes"))


def cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("instances", nargs="*", default=["step-48x3", "step-119x3"])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--stage")
    parser.add_argument("--backend", default="snarkjs")
    arguments = parser.parse_args()
    if arguments.stage:
        stage(arguments.stage, arguments.instances[0], arguments.backend)
        return
    from twopm_zk import compile_circuit, find_instance, setup
    from twopm_zk.plonk.backends import find_backend

    backends = [name for name in ("snarkjs", "native") if find_backend(name)[0] is not None]
    lines = [
        "<!-- written by bench/pipeline.py -->",
        f"Machine: {os.cpu_count()} cores ({cpu_model()}), Python {platform.python_version()}. "
        f"Medians of {arguments.runs} runs, each in a fresh process; the native prover has its key loaded. "
        f"Load before: {os.getloadavg()[0]:.1f} (0 is idle); quiet figures of proving are in `native.md`.",
        "",
        "| instance | gates | stage | backend | seconds | peak MB |",
        "|---|---:|---|---|---:|---:|",
    ]
    for name in arguments.instances:
        circuit = compile_circuit(find_instance(name))
        keys = setup(circuit)
        for stage_name in STAGES:
            shared = stage_name in ("compile", "witness")
            for backend in ["snarkjs"] if shared else backends:
                seconds, megabytes = measure(stage_name, name, backend, arguments.runs)
                shown = "–" if shared else backend
                row = f"| {name} | {circuit.gates} | {stage_name} | {shown} | {seconds:.3f} | {megabytes:.0f} |"
                lines.append(row)
                print(row, flush=True)
        lines.append(
            f"| {name} | {circuit.gates} | proving key | | | {keys.proving_key.stat().st_size / 1e6:.1f} (on disk) |"
        )
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
