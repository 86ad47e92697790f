"""Participants that die at every write, as a test handles them."""

import json
import os
import subprocess
from pathlib import Path

from support.deaths import AGAIN, FINISHED, MOMENTS, read_journal, rpc

from twopm_zk.federated.specification_file import write_federated
from twopm_zk.task.specification import TaskSpec
from twopm_zk.task.specification_file import write_spec

SCRIPT = Path(__file__).with_name("victim.py")


class Mortal:
    """One participant, which dies once at each point that it comes to, and is started again."""

    def __init__(self, folder, forks, *, role, name, url="", moments=MOMENTS, **options):
        self.folder, self.url, self.moments = folder, url, moments
        self.path, self.finished, self._number = self.folder / f"{name}.journal", False, 0
        options |= {"role": role, "name": name, "url": self.url, "folder": str(self.folder)}
        self._errors = (self.folder / f"{name}.errors").open("w+")
        self._process = subprocess.Popen(
            [*forks.command, "--script", str(SCRIPT), json.dumps(options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        assert self._process.stdout.readline() == "ready\n", self.said()

    @classmethod
    def on_chain(cls, world, spec, folder, forks, *, account, **options):
        """One account's on a chain, with a specification."""
        world.deployment.write(folder / "deployment.json")
        (write_spec if isinstance(spec, TaskSpec) else write_federated)(spec, folder / "spec.json")
        return cls(folder, forks, url=world.node.url, key=world.node.private_keys[account], **options)

    @classmethod
    def of_party(cls, party, forks, **options):
        options |= {"sizes": list(party.sizes), "coordinator": party.coordinator_address}
        return cls.on_chain(party.world, party.spec, party.folder, forks, **options)

    def look(self, where="", **besides):
        """One look, however often it dies in it; whether it was a whole one."""
        while True:
            self._number += 1
            request = {"where": where, "done": self.deaths, "moments": self.moments, "number": self._number}
            request |= {"unmined": self._is_held(), **besides}
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            status = int(self._process.stdout.readline() or -1)
            assert status >= 0, self.said()
            if os.WIFSIGNALED(status):
                if "finished" in read_journal(self.path, "news"):  # its owner has been told, and starts it no more
                    self.finished = True
                    return True
                continue
            if self._is_held():
                rpc(self.url, "evm_setAutomine", True)
                rpc(self.url, "evm_mine")
            code = os.waitstatus_to_exitcode(status)
            assert code in (0, FINISHED, AGAIN), self.said()
            self.finished |= code == FINISHED
            return code != AGAIN

    def _is_held(self):
        """Whether a transaction waits in the pool of the chain's node."""
        return bool(self.url) and not rpc(self.url, "anvil_getAutomine")

    @property
    def deaths(self):
        """The points at which it has died: where, what, which time, moment."""
        return read_journal(self.path, "died")

    @property
    def unseen(self):
        """Files that have changed between two points: where, before what, and their names. There has to be none."""
        return read_journal(self.path, "unseen")

    def sent(self, function):
        """The different calls that its processes have begun to send."""
        return {data for what, data, _ in read_journal(self.path, "sending") if what.endswith(f".{function}")}

    def proven(self):
        """The different statements that its processes have made proofs of."""
        return {tuple(public) for public in read_journal(self.path, "proven")}

    def said(self):
        """What its processes have printed as errors."""
        self._errors.seek(0)
        return self._errors.read()

    def close(self):
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()
        self._errors.close()
