"""The ``twopm-zk`` command: parse, call the library, print.

Commands are loaded when they are called, and the list of them is read from their sources, so that ``--help`` answers at
once.
"""

from __future__ import annotations

import ast
import importlib
import json
import sys
from pathlib import Path

import click

from twopm_zk.errors import InputError, TwopmError
from twopm_zk.system.files import shown

_COMMANDS = {
    "doctor": "pipeline.inspect",
    "circuits": "pipeline.inspect",
    "compile": "pipeline.build",
    "setup": "pipeline.build",
    "witness": "pipeline.prove",
    "check": "pipeline.check",
    "prove": "pipeline.prove",
    "verify": "pipeline.verify",
    "export-verifier": "pipeline.verify",
    "calldata": "pipeline.verify",
    "demo": "demo",
    "chain": "network.chain",
    "deploy": "network.deploy",
    "stake": "network.stake",
    "spec": "network.spec",
    "data": "network.data",
    "task": "network.task",
    "node": "network.node",
    "coordinator": "network.coordinator",
    "proceed": "network.aggregate",
    "aggregate": "network.aggregate",
    "certify": "network.aggregate",
    "audit": "network.audit",
    "retrain": "network.retrain",
    "network": "application.network",
    "operator": "application.predict",
    "predict": "application.predict",
    "fees": "application.fees",
    "converse": "application.converse",
    "serve": "application.serve",
}

EXIT_CODES = """\
Exit codes: 0 done; 1 the proof is false; 2 wrong options; 3 input that cannot be used; 4 a program is
missing, wrong or failing; 5 circuit; 6 keys; 7 no proof could be made; 8 chain; 9 training cannot go on;
10 another participant; 11 state on disk; 12 an audit found nothing wrong, but the keys are insecure;
130 interrupted."""

INSECURE_KEYS = 12
"""Exit code of an audit whose checks all hold under keys that prove nothing."""


class _LazyGroup(click.Group):
    """A group that imports a command's module when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"twopm_zk.cli.{_COMMANDS[cmd_name]}")
        command = getattr(module, cmd_name.replace("-", "_"))
        assert isinstance(command, click.Command)  # noqa: S101
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """As click writes them, without an import of what they do."""
        docstrings = {module: _docstrings(module) for module in set(_COMMANDS.values())}
        described = [
            click.Command(name, help=docstrings[module][name.replace("-", "_")]) for name, module in _COMMANDS.items()
        ]
        _InOrder(commands=described).format_commands(ctx, formatter)


class _InOrder(click.Group):
    """A group that lists its commands as they were given."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


def _docstrings(module: str) -> dict[str, str | None]:
    """Docstrings of the functions of a module of commands, by their names."""
    source = Path(__file__).parent.joinpath(*module.split(".")).with_suffix(".py").read_text()
    functions = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    return {function.name: ast.get_docstring(function) for function in functions}


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=EXIT_CODES,
)
@click.version_option(package_name="twopm-zk")
def cli() -> None:
    """Zero-knowledge proofs for federated logistic regression.

    Compile circuits, make keys, prove updates on rows that nobody sees, and verify the proofs in Python, with
    snarkjs, and in a contract on a real EVM node. Start with `twopm-zk doctor` and `twopm-zk demo`.
    """


def _refused(error: TwopmError) -> int:
    """Print an error for people, or as JSON; its exit code."""
    from twopm_zk.cli.next_steps import next_step

    hint = next_step(error)
    if "--json" in sys.argv:
        document = {"error": type(error).__name__, "kind": error.kind, "message": error.message, "hint": hint}
        click.echo(json.dumps(document))
    else:
        click.echo(f"{type(error).__name__}: {error.message}", err=True)
        if hint:
            click.echo(hint, err=True)
    return error.exit_code


def main() -> None:
    """Run the command; known errors become one message and an exit code, in JSON where --json was given."""
    try:
        sys.exit(cli.main(standalone_mode=False) or 0)
    except TwopmError as error:
        sys.exit(_refused(error))
    except OSError as error:
        # a name that no file can have, a disk that is full: where nothing nearer said so, the system's own words
        named = f"{shown(str(error.filename))} cannot be used: " if error.filename else ""
        sys.exit(_refused(InputError(f"{named}{error.strerror or error}")))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        click.echo("Interrupted; nothing was left half-written.", err=True)
        sys.exit(130)
