"""A training run as one HTML page and two plots, for people who would rather look than read logs."""

from twopm_zk.report.page import render
from twopm_zk.report.record import Prediction, Report, RoundRecord, Transaction

__all__ = ["Prediction", "Report", "RoundRecord", "Transaction", "render"]
