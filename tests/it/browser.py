"""WHAT CHROMIUM AXE PAGE [FOLDER]: drives a page in a headless Chromium, spoken to over a pipe in its own protocol.

WHAT is `docs` (PAGE: the catalogue's index.html) or `report`. FOLDER: where to put screenshots.
"""

import base64
import json
import os
import pathlib
import select
import subprocess
import sys
import tempfile
import time

WAIT = 60


class Chromium:
    """One page. What goes wrong in it, and what it asks of a network, is kept."""

    def __init__(self, program, profile):
        ours, theirs = os.pipe(), os.pipe()
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars",
                 "--disable-background-networking", "--disable-component-update", "--force-device-scale-factor=1",
                 "--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank"]

        def pipes():
            # The browser reads 3 and writes 4.
            read, write = os.dup(ours[0]), os.dup(theirs[1])
            os.dup2(read, 3)
            os.dup2(write, 4)

        self.process = subprocess.Popen([program, *flags], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, preexec_fn=pipes, close_fds=False, start_new_session=True)
        os.close(ours[0])
        os.close(theirs[1])
        self.out, self.input, self.buffer = ours[1], theirs[0], b""
        self.number, self.session, self.faults, self.asked = 0, None, [], []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def ask(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        wanted = self.number
        return self.read(lambda m: m.get("id") == wanted)

    def call(self, method, **params):
        answer = self.ask(method, **params)
        assert "error" not in answer, (method, answer)
        return answer["result"]

    def read(self, wanted):
        end = time.monotonic() + WAIT
        while True:
            while b"\0" in self.buffer:
                text, self.buffer = self.buffer.split(b"\0", 1)
                message = json.loads(text)
                self.note(message)
                if wanted(message):
                    return message
            assert time.monotonic() < end, "the browser does not answer"
            if select.select([self.input], [], [], 1)[0]:
                some = os.read(self.input, 1 << 20)
                assert some, "the browser has ended"
                self.buffer += some

    def note(self, message):
        method, params = message.get("method"), message.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.faults.append(params["exceptionDetails"].get("exception", {}).get("description", params))
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.faults.append(params["args"])
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.faults.append(params["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            url = params["request"]["url"]
            if not url.startswith(("file:", "data:", "about:")):
                self.asked.append(url)

    def loaded(self, act):
        """Does something that opens a page, and waits until that stands."""
        self.run("window.earlier = true")
        act()
        end = time.monotonic() + WAIT
        while time.monotonic() < end:
            answer = self.ask("Runtime.evaluate", expression="!window.earlier && location.href !== 'about:blank' && document.readyState === 'complete'", returnByValue=True)
            # Between two pages there is nothing to ask.
            if answer.get("result", {}).get("result", {}).get("value"):
                return
            time.sleep(0.02)
        raise AssertionError(("no page was opened", self.run("location.href")))

    def open(self, page):
        self.loaded(lambda: self.call("Page.navigate", url=pathlib.Path(page).resolve().as_uri()))

    def run(self, code):
        answer = self.call("Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def click(self, code):
        """The middle of the element that the code yields."""
        box = self.run(f"(() => {{ const e = {code}; e.scrollIntoView({{block: 'center', inline: 'center'}});"
                       " const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; })()")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    def key(self, name):
        code = {"Enter": 13, "ArrowDown": 40}[name]
        for kind in ("keyDown", "keyUp"):
            text = {"text": "\r"} if name == "Enter" and kind == "keyDown" else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode=code, **text)

    def look(self, scheme="light", media="", width=1100, height=800, phone=False):
        self.call("Emulation.setEmulatedMedia", media=media, features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)

    def picture(self, path):
        data = self.call("Page.captureScreenshot", format="png")["data"]
        pathlib.Path(path).write_bytes(base64.b64decode(data))

    def close(self):
        # A process of ours, by its handle.
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def is_accessible(browser, axe, where):
    browser.run(axe)
    found = browser.run("axe.run(document, {resultTypes: ['violations'], preload: false}).then(r => r.violations.map(v => [v.impact, v.id, v.nodes.map(n => n.html + ' ' + n.failureSummary).slice(0, 3)]))")
    grave = [v for v in found if v[0] in ("serious", "critical")]
    assert not grave, (where, json.dumps(grave, indent=1))


def fits(browser, where):
    wide = browser.run("[document.documentElement.scrollWidth, window.innerWidth]")
    assert wide[0] <= wide[1], (where, wide, browser.run(
        "[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1).slice(0, 5).map(e => e.outerHTML.slice(0, 120))"))


def every_light(browser, axe, where):
    """By day, by night, on a phone, on paper."""
    for scheme in ("light", "dark"):
        browser.look(scheme)
        is_accessible(browser, axe, f"{where}, {scheme}")
    colours = []
    for scheme in ("light", "dark"):
        browser.look(scheme, width=390, height=844, phone=True)
        fits(browser, f"{where} on a phone, {scheme}")
        colours.append(browser.run("getComputedStyle(document.body).backgroundColor"))
    assert colours[0] != colours[1], (where, colours)
    is_accessible(browser, axe, f"{where} on a phone")
    browser.look(media="print")
    paper = base64.b64decode(browser.call("Page.printToPDF")["data"])
    assert paper.startswith(b"%PDF") and len(paper) > 5000, where
    browser.look()


def docs(browser, axe, page, folder):
    browser.look()
    browser.open(page)
    datasets = browser.run("CATALOGUE.nodes.filter(n => n.url).map(n => n.name)")
    assert browser.run("document.querySelectorAll('.graph a.node').length") == len(datasets) > 1, datasets
    if folder:
        browser.look(width=1000, height=700)
        browser.picture(folder / "catalogue.png")
    every_light(browser, axe, "the first page")

    # Search finds a column, and leads to it.
    column, dataset, url = browser.run("(() => { const all = CATALOGUE.entries.filter(e => e.kind === 'column'), c = all.find(e => e.name === 'tailnum' && e.in === 'silver.flights') || all.pop(); return [c.name, c.in, c.url]; })()")
    browser.run("document.getElementById('search').focus()")
    browser.call("Input.insertText", text=f"{column} {dataset.split('.')[1]}")
    shown = browser.run("[...document.querySelectorAll('#found a')].map(a => a.textContent)")
    assert any(text.startswith(column) and f"column of {dataset}" in text for text in shown), (column, dataset, shown)
    assert "found" in browser.run("document.getElementById('hits').textContent")
    is_accessible(browser, axe, "what was found")
    if folder:
        browser.look(width=1000, height=700)
        browser.picture(folder / "search.png")
        browser.look()
    browser.loaded(lambda: browser.click(f"[...document.querySelectorAll('#found a')].find(a => a.href.endsWith({json.dumps(url)}))"))
    assert browser.run("location.href").endswith(url), (browser.run("location.href"), url)
    assert browser.run("document.querySelector('tr:target th').firstChild.textContent.trim()") == column

    # A click on the graph opens the dataset; so does a key.
    for act in (browser.click, lambda node: (browser.run(f"{node}.focus()"), browser.key("Enter"))):
        browser.open(page)
        wanted = datasets[-1]
        node = f"[...document.querySelectorAll('.graph a.node')].find(a => a.querySelector('text').textContent === {json.dumps(wanted)})"
        browser.loaded(lambda: act(node))
        assert browser.run("document.querySelector('h1').firstChild.textContent.trim()") == wanted, browser.run("location.href")
        assert browser.run("document.querySelector('.graph .here text').textContent") == wanted

    for wanted in datasets:
        at = browser.run(f"CATALOGUE.nodes.find(n => n.name === {json.dumps(wanted)}).url")
        browser.open(pathlib.Path(page).parent / at)
        is_accessible(browser, axe, wanted)
        assert browser.run("[...document.querySelectorAll('a')].filter(a => a.hash && a.pathname === location.pathname && !document.getElementById(a.hash.slice(1))).length") == 0
    every_light(browser, axe, datasets[-1])
    if folder:
        best = next((d for d in datasets if d == "silver.flights"), datasets[-1])
        at = browser.run(f"CATALOGUE.nodes.find(n => n.name === {json.dumps(best)}).url")
        browser.look(width=1000, height=760)
        browser.open(pathlib.Path(page).parent / at)
        browser.run("document.getElementById('history').scrollIntoView()")
        browser.picture(folder / "history.png")

    # Words that look like markup, and accents, are looked for as they are.
    browser.open(page)
    browser.run("document.getElementById('search').focus()")
    browser.call("Input.insertText", text="<img src=x onerror=alert(1)> zzz")
    assert browser.run("document.getElementById('hits').textContent") == "nothing found"


def report(browser, axe, page, folder):
    browser.look()
    browser.open(page)
    assert browser.run("document.querySelectorAll('h1').length") == 1
    assert browser.run("document.querySelectorAll('script').length") == 0
    assert browser.run("[...document.querySelectorAll('svg')].every(s => s.getBoundingClientRect().height > 5)")
    every_light(browser, axe, "the report")
    if folder:
        browser.look(width=1000, height=900)
        browser.picture(folder / "report.png")


def main():
    what, program, axe, page = sys.argv[1:5]
    folder = pathlib.Path(sys.argv[5]) if len(sys.argv) > 5 else None
    axe = pathlib.Path(axe).read_text()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Chromium(program, profile)
        try:
            {"docs": docs, "report": report}[what](browser, axe, page, folder)
            assert not browser.faults, browser.faults[:3]
            assert not browser.asked, browser.asked
        finally:
            browser.close()


main()
