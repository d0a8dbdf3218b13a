"""A person decides about a blocked batch. Needs `apache-airflow-providers-standard`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import TriggerRule
from airflow.sdk.exceptions import AirflowSkipException

from airflow_provider_dqc import message
from airflow_provider_dqc.operators import XCOM_KEY

if TYPE_CHECKING:
    from airflow.sdk import Context


class DqcApprovalOperator(ApprovalOperator):
    """Asks, after a `DqcRunOperator` blocked a batch, whether it shall be judged again.

    Approval overrides no rule: it says that the data, or the contract, was corrected, and lets the tasks below go on, of which
    the first judges the batch again. Rejection skips them. Skips itself when nothing is blocked.

    :param blocked: the task that may have blocked a batch.
    """

    template_fields: Sequence[str] = (*ApprovalOperator.template_fields, "blocked")

    def __init__(self, *, blocked: str, **kwargs: Any):
        defaults = {"subject": "A batch is blocked", "trigger_rule": TriggerRule.ALL_DONE}
        super().__init__(**{**defaults, **kwargs})
        self.blocked = blocked

    def execute(self, context: Context) -> Any:
        summary = context["ti"].xcom_pull(task_ids=self.blocked, key=XCOM_KEY) or {}
        if summary.get("verdict") != "blocked":
            raise AirflowSkipException(f"{self.blocked} blocked nothing")
        self.subject = message.subject(summary)
        self.body = message.markdown(summary)
        return super().execute(context)
