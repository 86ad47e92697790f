"""The whole document, and its one style sheet: light and dark, phones, and paper."""

from __future__ import annotations

import base64
import hashlib

from twopm_zk.html.elements import Html, element, joined

_STYLE = """
:root { color-scheme: light dark; --ink:#172033; --soft:#535c70; --line:#dfe3ec; --paper:#ffffff; --card:#f5f6fa;
  --accent:#2459b8; --good:#176a48; --bad:#a91d12; --worse:#fdeceb;
  --s0:#2459b8; --s1:#b45309; --s2:#1d7a55; --s3:#7c3aed; --s4:#b3261e; --s5:#0e7490; }
@media screen and (prefers-color-scheme: dark) { :root { --ink:#e8ebf3; --soft:#a7afc2; --line:#2f374a; --paper:#12161f;
  --card:#1a202d; --accent:#8ab1ff; --good:#5bd39b; --bad:#ff9a8f; --worse:#3a1a1a;
  --s0:#8ab1ff; --s1:#f0a860; --s2:#5bd39b; --s3:#b9a1ff; --s4:#ff9a8f; --s5:#67d2e8; } }
* { box-sizing:border-box; }
body { margin:0; background:var(--paper); color:var(--ink); overflow-wrap:break-word;
  font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif; }
main { max-width:62rem; margin:0 auto; padding:2.2rem 1.25rem 4rem; }
h1 { font-size:1.9rem; line-height:1.2; margin:0 0 .4rem; }
h2 { font-size:1.3rem; margin:2.6rem 0 .8rem; padding-top:1.2rem; border-top:1px solid var(--line); }
h3 { font-size:1.05rem; margin:1.6rem 0 .5rem; }
p { margin:.5rem 0; max-width:46rem; }
.lead, figcaption, .soft { color:var(--soft); }
a { color:var(--accent); }
code { font:.85em ui-monospace,SFMono-Regular,Menlo,monospace; overflow-wrap:anywhere; }
.good { color:var(--good); font-weight:600; }
.bad { color:var(--bad); font-weight:600; }
.banner { border:2px solid var(--line); border-radius:10px; background:var(--card); padding:.8rem 1rem;
  margin:1.2rem 0; max-width:none; }
.banner.bad { border-color:var(--bad); background:var(--worse); color:var(--ink); font-weight:400; }
.banner.good { border-color:var(--good); color:var(--ink); font-weight:400; }
.banner.bad b { color:var(--bad); }
.banner.good b { color:var(--good); }
.banner b { display:block; font-size:1.1rem; }
.cards { display:grid; grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr)); gap:.8rem; margin:1.4rem 0;
  padding:0; }
.card { background:var(--card); border:1px solid var(--line); border-radius:10px; padding:.7rem .9rem; display:flex;
  flex-direction:column-reverse; justify-content:flex-end; }
.card dd { margin:0; font-size:1.3rem; font-weight:650; font-variant-numeric:tabular-nums; line-height:1.35; }
.card dt { color:var(--soft); font-size:.88rem; line-height:1.35; }
.scroll { overflow-x:auto; margin:.6rem 0; }
.scroll:focus-visible { outline:2px solid var(--accent); outline-offset:2px; }
table { border-collapse:collapse; width:100%; font-variant-numeric:tabular-nums; }
caption { text-align:left; font-weight:600; padding:.4rem .7rem .4rem 0; }
th, td { text-align:right; padding:.42rem .7rem; border-bottom:1px solid var(--line); vertical-align:top; }
thead th { color:var(--soft); font-weight:600; font-size:.88rem; vertical-align:bottom; }
tbody th { font-weight:400; }
th.left, td.left { text-align:left; }
td.short, th.short { white-space:nowrap; }
td.wide { min-width:15rem; }
.twopm-summary table { width:auto; min-width:min(34rem,100%); margin:.4rem 0 1rem; }
.twopm-summary th { font-weight:400; text-align:left; }
.twopm-summary td:first-child ~ th { text-align:right; }
.twopm-summary td:nth-child(2):nth-last-child(3) { padding-right:1.6rem; }
.twopm-summary th, .twopm-summary td { white-space:nowrap; }
dl.facts { display:grid; grid-template-columns:minmax(9rem,max-content) 1fr; gap:.3rem 1.2rem; margin:.8rem 0; }
dl.facts dt { color:var(--soft); }
dl.facts dd { margin:0; min-width:0; }
ul { padding-left:1.2rem; margin:.4rem 0; }
li { margin:.25rem 0; max-width:60rem; }
details { border:1px solid var(--line); border-radius:10px; padding:.5rem 1rem; margin:.6rem 0; }
summary { cursor:pointer; }
figure { margin:1rem 0; max-width:34rem; }
figcaption { font-size:.9rem; }
.charts { display:grid; gap:.4rem 1.6rem; align-items:start; }
.small { display:grid; gap:.6rem 1.2rem; grid-template-columns:repeat(auto-fill,minmax(10rem,1fr)); align-items:start; }
.small figure { margin:0; }
.small svg text { font-size:15px; }
@media (min-width:48rem) { .charts { grid-template-columns:1fr 1fr; }
  .small { grid-template-columns:repeat(auto-fill,minmax(13rem,1fr)); } }
svg { display:block; width:100%; height:auto; overflow:visible; }
svg text { fill:var(--ink); font:13px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;
  font-variant-numeric:tabular-nums; }
svg text.soft { fill:var(--soft); }
svg text.end { text-anchor:end; }
svg text.middle { text-anchor:middle; }
svg text.name { font-weight:600; }
svg .grid { stroke:var(--line); stroke-width:1; }
svg .axis { stroke:var(--soft); stroke-width:1; }
svg .limit { stroke:var(--soft); stroke-width:1.5; stroke-dasharray:5 4; }
svg .line { fill:none; stroke:currentColor; stroke-width:2; stroke-linejoin:round; }
svg .dot { fill:var(--paper); stroke:currentColor; stroke-width:2; }
svg .dot.full, svg .bar { fill:currentColor; }
.s0 { color:var(--s0); } .s1 { color:var(--s1); } .s2 { color:var(--s2); }
.s3 { color:var(--s3); } .s4 { color:var(--s4); } .s5 { color:var(--s5); }
svg .line.s1 { stroke-dasharray:7 3; } svg .line.s2 { stroke-dasharray:2 3; } svg .line.s3 { stroke-dasharray:9 3 2 3; }
svg .line.s4 { stroke-dasharray:4 2; } svg .line.s5 { stroke-dasharray:1 2; }
ul.legend { list-style:none; display:flex; flex-wrap:wrap; gap:.1rem 1rem; padding:0; margin:.3rem 0; }
ul.legend svg { display:inline-block; width:1.8rem; height:.8rem; vertical-align:-.05rem; margin-right:.35rem; }
ul.legend span { color:var(--ink); }
@media (max-width:30rem) { main { padding:1.4rem 1rem 3rem; } h1 { font-size:1.55rem; }
  dl.facts { grid-template-columns:1fr; gap:0; } dl.facts dd { margin-bottom:.6rem; } th, td { padding:.42rem .5rem; } }
@media print { :root { color-scheme:light; } body { font-size:10pt; } main { max-width:none; padding:0; }
  .scroll { overflow:visible; } table { font-size:8.5pt; } th, td { padding:.2rem .35rem; } td.wide { min-width:0; }
  td.short, th.short { white-space:normal; } h2, h3, caption, summary { break-after:avoid; }
  tr, figure, .card, .banner, li { break-inside:avoid; } thead { display:table-header-group; }
  .charts { grid-template-columns:1fr 1fr; } .banner, .card, svg * { print-color-adjust:exact; }
  details::details-content { content-visibility:visible; display:block; height:auto; block-size:auto; }
  a { color:inherit; } }
"""
_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_OWN_POLICY = f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none'"
POLICY = f"{_OWN_POLICY}; frame-ancestors 'none'"
"""The Content-Security-Policy to serve such a page with: its own style sheet, and nothing else."""


def page(title: str, *content: str) -> str:
    """A whole document. Its own policy lets a browser run no script and load nothing, wherever it comes from."""
    head = joined(
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_OWN_POLICY),
        element("meta", name="viewport", content="width=device-width,initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        element("style", Html(_STYLE)),
    )
    body = element("body", element("main", *content))
    return f"<!doctype html>{element('html', element('head', head), body, lang='en')}\n"
