"""What people are told: which rule, why, what to do, whose it is. Knows nothing of Airflow, sends nothing.

What an author or a row says is foreign text: each form escapes it in its own way.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from airflow_provider_dqc.results import MOST_FINDINGS, Summary

#: Of Slack: characters in a section, those in a message (it refuses longer ones), and blocks that a reader still reads.
_SECTION = 2900
_WHOLE = 10_000
_FACTS = (("because", "because"), ("fix", "fix"), ("owner", "owner"), ("where", "place"))
_MOST_BLOCKS = 8


def said(summary: Summary) -> list[dict[str, Any]]:
    """The findings with the authors' words filled for the first row: for a message, never for XCom."""
    return [finding.for_people() for finding in summary.findings[:MOST_FINDINGS]]


def subject(summary: Mapping[str, Any]) -> str:
    """One line."""
    verdict = summary.get("verdict", "failed")
    if verdict == "blocked":
        about = [f"{b['batch']} of {b['promotion']}" for b in summary["batches"] if b["verdict"] == "blocked"]
    else:
        about = [f["rule"] for f in summary.get("findings", [])]
    count = max(len(about), summary.get("blocked", 0)) + summary.get("findings_left_out", 0) * (verdict != "blocked")
    if not about:
        return _one_line(f"dqc: {verdict}")
    more = f" and {count - 1} more" if count > 1 else ""
    return _one_line(f"{summary.get('command', '')} {verdict}: {about[0]}{more}")


def findings(summary: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Those that matter: what blocks, else what acted at all."""
    found = summary.get("said") or summary.get("findings", [])
    return [f for f in found if f["action"] == "block"] or list(found)


def text(summary: Summary | Mapping[str, Any]) -> str:
    """Plain text, for an exception and the text half of a mail."""
    if isinstance(summary, Summary):
        summary = {**summary.as_dict(), "said": said(summary)}
    lines = [subject(summary) + f" (exit code {summary['exit_code']})"]
    for f in findings(summary):
        lines += ["", _one_line(f"{f['rule']} {f['says']}")]
        lines += [f"  {name}: {_one_line(value)}" for name, value in _facts(f)]
    if summary.get("report"):
        lines += ["", f"report: {summary['report']}"]
    return "\n".join(lines)


def markdown(summary: Mapping[str, Any]) -> str:
    """For the page on which somebody approves."""
    lines = []
    for f in findings(summary):
        lines += [f"**{_quiet(f['rule'])}** {_quiet(f['says'])}", ""]
        lines += [f"- {name}: {_quiet(value)}" for name, value in _facts(f)] + [""]
    if summary.get("report"):
        report = summary["report"]
        lines += [f"[The report]({report}) shows rows." if _is_web(report) else f"Report: {_quiet(report)}", ""]
    lines.append("Approve when the data or its contract is corrected: the batch is judged again. No rule is overridden.")
    return "\n".join(lines)


def page(summary: Mapping[str, Any], log: str | None) -> str:
    """HTML for a mail."""
    parts = [f"<h2>{html.escape(subject(summary))}</h2>"]
    for f in findings(summary):
        parts.append(f"<p><b>{html.escape(f['rule'])}</b> {html.escape(f['says'])}</p><ul>")
        parts += [f"<li>{name}: {html.escape(value)}</li>" for name, value in _facts(f)]
        parts.append("</ul>")
    for name, url in (("report", summary.get("report")), ("log of the task", log)):
        if _is_web(url):
            parts.append(f'<p><a href="{html.escape(url, quote=True)}">{name}</a></p>')
        elif url:
            parts.append(f"<p>{name}: {html.escape(url)}</p>")
    return "".join(parts)


def blocks(summary: Mapping[str, Any], log: str | None) -> list[dict[str, Any]]:
    """Slack's Block Kit, within its limits."""
    made: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": _cut(subject(summary), 140)}},
    ]
    found, length = findings(summary), 0
    for f in found[:_MOST_BLOCKS]:
        lines = [f"*{_slack(f['rule'])}* {_slack(_cut(f['says'], 600))}"]
        lines += [f"*{name}:* {_slack(_cut(value, 600))}" for name, value in _facts(f)]
        said = _cut("\n".join(lines), _SECTION)
        if length + len(said) > _WHOLE:
            break
        length += len(said)
        made.append(_section(said))
    if len(found) > len(made) - 1:
        made.append(_section(f"and {len(found) - len(made) + 1} more"))
    links = [f"<{url}|{name}>" for name, url in (("report", summary.get("report")), ("log", log)) if _is_web(url)]
    if links:
        made.append({"type": "context", "elements": [{"type": "mrkdwn", "text": "  ".join(links)}]})
    return made


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _facts(f: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(name, f[key]) for name, key in _FACTS if f.get(key)]


def _one_line(value: str) -> str:
    return " ".join(value.split())


def _quiet(value: str) -> str:
    """Text that Markdown leaves alone."""
    return "".join("\\" + c if c in "\\`*_{}[]()#+!|<>~" else c for c in _one_line(value))


def _slack(value: str) -> str:
    return value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cut(value: str, most: int) -> str:
    return value if len(value) <= most else value[: most - 1] + "…"


def _is_web(url: str | None) -> bool:
    return bool(url) and url.startswith(("http://", "https://")) and not set("<>|() ") & set(url)
