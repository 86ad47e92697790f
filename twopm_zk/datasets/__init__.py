"""Data sets in encrypted storage: what an owner registered, and what opens the commitments, for itself and for whom it
grants access."""
