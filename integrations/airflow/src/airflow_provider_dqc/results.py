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
_DOES = {"block": "blocks the batch", "quarantine": "holds rows back", "warn": "warns"}


@dataclass(frozen=True)
class Words:
    """What an author wrote about a rule, with its holes as they are: `{tailnum} is no tail number`."""

    because: str | None
    fix: str | None


@dataclass(frozen=True)
class Finding:
    """A rule that took effect on a batch, a service level that is missed, or what is wrong with the contracts' text."""

    #: Of a contract's text: the code.
    rule: str
    #: `block`, `quarantine` or `warn`; of a service level `miss`; of a text `error` or `warning`
    action: str
    #: What happened, as the sentence's second half: `blocks the batch: 3 of 9 in day=1 of silver.orders`.
    says: str
    #: `silver/orders.dq:33`
    place: str
    owner: str | None
    #: As written, of no row.
    because: str | None
    fix: str | None
    dataset: str | None = None
    promotion: str | None = None
    batch: str | None = None
    checked: int | None = None
    violations: int | None = None
    #: Reason and fix filled for the first row: for people, not for XCom.
    said: Words | None = None

    def as_dict(self) -> dict[str, Any]:
        """Without a row's values."""
        return {key: value for key, value in asdict(self).items() if key != "said" and value is not None}

    def for_people(self) -> dict[str, Any]:
        """With the author's words filled: for a message, never for XCom."""
        said = self.said or Words(None, None)
        return {**self.as_dict(), "because": said.because or self.because, "fix": said.fix or self.fix}


@dataclass
class Summary:
    """What came of a run."""

    #: `passed`, `blocked`, `late` (published, and a service level is missed), `nothing_pending` or `failed`
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
    verdicts = {0: "nothing_pending" if idle else "passed", 10: "blocked", 12: "late"}
    return Summary(verdicts.get(code, "failed"), code, batches, findings)


def _finding(report: Mapping[str, Any], rule: Mapping[str, Any], written: Mapping[tuple[str, str], Words]) -> Finding:
    own = written.get((report["contract"], rule["rule"]), Words(None, None))
    batch = report["batch"] or ""
    # What was not evaluated says why; what looks at the batch as a whole has nothing to count.
    counts = f"{rule['violations']:,} of {rule['checked']:,} in " if rule["checked"] > 1 else ""
    what = rule["reason"] or f"{counts}{batch} of {report['contract']}"
    return Finding(
        promotion=report["promotion"] or "",
        dataset=report["contract"],
        batch=batch,
        rule=rule["rule"],
        action=rule["action"],
        says=f"{_DOES.get(rule['action'], rule['action'])}: {what}",
        checked=rule["checked"],
        violations=rule["violations"],
        place=_place(rule["location"]),
        owner=report.get("owner"),
        because=own.because,
        fix=own.fix,
        said=Words(rule["because"], rule["fix"]),
    )


def service_levels(code: int, document: Mapping[str, Any]) -> dict[str, Any]:
    """What `dqc sla --json` says, for XCom and for people."""
    levels = document.get("service_levels", [])
    count = {status: sum(level["status"] == status for level in levels) for status in ("met", "pending", "missed")}
    missed = [level for level in levels if level["status"] == "missed"]
    # Those that end the command with 12 first.
    missed.sort(key=lambda level: level["severity"] != "block")
    findings = [
        Finding(
            rule=f"{level['contract']}.{level['name']}",
            action="miss",
            says=f"is missed: {level['reason']}" if level["reason"] else "is missed",
            place=_place(level["location"]),
            owner=level["owner"],
            because=level["because"],
            fix=level["fix"],
            dataset=level["contract"],
        )
        for level in missed
    ]
    verdict = "missed" if code == 12 else "failed" if code else "passed"
    return {"verdict": verdict, "exit_code": code, **count, **_first(findings)}


def texts(command: str, code: int, document: Mapping[str, Any]) -> dict[str, Any]:
    """What `dqc check` and `dqc test` find, as JSON, for XCom and for people."""
    found = [f for f in document["findings"] if f["severity"] != "note"]
    found.sort(key=lambda f: f["severity"] != "error")
    findings = [
        Finding(
            rule=f["code"],
            action=f["severity"],
            says=f["message"],
            place=f"{f['file']}:{f['line']}",
            owner=None,
            because=f["label"] or None,
            fix=f["help"] or None,
        )
        for f in found
    ]
    counts = {"errors": document["errors"], "warnings": document["warnings"]}
    verdict = "failed" if code else "passed"
    return {"verdict": verdict, "exit_code": code, "command": command, **counts, **_first(findings)}


def _first(findings: list[Finding]) -> dict[str, Any]:
    return {
        "findings": [f.as_dict() for f in findings[:MOST_FINDINGS]],
        "findings_left_out": max(0, len(findings) - MOST_FINDINGS),
    }


def _place(location: Mapping[str, Any]) -> str:
    return f"{location['file']}:{location['line']}"
