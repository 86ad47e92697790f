"""The commands of the guide for issuers work as printed, in its order, for the accounts that it names."""

import pytest
from support.guides import ROOT, Person, Stage, sections
from support.issuing import ISSUER, written_rows

from twopm_zk.task.specification_file import read_spec

pytestmark = [pytest.mark.slow, pytest.mark.chain]
OWNER = 3


def test_every_command_of_the_issuers_guide_works(world, tmp_path, forks):
    page = (ROOT / "docs" / "issuer.md").read_text()
    table = page.split("```toml\n")[1].split("```")[0]
    stage = Stage(world.node, tmp_path, forks)
    issuer = Person(stage, "issuer", ISSUER, (ROOT / "examples" / "spector.toml").read_text() + table)
    world.deployment.write(issuer.folder / "deployment.json")
    owner = Person(stage, "owner", OWNER, (issuer.folder / "spec.toml").read_text())
    world.deployment.write(owner.folder / "deployment.json")
    written_rows(owner.folder / "rows.csv", 40)
    dataset, view = read_spec(issuer.folder / "spec.toml").data_terms.id, world.view(OWNER)
    for section in sections("issuer"):
        (owner if section == "What the owner does" else issuer).follows("issuer", section)
        if section == "Attest":
            assert view.data_hub.usable(view.address, dataset, 0)[0]
    said = " ".join(stage.said().split())
    assert "40 rows in 1 batch are what" in said
    assert "attested until 2100-01-01 00:00:00 UTC" in said
    assert "revoked: 0x" in said
    rows = (owner.folder / "rows.csv").read_bytes().splitlines()[1:]
    places = [*issuer.folder.rglob("*"), *(owner.folder / "storage").rglob("*")]
    kept = [path.read_bytes() for path in places if path.is_file()]
    assert len(kept) > 5
    assert not any(row in content for row in rows for content in kept)
