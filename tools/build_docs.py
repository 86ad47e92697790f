"""Build the documentation site: the guides as they are, a page for each command, and one for each room of the package.

Guides are the Markdown files of the repository, README first. Commands come from click itself, everything else from
docstrings, which are plain text here: `code` in backticks, lists, and indented lines that stay as they are.
A warning is an error: a link or heading that is not there, a module that cannot be imported.

Run: python tools/build_docs.py [FOLDER] (`make docs`); the pages lie in FOLDER, build/site where none is given.
"""

from __future__ import annotations

import ast
import gc
import importlib.util
import inspect
import logging
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
from sphinx.application import Sphinx
from sphinx.domains.python import PythonDomain
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.docstrings import prepare_docstring

import twopm_zk
import twopm_zk.chain
from twopm_zk.cli import cli

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "twopm_zk"
GUIDES = {
    "For people in a task": (
        "first-steps",
        "installation",
        "data-owner",
        "data-storage",
        "issuer",
        "coordinator",
        "auditor",
        "application-user",
        "converse",
        "api",
        "networks",
        "restaking",
        "training",
        "federated",
        "statistics",
        "privacy",
        "consent",
        "scale",
    ),
    "How it works": (
        "architecture",
        "protocol",
        "circuits",
        "contracts",
        "messages",
        "native-prover",
        "conversation",
        "bisection",
        "security",
        "licences",
    ),
}
PROJECT_PAGES = ("CONTRIBUTING", "SECURITY", "CHANGELOG")
SETTINGS = {
    "project": "twopm-zk",
    "copyright": "the authors of twopm-zk, Apache-2.0",
    "version": twopm_zk.__version__,
    "release": twopm_zk.__version__,
    "extensions": ["myst_parser", "sphinx.ext.autodoc"],
    "root_doc": "index",
    "highlight_language": "none",
    "html_theme": "furo",
    "html_title": f"twopm-zk {twopm_zk.__version__}",
    "html_show_sourcelink": False,
    "html_copy_source": False,
    "myst_heading_anchors": 4,
    "autodoc_default_options": {"members": True, "undoc-members": True, "member-order": "bysource", "no-value": True},
    "autodoc_typehints_format": "short",
    "autodoc_use_type_comments": False,  # there are none, and it would parse every function again to look for them
    "autodoc_mock_imports": [] if importlib.util.find_spec("twopm_zk._native") else ["twopm_zk._native"],
    "toc_object_entries": False,  # they would be in the navigation of every page
    "python_use_unqualified_type_names": True,
    "smartquotes": False,  # docstrings are shown as they were written
    "suppress_warnings": ["ref.python"],  # a name that several rooms have, in an annotation
}

CODE = re.compile(r"``(.+?)``|`([^`]+)`")
ITEM = re.compile(r"^[*-] ")


def plain_text(text: str) -> str:
    """ReStructuredText that shows the text of a docstring as it is, whatever its characters mean there."""
    shown: list[str] = []
    for part in re.split(r"\n\s*\n", textwrap.dedent(text.expandtabs()).strip("\n")):
        verbatim = part.startswith("\b")
        paragraph: list[str] = []
        for indented, lines in _runs([line for line in part.splitlines() if line.strip("\b ")]):
            session = lines[0].startswith(">>> ")
            if indented or session:
                literal = textwrap.indent(textwrap.dedent("\n".join(lines)), "    ")
                shown += [_paragraph(paragraph, verbatim), ".. code-block:: pycon" if session else "::", literal]
                paragraph = []
            else:
                paragraph += lines
        shown.append(_paragraph(paragraph, verbatim))
    return "\n\n".join(block for block in shown if block)


def _runs(lines: list[str]) -> list[tuple[bool, list[str]]]:
    """Lines in runs of the same kind, indented or not; a list's continuation lines belong to their item."""
    runs: list[tuple[bool, list[str]]] = []
    in_item = False
    for line in lines:
        in_item = bool(ITEM.match(line)) or (in_item and line.startswith("  "))
        indented = line.startswith(" ") and not in_item
        if not runs or runs[-1][0] != indented:
            runs.append((indented, []))
        runs[-1][1].append(line)
    return runs


def _paragraph(lines: list[str], verbatim: bool) -> str:
    if verbatim:
        return "\n".join(f"| {_inline(line)}" for line in lines)
    units: list[str] = []
    for line in lines:
        if units and not ITEM.match(line):
            units[-1] += " " + line.strip()
        else:
            units.append(line)
    return "\n".join(f"* {_inline(unit[2:])}" if ITEM.match(unit) else _inline(unit) for unit in units if unit != "::")


def _inline(text: str) -> str:
    shown, end = "", 0
    for code in CODE.finditer(text):
        shown += re.sub(r"([^\w\s])", r"\\\1", text[end : code.start()]).replace("_", r"\_")
        shown += rf"\ ``{(code[1] or code[2]).strip()}``\ "
        end = code.end()
    shown += re.sub(r"([^\w\s])", r"\\\1", text[end:]).replace("_", r"\_")
    return shown if re.match(r"[\\]|\w+\s|\w{4}", shown) else "\\" + shown  # no "1." or "a)" begins a list


def heading(title: str, underline: str = "=") -> str:
    return f"{title}\n{underline * len(title)}\n"


def toctree(pages: Iterable[str], caption: str = "") -> str:
    """Pages for the navigation, which is beside every page and needs no list in the text."""
    options = ["   :hidden:", *([f"   :caption: {caption}"] if caption else [])]
    return "\n".join([".. toctree::", *options, "", *(f"   {page}" for page in pages), ""])


# --- pages ---


def index() -> str:
    trees = [toctree([f"docs/{name}" for name in names], caption) for caption, names in GUIDES.items()]
    trees.append(toctree(["commands/index", "reference/index", "examples"], "Reference"))
    trees.append(toctree(PROJECT_PAGES, "The project"))
    return "\n".join([guide(ROOT / "README.md"), "```{eval-rst}", *trees, "```", ""])


def guide(page: Path) -> str:
    """A guide's Markdown, where README is the index and the folder of examples a page."""
    text = re.sub(r"(\]\((?:\.\./)*)README\.md", r"\1index.md", page.read_text())
    return re.sub(r"(\]\((?:\.\./)*)examples\)", r"\1examples.rst)", text)


def command_page(name: str) -> str:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    parent = click.Context(cli, info_name="twopm-zk")
    return "\n".join(_command(command, click.Context(command, info_name=name, parent=parent), "=-~^"))


def _help(command: click.Command) -> str:
    return inspect.cleandoc(command.help or "").partition("\f")[0]


def _command(command: click.Command, context: click.Context, underlines: str) -> list[str]:
    path = context.command_path
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    lines = [heading(path, underlines[0]), plain_text(_help(command)), "", "::", "", f"    {usage}", ""]
    lines += [f".. program:: {path}", ""]
    for record in filter(None, (parameter.get_help_record(context) for parameter in command.get_params(context))):
        if not record[1]:
            continue  # an argument, which the text above explains
        lines += [f".. option:: {record[0].replace(' / ', ', ')}", "", f"   {_inline(record[1])}", ""]
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            lines += _command(inner, click.Context(inner, info_name=name, parent=context), underlines[1:])
    return lines


def commands_index(names: list[str]) -> str:
    lines = [heading("Commands"), plain_text(cli.help or ""), "", ".. list-table::", "   :widths: 30 70", ""]
    for name in names:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        summary = _inline(command.get_short_help_str(200))
        lines += [f"   * - :doc:`twopm-zk {name} <{name}>`", f"     - {summary}"]
    return "\n".join([*lines, "", plain_text(cli.epilog or ""), "", toctree(names)])


def rooms() -> list[str]:
    """The rooms of the package, in the order of docs/architecture.md."""
    there = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    listed = re.findall(r"`([a-z_]+)/`", (ROOT / "docs" / "architecture.md").read_text())
    return sorted(there, key=lambda name: (listed.index(name), name))


def modules_of(folder: Path) -> list[str]:
    """Dotted names of the modules below a folder, its packages before what they hold."""
    paths = [path for path in folder.rglob("*.py") if path.name == "__init__.py" or not path.stem.startswith("_")]
    dotted = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths]
    return sorted(name.removesuffix(".__init__") for name in dotted)


def room_page(name: str) -> str:
    lines = [heading(f"twopm_zk.{name}")]
    for module in modules_of(PACKAGE / name):
        if module.count(".") > 1:
            lines.append(heading(module, "-"))
        package = (ROOT / Path(*module.split("."))).is_dir()
        lines += [f".. automodule:: {module}", *(["   :no-members:"] if package else []), ""]
    return "\n".join(lines)


def public_page(name: str) -> str:
    """What a package offers in `__all__`, under the names that its users write."""
    package = importlib.import_module(name)
    lines = [heading(f"{name}: the public names"), f".. automodule:: {name}", "   :no-members:", "   :no-index:", ""]
    for member in package.__all__:
        value = getattr(package, member)
        if isinstance(value, type) or callable(value):
            lines += [f".. auto{'class' if isinstance(value, type) else 'function'}:: {name}.{member}", ""]
        else:
            source = _source(name, member)
            said = ModuleAnalyzer.for_module(source).find_attr_docs().get(("", member), [])
            lines += [f".. py:data:: {name}.{member}", "", textwrap.indent(plain_text("\n".join(said)), "   "), ""]
    return "\n".join(lines)


def _source(package: str, name: str) -> str:
    """The module that a package imports a name from."""
    for line in ast.walk(ast.parse(ROOT.joinpath(*package.split("."), "__init__.py").read_text())):
        if isinstance(line, ast.ImportFrom) and line.module and name in {alias.name for alias in line.names}:
            return line.module
    raise LookupError(f"{package} does not import {name}")


def reference_index() -> str:
    lines = [heading("The package"), ".. list-table::", "   :widths: 30 70", ""]
    for name, summary in (
        ("public", "The names that `import twopm_zk as zk` offers."),
        ("public-chain", "The names that `twopm_zk.chain` offers."),
        *((name, (importlib.import_module(f"twopm_zk.{name}").__doc__ or "").partition("\n")[0]) for name in rooms()),
        ("errors", "Every error that is raised on purpose."),
    ):
        lines += [f"   * - :doc:`{name}`", f"     - {_inline(summary)}"]
    return "\n".join([*lines, "", toctree(["public", "public-chain", *rooms(), "errors"])])


def examples() -> str:
    lines = [heading("Examples"), "They are run by the tests.", ""]
    for path in sorted((ROOT / "examples").glob("*.py")):
        docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
        lines += [heading(path.name, "-"), plain_text(docstring), "", ".. code-block:: python", ""]
        lines += [textwrap.indent(path.read_text(), "   "), ""]
    return "\n".join(lines)


def pages() -> dict[str, str]:
    """Every page of the site by its path."""
    found = {"index.md": index(), "examples.rst": examples()}
    found |= {f"docs/{path.name}": guide(path) for path in (ROOT / "docs").glob("*.md")}
    found |= {f"{name}.md": guide(ROOT / f"{name}.md") for name in PROJECT_PAGES}
    names = cli.list_commands(click.Context(cli))
    found["commands/index.rst"] = commands_index(names)
    found |= {f"commands/{name}.rst": command_page(name) for name in names}
    found["reference/public.rst"] = public_page("twopm_zk")
    found["reference/public-chain.rst"] = public_page("twopm_zk.chain")
    found |= {f"reference/{name}.rst": room_page(name) for name in rooms()}
    found["reference/errors.rst"] = "\n".join([heading("twopm_zk.errors"), ".. automodule:: twopm_zk.errors", ""])
    found["reference/index.rst"] = reference_index()
    return found


# --- building ---


_find_among_all = PythonDomain.find_obj


def _find_by_last_name(self: Any, env: Any, modname: Any, classname: Any, name: str, *more: Any, **options: Any) -> Any:
    """`PythonDomain.find_obj` among the objects whose name ends as this one: no others are found there.

    Sphinx looks through all objects for each of twenty thousand names in annotations.
    """
    number, ending = self.__dict__.get("_ending", (0, {}))
    if number != len(self.objects):
        ending = {}
        for full_name, entry in self.objects.items():
            ending.setdefault(full_name.rpartition(".")[2], {})[full_name] = entry
        self.__dict__["_ending"] = len(self.objects), ending
    few = SimpleNamespace(
        objects=ending.get(name.removesuffix("()").rpartition(".")[2], {}),
        object_types=self.object_types,
        objtypes_for_role=self.objtypes_for_role,
    )
    return _find_among_all(few, env, modname, classname, name, *more, **options)


def write_sources(folder: Path) -> None:
    """The pages, of which an unchanged one is left alone, so that it is not built again."""
    wanted = {folder / path: text for path, text in pages().items()}
    for path in folder.rglob("*.*"):
        if path.suffix in (".md", ".rst") and path not in wanted:
            path.unlink()
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
    if (ROOT / "docs" / "images").is_dir():
        shutil.copytree(ROOT / "docs" / "images", folder / "docs" / "images", dirs_exist_ok=True)


def _docstring(app: object, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    if what == "data" and lines == prepare_docstring(type(obj).__doc__ or ""):
        lines[:] = []  # a constant without words of its own
    lines[:] = [*plain_text("\n".join(lines)).splitlines(), ""]


def build(site: Path, work: Path) -> int:
    """Build the site, with what Sphinx keeps for the next time in ``work``; the number of warnings."""
    write_sources(work / "source")
    PythonDomain.find_obj = _find_by_last_name  # type: ignore[method-assign]
    # in one process: of what two do, a third is to hand each other pages
    app = Sphinx(work / "source", None, site, work / "doctrees", "html", SETTINGS, status=None, warning=sys.stderr)
    logging.getLogger("sphinx").setLevel(logging.WARNING)  # nobody sees the rest, which is put together all the same
    app.connect("autodoc-process-docstring", _docstring)
    usual = gc.get_threshold()
    gc.set_threshold(50_000, 20, 50)  # pages are large trees that are kept: seldom is there anything to collect
    try:
        app.build()
    finally:
        gc.set_threshold(*usual)
    return int(app._warncount)


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build" / "site").resolve()
    if warnings := build(target, ROOT / "build" / "docs"):
        sys.exit(f"{warnings} warnings, which are errors here")
    print(f"{target / 'index.html'}")
