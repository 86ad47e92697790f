"""A task on a chain, step by step: three schools, two rounds, a certificate, a prediction; contracts check every proof.

python examples/one_round.py

What `twopm-zk node run` and `twopm-zk coordinator run` do by themselves, here by hand, in one process. Each school
shares its update under masks that cancel in the sum: what anybody can read off the chain is that sum, and nothing else.
"""

import numpy as np

import twopm_zk as zk
from twopm_zk.chain import (
    Chain,
    DevelopmentNode,
    GeneratedVerifier,
    Network,
    NetworkTerms,
    Receipt,
    TaskConfig,
    TrainingConfig,
    deploy_all,
)
from twopm_zk.errors import TransactionError
from twopm_zk.participants.attempts import AttemptView, read_attempt
from twopm_zk.participants.task_view import ChainView, generators_hash
from twopm_zk.sharing import KeyOwner, SecretKey, Sharer, vector_of
from twopm_zk.statements import Family
from twopm_zk.task.parts.data import DataTerms

INSTANCES = ("step-48x3", "aggregate-3", "certify-3", "predict-3")
ETH = 10**18
RETH = 2  # the asset's number in StakingContract
LAMBDA = 1.0
DATA = DataTerms.of("spector-mazzeo", None)


def deploy(chain: Chain) -> tuple[Network, dict[str, zk.Keys]]:
    """Contracts, and the verifiers of development keys (insecure)."""
    keys = {name: zk.setup(zk.compile_circuit(zk.find_instance(name))) for name in INSTANCES}
    verifiers = [GeneratedVerifier.from_keys(zk.find_instance(name), made) for name, made in keys.items()]
    return Network(chain, deploy_all(chain, verifiers=verifiers)), keys


def split(table: zk.Table, sizes: list[int]) -> list[zk.Table]:
    """Consecutive rows for each school."""
    ends = np.cumsum(sizes)
    return [
        zk.Table(table.names, table.features[end - size : end], table.labels[end - size : end])
        for end, size in zip(ends, sizes, strict=True)
    ]


def step_matrix(table: zk.Table) -> zk.StepMatrix:
    """Boehning and Lindsay's bound with over-relaxation: 1.9 (X'X/4 + lambda I)^-1, the intercept not regularised.

    A real task collects X'X/4 first, as a sum over all nodes that is proven and shared like a gradient.
    """
    rows = np.column_stack([table.features, np.ones(table.rows)])
    penalty = np.diag([LAMBDA] * (rows.shape[1] - 1) + [0.0])
    return zk.StepMatrix.quantized(1.9 * np.linalg.inv(rows.T @ rows / 4 + penalty))


class Story:
    """One task; ``receipts`` keeps every transaction with a proof by name."""

    def __init__(
        self, network: Network, keys: dict[str, zk.Keys], private_keys: list[str], *, backend: str | None = None
    ) -> None:
        self.network, self.keys, self.backend = network, keys, backend
        *schools, coordinator, user = (network.signing_as(key) for key in private_keys)
        self.schools, self.coordinator, self.user = schools, coordinator, user
        self.table = zk.load_spector().scaled(zk.SPECTOR_SCALING)
        self.matrix = step_matrix(self.table)
        self.receipts: dict[str, Receipt] = {}

    def prove(self, name: str, statement: zk.Statement) -> list[int]:
        """A proof as contracts take it."""
        result = zk.prove(self.keys[name], statement.circuit_inputs(), backend=self.backend)
        return zk.calldata(result.proof, result.public)[0]

    def prepare(self) -> None:
        """Schools join with a key to share with, stake, and commit to their rows."""
        self.committed = []
        self.coordinator.data_hub.open(DATA)
        self.lasting = [SecretKey.drawn() for _ in self.schools]
        for school, rows, key in zip(self.schools, split(self.table, [11, 11, 10]), self.lasting, strict=True):
            school.identity.join("", b"")
            owner = KeyOwner(school.identity.address, school.chain.chain_id, school.chain.address)
            school.identity.set_aggregation_key(key.aggregation_key(owner).numbers)
            stake(school)
            step = zk.prepare_step(rows, [0.0] * 4, instance=zk.find_instance("step-48x3"))
            school.data_hub.register(DATA.id, 0, [step.statement.public[1]])
            self.committed.append(step.statement)

    def open(self) -> None:
        """The coordinator creates the task: all that later checks use is fixed here, verifiers included."""
        hlr, verifier_id = self.coordinator.hlr, self.network.verifier_id
        self.task = hlr.create_task(
            TaskConfig(
                spec_hash=b"\x01" * 32, dataset=DATA.id, minimum_stake=ETH // 2, maximum_updates=4, maximum_batches=1
            ),
            TrainingConfig(
                features=3,
                penalty=int(LAMBDA * 2**12),
                weight_bound=2**31 - 1,
                min_rows=32,
                gradient_target=2**32 - 1,
                step_verifiers=[verifier_id("step-48x3")],
                information_verifiers=[],
                information=0,
                aggregate_verifier=verifier_id("aggregate-3"),
                certify_verifier=verifier_id("certify-3"),
                gradient_generators=generators_hash(zk.Collection.GRADIENT, Family.LOGISTIC, weights=4),
                information_generators=bytes(32),
                initial_weights=[0, 0, 0, 0],
            ),
        )
        hlr.open_round(self.task)

    def collect(self, label: str) -> None:
        """Each school proves the gradient of its committed rows, says that it is ready, and shares it under masks."""
        hlr = self.coordinator.hlr
        state = hlr.state(self.task)
        self.weights, self.policy = state.weights, state.policy
        openings = []
        for number, (school, committed) in enumerate(zip(self.schools, self.committed, strict=True), 1):
            statement = zk.StepStatement(
                committed.shape, self.policy.context, self.weights, committed.data, committed.salt
            )
            proof = self.prove("step-48x3", statement)
            receipt = school.hlr.submit_update(self.task, committed.shape.rows, 0, statement.opening.point, proof)
            self.receipts[f"submitUpdate, {label}, node {number}"] = receipt
            openings.append(statement.opening)
        hlr.close(self.task)
        round_keys = [SecretKey.drawn() for _ in self.schools]
        for number, (school, lasting, key) in enumerate(zip(self.schools, self.lasting, round_keys, strict=True), 1):
            receipt = school.hlr.ready(self.task, lasting.posted.eighth, key.posted.eighth)
            self.receipts[f"ready, {label}, node {number}"] = receipt
        sharing_set = self.attempt().sharing_set
        assert sharing_set is not None
        for number, school in enumerate(self.schools, 1):
            secrets = self.lasting[number - 1], round_keys[number - 1]
            sharer = Sharer(sharing_set, school.chain.address, *secrets)
            vector = sharer.vector(self.attempt().generators, vector_of(openings[number - 1]))
            receipt = school.hlr.share(self.task, sharing_set.digest, vector)
            self.receipts[f"share, {label}, node {number}"] = receipt
        total = self.attempt().total
        assert total is not None, "somebody has shared something else"
        self.total = total

    def attempt(self) -> AttemptView:
        """What the chain shows of the present attempt, to anybody."""
        view = ChainView(self.network)
        return read_attempt(view, view.state(self.task))

    def accept(self) -> None:
        """The next weights, with the proof that they are the committed rule applied to the sum of all updates."""
        statement = zk.AggregateStatement(self.total, self.policy, self.matrix, self.weights)
        proof = self.prove("aggregate-3", statement)
        first, *others = statement.next_weights
        try:
            self.coordinator.hlr.accept_weights(self.task, [first + 1, *others], self.matrix.hash, proof)
        except TransactionError as error:
            print(f"weights that are one unit off: refused with {error.error}")
        else:
            raise AssertionError("weights were accepted without a proof of theirs")
        receipt = self.coordinator.hlr.accept_weights(self.task, statement.next_weights, self.matrix.hash, proof)
        self.receipts["acceptWeights"] = receipt

    def certify(self) -> float:
        """The largest gradient component per row at the final weights, proven; the task is finished."""
        statement = zk.CertifyStatement(self.total, self.policy, self.weights)
        proof = self.prove("certify-3", statement)
        self.receipts["certify"] = self.coordinator.hlr.certify(self.task, statement.gradient_bound, proof)
        return statement.gradient_bound / 2**32

    def predict(self) -> float:
        """A user with a stake commits to an input; the coordinator, as operator, answers with a proof.

        A real network has a metadata document; `twopm-zk network metadata` drafts one.
        """
        stake(self.user)
        stake(self.coordinator)
        number = self.coordinator.networks.register(self.task, bytes(32), NetworkTerms())
        operator, verifier = self.coordinator.inference, self.network.verifier_id("predict-3")
        operator.offer(number, verifier)
        row = tuple(int(x) for x in self.table.quantized(zk.FEATURES)[0])
        statement = zk.PredictStatement(zk.PredictShape(3, zk.FEATURES), self.policy.context, self.weights, row)
        network = self.user.networks.get(number)
        inputs = [statement.public[1]]
        (request,) = self.user.inference.ask(network, self.coordinator.chain.address, verifier, inputs)
        operator.accept([request])
        proof = self.prove("predict-3", statement)
        self.receipts["answer"] = operator.answer(request, statement.prediction, proof)
        return int(self.user.inference.request(request)["prediction"]) / 2**16


def stake(member: Network) -> None:
    """One rETH of the development chain's double."""
    member.contract("RETHDouble").transact("deposit", value=2 * ETH)
    member.staking.stake(RETH, ETH)


def main() -> None:
    with DevelopmentNode() as node:
        network, keys = deploy(Chain(node.url, private_key=node.private_keys[0]))
        story = Story(network, keys, node.private_keys[1:6])
        story.prepare()
        story.open()
        story.collect("first round")
        story.accept()
        print(f"accepted weights, in units of 2^-20: {list(story.coordinator.hlr.state(story.task).weights)}")
        story.collect("second round")
        print(f"certified: no gradient component exceeds {story.certify():.4f} per row")
        print(f"proven prediction: {story.predict():.4f}")
        print("\n".join(f"{name}: {receipt.gas_used:,} gas" for name, receipt in story.receipts.items()))


if __name__ == "__main__":
    main()
