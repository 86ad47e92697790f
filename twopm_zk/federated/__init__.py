"""Federated learning with any model: updates in integers, masked, and added up by everybody alike.

Without a chain or a database: `model` and `loading` (what is trained), `specification` and `specification_file` (what
all agree on), `checks` (its limits), `updates` (one node's change, bounded), `noise` (differential privacy), `masks`
(what cancels), `encoding` (bytes), `storage` (where they lie), `aggregate`, `rule` and `results` (what a round ends
with), `in_process` (a federation to try a model), `flower` (a client of Flower as a model).
"""

from twopm_zk.federated.aggregate import next_result, sum_of
from twopm_zk.federated.flower import from_numpy_client
from twopm_zk.federated.in_process import federate
from twopm_zk.federated.loading import load_model
from twopm_zk.federated.masks import MaskedUpdate, masked_size, masked_update, parse_masked
from twopm_zk.federated.model import Model, Trained, train
from twopm_zk.federated.noise import NoisePlan
from twopm_zk.federated.results import RoundResult, first_result, parse_result, result_size
from twopm_zk.federated.rule import AggregationRule
from twopm_zk.federated.specification import FederatedSpec
from twopm_zk.federated.specification_file import (
    parse_federated,
    read_federated,
    read_specification,
    with_initial,
    write_federated,
)
from twopm_zk.federated.storage import Storage
from twopm_zk.federated.updates import Update, parse_update, update_of

__all__ = [
    "AggregationRule",
    "FederatedSpec",
    "MaskedUpdate",
    "Model",
    "NoisePlan",
    "RoundResult",
    "Storage",
    "Trained",
    "Update",
    "federate",
    "first_result",
    "from_numpy_client",
    "load_model",
    "masked_size",
    "masked_update",
    "next_result",
    "parse_federated",
    "parse_masked",
    "parse_result",
    "parse_update",
    "read_federated",
    "read_specification",
    "result_size",
    "sum_of",
    "train",
    "update_of",
    "with_initial",
    "write_federated",
]
