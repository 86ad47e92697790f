"""Commands for the people in a task: data owners, coordinators, auditors, users."""
