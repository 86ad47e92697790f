"""twopm-zk."""
