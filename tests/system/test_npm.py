"""npm's packages get into the cache whole and as the lock has them, or not at all; a stand-in plays npm."""

import json
import os
import platform
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from twopm_zk.errors import ToolError, ToolMissingError, ToolVersionError
from twopm_zk.system import npm, paths, programs

HERE = {"optional": True, "os": [sys.platform], "cpu": [npm._CPUS.get(platform.machine(), platform.machine())]}
LOCK = {
    "": {"name": "project", "version": "0.1.0"},
    "node_modules/plain": {"version": "1.0.0"},
    "node_modules/@scope/outer": {"version": "2.0.0"},
    "node_modules/@scope/outer/node_modules/plain": {"version": "0.9.0"},
    "node_modules/@scope/program-here": {"version": "3.0.0", **HERE},
    "node_modules/@scope/program-elsewhere": {"version": "3.0.0", "optional": True, "os": ["aix"], "cpu": ["ppc64"]},
    "node_modules/linter": {"version": "4.0.0", "dev": True},
}
NPM = f"""#!{sys.executable}
import json, os, pathlib, sys
with open(os.environ["CALLS"], "a") as calls:
    print(*sys.argv[1:], file=calls)
print("npm http fetch GET https://registry.invalid/@scope%2fouter attempt 1 failed with ECONNRESET")
print("npm http fetch GET 200 https://registry.invalid/plain-1.0.0.tgz 3ms")
for place, row in json.load(open("package-lock.json"))["packages"].items():
    name = place.rpartition("node_modules/")[2]
    if not place or row.get("dev") or "elsewhere" in name or name == os.environ.get("WITHOUT"):
        continue
    pathlib.Path(place).mkdir(parents=True)
    version = os.environ.get("VERSION", row["version"])
    pathlib.Path(place, "package.json").write_text(json.dumps({{"name": name, "version": version}}))
    if "FAILING" in os.environ:
        print("npm error code ENOTFOUND\\nnpm error     at a line of its program\\nnpm error network request failed")
        sys.exit(1)
"""


def executable(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def wheel(tmp_path, monkeypatch, fresh_cache):
    """What a wheel installed: its data, no packages anywhere, and an npm that fetches nothing."""
    data = tmp_path / "site-packages" / "twopm_zk" / "_data"
    data.mkdir(parents=True)
    (data / "package.json").write_text("{}")
    (data / "package-lock.json").write_text(json.dumps({"packages": LOCK}))
    monkeypatch.setattr(paths, "source_root", lambda: data)
    monkeypatch.delenv("TWOPM_ZK_NODE_MODULES", raising=False)
    monkeypatch.setenv("TWOPM_ZK_NPM", str(executable(tmp_path / "npm", NPM)))
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    return data


def calls(tmp_path):
    return (tmp_path / "calls").read_text().splitlines()


def left(cache):
    return sorted(path.name for path in (cache / "npm").iterdir())


def test_packages_are_fetched_into_the_cache_once(wheel, tmp_path):
    said = []
    packages = npm.install(said.append)
    assert packages.fetched
    assert paths.node_modules() == packages.folder == paths.npm_entry() / "node_modules"
    assert paths.npm_version(paths.npm_package("@scope/outer/node_modules/plain")) == "0.9.0"
    assert said == ["@scope%2fouter attempt 1 failed with ECONNRESET", "plain-1.0.0.tgz"]
    assert npm.install() == npm.NpmPackages(packages.folder, fetched=False)
    (call,) = calls(tmp_path)
    assert {"install", "--ignore-scripts", "--omit=dev", "--no-save"} <= set(call.split())


def test_a_failed_npm_leaves_nothing_and_a_second_try_works(wheel, fresh_cache, monkeypatch):
    monkeypatch.setenv("FAILING", "yes")
    with pytest.raises(ToolError, match="ENOTFOUND\nnetwork request failed"):
        npm.install()
    assert left(fresh_cache) == []
    with pytest.raises(ToolMissingError):
        paths.node_modules()
    monkeypatch.delenv("FAILING")
    assert npm.install().fetched


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("VERSION", "1.0.1", r"plain 1\.0\.1, not plain 1\.0\.0"),
        ("WITHOUT", "plain", "plain is not there"),
        ("WITHOUT", "@scope/program-here", "program-here is not there"),
    ],
)
def test_other_packages_than_those_of_the_lock_are_refused(wheel, fresh_cache, monkeypatch, variable, value, words):
    monkeypatch.setenv(variable, value)
    with pytest.raises(ToolError, match=words):
        npm.install()
    assert left(fresh_cache) == []


@pytest.mark.parametrize("content", [None, "{", '{"version": "1.0.0"}', '{"name": "plain", "version": "1.0.1"}'])
def test_a_damaged_folder_of_the_cache_is_fetched_again(wheel, fresh_cache, content):
    package = npm.install().folder / "plain" / "package.json"
    package.unlink() if content is None else package.write_text(content)
    assert npm.install().fetched
    assert json.loads(package.read_text()) == {"name": "plain", "version": "1.0.0"}
    assert left(fresh_cache) == [paths.npm_entry().name]


def test_two_that_install_at_once_fetch_once(wheel, tmp_path):
    programs.node()  # its version is asked for once
    with ThreadPoolExecutor(2) as pool:
        fetched = [packages.fetched for packages in pool.map(lambda _: npm.install(), range(2))]
    assert sorted(fetched) == [False, True]
    assert len(calls(tmp_path)) == 1


def test_another_lock_has_another_entry(wheel):
    before = npm.install().folder
    (wheel / "package-lock.json").write_text(
        json.dumps({"packages": LOCK | {"node_modules/more": {"version": "5.0.0"}}})
    )
    assert npm.install().fetched
    assert (before / "plain").is_dir()
    assert before != paths.node_modules()


def test_packages_are_those_named_then_the_checkouts_then_the_caches(wheel, tmp_path, monkeypatch):
    (tmp_path / "work" / "node_modules" / "plain").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work")
    with pytest.raises(ToolMissingError, match="not installed"):
        paths.node_modules()  # the working folder's are somebody else's: they would be run
    cached = npm.install().folder
    assert paths.node_modules() == cached
    (wheel / "node_modules").mkdir()
    assert paths.node_modules() == wheel / "node_modules"
    monkeypatch.setenv("TWOPM_ZK_NODE_MODULES", str(cached))
    assert paths.node_modules() == cached


def test_a_folder_that_comes_before_the_cache_is_left_alone(wheel, tmp_path, monkeypatch):
    monkeypatch.setenv("TWOPM_ZK_NODE_MODULES", str(tmp_path / "mine"))
    with pytest.raises(ToolVersionError, match="plain is not there"):
        npm.install()
    assert not (tmp_path / "mine").exists()
    assert not (tmp_path / "calls").exists()


def test_a_missing_npm_and_an_old_node_are_named(wheel, tmp_path, monkeypatch):
    monkeypatch.setenv("TWOPM_ZK_NPM", str(tmp_path / "nowhere"))
    with pytest.raises(ToolMissingError, match="npm was not found"):
        npm.install()
    monkeypatch.setenv("TWOPM_ZK_NODE", str(executable(tmp_path / "old" / "node", "#!/bin/sh\necho v18.20.0\n")))
    with pytest.raises(ToolVersionError, match=r"18\.20\.0 is too old"):
        npm.install()


def test_npms_script_is_run_by_the_node_that_is_used(wheel, tmp_path, monkeypatch):
    node = programs.node()
    script = executable(
        tmp_path / "lib" / "npm-cli.js", '#!/usr/bin/env node\nconsole.log("npm error ran"); process.exit(1)'
    )
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "npm").symlink_to(script)
    executable(tmp_path / "bin" / "node", "#!/bin/sh\necho another node\nexit 1\n")
    monkeypatch.setenv("TWOPM_ZK_NPM", str(tmp_path / "bin" / "npm"))
    monkeypatch.setenv("TWOPM_ZK_NODE", str(node))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(ToolError, match=r":\nran\n"):
        npm.install()


def test_the_lock_pins_every_package_by_a_hash_and_those_for_other_machines_too():
    lock = json.loads((Path(__file__).parents[2] / "package-lock.json").read_text())["packages"]
    assert [place for place, row in lock.items() if place and not row.get("integrity", "").startswith("sha512-")] == []
    optional = {name for row in lock.values() for name in row.get("optionalDependencies", ())}
    assert [name for name in optional if f"node_modules/{name}" not in lock] == []
    assert len(optional) >= 5
