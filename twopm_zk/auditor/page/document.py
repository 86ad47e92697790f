"""The page: what the audit comes to first, then what it is about, what it has found, and what it cannot know."""

from __future__ import annotations

from twopm_zk.auditor.page.context import ReportContext
from twopm_zk.auditor.page.findings import checks, failures, lineage, notes, privacy, provenance, unknowable
from twopm_zk.auditor.page.rounds import rounds
from twopm_zk.auditor.page.specification import specification
from twopm_zk.auditor.page.statistics import statistics
from twopm_zk.auditor.report import AuditReport, Verdict
from twopm_zk.html import Html, banner, cards, definitions, element, joined, page, paragraph, section

_TITLES = {
    Verdict.CERTIFIED: "Certified",
    Verdict.NOT_CERTIFIED: "In order so far, without a certificate",
    Verdict.INSECURE_KEYS: "Insecure keys: nothing on this page is proven to anybody",
    Verdict.UNSOUND: "The audit failed: nothing on this page can be relied on",
}


def render(report: AuditReport, context: ReportContext) -> str:
    """The report as one self-contained HTML document, which loads nothing and runs nothing."""
    title = f"Audit of task {report.task}" if context.title is None else f"Audit of {context.title}"
    return page(
        title,
        element("h1", title),
        paragraph(
            f"Task {report.task} of chain {report.chain_id}, checked again from the chain alone up to block "
            f"{report.block}, by twopm-zk {context.version}, on {context.date}."
        ),
        verdict(report, context),
        figures(report),
        failures(report, context),
        statistics(report, context),
        rounds(report, context),
        checks(report),
        provenance(report),
        privacy(report),
        lineage(report, context),
        notes(report, context),
        specification(report, context),
        subject(report, context),
        unknowable(report),
    )


def verdict(report: AuditReport, context: ReportContext) -> Html:
    """What the audit comes to, and why one should not rely on it where that is so."""
    found = report.verdict
    said = joined(context.named(report.conclusion), " Verdict: ", element("code", found.value), ".")
    certified = found is Verdict.CERTIFIED
    parts = [banner(_TITLES[found], said, good=certified, bad=not report.sound)]
    if report.insecure and found is not Verdict.INSECURE_KEYS:
        parts.append(
            banner(
                "Insecure keys, too",
                f"The keys of {', '.join(report.insecure)} are insecure: whoever knows their secret can prove anything "
                "under them.",
                bad=True,
            )
        )
    if report.coverage is not None and not certified:
        parts.append(paragraph(context.named(f"The certificate is {report.coverage}")))
    if report.attested is not None:
        parts.append(paragraph(context.named(report.attested)))
    return joined(*parts)


def figures(report: AuditReport) -> Html:
    """The figures that most people look for."""
    covered = report.certified_attempt
    known = {} if covered is None else {"rows in the certified sum": f"{covered.rows:,}"}
    if report.bound_per_row is not None:
        known["largest component of the gradient, per row"] = f"{report.bound_per_row:.2e}"
    return cards(
        known
        | {
            "nodes that handed in updates": f"{len(report.nodes):,}",
            "updates accepted": f"{report.updates:,}",
            "moves of the weights": f"{report.rounds:,}",
            "proofs verified again": f"{report.proofs:,}",
            "checks, all in all": f"{sum(report.counts.values()):,}",
            "checks that failed": f"{report.failure_count:,}",
        }
    )


def subject(report: AuditReport, context: ReportContext) -> Html:
    """What exactly was audited, by whom, and when."""
    facts: dict[str, str] = {
        "task": f"{report.task}",
        "chain": f"{report.chain_id}",
        "read up to block": f"{report.block}",
        "contract of the task": element("code", report.contract),
    }
    if report.coordinator:
        facts["coordinator"] = context.account(report.coordinator)
    if report.spec_hash:
        facts["specification"] = element("code", report.spec_hash)
    facts |= {"proofs verified with": report.verifier, "twopm-zk": context.version, "made": context.date}
    facts |= {name: element("code", address) for name, address in context.contracts.items()}
    return section("What was audited", definitions(facts))
