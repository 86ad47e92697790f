"""``deploy``: every contract, and the verifiers of the chosen instances."""

from __future__ import annotations

from pathlib import Path

import click

from twopm_zk.circuit.compilation import compile_circuit
from twopm_zk.circuit.instances import find_instance, instances
from twopm_zk.cli.options.building import key_options, obtain_keys
from twopm_zk.cli.options.connection import Connection, chain_options
from twopm_zk.cli.output import Steps, emit, json_option
from twopm_zk.errors import InputError

DEFAULT_INSTANCES = ("step-32x3", "step-128x3", "aggregate-4x3", "certify-4x3", "predict-3")


@click.command()
@click.option(
    "--instance",
    "names",
    multiple=True,
    help=f"Circuit instance whose verifier to deploy; repeatable. Default: {', '.join(DEFAULT_INSTANCES)}.",
)
@click.option("--all", "everything", is_flag=True, help="Deploy the verifier of every instance.")
@click.option("--force", is_flag=True, help="Replace an existing deployment file.")
@click.option(
    "--allow-insecure", is_flag=True, help="Deploy verifiers of development keys to a public chain: they prove nothing."
)
@key_options
@chain_options
@json_option
def deploy(
    connection: Connection,
    names: tuple[str, ...],
    everything: bool,
    force: bool,
    allow_insecure: bool,
    ptau: Path | None,
    backend: str | None,
    as_json: bool,
) -> None:
    """Compile and deploy all contracts and verifiers, and write the deployment file.

    On a development chain (ids 1337 and 31337) the tokens and EigenLayer are stand-ins. Anywhere else keys must
    come from a ceremony's ptau.

    \b
    Examples:
      twopm-zk deploy --rpc-url http://127.0.0.1:8545 --deployment deployment.json
      twopm-zk deploy --instance step-128x3 --instance aggregate-16x3 --instance certify-16x3
    """
    from twopm_zk.chain.deployment import GeneratedVerifier, deploy_all

    path = connection.deployment_file
    if path.exists() and not force:
        raise InputError(f"{str(path)!r} exists", hint="Give another --deployment, or --force to replace it.")
    steps = Steps(quiet=as_json)
    chain = connection.chain()
    chosen = list(instances()) if everything else list(names or DEFAULT_INSTANCES)
    verifiers = []
    for name in chosen:
        with steps.step(f"compile {name}") as progress:
            circuit = compile_circuit(find_instance(name), progress=progress)
        keys = obtain_keys(circuit, steps, ptau=ptau, backend=backend)
        verifiers.append(GeneratedVerifier.from_keys(find_instance(name), keys))
    with steps.step(f"deploy to chain {chain.chain_id}"):
        deployment = deploy_all(chain, verifiers=verifiers, allow_insecure=allow_insecure)
    deployment.write(path)
    emit(
        as_json,
        {
            "deployment": str(path),
            "chain_id": deployment.chain_id,
            "block": deployment.block,
            "insecure": deployment.insecure,
            "contracts": {name: entry.address for name, entry in deployment.contracts.items()},
            "verifiers": {name: entry.address for name, entry in deployment.verifiers.items()},
        },
        "\n".join(
            [f"{name:<24} {entry.address}" for name, entry in deployment.contracts.items()]
            + [f"{name:<24} {entry.address}" for name, entry in deployment.verifiers.items()]
            + [f"Written to {path}."]
        ),
    )
