"""A language model in exact integers: the same tokens on every processor. See docs/conversation.md."""
