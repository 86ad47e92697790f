"""``deploy``: every contract, and the verifiers of the chosen instances."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from twopm_zk.circuit.instances import find_instance, instances
from twopm_zk.cli.options.building import key_options, warn_if_insecure
from twopm_zk.cli.options.connection import Connection, chain_options
from twopm_zk.cli.options.participants import checked_address
from twopm_zk.cli.options.stake_assets import parse_assets, parse_eigenlayer
from twopm_zk.cli.output import Steps, emit, json_option
from twopm_zk.errors import InputError
from twopm_zk.plonk.keys import keys_of_instances

if TYPE_CHECKING:
    from twopm_zk.chain.deployment import Deployment, GeneratedVerifier

DEFAULT_INSTANCES = (
    "step-48x3",
    "step-119x3",
    "information-48x3",
    "information-119x3",
    "evaluate-48x3",
    "evaluate-119x3",
    "aggregate-3",
    "certify-3",
    "predict-3",
)


@click.command()
@click.option(
    "--instance",
    "names",
    multiple=True,
    help="Circuit instance whose verifier to deploy, or a specification (.toml, .json) for all that it names; "
    f"repeatable. Default: {', '.join(DEFAULT_INSTANCES)}.",
)
@click.option("--all", "everything", is_flag=True, help="Deploy the verifier of every instance.")
@click.option(
    "--add",
    "added",
    metavar="INSTANCE",
    multiple=True,
    help="Add the verifier of an instance, or those of a specification, to the deployment that there is, as its owner; "
    "repeatable.",
)
@click.option("--force", is_flag=True, help="Replace an existing deployment file, and begin an unfinished one anew.")
@click.option(
    "--allow-insecure", is_flag=True, help="Deploy verifiers of development keys to a public chain: they prove nothing."
)
@click.option(
    "--fee-token",
    metavar="ADDRESS",
    help="ERC-20 that networks may take fees in, for good; default: none, on a development chain stand-in rETH. None "
    "that rebases, or takes a part of what is sent.",
)
@click.option(
    "--asset",
    "assets",
    metavar="KIND=TOKEN",
    multiple=True,
    help="Token that can be staked, by its address; KIND is stETH, wstETH, rETH or other. After commas: "
    "strategy=ADDRESS, EigenLayer's, and for other tokens rate=ADDRESS, an IEthRate. Repeatable; needed but on a "
    "development chain.",
)
@click.option(
    "--eigenlayer",
    metavar="NAME=ADDRESS",
    multiple=True,
    help="A contract of EigenLayer, to go with --asset: strategy-manager, delegation-manager, allocation-manager, "
    "rewards-coordinator, weth; and operator, whom stakes are delegated to. Repeatable; default: no delegation.",
)
@click.option(
    "--operator-set-uri",
    default="",
    metavar="URL",
    help="Where EigenLayer's users find what operators of this deployment do, as its metadata of an AVS.",
)
@click.option("--treasury", metavar="ADDRESS", help="Where slashed stake goes; default: the account that deploys.")
@key_options
@chain_options
@json_option
def deploy(
    connection: Connection,
    names: tuple[str, ...],
    everything: bool,
    added: tuple[str, ...],
    force: bool,
    allow_insecure: bool,
    fee_token: str | None,
    assets: tuple[str, ...],
    eigenlayer: tuple[str, ...],
    operator_set_uri: str,
    treasury: str | None,
    ptau: Path | None,
    backend: str | None,
    as_json: bool,
) -> None:
    """Compile and deploy all contracts and verifiers, and write the deployment file.

    On a development chain (ids 1337 and 31337) the tokens are stand-ins, and EigenLayer's contracts its own where they
    are installed. Anywhere else name the tokens, and keys must come from a ceremony's ptau.

    What it costs is compared with the account's balance before anything is paid. A deployment that stops half-way is
    kept beside its file, and the same command goes on with it.

    \b
    Examples:
      twopm-zk deploy --rpc-url http://127.0.0.1:8545 --deployment deployment.json
      twopm-zk deploy --instance step-119x3 --instance information-119x3 --instance aggregate-3 --instance certify-3
      twopm-zk deploy --fee-token 0xA0b8...eB48
      twopm-zk deploy --asset wstETH=0x7f39...2Ca0,strategy=0x7CA9...77d3
        --eigenlayer strategy-manager=0x8586...075A --eigenlayer delegation-manager=0x3905...F37A
      twopm-zk deploy --add step-167x30 --add aggregate-30
      twopm-zk deploy --add spec.toml
    """
    from twopm_zk.chain.deployer import add_verifiers, deploy_all
    from twopm_zk.chain.deployment import Deployment, Terms
    from twopm_zk.chain.deployment_steps import journal_path

    path, journal = connection.deployment_file, journal_path(connection.deployment_file)
    if added and (names or everything or force or fee_token or assets or eigenlayer or treasury):
        raise InputError(
            "--add is for a deployment that there is; --instance, --all, --fee-token, --asset, --eigenlayer, "
            "--treasury and --force are for a new one"
        )
    if eigenlayer and not assets:
        raise InputError("--eigenlayer goes with --asset, which names the strategies")
    token = checked_address(fee_token) if fee_token else None
    terms = Terms(operator_set_uri=operator_set_uri, fee_token=token)
    stakes, restaking = parse_assets(assets) or None, parse_eigenlayer(eigenlayer)
    treasury = checked_address(treasury) if treasury else None
    if not added and path.exists() and not force:
        raise InputError(
            f"{str(path)!r} exists",
            hint="Give another --deployment, --force to replace it, or --add INSTANCE to add a verifier to it.",
        )
    present = Deployment.read(connection.require_deployment()) if added else None
    chosen = added or (tuple(instances()) if everything else names or DEFAULT_INSTANCES)
    wanted = list(dict.fromkeys(name for one in chosen for name in _named(one)))
    if force:
        journal.unlink(missing_ok=True)
    steps = Steps(quiet=as_json)
    chain = connection.chain()
    missing = [name for name in wanted if present is None or name not in present.verifiers]
    if present is not None and (known := [name for name in wanted if name not in missing]):
        steps.note(f"Deployed already: {', '.join(known)}.")
    verifiers = verifiers_of(missing, steps, ptau=ptau, backend=backend)
    with steps.step(f"deploy to chain {chain.chain_id}") as show:

        def progress(line: str) -> None:
            show(line)
            steps.note(f"  {line}")

        if present is None:
            deployment = deploy_all(
                chain,
                verifiers=verifiers,
                assets=stakes,
                eigenlayer=restaking,
                treasury=treasury,
                terms=terms,
                allow_insecure=allow_insecure,
                journal=journal,
                progress=progress,
            )
        elif missing:
            deployment = add_verifiers(
                chain, present, verifiers, allow_insecure=allow_insecure, journal=journal, progress=progress
            )
        else:
            deployment = present
    deployment.write(path)
    journal.unlink(missing_ok=True)
    _tell(as_json, path, deployment, missing)


def _named(one: str) -> tuple[str, ...]:
    """The instance of this name, or those of the specification in this file."""
    if not one.endswith((".toml", ".json")):
        return (find_instance(one).name,)
    from twopm_zk.task.specification_file import read_spec

    return read_spec(one).round_instances.names


def verifiers_of(
    names: Sequence[str], steps: Steps, *, ptau: Path | None = None, backend: str | None = None
) -> list[GeneratedVerifier]:
    """The verifiers of instances, with progress: circuits compiled and keys made where they are not in the cache."""
    from twopm_zk.chain.deployment import GeneratedVerifier

    with steps.step(f"keys of {len(names)} circuits") as progress:
        keys = keys_of_instances(names, ptau=ptau, backend=backend, progress=progress)
    for made in {made.ptau_origin: made for made in keys.values()}.values():
        warn_if_insecure(steps, made)
    with steps.step("verifiers of the keys") as progress:
        found = []
        for name, made in keys.items():
            progress(name)
            found.append(GeneratedVerifier.from_keys(find_instance(name), made))
    return found


def _tell(as_json: bool, path: Path, deployment: Deployment, added: Sequence[str]) -> None:
    contracts = {name: entry.address for name, entry in deployment.contracts.items()}
    verifiers = {name: entry.address for name, entry in deployment.verifiers.items()}
    document = {
        "deployment": str(path),
        "chain_id": deployment.chain_id,
        "block": deployment.block,
        "insecure": deployment.insecure,
        "contracts": contracts,
        "verifiers": verifiers,
        "added": list(added),
    }
    lines = [f"{name:<24} {address}" for name, address in (contracts | verifiers).items()]
    emit(as_json, document, "\n".join([*lines, f"Written to {path}."]))
