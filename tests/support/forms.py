"""The form of a network's specification, as the HTTP API gives it to a page, without a chain."""

from types import SimpleNamespace

from twopm_zk.circuit.instances import find_instance
from twopm_zk.gateway.state.form import form_of as form_of_state
from twopm_zk.numbers.commitments import model_commitment


def form_of(spec, weights, *, context=0, metadata=None):
    """Weights are integers in column order, then zeros up to the circuit's width, then the intercept."""
    state = SimpleNamespace(
        id=1,
        policy=SimpleNamespace(context=context),
        weights=tuple(weights),
        model_commitment=model_commitment(context, weights),
    )
    made = form_of_state(spec, state, find_instance(spec.instances.predict), metadata)
    return {"network": 1, "insecure": True, **made}
