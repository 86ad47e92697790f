"""``chain``: a development chain to try everything on, with funded accounts."""

from __future__ import annotations

import json
import shlex
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from twopm_zk.cli.network.deploy import DEFAULT_INSTANCES, verifiers_of
from twopm_zk.cli.output import Steps, emit, json_option
from twopm_zk.errors import ChainError, InputError
from twopm_zk.system import files
from twopm_zk.system.parsing import read_json

if TYPE_CHECKING:
    from twopm_zk.chain.development_node import DevelopmentNode

PASSWORD = "development"  # noqa: S105 - of keys that everybody knows
_LIGHT = 1 << 12
"""scrypt's n: these keys are no secret, and commands open them often."""


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8545, show_default=True, help="Port; 0 for a free one.")
@click.option("--block-time", type=click.FloatRange(0.1), help="Seconds between blocks; default: one at once.")
@click.option(
    "--keystores",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("development-chain"),
    show_default=True,
    help="Folder for the accounts' keystores.",
)
@click.option("--deploy", "deploys", is_flag=True, help="Deploy all contracts, with stand-in tokens.")
@click.option(
    "--instance",
    "names",
    multiple=True,
    help=f"With --deploy: instance whose verifier to deploy; repeatable. Default: {', '.join(DEFAULT_INSTANCES)}.",
)
@click.option(
    "--deployment",
    "deployment_file",
    envvar="TWOPM_ZK_DEPLOYMENT",
    type=click.Path(path_type=Path),
    default=Path("deployment.json"),
    show_default=True,
    help="With --deploy: deployment file to write; one of an earlier development chain is replaced.",
)
@json_option
def chain(
    port: int,
    block_time: float | None,
    folder: Path,
    deploys: bool,
    names: tuple[str, ...],
    deployment_file: Path,
    as_json: bool,
) -> None:
    """Run a development chain on this machine until Ctrl-C, with ten accounts of 10,000 ETH each.

    Their keystores are written to a folder, under one password. The keys are public knowledge: they are for this chain
    only, which forgets everything when it ends.

    \b
    Examples:
      twopm-zk chain --deploy
      twopm-zk chain --port 8600 --block-time 2 --keystores accounts
    """
    from twopm_zk.chain.development_node import CHAIN_ID, DevelopmentNode

    if names and not deploys:
        raise InputError("--instance is for --deploy")
    if deploys:
        _require_replaceable(deployment_file)
    steps = Steps(quiet=as_json)
    verifiers = verifiers_of(names or DEFAULT_INSTANCES, steps) if deploys else []
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with DevelopmentNode(port=port, block_time=block_time) as node:
        keystores = _write_keystores(node, folder)
        if deploys:
            from twopm_zk.chain.contracts import Chain
            from twopm_zk.chain.deployer import deploy_all

            with steps.step("deploy") as progress:
                account = Chain(node.url, private_key=node.private_keys[0])
                deploy_all(account, verifiers=verifiers, progress=progress).write(deployment_file)
        document = {
            "rpc_url": node.url,
            "chain_id": CHAIN_ID,
            "keystores": [str(path) for path in keystores],
            "password": PASSWORD,
            "deployment": str(deployment_file) if deploys else None,
        }
        try:
            emit(as_json, document, _text(node.url, keystores, deployment_file, deploys))
            while node.running:
                time.sleep(0.2)
        except KeyboardInterrupt:
            steps.note("The chain has ended, and with it all that was on it.")
            return
        raise ChainError(f"anvil has ended by itself; its last words: {node.log.read_text(errors='replace')[-400:]}")


def _require_replaceable(path: Path) -> None:
    from twopm_zk.chain.deployment import DEVELOPMENT_CHAINS, Deployment

    if path.exists() and Deployment.read(path).chain_id not in DEVELOPMENT_CHAINS:
        raise InputError(f"{str(path)!r} is of a public chain", hint="Give another --deployment FILE.")


def _write_keystores(node: DevelopmentNode, folder: Path) -> list[Path]:
    from eth_account import Account

    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for number, (address, key) in enumerate(zip(node.accounts, node.private_keys, strict=True)):
        path = folder / f"account{number}.json"
        if not path.exists():
            keystore = Account.encrypt(bytes.fromhex(key[2:]), PASSWORD, kdf="scrypt", iterations=_LIGHT)
            files.write_text(path, json.dumps(keystore) + "\n")
        elif f"0x{read_json(path, what='keystore').get('address', '')}".lower() != address.lower():
            raise InputError(f"{str(path)!r} is another account's", hint="Give another folder: --keystores FOLDER.")
        written.append(path)
    return written


def _text(url: str, keystores: list[Path], deployment_file: Path, deployed: bool) -> str:
    variables = {
        "TWOPM_ZK_RPC_URL": url,
        "TWOPM_ZK_DEPLOYMENT": str(deployment_file.absolute()),
        "TWOPM_ZK_KEYSTORE": str(keystores[1 if deployed else 0].absolute()),
        "TWOPM_ZK_PASSWORD": PASSWORD,
    }
    exports = " ".join(f"{name}={shlex.quote(value)}" for name, value in variables.items())
    lines = [
        f"A development chain at {url}; it ends with Ctrl-C.",
        f"Accounts, 10,000 ETH each: {keystores[0]} to {keystores[-1].name}, password {PASSWORD!r}. Everybody knows "
        "their keys: use them on no other chain.",
        *([f"Everything is deployed: {deployment_file}; account0 owns it."] if deployed else []),
        "",
        "In another shell:",
        f"  export {exports}",
        *([] if deployed else ["  twopm-zk deploy"]),
        "  twopm-zk stake add 1 --asset 2 --mint",
        "  twopm-zk stake show",
    ]
    return "\n".join(lines)
