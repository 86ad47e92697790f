"""Predictions with proofs: who asks, and who answers."""
