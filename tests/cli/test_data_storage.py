"""`data put`, `get`, `grant` and what goes with them: the page's own lines, and everything that is wrong at first."""

import json
import shlex
import stat

import pytest
from eth_account import Account
from support.data_sets import NOTE, SPEC, write_all, write_part
from support.guides import PASSWORD, sections

from twopm_zk.chain.deployment import Deployment
from twopm_zk.cli import main
from twopm_zk.cli.data.storage import plain, url_of
from twopm_zk.node.store import NodeStore
from twopm_zk.task.specification_file import write_spec

pytestmark = pytest.mark.chain
PAGE = sections("data-storage")
OWNER, MEMBER, STRANGER = 1, 3, 5
SPEC_FILE = "spec.json"


@pytest.fixture
def stage(world, tmp_path, monkeypatch, capsys):
    return Stage(world, tmp_path, monkeypatch, capsys)


class Stage:
    """People in folders of their own, whose commands run in this process."""

    def __init__(self, world, folder, monkeypatch, capsys):
        self.world, self.folder, self.patch, self.capsys = world, folder, monkeypatch, capsys
        self.done = set()
        # what every command compares first is the subject of other tests, and takes most of the time of these
        monkeypatch.setattr(Deployment, "check", lambda *_, **__: {})

    def enter(self, account):
        folder = self.folder / f"person{account}"
        if not folder.exists():
            folder.mkdir()
            write_spec(SPEC, folder / SPEC_FILE)
            self.world.deployment.write(folder / "deployment.json")
            key = Account.encrypt(self.world.node.private_keys[account], PASSWORD, kdf="pbkdf2", iterations=1000)
            (folder / "me.json").write_text(json.dumps(key))
        self.patch.chdir(folder)
        self.patch.setenv("TWOPM_ZK_PASSWORD", PASSWORD)
        self.patch.delenv("TWOPM_ZK_PRIVATE_KEY", raising=False)
        self.patch.setenv("TWOPM_ZK_KEYSTORE", "me.json")
        self.patch.setenv("TWOPM_ZK_DEPLOYMENT", "deployment.json")
        self.patch.setenv("TWOPM_ZK_RPC_URL", self.world.node.url)
        return folder

    def run(self, account, *words):
        self.enter(account)
        self.patch.setattr("sys.argv", ["twopm-zk", *map(str, words)])
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            main()
        printed = self.capsys.readouterr()
        return caught.value.code, printed.out, " ".join(printed.err.split())

    def works(self, account, *words):
        code, out, err = self.run(account, *words)
        assert code == 0, err
        return out

    def finds(self, account, *words):
        return json.loads(self.works(account, *words, "--json"))

    def fails(self, account, *words, code, message, hint=""):
        got, out, _ = self.run(account, *words, "--json")
        document = json.loads(out)
        assert (got, message in document["message"]) == (code, True), document
        assert hint in (document["hint"] or ""), document
        assert NOTE.strip() not in out

    def follows(self, account, section, lines=slice(None)):
        said = []
        for line in PAGE[section][lines]:
            self.done.add((section, line))
            if not line.startswith("export "):
                words = shlex.split(line.replace("spec.toml", SPEC_FILE))
                assert words[0] == "twopm-zk"
                said.append(self.works(account, *words[1:]))
        return said

    def owner(self):
        """An account whose rows are registered."""
        folder = self.enter(OWNER)
        rows = write_all(folder / "rows.csv", times=2, notes=40_000)
        self.works(OWNER, "data", "register", SPEC_FILE, "--data", rows)
        return folder


@pytest.mark.slow
def test_the_lines_of_the_page_work_as_printed(stage):
    owner = stage.owner()
    put, verified, shown = stage.follows(OWNER, "Store")
    assert f"is stored at file://{owner}/backup" in put
    assert "opens the commitments in DataHub" in verified
    assert "granted to nobody" in shown
    (published,) = stage.follows(MEMBER, "Be granted access")
    assert "0x90F79bf6EB2c4f870365E785982E1f101E93b906" in published
    granted, listed = stage.follows(OWNER, "Grant and revoke", slice(2))
    assert "may have version 1 until 2100-01-01 00:00:00 UTC" in granted
    assert "granted, version 1" in listed
    assert "for: Check the rows of the study" in listed
    (retrieved,) = stage.follows(MEMBER, "Retrieve")
    assert "2 batches open the commitments of 0x70997970C51812dc3A010C7d01b50e0d17dc79C8" in retrieved
    study = stage.enter(MEMBER) / "study"
    assert (study / "rows.csv").read_bytes() == (owner / "rows.csv").read_bytes()
    assert sorted(path.name for path in study.iterdir()) == ["data.package", "rows.csv"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in study.iterdir()} == {0o600}
    revoked, again = stage.follows(OWNER, "Grant and revoke", slice(2, None))
    assert "a new key is used from the next `twopm-zk data put` on" in revoked
    assert "version 2 of data set" in again
    stage.fails(
        MEMBER,
        *("data", "get", SPEC_FILE, "--owner", "0x70997970C51812dc3A010C7d01b50e0d17dc79C8", "--out", "again"),
        code=10,
        message="is revoked",
        hint="`twopm-zk data grant`",
    )
    assert not (stage.enter(MEMBER) / "again" / "rows.csv").exists()
    (restored,) = stage.follows(OWNER, "Restore a node")
    assert "2 batches and the record of 0 shares are back in restored.db" in restored
    with NodeStore(owner / "restored.db") as new, NodeStore(owner / "node.db") as old:
        salts = [[entry.batch.salt for entry in store.batches(SPEC.data_terms.id)] for store in (new, old)]
    assert salts[0] == salts[1]
    assert stat.S_IMODE((owner / "restored.db").stat().st_mode) == 0o600
    assert {(section, line) for section, lines in PAGE.items() for line in lines} == stage.done
    # the salts are in the owner's state and the member's package, and in no storage
    for path in (owner / "backup").iterdir():
        assert not [salt for salt in salts[0] if salt.to_bytes(32, "big") in path.read_bytes()]


@pytest.mark.slow
def test_what_is_stored_granted_and_held_is_told_to_programs(stage):
    owner = stage.owner()
    found = stage.finds(OWNER, "data", "put", SPEC_FILE, "--data", "rows.csv", "--to", "backup")
    assert (found["rows"]["new"], found["rows"]["version"]) == (True, 1)
    again = stage.finds(OWNER, "data", "put", SPEC_FILE, "--data", "rows.csv", "--to", "backup")
    assert again["rows"] == found["rows"] | {"new": False}
    stage.works(MEMBER, "data", "key")
    address = stage.world.node.accounts[MEMBER]
    grant = ("data", "grant", SPEC_FILE, address, "--purpose", "x", "--until", "2099-12-31")
    granted = stage.finds(OWNER, *grant)
    assert (granted["until"], granted["state"]) == (4102444800, "granted")
    listed = stage.finds(MEMBER, "data", "list")
    assert (listed["stored"], listed["granted"], listed["received"]) == ([], [], [granted])
    shown = stage.finds(MEMBER, "data", "show", SPEC_FILE, "--owner", granted["owner"])
    assert (shown["granted"], shown["version"], shown["withdrawn"]) == ([granted], 1, None)
    whole = stage.finds(STRANGER, "data", "verify", SPEC_FILE, "--owner", granted["owner"])
    assert whole["opened"] is False
    opened = stage.finds(MEMBER, "data", "verify", SPEC_FILE, "--owner", granted["owner"], "--state", "node.db")
    assert opened["opened"] is True
    mirror = stage.enter(MEMBER) / "mirror"
    (owner / "backup").rename(mirror)
    get = ("data", "get", SPEC_FILE, "--owner", granted["owner"], "--out", "study")
    stage.fails(MEMBER, *get, code=10, message="the storage has no", hint="`twopm-zk data put`")
    got = stage.finds(MEMBER, *get, "--from", "mirror")
    assert (got["batches"], got["rows"], got["rows_file"]) == (2, 64, "study/rows.csv")
    stage.fails(MEMBER, *get, "--from", "mirror", code=3, message="exists", hint="--force")
    stage.finds(MEMBER, *get, "--from", "mirror", "--force")
    sorted(mirror.iterdir())[0].write_bytes(b"x")
    before = (stage.enter(MEMBER) / "study" / "rows.csv").stat().st_mtime_ns
    stage.fails(MEMBER, *get, "--from", "mirror", "--force", code=10, message="")
    assert (stage.enter(MEMBER) / "study" / "rows.csv").stat().st_mtime_ns == before
    assert len(list((stage.enter(MEMBER) / "study").iterdir())) == 2


@pytest.mark.slow
def test_what_goes_wrong_at_first_is_told_with_what_to_do_next(stage):
    member, get = stage.world.node.accounts[MEMBER], ("data", "get", SPEC_FILE, "--out", "mine")
    put = ("data", "put", SPEC_FILE, "--data", "rows.csv", "--to", "backup")
    stage.fails(OWNER, *put, code=11, message="no state file")
    owner = stage.owner()
    stage.fails(OWNER, *get, code=10, message="has stored nothing", hint="twopm-zk data put")
    stage.fails(OWNER, "data", "verify", SPEC_FILE, code=10, message="has stored nothing", hint="twopm-zk data put")
    stage.fails(OWNER, "data", "restore", SPEC_FILE, "--state", "new.db", code=10, message="has stored nothing")
    stage.fails(OWNER, "data", "revoke", SPEC_FILE, member, code=8, message="NoAccess", hint="twopm-zk data show SPEC")
    write_part(owner / "other.csv")
    stage.fails(
        OWNER,
        *("data", "put", SPEC_FILE, "--data", "other.csv", "--to", "backup"),
        code=3,
        message="cut into other batches",
        hint="the file that was registered",
    )
    for location in ("s3://key:secret@bucket/a", "http://a.example/b"):
        stage.fails(OWNER, *put[:-1], location, code=3, message="the location", hint="s3://bucket/folder")
    (owner / "blocked").write_text("a file where a folder should be")
    stage.fails(OWNER, *put[:-1], "blocked", code=10, message="cannot be used", hint="--to")
    stage.works(OWNER, *put)
    grant = ("data", "grant", SPEC_FILE, member, "--purpose", "x")
    stage.fails(OWNER, *grant, "--until", "2099-12-31", code=3, message="no key", hint="twopm-zk data key")
    stage.fails(
        OWNER,
        "data",
        "grant",
        SPEC_FILE,
        "0x1",
        "--purpose",
        "x",
        "--until",
        "2099-12-31",
        code=3,
        message="not an address",
    )
    stage.works(MEMBER, "data", "key")
    stage.fails(OWNER, *grant, "--until", "2020-01-01", code=8, message="AlreadyOver", hint="--until DATE")
    theirs = (*get, "--owner", stage.world.node.accounts[OWNER])
    stage.fails(STRANGER, *theirs, code=10, message="no access", hint="twopm-zk data grant")
    stage.works(OWNER, *grant, "--until", "2099-12-31")
    stage.fails(MEMBER, *theirs, "--state", "none.db", code=11, message="no state file")
    with NodeStore(stage.enter(MEMBER) / "other.db"):
        pass
    stage.fails(
        MEMBER, *theirs, "--state", "other.db", code=11, message="no key for messages", hint="twopm-zk data key"
    )
    stage.fails(MEMBER, "data", "key", "--state", "other.db", code=3, message="another key", hint="operator.db")
    stage.fails(MEMBER, *theirs, "--state", "other.db", code=10, message="was not wrapped", hint="--state FILE")
    stage.fails(MEMBER, "data", "verify", SPEC_FILE, "--held-out", code=10, message="has stored nothing")


@pytest.mark.slow
def test_a_grant_for_ever_by_an_owner_with_a_program_of_its_own_is_shown(stage):
    stage.owner()
    stage.works(OWNER, "data", "put", SPEC_FILE, "--data", "rows.csv", "--to", "backup")
    stage.works(MEMBER, "data", "key")
    access = stage.world.view(OWNER).network.data_access
    access.grant(SPEC.data_terms.id, stage.world.node.accounts[MEMBER], 1, (1 << 64) - 1, "\x1b[2J", b"x")
    said = stage.works(MEMBER, "data", "list")
    assert "until 9999-12-31 23:59:59 UTC, for: \ufffd[2J" in said
    get = ("data", "get", SPEC_FILE, "--owner", stage.world.node.accounts[OWNER], "--out", "study")
    stage.fails(MEMBER, *get, code=10, message="was not wrapped for this key")


def test_a_folder_is_a_location_and_a_url_is_one_as_it_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert url_of("backup") == f"file://{tmp_path}/backup"
    assert url_of("/srv/study") == "file:///srv/study"
    assert url_of("s3://bucket/a") == "s3://bucket/a"


def test_what_others_wrote_does_nothing_to_a_terminal():
    assert plain("a\x1b[2J\nb\u202e") == "a\ufffd[2J\ufffdb\ufffd"
