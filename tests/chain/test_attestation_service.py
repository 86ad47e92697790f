"""Which EAS a deployment asks: its own on a development chain, the one that is known or named elsewhere."""

import dataclasses
import json

import pytest
from support.attestations import deploy_eas

from twopm_zk.chain import compile_contract
from twopm_zk.chain.deployer import deploy_all
from twopm_zk.chain.deployment import EAS_ADDRESSES, NOBODY, Deployed, Deployment, code_hash
from twopm_zk.chain.development import attestations
from twopm_zk.chain.network import Network
from twopm_zk.errors import DeploymentError, ToolError
from twopm_zk.system import paths


@pytest.fixture(scope="module")
def eas(chain):
    return deploy_eas(chain).address


@pytest.fixture(scope="module")
def deployed(chain, eas):
    return deploy_all(chain, assets=[], eas=eas.lower())


@pytest.fixture
def known(monkeypatch):
    """Make an address the one that is known on the development chain."""

    def know(address):
        monkeypatch.setitem(EAS_ADDRESSES, 31337, address)

    return know


def test_eas_is_known_where_its_own_package_has_it():
    folder = paths.npm_package(attestations.PACKAGE) / "deployments"
    published = {
        int((found / ".chainId").read_text()): json.loads((found / "EAS.json").read_text())["address"]
        for found in folder.iterdir()
    }
    assert {number: published[number] for number in EAS_ADDRESSES} == EAS_ADDRESSES


def test_the_published_contracts_are_what_is_deployed(chain, eas):
    """Immutables aside, whose places are found by themselves."""
    assert attestations.published()["EAS"].matches(chain.code(eas))
    changed = dataclasses.replace(attestations.published()["EAS"], immutables=[])
    assert not changed.matches(chain.code(eas))


def test_the_eas_that_is_named_is_asked(chain, eas, deployed, tmp_path):
    deployed.check(chain)
    assert deployed.eas == eas
    assert Network(chain, deployed).data_hub.eas == eas
    assert Network(chain, deployed).contract("CertificateResolver").call("EAS") == eas
    path = tmp_path / "deployment.json"
    deployed.write(path)
    assert Deployment.read(path).eas == eas


def test_without_eas_there_is_none_and_a_development_chain_says_so(chain, monkeypatch):
    monkeypatch.setattr(paths, "npm_version", lambda folder: "0.0.1")
    assert attestations.published() is None
    said = []
    monkeypatch.setattr("twopm_zk.chain.development.others.restaking.published", lambda: None)
    made = deploy_all(chain, progress=said.append)
    assert attestations.MISSING in said
    assert made.eas == Network(chain, made).data_hub.eas == NOBODY
    assert "CertificateResolver" not in made.contracts
    assert next(line for line in reversed(said) if " of " in line).startswith(f"{len(made.contracts)} of ")
    made.check(chain)


def test_a_damaged_package_is_told(tmp_path, monkeypatch):
    folder = tmp_path / attestations.PACKAGE
    (folder / "artifacts/contracts/SchemaRegistry.sol").mkdir(parents=True)
    (folder / "package.json").write_text(json.dumps({"version": attestations.VERSION}))
    (folder / "artifacts/contracts/SchemaRegistry.sol/SchemaRegistry.json").write_text('{"abi": []}')
    monkeypatch.setenv("TWOPM_ZK_NODE_MODULES", str(tmp_path))
    with pytest.raises(ToolError, match="has no contract SchemaRegistry"):
        attestations.published()


def test_where_eas_is_known_no_other_is_asked(chain, eas, deployed, known, node):
    known(eas)
    deployed.check(chain)
    assert deploy_all(chain, assets=[]).eas == eas
    other = deploy_eas(chain).address
    with pytest.raises(DeploymentError, match=f"EAS is at {eas} on chain 31337, not at {other}"):
        deploy_all(chain, assets=[], eas=other)
    known(other)
    with pytest.raises(DeploymentError, match=f"EAS is at {other} on chain 31337, not at {eas}"):
        deployed.check(chain)


def test_what_is_not_eas_is_refused(chain, node, deployed):
    with pytest.raises(DeploymentError, match="there is no contract at"):
        deploy_all(chain, assets=[], eas=node.accounts[5])
    with pytest.raises(DeploymentError, match=r"there is no EAS at 0x\w{40} on chain 31337"):
        deploy_all(chain, assets=[], eas=deployed.contracts["IdentityContract"].address)


@pytest.mark.parametrize("name", ["DataHub", "CertificateResolver"])
def test_contracts_that_ask_another_eas_are_refused(chain, deployed, name):
    """The code is right; who deployed it would attest to what he likes."""
    other, contracts = deploy_eas(chain).address, deployed.contracts
    arguments = [other] if name == "DataHub" else [other, contracts["HLRContract"].address]
    made = chain.deploy(compile_contract(name), *arguments)
    entry = Deployed(made.address, code_hash(chain.code(made.address)))
    changed = dataclasses.replace(deployed, contracts={**contracts, name: entry})
    with pytest.raises(DeploymentError, match=f"{name} at {made.address} asks another EAS"):
        changed.check(chain)
