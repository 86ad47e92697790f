"""A participant of which every look at the chain is a process of its own, forked here, that dies where it is told to.

    python victim.py '{"role": "node", "url": ..., "folder": ..., ...}'

Each line of the standard input is a look: where it is, the points that are done, and what happens besides. The answer
is how the process has ended. Everything that it has learned is lost with it, as in any process that is killed.
"""

import json
import os
import sys
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from support import mortal_parts as parts
from support.deaths import AGAIN, FINISHED, WRONG, Deaths, Journal

from twopm_zk.errors import ChainError, DeploymentError, TransactionError
from twopm_zk.participants.loop import OVERTAKEN


def look(part, options, request):
    """One look in this process, which ends with it; how it ends."""
    folder = Path(options["folder"])
    part.journal = journal = Journal(folder / f"{options['name']}.journal")
    deaths = Deaths(
        journal,
        where=request["where"],
        done=request["done"],
        url=options["url"],
        moments=request["moments"],
        unmined=request["unmined"],
        folders=[folder],
    )
    deaths.install()
    part.begin(request["number"])
    try:
        return FINISHED if part.look(request) else 0
    except DeploymentError:
        raise
    except ChainError as error:
        if isinstance(error, TransactionError) and error.error not in {None, *OVERTAKEN}:
            raise
        journal.write("again", error.message)
        return AGAIN
    finally:
        deaths.look_for_others("the end of a look")


def main(options):
    parts.PLANTED.get(options.get("planted"), lambda: None)()
    part = parts.PARTS[options["role"]](options)
    print("ready", flush=True)
    for line in sys.stdin:
        if (pid := os.fork()) == 0:
            end = WRONG
            try:
                end = look(part, options, json.loads(line))
            except BaseException:
                traceback.print_exc()
                sys.stderr.flush()
            finally:
                os._exit(end)
        print(os.waitpid(pid, 0)[1], flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
