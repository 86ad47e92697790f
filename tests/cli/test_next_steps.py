"""The library knows nothing of the command line: errors say what happened, `cli/next_steps.py` what to type next."""

import ast
import re
import string
from functools import cache
from pathlib import Path

import click
import pytest

import twopm_zk
from twopm_zk.cli import cli, next_steps
from twopm_zk.errors import TrainingError

PACKAGE = Path(twopm_zk.__file__).parent
OTHER_PROGRAMS = {
    "chain/development_node.py": {
        *(
            "--host",
            "--port",
            "--color",
            "--chain-id",
            "--hardfork",
            "--config-out",
            "--number",
            "--prune-history",
            "--block-time",
            "--no-request-size-limit",
        ),
    },
    "circuit/circom.py": {"--wasm", "--sym", "--r1cs", "--json"},
    "system/programs.py": {"--version"},
    "system/npm.py": {
        *("--no-save", "--no-audit", "--no-fund", "--no-update-notifier", "--ignore-scripts", "--omit"),
        *("--fetch-retry-mintimeout", "--fetch-retry-maxtimeout", "--loglevel"),
    },
}
"""Words with two hyphens that belong to programs that the library calls."""
OPTION = re.compile(r"(?<![\w(-])--[a-z][a-z0-9-]*")


@cache
def library():
    """Every module outside the command line: its path in the package, and its syntax tree."""
    paths = sorted(path for path in PACKAGE.rglob("*.py") if PACKAGE / "cli" not in path.parents)
    return [(path.relative_to(PACKAGE).as_posix(), ast.parse(path.read_text())) for path in paths]


@cache
def named():
    """`twopm-zk` with a command's name, and `make` with a target's."""
    words = "|".join(cli.list_commands(click.Context(cli)))
    return re.compile(rf"twopm-zk ({words})\b|`make [a-z]")


def mentions(tree, name):
    """Commands and options in the strings of a module, in its docstrings and in parts of f-strings too."""
    allowed = OTHER_PROGRAMS.get(name, set())
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found = [match.group() for match in named().finditer(node.value)]
            found += [word for word in OPTION.findall(node.value) if word not in allowed]
            yield from (f"{name}:{node.lineno}: {word}" for word in found)


@pytest.mark.slow
def test_no_room_but_the_command_line_names_a_command_or_an_option():
    found = [mention for name, tree in library() for mention in mentions(tree, name)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "line",
    [
        'raise InputError("no", hint="Run `twopm-zk deploy`.")',
        'raise InputError(f"no {x}", hint=f"Run twopm-zk setup {x}")',
        'hint = "Run `make setup`."',
        'hint = f"Give --ptau {x}"',
        'def f():\n    """See --scheduler."""',
    ],
)
def test_a_command_in_a_string_is_found(line):
    assert list(mentions(ast.parse(line), "any.py"))


@pytest.mark.slow
@pytest.mark.parametrize("room", ["circuit", "numbers", "plonk", "proving", "statements", "system"])
def test_no_sentence_of_the_library_names_a_command(room):
    assert [line for name, tree in library() if name.startswith(f"{room}/") for line in mentions(tree, name)] == []


def kinds():
    """Facts that errors of each kind carry wherever they are raised."""
    found = {}
    for _, tree in library():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name.endswith("_kind"):  # of errors without facts
                for line in ast.walk(node):
                    for word in ast.walk(line) if isinstance(line, ast.Return) else ():
                        if isinstance(word, ast.Constant) and isinstance(word.value, str):
                            found.setdefault(word.value, []).append(set())
            keywords = {k.arg: k.value for k in node.keywords} if isinstance(node, ast.Call) else {}
            if keywords.keys() & {"hint", "kind"} or getattr(getattr(node, "func", None), "id", "").endswith("Error"):
                for word in ast.walk(keywords["kind"]) if "kind" in keywords else ():
                    if isinstance(word, ast.Constant) and isinstance(word.value, str):
                        found.setdefault(word.value, []).append(keywords.keys() - {None})
    return found


@pytest.mark.slow
def test_every_next_command_is_for_a_kind_of_error_that_carries_what_it_names():
    raised = kinds()
    for kind, step in next_steps._BY_KIND.items():
        if kind == "stake-too-low":
            continue  # an obstacle, which is no error
        assert kind in raised, kind
        if isinstance(step, str):
            wanted = {name for _, name, _, _ in string.Formatter().parse(step) if name} - {"spec"}
            assert all(wanted <= facts for facts in raised[kind]), kind


def test_what_the_command_line_knows_is_in_the_next_command():
    error = TrainingError("no", kind="not-certifiable", task=3)
    assert next_steps.next_step(error) == "Next: `twopm-zk aggregate SPEC --task 3`."
    with pytest.raises(TrainingError) as caught, next_steps.with_facts(spec="my.toml", task=4):
        raise error
    assert next_steps.next_step(caught.value) == "Next: `twopm-zk aggregate my.toml --task 3`."


@pytest.mark.parametrize(("checkout", "command"), [(True, "make setup"), (False, "twopm-zk doctor --install")])
def test_missing_packages_are_installed_by_what_is_there(monkeypatch, checkout, command):
    monkeypatch.setattr(next_steps.paths, "is_checkout", lambda: checkout)
    monkeypatch.delenv("TWOPM_ZK_NODE_MODULES", raising=False)
    assert next_steps.after_kind("not-installed") == f"Run `{command}`."
    assert next_steps.after_kind("no-anvil").startswith(f"Run `{command}`, or set TWOPM_ZK_ANVIL")
    monkeypatch.setenv("TWOPM_ZK_NODE_MODULES", "elsewhere")
    assert f"TWOPM_ZK_NODE_MODULES names that folder: unset it, and run `{command}`" in next_steps.after_kind(
        "not-installed"
    )


def test_only_a_checkout_is_told_to_make_something(monkeypatch):
    assert [kind for kind, step in next_steps._BY_KIND.items() if isinstance(step, str) and "`make " in step] == []
    monkeypatch.setattr(next_steps.paths, "is_checkout", lambda: False)
    facts = {"package": "statsmodels"}
    kinds = ("not-installed", "no-anvil", "no-python-package")
    assert [kind for kind in kinds if "make" in next_steps.after_kind(kind, **facts)] == []
    assert next_steps.after_kind("no-python-package", **facts) == "Run `pip install statsmodels`."


def test_the_root_of_the_tree_of_errors_is_raised_nowhere():
    called = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in PACKAGE.rglob("*.py")
        if "TwopmError(" in (text := path.read_text())
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "TwopmError"
    ]
    assert called == []
