"""A participant as `support/people_process.py` has it, with everything that libraries log, and rows of its own.

python debugged.py '{"rows": [seed, count], ...}'
"""

import json
import logging
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
from support import people_process

from twopm_zk.rows.tables import Table


def rows(seed, count):
    """Rows of the columns of Spector-Mazzeo that nobody can guess."""
    random = np.random.default_rng(seed)
    features = random.uniform((2, 12, 0), (4, 30, 1), (count, 3))
    return Table(("GPA", "TUCE", "PSI"), features, np.arange(count) % 2)


def main(options):
    logging.basicConfig(level=logging.DEBUG, stream=sys.stderr, force=True)
    logging.captureWarnings(True)
    logging.getLogger("debugged").debug("logging at level DEBUG")
    people_process.tables = lambda _: [rows(*options["rows"])]
    people_process.main(options)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
