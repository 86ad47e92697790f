"""A coordinator runs a task: it opens and closes rounds, proves what follows from their sums, and publishes weights."""
