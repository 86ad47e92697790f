"""`data attest`, `attestations`, `revoke-attestation`: an issuer's whole way, of which nothing private is left."""

import json
import stat

import pytest
from support.federated_world import specification, view_of
from support.issuing import ISSUER, OTHER, Owner, attested_spec, written_rows

from twopm_zk.cli import main
from twopm_zk.federated.specification_file import write_federated
from twopm_zk.hfl.data import digest_of_files, register_data
from twopm_zk.hfl.store import FederatedStore
from twopm_zk.task.parts.data import Provenance
from twopm_zk.task.specification_file import write_spec

pytestmark = pytest.mark.chain


@pytest.fixture
def spec(world, tmp_path):
    spec = attested_spec(world)
    write_spec(spec, tmp_path / "spec.json")
    world.deployment.write(tmp_path / "deployment.json")
    return spec


@pytest.fixture
def owner(world, tmp_path, spec):
    return Owner(world, 2, tmp_path, spec)


@pytest.fixture
def call(world, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TWOPM_ZK_RPC_URL", world.node.url)
    monkeypatch.delenv("TWOPM_ZK_PRIVATE_KEY", raising=False)

    def run(account, command, *arguments):
        if account is not None:
            monkeypatch.setenv("TWOPM_ZK_PRIVATE_KEY", world.node.private_keys[account])
        monkeypatch.setattr("sys.argv", ["twopm-zk", "data", command, "spec.json", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            main()
        printed = capsys.readouterr()
        return caught.value.code, printed.out, " ".join(printed.err.split())

    return run


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_an_issuer_looks_attests_lists_and_revokes_and_nothing_private_is_left(call, world, tmp_path, owner):
    package, shown = owner.package(), ("--owner", owner.address)
    before, block = files(tmp_path), world.chain.block
    code, out, err = call(ISSUER, "attest", *shown, "--package", package.parent, "--dry-run")
    assert (code, world.chain.block) == (0, block), err
    assert "100 rows in 3 batches are what" in out
    assert "Nothing was sent" in out
    said = [out, err]
    code, out, err = call(
        ISSUER, "attest", *shown, "--package", package, "--records", owner.rows, "--expires", "2099-12-31"
    )
    assert code == 0, err
    assert "attested until 2100-01-01 00:00:00 UTC: 0x" in out
    assert "Delete what you were shown now" in out
    said += [out, err]
    code, out, err = call(None, "attestations", "--json")
    (record,) = json.loads(out)["owners"]
    assert (code, record["usable"], record["attestations"][0]["standing"]) == (0, [0, 1, 2], "valid")
    said += [out, err, call(None, "attestations", *shown)[1]]
    code, out, err = call(ISSUER, "revoke-attestation", *shown, "--json")
    assert (code, json.loads(out)["revoked"]) == (0, [record["attestations"][0]["uid"]])
    code, out, _ = call(None, "attestations")
    assert (code, "batch 0, 1, 2 cannot be used: no attestation of it holds" in out) == (0, True)
    code, out, _ = call(ISSUER, "revoke-attestation", *shown)
    assert (code, "No attestation of" in out) == (0, True)
    assert files(tmp_path) == before
    sent = b"".join(
        one.data for number in range(block + 1, world.chain.block + 1) for one in world.chain.transactions(number)
    )
    assert sent
    for batch in owner.batches:
        assert batch.salt.to_bytes(32, "big") not in sent
        assert not any(str(batch.salt) in text for text in said)
    assert not any(row in text for row in owner.rows.read_text().splitlines()[1:] for text in said)


def test_what_is_not_the_owners_is_refused_with_the_batch_and_no_value(call, owner, world):
    before = world.view(ISSUER).chain.balance(world.view(ISSUER).address)
    code, _, err = call(ISSUER, "attest", "--owner", owner.address, "--package", owner.altered(60))
    assert (code, "batch 1: registered is something else than these rows and salt" in err) == (3, True)
    assert "do not attest anything else" in err
    assert "2.5" not in err
    assert world.view(ISSUER).chain.balance(world.view(ISSUER).address) == before


def test_an_account_that_the_specification_does_not_name_is_told_who_may(call, owner):
    code, _, err = call(OTHER, "attest", "--owner", owner.address, "--package", owner.package())
    assert (code, "Sign as one of them" in err) == (3, True)


def test_records_that_differ_are_named_by_batch(call, owner, tmp_path):
    mine = written_rows(tmp_path / "mine.csv", 100, seed=77)
    arguments = ("--owner", owner.address, "--package", owner.package(), "--records", mine)
    code, _, err = call(ISSUER, "attest", *arguments)
    assert (code, "batch 0, 1, 2 of the package has other rows than your records" in err) == (3, True)


def test_batches_that_the_package_lacks_are_named(call, owner):
    fewer = owner.folder / "fewer.csv"
    fewer.write_text("\n".join(owner.rows.read_text().splitlines()[:49]) + "\n")
    package = owner.package(rows=fewer, batches=owner.batches[:1])
    code, out, _ = call(ISSUER, "attest", "--owner", owner.address, "--package", package)
    assert (code, "NOT SHOWN, and unusable without an attestation: batch 1, 2" in out) == (0, True)
    code, out, _ = call(None, "attestations")
    assert (code, "batch 1, 2 cannot be used" in out) == (0, True)


def test_a_specification_that_asks_for_none_is_said_to(call, owner, spec, tmp_path):
    from dataclasses import replace

    write_spec(replace(spec, provenance=None), tmp_path / "spec.json")
    for command in ("attestations", "revoke-attestation"):
        code, _, err = call(ISSUER, command, *(("--owner", owner.address) if "revoke" in command else ()))
        assert (code, "asks for no attestation" in err, "[provenance]" in err) == (3, True, True)


@pytest.mark.slow
def test_federated_data_are_attested_by_a_file_and_what_the_owner_wrote_beside_it(call, world, tmp_path):
    provenance = Provenance((world.view(ISSUER).address,))
    spec = specification(tmp_path, provenance=provenance)
    write_federated(spec, tmp_path / "spec.json")
    world.deployment.write(tmp_path / "deployment.json")
    data, view = tmp_path / "scans.bin", view_of(world, 2)
    data.write_bytes(b"scans of patients")
    with FederatedStore(tmp_path / "node.db") as store:
        commitment, place = register_data(view, spec, store, digest_of_files([data]))
    code, _, err = call(None, "opening", "--out", tmp_path / "opening.json")
    assert (code, stat.S_IMODE((tmp_path / "opening.json").stat().st_mode)) == (0, 0o600), err
    arguments = ("attest", "--owner", view.address, "--opening", tmp_path / "opening.json", "--data")
    other = tmp_path / "other.bin"
    other.write_bytes(b"scans of others")
    code, _, err = call(ISSUER, *arguments, other)
    assert (code, "has registered no commitment to these data with this salt" in err) == (3, True)
    code, out, err = call(ISSUER, *arguments, data)
    assert (code, "1 batch are what" in out) == (0, True), err
    assert view.data_hub.usable(view.address, spec.data_terms.id, place)[0] == commitment
    code, out, _ = call(None, "attestations", "--json")
    assert (code, json.loads(out)["owners"][0]["usable"]) == (0, [place])
    (tmp_path / "opening.json").write_text('{"format": "twopm-zk federated opening 1", "salt": "00"}')
    code, _, err = call(ISSUER, *arguments, data)
    assert (code, "is no opening of federated data" in err) == (3, True)
