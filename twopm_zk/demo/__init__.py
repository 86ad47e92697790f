"""The demonstration: real roles on a development chain, and its report."""
