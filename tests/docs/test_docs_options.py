"""Commands in the documentation name commands and options that exist: at once, where test_guides.py takes minutes."""

import re
import shlex
from pathlib import Path

import click
import pytest

from twopm_zk.cli import cli
from twopm_zk.cli.application.predict import AskingGroup

DOCS = Path(__file__).parents[2] / "docs"
LINES = [
    (page.name, line)
    for page in sorted(DOCS.glob("*.md"))
    for block in re.findall(r"^```sh\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
    if line.startswith("twopm-zk ")
]


def test_the_guides_show_commands():
    assert {"data-owner.md", "coordinator.md", "auditor.md", "application-user.md"} <= {page for page, _ in LINES}


@pytest.mark.parametrize(("page", "line"), LINES)
def test_command_and_options_exist(page, line):
    command, words = cli, shlex.split(line)[1:]
    while isinstance(command, click.Group):
        words = command.spelt_out(words) if isinstance(command, AskingGroup) else words
        command = command.get_command(click.Context(command), words.pop(0))
        assert command is not None, f"{page}: {line}"
    parameters = {option: p for p in command.params for option in (*p.opts, *p.secondary_opts)}
    arguments = [p for p in command.params if isinstance(p, click.Argument)]
    given = 0
    while words:
        word = words.pop(0)
        if not word.startswith("--"):
            given += 1
            continue
        assert word in parameters, f"{page}: {line}: {word}"
        if not parameters[word].is_flag:
            words.pop(0)
    assert sum(p.required for p in arguments) <= given, f"{page}: {line}"
    assert given <= len(arguments) or any(p.nargs == -1 for p in arguments), f"{page}: {line}"
