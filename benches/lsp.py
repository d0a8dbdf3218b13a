"""From key stroke to findings: PROGRAM [STROKES]. A project of 200 files is made, one of them 2,000 lines long; a client over stdin
and stdout types into it, one key at a time, and waits for the findings of each. Prints milliseconds."""

import json
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

FILES, LINES = 200, 2000


def contract(name, rules):
    rules = "\n".join(f"        rule_{i}: amount + {i} > {i} - 5 and status <> \"state{i}\" when amount < {1000 + i}" for i in range(rules))
    return (
        f"/// Orders of {name}.\ncontract silver.{name} @ 1.0.0 {{\n    nulls pass\n    columns {{\n        id:     bigint key\n"
        f"        amount: int\n        status: string\n    }}\n    rules {{\n{rules}\n    }}\n}}\n\n"
    )


class Client:
    def __init__(self, program, folder):
        self.process = subprocess.Popen([program, "lsp"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.ids = 0

    def send(self, **message):
        data = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(data) + data)
        self.process.stdin.flush()

    def read(self):
        length = 0
        while (line := self.process.stdout.readline().strip()):
            length = int(line.split(b":")[1])
        return json.loads(self.process.stdout.read(length))

    def request(self, method, params):
        self.ids += 1
        self.send(id=self.ids, method=method, params=params)
        while True:
            message = self.read()
            if message.get("id") == self.ids and "method" not in message:
                return message.get("result")

    def findings(self, uri, version):
        while True:
            message = self.read()
            if message.get("method") == "textDocument/publishDiagnostics":
                if message["params"]["uri"] == uri and message["params"].get("version") == version:
                    return message["params"]["diagnostics"]


def project(root):
    """Writes the project below a folder; gives the path and the text of the long file."""
    root.joinpath("dqc.toml").write_text('[project]\nname = "bench"\nlanguage = 1\n\n[layers]\nsilver = "lake/silver"\n')
    for i in range(FILES - 1):
        root.joinpath(f"f{i}.dq").write_text("".join(contract(f"t{i}_{j}", 12) for j in range(2)))
    text = ""
    while text.count("\n") < LINES - 30:
        text += contract(f"big{text.count(chr(10))}", 15)
    text += "\n" * (LINES - text.count("\n"))
    path = root / "big.dq"
    path.write_text(text)
    return path, text


def main():
    program, strokes = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder).resolve()
        path, text = project(root)
        client = Client(program, folder)
        client.request("initialize", {"processId": None, "rootUri": root.as_uri(), "capabilities": {}})
        client.send(method="initialized", params={})
        uri, version = path.as_uri(), 1
        client.send(method="textDocument/didOpen", params={"textDocument": {"uri": uri, "languageId": "dq", "version": 1, "text": text}})
        client.findings(uri, version)
        chance, times, typed = random.Random(7), [], " and amount <> 17"
        lines = text.split("\n")
        rules = [i for i, line in enumerate(lines) if "rule_" in line]
        while len(times) < strokes:
            line = chance.choice(rules)
            column = lines[line].index(" when")
            # Typed key by key, through every broken state, then deleted again.
            keys = list(enumerate(typed)) + [(i, None) for i in reversed(range(len(typed)))]
            for i, key in keys:
                start = {"line": line, "character": column + i}
                end = start if key else {"line": line, "character": column + i + 1}
                version += 1
                change = {"range": {"start": start, "end": end}, "text": key or ""}
                began = time.perf_counter()
                client.send(method="textDocument/didChange", params={"textDocument": {"uri": uri, "version": version}, "contentChanges": [change]})
                client.findings(uri, version)
                times.append((time.perf_counter() - began) * 1000)
        times = times[:strokes]
        client.request("shutdown", None)
        client.send(method="exit")
        assert client.process.wait() == 0
        times.sort()
        rank = lambda part: times[min(len(times) - 1, int(part * len(times)))]
        print(f"{len(times)} strokes in {LINES} lines of {FILES} files: median {statistics.median(times):.1f} ms, "
              f"99% {rank(0.99):.1f} ms, worst {times[-1]:.1f} ms")


if __name__ == "__main__":
    main()
