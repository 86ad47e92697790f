"""How the page is built, and what it takes for granted of the contracts."""

import re
import subprocess

import pytest
from support.web import BUILT, ROOT, needs_npm, needs_page

from twopm_zk.chain.compiler import compile_contract

pytestmark = needs_npm


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page") / "web"
    done = subprocess.run(["node", ROOT / "web" / "build.mjs", folder], capture_output=True, text=True, check=True)
    return folder, done.stdout


@needs_page
@pytest.mark.slow
def test_the_built_page_is_that_of_the_sources(made):
    folder, _ = made
    names = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    assert names == {path.relative_to(BUILT) for path in BUILT.rglob("*") if path.is_file()}
    assert all((folder / name).read_bytes() == (BUILT / name).read_bytes() for name in names if name.suffix != ".gz")


@pytest.mark.slow
def test_the_first_load_is_at_most_100_kilobytes_and_everything_is_compressed(made):
    folder, told = made
    assert int(re.search(r"first load: (\d+) bytes", told)[1]) <= 100_000
    plain = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".gz"]
    assert [path for path in plain if not path.with_name(path.name + ".gz").exists()] == []


@pytest.mark.slow
def test_nothing_of_the_page_is_inline_and_no_copyleft_program_is_part_of_it(made):
    folder, _ = made
    html = (folder / "index.html").read_text()
    assert re.search(r"<style|style=|<script(?![^>]* src=)|\son\w+=", html) is None
    assert re.findall(r'(?:src|href)="(?!/assets/|data:,")', html) == []
    licences = (folder / "assets" / "licences.txt").read_text()
    assert re.findall(r"^\S+ \S+: (?!MIT$)\S+", licences, re.MULTILINE) == []
    assert "snarkjs 0" not in licences


@pytest.mark.slow
def test_the_wallets_words_are_about_errors_and_functions_that_the_contracts_have():
    abi = compile_contract("InferenceContract").abi
    errors = {entry["name"] for entry in abi if entry["type"] == "error"}
    functions = {entry["name"]: len(entry["inputs"]) for entry in abi if entry["type"] == "function"}
    wallet = (ROOT / "web" / "src" / "wallet" / "wallet.ts").read_text()
    told = re.findall(r"^  (\w+):", re.search(r"REVERTS.*?\n\};", wallet, re.DOTALL)[0], re.MULTILINE)
    assert told
    assert set(told) <= errors
    assert {"ask": 5, "refund": 1, "slashLate": 1, "claim": 2, "withdraw": 2}.items() <= functions.items()
