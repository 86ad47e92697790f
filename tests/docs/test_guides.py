"""The guides' commands, line by line as printed, by processes: two tasks on one chain.

The first task is run by its coordinator until that falls silent, then by a data owner who takes over; the second is run
by hand.
Proofs are hashes of what the circuits accept: the same commands make real ones in tests/cli/test_people_commands.py.
What is printed for the reader's own machine (addresses, ports, endpoints, a hash) is replaced by name; nothing else is.
"""

import pytest
from support.guides import ROOT, Person, Stage, finished, refused, sections, stop
from support.people_shell import write_rows
from support.people_world import tables

from twopm_zk.chain import DevelopmentNode
from twopm_zk.chain.tasks import Phase
from twopm_zk.coordinator.task_creation import Stakes, registered
from twopm_zk.task.specification_file import read_spec
from twopm_zk.training.in_process import train

pytestmark = [pytest.mark.slow, pytest.mark.prover, pytest.mark.chain, pytest.mark.timeout(1800)]

PAGES = ("coordinator", "data-owner", "auditor", "application-user", "networks")
COORDINATOR, OWNERS, USER = 1, (2, 3, 4), 5
PARTS = (11, 11, 10)


GUIDES = {page: sections(page) for page in PAGES}


def spec_text(name, *, bound):
    """The example's specification, for a task of few rounds."""
    text = (ROOT / "examples" / "spector.toml").read_text()
    for printed, value in (
        ('name = "Spector-Mazzeo"', f'name = "{name}"'),
        ("lambda = 0.0", "lambda = 1.0"),
        ("gradient_bound = 2.5e-5", f"gradient_bound = {bound}\ndecrement_bound = 1e6"),
        ("collecting_seconds = 120", "collecting_seconds = 900"),
        ("ready_seconds = 60", "ready_seconds = 900"),
        ("sharing_seconds = 600", "sharing_seconds = 3600"),
        ("aggregating_seconds = 120", "aggregating_seconds = 900"),
    ):
        assert printed in text
        text = text.replace(printed, value)
    return text


@pytest.fixture
def stage(tmp_path, native, forks):
    with DevelopmentNode() as node:
        made = Stage(node, tmp_path, forks, hashed=True)
        yield made
        made.close()


def owners_of(stage, spec, name):
    """Three data owners up to their nodes at work."""
    people = [Person(stage, f"{name}{number}", account, spec) for number, account in enumerate(OWNERS)]
    running = []
    for person, part in zip(people, tables(PARTS), strict=True):
        write_rows(person.folder / "rows.csv", part)
        person.follows("data-owner", "Before you take part")
        running += person.follows("data-owner", "Commit and take part")
    return people, running


def test_every_command_of_the_guides_works_in_the_order_of_the_people(stage):
    spec = spec_text("run", bound=one_move())
    coordinator = Person(stage, "coordinator", COORDINATOR, spec)
    coordinator.follows("coordinator", "Prepare")
    for account in (COORDINATOR, *OWNERS, USER):
        stage.view(account).network.contract("RETHDouble").transact("deposit", value=20 * 10**18)
    heir = run_and_take_over(stage, coordinator, spec)
    predict(stage, coordinator, spec, heir)
    run_by_hand(stage)
    printed = {(page, name, line) for page, found in GUIDES.items() for name, lines in found.items() for line in lines}
    assert printed - stage.done == set()
    assert "Traceback" not in stage.said()


def run_and_take_over(stage, coordinator, spec):
    (service,) = coordinator.follows("coordinator", "Run")
    people, running = owners_of(stage, spec, "owner")
    stage.until("information", lambda: stage.view().task_count() == 1 and stage.view().state(1).round == 1)
    stop(stage, service)
    if stage.view().state(1).phase is Phase.COLLECTING:
        stage.until("updates", lambda: stage.view().state(1).updates == 3)
        stage.node.advance(1000)
    stage.until("a sum", lambda: stage.view().state(1).phase is Phase.SUMMED)
    heir = people[0]
    stop(stage, running[0])
    running += heir.follows("data-owner", "With whom you share")
    stage.node.advance(1000)
    finished(stage, [*heir.follows("coordinator", "Take over"), *running[1:]])
    state = stage.view().state(1)
    expected = train(tables(PARTS), read_spec(coordinator.folder / "spec.toml"))
    assert (state.certified, state.moves, state.weights) == (True, 1, expected.weights)
    assert state.coordinator == stage.view(OWNERS[0]).address
    coordinator.follows("coordinator", "Watch")
    heir.follows("data-owner", "Afterwards")
    # sums of this task are exact: a node with a limit takes no part
    refused(stage, people[1].follows("data-owner", "What you promise to the people in the rows"), "keep none")
    assert stage.view().member(stage.view(OWNERS[0]).address) is None
    auditor = Person(stage, "auditor", None, spec)
    for section in ("Audit a task", "The report as one page"):
        auditor.follows("auditor", section, code=12)
        assert "UNPROVEN: every check held, but the keys of" in stage.said()
    return heir


def predict(stage, coordinator, spec, heir):
    heir.follows("networks", "Register")
    (operator,) = coordinator.follows("application-user", "Answer")
    stage.until("an offer", lambda: stage.view().inference.contract.events("Offered"))
    user = Person(stage, "user", USER, spec)
    user.follows("application-user", "Ask")
    assert [event["id"] for event in stage.view().inference.contract.events("Answered")] == [1]
    stop(stage, operator)
    # a second question, which nobody answers
    network = stage.view(USER).network
    terms, asked = network.networks.get(1), stage.view(COORDINATOR).address
    network.inference.ask(terms, asked, network.verifier_id("predict-3"), [1])
    stage.node.advance(3601)
    user.follows("application-user", "Take fees back")
    paid = stage.view().inference.contract.events("Withdrawn")
    assert [(event["account"], event["amount"]) for event in paid] == [(stage.view(USER).address, 10**15)]
    heir.follows("networks", "Be paid")
    assert "ETH can be withdrawn now." in stage.said()
    account, amount = stage.view(OWNERS[0]).address, 7 * 10**14 // 3
    paid = stage.view().inference.contract.events("Withdrawn")[1:]
    assert [(event["account"], event["amount"]) for event in paid] == [(account, amount)]


def run_by_hand(stage):
    def nodes_are_there(line):
        def stands(phase):
            state = stage.view().state(2)
            return state.phase is phase and state.updates == 3

        if line.startswith("twopm-zk task create"):
            view, task = stage.view(), read_spec(hand.folder / "spec.toml")
            stage.until("three nodes", lambda: len(registered(view, task, stakes=Stakes()).ready) == 3)
        elif line.startswith("twopm-zk task close"):
            stage.until("three updates", lambda: stands(Phase.COLLECTING))
        elif line.startswith(("twopm-zk proceed", "twopm-zk aggregate", "twopm-zk certify")):
            stage.until("a sum", lambda: stands(Phase.SUMMED))

    spec = spec_text("by hand", bound=one_move())
    hand = Person(stage, "hand", COORDINATOR, spec)
    hand.environment |= {"TWOPM_ZK_RPC_URL": stage.node.url, "TWOPM_ZK_KEYSTORE": "me.json"}
    _, running = owners_of(stage, spec, "hand-owner")
    hand.follows("coordinator", "By hand", before=nodes_are_there)
    finished(stage, running)
    state = stage.view().state(2)
    expected = train(tables(PARTS), read_spec(hand.folder / "spec.toml"))
    assert (state.certified, state.moves, state.weights) == (True, 1, expected.weights)


def one_move():
    """A gradient bound that is reached by moving once."""
    import tempfile

    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(spec_text("how far", bound=1e-3))
        file.flush()
        first, second = train(tables(PARTS), read_spec(file.name)).rounds[:2]
    return (first.bound_per_row + second.bound_per_row) / 2
