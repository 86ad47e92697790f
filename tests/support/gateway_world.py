"""A deployment with one network whose task is certified, an operator that offers it, and a gateway before it.

Training is proven by doubles, predictions with the development keys of this machine.
"""

import os
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from eth_account import Account
from eth_account.messages import encode_defunct
from support.audits import SOON, train
from support.people_world import DoubleKeys, Party, World, double_verifier

from twopm_zk.chain import DevelopmentNode
from twopm_zk.chain.deployment import GeneratedVerifier
from twopm_zk.chain.networks import NetworkTerms
from twopm_zk.circuit.instances import find_instance
from twopm_zk.cli.network.deploy import DEFAULT_INSTANCES
from twopm_zk.cli.next_steps import when_asked
from twopm_zk.gateway.audits import run_audit
from twopm_zk.gateway.server import GatewayServer
from twopm_zk.gateway.sessions import message_of
from twopm_zk.gateway.settings import GatewaySettings, Limits
from twopm_zk.plonk.keys import keys_of_instances
from twopm_zk.task.metadata import draft
from twopm_zk.task.specification_file import write_spec

ETH = 10**18
OWNER, OPERATOR, USER, STRANGER = 1, 6, 7, 8
SPEC = SOON
ROW = {"GPA": 3.4, "TUCE": 25.0, "PSI": 1.0}
TERMS = NetworkTerms(user_stake=ETH, operator_stake=ETH, penalty=ETH // 2, fee=1000)


def put_up_stake(view, amount=2 * ETH):
    view.network.contract("RETHDouble").transact("deposit", value=2 * amount)
    view.staking.stake(2, amount)


def metadata_of(spec, **changes):
    return replace(draft(spec), title="Grades after a course", **changes)


class NetworkWorld:
    """What the tests of the gateway begin with: `folder` has the documents."""

    def __init__(self, world, folder):
        self.world, self.spec = world, SPEC
        stores = folder / "stores"
        stores.mkdir()
        self.party = Party(world, stores, spec=SPEC)
        train(self.party)
        self.documents = folder / "documents"
        self.documents.mkdir()
        self.metadata = metadata_of(SPEC)
        (self.documents / "network.json").write_bytes(self.metadata.encoded)
        write_spec(SPEC, self.documents / "spec.json")
        networks = world.view(OWNER).network.networks
        self.network = networks.register(1, self.metadata.sha256, TERMS, uri="https://docs.example/network.json")
        networks.enrol(self.network, [world.view(2 + number).address for number in range(3)])
        put_up_stake(world.view(OPERATOR))
        put_up_stake(world.view(USER))

    def offer(self, endpoint="http://127.0.0.1:9", key=b"\7" * 32):
        """Have the operator offer the network."""
        view = self.world.view(OPERATOR)
        view.publish(endpoint, key)
        view.inference.offer(self.network, view.deployment.verifiers["predict-3"].id)
        return view


def sign_in(client, stage, number=USER, **changes):
    """The header of a new session of an account."""
    key = stage.world.node.private_keys[number]
    nonce, now = client.get("/v1/session/nonce").json()["nonce"], time.time()
    parts = {"chain_id": 31337, "issued": now, "expires": now + 600, "origin": str(client.base_url).rstrip("/")}
    text = message_of(account=Account.from_key(key).address, nonce=nonce, **{**parts, **changes})
    signature = Account.sign_message(encode_defunct(text=text), key).signature
    said = client.post("/v1/session", json={"message": text, "signature": "0x" + bytes(signature).hex()})
    assert said.status_code == 200, said.text
    return {"Authorization": f"Bearer {said.json()['token']}"}


def no_audit(job, progress):
    raise RuntimeError("nothing is audited here")


def audit_of_doubles(job, progress):
    return run_audit(job, progress, keyring=DoubleKeys(insecure=("step-48x3",)))


@contextmanager
def gateway(stage, folder, *, view=None, limits=None, rpc_url=None, **changes):
    """A gateway of the stage, which audits nothing unless it is told how; ``changes`` are those of its settings."""
    page = changes.pop("page", None) or folder / "page"
    page.mkdir(exist_ok=True)
    parts = {
        name: changes.pop(name) for name in ("keys", "prover", "audit", "notify", "conversation") if name in changes
    }
    settings = GatewaySettings(poll=0.05, page=page, limits=limits or Limits(), **changes)
    with GatewayServer(
        view or stage.world.view(9),
        rpc_url=rpc_url or stage.world.node.url,
        folders=[stage.documents],
        settings=settings,
        advise=when_asked,
        **{"audit": no_audit, **parts},
    ) as server:
        yield server


def proven_world(node):
    """Doubles for what trains, and the real verifier of predictions, with the development keys of this machine."""
    keys = keys_of_instances(["predict-3"], progress=print)["predict-3"]
    doubles = [double_verifier(name) for name in DEFAULT_INSTANCES if name != "predict-3"]
    return World(node, verifiers=[*doubles, GeneratedVerifier.from_keys(find_instance("predict-3"), keys)])


def main(port):
    """For whoever looks at the page: a network whose predictions can be proven, served until stopped."""
    with DevelopmentNode() as node, TemporaryDirectory() as name:
        stage = NetworkWorld(proven_world(node), Path(name))
        stage.offer()
        page = Path(os.environ["PAGE"]) if "PAGE" in os.environ else None
        with gateway(stage, Path(name), port=port, page=page, audit=audit_of_doubles) as server:
            print(f"{server.url} is the gateway, {node.url} its chain; account 7 has a stake", flush=True)
            while True:
                time.sleep(1)


if __name__ == "__main__":
    main(int(sys.argv[1]))
