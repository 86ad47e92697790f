"""What diffprivlib's LogisticRegression makes of the same rows: a part of bench/privacy.py, in its own environment.

python bench/privacy_local.py EPSILON ROWS.npz ...: one owner holds all rows, epsilon is pure (delta 0). Prints the
weights of each file.
"""

import json
import sys
import warnings

import numpy as np
from diffprivlib.models import LogisticRegression


def weights(path: str, epsilon: float, seed: int) -> list[float]:
    rows = np.load(path)
    norm, strength = float(rows["norm"]), float(1 / rows["penalty"])
    model = LogisticRegression(epsilon=epsilon, data_norm=norm, C=strength, max_iter=1000, random_state=seed)
    model.fit(rows["features"], rows["labels"])
    return [*map(float, model.coef_[0]), float(model.intercept_[0])]


def main() -> None:
    warnings.simplefilter("ignore")
    epsilon, paths = float(sys.argv[1]), sys.argv[2:]
    print(json.dumps([weights(path, epsilon, seed) for seed, path in enumerate(paths)]))


if __name__ == "__main__":
    main()
