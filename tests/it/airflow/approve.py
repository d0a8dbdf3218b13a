"""Approves or rejects as a person does, through Airflow's own API."""

from __future__ import annotations


def answer(dag: str, task: str, option: str) -> tuple[str, str]:
    """Chooses an option; gives what the person was shown: subject and body."""
    from airflow.api_fastapi.app import create_app
    from fastapi.testclient import TestClient

    with TestClient(create_app()) as client:
        token = client.get("/auth/token").json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        base = f"/api/v2/dags/{dag}/dagRuns/~"
        found = client.get(f"{base}/hitlDetails", params={"task_id": task, "response_received": False})
        found.raise_for_status()
        [asked] = found.json()["hitl_details"]
        ti = asked["task_instance"]
        address = f"/api/v2/dags/{dag}/dagRuns/{ti['dag_run_id']}/taskInstances/{task}/{ti['map_index']}/hitlDetails"
        client.patch(address, json={"chosen_options": [option], "params_input": {}}).raise_for_status()
        return asked["subject"], asked["body"]
