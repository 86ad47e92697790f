"""The form of a network's specification, as the HTTP API gives it to a page."""

from twopm_zk.numbers.commitments import model_commitment
from twopm_zk.prediction.requests import predict_shape


def form_of(spec, weights, *, network=1, task=1, context=0, labels=None, units=None, helps=None, positive=None):
    """Weights are integers in column order, then zeros up to the circuit's width, then the intercept."""
    shape = predict_shape(spec)
    plain = {column.name: column for column in spec.columns if not column.product}
    inputs = []
    for one in spec.sources:
        column = plain.get(one.name) if one.plain else None
        low, high = (column.low, column.high) if column else (one.low, one.high)
        inputs.append(
            {
                "name": one.name,
                "label": (labels or {}).get(one.name, one.name),
                "unit": (units or {}).get(one.name, ""),
                "help": (helps or {}).get(one.name, ""),
                "kind": "category" if one.categories else "number",
                "minimum": low,
                "maximum": high,
                "step": None,
                "categories": [{"value": level, "label": level} for level in one.categories],
                "missing": one.missing is not None,
                "missing_value": one.missing,
                "transform": one.transform,
                "winsorise": None if one.winsorise is None else list(one.winsorise),
            }
        )
    columns = [
        {
            "name": column.name,
            "centre": column.centre,
            "scale": column.scale,
            "low": column.low,
            "high": column.high,
            "factors": [list(factor) for factor in column.factors],
        }
        for column in spec.columns
    ]
    label = spec.label_column
    return {
        "network": network,
        "task": task,
        "instance": spec.instances.predict,
        "features": shape.features,
        "x_bits": shape.format.bits,
        "x_frac": shape.format.frac_bits,
        "family": shape.family.name.lower(),
        "context": str(context),
        "weights": [str(weight) for weight in weights],
        "model_commitment": str(model_commitment(context, weights)),
        "inputs": inputs,
        "columns": columns,
        "clip": None if spec.privacy is None else spec.privacy.clip,
        "output": {
            "label": spec.label,
            "unit": "",
            "help": "",
            "positive": positive,
            "centre": label.centre,
            "scale": label.scale,
        },
        "insecure": True,
    }
