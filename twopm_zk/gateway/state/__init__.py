"""What the gateway knows: of the chain, read in the background, and of documents, by their hashes."""
