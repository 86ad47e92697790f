"""``doctor`` and ``circuits``: what is there."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass

import click

from twopm_zk.circuit.compilation import CIRCOM2_VERSION, compiled
from twopm_zk.circuit.instances import find_instance, instances
from twopm_zk.cli.next_steps import next_step
from twopm_zk.cli.output import Steps, emit, json_option, print_table
from twopm_zk.errors import ToolError, TwopmError
from twopm_zk.plonk.keys import existing_keys
from twopm_zk.system import extension, npm, paths
from twopm_zk.system.npm import NpmPackages


@dataclass(frozen=True)
class Finding:
    """One line of ``doctor``."""

    name: str
    ok: bool
    found: str
    required: bool = True
    hint: str = ""


def _look(name: str, find: Callable[[], str], *, required: bool = True) -> Finding:
    try:
        return Finding(name, True, find(), required)
    except TwopmError as error:
        return Finding(name, False, error.message, required, next_step(error) or "")


def _npm(name: str, expected: str | None = None) -> str:
    version = paths.npm_version(paths.npm_package(name))
    if expected and version != expected:
        raise ToolError(f"{version}, not {expected}", kind="not-installed")
    return version


def _node() -> str:
    from twopm_zk.system import programs

    return programs.version_of(programs.node())


def _snarkjs() -> str:
    from twopm_zk.plonk.backends.snarkjs import BACKEND

    if reason := BACKEND.available():
        raise ToolError(reason, kind="not-installed")
    return _npm("snarkjs")


def _native() -> str:
    from twopm_zk.plonk.backends import find_backend

    backend, reason = find_backend("native")
    if backend is None or reason is not None:
        hint = (
            "Install Rust and run `make setup`."
            if paths.is_checkout()
            else "A wheel for this kind of machine has it; `make wheel` in a checkout builds one."
        )
        raise ToolError(f"{reason}; snarkjs proves instead, slower", hint=hint)
    if not extension.provides("vectors"):
        return "built from older sources; the default prover"
    from twopm_zk.plonk.backends.native import vectors

    return f"built; the default prover (vectors: {vectors()})"


def _anvil() -> str:
    from twopm_zk.chain.development_node import anvil_path
    from twopm_zk.system import programs

    return programs.version_of(anvil_path())


def _eigenlayer() -> str:
    from twopm_zk.chain.development.eigenlayer import MISSING, PACKAGE, VERSION, published

    if published() is None:
        raise ToolError(
            MISSING, hint="Development chains and tests run them: `make setup` installs them in a checkout."
        )
    return f"{PACKAGE} {VERSION}"


def _cache() -> str:
    folder = paths.cache_dir()
    parent = next(p for p in (folder, *folder.parents) if p.exists())
    if not os.access(parent, os.W_OK):
        raise ToolError(f"{folder} cannot be written", hint="Set TWOPM_ZK_CACHE to a folder of yours.")
    return f"{folder} ({shutil.disk_usage(parent).free >> 30} GiB free)"


def findings() -> list[Finding]:
    """Everything that twopm-zk needs or can use, in the order of its use."""
    return [
        Finding("python", sys.version_info >= (3, 11), platform.python_version()),
        _look("node", _node),
        _look("circom", lambda: f"npm circom2 {_npm('circom2', CIRCOM2_VERSION)}"),
        _look("circomlib", lambda: _npm("circomlib")),
        _look("snarkjs", _snarkjs),
        _look("native prover", _native, required=False),
        _look("solc", lambda: _npm("solc")),
        _look("anvil", _anvil),
        _look("eigenlayer", _eigenlayer, required=False),
        _look("cache", _cache),
    ]


def _install(steps: Steps) -> NpmPackages:
    with steps.step("npm packages") as progress:
        packages = npm.install(progress)
    steps.note(f"{'Fetched into' if packages.fetched else 'All are in'} {packages.folder}.")
    return packages


@click.command()
@click.option(
    "--install",
    is_flag=True,
    help="First fetch npm's packages into the cache, each of the pinned version and hash, where they are missing.",
)
@json_option
def doctor(install: bool, as_json: bool) -> None:
    """Check everything that twopm-zk needs, and say what to do about what is missing.

    Exits with 4 where something required is missing. Installed from a wheel, --install brings what Python's packages
    do not: circom, snarkjs, solc and anvil, once for each user, below ~/.cache/twopm-zk or TWOPM_ZK_CACHE. In a
    checkout `make setup` does it.

    \b
    Examples:
      twopm-zk doctor
      twopm-zk doctor --install
    """
    packages = _install(Steps(quiet=as_json)) if install else None
    found = findings()
    healthy = all(finding.ok or not finding.required for finding in found)
    if as_json:
        document: dict[str, object] = {"healthy": healthy, "findings": [asdict(finding) for finding in found]}
        if packages is not None:
            document["packages"] = {"folder": str(packages.folder), "fetched": packages.fetched}
        emit(True, document)
    else:
        for finding in found:
            mark = "ok     " if finding.ok else "MISSING" if finding.required else "absent "
            click.echo(f"{mark}  {finding.name:<14} {finding.found}")
            if not finding.ok and finding.hint:
                click.echo(f"{'':25}{finding.hint}")
    if not healthy:
        sys.exit(ToolError.exit_code)


@click.command()
@json_option
def circuits(as_json: bool) -> None:
    """List every circuit instance: sizes, constraints, gates, and whether it is compiled and has keys.

    Constraints, gates and power (the smallest PLONK domain is 2^power) appear once an instance is compiled.

    \b
    Examples:
      twopm-zk circuits
      twopm-zk circuits --json
    """
    rows = []
    for name, instance in instances().items():
        circuit = compiled(find_instance(name))
        keys = existing_keys(circuit) if circuit else None
        rows.append(
            {
                "name": name,
                "template": instance.template,
                "parameters": instance.parameters,
                "rows": instance.parameters.get("ROWS"),
                "features": instance.parameters.get("FEATURES"),
                "constraints": circuit.constraints if circuit else None,
                "gates": circuit.gates if circuit else None,
                "power": circuit.power if circuit else None,
                "keys": None if keys is None else "insecure" if keys.insecure else "trusted",
            }
        )
    if as_json:
        emit(True, {"circuits": rows})
        return
    shown = ("name", "template", "constraints", "gates", "power", "keys")
    print_table(shown, [["–" if row[k] is None else row[k] for k in shown] for row in rows])
    click.echo("Compile one with `twopm-zk compile NAME`, make its keys with `twopm-zk setup NAME`.")
