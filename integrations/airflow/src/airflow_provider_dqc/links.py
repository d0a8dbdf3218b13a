"""The button on a task's page."""

from __future__ import annotations

from airflow.sdk import BaseOperator, BaseOperatorLink
from airflow.sdk.types import TaskInstanceKey


class DqcReportLink(BaseOperatorLink):
    """Opens the HTML report of the run."""

    name = "dqc report"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        # Airflow asks in the task's own process, after it ran, and keeps the answer.
        return getattr(operator, "report_address", None) or ""
