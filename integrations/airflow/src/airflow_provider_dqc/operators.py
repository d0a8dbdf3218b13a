"""Tasks that run dqc."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import ObjectStoragePath
from airflow.sdk.exceptions import AirflowSkipException

from airflow_provider_dqc import exit_codes, message, results
from airflow_provider_dqc.base import DqcOperator, failure
from airflow_provider_dqc.exceptions import DqcBlocked, DqcFailed, DqcSlaMissed
from airflow_provider_dqc.links import DqcReportLink

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage
    from airflow.sdk import Context

#: What a failed task leaves for others: `results.Summary.as_dict`. A task that succeeds returns the same.
XCOM_KEY = "dqc"


class DqcRunOperator(DqcOperator):
    """Judges the pending batches and promotes those that pass: `dqc run`.

    Returns verdict, counts and the report's address, never rows. A blocked batch, a contract that does not compile, a
    missing right fail at once; storage that does not answer, a lost race, an unknown commit are retried. A batch is
    published once, so that retries, clears and backfills are safe.

    :param promotions: datasets to promote into, as `silver.orders`; none named: all, upstream first.
    :param batch: only the batch of this name, as `day={{ data_interval_start | ds }}`. Derived from the data interval, a
        clear or a backfill judges the batch that the run stands for.
    :param dry_run: judge, and move nothing.
    :param samples: how many rows a report shows for each broken rule.
    :param skip_when_nothing_pending: mark the task as skipped when there was nothing to do.
    :param report: where the HTML report is put: a path, or what `ObjectStoragePath` takes (`s3://conn@bucket/…`).
    :param report_url: the address under which people open it; else where it is put.
    """

    template_fields: Sequence[str] = (*DqcOperator.template_fields, "promotions", "batch", "report", "report_url")
    operator_extra_links = (DqcReportLink(),)
    ui_color = "#e3f0e4"

    def __init__(
        self,
        *,
        promotions: str | Sequence[str] = (),
        batch: str | None = None,
        dry_run: bool = False,
        samples: int | None = None,
        skip_when_nothing_pending: bool = True,
        report: str | None = None,
        report_url: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.promotions = [promotions] if isinstance(promotions, str) else list(promotions)
        self.batch = batch
        self.dry_run = dry_run
        self.samples = samples
        self.skip_when_nothing_pending = skip_when_nothing_pending
        self.report = report
        self.report_url = report_url
        self.report_address: str | None = None
        self._reports: list[dict[str, Any]] = []

    def execute(self, context: Context) -> dict[str, Any]:
        with tempfile.TemporaryDirectory(prefix="dqc-") as folder:
            lines, page = Path(folder, "report.jsonl"), Path(folder, "report.html")
            arguments = [*self._arguments(lines), *(["--report", str(page)] if self.report else [])]
            ended = self._dqc(*arguments, more=_parent(context["ti"]))
            self._reports = results.reports(lines.read_text("utf-8")) if lines.is_file() else []
            idle = ended.code == exit_codes.NOTHING_PENDING
            if page.is_file() and not idle:
                self._keep(page.read_text("utf-8"))
        code = 0 if idle else ended.code
        # Only what failed needs the authors' words.
        project = self._datasets() if any(r["action"] != "none" for d in self._reports for r in d["rules"]) else {}
        summary = results.summary(code, self._reports, project, idle)
        summary.report = self.report_address
        if idle and self.skip_when_nothing_pending:
            raise AirflowSkipException("nothing is pending")
        if code == 0:
            return summary.as_dict()
        context["ti"].xcom_push(XCOM_KEY, summary.as_dict())
        if summary.verdict == "blocked":
            raise DqcBlocked(message.text(summary), code, {**summary.as_dict(), "said": message.said(summary)})
        raise failure("dqc run", ended, summary.as_dict())

    def _arguments(self, lines: Path) -> list[str]:
        arguments = ["run", *self.promotions, "--nothing-pending-exit", str(exit_codes.NOTHING_PENDING)]
        arguments += ["--json", str(lines)]
        arguments += ["--batch", self.batch] if self.batch else []
        arguments += ["--dry-run"] if self.dry_run else []
        arguments += ["--samples", str(self.samples)] if self.samples is not None else []
        return arguments

    def _keep(self, page: str) -> None:
        """Puts the report where people find it. A report that cannot be put there changes no verdict."""
        try:
            if "://" in self.report:
                ObjectStoragePath(self.report).write_text(page, encoding="utf-8")
            else:
                Path(self.report).parent.mkdir(parents=True, exist_ok=True)
                Path(self.report).write_text(page, encoding="utf-8")
        except Exception:
            self.log.exception("the report could not be put to %s", self.report)
            return
        own = self.report if "://" in self.report else Path(self.report).absolute().as_uri()
        self.report_address = self.report_url or own

    def get_openlineage_facets_on_start(self) -> OperatorLineage:
        from airflow_provider_dqc import lineage

        return lineage.operator(self._datasets(), self.promotions, [])

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage:
        from airflow_provider_dqc import lineage

        return lineage.operator(self._datasets(), self.promotions, self._reports)

    def get_openlineage_facets_on_failure(self, task_instance: Any) -> OperatorLineage:
        return self.get_openlineage_facets_on_complete(task_instance)


class DqcCheckOperator(DqcOperator):
    """Finds what is wrong with the contracts without touching data: `dqc check`. Returns counts and the first findings.

    :param strict: let warnings fail the task too.
    """

    ui_color = "#e8e4f0"
    command = "check"

    def __init__(self, *, strict: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        self.strict = strict

    def execute(self, context: Context) -> dict[str, Any]:
        arguments = [self.command, *(["--strict"] if self.strict else [])]
        ended = self._dqc(*arguments)
        if ended.code not in (0, 1):
            raise failure(f"dqc {self.command}", ended)
        # Both look at text alone and take milliseconds; the first answer was for people.
        found = json.loads(self._dqc(*arguments, "--format", "json", quiet=True).stdout)
        summary = results.texts(f"dqc {self.command}", ended.code, found)
        if ended.code:
            context["ti"].xcom_push(XCOM_KEY, summary)
            raise DqcFailed(message.text(summary), ended.code, summary)
        return summary


class DqcTestOperator(DqcCheckOperator):
    """Runs the tests beside the rules: `dqc test`. Before a run, a broken rule stops the pipeline and no data is touched."""

    command = "test"

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        if self.strict:
            raise ValueError("a test passes or fails: `strict` is for DqcCheckOperator")


class DqcSlaOperator(DqcOperator):
    """Says which service levels are met, pending or missed: `dqc sla`. A missed one fails the task at once.

    :param contracts: only the service levels of these datasets; none named: all.
    """

    template_fields: Sequence[str] = (*DqcOperator.template_fields, "contracts")
    ui_color = "#f0ebe0"

    def __init__(self, *, contracts: str | Sequence[str] = (), **kwargs: Any):
        super().__init__(**kwargs)
        self.contracts = [contracts] if isinstance(contracts, str) else list(contracts)

    def execute(self, context: Context) -> dict[str, Any]:
        with tempfile.TemporaryDirectory(prefix="dqc-") as folder:
            file = Path(folder, "levels.json")
            ended = self._dqc("sla", *self.contracts, "--json", str(file))
            summary = results.service_levels(ended.code, _document(file))
        if not ended.code:
            return summary
        context["ti"].xcom_push(XCOM_KEY, summary)
        if ended.code == 12:
            raise DqcSlaMissed(message.text(summary), ended.code, summary)
        raise failure("dqc sla", ended, summary)


def _parent(task_instance: Any) -> dict[str, str]:
    """For dqc's own lineage events; nothing where Airflow sends none."""
    try:
        from airflow_provider_dqc import lineage
    except ImportError:
        return {}
    return lineage.parent(task_instance)


def _document(file: Path) -> dict[str, Any]:
    """Empty where the command came to an end before it wrote one."""
    text = file.read_text("utf-8") if file.is_file() else ""
    return json.loads(text) if text else {}
