"""Where data come from: what an issuer compares and attests, and what everybody can read of it."""
