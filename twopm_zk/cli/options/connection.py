"""Options that every command on a chain shares: node, deployment file, and the account that signs.

A private key comes from a keystore file, its password asked for or in $TWOPM_ZK_PASSWORD, or from
$TWOPM_ZK_PRIVATE_KEY; never from the command line, which other users of the machine can read.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from twopm_zk.cli.output import Command
from twopm_zk.errors import InputError
from twopm_zk.system.parsing import read_json

if TYPE_CHECKING:
    from twopm_zk.chain import Chain
    from twopm_zk.chain.network import Network

DEFAULT_URL = "http://127.0.0.1:8545"
_KEYSTORE_HINT = (
    "Give --keystore FILE: an encrypted key file, version 3. Its password is asked for, or TWOPM_ZK_PASSWORD."
)


@dataclass(frozen=True)
class Connection:
    """What the options say; nothing is opened before it is asked for."""

    rpc_url: str = field(repr=False)
    deployment_file: Path
    keystore: Path | None

    def chain(self, *, signing: bool = True) -> Chain:
        """The node, with the account that signs."""
        from twopm_zk.chain import Chain

        return Chain(self.rpc_url, private_key=self.private_key() if signing else None)

    def network(self, *, signing: bool = True) -> Network:
        """The deployed contracts."""
        from twopm_zk.chain.deployment import Deployment
        from twopm_zk.chain.network import Network

        path = self.require_deployment()
        return Network(self.chain(signing=signing), Deployment.read(path))

    def require_deployment(self) -> Path:
        """The deployment file. InputError where there is none."""
        if not self.deployment_file.is_file():
            raise InputError(
                f"there is no deployment file {str(self.deployment_file)!r}",
                hint="Give --deployment FILE, or make one with `twopm-zk deploy`.",
            )
        return self.deployment_file

    def private_key(self) -> str:
        """Of the account that signs. InputError where none is given, or the password is wrong."""
        if self.keystore is not None:
            from eth_account import Account

            try:
                content = read_json(self.keystore, what="keystore")
            except InputError as error:
                raise InputError(error.message, hint=_KEYSTORE_HINT) from error
            password = os.environ.get("TWOPM_ZK_PASSWORD")
            if password is None:
                password = _ask_password()
            try:
                return "0x" + bytes(Account.decrypt(content, password)).hex()
            except (ValueError, KeyError, TypeError, AttributeError, NotImplementedError) as error:
                raise InputError(
                    f"keystore {str(self.keystore)!r} cannot be opened: wrong password, or no keystore",
                    hint=_KEYSTORE_HINT,
                ) from error
        if key := os.environ.get("TWOPM_ZK_PRIVATE_KEY"):
            return key
        raise InputError(
            "this command sends a transaction and needs an account",
            hint="Give --keystore FILE, or set TWOPM_ZK_PRIVATE_KEY.",
        )


def _ask_password() -> str:
    try:
        return str(click.prompt("Password of the keystore", hide_input=True, err=True))
    except click.Abort:
        if sys.stdin.isatty():
            raise
        raise InputError(
            "the keystore has a password, and there is no terminal to ask for it", hint="Set TWOPM_ZK_PASSWORD."
        ) from None


def chain_options(command: Command) -> Command:
    """Add the options and pass them on as ``connection``."""

    @click.option("--rpc-url", envvar="TWOPM_ZK_RPC_URL", default=DEFAULT_URL, show_default=True, help="EVM node.")
    @click.option(
        "--deployment",
        "deployment_file",
        envvar="TWOPM_ZK_DEPLOYMENT",
        type=click.Path(path_type=Path),
        default=Path("deployment.json"),
        show_default=True,
        help="Deployment file that `twopm-zk deploy` wrote.",
    )
    @click.option(
        "--keystore",
        envvar="TWOPM_ZK_KEYSTORE",
        type=click.Path(path_type=Path),
        help="Encrypted key file of the account; else $TWOPM_ZK_PRIVATE_KEY.",
    )
    @wraps(command)
    def wrapped(*args: Any, rpc_url: str, deployment_file: Path, keystore: Path | None, **kwargs: Any) -> Any:
        return command(*args, connection=Connection(rpc_url, deployment_file, keystore), **kwargs)

    return wrapped  # type: ignore[return-value]


def describe_receipt(receipt: Any) -> dict[str, Any]:
    """What a user wants to know of a transaction."""
    return {"transaction": receipt.transaction, "block": receipt.block, "gas": receipt.gas_used}
