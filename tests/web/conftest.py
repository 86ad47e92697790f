"""A browser for each file of tests of the page, and one server for all."""

import pytest
from support import web_answers
from support.web import ROOT, StubServer, Watched, chromium

from twopm_zk.circuit.compilation import compile_circuit
from twopm_zk.circuit.instances import find_instance
from twopm_zk.plonk.keys import setup


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure shows what its pages said then."""
    report = yield
    if report.when == "call" and report.failed:
        for number, one in enumerate(Watched.open_ones):
            try:
                said = one.told()
            except Exception as error:  # the failure itself is what has to be reported
                said = f"the page cannot be read: {error}"
            report.sections.append((f"page {number}", said))
    return report


# not longer than a file: while it is there the process has a running event loop, which no other test may meet
@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def predict_keys():
    """Keys of predict-3 for development, from the cache where they are there."""
    return setup(compile_circuit(find_instance("predict-3")))


@pytest.fixture(scope="session")
def _server(predict_keys):
    files = {
        "/prover/snarkjs.min.js": ROOT / "node_modules" / "snarkjs" / "build" / "snarkjs.min.js",
        "/v1/networks/1/prover/circuit.wasm": predict_keys.circuit.wasm,
        "/v1/networks/1/prover/circuit.zkey": predict_keys.zkey,
        "/v1/networks/1/prover/verification_key.json": predict_keys.verification_key_file,
    }
    with StubServer(files) as started:
        yield started


@pytest.fixture
def server(_server):
    """The server, with all answers as they usually are."""
    _server.answers = web_answers.everything()
    return _server


@pytest.fixture
def watch(browser, server):
    """``watch(**options of a browser's context)``: a page, which is watched, and has said nothing on the console."""
    opened = []

    def make(**options):
        opened.append(Watched(browser, server.origin, **options))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


@pytest.fixture
def watched(watch):
    """A page that must stay silent on the console."""
    one = watch()
    yield one
    assert one.problems == []
