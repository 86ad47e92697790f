"""An auditor checks a task again from the chain alone."""
