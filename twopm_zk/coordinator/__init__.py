"""A coordinator runs a task: it gathers openings, proves the sum, and publishes weights."""
