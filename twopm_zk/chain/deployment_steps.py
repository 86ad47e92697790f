"""The steps of a deployment: what they cost, told before the first one, and none paid for twice.

A journal keeps every step that was paid for, by what the step sends. A deployment that stopped half-way, for want of
money or connection, goes on from it: a contract counts as deployed when its code is on the chain, a transaction when
its receipt is.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twopm_zk.chain.compiler import Artifact, compile_contract, compile_source
from twopm_zk.chain.contracts import Chain, Contract
from twopm_zk.chain.deployment import Deployed, GeneratedVerifier, code_hash
from twopm_zk.chain.rpc import Receipt
from twopm_zk.errors import DeploymentError, InputError
from twopm_zk.system import files
from twopm_zk.system.parsing import read_json
from twopm_zk.system.progress import Progress
from twopm_zk.system.side_by_side import side_by_side

_CREATION, _PER_BYTE, _PER_WORD = 53_000, 200, 2
_CONSTRUCTOR = 250_000
"""Gas of what a constructor stores; most take far less."""
_CALL = 100_000
_GWEI, _ETH = 10**9, 10**18


@dataclass(frozen=True)
class DeploymentCost:
    """What is left to pay, and who pays: gas, prices and balance in wei."""

    account: str
    gas: int
    largest: int
    """Gas of the largest transaction, for which a chain wants more at hand than it takes."""
    price: int
    offered: int
    """The most that a transaction offers for gas."""
    balance: int

    @property
    def need(self) -> int:
        """Wei that the account must have."""
        return self.gas * self.price + self.largest * (self.offered - self.price)

    def sentence(self) -> str:
        """For whoever pays."""
        return (
            f"about {self.gas:,} gas at {self.price / _GWEI:.4g} gwei: up to {self.need / _ETH:.6f} ETH; "
            f"{self.account} has {self.balance / _ETH:.6f} ETH"
        )

    def require(self) -> None:
        """Raise DeploymentError where the balance is too low, before anything is sent."""
        if self.balance < self.need:
            raise DeploymentError(
                f"{self.account} has {self.balance / _ETH:.6f} ETH; deploying needs {self.need / _ETH:.6f} ETH: "
                f"about {self.gas:,} gas at {self.price / _GWEI:.4g} gwei",
                kind="low-funds",
                account=self.account,
                balance=self.balance,
                need=self.need,
                missing=f"{(self.need - self.balance) / _ETH:.6f}",
            )


def journal_path(deployment_file: Path) -> Path:
    """Where the journal of a deployment lies until its file is written."""
    return deployment_file.with_name(deployment_file.name + ".unfinished")


class Journal:
    """The steps of a deployment that are done, by what each has sent; in a file, written whole after each."""

    def __init__(self, chain: Chain, path: Path | None) -> None:
        self.path = path
        self._chain_id, self._steps = chain.chain_id, dict[str, dict[str, str]]()
        self._met: Counter[str] = Counter()
        if path is None or not path.exists():
            return
        saved = read_json(path, what="journal of a deployment")
        try:
            steps = {key: dict(step) for key, step in saved["steps"].items()}
            found = saved["chain_id"]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"{str(path)!r} is not the journal of a deployment", kind="other-journal") from error
        if found != chain.chain_id:
            raise InputError(
                f"{str(path)!r} is of a deployment to chain {found} that stopped half-way, this is {chain.chain_id}",
                kind="other-journal",
            )
        self._steps = steps

    def key(self, what: str, *parts: bytes) -> str:
        """Names a step by what it sends; one that is sent twice has two keys."""
        digest = files.digest_of(what, *(part.hex() for part in parts))
        self._met[digest] += 1
        return f"{digest}-{self._met[digest]}"

    def find(self, key: str) -> dict[str, str] | None:
        """What is known of a step that was done before."""
        return self._steps.get(key)

    def add(self, key: str, **step: str) -> None:
        """Keep a step."""
        self._steps[key] = step
        if self.path is not None:
            saved = {"chain_id": self._chain_id, "steps": self._steps}
            files.write_text(self.path, json.dumps(saved, indent=2) + "\n")

    def done(self) -> int:
        """How many contracts are there already."""
        return sum("address" in step for step in self._steps.values())

    def names(self) -> Counter[str]:
        """The contracts that are there already."""
        return Counter(step["name"] for step in self._steps.values() if "address" in step)


def _compiled(
    names: Sequence[str],
    published: Mapping[str, Artifact],
    verifiers: Sequence[GeneratedVerifier],
    progress: Progress,
) -> tuple[dict[str, Artifact], dict[str, Artifact]]:
    """Contracts and verifiers by name; what others have published is compiled already."""
    generated = {made.name: made for made in verifiers}

    def make(name: str) -> Artifact:
        verifier = generated.get(name)
        return compile_source(verifier.solidity, verifier.contract_name) if verifier else compile_contract(name)

    ours = [name for name in dict.fromkeys(names) if name not in published]
    made = side_by_side([*ours, *generated], make, progress=lambda line: progress(f"compiled {line}"))
    found = {name: made.pop(name) for name in generated}
    return {**made, **published}, found


def _creation_gas(artifact: Artifact) -> int:
    """More than the creation of a contract takes: its code, as calldata and kept, and what its constructor stores."""
    size = len(artifact.bytecode) // 2
    return _CREATION + 16 * size + _PER_WORD * (size // 32 + 1) + _PER_BYTE * size + _CONSTRUCTOR


class DeploymentSteps:
    """Deploys contracts one after another, each knowing the addresses of those before it.

    ``names`` are the contracts of ``verifier/`` that it will deploy, as often as it deploys each, and those of
    ``published``: what others have compiled. ``contracts`` gathers what belongs in the deployment file.
    """

    def __init__(
        self,
        chain: Chain,
        journal: Journal,
        progress: Progress,
        names: Sequence[str],
        verifiers: Sequence[GeneratedVerifier] = (),
        published: Mapping[str, Artifact] | None = None,
    ) -> None:
        self.chain, self.journal, self.progress = chain, journal, progress
        self.contracts: dict[str, Deployed] = {}
        self.first_block = chain.block
        self.artifacts, self.verifiers = _compiled((*names, "VerifierRegistry"), published or {}, verifiers, progress)
        self._plan = [self.artifacts[name] for name in names] + list(self.verifiers.values())
        self._calls = len(names) + 2 * len(verifiers)  # fewer, in truth
        self._number = 0

    def require_funds(self) -> None:
        """Tell what is left to pay, and raise DeploymentError where the account has too little for it."""
        left, there = [], self.journal.names()
        for artifact in self._plan:
            if there[artifact.name]:
                there[artifact.name] -= 1
            else:
                left.append(_creation_gas(artifact))
        fees: Mapping[str, Any] = self.chain.fees()
        offered = int(fees.get("maxFeePerGas", fees.get("gasPrice", 0)))
        price = (offered + int(fees.get("maxPriorityFeePerGas", offered)) + 1) // 2  # base fee and tip
        cost = DeploymentCost(
            account=self.chain.address,
            gas=sum(left) + (self._calls * _CALL if left else 0),
            largest=max(left, default=0),
            price=price,
            offered=offered,
            balance=self.chain.balance(self.chain.address),
        )
        if done := self.journal.done():
            self.progress(f"going on where the last run stopped: {done} contracts are deployed already")
        self.progress(cost.sentence())
        cost.require()

    def deploy(self, artifact: Artifact, *arguments: Any, libraries: Mapping[str, str] | None = None) -> Contract:
        """One contract, unless it is known to have been deployed before."""
        self._number += 1
        code = self.chain.creation(artifact, *arguments, libraries=libraries)
        key = self.journal.key("create", code)
        known = self.journal.find(key)
        again = known is not None and artifact.matches(self.chain.code(known["address"]), libraries)
        if known is not None and again:
            contract = Contract(self.chain, artifact, known["address"])
            self.first_block = min(self.first_block, int(known["block"]))
        else:
            contract = self.chain.deploy(artifact, *arguments, libraries=libraries)
            assert contract.deployed is not None  # noqa: S101 - it was deployed just now
            block = str(contract.deployed.block)
            self.journal.add(key, name=artifact.name, address=contract.address, block=block)
        state = "there already" if again else "deployed"
        self.progress(f"{self._number} of {len(self._plan)} {state}: {artifact.name} at {contract.address}")
        return contract

    def transact(self, contract: Contract, function: str, *arguments: Any) -> Receipt:
        """One transaction, unless it is known to have been mined before."""
        key = self.journal.key(contract.address, contract.encode(function, *arguments))
        known = self.journal.find(key)
        if known is not None and (receipt := self.chain.receipt(known["transaction"])) is not None:
            return receipt
        receipt = contract.transact(function, *arguments)
        self.journal.add(key, name=f"{contract.artifact.name}.{function}", transaction=receipt.transaction)
        return receipt

    def ours(self, name: str, *arguments: Any) -> Contract:
        """One contract of the deployment file, with the libraries that it is linked to."""
        artifact = self.artifacts[name]
        libraries = {library: self.contracts[library].address for library in artifact.libraries}
        contract = self.deploy(artifact, *arguments, libraries=libraries)
        found = code_hash(self.chain.code(contract.address))
        self.contracts[name] = Deployed(contract.address, found, libraries)
        return contract
