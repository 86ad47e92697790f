"""Optimisers, training in process, results, and the estimator."""
