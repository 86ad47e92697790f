"""What the roles share: a task as the chain shows it, messages, databases, the loop."""
