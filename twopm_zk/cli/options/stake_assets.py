"""What can be staked on a chain that is not for development: tokens, and EigenLayer, by address."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING

from twopm_zk.cli.options.participants import checked_address
from twopm_zk.errors import InputError

if TYPE_CHECKING:
    from twopm_zk.chain.deployment import EigenLayer, StakeAsset


def parse_assets(texts: Iterable[str]) -> list[StakeAsset]:
    """KIND=TOKEN, with ``strategy=ADDRESS`` or ``rate=ADDRESS`` after commas. InputError for anything else."""
    from twopm_zk.chain.deployment import StakeAsset

    found = []
    for text in texts:
        (kind, token), *more = (_pair(part, text) for part in text.split(","))
        named = dict(more)
        if len(named) != len(more) or not set(named) <= {"strategy", "rate"}:
            raise InputError(f"{text!r} names more of an asset than a strategy and a rate")
        found.append(StakeAsset(token, kind, **named))
    return found


def parse_eigenlayer(texts: Sequence[str]) -> EigenLayer | None:
    """NAME=ADDRESS for each field of EigenLayer; None where there is none. InputError for any other."""
    from twopm_zk.chain.deployment import EigenLayer

    pairs, names = [_pair(text, text) for text in texts], [part.name.replace("_", "-") for part in fields(EigenLayer)]
    if wrong := [name for name, _ in pairs if name not in names]:
        raise InputError(f"EigenLayer has no {wrong[0]!r}, only {', '.join(names)}")
    if len(dict(pairs)) != len(pairs):
        raise InputError("a contract of EigenLayer is named twice")
    return EigenLayer(**{name.replace("-", "_"): address for name, address in pairs}) if pairs else None


def _pair(part: str, whole: str) -> tuple[str, str]:
    name, equals, address = part.partition("=")
    if not equals:
        raise InputError(f"{whole!r} is not NAME=ADDRESS")
    return name.strip(), checked_address(address.strip())
