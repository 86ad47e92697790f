"""NetworkRegistry: who registers a network, what can be changed of it, and how data owners are enrolled."""

import pytest
from support.federated_task import FederatedTask, federated_task_of_number
from support.market import CREDITS, DAY, HFL, HLR, METADATA, TERMS, UPDATES, Market, certified_task
from support.rounds_task import Task
from support.rounds_world import ETH, ZERO

from twopm_zk.chain import compile_contract


@pytest.fixture
def task(world, people):
    return Task(world, people.dan)


def register(person, task, *, model=HLR, token=False, share=7_000, uri="", **terms):
    return person.use(person.world.networks).transact(
        "register", model, task, token, share, METADATA, uri, {**TERMS, **terms}
    )


def test_a_network_is_registered_by_the_coordinator_as_soon_as_its_task_exists(world, people, gas):
    task = Task(world, people.dan, opened=False)
    receipt = register(people.dan, task.id, token=True, uri="https://network.example/model.json", fee=5)
    gas.check("register", receipt)
    number = receipt.event("NetworkRegistered")["id"]
    found = world.networks.call("networkOf", number)
    assert (found["owner"], found["model"], found["taskId"]) == (people.dan.address, HLR, task.id)
    assert (found["token"], found["ownersShare"], found["closed"], found["complete"]) == (True, 7_000, False, False)
    assert found["terms"] == {**TERMS, "fee": 5}
    assert receipt.event("TermsChanged")["terms"] == found["terms"]
    said = receipt.event("MetadataChanged")
    assert said["metadata"] == found["metadata"] == "0x" + METADATA.hex()
    assert said["uri"] == "https://network.example/model.json"
    assert world.networks.call("networkOfTask", HLR, task.id) == number == world.networks.call("count")


def test_a_stranger_registers_no_network_of_somebodys_task(task, people, refused):
    for person in (people.ada, people.eve):
        with refused("NotTheTasksCoordinator", taskId=task.id, account=person.address):
            register(person, task.id)
    with refused("NotTheTasksCoordinator", taskId=999):
        register(people.dan, 999)  # nobody's


def test_a_coordinator_that_was_replaced_registers_nothing_any_more(task, people, node, refused):
    task.to_summed(people=("ada", "ben", "cleo"))
    node.advance(1801)
    task.act(people.ada, "takeOver")
    with refused("NotTheTasksCoordinator", account=people.dan.address):
        register(people.dan, task.id)
    register(people.ada, task.id)


def test_a_task_has_one_network(task, people, refused):
    first = register(people.dan, task.id).event("NetworkRegistered")["id"]
    with refused("NetworkExists", id=first):
        register(people.dan, task.id)


def test_tasks_of_both_contracts_have_networks_of_their_own_though_their_numbers_are_the_same(task, world, people):
    federated_task_of_number(world, task.id)
    one = register(people.dan, task.id).event("NetworkRegistered")["id"]
    other = register(people.dan, task.id, model=HFL).event("NetworkRegistered")["id"]
    assert world.networks.call("networkOfTask", HLR, task.id) == one
    assert world.networks.call("networkOfTask", HFL, task.id) == other != one


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"acceptSeconds": 59}, "acceptSeconds"),
        ({"acceptSeconds": 7 * DAY + 1}, "acceptSeconds"),
        ({"answerSeconds": 59}, "answerSeconds"),
        ({"answerSeconds": 7 * DAY + 1}, "answerSeconds"),
        ({"answerSeconds": 2**32 - 1}, "answerSeconds"),
        ({"penalty": ETH // 2 + 1}, "penalty"),
        ({"share": 10_001}, "ownersShare"),
    ],
)
def test_terms_that_nobody_could_keep_are_refused(task, people, refused, changes, field):
    with refused("InvalidTerms", field=field):
        register(people.dan, task.id, **changes)
    register(people.dan, task.id)


def test_terms_at_their_limits_are_taken(task, people, world):
    register(people.dan, task.id, share=10_000, acceptSeconds=60, answerSeconds=7 * DAY, penalty=ETH // 2)
    with_owner = people.dan.use(world.networks)
    with_owner.transact("setTerms", 1, {**TERMS, "acceptSeconds": 7 * DAY, "answerSeconds": 60, "fee": 2**128 - 1})
    assert world.networks.call("networkOf", 1)["terms"]["fee"] == 2**128 - 1


def test_only_its_owner_changes_a_network(task, people, world, refused, gas):
    number = register(people.dan, task.id).event("NetworkRegistered")["id"]
    calls = (
        ("setTerms", number, {**TERMS, "fee": 7}),
        ("setMetadata", number, b"\x22" * 32, "https://elsewhere.example"),
        ("setClosed", number, True),
    )
    for call in calls:
        with refused("NotTheNetworksOwner", id=number, account=people.eve.address):
            people.eve.use(world.networks).transact(*call)
        with refused("UnknownNetwork", id=99):
            people.dan.use(world.networks).transact(call[0], 99, *call[2:])
    terms, metadata, closed = (people.dan.use(world.networks).transact(*call) for call in calls)
    gas.check("setTerms", terms)
    gas.check("setMetadata", metadata)
    assert closed.event("NetworkClosed")["id"] == number
    found = world.networks.call("networkOf", number)
    assert (found["terms"]["fee"], found["metadata"], found["closed"]) == (7, "0x" + "22" * 32, True)
    again = people.dan.use(world.networks).transact("setClosed", number, False)
    assert again.event("NetworkReopened")["id"] == number
    assert world.networks.call("networkOf", number)["closed"] is False


def test_a_uri_has_a_limit(task, people, refused):
    with refused("UriTooLong", length=2049, limit=2048):
        register(people.dan, task.id, uri="x" * 2049)
    register(people.dan, task.id, uri="x" * 2048)


def test_a_deployment_without_a_token_has_no_network_that_takes_one(task, people, world, chain, refused):
    made = chain.deploy(compile_contract("NetworkRegistry"), world.hlr.address, world.hfl.address, ZERO)
    arguments = (HLR, task.id, True, 0, METADATA, "", TERMS)
    with refused("NoFeeToken"):
        people.dan.use(made).transact("register", *arguments)
    people.dan.use(made).transact("register", HLR, task.id, False, *arguments[3:])


def test_what_is_not_there_is_said_so(world, refused):
    with refused("UnknownNetwork", id=0):
        world.networks.call("networkOf", 0)
    with refused("UnknownNetwork", id=1):
        world.networks.call("networkOf", 1)
    assert world.networks.call("networkOfTask", HLR, 1) == 0


# --- data owners ---


def test_anybody_enrols_the_data_owners_and_the_last_one_completes_the_network(world, certified, people, gas):
    market = Market(world, certified, enrolled=False)
    first = market.enrol("ben", person=people.eve)
    assert first.event("Enrolled")["updates"] == CREDITS["ben"]
    assert (market.network["enrolled"], market.network["updates"], market.network["complete"]) == (1, 1, False)
    last = market.enrol("ada", "cleo")
    gas.check("enrol, two nodes, the last ones", last)
    assert last.event("NetworkCompleted")["updates"] == UPDATES
    assert (market.network["enrolled"], market.network["updates"], market.network["complete"]) == (3, UPDATES, True)
    for name, credit in CREDITS.items():
        node = getattr(people, name).address
        assert world.networks.call("updatesOf", market.id, node) == credit == certified.call("creditOf", node)


def test_nobody_is_enrolled_twice(world, certified, people, refused):
    market = Market(world, certified, enrolled=False)
    market.enrol("ada")
    with refused("AlreadyEnrolled", node=people.ada.address):
        market.enrol("ada")
    with refused("AlreadyEnrolled", node=people.ben.address):
        market.enrol("ben", "ben")
    assert market.network["updates"] == CREDITS["ada"]
    market.enrol("ben", "cleo")
    with refused("AlreadyEnrolled"):
        market.enrol("ada")


def test_who_has_no_update_in_the_certified_sum_is_not_enrolled(world, people, node, refused):
    """``eve`` handed in in an attempt that failed, and in the certified one came too late to be ready."""
    task = Task(world, people.dan)
    task.submit(people.eve)
    node.advance(3601)
    task.act(people.dan, "reopen")
    task.submit_all(people=("ada", "ben", "cleo", "eve"))
    task.close()
    task.ready_all(people.ada, people.ben, people.cleo)
    node.advance(601)
    task.act(people.dan, "startSharing")
    task.share_all()
    task.certify()
    market = Market(world, task, enrolled=False)
    with refused("NothingToEnrol", node=people.eve.address):
        market.enrol("eve")
    with refused("NothingToEnrol", node=people.dan.address):
        market.enrol("ada", "dan")
    market.enrol("ada", "ben", "cleo")
    assert market.network["complete"]


def test_there_is_nobody_to_enrol_before_the_certificate(world, people, refused):
    task = Task(world, people.dan)
    task.to_summed(people=("ada", "ben", "cleo"))
    market = Market(world, task, enrolled=False)
    with refused("NotCertified", taskId=task.id):
        market.enrol("ada")
    task.certify()
    market.enrol("ada", "ben", "cleo")
    assert market.network["complete"]


def test_who_took_part_in_the_last_result_of_a_federated_task_is_enrolled_once_it_is_over(world, people, node, refused):
    task = FederatedTask(world)
    network = register(people.dan, task.id, model=HFL).event("NetworkRegistered")["id"]

    def enrol(*names):
        accounts = [person.address for person in task.named(*names)]
        return people.eve.use(world.networks).transact("enrol", network, accounts)

    with refused("NotFinished", taskId=task.id):
        enrol("ada")
    task.accept()
    with refused("NotFinished", taskId=task.id):
        enrol("ada")
    task.accept("ada", "ben", "eve")
    task.commit(people.cleo)  # and nobody else does
    node.advance(3601)
    task.act(people.dan, "finish")
    with refused("NothingToEnrol", node=people.cleo.address):  # it took part in an earlier result
        enrol("cleo")
    enrol("eve", "ada")
    with refused("AlreadyEnrolled", node=people.ada.address):
        enrol("ada")
    assert enrol("ben").event("NetworkCompleted")["updates"] == 3
    found = world.networks.call("networkOf", network)
    assert (found["enrolled"], found["updates"], found["complete"]) == (3, 3, True)
    assert world.networks.call("updatesOf", network, people.ben.address) == 1


def test_a_federated_task_that_ends_without_a_result_has_nobody_to_enrol(world, people, node, refused):
    task = FederatedTask(world)
    network = register(people.dan, task.id, model=HFL).event("NetworkRegistered")["id"]
    task.to_summed()
    node.advance(1801)
    task.act(people.dan, "finish")
    with refused("NotFinished", taskId=task.id):
        people.eve.use(world.networks).transact("enrol", network, [people.ada.address])


def test_nobody_is_enrolled_for_a_task_of_the_other_contract(world, certified, people, refused):
    """Its number is that of a certified task of the other contract, whose credits are not its own."""
    federated_task_of_number(world, certified.id)
    network = register(people.dan, certified.id, model=HFL).event("NetworkRegistered")["id"]
    with refused("NotFinished", taskId=certified.id):
        people.eve.use(world.networks).transact("enrol", network, [people.ada.address])


def test_enrolling_nobody_changes_nothing(world, certified):
    market = Market(world, certified, enrolled=False)
    before = market.network
    market.enrol()
    assert market.network == before
    market.enrol(*CREDITS)
    whole = market.network
    assert "NetworkCompleted" not in [event.name for event in market.enrol().events]
    assert market.network == whole


def test_a_certificate_whose_nodes_are_all_out_divides_no_fee_and_makes_no_operator_late(world, people, node, refused):
    """All were silent in a dispute and are out, before the sum was certified: a fee would be divided among nobody."""
    task = Task(world, people.dan)
    task.to_summed(people=("ada", "ben", "cleo"))
    task.act(people.ada, "dispute")
    node.advance(2 * task.config["disputeSeconds"] + 1)
    for person in (people.ada, people.ben, people.cleo):
        task.act(people.eve, "expel", person.address)
    task.certify()
    assert task.call("certificateOf")[1] == 0
    market = Market(world, task, fee=10**6, enrolled=False)
    market.enrol()
    with refused("NotComplete", networkId=market.id):
        market.ask()
    market.govern("setTerms", market.id, TERMS)  # without a fee nothing is divided
    market.answered()


@pytest.mark.slow
def test_who_is_enrolled_stays_what_it_was_whatever_it_does_in_later_rounds(world, people):
    """The network is enrolled in parts while the task's statistics are collected."""
    task = certified_task(
        world,
        training={
            "finalInformation": True,
            "information": 0,
        },
    )
    market = Market(world, task, enrolled=False)
    market.enrol("ada")
    task.submit_all(0, people=("ada", "ben", "cleo"))
    market.enrol("ben")
    task.close()
    task.ready_all()
    task.share_all()
    task.proceed()
    market.enrol("cleo")
    assert (market.network["updates"], market.network["complete"]) == (UPDATES, True)
