"""Whether the extension module ``twopm_zk._native`` can be used here: the one place that is asked."""

from __future__ import annotations

from functools import cache


@cache
def unavailable() -> str | None:
    """Why the extension cannot be used in this process, or None if it can."""
    try:
        from twopm_zk import _native
    except ImportError as error:
        return f"not built ({error})"
    return _native.unsupported()


def provides(name: str) -> bool:
    """Whether the extension can be used and has a function of this name; a build of older sources may lack it."""
    if unavailable() is not None:
        return False
    from twopm_zk import _native

    return hasattr(_native, name)
