"""A client written for Flower as a model, without importing Flower.

`flwr.client.NumPyClient` has the same methods but for one name and one argument. Where Flower's server would hand it
parameters and read its own back in clear, the node hands in their masked sum instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from twopm_zk.federated.model import Arrays, Config


class NumPyClient(Protocol):
    """The methods of Flower's client that are used."""

    def get_parameters(self, config: dict[str, Any]) -> Arrays:
        """The client's parameters."""

    def fit(self, parameters: list[Any], config: dict[str, Any]) -> tuple[Arrays, int, Mapping[str, Any]]:
        """As `Model.fit`."""

    def evaluate(self, parameters: list[Any], config: dict[str, Any]) -> tuple[float, int, Mapping[str, Any]]:
        """As `Model.evaluate`."""


def is_numpy_client(made: object) -> bool:
    """Whether something has the methods of Flower's NumPyClient."""
    return all(callable(getattr(made, name, None)) for name in ("get_parameters", "fit", "evaluate"))


def from_numpy_client(client: NumPyClient) -> FlowerModel:
    """A model from a Flower client."""
    return FlowerModel(client)


@dataclass(frozen=True)
class FlowerModel:
    """A `Model` that asks a Flower client."""

    client: NumPyClient

    def parameters(self) -> Arrays:
        """The client's own, before anything was trained."""
        return self.client.get_parameters({})

    def fit(self, parameters: Arrays, config: Config) -> tuple[Arrays, int, Mapping[str, Any]]:
        """Let the client train."""
        return self.client.fit(list(parameters), dict(config))

    def evaluate(self, parameters: Arrays, config: Config) -> tuple[float, int, Mapping[str, Any]]:
        """Let the client evaluate."""
        return self.client.evaluate(list(parameters), dict(config))
