"""A data owner's node: registers rows, proves updates, opens them."""
