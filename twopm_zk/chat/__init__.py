"""Conversations between accounts: what is asked and answered, sealed or not, and the receipt of an answer."""
