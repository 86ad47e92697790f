"""Three banks fit Greene's regression of credit card expenditure over a chain, every step proven.

python examples/train_credit_cards.py [--in-process]

72 applicants, dealt out to three banks, none of which shows a row. The table that is printed at the end is that of
ordinary least squares over all of them, which statsmodels computes from the rows: coefficients, standard errors, t,
R-squared, F.
"""

import argparse
from pathlib import Path

import numpy as np
import statsmodels.api as sm

from twopm_zk.demo.on_chain import train_over_chain
from twopm_zk.participants.news import News
from twopm_zk.statistics.summary import Summary
from twopm_zk.task.specification_file import read_spec
from twopm_zk.training.in_process import train

BANKS = ("north bank", "west bank", "east bank")


def tell(who: str, news: News) -> None:
    """What the coordinator says of its rounds."""
    if who == "coordinator" and news.kind in ("gradient", "summed"):
        print(news.text, flush=True)


def compare(summary: Summary) -> None:
    """Print how far everything is from statsmodels' figures."""
    data = sm.datasets.ccard.load_pandas()
    theirs = sm.OLS(data.endog, sm.add_constant(data.exog)).fit()
    names = {"AGE": "AGE", "INCOME": "INCOME", "INCOME**2": "INCOMESQ", "OWNRENT": "OWNRENT", "intercept": "const"}
    print(f"{'':<10} {'ours':>12} {'statsmodels':>12} {'std err':>10} {'statsmodels':>12}")
    for ours, other in names.items():
        pair = summary.params[ours], theirs.params[other], summary.bse[ours], theirs.bse[other]
        print("{:<10} {:>12.4f} {:>12.4f} {:>10.4f} {:>12.4f}".format(ours, *pair))
    errors = [summary.bse[ours] / theirs.bse[other] - 1 for ours, other in names.items()]
    apart = [abs(summary.params[ours] - theirs.params[other]) / theirs.bse[other] for ours, other in names.items()]
    print(
        f"Coefficients are within {max(apart):.1e} standard errors of statsmodels', standard errors within "
        f"{np.abs(errors).max():.3%}, R-squared within {abs(summary.rsquared - theirs.rsquared):.1e}, sigma within "
        f"{abs((summary.scale / theirs.scale) ** 0.5 - 1):.3%}."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--in-process", action="store_true", help="train in this process, without chain and proofs")
    options = parser.parse_args()

    spec = read_spec(Path(__file__).with_name("credit_cards.toml"))
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
    compare(summary)


if __name__ == "__main__":
    main()
