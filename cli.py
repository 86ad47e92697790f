"""Run the ``twopm-zk`` command from a checkout: ``python cli.py doctor``."""

from twopm_zk.cli import main

if __name__ == "__main__":
    main()
