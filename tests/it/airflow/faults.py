"""Tasks that meet trouble, for tests/it/airflow.rs: storage that comes back, nothing to do, a secret, a task that hangs, a batch
that nobody wants; and a lake on S3."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pendulum
from airflow.sdk import DAG

from airflow_provider_dqc.approval import DqcApprovalOperator
from airflow_provider_dqc.notifier import DqcNotifier
from airflow_provider_dqc.operators import DqcRunOperator, DqcSlaOperator, DqcTestOperator
from airflow_provider_dqc.sensors import DqcBatchSensor

FOLDER = Path(os.environ["DQC_FAULTS"])
MONTH = "month={{ data_interval_start.strftime('%Y-%m') }}"
tell = DqcNotifier(slack_webhook_conn_id="dqc_slack")


def mend(context):
    """What lay in the table's place is gone at the second try."""
    (FOLDER / "flights/lake/silver/airlines").unlink()


with DAG(
    dag_id="faults",
    schedule=None,
    start_date=pendulum.datetime(2013, 1, 1),
    default_args={"retries": 2, "retry_delay": timedelta(seconds=1)},
) as faults:
    DqcRunOperator(
        task_id="storage",
        project=str(FOLDER / "flights"),
        promotions="silver.airlines",
        on_retry_callback=mend,
    )
    DqcRunOperator(task_id="nothing", project=os.environ["DQC_PROJECT"], promotions="silver.flights", batch="month=2013-01")
    DqcBatchSensor(task_id="published", project=os.environ["DQC_PROJECT"], promotions="silver.flights", batch="month=2013-01")
    DqcBatchSensor(
        task_id="never",
        project=os.environ["DQC_PROJECT"],
        promotions="silver.flights",
        batch="month=2099-01",
        mode="poke",
        poke_interval=0.1,
        timeout=1,
        soft_fail=True,
    )
    DqcRunOperator(
        task_id="secret",
        project=os.environ["DQC_PROJECT"],
        dqc=str(FOLDER / "tells"),
        secrets={"TOKEN": "conn:dqc_secret", "FROM_VARIABLE": "var:dqc_token"},
        aws_conn_id="dqc_aws",
    )
    DqcRunOperator(
        task_id="hangs",
        project=os.environ["DQC_PROJECT"],
        dqc=str(FOLDER / "hangs"),
        retries=0,
        execution_timeout=timedelta(seconds=1),
    )
    DqcRunOperator(task_id="stopped", project=os.environ["DQC_PROJECT"], dqc=str(FOLDER / "stopped"), retries=0)
    broken = {"project": str(FOLDER / "broken"), "on_failure_callback": tell}
    DqcTestOperator(task_id="test_rules", **broken) >> DqcRunOperator(task_id="after_tests", **broken)
    DqcSlaOperator(task_id="sla", project=str(FOLDER / "flights"), on_failure_callback=tell)
    DqcRunOperator(
        task_id="missing",
        project="/nowhere",
        on_failure_callback=tell,
    )
    small = {"project": str(FOLDER / "small"), "promotions": "silver.orders"}
    blocked = DqcRunOperator(task_id="blocked", **small)
    ask = DqcApprovalOperator(task_id="ask", blocked="blocked")
    blocked >> ask >> DqcRunOperator(task_id="after_rejection", **small)
    if "DQC_S3" in os.environ:
        # Credentials and address come from the connection alone.
        DqcRunOperator(task_id="s3", **small, environment="far", aws_conn_id="dqc_s3")
