"""The command in this process: exit code, standard output, standard error."""

import pytest

from twopm_zk.cli import main


def invoke(monkeypatch, capsys, *arguments):
    """Run in this process, which saves the start of Python."""
    monkeypatch.setattr("sys.argv", ["twopm-zk", *map(str, arguments)])
    with pytest.raises(SystemExit) as caught:
        main()
    printed = capsys.readouterr()
    return caught.value.code, printed.out, printed.err


@pytest.fixture
def call(monkeypatch, capsys):
    return lambda *arguments: invoke(monkeypatch, capsys, *arguments)
