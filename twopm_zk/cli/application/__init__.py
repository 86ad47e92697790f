"""Commands for those who offer a trained model, ask it, and are paid for it."""
