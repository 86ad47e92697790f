"""Where proofs are made: in this process, in others on this machine, or on the workers of a dask scheduler."""

from __future__ import annotations

import ipaddress
import os
import re
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from importlib import import_module
from multiprocessing import get_context
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

from twopm_zk.errors import InputError, ToolMissingError
from twopm_zk.plonk.backends.interface import AT_ONCE
from twopm_zk.system.files import shown

P = ParamSpec("P")
T = TypeVar("T")
_MAX_PROCESSES = 256


class InProcess(ThreadPoolExecutor):
    """Threads of this process: while proofs are made, the witnesses of the next ones are.

    They share keys, and the threads on which the native prover works. It makes `AT_ONCE` proofs at a time, so that
    memory does not grow with the number of proofs that are asked for.
    """

    def __init__(self) -> None:
        super().__init__(2 * AT_ONCE, thread_name_prefix="twopm-zk-prove")
        self._stopped = threading.Event()

    def progress(self, stage: str) -> None:
        """What calls report to in between: ends them, by CancelledError, once the executor was told not to wait."""
        if self._stopped.is_set():
            raise CancelledError(stage)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the threads, after what they do if ``wait``."""
        if not wait:
            self._stopped.set()
        super().shutdown(wait, cancel_futures=cancel_futures)


class DaskExecutor(Executor):
    """The workers of a dask.distributed scheduler, by its address; worker deaths are also retried by dask itself."""

    def __init__(self, address: str, *, timeout: float = 30) -> None:
        try:
            distributed: Any = import_module("distributed")
        except ImportError as error:
            raise ToolMissingError(
                f"the scheduler {address!r} needs the package distributed",
                hint="Run `pip install 'twopm-zk[dask]'`.",
            ) from error
        try:
            self._client = distributed.Client(address, timeout=timeout, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise InputError(f"no dask scheduler answers at {address!r}: {type(error).__name__}") from error
        self._inner = self._client.get_executor(pure=False)

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Send a call to some worker."""
        future: Future[T] = self._inner.submit(fn, *args, **kwargs)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave the scheduler; its workers stay."""
        self._inner.shutdown(wait=wait and not cancel_futures)
        self._client.close()


def executor_for(scheduler: str | None = None, *, allow_plaintext: bool = False) -> Callable[[], Executor]:
    """What makes the executor that ``scheduler`` names.

    None proves in this process, ``processes`` or ``processes:4`` in others on this machine, ``tls://host:port`` or
    ``tcp://host:port`` on the workers of a dask scheduler. Inputs of proofs are private: ``tcp`` to another machine
    is refused unless ``allow_plaintext``. Raises InputError.
    """
    if scheduler is None:
        return InProcess
    if scheduler == "processes" or scheduler.startswith("processes:"):
        asked = scheduler.removeprefix("processes").removeprefix(":") or str(os.cpu_count() or 1)
        if not re.fullmatch(r"[0-9]{1,3}", asked) or not 1 <= int(asked) <= _MAX_PROCESSES:
            raise InputError(f"{shown(scheduler)} asks for {shown(asked)} processes; allowed: 1 to {_MAX_PROCESSES}")
        return lambda: _processes(int(asked))
    try:
        parts = urlsplit(scheduler)
        known = parts.scheme in ("tcp", "tls") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port of 5,000 digits, an address of half a bracket
        known = False
    if not known or parts.hostname is None:
        raise InputError(
            f"there is no scheduler {shown(scheduler)}", hint="Known: processes:N, tls://host:port, tcp://host:port."
        )
    if parts.scheme == "tcp" and not allow_plaintext and not _is_this_machine(parts.hostname):
        raise InputError(
            f"{scheduler!r} is not encrypted, and rows would travel to another machine",
            hint="Set up TLS in dask and use tls://, or say that the network is yours alone (allow_plaintext).",
        )
    return lambda: DaskExecutor(scheduler)


def _processes(count: int) -> Executor:
    threads = max(1, (os.cpu_count() or 1) // count)
    # spawn: a fork of a process with threads (wasmtime, BLAS) may hang
    return ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=_limit_threads, initargs=(threads,))


def _limit_threads(threads: int) -> None:
    os.environ.setdefault("RAYON_NUM_THREADS", str(threads))


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
