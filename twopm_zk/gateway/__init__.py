"""The public door: a page, an HTTP API and live news of a deployment, for whoever has no command line."""
