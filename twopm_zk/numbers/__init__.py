"""Field elements, fixed point, hashes, commitments, and the exact sigmoid."""
