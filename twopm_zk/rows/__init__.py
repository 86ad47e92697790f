"""From a file of rows to what a proof is about."""
