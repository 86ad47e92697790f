"""The commands of the guide for issuers work as printed, in its order, for the accounts that it names."""

import pytest
from support.guides import ROOT, Person, Stage, sections
from support.issuing import ISSUER, Owner

from twopm_zk.task.specification_file import read_spec

pytestmark = [pytest.mark.slow, pytest.mark.chain]
OWNER = 3


def test_every_command_of_the_issuers_guide_works(world, tmp_path, forks):
    page = (ROOT / "docs" / "issuer.md").read_text()
    table = page.split("```toml\n")[1].split("```")[0]
    stage = Stage(world.node, tmp_path, forks)
    issuer = Person(stage, "issuer", ISSUER, (ROOT / "examples" / "spector.toml").read_text() + table)
    world.deployment.write(issuer.folder / "deployment.json")
    owner = Owner(world, OWNER, tmp_path, read_spec(issuer.folder / "spec.toml"), rows=40)
    (issuer.folder / "package").mkdir()
    owner.package().rename(issuer.folder / "package" / "data.package")
    for section in sections("issuer"):
        issuer.follows("issuer", section)
        if section == "Attest":
            assert owner.view.data_hub.usable(owner.address, owner.terms.id, 0)[0] == owner.batches[0].commitment
    said = " ".join(stage.said().split())
    assert "40 rows in 1 batch are what" in said
    assert "attested until 2100-01-01 00:00:00 UTC" in said
    assert "revoked: 0x" in said
    assert not list((issuer.folder / "package").rglob("*"))
