"""A training run as one HTML page and two plots, for people who would rather look than read logs."""

from twopm_zk.demo.report.page import render
from twopm_zk.demo.report.record import Prediction, Report, RoundRecord, Transaction

__all__ = ["Prediction", "Report", "RoundRecord", "Transaction", "render"]
