"""Three banks fit Greene's regression of credit card expenditure over a chain, every step proven.

python examples/train_credit_cards.py [--in-process] [--formula "AVGEXP ~ AGE + INCOME + INCOME:OWNRENT"]

72 applicants, dealt out to three banks, none of which shows a row. The table that is printed at the end is that of
ordinary least squares over all of them, which statsmodels computes from the rows: coefficients, standard errors, t,
R-squared, F.
"""

import argparse
import tomllib
from pathlib import Path

import pandas as pd
import statsmodels.api as sm

from twopm_zk.demo.on_chain import train_over_chain
from twopm_zk.participants.news import News
from twopm_zk.statistics.summary import Summary
from twopm_zk.task.specification_file import parse_spec
from twopm_zk.training.in_process import train

BANKS = ("north bank", "west bank", "east bank")


def tell(who: str, news: News) -> None:
    """What the coordinator says of its rounds."""
    if who == "coordinator" and news.kind in ("gradient", "summed"):
        print(news.text, flush=True)


def values_of(column: str, rows: pd.DataFrame) -> pd.Series:
    """A column of a formula: an input, a power of one, or a product of some; the intercept is 1."""
    values = pd.Series(1.0, rows.index)
    for factor in () if column == "intercept" else column.split(":"):
        name, _, power = factor.partition("**")
        values *= rows[name] ** int(power or 1)
    return values


def compare(summary: Summary, rows: pd.DataFrame) -> None:
    """Print how far everything is from statsmodels' figures."""
    theirs = sm.OLS(rows["AVGEXP"], pd.DataFrame({name: values_of(name, rows) for name in summary.params.index})).fit()
    print(f"{'':<14} {'ours':>12} {'statsmodels':>12} {'std err':>10} {'statsmodels':>12}")
    for name in theirs.params.index:
        pair = summary.params[name], theirs.params[name], summary.bse[name], theirs.bse[name]
        print("{:<14} {:>12.4f} {:>12.4f} {:>10.4f} {:>12.4f}".format(name, *pair))
    errors = summary.bse / theirs.bse - 1
    apart = (summary.params - theirs.params).abs() / theirs.bse
    print(
        f"Coefficients are within {apart.max():.1e} standard errors of statsmodels', standard errors within "
        f"{errors.abs().max():.3%}, R-squared within {abs(summary.rsquared - theirs.rsquared):.1e}, sigma within "
        f"{abs((summary.scale / theirs.scale) ** 0.5 - 1):.3%}."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--in-process", action="store_true", help="train in this process, without chain and proofs")
    parser.add_argument("--formula", help="another model of the same columns (default: that of credit_cards.toml)")
    options = parser.parse_args()

    document = tomllib.loads(Path(__file__).with_name("credit_cards.toml").read_text())
    spec = parse_spec(document | ({"formula": options.formula} if options.formula else {}))
    rows = sm.datasets.ccard.load_pandas().data
    banks = [rows.iloc[k :: len(BANKS)] for k in range(len(BANKS))]
    if options.in_process:
        summary = train(banks, spec).summary()
    else:
        done = train_over_chain(spec, banks, owners=BANKS, tell=tell)
        assert done.findings.summary is not None
        summary = done.findings.summary
        proofs, seconds = done.findings.proofs, done.seconds
        print(f"{proofs} proofs, made and verified by contracts in {seconds:.0f} s, verified again by an auditor.\n")
    print(f"{summary}\n")
    compare(summary, rows)


if __name__ == "__main__":
    main()
