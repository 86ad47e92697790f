"""``data attest``, ``attestations``, ``revoke-attestation``: issuers at work, and what everybody reads of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from twopm_zk.cli.data.federated import shown_federated
from twopm_zk.cli.options.amounts import show_time
from twopm_zk.cli.options.connection import Connection, chain_options
from twopm_zk.cli.options.federated import refuse_options
from twopm_zk.cli.options.participants import checked_address, open_view, require_state, spec_argument, state_option
from twopm_zk.cli.options.rows import csv_options, read_rows, teller
from twopm_zk.cli.output import Steps, emit, json_option, many, print_table

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    from twopm_zk.datasets.package import Package
    from twopm_zk.federated import FederatedSpec
    from twopm_zk.participants.task_view import ChainView
    from twopm_zk.provenance.issuing import Comparison, Issued, Issuer
    from twopm_zk.provenance.records import BoundAttestation, OwnerRecord
    from twopm_zk.rows.cells import Cells, CsvOptions
    from twopm_zk.task.parts.data import DataTerms
    from twopm_zk.task.specification import TaskSpec

_TRAINING, _HELD_OUT = "data of training", "held-out data"


@click.command()
@spec_argument
@click.option("--owner", required=True, help="Address of the data owner.")
@click.option(
    "--package",
    type=click.Path(path_type=Path),
    help="What the owner shows: a package, or the folder that `twopm-zk data get` made; default: what the owner has "
    "stored and granted to you, read in memory.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Of a federated SPEC: the data that the owner shows.",
)
@click.option(
    "--opening",
    "opening_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Of a federated SPEC: what `twopm-zk data opening` wrote for you.",
)
@click.option(
    "--records",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Your own file of the same rows, in the same order: compared row by row with those of the package.",
)
@csv_options
@click.option(
    "--expires",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="Last day of the attestation, such as 2030-12-31, in UTC; default: until it is revoked.",
)
@click.option("--dry-run", is_flag=True, help="Compare only; send nothing.")
@state_option("node.db")
@chain_options
@json_option
def attest(
    connection: Connection,
    spec_file: Path,
    owner: str,
    package: Path | None,
    data: Path | None,
    opening_file: Path | None,
    records: Path | None,
    csv: CsvOptions,
    expires: datetime | None,
    dry_run: bool,
    state: Path,
    as_json: bool,
) -> None:
    """Attest, as an issuer that SPEC names, that an owner's registered commitments are of rows that you have seen.

    The owner grants you access to the rows and salts that it has stored; --state has the key that you have published
    for that (`twopm-zk data key`). Each commitment is computed anew from them, and compared with what the owner has
    registered; where one differs, its batch is named and nothing is sent. Then the commitments are attested through the
    Ethereum Attestation Service, and bound in DataHub. No value is shown and nothing is written. Whether the rows are
    those of your records is yours to know; --records compares them.

    \b
    Examples:
      twopm-zk data attest spec.toml --owner 0x90F7...b906 --dry-run
      twopm-zk data attest spec.toml --owner 0x90F7...b906 --records mine.csv --expires 2030-12-31
      twopm-zk data attest spec.toml --owner 0x90F7...b906 --package package
      twopm-zk data attest federated.toml --owner 0x90F7...b906 --data scans.npz --opening opening.json
    """
    from twopm_zk.federated import FederatedSpec, read_specification
    from twopm_zk.provenance.issuing import Issuer

    steps = Steps(quiet=as_json)
    address, until = checked_address(owner), _end_of(expires)
    spec = read_specification(spec_file)
    federated = {"--data": data, "--opening": opening_file}
    of_rows = {"--package": package, "--records": records}
    refuse_options(*(("rows", of_rows) if isinstance(spec, FederatedSpec) else ("federated data", federated)))
    view = open_view(connection)
    issuers = {terms.id: Issuer(view, terms) for terms in _terms(spec)}
    seen: list[tuple[Comparison, int | None]]
    with steps.step("commitments, computed anew"):
        if isinstance(spec, FederatedSpec):
            commitments = shown_federated(view, spec, address, data, opening_file)
            seen = [(issuers[spec.data_terms.id].compare(address, commitments), None)]
        else:
            mine = None if records is None else read_rows(records, spec, csv, teller(as_json))
            with _packages(view, spec, address, package, state) as packages:
                seen = _seen(view, issuers, spec, address, packages, mine)
    for comparison, _ in seen:
        comparison.require_same()
    issued: list[list[Issued]] = [[] for _ in seen]
    if not dry_run:
        with steps.step("attest, and bind"):
            issued = [issuers[one.dataset].attest(one, expires=until) for one, _ in seen]
    documents = [
        _document(one, issuers[one.dataset].terms, made, rows=rows, until=until)
        for (one, rows), made in zip(seen, issued, strict=True)
    ]
    result = {"owner": address, "issuer": view.address, "dry_run": dry_run, "data_sets": documents}
    handed = package is not None or data is not None
    emit(as_json, result, "\n".join(_lines(documents, address, dry_run=dry_run, handed=handed)))


@contextmanager
def _packages(
    view: ChainView, spec: TaskSpec, owner: str, package: Path | None, state: Path
) -> Iterator[list[Package]]:
    """What an owner has handed over, or else what it has stored and granted to this account."""
    from twopm_zk.provenance.showing import granted, read_packages

    if package is not None:
        yield read_packages(package)
        return
    with granted(view, spec, owner, lambda: _key(state), progress=lambda line: None) as found:
        yield found


def _seen(
    view: ChainView,
    issuers: Mapping[bytes, Issuer],
    spec: TaskSpec,
    owner: str,
    packages: Sequence[Package],
    records: Cells | None,
) -> list[tuple[Comparison, int | None]]:
    """Each data set as it was seen beside what is registered, and its number of rows."""
    from twopm_zk.provenance.showing import show

    if records is not None and len(packages) > 1:
        raise click.UsageError("--records goes with one data set: name its --package, not the folder")
    found = show(view, spec, owner, packages)
    if records is not None:
        found[0].require_rows(records, spec)
    return [(issuers[one.terms.id].compare(owner, one.commitments), one.rows) for one in found]


def _key(state: Path) -> X25519PrivateKey:
    from twopm_zk.participants.records import known_secret_key

    return known_secret_key(require_state(state))


def _terms(spec: TaskSpec | FederatedSpec) -> list[DataTerms]:
    """Of all data sets that a specification asks an owner for."""
    from twopm_zk.federated import FederatedSpec

    if isinstance(spec, FederatedSpec) or not spec.statistics.held_out:
        return [spec.data_terms]
    return [spec.data_terms, spec.held_out_terms]


def _end_of(day: datetime | None) -> int:
    """The first second after a day, in UTC; 0 for no day."""
    return 0 if day is None else int((day.replace(tzinfo=UTC) + timedelta(days=1)).timestamp())


def _document(
    comparison: Comparison, terms: DataTerms, issued: Sequence[Issued], *, rows: int | None, until: int
) -> dict[str, Any]:
    return {
        "data": _HELD_OUT if terms.held_out else _TRAINING,
        "data_set": "0x" + terms.id.hex(),
        "rows": rows,
        "batches": list(comparison.same),
        "not_shown": list(comparison.not_shown),
        "expires": show_time(until) if until else None,
        "attestations": [
            {"uid": "0x" + made.uid.hex(), "batches": list(made.places), "transactions": list(made.transactions)}
            for made in issued
        ],
    }


def _lines(documents: Sequence[dict[str, Any]], owner: str, *, dry_run: bool, handed: bool) -> Iterator[str]:
    for one in documents:
        counted = many(len(one["batches"]), "batch", "batches")
        if one["rows"] is not None:
            counted = f"{many(one['rows'], 'row')} in {counted}"
        yield f"{one['data']} (data set {one['data_set']}): {counted} are what {owner} has registered."
        for made in one["attestations"]:
            said = f" until {one['expires']}" if one["expires"] else ""
            yield f"  attested{said}: {made['uid']}, {many(len(made['batches']), 'batch', 'batches')}"
        if one["not_shown"]:
            places = ", ".join(map(str, one["not_shown"]))
            yield f"  NOT SHOWN, and unusable without an attestation: batch {places}, registered by the same owner."
    if dry_run:
        yield "Nothing was sent. Whether these are rows of your records is yours to know."
    elif handed:
        yield "Delete what you were shown now: data and salts are secrets of their owner."


@click.command()
@spec_argument
@click.option("--owner", help="Address of one data owner; default: all.")
@chain_options
@json_option
def attestations(connection: Connection, spec_file: Path, owner: str | None, as_json: bool) -> None:
    """List who attested the data of SPEC, of whom, and whether that holds now. Needs no account.

    \b
    Examples:
      twopm-zk data attestations spec.toml
      twopm-zk data attestations spec.toml --owner 0x90F7...b906 --json
    """
    from twopm_zk.federated import read_specification
    from twopm_zk.provenance.issuing import require_provenance
    from twopm_zk.provenance.records import read_records

    named = checked_address(owner) if owner else None
    spec = read_specification(spec_file)
    require_provenance(spec.data_terms)
    view = open_view(connection, signing=False)
    found = [(terms, record) for terms in _terms(spec) for record in read_records(view, terms, named)]
    if as_json:
        emit(True, {"issuers": list(spec.data_terms.issuers), "owners": [_record(*one) for one in found]})
        return
    click.echo(f"An attestation by one of these is asked for: {', '.join(spec.data_terms.issuers)}")
    if not found:
        click.echo("Nobody has registered data yet." if named is None else f"{named} has registered no data.")
        return
    print_table(
        ("owner", "data", "batches", "issuer", "until", "attestation", "now"),
        [row for terms, record in found for row in _rows(terms, record)],
    )
    for terms, record in found:
        data = _HELD_OUT if terms.held_out else _TRAINING
        if record.withdrawn:
            click.echo(f"{record.owner} has withdrawn its {data}.")
        elif record.unusable:
            click.echo(
                f"{record.owner}, {data}: batch {', '.join(map(str, record.unusable))} cannot be used: no attestation "
                "of it holds."
            )


def _rows(terms: DataTerms, record: OwnerRecord) -> list[tuple[object, ...]]:
    data = "held out" if terms.held_out else "training"
    registered = len(record.registered)
    if not record.bound:
        return [(record.owner, data, f"0 of {registered}", "", "", "", "not attested")]
    return [
        (
            record.owner,
            data,
            f"{len(one.places)} of {registered}",
            one.attestation.attester,
            show_time(one.attestation.expires) if one.attestation.expires else "it is revoked",
            "0x" + one.attestation.uid.hex(),
            one.standing.value,
        )
        for one in record.bound
    ]


def _record(terms: DataTerms, record: OwnerRecord) -> dict[str, Any]:
    return {
        "owner": record.owner,
        "data_set": "0x" + terms.id.hex(),
        "held_out": terms.held_out,
        "registered": len(record.registered),
        "usable": list(record.usable),
        "unusable": list(record.unusable),
        "withdrawn": record.withdrawn,
        "attestations": [_bound(one) for one in record.bound],
    }


def _bound(one: BoundAttestation) -> dict[str, Any]:
    found = one.attestation
    return {
        "uid": "0x" + found.uid.hex(),
        "issuer": found.attester,
        "batches": list(one.places),
        "made": found.time,
        "expires": found.expires or None,
        "revoked": found.revoked or None,
        "standing": one.standing.value,
    }


@click.command("revoke-attestation")
@spec_argument
@click.option("--owner", required=True, help="Address of the data owner.")
@chain_options
@json_option
def revoke_attestation(connection: Connection, spec_file: Path, owner: str, as_json: bool) -> None:
    """Revoke all that you have attested of an owner's data under SPEC, for good.

    From the next block on contracts take no update of these data, in any task that asks for your attestation. What was
    accepted before stays as it is. You may attest anew.

    \b
    Example:
      twopm-zk data revoke-attestation spec.toml --owner 0x90F7...b906
    """
    from twopm_zk.federated import read_specification
    from twopm_zk.provenance.issuing import Issuer

    address = checked_address(owner)
    spec = read_specification(spec_file)
    view = open_view(connection)
    issuers: list[Issuer] = [Issuer(view, terms) for terms in _terms(spec)]
    revoked = [uid for issuer in issuers for uid in issuer.revoke(address)]
    text = "\n".join(f"revoked: 0x{uid.hex()}" for uid in revoked)
    document = {"owner": address, "issuer": view.address, "revoked": ["0x" + uid.hex() for uid in revoked]}
    emit(as_json, document, text or f"No attestation of {view.address} about these data of {address} holds.")
