"""Approves as a person does, through Airflow's own API: `approve.py DAG TASK`. Prints what the person was shown."""

import json
import sys

from airflow.api_fastapi.app import create_app
from fastapi.testclient import TestClient

dag, task = sys.argv[1:]
with TestClient(create_app()) as client:
    token = client.get("/auth/token").json()["access_token"]
    client.headers["Authorization"] = f"Bearer {token}"
    base = f"/api/v2/dags/{dag}/dagRuns/~"
    found = client.get(f"{base}/hitlDetails", params={"task_id": task, "response_received": False})
    found.raise_for_status()
    [asked] = found.json()["hitl_details"]
    ti = asked["task_instance"]
    address = f"/api/v2/dags/{dag}/dagRuns/{ti['dag_run_id']}/taskInstances/{task}/{ti['map_index']}/hitlDetails"
    client.patch(address, json={"chosen_options": ["Approve"], "params_input": {}}).raise_for_status()
    print(json.dumps([asked["subject"], asked["body"]]))
