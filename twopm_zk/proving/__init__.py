"""Statements to verified proofs, in this process or on workers."""
