"""Commands as processes, each signing with an account; for the tests of people's commands."""

import csv
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

CODE = "from twopm_zk.cli import main; main()"


class Shell:
    def __init__(self, node, folder, forks):
        self.node, self.folder, self.forks, self.running = node, folder, forks, []

    def environment(self, account):
        key = {"TWOPM_ZK_PRIVATE_KEY": self.node.private_keys[account]} if account is not None else {}
        return os.environ | {"TWOPM_ZK_RPC_URL": self.node.url} | key

    def start(self, account, *words):
        process = subprocess.Popen(
            [*self.forks.command, *words, "--json"],
            cwd=self.folder,
            env=self.environment(account),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.running.append(process)
        return process

    def run(self, account, *words, code=0):
        process = self.start(account, *words)
        out, err = process.communicate(timeout=240)
        assert process.returncode == code, f"{words}\n{out}{err}"
        return out

    def outcomes(self, *processes):
        """What each has printed, (standard output, errors), once all have ended; one that nobody reads would wait."""
        with ThreadPoolExecutor(len(processes)) as pool:
            found = list(pool.map(lambda process: process.communicate(timeout=300), processes))
        for process, (out, err) in zip(processes, found, strict=True):
            assert process.returncode == 0, out + err
        return found

    def close(self):
        for process in self.running:
            if process.poll() is None:
                process.kill()
            process.communicate()


def write_rows(path, table):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*table.names, "GRADE"])
        writer.writerows([*row, label] for row, label in zip(table.features, table.labels, strict=True))
