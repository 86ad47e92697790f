"""Processes of the command line that do not import it, which takes two seconds of a core each time.

A server imports it once and forks for every command: a process of its own, with its own pid, folder, environment,
arguments, standard streams and signals, which can be killed. What stands for it where it was started is `PROGRAM`, a
few milliseconds of Python that hands all of that to the server, passes signals on, and ends as the command ends. Tests
of how a command starts run it as it is.

    python forks.py SOCKET    the server, until its standard input ends
"""

import atexit
import contextlib
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

IMPORTED = (
    "twopm_zk.cli",
    "twopm_zk.cli.next_steps",
    *(f"twopm_zk.cli.network.{name}" for name in ("aggregate", "audit", "coordinator", "data", "deploy", "node")),
    *(f"twopm_zk.cli.network.{name}" for name in ("stake", "task")),
    *(f"twopm_zk.cli.application.{name}" for name in ("fees", "network", "predict")),
    "twopm_zk.chain.network",
    "twopm_zk.auditor.audit",
    "twopm_zk.coordinator.coordinator",
    "twopm_zk.node.node",
    "twopm_zk.participants.task_view",
    "twopm_zk.prediction.operator",
    "twopm_zk.proving.prover",
    "twopm_zk.training.in_process",
    "support.hashed_proofs",
    "twopm_zk.task.specification_file",
    "statsmodels.datasets.spector",  # the rows of most tests; with pandas half a second
    # what those import where they need it
    *("coincurve", "Crypto.Cipher.AES", "eth_hash.backends.pycryptodome", "httpx", "py_ecc.optimized_bn128"),
    *("rich.console", "rich.progress", "rich.table", "scipy.special", "tomllib", "wasmtime"),
)
PROGRAM = """\
import json, os, signal, socket, sys
server = socket.socket(socket.AF_UNIX)
server.connect(sys.argv[1])
request = json.dumps({"arguments": sys.argv[2:], "folder": os.getcwd(), "environment": dict(os.environ)}).encode()
socket.send_fds(server, [len(request).to_bytes(8, "big")], [0, 1, 2])
server.sendall(request)
pid = int(server.recv(20, socket.MSG_WAITALL))
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, _: os.kill(pid, number))
status = int(server.recv(20, socket.MSG_WAITALL))
if os.WIFSIGNALED(status):
    if os.WTERMSIG(status) != signal.SIGKILL:
        signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
    os.kill(os.getpid(), os.WTERMSIG(status))
os._exit(os.waitstatus_to_exitcode(status))
"""


class ForkServer:
    """``command`` is what to run instead of ``twopm-zk``, with its words behind."""

    def __init__(self, folder):
        self.path = folder / "forks.sock"
        self._program = folder / "program.py"
        self._program.write_text(PROGRAM)
        self._server = subprocess.Popen(
            [sys.executable, __file__, self.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._server.stdout.readline() == b"ready\n"

    @property
    def command(self):
        return [sys.executable, "-I", "-S", str(self._program), str(self.path)]

    def close(self):
        self._server.stdin.close()
        self._server.wait(timeout=30)
        self._server.stdout.close()


def serve(path):
    for name in IMPORTED:
        importlib.import_module(name)
    warm_up()
    signal.signal(signal.SIGCHLD, lambda *_: reap())
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        print("ready", flush=True)
        while True:
            waiting, _, _ = select.select([listening, sys.stdin], [], [])
            if sys.stdin in waiting:
                return
            asked, _ = listening.accept()
            with asked:
                if os.fork() == 0:
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    listening.close()
                    keep(asked)


def warm_up():
    """Make the tables, and read the compiled contracts, as every process does once: a second of a core too."""
    from twopm_zk.chain.compiler import compile_contract, compiled_dir, contract_names
    from twopm_zk.numbers import poseidon, scores, sigmoid, variance
    from twopm_zk.rows.tables import load_spector

    sigmoid.polynomial_limbs(), sigmoid.magnitudes()
    variance.limbs(), variance.magnitudes()
    scores.loss_limbs(), scores.square_limbs(), scores.magnitudes()
    for width in range(2, 7):
        poseidon.parameters(width)
    load_spector()
    for name in contract_names():
        if (compiled_dir() / f"{name}.json").is_file():
            compile_contract(name)


def reap():
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def keep(asked):
    """Start the command, say its pid, and how it has ended; it ends with whoever has asked for it."""
    length, streams, _, _ = socket.recv_fds(asked, 8, 3)
    request = b""
    while len(request) < int.from_bytes(length, "big"):
        request += asked.recv(1 << 20)
    pid = os.fork()
    if pid == 0:
        asked.close()
        become(json.loads(request), streams)
    for stream in streams:
        os.close(stream)
    asked.sendall(b"%20d" % pid)
    ended = os.pidfd_open(pid)
    ready, _, _ = select.select([asked, ended], [], [])
    if ended not in ready:
        os.kill(pid, signal.SIGKILL)
    status = os.waitpid(pid, 0)[1]
    with contextlib.suppress(OSError):
        asked.sendall(b"%20d" % status)
    os._exit(0)


def become(request, streams):
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin, sys.stdout = open(0), open(1, "w")  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace")  # noqa: SIM115
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL if number == signal.SIGTERM else signal.default_int_handler)
    code = 0
    try:
        run(request["arguments"])
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException as error:
        sys.excepthook(*sys.exc_info())
        code = -signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1
    finally:
        threading._shutdown()
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        if code < 0:
            signal.signal(-code, signal.SIG_DFL)
            os.kill(os.getpid(), -code)
        os._exit(code)


def run(arguments):
    """``twopm-zk`` with these words, or a script of tests/support where the first one names it."""
    if arguments[:1] == ["--script"]:
        sys.argv = arguments[1:]
        runpy.run_path(arguments[1], run_name="__main__")
        return
    from support import hashed_proofs

    from twopm_zk.cli import main

    hashed_proofs.install()
    sys.argv = ["twopm-zk", *arguments]
    main()


if __name__ == "__mp_main__" and "TESTS_HASHED_PROOFS" in os.environ:  # a process that a command has spawned
    importlib.import_module("support.hashed_proofs").install()

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]
    serve(sys.argv[1])
