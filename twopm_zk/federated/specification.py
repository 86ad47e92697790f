"""The public specification of federated learning with any model: all that its participants agree on before it starts.

A round adds up what nodes hand in, in integers modulo 2^64, so that nothing here may let a sum wrap. With n nodes at
most, each of at most `maximum_weight` examples, and changes that `clip` and noise bound, every coordinate of a sum is
below

    n * maximum_weight * coordinate_bound < 2^63

Its hash is keccak256 of the canonical JSON (RFC 8785) of `FederatedSpec.document`. The words and units are those of the
specifications of logistic regression (`task.specification`).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Literal

from twopm_zk.errors import SpecError
from twopm_zk.federated.checks import Setting, Shape, check_locations, check_shapes, check_texts, checked_settings
from twopm_zk.federated.noise import NoisePlan
from twopm_zk.federated.rule import AggregationRule
from twopm_zk.privacy.terms import Privacy
from twopm_zk.task.canonical import Json, canonical
from twopm_zk.task.checks import check_privacy, require
from twopm_zk.task.parts.data import DataTerms, Provenance, check_fields, check_name

KIND = "federated"
"""What the key ``kind`` of such a file says. Files of logistic regression have none."""
VERSION = 1
PARAMETER_FRAC_BITS = 32
"""A result's parameters are integers in units of 2^-32."""
LOSS_FRAC_BITS = 16
"""A node's mean loss is summed in units of 2^-16, times its number of examples."""
LOSS_BOUND = 1024
"""A mean loss beyond it counts as it."""
_WORD = 1 << 63
_MAX_SECONDS = 30 * 24 * 3600
_MAX_COUNT = (1 << 32) - 2
_REACH = 1 << 24
"""What a round can move a parameter by, with all that its momentum does later."""

Weighting = Literal["examples", "equal"]
SECONDS = ("collecting_seconds", "ready_seconds", "sharing_seconds", "aggregating_seconds")
"""Durations of the phases of a round; in the last one, results are confirmed."""


@dataclass(frozen=True, kw_only=True)
class FederatedSpec:
    """A validated specification. Raises SpecError that names the key of the file and its limits."""

    title: str
    description: str = ""
    model: str = ""
    """A name for people; the code of a model is chosen by each owner."""
    shapes: tuple[Shape, ...]
    """Shapes of the model's arrays, in order: the key ``model.arrays``."""
    initial: bytes | None = None
    """SHA-256 of the encoded initial result (`results.first_result`). None while it is not known yet: then a
    specification has no hash, and no task."""
    clip: float
    """Largest L2 norm of a node's change of all parameters in a round; longer ones are shortened to it."""
    frac_bits: int = 16
    """Changes are integers in units of 2^-frac_bits."""
    weighting: Weighting = "examples"
    """Whether a node counts with its number of examples in the average, or all count the same."""
    maximum_examples: int = 1 << 16
    """A node with more counts with so many."""
    evaluate: bool = False
    """Whether losses at the result before are summed too, over what `Model.evaluate` holds out."""
    rule: AggregationRule = field(default_factory=AggregationRule)
    fit: Mapping[str, Setting] = field(default_factory=dict)
    """Passed on to `Model.fit` and `Model.evaluate` as they are."""
    minimum_nodes: int = 3
    maximum_nodes: int = 100
    maximum_rounds: int = 30
    quorum_percent: int = 67
    """So many of 100 nodes of a set have to confirm a result."""
    collecting_seconds: int = 3600
    ready_seconds: int = 1800
    sharing_seconds: int = 24 * 3600
    aggregating_seconds: int = 3600
    locations: tuple[str, ...]
    """Where masked updates and results are stored: URLs of folders (`checks.check_locations`)."""
    privacy: Privacy | None = None
    """None for exact sums. The unit is a node: all of its data."""
    data_name: str | None = None
    """The data set's, where that is not the title."""
    data_fields: tuple[str, ...] = ()
    """What data have, in words: tasks of one name and these fields share their data sets. Without any, the data are
    this specification's alone."""
    provenance: Provenance | None = None
    """None where nobody has to attest to an owner's data."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "fit", checked_settings(self.fit))
        check_texts(self.title, self.description, self.model)
        check_shapes(self.shapes)
        check_fields(self.data_fields)
        if self.data_name is not None:
            object.__setattr__(self, "data_name", None if self.data_name == self.title else check_name(self.data_name))
        if self.initial is not None and len(self.initial) != 32:
            raise SpecError(f"`model.initial` has {len(self.initial)} bytes; a SHA-256 has 32")
        require("update.clip", self.clip, 2.0**-16, 2.0**20)
        require("update.frac_bits", self.frac_bits, 4, 28)
        if self.weighting not in ("examples", "equal"):
            raise SpecError(f"`update.weighting` is {self.weighting!r}; allowed: examples, equal")
        for key, value, low, high in (
            ("update.maximum_examples", self.maximum_examples, 1, 1 << 30),
            ("rounds.maximum", self.maximum_rounds, 1, _MAX_COUNT),
            ("rounds.quorum_percent", self.quorum_percent, 51, 100),
            *((f"rounds.{name}", getattr(self, name), 1, _MAX_SECONDS) for name in SECONDS),
            ("minimum.nodes", self.minimum_nodes, 2, 65535),
            ("maximum.nodes", self.maximum_nodes, self.minimum_nodes, 65535),
        ):
            require(key, value, low, high)
        check_locations(self.locations)
        if self.privacy is not None:
            self._check_privacy(self.privacy)
        self._check_sums()

    def _check_privacy(self, privacy: Privacy) -> None:
        check_privacy(privacy, minimum_nodes=self.minimum_nodes, weighted=False)
        if privacy.unit != "node":
            raise SpecError(f"`privacy.unit` is {privacy.unit!r}; federated learning knows updates of nodes: 'node'")
        if privacy.clip is not None:
            raise SpecError("`privacy.clip` is of rows; what bounds a node's update is `update.clip`")
        if self.weighting != "equal":
            raise SpecError(
                f"`update.weighting` is {self.weighting!r}: how many examples a node has would be published without "
                "noise; with `privacy` it is 'equal'"
            )
        if self.evaluate:
            raise SpecError("`update.evaluate` is true: losses would be published without noise")

    def _check_sums(self) -> None:
        rule = self.rule
        reach = self.coordinate_bound * 2.0**-self.frac_bits * max(rule.server_rate, 1) / (1 - rule.momentum)
        if reach > _REACH:
            raise SpecError(
                f"a round may move a parameter by {reach:.6g} in the end, which is `update.clip`, its rounding and its "
                f"noise, times `rule.server_rate`, over 1 - `rule.momentum`; allowed: {_REACH}"
            )
        weight = self.maximum_nodes * self.maximum_weight
        largest = weight * self.coordinate_bound
        lanes = {
            "a sum of changes": largest,
            "an average": weight << (PARAMETER_FRAC_BITS - self.frac_bits + 1),
            "a sum of losses": weight * LOSS_BOUND << LOSS_FRAC_BITS,
        }
        for what, reached in lanes.items():
            if reached >= _WORD:
                raise SpecError(
                    f"{what} may reach 2^{math.log2(reached):.1f}; it must stay below 2^63",
                    hint="Give smaller `maximum.nodes`, `update.maximum_examples`, `update.clip` or "
                    "`update.frac_bits`; with `privacy`, a larger epsilon or fewer rounds.",
                )

    @property
    def parameters(self) -> int:
        """How many numbers the model has."""
        return sum(math.prod(shape) for shape in self.shapes)

    @property
    def tail(self) -> tuple[str, ...]:
        """What an update has behind its parameters: its weight in the average, and what was evaluated."""
        return ("weight", "loss", "evaluated") if self.evaluate else ("weight",)

    @property
    def words(self) -> int:
        """How many integers a node hands in."""
        return self.parameters + len(self.tail)

    @property
    def maximum_weight(self) -> int:
        """The largest weight of one node in the average."""
        return self.maximum_examples if self.weighting == "examples" else 1

    @property
    def norm_bound(self) -> int:
        """What the L2 norm of a node's quantised change does not exceed, in units of 2^-frac_bits: clip, and half a
        unit of rounding for each coordinate, rounded up."""
        return math.ceil(Fraction(self.clip) * (1 << self.frac_bits)) + math.isqrt(self.parameters) // 2 + 1

    @property
    def coordinate_bound(self) -> int:
        """What the magnitude of each coordinate of a node's change, with its noise, does not exceed, in these units."""
        return self.norm_bound + (0 if self.noise is None else self.noise.below)

    @property
    def has_velocity(self) -> bool:
        """Whether a result carries a velocity."""
        return self.rule.momentum_units > 0

    @cached_property
    def noise(self) -> NoisePlan | None:
        """How much noise each node adds; None for exact sums. Asking it for a multiplier or a variance imports an
        accountant, which takes seconds."""
        if self.privacy is None:
            return None
        return NoisePlan.of(
            self.privacy,
            parameters=self.parameters,
            clip=self.clip,
            frac_bits=self.frac_bits,
            rounds=self.maximum_rounds,
            minimum_nodes=self.minimum_nodes,
        )

    @cached_property
    def layout(self) -> bytes:
        """SHA-256 of what the integers of updates and results stand for: files of another layout are refused."""
        parts: Json = {
            "arrays": [list(shape) for shape in self.shapes],
            "frac_bits": self.frac_bits,
            "tail": list(self.tail),
            "velocity": self.has_velocity,
        }
        return hashlib.sha256(b"twopm-zk federated layout 1" + canonical(parts)).digest()

    @property
    def document(self) -> dict[str, Json]:
        """The specification as JSON, every default written out: what is hashed, and what files hold."""
        rule, terms = self.rule, self.privacy
        document: dict[str, Json] = {
            "kind": KIND,
            "version": VERSION,
            "title": self.title,
            "description": self.description,
            "model": {
                "name": self.model,
                "arrays": [list(shape) for shape in self.shapes],
                **({} if self.initial is None else {"initial": self.initial.hex()}),
            },
            "update": {
                "clip": self.clip,
                "frac_bits": self.frac_bits,
                "weighting": self.weighting,
                "maximum_examples": self.maximum_examples,
                "evaluate": self.evaluate,
            },
            "rule": {
                "name": rule.name,
                "server_rate": rule.server_rate,
                "momentum": rule.momentum,
                "proximal": rule.proximal,
            },
            "fit": dict(self.fit),
            "rounds": {
                "maximum": self.maximum_rounds,
                "quorum_percent": self.quorum_percent,
                **{name: getattr(self, name) for name in SECONDS},
            },
            "minimum": {"nodes": self.minimum_nodes},
            "maximum": {"nodes": self.maximum_nodes},
            "storage": {"locations": list(self.locations)},
        }
        if terms is not None:
            honest = terms.honest_of(self.minimum_nodes)
            document["privacy"] = {"epsilon": terms.epsilon, "delta": terms.delta, "unit": "node", "honest": honest}
        named: dict[str, Json] = {} if self.data_name is None else {"name": self.data_name}
        named |= {"fields": list(self.data_fields)} if self.data_fields else {}
        document |= {"data": named} if named else {}
        return document if self.provenance is None else document | {"provenance": self.provenance.document}

    @cached_property
    def spec_hash(self) -> bytes:
        """keccak256 of the canonical document: the ``specHash`` of the contract.

        SpecError where `initial` is not known, for then nobody could agree on what training starts from.
        """
        from eth_hash.auto import keccak

        if self.initial is None:
            raise SpecError("`model.initial` is missing: the SHA-256 of what training starts from", kind="no-initial")
        return keccak(canonical(self.document))

    @cached_property
    def data_terms(self) -> DataTerms:
        """What DataHub knows the data of nodes by. SpecError where `initial` is needed for it and not known."""
        schema: dict[str, Json] = {"kind": KIND, "name": self.title if self.data_name is None else self.data_name}
        if self.data_fields:
            schema["fields"] = list(self.data_fields)
        else:
            schema["specification"] = self.spec_hash.hex()
        return DataTerms.of(schema, self.provenance)

    def warnings(self) -> list[str]:
        """What is allowed and may still be unwise."""
        found = []
        if self.minimum_nodes < 3:
            found.append(f"`minimum.nodes` is {self.minimum_nodes}: with fewer than 3, a node learns another's update")
        if self.privacy is None:
            found.append("there is no `privacy`: sums are exact, and tell of the nodes' data what sums of updates tell")
        if self.norm_bound > 2 * self.clip * (1 << self.frac_bits):
            found.append(f"`update.frac_bits` is {self.frac_bits}: rounding may be larger than `update.clip`")
        return found
