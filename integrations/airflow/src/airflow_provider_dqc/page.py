"""The report of a run as one HTML file that needs nothing from elsewhere. Knows nothing of Airflow.

Rows in it are those that dqc shows, with personal columns masked and secret ones left out.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from typing import Any

_SIGNS = {"block": "✗", "quarantine": "!", "warn": "!", "none": "✓"}
_STYLE = """
:root { color-scheme: light dark; --line: #8884; --bad: #c62828; --odd: #b26a00; --good: #2e7d32 }
@media (prefers-color-scheme: dark) { :root { --bad: #ff8a80; --odd: #ffcc80; --good: #a5d6a7 } }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin: 2rem 0 .3rem } h3 { font-size: 1rem; margin: 1.3rem 0 .3rem }
.block, .blocked { color: var(--bad) } .quarantine, .warn { color: var(--odd) } .none, .passed { color: var(--good) }
table { border-collapse: collapse; font-variant-numeric: tabular-nums } .wide { overflow-x: auto }
th, td { border-bottom: 1px solid var(--line); padding: .2rem .7rem .2rem 0; text-align: left; white-space: nowrap }
td.n { text-align: right } dt { font-weight: 600 } dd { margin: 0 0 .4rem 0 } code { font-size: .9em }
"""


def page(reports: Sequence[Mapping[str, Any]]) -> str:
    """:param reports: the documents of `dqc run --format json`; those that are blocked come first."""
    ordered = sorted(reports, key=lambda r: r["verdict"] != "blocked")
    blocked = sum(r["verdict"] == "blocked" for r in reports)
    count = f"{len(reports)} batch{'es' if len(reports) != 1 else ''}"
    title = f"{blocked} of {count} blocked" if blocked else f"{count} judged, none blocked"
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
        f"<title>dqc: {_text(title)}</title><style>{_STYLE}</style></head><body><h1>{_text(title)}</h1>",
    ]
    for report in ordered:
        parts += _report(report)
    parts.append("</body></html>\n")
    return "".join(parts)


def _report(report: Mapping[str, Any]) -> list[str]:
    rows = report["rows"]
    fate = "promoted" if report["promoted"] else report["verdict"].replace("_", " ")
    acted = [rule for rule in report["rules"] if rule["action"] != "none"]
    acted.sort(key=lambda rule: ("block", "quarantine", "warn").index(rule["action"]))
    passed = [rule for rule in report["rules"] if rule["action"] == "none"]
    parts = [
        f"<section><h2>{_text(report['batch'])} <small>{_text(report['promotion'])}</small> ",
        f'<span class="{_text(report["verdict"])}">{_text(fate)}</span></h2>',
        f"<p>{rows['input']:,} rows read: {rows['accepted']:,} accepted, {rows['quarantined']:,} held back. ",
        f"{_text(report['contract'])} @ {_text(report['version'])}, as of {_text(report['as_of'])}.</p>",
        _rules(acted),
    ]
    if passed:
        parts.append(f"<details><summary>{len(passed)} rules had no effect</summary>{_rules(passed)}</details>")
    for rule in acted:
        parts += _rule(report, rule)
    parts.append("</section>")
    return parts


def _rules(rules: Sequence[Mapping[str, Any]]) -> str:
    if not rules:
        return ""
    heads = "".join(f"<th>{name}" for name in ("", "rule", "kind", "judged", "broken", "unknown", "effect", "evidence"))
    lines = []
    for rule in rules:
        action = _text(rule["action"])
        counts = "".join(f'<td class="n">{rule[key]:,}' for key in ("checked", "violations", "unknown"))
        lines.append(
            f'<tr><td class="{action}">{_SIGNS[rule["action"]]}<td><code>{_text(rule["rule"])}</code>'
            f"<td>{_text(rule['kind'])}{counts}<td>{action}<td>{_text(rule['evidence'])}"
        )
    return f'<div class="wide"><table><tr>{heads}{"".join(lines)}</table></div>'


def _rule(report: Mapping[str, Any], rule: Mapping[str, Any]) -> list[str]:
    place = rule["location"]
    facts = (
        ("why", rule["reason"]),
        ("value", None if rule["value"] is None else _shown(rule["value"])),
        ("limit", None if rule["limit"] is None else _shown(rule["limit"])),
        ("because", rule["because"]),
        ("fix", rule["fix"]),
        ("owner", report.get("owner")),
        ("where", f"{place['file']}:{place['line']}"),
    )
    parts = [f'<h3 class="{_text(rule["action"])}">{_text(rule["action"])}: <code>{_text(rule["rule"])}</code></h3><dl>']
    parts += [f"<dt>{name}<dd>{_text(value)}" for name, value in facts if value]
    parts.append("</dl>")
    if rule["samples"]:
        names = list(dict.fromkeys(name for sample in rule["samples"] for name in sample["values"]))
        heads = "".join(f"<th>{_text(name)}" for name in ("row", *names, "file"))
        parts.append(f'<div class="wide"><table><tr>{heads}')
        for sample in rule["samples"]:
            values = (sample["row"], *(sample["values"].get(name) for name in names), sample["file"])
            parts.append("<tr>" + "".join(f"<td>{_text(_shown(value))}" for value in values))
        parts.append("</table></div>")
    return parts


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _text(value: object) -> str:
    """Foreign text: what an author wrote or a row holds is never markup."""
    return html.escape("" if value is None else str(value), quote=True)
