"""Processes that open one state at the same moment, again and again; who has it is killed at the end of each race.

python racers.py STATE RACES PROCESSES
"""

import json
import os
import signal
import sys
from pathlib import Path

from twopm_zk.errors import StoreError
from twopm_zk.node.store import NodeStore


def racer(path, start, said, keys):
    os.read(start, 1)  # ends when all are there
    try:
        store = NodeStore(path)
    except StoreError as error:
        os.write(said, json.dumps(error.message).encode() + b"\n")
        os._exit(0)
    os.write(keys, b"%064x\n" % store.lasting_key.scalar)
    os.write(said, b'"held"\n')
    signal.pause()


def race(path, count, keys):
    """What each of the processes has said."""
    start, go = os.pipe()
    heard, said = os.pipe()
    children = []
    for _ in range(count):
        if (pid := os.fork()) == 0:
            os.close(go)
            racer(path, start, said, keys)
        children.append(pid)
    os.close(go)
    os.close(start)
    with os.fdopen(heard) as lines:
        ends = [json.loads(lines.readline()) for _ in range(count)]
    os.close(said)
    for pid in children:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return ends


def main(path, races, count):
    keys = os.open(f"{path}.keys", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    ends = [race(path, count, keys) for _ in range(races)]
    print(json.dumps({"races": ends, "keys": len(set(Path(f"{path}.keys").read_text().split()))}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
