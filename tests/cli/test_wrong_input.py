"""What a new user gets wrong, in every command on a chain: one line, the next thing to do, the right exit code."""

import http.server
import io
import json
import shutil
import sys
import threading
import time
from collections import Counter

import pytest
from eth_account import Account
from support.people_shell import write_rows
from support.people_world import replace

from twopm_zk.chain.rpc import EndpointError, RpcProvider
from twopm_zk.cli import main
from twopm_zk.system.paths import PACKAGE_DIR
from twopm_zk.task.metadata import draft
from twopm_zk.task.specification_file import write_spec

pytestmark = pytest.mark.slow

ADDRESS = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
READING = {
    "stake show": ("--account", ADDRESS),
    "task list": (),
    "task show": ("1",),
    "audit": ("1",),
    "network list": (),
    "network show": ("1",),
    "fees show": ("--account", ADDRESS),
}
TRANSACTING = {
    "stake add": ("1",),
    "stake unstake": ("1",),
    "stake withdraw": (),
    "stake delegate": ("1",),
    "stake undelegate": ("1",),
    "stake complete": (),
    "node leave": (),
    "coordinator take-over": ("1",),
    "task open": ("1",),
    "task close": ("1",),
    "task share": ("1",),
    "task expel": ("1", ADDRESS),
    "task settle": ("1",),
    "task reopen": ("1",),
    "task finish": ("1",),
    "network set-terms": ("1", "--fee", "0.1"),
    "network set-metadata": ("1", "--metadata", "network.json"),
    "network close": ("1",),
    "network open": ("1",),
    "network enrol": ("1",),
    "operator withdraw": ("--network", "1"),
    "operator slash-late": ("1",),
    "predict refund": ("1",),
    "fees claim": ("--network", "1"),
    "fees withdraw": (),
}
WITH_SPEC = {
    "data register": ("spec.json", "--data", "rows.csv"),
    "node join": ("spec.json",),
    "node run": ("spec.json", "--data", "rows.csv", "--coordinator", ADDRESS),
    "coordinator run": ("spec.json",),
    "task create": ("spec.json",),
    "node submit": ("spec.json", "--task", "1"),
    "node ready": ("spec.json", "--task", "1"),
    "node share": ("spec.json", "--task", "1"),
    "proceed": ("spec.json", "--task", "1"),
    "aggregate": ("spec.json", "--task", "1", "--state", "coordinator.db"),
    "certify": ("spec.json", "--task", "1", "--state", "coordinator.db"),
    "network create": ("spec.json", "--task", "1", "--metadata", "network.json"),
    "predict": ("spec.json", "--network", "1", "--operator", ADDRESS, "--input", "student.json"),
    "operator run": ("spec.json", "--network", "1"),
}
SIGNING = TRANSACTING | WITH_SPEC
ON_CHAIN = READING | SIGNING


class User:
    def __init__(self, party, monkeypatch, capsys):
        self.party, self.folder, self.patch, self.capsys = party, party.folder, monkeypatch, capsys
        monkeypatch.chdir(party.folder)
        for name in ("TWOPM_ZK_KEYSTORE", "TWOPM_ZK_PASSWORD", "TWOPM_ZK_DEPLOYMENT"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("TWOPM_ZK_RPC_URL", party.world.node.url)
        monkeypatch.setenv("TWOPM_ZK_PRIVATE_KEY", party.world.node.private_keys[1])
        party.world.deployment.write(party.folder / "deployment.json")
        write_spec(party.spec, party.folder / "spec.json")
        write_rows(party.folder / "rows.csv", party.tables[0])
        (party.folder / "network.json").write_bytes(draft(party.spec).encoded)
        (party.folder / "student.json").write_text('{"GPA": 3.4, "TUCE": 25.0, "PSI": 1.0}')
        from twopm_zk.coordinator.store import CoordinatorStore
        from twopm_zk.node.store import NodeStore

        CoordinatorStore(party.folder / "coordinator.db").close()
        NodeStore(party.folder / "node.db").close()

    def fails(self, command, *words, code, message, hint=None):
        """The error, once as JSON and once for people, each a line and a hint."""
        printed = []
        for extra in (["--json"], []):
            self.patch.setattr("sys.argv", ["twopm-zk", *command.split(), *extra, *map(str, words)])
            self.capsys.readouterr()
            with pytest.raises(SystemExit) as caught:
                main()
            printed.append(self.capsys.readouterr())
            assert caught.value.code == code, printed[-1].out + printed[-1].err
        document = json.loads(printed[0].out.splitlines()[-1])
        assert message in document["message"]
        assert "\n" not in document["message"]
        assert len(document["message"]) < 400
        if hint is not None:
            assert hint in document["hint"]
        lines = printed[1].err.splitlines()
        expected = [f"{document['error']}: {document['message']}", *([document["hint"]] if document["hint"] else [])]
        assert lines[-len(expected) :] == expected
        assert self.party.world.node.private_keys[1].removeprefix("0x") not in printed[0].out + printed[1].err


@pytest.fixture
def user(party, monkeypatch, capsys):
    return User(party, monkeypatch, capsys)


class NotANode(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>hello</html>")

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def web_server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), NotANode) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def no_pauses(monkeypatch):
    """A silent node is asked several times, and a receipt waited for: pauses pass at once, and the clock goes on."""
    slept, plain = [0.0], time.monotonic

    def sleep(seconds):
        slept[0] += seconds

    monkeypatch.setattr("time.sleep", sleep)
    monkeypatch.setattr("time.monotonic", lambda: plain() + slept[0])


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("command", [*ON_CHAIN, "deploy"])
def test_no_node_at_the_url(user, web_server, command):
    words = ON_CHAIN.get(command, ("--deployment", "new.json"))
    for url in ("http://127.0.0.1:9", web_server):
        user.fails(command, *words, "--rpc-url", url, code=8, message="no EVM node answers", hint="--rpc-url")
    for url in ("nonsense", "ftp://127.0.0.1", "http://127.0.0.1:99999"):
        user.fails(command, *words, "--rpc-url", url, code=3, message="not an http or https URL", hint="--rpc-url")


@pytest.mark.parametrize("command", ON_CHAIN)
def test_a_deployment_file_that_is_none(user, command):
    words = ON_CHAIN[command]
    (user.folder / "text.json").write_text("hello")
    (user.folder / "other.json").write_text('{"format": 1, "chain_id": 31337}')
    (user.folder / "list.json").write_text("[1]")
    (user.folder / "binary.json").write_bytes(bytes(range(256)))
    user.fails(command, *words, "--deployment", "none.json", code=3, message="no deployment file", hint="--deployment")
    user.fails(command, *words, "--deployment", ".", code=3, message="no deployment file", hint="--deployment")
    for name in ("text.json", "other.json", "list.json", "binary.json"):
        user.fails(command, *words, "--deployment", name, code=8, message="is not a deployment file", hint="twopm-zk")


@pytest.mark.parametrize("command", ON_CHAIN)
def test_a_deployment_of_another_chain_or_of_no_code(user, command):
    words, deployment = ON_CHAIN[command], user.party.world.deployment
    replace(deployment, chain_id=5).write(user.folder / "chain.json")
    user.fails(command, *words, "--deployment", "chain.json", code=8, message="is on chain 5", hint="--rpc-url")
    nowhere = {name: replace(entry, address="0x" + "11" * 20) for name, entry in deployment.contracts.items()}
    replace(deployment, contracts=nowhere).write(user.folder / "nowhere.json")
    user.fails(command, *words, "--deployment", "nowhere.json", code=8, message="has no code", hint="started again")


@pytest.mark.parametrize("command", [*SIGNING, "deploy"])
def test_an_account_that_is_none(user, command):
    words = SIGNING.get(command, ("--deployment", "new.json"))
    user.patch.delenv("TWOPM_ZK_PRIVATE_KEY")
    user.fails(command, *words, code=3, message="needs an account", hint="--keystore")
    user.patch.setenv("TWOPM_ZK_PRIVATE_KEY", "0x1234")
    user.fails(command, *words, code=3, message="is not 32 bytes in hexadecimal", hint="TWOPM_ZK_PRIVATE_KEY")
    user.patch.setenv("TWOPM_ZK_PASSWORD", "wrong")
    user.fails(command, *words, "--keystore", "none.json", code=3, message="cannot be read", hint="--keystore")
    for name, content in (("text.json", "hello"), ("list.json", "[1]"), ("object.json", '{"crypto": 1, "version": 3}')):
        (user.folder / name).write_text(content)
        user.fails(command, *words, "--keystore", name, code=3, message="keystore", hint="--keystore")
    key = Account.encrypt(user.party.world.node.private_keys[1], "right", kdf="pbkdf2", iterations=10)
    (user.folder / "me.json").write_text(json.dumps(key))
    user.fails(command, *words, "--keystore", "me.json", code=3, message="wrong password", hint="--keystore")
    user.patch.delenv("TWOPM_ZK_PASSWORD")
    user.patch.setattr("sys.stdin", io.StringIO())  # nobody is there to be asked
    user.patch.setattr("getpass.getpass", lambda *_, **__: input())
    user.fails(command, *words, "--keystore", "me.json", code=3, message="password", hint="TWOPM_ZK_PASSWORD")


@pytest.mark.parametrize("command", WITH_SPEC)
def test_a_specification_that_is_none(user, command):
    words = WITH_SPEC[command][1:]
    (user.folder / "text.toml").write_text("hello")
    (user.folder / "list.json").write_text("[1]")
    (user.folder / "binary.toml").write_bytes(bytes(range(256)))
    user.fails(command, "none.toml", *words, code=3, message="cannot be read")
    user.fails(command, ".", *words, code=3, message="cannot be read")
    user.fails(command, "text.toml", *words, code=3, message="is not TOML")
    user.fails(command, "binary.toml", *words, code=3, message="is not TOML")
    user.fails(command, "list.json", *words, code=3, message="a specification is a table of keys")


@pytest.mark.parametrize("command", ["data register", "node run"])
def test_rows_that_cannot_be_read(user, command):
    words = ["spec.json", *(("--coordinator", ADDRESS) if command == "node run" else ())]
    (user.folder / "binary.csv").write_bytes(bytes(range(256)))
    (user.folder / "empty.csv").write_text("")
    (user.folder / "ragged.csv").write_text("GPA,TUCE,PSI,GRADE\n3,20\n" + "3,20,1,1\n" * 10)
    (user.folder / "others.csv").write_text("GPA,TUCE,AGE,GRADE\n3,20,1,0\n" + "3,20,1,1\n" * 10)
    for name, message in (
        ("none.csv", "cannot be read"),
        (".", "cannot be read"),
        ("binary.csv", "is not a CSV file"),
        ("empty.csv", "has no rows"),
        ("ragged.csv", "row 1 has 2 cells"),
        ("others.csv", "PSI"),
    ):
        user.fails(command, *words, "--data", name, code=3, message=message)


@pytest.mark.parametrize(
    "command",
    [
        *("network show", "network set-terms", "network set-metadata", "network enrol", "fees claim"),
        *("predict", "operator run"),
    ],
)
def test_a_network_that_is_not_there(user, command):
    words = [word.replace("1", "99") if word == "1" else word for word in ON_CHAIN[command]]
    user.fails(command, *words, code=3, message="there is no network 99", hint="twopm-zk network list")


@pytest.mark.parametrize("command", ["network close", "network open", "operator withdraw"])
def test_what_the_contract_refuses_of_a_network_that_is_not_there(user, command):
    user.fails(command, *ON_CHAIN[command], code=8, message="reverted", hint="twopm-zk ")


@pytest.mark.parametrize("command", ["predict refund", "operator slash-late"])
def test_a_request_that_is_not_there(user, command):
    user.fails(command, "99", code=8, message="WrongState")


@pytest.mark.parametrize("command", ["task show", "audit", "coordinator run"])
def test_a_task_that_is_not_there(user, command):
    words = ("99",) if command in READING else ("spec.json", "--task", "99")
    user.fails(command, *words, code=3, message="there is no task 99", hint="twopm-zk task list")


@pytest.mark.parametrize("command", ["network create", "proceed", "aggregate", "certify", "node join", "node submit"])
def test_a_task_option_that_is_not_there(user, command):
    words = list(SIGNING[command])
    if "--task" in words:
        words[words.index("--task") + 1] = "99"
    else:
        words += ["--task", "99"]
    user.fails(command, *words, code=3, message="there is no task 99", hint="twopm-zk task list")


@pytest.mark.parametrize("address", ["0x12", ADDRESS[:-1] + "9"])
def test_addresses_with_a_wrong_digit(user, address):
    user.fails("stake show", "--account", address, code=3, message="is not an address", hint="40 hexadecimal digits")
    for command, option in (("node run", "--coordinator"), ("predict", "--operator")):
        words = list(SIGNING[command])
        words[words.index(option) + 1] = address
        user.fails(command, *words, code=3, message="is not an address", hint="40 hexadecimal digits")
    for command, words in (
        ("fees show", ("--account", address)),
        ("fees withdraw", ("--to", address)),
        ("network enrol", ("1", address)),
    ):
        user.fails(command, *words, code=3, message="is not an address", hint="40 hexadecimal digits")


def test_fees_and_shares_that_are_none(user):
    create = ("spec.json", "--task", "1", "--metadata", "network.json")
    for share in ("33.333", "1e-3"):
        user.fails("network create", *create, "--owners-share", share, code=3, message="more than two decimals")
    for share in ("33.33", "0", "100", "0.07"):
        user.fails("network create", *create, "--owners-share", share, code=3, message="there is no task 1")
    ask = ("spec.json", "--network", "1", "--operator", ADDRESS, "--input", "student.json")
    (user.folder / "text.json").write_text('"GPA"')
    for wrong in ("text.json", "empty.json"):
        (user.folder / "empty.json").write_text("[]")
        user.fails("predict", *ask[:-1], wrong, code=3, message="neither an object of values nor a list")
    (user.folder / "network.json").write_text("{}")
    user.fails("network create", *create, code=3, message="`format` of the metadata document is missing")


def test_files_that_cannot_be_written(user):
    (user.folder / "file").write_text("")
    user.fails("deploy", "--deployment", "file/deployment.json", code=3, message="cannot be written")
    for command, option in (("data register", "--state"), ("coordinator run", "--state"), ("node join", "--state")):
        user.fails(command, *SIGNING[command], option, "file/state.db", code=11, message="cannot be used")


def test_amounts_that_are_none(user):
    for amount in ("0", "nothing", "-1", "1e-19", "nan", "1e40", "1e999999999", "9" * 5000):
        user.fails("stake add", "--", amount, code=3, message="is not")
    user.fails("stake add", "1", "--asset", "7", code=8, message="UnknownAsset", hint="twopm-zk stake show")
    user.fails("stake add", "1", code=3, message="fewer than", hint="--mint")


class Dying:
    """An RPC connection that is lost for good at one request.

    Requests are told apart by where in the package they come from: those of one place go through the same code, before
    and after. The first and the last of a place are lost in turn; only the first look for a receipt, since how many
    there are depends on the node.
    """

    def __init__(self, monkeypatch):
        self.asked, self.lost, self.dead = Counter(), None, False
        plain = RpcProvider._answered

        def answered(provider, method, body, **options):
            place = method, *self.places()
            self.asked[place] += 1
            self.dead = self.dead or (place, self.asked[place]) == self.lost
            if self.dead:
                raise EndpointError("it cannot be reached")
            return plain(provider, method, body, **options)

        monkeypatch.setattr(RpcProvider, "_answered", answered)

    @staticmethod
    def places():
        frame = sys._getframe(2)
        while frame is not None:
            if frame.f_code.co_filename.startswith(str(PACKAGE_DIR)):
                yield frame.f_code.co_filename, frame.f_lineno
            frame = frame.f_back

    def begin(self, lost=None):
        self.asked, self.lost, self.dead = Counter(), lost, False

    def chosen(self):
        for place, times in self.asked.items():
            yield from ((place, number) for number in ({1} if "Receipt" in place[0] else {1, times}))


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("command", [*READING, *TRANSACTING, "data register", "node join", "task create", "aggregate"])
def test_a_node_that_stops_answering_at_any_request(user, command, monkeypatch):
    node, dying = user.party.world.node, Dying(monkeypatch)
    shutil.copytree(user.folder, user.folder / "whole")
    monkeypatch.setattr("sys.argv", ["twopm-zk", *command.split(), *ON_CHAIN[command], "--json"])

    def run(lost=None):
        snapshot = node.snapshot()
        dying.begin(lost)
        user.capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            main()
        node.revert(snapshot)
        return caught.value.code, user.capsys.readouterr().out

    monkeypatch.chdir("whole")
    run()
    assert not dying.dead
    monkeypatch.chdir(user.folder)
    chosen = list(dying.chosen())
    died = 0
    for lost in chosen:
        code, out = run(lost)
        if not dying.dead:  # how often, and where, one looks for blocks and receipts depends on the clock
            assert code == 0, out
            continue
        died += 1
        assert code == 8, out
        document = json.loads(out)
        assert document["hint"]
        assert "\n" not in document["message"]
    assert died >= max(3, len(chosen) // 2)


def test_statistics_without_a_specification_are_refused_at_once(call):
    code, _, err = call("task", "show", "1", "--statistics")
    assert code == 2
    assert "--statistics needs --spec" in err
