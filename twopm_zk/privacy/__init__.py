"""Differential privacy: noise, what it takes, and what has been spent of a budget. See docs/privacy.md."""
