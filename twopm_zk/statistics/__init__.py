"""What a statistician publishes of a fitted model, as it follows from public sums."""
