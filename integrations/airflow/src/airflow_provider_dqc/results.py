"""Reads what dqc reports. Knows nothing of Airflow.

A report can hold rows: samples, and the author's words filled with the values of the first broken row. What goes into XCom
is kept, shown to everybody and sent on, so it holds none of them: `Summary.as_dict` has counts, names and words as written.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

#: A backfill can judge thousands of batches; XCom is no place for a list of them.
MOST_BATCHES = 50
MOST_FINDINGS = 20

_WORST_FIRST = {"block": 0, "quarantine": 1, "warn": 2}


@dataclass(frozen=True)
class Words:
    """What an author wrote about a rule, with its holes as they are: `{tailnum} is no tail number`."""

    because: str | None
    fix: str | None


@dataclass(frozen=True)
class Finding:
    """A rule that took effect on a batch."""

    promotion: str
    dataset: str
    batch: str
    rule: str
    #: `block`, `quarantine` or `warn`
    action: str
    checked: int
    violations: int
    #: `silver/orders.dq:33`
    place: str
    owner: str | None
    #: As written, of no row.
    because: str | None
    fix: str | None
    #: The same, filled for the first row: for people, not for XCom.
    said: Words

    def as_dict(self) -> dict[str, Any]:
        """Without a row's values."""
        return {key: value for key, value in asdict(self).items() if key != "said"}


@dataclass
class Summary:
    """What came of a run."""

    #: `passed`, `blocked`, `nothing_pending` or `failed`
    verdict: str
    exit_code: int
    batches: list[dict[str, Any]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    #: Where the HTML report is.
    report: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """For XCom: verdict, counts, addresses; never rows, and small however much was judged."""
        rows = {name: sum(b["rows"][name] for b in self.batches) for name in ("input", "accepted", "quarantined")}
        return {
            "verdict": self.verdict,
            "exit_code": self.exit_code,
            "rows": rows,
            "promoted": sum(b["promoted"] for b in self.batches),
            "blocked": sum(b["verdict"] == "blocked" for b in self.batches),
            "batches": self.batches[:MOST_BATCHES],
            "batches_left_out": max(0, len(self.batches) - MOST_BATCHES),
            "findings": [f.as_dict() for f in self.findings[:MOST_FINDINGS]],
            "findings_left_out": max(0, len(self.findings) - MOST_FINDINGS),
            "report": self.report,
        }


def reports(text: str) -> list[dict[str, Any]]:
    """The documents of `--format json`, one a line."""
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def words(project: Mapping[str, Any]) -> dict[tuple[str, str], Words]:
    """What `dqc datasets` says of rules, by dataset and rule."""
    found = {}
    owners = [(d["dataset"], d["rules"]) for d in project.get("datasets", [])]
    owners += [(p["to"], p["rules"]) for p in project.get("promotions", [])]
    for dataset, rules in owners:
        found.update({(dataset, r["rule"]): Words(r["because"], r["fix"]) for r in rules})
    return found


def summary(code: int, documents: Iterable[Mapping[str, Any]], project: Mapping[str, Any], idle: bool) -> Summary:
    """:param idle: nothing was pending."""
    written = words(project)
    batches, findings = [], []
    for report in documents:
        rules = report["rules"]
        acted = [rule for rule in rules if rule["action"] != "none"]
        batches.append(
            {
                "promotion": report["promotion"] or "",
                "dataset": report["contract"],
                "batch": report["batch"] or "",
                "verdict": report["verdict"],
                "promoted": report["promoted"],
                "rows": dict(report["rows"]),
                "rules": len(rules),
                **{action: sum(r["action"] == action for r in acted) for action in _WORST_FIRST},
            }
        )
        findings += [_finding(report, rule, written) for rule in acted]
    # What blocks is what a reader wants first, and what must not be cut off.
    findings.sort(key=lambda f: _WORST_FIRST.get(f.action, 3))
    batches.sort(key=lambda b: b["verdict"] != "blocked")
    verdict = "blocked" if code == 10 else "failed" if code else "nothing_pending" if idle else "passed"
    return Summary(verdict, code, batches, findings)


def _finding(report: Mapping[str, Any], rule: Mapping[str, Any], written: Mapping[tuple[str, str], Words]) -> Finding:
    place = rule["location"]
    own = written.get((report["contract"], rule["rule"]), Words(None, None))
    return Finding(
        promotion=report["promotion"] or "",
        dataset=report["contract"],
        batch=report["batch"] or "",
        rule=rule["rule"],
        action=rule["action"],
        checked=rule["checked"],
        violations=rule["violations"],
        place=f"{place['file']}:{place['line']}",
        owner=report.get("owner"),
        because=own.because,
        fix=own.fix,
        said=Words(rule["because"], rule["fix"]),
    )
