"""``task attest``: a task's certificate as an attestation, for those who look for it there."""

from __future__ import annotations

import click

from twopm_zk.cli.next_steps import with_facts
from twopm_zk.cli.options.connection import Connection, chain_options
from twopm_zk.cli.options.participants import open_view
from twopm_zk.cli.output import emit, json_option


@click.command()
@click.argument("number", metavar="TASK", type=click.IntRange(1))
@chain_options
@json_option
def attest(connection: Connection, number: int, as_json: bool) -> None:
    """Publish the certificate of TASK as an attestation of the Ethereum Attestation Service. Anybody may.

    It says what HLRContract says: specification, certified round, number of nodes, hash of the weights, and the bound
    on the gradient; a contract refuses anything else, so that it does not matter who attests. It never ends and cannot
    be revoked. Where there is one already, that is shown, and nothing is sent. `twopm-zk audit` compares it with what
    the audit has found itself.

    \b
    Example:
      twopm-zk task attest 1
    """
    from twopm_zk.participants.task_view import require_certificate

    view = open_view(connection)
    resolver = view.network.certificates
    with with_facts(task=number):
        require_certificate(view.state(number))
    if (known := resolver.attestation_of(number)) is not None:
        uid, transaction = known.uid, None
    else:
        uid, receipt = resolver.attest(number)
        transaction = receipt.transaction
    document = {
        "task": number,
        "uid": "0x" + uid.hex(),
        "schema": "0x" + resolver.schema.uid.hex(),
        "service": resolver.service.address,
        "transaction": transaction,
    }
    said = "is attested already" if transaction is None else "is attested now"
    emit(as_json, document, f"The certificate of task {number} {said}: 0x{uid.hex()}")
