"""What Airflow asks a provider about itself."""

from __future__ import annotations

from typing import Any

from airflow_provider_dqc import __version__


def get_provider_info() -> dict[str, Any]:
    name = "dqc"
    return {
        "package-name": "airflow-provider-dqc",
        "name": name,
        "description": "Data contracts: judges batches with dqc and promotes those that pass.",
        "versions": [__version__],
        "integrations": [{"integration-name": name, "tags": ["software"]}],
        "operators": [
            {
                "integration-name": name,
                "python-modules": ["airflow_provider_dqc.operators", "airflow_provider_dqc.approval"],
            }
        ],
        "sensors": [{"integration-name": name, "python-modules": ["airflow_provider_dqc.sensors"]}],
        "extra-links": ["airflow_provider_dqc.links.DqcReportLink"],
        "notifications": ["airflow_provider_dqc.notifier.DqcNotifier"],
    }
