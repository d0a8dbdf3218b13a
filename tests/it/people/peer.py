"""Real peers for what dqc tells: an SMTP server (aiosmtpd), and an HTTP server that checks what it gets with the peers'
own classes: Slack's models, OpenLineage's, OTLP's protobuf.

    peer.py serve FOLDER [CERTIFICATES]

prints the ports of both, and with CERTIFICATES (of `authority.py`) that of an SMTP server which wants TLS and a password; every
mail and request goes to a file in FOLDER, faults to FOLDER/faults.
"""

import json
import socket
import ssl
import sys
import threading
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

FOLDER = Path(sys.argv[2])
LOCK = threading.Lock()
COUNT = [0]


def keep(kind, data):
    with LOCK:
        COUNT[0] += 1
        path = FOLDER / f"{COUNT[0]:03}.{kind}"
        part = FOLDER / f".{path.name}"
        part.write_bytes(data)
        part.rename(path)


def fault(text):
    with LOCK, (FOLDER / "faults").open("a") as out:
        out.write(text + "\n")


class Mail:
    async def handle_DATA(self, server, session, envelope):
        keep("mail", envelope.content)
        return "250 kept"


def slack(body):
    from slack_sdk.models.blocks import Block

    blocks = Block.parse_all(body["blocks"])
    assert len(blocks) == len(body["blocks"]) <= 50 and all(b is not None for b in blocks), "a block is not known"
    for block in blocks:
        block.validate_json()
    texts = []

    def walk(value):
        if isinstance(value, dict):
            texts.extend(v for k, v in value.items() if k == "text" and isinstance(v, str))
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    walk(body)
    assert sum(map(len, texts)) <= 10_000, "too long for Slack"
    assert all(len(t) <= 3000 for t in texts)
    assert not any("<!" in t or "<@" in t for t in texts), "a mention"


def otlp(body):
    from google.protobuf.json_format import ParseDict
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

    request = ParseDict(body, ExportMetricsServiceRequest())
    metrics = [m for r in request.resource_metrics for s in r.scope_metrics for m in s.metrics]
    assert metrics, "no metric"
    for metric in metrics:
        points = metric.sum.data_points if metric.HasField("sum") else metric.gauge.data_points
        assert points and all(p.time_unix_nano > 0 for p in points), metric.name


def lineage(body):
    from openlineage.client import event_v2
    from openlineage.client.generated import (
        data_quality_assertions_dataset,
        data_quality_metrics_input_dataset,
        error_message_run,
        job_type_job,
        output_statistics_output_dataset,
        parent_run,
        processing_engine_run,
        schema_dataset,
    )

    known = {
        "schema": schema_dataset.SchemaDatasetFacet,
        "dataQualityAssertions": data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet,
        "dataQualityMetrics": data_quality_metrics_input_dataset.DataQualityMetricsInputDatasetFacet,
        "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet,
        "errorMessage": error_message_run.ErrorMessageRunFacet,
        "jobType": job_type_job.JobTypeJobFacet,
        "parent": parent_run.ParentRunFacet,
        "processing_engine": processing_engine_run.ProcessingEngineRunFacet,
    }

    def facets(found):
        out = {}
        for name, facet in (found or {}).items():
            fields = dict(facet)
            assert fields.pop("_producer") and fields.pop("_schemaURL").startswith("https://openlineage.io/spec/facets/")
            if name == "schema":
                fields["fields"] = [schema_dataset.SchemaDatasetFacetFields(**f) for f in fields["fields"]]
            if name == "dataQualityAssertions":
                fields["assertions"] = [data_quality_assertions_dataset.Assertion(**a) for a in fields["assertions"]]
            if name == "parent":
                fields = {"run": parent_run.Run(**fields["run"]), "job": parent_run.Job(**fields["job"])}
            out[name] = known[name](**fields)
        return out

    def datasets(found, made, extra):
        return [
            made(d["namespace"], d["name"], facets=facets(d.get("facets")), **{extra: facets(d.get(extra))}) for d in found
        ]

    event_v2.RunEvent(
        eventType=event_v2.RunState(body["eventType"]),
        eventTime=body["eventTime"],
        run=event_v2.Run(body["run"]["runId"], facets=facets(body["run"]["facets"])),
        job=event_v2.Job(body["job"]["namespace"], body["job"]["name"], facets=facets(body["job"]["facets"])),
        inputs=datasets(body["inputs"], event_v2.InputDataset, "inputFacets"),
        outputs=datasets(body["outputs"], event_v2.OutputDataset, "outputFacets"),
        producer=body["producer"],
    )
    assert set(body) == {"eventType", "eventTime", "run", "job", "inputs", "outputs", "producer", "schemaURL"}
    datetime.fromisoformat(body["eventTime"])


KINDS = {"/slack": ("slack", slack), "/v1/metrics": ("otlp", otlp), "/api/v1/lineage": ("lineage", lineage), "/hook": ("hook", None)}


class Http(BaseHTTPRequestHandler):
    def do_POST(self):
        data = self.rfile.read(int(self.headers["content-length"]))
        kind, check = KINDS[self.path]
        keep(kind, data)
        try:
            if check:
                check(json.loads(data))
        except Exception as error:
            fault(f"{kind}: {type(error).__name__}: {error}")
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


def smtp(**options):
    # Port 0 is not for aiosmtpd to choose: it asks itself at the port that it was told.
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    Controller(Mail(), hostname="127.0.0.1", port=port, **options).start()
    return port


def guarded(folder):
    """An SMTP server that takes mail by STARTTLS alone, from `desk` with its password."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / "own.pem", folder / "own.key")

    def knows(server, session, envelope, mechanism, data):
        return AuthResult(success=(data.login, data.password) == (b"desk", b"a-password"), handled=False)

    return smtp(tls_context=tls, require_starttls=True, auth_required=True, authenticator=knows)


def main():
    http = ThreadingHTTPServer(("127.0.0.1", 0), Http)
    print(smtp(), http.server_address[1], *[guarded(Path(folder)) for folder in sys.argv[3:]], flush=True)
    http.serve_forever()


main()
