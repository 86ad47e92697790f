"""The page itself: one file, nothing loaded from anywhere, readable without scripts."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from twopm_zk.demo.report import plots
from twopm_zk.demo.report.record import Prediction, Report, RoundRecord, Transaction

_STYLE = """
:root { color-scheme: light dark; --ink:#172033; --soft:#5b6478; --line:#e3e6ee; --paper:#ffffff; --card:#f6f7fb;
  --accent:#2f6fde; --good:#1c7c54; --bad:#b42318; }
@media (prefers-color-scheme: dark) { :root { --ink:#e8ebf3; --soft:#a0a8bb; --line:#2b3244; --paper:#12161f;
  --card:#1a202d; --accent:#7aa7ff; --good:#5bd39b; --bad:#ff8f82; } img { background:#fff; border-radius:8px; } }
* { box-sizing:border-box; } body { margin:0; background:var(--paper); color:var(--ink);
  font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif; }
main { max-width:62rem; margin:0 auto; padding:2.5rem 1.25rem 4rem; }
h1 { font-size:1.9rem; line-height:1.2; margin:0 0 .4rem; } h2 { font-size:1.25rem; margin:2.6rem 0 .8rem; }
p { margin:.4rem 0; } .lead { color:var(--soft); max-width:46rem; }
.cards { display:grid; grid-template-columns:repeat(auto-fit,minmax(10.5rem,1fr)); gap:.8rem; margin:1.6rem 0 0; }
.card { background:var(--card); border:1px solid var(--line); border-radius:10px; padding:.8rem 1rem; }
.card b { display:block; font-size:1.35rem; font-variant-numeric:tabular-nums; }
.card span { color:var(--soft); font-size:.88rem; }
.scroll { overflow-x:auto; } table { border-collapse:collapse; width:100%; font-variant-numeric:tabular-nums; }
th,td { text-align:right; padding:.42rem .7rem; border-bottom:1px solid var(--line); white-space:nowrap; }
th:first-child,td:first-child { text-align:left; } th { color:var(--soft); font-weight:600; font-size:.88rem; }
img { width:100%; height:auto; } figure { margin:0; } figcaption { color:var(--soft); font-size:.9rem; }
details { border:1px solid var(--line); border-radius:10px; padding:.5rem 1rem; margin:.5rem 0; }
summary { cursor:pointer; } code { font:.85em ui-monospace,SFMono-Regular,Menlo,monospace; }
.banner { border:2px solid var(--bad); border-radius:10px; padding:.8rem 1rem; margin:1.4rem 0 0; }
td.left { text-align:left; } .good { color:var(--good); font-weight:600; } .bad { color:var(--bad); font-weight:600; }
ul { padding-left:1.2rem; margin:.4rem 0; } ul.marked { list-style:none; padding:0; }
li { margin:.25rem 0; } .two { display:grid; gap:1.6rem; }
@media (min-width:48rem) { .two { grid-template-columns:1fr 1fr; } }
"""


def render(report: Report, images: Mapping[str, bytes] | None = None) -> str:
    """The report as one self-contained HTML document; ``images`` are `plots.images` of it, made where not given."""
    images = plots.images(report) if images is None else images
    source = next(iter(report.reference))
    parts = [
        f"<h1>{escape(report.title)}</h1><p class=lead>{escape(report.summary)}</p>",
        _banner(report.insecure),
        _cards(report, source),
        "<h2>The certified coefficients</h2>",
        _coefficients(report),
        f"<p>{escape(report.certificate)}</p><p>{escape(report.coverage)}</p>",
        f"<p>{escape(report.nearness)}</p>" if report.nearness else "",
        "<h2>What a statistician publishes</h2>",
        f"<div class=scroll>{report.statistics._repr_html_()}</div>",
        "<h2>How they were reached</h2><div class=two>",
        _figure(images["convergence"], f"Difference from {source} after each proven move of the weights."),
        _figure(images["timing"], "Where the time of each round went."),
        "</div>",
        _rounds(report.rounds),
        "<h2>Who sees what</h2>",
        f"<p>{escape(report.seen)}</p>",
        "<h2>What each round took</h2>",
        _phases(report.rounds),
        _gas(report.rounds),
        "<h2>Who proved and sent what</h2>",
        _transactions("Before the first round", report.setup),
        *(_transactions(f"Round {record.number}", record.transactions) for record in report.rounds),
        _transactions("After the last round", report.after),
        "<h2>What an auditor found, from the chain alone</h2>",
        _list(report.audit, mark="✓"),
        "<h2>What nobody can know from the chain</h2>",
        _list(report.unknowable),
    ]
    if report.predictions:
        parts += ["<h2>Predictions asked for</h2>", _predictions(report.predictions)]
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        '<meta name=viewport content="width=device-width,initial-scale=1">'
        f"<title>{escape(report.title)}</title><style>{_STYLE}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _banner(insecure: Sequence[str]) -> str:
    if not insecure:
        return ""
    return (
        "<div class=banner role=alert><b class=bad>Insecure keys: nothing on this page is proven to anybody.</b> "
        f"The keys of {escape(', '.join(insecure))} are for development: whoever knows their secret can prove anything "
        "under them. With keys from a ceremony everything here would be as it says.</div>"
    )


def _cards(report: Report, source: str) -> str:
    cards = {
        "largest difference from " + source: f"{report.difference(source):.3%}",
        "moves of the weights, every one proven": str(report.moves),
        "gas, all in all": f"{report.gas:,}",
        **report.facts,
    }
    shown = "".join(f"<div class=card><b>{escape(v)}</b><span>{escape(k)}</span></div>" for k, v in cards.items())
    return f"<div class=cards>{shown}</div>"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells are HTML already."""
    columns = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    lines = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<div class=scroll><table><thead><tr>{columns}</tr></thead><tbody>{lines}</tbody></table></div>"


def _coefficients(report: Report) -> str:
    names = list(next(iter(report.reference.values())))
    head = ["coefficient", "proven"]
    for source in report.reference:
        head += [source, "difference"]
    rows = []
    for name in names:
        value = report.coefficients[name]
        row = [escape(name), _digits(value)]
        for reference in report.reference.values():
            difference = abs(value / reference[name] - 1)
            row += [
                f"{reference[name]:.6g}",
                f"<span class={'good' if difference < 1e-3 else 'bad'}>{difference:.4%}</span>",
            ]
        rows.append(row)
    return _table(head, rows)


def _rounds(rounds: Sequence[RoundRecord]) -> str:
    names = list(rounds[0].coefficients)
    lines = []
    for record in rounds:
        bound = "" if record.bound_per_row is None else f"{record.bound_per_row:.2e}"
        values = [_digits(record.coefficients[name]) for name in names]
        people = escape(", ".join(f"{who} {count}" for who, count in record.participants.items()))
        lines.append([f"{record.number}, {escape(record.collects)}", *values, bound, str(record.rows), people])
    return _table(["round, which collects", *names, "gradient per row", "rows in the sum", "updates of"], lines)


def _phases(rounds: Sequence[RoundRecord]) -> str:
    names = list(dict.fromkeys(name for record in rounds for name in record.seconds))
    lines = []
    for record in rounds:
        seconds = [f"{record.seconds[name]:.1f}" if name in record.seconds else "" for name in names]
        lines.append([str(record.number), *seconds, f"{sum(record.seconds.values()):.1f}"])
    return _table(["round", *(f"{name}, s" for name in names), "all, s"], lines)


_STEPS = {
    "hand in an update": ("submitUpdate",),
    "be ready": ("ready",),
    "share": ("share",),
    "conclude": ("proceed", "acceptWeights", "certify"),
}
"""The functions of HLRContract that each step of a round calls."""


def _gas(rounds: Sequence[RoundRecord]) -> str:
    lines = []
    for record in rounds:
        each = [_range(record.gas(*functions)) for functions in _STEPS.values()]
        lines.append([str(record.number), *each, f"{sum(one.gas for one in record.transactions):,}"])
    return _table(["round", *(f"{name}, gas each" for name in _STEPS), "all"], lines)


def _range(values: Sequence[int]) -> str:
    """The least and the most, one number where they are the same."""
    return " to ".join(f"{value:,}" for value in sorted({min(values), max(values)})) if values else ""


def _digits(value: float) -> str:
    """Six significant digits, however small the unit."""
    return f"{value:.6g}"


def _transactions(title: str, transactions: Sequence[Transaction]) -> str:
    if not transactions:
        return ""
    rows = "".join(
        f"<tr><td class=left>{escape(one.what)}</td><td class=left>{escape(one.who)}</td>"
        f"<td>{one.gas:,}</td><td class=left><code id='tx-{escape(one.hash)}'>{escape(one.hash)}</code></td></tr>"
        for one in transactions
    )
    head = "<thead><tr><th>what</th><th>who</th><th>gas</th><th>transaction</th></tr></thead>"
    total = sum(one.gas for one in transactions)
    return (
        f"<details><summary>{escape(title)}: {len(transactions)} transactions, {total:,} gas</summary>"
        f"<div class=scroll><table>{head}<tbody>{rows}</tbody></table></div></details>"
    )


def _predictions(predictions: Sequence[Prediction]) -> str:
    rows = []
    for one in predictions:
        answer = (
            f"<span class=bad>refused: {escape(one.reason)}</span>"
            if one.answer is None
            else f"<span class=good>{one.answer:.4f}, proven</span>"
        )
        link = f"<a href='#tx-{escape(one.transaction)}'><code>{escape(one.transaction[:18])}…</code></a>"
        rows.append([escape(one.who), escape(one.question), answer, link if one.transaction else ""])
    return _table(["who", "asked", "answer", "transaction"], rows)


def _list(items: Sequence[str], *, mark: str = "") -> str:
    prefix = f"<span class=good>{mark}</span> " if mark else ""
    style = " class=marked" if mark else ""
    return f"<ul{style}>" + "".join(f"<li>{prefix}{escape(item)}</li>" for item in items) + "</ul>"


def _figure(png: bytes, caption: str) -> str:
    encoded = base64.b64encode(png).decode()
    return (
        f'<figure><img alt="{escape(caption)}" src="data:image/png;base64,{encoded}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )
