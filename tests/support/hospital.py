"""An export as a hospital's system writes it, and a specification for it; the rows are drawn, and of nobody."""

import numpy as np

WARDS = ("surgery", "medicine", "intensive care")
SPECIFICATION = """
name = "readmission"
lambda = 1.0
formula = "readmitted ~ age + crp + ward + age:ward"

[label]
name = "readmitted"
positive = "yes"
negative = ["no"]

[[features]]
name = "age"
low = 0
high = 120
unit = 1
missing = 60

[[features]]
name = "crp" # mg/l
low = 0
high = 500
transform = "log1p"
winsorise = [0, 300]

[[features]]
name = "ward"
categories = ["surgery", "medicine", "intensive care"]
missing = "surgery"

[minimum]
nodes = 1
rows = 100
rows_per_node = 20

[instances]
rows = 270
"""
COLUMNS = 8
"""Of the model: age and whether it is missing, crp, two wards and whether it is missing, two products."""


def write_export(path, rows=900, *, seed=1):
    """Semicolons, a byte order mark, decimal commas, a date, an id and a remark with a semicolon, missing cells."""
    rng = np.random.default_rng(seed)
    lines = ["case_id;admitted;age;crp;ward;remark;readmitted"]
    for row in range(rows):
        age, crp, ward = rng.integers(18, 100), rng.gamma(1.5, 40), rng.integers(3)
        odds = (age - 60) / 20 + (ward == 2) - 0.5
        answer = "yes" if rng.random() < 1 / (1 + np.exp(-odds)) else "no"
        cells = [
            f"F-{10_000 + row}",
            f"{row % 28 + 1:02d}.{row % 12 + 1:02d}.2024",
            "" if row % 17 == 3 else str(age),
            f"{crp:.1f}".replace(".", ","),
            "" if row % 29 == 5 else WARDS[ward],
            '"seen; sent home"' if row % 7 == 0 else "",
            answer,
        ]
        lines.append(";".join(cells))
    path.write_bytes(b"\xef\xbb\xbf" + ("\r\n".join(lines) + "\r\n").encode())
    return path
