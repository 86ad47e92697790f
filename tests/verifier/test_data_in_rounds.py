"""What DataHub says of data holds in the rounds of both contracts: withdrawn, attested, copied."""

from types import SimpleNamespace

import pytest
from support.attestations import Eas, data_of
from support.federated_task import FederatedTask
from support.rounds_task import DISPUTED, WITH_PENALTY, Task
from support.rounds_world import DATASET

from twopm_zk.task.parts.data import DataTerms, Provenance

DISPUTE_SECONDS = 900
NAMES = ("ada", "ben", "cleo")


def withdraw(world, person, dataset=DATASET):
    person.use(world.hub).transact("withdraw", dataset, False)


def test_who_has_withdrawn_its_data_hands_in_no_more_updates(world, people, refused):
    """What was handed in before stays in the sum: its masks are part of the others'."""
    task = Task(world, people.dan)
    task.submit_all()
    withdraw(world, people.ada)
    with refused("DataIsWithdrawn", owner=people.ada.address, dataset="0x" + DATASET.hex()):
        task.submit(people.ada, 1)
    task.submit(people.eve)
    task.close()
    task.ready_all()
    task.share_all()
    task.accept()
    with refused("DataIsWithdrawn", owner=people.ada.address):
        task.submit(people.ada)
    task.submit(people.ben)


def test_who_has_withdrawn_its_data_hands_in_nothing_federated(world, people, refused):
    task = FederatedTask(world)
    withdraw(world, people.ada)
    with refused("DataIsWithdrawn", owner=people.ada.address):
        task.commit(people.ada)
    task.commit(people.ben)


def in_one_block(world, *calls):
    """Calls, each as (person, contract, function, arguments), that come in one block."""
    world.node.rpc("evm_setAutomine", False)
    for person, contract, function, arguments in calls:
        data = "0x" + contract.encode(function, *arguments).hex()
        call = {"from": person.address, "to": contract.address, "data": data, "gas": hex(2_000_000)}
        world.node.rpc("eth_sendTransaction", call)
    world.node.rpc("evm_mine")
    world.node.rpc("evm_setAutomine", True)
    world.chain.forget_nonces()


def test_what_comes_in_the_block_of_the_opening_is_too_late(world, people, refused):
    """Whoever orders a block could otherwise choose data, or come as a member, in sight of the opening."""
    people.eve.leave()
    task = Task(world, people.dan, opened=False)
    opening = (people.dan, task.hlr, "openRound", (task.id,))
    in_one_block(
        world,
        (people.ada, world.hub, "register", (DATASET, 20, [77_777])),
        (people.eve, world.identity, "join", ("https://node.example", b"\7" * 32)),
        opening,
    )
    opened = task.state["openedAt"]
    assert opened == world.hub.call("registeredAt", people.ada.address, 77_777) > 0
    assert opened == world.identity.call("memberSince", people.eve.address)
    with refused("DataNotCommittedBeforeTheRound", since=opened, openedAt=opened):
        task.submit(people.ada, 20)
    with refused("NotAMemberBeforeTheRound", since=opened):
        task.submit(people.eve)
    task.submit(people.ada)


@pytest.fixture
def attested(world, people):
    """A data set of dan's attestation, in which ada, ben and cleo have two batches each; two were attested to."""
    eas = Eas(world.chain, world.deployment.eas)
    terms = DataTerms.of("attested grades", Provenance((people.dan.address,)))
    found = SimpleNamespace(id=terms.id, eas=eas, schema=eas.register(), uids={})
    world.hub.transact("open", terms.values)
    for number, name in enumerate(NAMES):
        person, commitments = getattr(people, name), [50_000 + 10 * number, 50_001 + 10 * number]
        person.register(0, commitments, terms.id)
        if name != "cleo":
            uid = eas.attest(people.dan.key, found.schema, person.address, data_of(terms.id, commitments))
            person.use(world.hub).transact("bind", terms.id, person.address, uid, commitments)
            found.uids[name] = uid
    return found


def test_only_attested_data_are_used_in_a_task_that_asks_for_it(world, people, attested, refused, gas):
    task = Task(world, people.dan, config={"dataset": attested.id})
    gas.check("submitUpdate, attested", task.submit(people.ada))
    with refused("NotAttested", owner=people.cleo.address):
        task.submit(people.cleo)
    task.submit(people.ben)
    attested.eas.revoke(people.dan.key, attested.schema, attested.uids["ada"])
    with refused("AttestationEnded", uid="0x" + attested.uids["ada"].hex()):
        task.submit(people.ada, 1)
    task.submit(people.ben, 1)


def test_only_attested_data_are_used_in_a_federated_task_that_asks_for_it(world, people, attested, refused):
    task = FederatedTask(world, dataset=attested.id)
    task.commit(people.ada)
    with refused("NotAttested", owner=people.cleo.address):
        task.commit(people.cleo)
    attested.eas.revoke(people.dan.key, attested.schema, attested.uids["ben"])
    with refused("AttestationEnded"):
        task.commit(people.ben)


def test_who_copies_a_commitment_with_its_proof_cannot_share_and_pays(world, people, node, refused):
    """The attack: eve registers ada's commitment, hands ada's update in as her own, and shares what ada has shared with
    her own masks on top. A proof names no owner, so the update is taken. But who shares has to open it, and eve cannot:
    ada's opening is under masks that eve does not know. She is found as any other that shares rubbish."""
    people.eve.register(20, [world.hub.call("commitmentOf", people.ada.address, DATASET, 0)])
    task = Task(world, people.dan, config=WITH_PENALTY)
    said = task.submit(people.ada).event("UpdateAccepted")
    task.submit(people.ben)
    task.submit(people.cleo)
    copied = task.act(people.eve, "submitUpdate", said["size"], 20, said["x"], said["y"], said["proof"])
    assert copied.event("UpdateAccepted")["data"] == said["data"]
    task.submitted.add(people.eve)
    task.close()
    task.ready_all()
    others = [person for person in task.members if person is not people.eve]
    shared = {person: task.share(person).event("Shared")["vector"] for person in others}
    task.openings[task.key, people.eve] = shared[people.ada]
    task.share(people.eve)
    assert not task.opens()
    task.act(people.ada, "dispute")
    for person in others:
        task.claim(person)
    assert task.phase == DISPUTED
    with refused("ClaimsDoNotAddUp", account=people.eve.address):
        task.claim(people.eve)
    node.advance(2 * DISPUTE_SECONDS + 1)
    left = task.act(people.ada, "expel", people.eve.address)
    assert left.event("Penalised")["node"] == people.eve.address
