"""The flights project by Airflow: the rules' tests first, then bronze to silver, the team's own work, and on to gold.

`DQC_PROJECT` says where the project lies on the workers, `DQC_ENV` which of its environments is meant.
"""

from __future__ import annotations

import os
from datetime import timedelta

import pendulum
from airflow.sdk import DAG, CronDataIntervalTimetable, TriggerRule, task

from airflow_provider_dqc.approval import DqcApprovalOperator
from airflow_provider_dqc.notifier import DqcNotifier
from airflow_provider_dqc.operators import DqcCheckOperator, DqcRunOperator, DqcSlaOperator, DqcTestOperator
from airflow_provider_dqc.sensors import DqcBatchSensor

# The month that has ended when the run starts. Named by the data interval, so that a retry, a clear or a backfill
# judges the batch that its run stands for, whenever it happens.
MONTH = "month={{ data_interval_start.strftime('%Y-%m') }}"
REPORTS = os.environ.get("DQC_REPORTS", "/var/lib/dqc/reports")

tell_owners = DqcNotifier(slack_webhook_conn_id="dqc_slack", smtp_conn_id="dqc_mail", from_email="dqc@acme.example")

common = {
    "project": os.environ.get("DQC_PROJECT", "/opt/dqc/flights"),
    "environment": os.environ.get("DQC_ENV"),
    # Only what may heal is retried; a blocked batch fails at once.
    "retries": 3,
    "retry_delay": timedelta(minutes=5),
    "retry_exponential_backoff": True,
    "on_failure_callback": tell_owners,
}
report = REPORTS + "/{{ dag.dag_id }}/{{ ts_nodash }}/{{ task.task_id }}.html"

with DAG(
    dag_id="flights",
    schedule=CronDataIntervalTimetable("0 6 1 * *", timezone="America/New_York"),
    start_date=pendulum.datetime(2013, 1, 1, tz="America/New_York"),
    catchup=False,
    max_active_runs=1,
    default_args=common,
    tags=["dqc"],
    doc_md=__doc__,
) as flights:
    # A rule that is wrong stops everything here, before any data is read.
    check_contracts = DqcCheckOperator(task_id="check_contracts")
    test_rules = DqcTestOperator(task_id="test_rules")

    # Airlines, airports, aircraft and weather, which the rules about flights refer to.
    promote_reference = DqcRunOperator(
        task_id="promote_reference",
        promotions=["silver.airlines", "silver.airports", "silver.planes", "silver.weather"],
        report=report,
    )
    wait_for_month = DqcBatchSensor(
        task_id="wait_for_month",
        promotions="silver.flights",
        batch=MONTH,
        poke_interval=300,
        timeout=timedelta(days=2),
    )
    promote_silver = DqcRunOperator(
        task_id="promote_silver",
        promotions="silver.flights",
        batch=MONTH,
        report=report,
        # A month that is published already is no reason to leave out what comes after: the task may have been cleared.
        skip_when_nothing_pending=False,
        # Nothing new among the airlines is no reason to leave out the flights.
        trigger_rule=TriggerRule.NONE_FAILED,
    )

    # A blocked month waits for a person. Approved, when its data or its contract is corrected, it is judged again.
    ask_owner = DqcApprovalOperator(task_id="ask_owner", blocked="promote_silver", on_failure_callback=None)
    promote_silver_again = DqcRunOperator(
        task_id="promote_silver_again",
        promotions="silver.flights",
        batch=MONTH,
        report=report,
        skip_when_nothing_pending=False,
    )

    @task(trigger_rule=TriggerRule.ONE_SUCCESS)
    def transform() -> None:
        """Here the team's own work on silver stands: a notebook, a dbt run, a Spark job."""

    promote_gold = DqcRunOperator(
        task_id="promote_gold", promotions="gold.departures", batch=MONTH, report=report
    )

    check_contracts >> test_rules >> [promote_reference, wait_for_month] >> promote_silver
    promote_silver >> ask_owner >> promote_silver_again
    [promote_silver, promote_silver_again] >> transform() >> promote_gold

# On its own schedule: it also finds the batch that never came, for which no task above would ever run.
with DAG(
    dag_id="flights_sla",
    schedule="0 * * * *",
    start_date=pendulum.datetime(2013, 1, 1, tz="America/New_York"),
    catchup=False,
    max_active_runs=1,
    default_args=common,
    tags=["dqc"],
) as flights_sla:
    DqcSlaOperator(task_id="sla")
