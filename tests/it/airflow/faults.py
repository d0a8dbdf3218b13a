"""Tasks that meet trouble, for tests/it/airflow.rs: storage that comes back, nothing to do, a secret, a task that hangs, a batch
that nobody wants; and a lake on S3."""

from __future__ import annotations

import os
import threading
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


def deliver(context):
    """The batch that is waited for comes a second later."""
    day = FOLDER / "late/lake/bronze/orders/day=2013-02-05"
    threading.Timer(1, lambda: day.mkdir(parents=True) or (day / "a.csv").write_text("id,amount\n1,5\n")).start()


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
        task_id="late",
        project=str(FOLDER / "late"),
        promotions="silver.orders",
        batch="day=2013-02-05",
        mode="poke",
        poke_interval=0.3,
        timeout=60,
        on_execute_callback=deliver,
    )
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
