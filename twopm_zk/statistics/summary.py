"""The summary of a fitted model: what `Results` knows, as text in statsmodels' layout, as HTML, and for JSON.

Each part says over which rows and nodes it is proven, or that it is not, or why it is not known.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from twopm_zk.statistics.layout import as_html, as_text
from twopm_zk.statistics.provenance import Part
from twopm_zk.statistics.report import LEVEL, content_of
from twopm_zk.statistics.results import Evaluation, Results

_BOTH = ("llf", "llnull", "aic", "bic")
_LOGISTIC = ("prsquared", "llr", "llr_pvalue")
_GAUSSIAN = ("rsquared", "rsquared_adj", "fvalue", "f_pvalue", "scale")


@dataclass(frozen=True, repr=False)
class Summary(Results):
    """A fitted model as a statistician publishes it; see docs/statistics.md."""

    def __str__(self) -> str:
        return as_text(content_of(self))

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return as_html(content_of(self))

    def as_dict(self) -> dict[str, Any]:
        """All of it for JSON: no nan, no infinity, None for what is not known or not defined."""
        inferred = self.inference.content
        rows: dict[str, dict[str, float | None]] = {
            name: {"coefficient": value} for name, value in self.coefficients.items()
        }
        if inferred is not None:
            intervals = inferred.intervals(LEVEL)
            for index, row in enumerate(rows.values()):
                row["standard_error"] = _defined(inferred.standard_errors[index])
                row["statistic"] = _defined(inferred.statistics[index])
                row["p_value"] = _defined(inferred.p_values[index])
                row["low"], row["high"] = map(_defined, intervals[index])
                if inferred.noise_shares is not None:
                    row["noise_share"] = _defined(inferred.noise_shares[index])
        own = _LOGISTIC if self.family == "logistic" else _GAUSSIAN
        return {
            "family": self.family,
            "label": self.label,
            "lambda": self.penalty,
            "converged": self.converged,
            "nobs": self.nobs,
            "df_model": self.df_model,
            "df_resid": self.df_resid,
            "coefficients": rows,
            "level": LEVEL,
            "covariance": None if inferred is None else [list(map(_defined, row)) for row in inferred.covariance],
            "statistics": {name: getattr(self, name) for name in (*_BOTH, *own)},
            "standard_error_share": None if inferred is None else inferred.error_share,
            "standard_error_uncertainty": None if inferred is None else _finite(inferred.uncertainty),
            "evaluation": self.evaluation.then(self._evaluation),
            "held_out": None if self.held_out is None else self.held_out.then(self._evaluation),
            "privacy": None if self.privacy is None else self.privacy.to_json(),
            "provenance": {
                "coefficients": self.fit.to_json(),
                "standard_errors": _provenance(self.inference),
                "evaluation": _provenance(self.evaluation),
                "held_out": None if self.held_out is None else _provenance(self.held_out),
            },
            "notes": list(self.notes),
        }

    def _evaluation(self, found: Evaluation) -> dict[str, object]:
        """An evaluation, with how much of its figures is noise: null for those that noise alone defines."""
        noise = self.noise_of(found)
        return found.to_json() | {
            "noise": {name: _finite(one.deviation) for name, one in noise.items()},
            "noise_alone": [name for name, one in noise.items() if one.alone],
        }


def _finite(value: float | None) -> float | None:
    return None if value is None or math.isinf(value) else value


def _defined(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _provenance(part: Part[Any]) -> dict[str, object]:
    return {"sentence": part.sentence} if part.provenance is None else part.provenance.to_json()
