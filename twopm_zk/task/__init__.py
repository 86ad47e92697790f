"""What all participants of a task agree on: specification, columns, instances, canonical form."""
