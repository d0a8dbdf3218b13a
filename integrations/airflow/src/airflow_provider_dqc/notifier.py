"""Tells people, by Slack and mail, through Airflow's own connections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseNotifier

from airflow_provider_dqc import message
from airflow_provider_dqc.operators import XCOM_KEY

if TYPE_CHECKING:
    from airflow.sdk import Context


class DqcNotifier(BaseNotifier):
    """For `on_failure_callback`: which rule, why, what to do, whose it is; with the report and the log of the task.

    One channel that does not answer keeps no other from being told; the callback fails afterwards.

    :param slack_webhook_conn_id: needs `apache-airflow-providers-slack`.
    :param smtp_conn_id: needs `apache-airflow-providers-smtp`.
    :param to: who gets the mail; else the owners of the contracts that blocked something.
    :param from_email: else that of the connection.
    """

    template_fields: Sequence[str] = ("to", "from_email")

    def __init__(
        self,
        *,
        slack_webhook_conn_id: str | None = None,
        smtp_conn_id: str | None = None,
        to: str | Sequence[str] | None = None,
        from_email: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.slack_webhook_conn_id = slack_webhook_conn_id
        self.smtp_conn_id = smtp_conn_id
        self.to = to
        self.from_email = from_email

    def notify(self, context: Context) -> None:
        ti, error = context["ti"], context.get("exception")
        # The exception knows more than XCom may; where the task died without one, XCom is what is left.
        summary = getattr(error, "summary", None) or ti.xcom_pull(task_ids=ti.task_id, key=XCOM_KEY) or {}
        if not summary.get("findings"):
            text = f"{ti.dag_id}.{ti.task_id} failed: {error}"
            summary = {"verdict": f"{ti.dag_id}.{ti.task_id} failed", "exit_code": "unknown", **summary}
        else:
            text = message.text(summary)
        log = getattr(ti, "log_url", None)
        failed = []
        for send in (self._slack, self._mail):
            try:
                send(summary, text, log)
            except Exception as fault:
                self.log.exception("%s was not told", send.__name__.strip("_"))
                failed.append(fault)
        if failed:
            raise failed[0]

    def _slack(self, summary: dict[str, Any], text: str, log: str | None) -> None:
        if not self.slack_webhook_conn_id:
            return
        from airflow.providers.slack.hooks.slack_webhook import SlackWebhookHook

        blocks = message.blocks(summary, log)
        if not summary.get("findings"):
            blocks.insert(1, {"type": "section", "text": {"type": "plain_text", "text": text[:2900]}})
        SlackWebhookHook(slack_webhook_conn_id=self.slack_webhook_conn_id).send(text=text[:3000], blocks=blocks)

    def _mail(self, summary: dict[str, Any], text: str, log: str | None) -> None:
        if not self.smtp_conn_id:
            return
        from html import escape

        from airflow.providers.smtp.hooks.smtp import SmtpHook

        owners = {f["owner"] for f in message.findings(summary) if "@" in (f.get("owner") or "")}
        to = self.to or sorted(owners)
        if not to:
            self.log.warning("nobody is named who could be mailed: give `to`, or write `owner` in the contract")
            return
        body = message.page(summary, log)
        if not summary.get("findings"):
            body += f"<pre>{escape(text)}</pre>"
        with SmtpHook(smtp_conn_id=self.smtp_conn_id) as hook:
            hook.send_email_smtp(
                to=to,
                subject=message.subject(summary),
                html_content=body,
                from_email=self.from_email,
                custom_headers={"Auto-Submitted": "auto-generated"},
            )
