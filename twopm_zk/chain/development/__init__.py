"""What a development chain gets that others publish on public chains: tokens, and EigenLayer."""
