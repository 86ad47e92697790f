import dataclasses
import json

import pytest
from support.sharing import Key

from twopm_zk.chain import Chain, compile_contract, deployment_steps
from twopm_zk.chain import deployment as deployment_module
from twopm_zk.chain.deployer import add_verifiers, deploy_all
from twopm_zk.chain.deployment import Deployment, EigenLayer, GeneratedVerifier, StakeAsset, Terms
from twopm_zk.chain.development.eigenlayer import MISSING, Delays
from twopm_zk.chain.network import Network
from twopm_zk.chain.networks import Model, NetworkTerms
from twopm_zk.chain.rounds import TaskConfig
from twopm_zk.chain.stakes import StakeAccount
from twopm_zk.chain.tasks import Phase
from twopm_zk.errors import ChainError, DeploymentError, InputError, InsecureKeyError, TwopmError
from twopm_zk.participants.task_view import ChainView
from twopm_zk.prediction.enrolment import enrol_all, missing
from twopm_zk.task.parts.data import DataTerms

ZERO = "0x" + "00" * 20
GRADES = DataTerms.of("grades", None)


@pytest.fixture(scope="module")
def verifier(three):
    return GeneratedVerifier(
        name="step-48x3",
        statement="step",
        size=32,
        features=3,
        frac_bits=12,
        solidity=three.solidity,
        contract_name="PlonkVerifier",
        insecure=True,
    )


@pytest.fixture(scope="module")
def deployed(chain, node, verifier):
    return deploy_all(chain, verifiers=[verifier], treasury=node.accounts[9], delays=Delays(withdrawal=50))


@pytest.fixture
def public_chain(node, keys, monkeypatch):
    """The development node, believed to be a public chain; the account is nobody's."""
    monkeypatch.setattr("twopm_zk.chain.deployer.DEVELOPMENT_CHAINS", frozenset())
    key = "0x" + "42" * 32
    rich = Chain(node.url, private_key=node.private_keys[0])
    rich.send("a gift", to=Chain(node.url, private_key=key).address, value=10**19, gas=21_000)
    return Chain(node.url, private_key=key)


def test_everything_is_deployed_in_one_call_and_checked(chain, deployed, verifier):
    deployed.check(chain)
    assert deployed.chain_id == chain.chain_id
    assert deployed.doubles
    assert deployed.insecure
    assert set(deployed.contracts) >= {
        "IdentityContract",
        "DataHub",
        "StakingContract",
        "ServiceManager",
        "VerifierRegistry",
        "HFLContract",
        "HLRContract",
        "NetworkRegistry",
        "InferenceContract",
        "ConversationContract",
        "PoseidonT3",
        "PoseidonT4",
    }
    network = Network(chain, deployed)
    entry = network.contract("VerifierRegistry").call("entryOf", network.verifier_id("step-48x3"))
    assert (entry["statement"], entry["size"], entry["features"], entry["insecure"]) == (1, 32, 3, True)
    assert entry["codeHash"] == deployed.verifiers["step-48x3"].code_hash
    staking = network.contract("StakingContract")
    for slasher in ("InferenceContract", "ConversationContract"):
        assert staking.call("isSlasher", deployed.contracts[slasher].address)
    assert staking.call("owner") == chain.address


@pytest.mark.slow
def test_fees_can_be_in_the_token_that_the_deployer_names(chain, deployed):
    """On a development chain that is the stand-in for rETH, where none is named."""
    known = Network(chain, deployed).networks.token
    assert (known.address, known.symbol, known.decimals) == (deployed.contracts["RETHDouble"].address, "rETH", 18)
    token = chain.deploy(compile_contract("HostileToken"))
    other = Network(chain, deploy_all(chain, terms=Terms(fee_token=token.address)))
    assert other.networks.token.symbol == "HOSTILE"
    assert other.inference.contract.call("TOKEN") == token.address
    with pytest.raises(DeploymentError, match="no contract at"):
        deploy_all(chain, terms=Terms(fee_token="0x" + "12" * 20))


def test_a_deployment_file_says_what_is_where(chain, deployed, tmp_path):
    path = tmp_path / "deployment.json"
    deployed.write(path)
    assert Deployment.read(path) == deployed
    Deployment.read(path).check(chain)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 99}', '{"format": 1}'])
def test_what_is_no_deployment_file_is_refused(tmp_path, text):
    path = tmp_path / "deployment.json"
    path.write_text(text)
    with pytest.raises(DeploymentError):
        Deployment.read(path)
    with pytest.raises(InputError, match="deployment file"):
        Deployment.read(tmp_path / "nothing.json")


def test_a_chain_whose_code_does_not_match_is_refused(chain, deployed):
    with pytest.raises(DeploymentError, match=r"deployment is on chain 1, .* is chain 31337"):
        dataclasses.replace(deployed, chain_id=1).check(chain)

    def changed(name, **fields):
        entry = dataclasses.replace(deployed.contracts[name], **fields)
        return dataclasses.replace(deployed, contracts={**deployed.contracts, name: entry})

    with pytest.raises(DeploymentError, match="has no code"):
        changed("DataHub", address="0x" + "11" * 20).check(chain)
    with pytest.raises(DeploymentError, match="other code than the deployment file says"):
        changed("DataHub", address=deployed.contracts["IdentityContract"].address).check(chain)
    identity = deployed.contracts["IdentityContract"]
    with pytest.raises(DeploymentError, match="not what this version of the sources compiles to"):
        changed("DataHub", address=identity.address, code_hash=identity.code_hash).check(chain)
    with pytest.raises(DeploymentError, match="not what this version of the sources compiles to"):
        changed("HLRContract", libraries=dict.fromkeys(deployed.contracts["HLRContract"].libraries, ZERO)).check(chain)
    moved = dataclasses.replace(deployed.verifiers["step-48x3"], address=identity.address)
    with pytest.raises(DeploymentError, match="verifier step-48x3"):
        dataclasses.replace(deployed, verifiers={"step-48x3": moved}).check(chain)
    with pytest.raises(DeploymentError, match="has no contract Nothing"):
        deployed.contract(chain, "Nothing")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "linked"),
    [
        ("HLRContract", "StakingContract"),
        ("HLRContract", "DataHub"),
        ("HLRContract", "PoseidonT3"),
        ("NetworkRegistry", "HLRContract"),
        ("ServiceManager", "StakingContract"),
        ("InferenceContract", "ServiceManager"),
        ("InferenceContract", "NetworkRegistry"),
        ("ConversationContract", "ServiceManager"),
        ("ConversationContract", "NetworkRegistry"),
    ],
)
def test_contracts_that_ask_others_than_those_of_the_file_are_refused(chain, deployed, node, name, linked):
    """The code is right, and its immutables or libraries lead to somebody else's contract."""
    makers = {
        "HLRContract": ("IdentityContract", "DataHub", "StakingContract", "VerifierRegistry"),
        "NetworkRegistry": ("HLRContract", "HFLContract", "RETHDouble"),
        "InferenceContract": ("ServiceManager", "VerifierRegistry", "NetworkRegistry"),
        "ConversationContract": ("ServiceManager", "NetworkRegistry"),
    }
    contracts = deployed.contracts
    replaced = {**contracts, linked: deployment_module.Deployed(node.accounts[5], "")}
    asked = {"NetworkRegistry": [contracts[part].address for part in makers["NetworkRegistry"]]}
    without = (ZERO, ZERO, ZERO, 12)
    asked["ServiceManager"] = [chain.address, contracts["StakingContract"].address, without]
    asked["StakingContract"] = [chain.address, chain.address, 1, [], ZERO, ZERO]
    if linked in asked and name != "HLRContract":  # by the other while it is deployed
        made = chain.deploy(compile_contract(linked), *asked[linked])
        replaced[linked] = deployment_module.Deployed(made.address, "")
    if name == "ServiceManager":
        addresses = [chain.address, replaced[linked].address, without]
    else:
        addresses = [replaced[part].address for part in makers[name]]
    libraries = dict(deployed.contracts[name].libraries)
    if linked in libraries:
        libraries[linked] = node.accounts[5]
    made = chain.deploy(compile_contract(name), *addresses, libraries=libraries)
    entry = deployment_module.Deployed(made.address, deployment_module.code_hash(chain.code(made.address)), libraries)
    other = dataclasses.replace(deployed, contracts={**deployed.contracts, name: entry})
    with pytest.raises(DeploymentError, match=f"asks another {linked}"):
        other.check(chain)


def test_insecure_keys_are_refused_on_a_public_chain(public_chain, verifier):
    with pytest.raises(InsecureKeyError, match="step-48x3 are for development"):
        deploy_all(public_chain, verifiers=[verifier], assets=[])
    deployed = deploy_all(public_chain, verifiers=[verifier], assets=[], allow_insecure=True)
    assert deployed.insecure
    assert not deployed.doubles


def test_a_publicly_known_account_is_refused_on_a_public_chain(public_chain, node):
    for key in node.private_keys:
        with pytest.raises(InsecureKeyError, match="everybody knows the private key"):
            deploy_all(Chain(node.url, private_key=key), assets=[])


def test_doubles_are_refused_on_a_public_chain(public_chain):
    with pytest.raises(DeploymentError, match="name the tokens that can be staked"):
        deploy_all(public_chain)


def test_real_tokens_and_an_operator_are_taken_as_given(chain, node):
    token, other = (chain.deploy(compile_contract("RETHDouble")) for _ in range(2))
    deployed = deploy_all(
        chain,
        assets=[StakeAsset(token.address, "rETH"), StakeAsset(other.address, "other", rate=token.address)],
        eigenlayer=EigenLayer(ZERO, ZERO, node.accounts[3]),
    )
    staking = Network(chain, deployed).contract("StakingContract")
    assert not deployed.doubles
    assert staking.call("assetCount") == 2
    assert staking.call("assetAt", 1)["rate"] == token.address
    assert staking.call("operator").lower() == node.accounts[3]
    assert staking.call("treasury") == chain.address
    with pytest.raises(DeploymentError, match="'ETH' is none of"):
        deploy_all(chain, assets=[StakeAsset(token.address, "ETH")])


def test_eigenlayer_that_is_not_one_is_refused_before_anything_is_sent(chain, deployed):
    real = deployed.eigenlayer
    if not real.present:
        pytest.skip(MISSING)
    asset = StakeAsset(**Network(chain, deployed).staking.contract.call("assetAt", 0) | {"kind": "stETH"})
    other = dataclasses.replace(real, strategy_manager=real.allocation_manager)
    for eigenlayer, message in (
        (None, "stETH has a strategy, and no DelegationManager"),
        (dataclasses.replace(real, delegation_manager=chain.address), "there is no contract at"),
        (dataclasses.replace(real, delegation_manager=real.rewards_coordinator), "its delegation is"),
        (other, f"its strategyManager is {real.strategy_manager}, not {real.allocation_manager}"),
        (dataclasses.replace(real, allocation_manager=real.strategy_manager), "its allocationManager is"),
        (dataclasses.replace(real, weth=ZERO), "RewardsCoordinator and WETH are not named"),
    ):
        before = chain.block
        with pytest.raises(TwopmError, match=message):
            deploy_all(chain, assets=[asset], eigenlayer=eigenlayer)
        assert chain.block == before
    made = deploy_all(chain, assets=[asset], eigenlayer=real)
    assert made.eigenlayer.allocation_manager == real.allocation_manager
    made.check(chain)


def test_a_network_names_what_it_does_not_have(chain, deployed):
    network = Network(chain, deployed)
    with pytest.raises(InputError, match=r"no verifier of 'step-1x1' is deployed; deployed: step-48x3"):
        network.verifier_id("step-1x1")
    with pytest.raises(InputError, match=r"there is no task 7 in the contract at 0x\w{40}; the last one is 0"):
        network.hlr.state(7)


def test_wrappers_do_what_the_contracts_do(chain, deployed, keys, node):
    network = Network(chain, deployed)
    ada = network.signing_as(keys.ada)
    ada.identity.join("https://node.example", b"\x01" * 32)
    ada.identity.update("https://node.example/2", b"\x02" * 32)
    assert ada.identity.member_since(ada.chain.address) > 0
    assert network.identity.members() == [ada.chain.address]
    hub = ada.data_hub
    assert not hub.is_open(GRADES.id)
    hub.open(GRADES)
    assert hub.terms(GRADES.id) == GRADES
    hub.register(GRADES.id, 3, [5, 6])
    assert hub.commitment_of(ada.chain.address, GRADES.id, 4) == 6
    assert hub.usable(ada.chain.address, GRADES.id, 4) == (6, hub.registered_at(ada.chain.address, 6))
    assert hub.attestation_of(ada.chain.address, GRADES.id, 6) == bytes(32)
    hub.withdraw(GRADES.id)
    hub.withdraw(GRADES.id, retraining=True)
    assert hub.may_retrain_without(ada.chain.address, GRADES.id)
    assert hub.withdrawn_at(ada.chain.address, GRADES.id) == chain.block - 1
    ada.contract("RETHDouble").transact("deposit", value=10**18)
    shares = ada.staking.stake(2, 10**17).event("Staked")["shares"]
    ada.staking.stake(2, 10**17)
    assert network.staking.stake_of(ada.chain.address) == pytest.approx(2.2 * 10**17, rel=1e-9)
    if deployed.eigenlayer.present:
        account = StakeAccount(ada, ada.chain.address)
        ada.staking.delegate(2, shares, network.staking.operator_for(ada.chain.address))
        ada.staking.undelegate(2, account.deposit_shares(2, None))
        queued = account.queued()[0].withdrawal
        node.advance(600, blocks=51)
        network.staking.complete_undelegation(2, queued, user=ada.chain.address)
    ada.staking.unstake(2, network.staking.position_of(ada.chain.address, 2)["active"])
    node.advance(Terms().exit_seconds)
    ada.staking.withdraw(2)
    assert network.staking.stake_of(ada.chain.address) == 0
    ada.identity.leave()


def test_a_federated_task_and_its_network_go_through_their_clients(chain, deployed, keys):
    """A set of one, whose result is accepted, and whose next masked update is found missing, which ends the task."""
    network, key, grades = Network(chain, deployed), Key(), GRADES.id
    ada = network.signing_as(keys.ada)
    ada.identity.join("https://node.example", b"\x01" * 32)
    proof = key.possession(ada.identity.address, chain.chain_id, ada.chain.address)
    ada.identity.set_aggregation_key([*key.posted, *proof])
    ada.data_hub.open(GRADES)
    ada.data_hub.register(grades, 0, [5])
    config = TaskConfig(
        spec_hash=b"\x01" * 32, dataset=grades, minimum_nodes=1, maximum_batches=1, dispute_seconds=0, maximum_rounds=5
    )
    task = ada.hfl.create_task(config, quorum_percent=60)
    ada.hfl.open_round(task)
    state = network.hfl.state(task)
    assert (state.coordinator, state.phase, state.round, state.quorum) == (ada.chain.address, Phase.COLLECTING, 0, 60)
    assert (state.results, state.latest_result, state.accepted_key, state.dataset) == (0, bytes(32), 0, grades)
    for _ in range(2):
        ada.hfl.commit_update(task, 0, b"\x02" * 32)
        ada.hfl.close(task)
        ada.hfl.ready(task, key.posted, Key().posted)
        digest = network.hfl.state(task).set_digest
        said = ada.hfl.share(task, digest, b"\x03" * 32, 7).event("MaskedUpdateShared")
        assert (said["content"], said["location"]) == ("0x" + "03" * 32, 7)
        if network.hfl.state(task).round == 0:
            assert network.hfl.votes_for(task, b"\x04" * 32) == 0
            ada.hfl.confirm(task, b"\x04" * 32)
    state = network.hfl.state(task)
    assert (state.phase, state.results, state.latest_result, state.complete) == (Phase.SUMMED, 1, b"\x04" * 32, False)
    assert (state.accepted_key, state.accepted_nodes, network.hfl.result_of(task, 0)) == (1, 1, b"\x04" * 32)
    assert [network.hfl.credit_of(task, account) for account in (ada.chain.address, chain.address)] == [1, 0]
    assert network.hfl.reports_of(task, ada.chain.address) == 0
    view, made = ChainView(ada), ada.networks.register(task, bytes(32), NetworkTerms(), model=Model.HFL)
    with pytest.raises(InputError, match=f"federated task {task} is not over with a result"):
        enrol_all(view, ada.networks.get(made))
    ada.hfl.report_missing(task, ada.chain.address)
    enrol_all(view, ada.networks.get(made))
    entry = ada.networks.of_task(task, Model.HFL)
    assert entry is not None
    assert (entry.id, entry.complete, entry.updates, missing(view, entry)) == (made, True, 1, {})
    state = network.hfl.state(task)
    assert (state.phase, state.complete, state.latest_result) == (Phase.FINISHED, True, b"\x04" * 32)
    with pytest.raises(InputError, match="there is no task 2"):
        network.hfl.state(task + 1)


def test_the_file_is_json_that_others_can_read(deployed, tmp_path):
    deployed.write(tmp_path / "d.json")
    saved = json.loads((tmp_path / "d.json").read_text())
    assert saved["format"] == 1
    assert saved["contracts"]["DataHub"]["address"].startswith("0x")
    assert len(saved["contracts"]["DataHub"]["code_hash"]) == 66


def balance_for(chain, node, wei):
    """A new account with so much."""
    key = "0x" + "37" * 32
    poor = Chain(node.url, private_key=key)
    chain.send("a gift", to=poor.address, value=wei, gas=21_000)
    return poor


def test_a_deployment_that_cannot_be_paid_is_refused_before_anything_is_sent(chain, node, verifier):
    poor, said = balance_for(chain, node, 10**16), []
    with pytest.raises(
        DeploymentError, match=r"has 0\.010000 ETH; deploying needs 0\.\d+ ETH: about [\d,]+ gas"
    ) as caught:
        deploy_all(poor, verifiers=[verifier], progress=said.append)
    assert caught.value.kind == "low-funds"
    assert caught.value.facts["account"] == poor.address
    assert caught.value.facts["need"] > 10**16
    assert poor.balance(poor.address) == 10**16
    assert any("gas at" in line and poor.address in line for line in said)


@pytest.mark.slow
def test_the_estimate_is_more_than_it_takes_and_not_much_more(chain, node, verifier, monkeypatch):
    used, costs, real = [], [], Chain.send

    def counting(self, *words, **named):
        receipt = real(self, *words, **named)
        used.append(receipt.gas_used)
        return receipt

    monkeypatch.setattr(Chain, "send", counting)
    monkeypatch.setattr(deployment_steps.DeploymentCost, "require", lambda cost: costs.append(cost))
    deploy_all(chain, verifiers=[verifier])
    assert sum(used) <= costs[0].gas <= 1.6 * sum(used)


@pytest.mark.slow
def test_a_deployment_that_stopped_goes_on_and_pays_for_nothing_twice(chain, node, verifier, tmp_path, monkeypatch):
    journal, real, sent = tmp_path / "d.json.unfinished", Chain.send, []

    def stops(self, what, **named):
        if len(sent) == 12:
            raise ChainError("the connection is lost")
        sent.append(what)
        return real(self, what, **named)

    monkeypatch.setattr(Chain, "send", stops)
    with pytest.raises(ChainError, match="connection is lost"):
        deploy_all(chain, verifiers=[verifier], journal=journal)
    kept = json.loads(journal.read_text())["steps"]
    assert len(kept) == 12
    monkeypatch.setattr(Chain, "send", lambda self, what, **named: (sent.append(what), real(self, what, **named))[1])
    said = []
    deployed = deploy_all(chain, verifiers=[verifier], journal=journal, progress=said.append)
    deployed.check(chain)
    assert len(sent) == len(json.loads(journal.read_text())["steps"])
    assert {kept_["address"] for kept_ in kept.values() if "address" in kept_} & {
        entry.address for entry in deployed.contracts.values()
    }
    assert any("going on where the last run stopped" in line for line in said)
    assert any(": StETHDouble" in line and " there already" in line for line in said)
    assert (
        Network(chain, deployed)
        .contract("StakingContract")
        .call("isSlasher", deployed.contracts["InferenceContract"].address)
    )


@pytest.mark.slow
def test_a_journal_of_contracts_that_are_gone_is_not_believed(chain, node, tmp_path):
    journal = tmp_path / "journal"
    snapshot = node.snapshot()
    deploy_all(chain, journal=journal)
    node.revert(snapshot)
    chain.forget_nonces()
    deploy_all(chain, journal=journal).check(chain)


@pytest.mark.parametrize(
    "text", ["", "[]", '{"steps": 1}', '{"chain_id": 1, "steps": {}}', '{"chain_id": 31337, "steps": {"a": 1}}']
)
def test_a_journal_that_is_none_or_of_another_chain_is_refused(chain, tmp_path, text):
    journal = tmp_path / "journal"
    journal.write_text(text)
    with pytest.raises(InputError):
        deploy_all(chain, journal=journal)


def test_a_verifier_is_added_to_a_deployment_by_its_owner_only(chain, deployed, keys, verifier):
    other = dataclasses.replace(verifier, name="step-64x3", size=64)
    with pytest.raises(DeploymentError, match=f"only {chain.address}, who owns the registry") as caught:
        add_verifiers(chain.signing_as(keys.ada), deployed, [other])
    assert caught.value.kind == "not-the-owner"
    more = add_verifiers(chain, deployed, [other])
    more.check(chain)
    assert set(more.verifiers) == {"step-48x3", "step-64x3"}
    assert more.contracts == deployed.contracts
    network = Network(chain, more)
    assert network.contract("VerifierRegistry").call("entryOf", network.verifier_id("step-64x3"))["size"] == 64


def test_an_insecure_verifier_is_not_added_on_a_public_chain(public_chain, deployed, verifier):
    with pytest.raises(InsecureKeyError, match="for development"):
        add_verifiers(public_chain, deployed, [verifier])
