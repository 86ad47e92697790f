"""Tables of rows that are numbers already: Spector and Mazzeo (1980), and files without a specification.

A table is real-valued; ``Scaling`` holds the public constants that centre and scale each column before it is
quantised. Messages name a column and a row number, never a cell's value.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from twopm_zk.errors import DataError, RangeError
from twopm_zk.numbers.fixed_point import Format
from twopm_zk.rows.cells import Cells, CsvOptions, RowSource, Values
from twopm_zk.rows.coding import code_plainly
from twopm_zk.rows.problems import raise_first
from twopm_zk.rows.sources import RowData, cells_of
from twopm_zk.system.files import StrPath
from twopm_zk.system.parsing import read_json
from twopm_zk.task.columns import same_name
from twopm_zk.task.scaling import Scaling


@dataclass(frozen=True)
class Table(RowSource):
    """Rows of one data owner: ``features`` (rows, columns) of reals, ``labels`` (rows,) of 0 and 1."""

    names: tuple[str, ...]
    features: npt.NDArray[np.float64] = field(repr=False)
    labels: npt.NDArray[np.int64] = field(repr=False)

    def __post_init__(self) -> None:
        """Raise DataError unless there is a name for each column, and a label for each row."""
        object.__setattr__(self, "names", tuple(same_name(name) for name in self.names))
        try:
            object.__setattr__(self, "features", np.asarray(self.features, dtype=np.float64))
        except (TypeError, ValueError):
            raise DataError("the features of a table are not an array of numbers") from None
        object.__setattr__(self, "labels", np.asarray(self.labels))
        if self.features.ndim != 2 or self.labels.ndim != 1 or self.labels.dtype.kind not in "biuf":
            raise DataError(
                f"a table has features of {self.features.ndim} dimensions and labels of {self.labels.ndim}; "
                "it needs numbers in 2 and 1"
            )
        rows, columns = self.features.shape
        if len(self.names) != columns or len(self.labels) != rows:
            raise DataError(
                f"a table of {len(self.names)} names and {len(self.labels)} labels has features of "
                f"{rows} rows and {columns} columns"
            )

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.labels)

    def cells(self, label: str) -> Cells:
        """The columns by name, with that of the labels."""
        columns: dict[str, Values] = dict(zip(self.names, self.features.T, strict=True))
        return Cells((*self.names, label), {**columns, label: self.labels.astype(np.float64)}, self.rows)

    def scaled(self, scaling: Mapping[str, Scaling]) -> Table:
        """The table after the public constants; columns without any are taken as they are."""
        scaling = {same_name(name): constants for name, constants in scaling.items()}
        centre = np.array([scaling.get(name, Scaling()).centre for name in self.names])
        scale = np.array([scaling.get(name, Scaling()).scale for name in self.names])
        return Table(self.names, (self.features - centre) / scale, self.labels)

    def quantized(self, format: Format) -> npt.NDArray[np.int64]:
        """Integers of the (scaled) features.

        Raises RangeError of kind ``column-outside`` at the first value that does not fit; the message names column and
        row. It suggests no constants: those computed from the rows would tell of them.
        """
        columns = []
        low, high = format.limits
        for index, name in enumerate(self.names):
            column = self.features[:, index]
            outside = np.flatnonzero(~((column >= low - 0.5 / format.one) & (column <= high + 0.5 / format.one)))
            if outside.size:
                raise RangeError(
                    f"column {name!r}, row {int(outside[0]) + 1} is outside [{low:g}, {high:g}]",
                    hint="Give public constants that centre and scale it.",
                    kind="column-outside",
                    column=name,
                )
            columns.append(format.quantize(column, name=name))
        return np.stack(columns, axis=1)


SPECTOR_SCALING: dict[str, Scaling] = {
    "GPA": Scaling(3.0, 0.64),
    "TUCE": Scaling(22.0, 8.0),
    "PSI": Scaling(0.5, 1.0),
}
"""Public constants under which GPA, TUCE and PSI are close to [-2, 2], and TUCE and PSI exact."""


def load_spector() -> Table:
    """Spector and Mazzeo (1980): 32 students, GPA, TUCE and PSI against GRADE; from statsmodels."""
    try:
        from statsmodels.datasets import spector
    except ImportError as error:
        raise DataError(
            "the Spector-Mazzeo data need the package statsmodels", kind="no-python-package", package="statsmodels"
        ) from error
    data = spector.load_pandas()
    names = tuple(str(name) for name in data.exog.columns)
    return Table(names, data.exog.to_numpy(dtype=np.float64), data.endog.to_numpy().astype(np.int64))


def read_table(data: RowData, *, label: str, options: CsvOptions | None = None) -> Table:
    """A CSV or Parquet file, or a DataFrame, of numbers; every column but ``label`` is a feature, in its order.

    Raises DataError for a cell without a value or one that is no decimal number, NaN or infinity, a label that is not 0
    or 1, a ragged row, a column that is repeated, missing or without a name, and for an empty table.
    """
    label = same_name(label)
    cells = cells_of(data, label=label, options=options)
    if label not in cells.names:  # nothing says that the others are names, and no cells
        raise DataError(f"there is no column {label!r} among {len(cells.names)}: is there a header?", kind="no-column")
    names = tuple(name for name in cells.names if name != label)
    if not names:
        raise DataError("there is no feature column beside the label")
    coded = code_plainly(cells, names, label)
    raise_first(coded.problems)
    return Table(names, coded.features, coded.labels.astype(np.int64))


def _finite(value: object, place: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= sys.float_info.max:
        raise DataError(f"{place} is not a finite number")
    return float(value)


def _by_name(content: Mapping[str, Any], what: str) -> dict[str, Any]:
    """Entries by the one spelling of their names; DataError where two names are the same."""
    result = {same_name(name): value for name, value in content.items()}
    if len(result) != len(content):
        raise DataError(f"{what} have a name twice, in two spellings that look the same")
    return result


def read_weights(path: StrPath, names: tuple[str, ...]) -> list[float]:
    """Weights in column order, the intercept last.

    The file is an object of feature names and ``intercept``, or a list in that order.
    """
    content = read_json(path, what="weights")
    if isinstance(content, dict):
        content = _by_name(content, f"weights {str(path)!r}")
        wanted = [*names, "intercept"]
        missing = [name for name in wanted if name not in content]
        unknown = [name for name in content if name not in wanted]
        if missing or unknown:
            wrong = f"no weight for {missing[0]!r}" if missing else f"a weight for {unknown[0]!r}, which is no column"
            raise DataError(f"weights {str(path)!r} have {wrong}", hint=f"Expected: {', '.join(wanted)}.")
        content = [content[name] for name in wanted]
    if not isinstance(content, list):
        raise DataError(f"weights {str(path)!r} are neither an object nor a list")
    if len(content) != len(names) + 1:
        raise DataError(
            f"weights {str(path)!r} have {len(content)} numbers, {len(names)} columns and the intercept "
            f"need {len(names) + 1}"
        )
    return [_finite(value, f"weight {i + 1} in {str(path)!r}") for i, value in enumerate(content)]


def read_scaling(path: StrPath, names: tuple[str, ...]) -> dict[str, Scaling]:
    """Public constants per column: ``{"GPA": {"centre": 3, "scale": 0.64}, ...}``."""
    content = read_json(path, what="scaling")
    if not isinstance(content, dict):
        raise DataError(f"scaling {str(path)!r} is not an object of column names")
    result = {}
    for name, entry in _by_name(content, f"scaling {str(path)!r}").items():
        if name not in names:
            raise DataError(f"scaling {str(path)!r} names {name!r}, which is no column")
        if not isinstance(entry, dict) or not set(entry) <= {"centre", "scale"}:
            raise DataError(f"scaling of {name!r} is not an object of `centre` and `scale`")
        centre, scale = (_finite(entry.get(k, d), f"{k} of {name!r}") for k, d in (("centre", 0), ("scale", 1)))
        if scale == 0:
            raise DataError(f"scale of {name!r} is 0")
        result[name] = Scaling(centre, scale)
    return result
