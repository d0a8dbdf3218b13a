"""A table as another reader of Delta sees it: `reader.py TABLE [STORAGE OPTIONS AS JSON]` prints its ids, versions and log entries."""

import json
import os
import sys

from deltalake import DeltaTable

table = DeltaTable(sys.argv[1], storage_options=json.loads(sys.argv[2]) if len(sys.argv) > 2 else None)
rows = table.to_pyarrow_table()
history = table.history()
print(
    json.dumps(
        {
            "amounts": sorted(rows.column("amount").to_pylist()),
            "version": table.version(),
            "versions": sorted(entry["version"] for entry in history),
            "batches": sorted(entry["dqc_batch"] for entry in history if "dqc_report" in entry),
        }
    )
)
# The library's threads are not waited for: under load their end can abort the interpreter's.
sys.stdout.flush()
os._exit(0)
