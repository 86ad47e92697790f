"""The public door: a page, an HTTP API and live news of a deployment, for people and programs without a command line."""
