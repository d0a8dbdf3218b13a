// Drives headless Chromium through the pages, over the pipe of its DevTools protocol. Ends with 1 and a line for each fault.
//   node browser.js check CHROMIUM AXE SITE REPORT    what tests ask
//   node browser.js shots CHROMIUM SITE REPORT DIR    the README's pictures
"use strict";
const { spawn } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { pathToFileURL } = require("node:url");

class Browser {
  constructor(chromium) {
    this.home = fs.mkdtempSync(path.join(os.tmpdir(), "dqc-browser-"));
    const root = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
    this.child = spawn(chromium, ["--headless", ...root, "--remote-debugging-pipe", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
      "--disable-background-networking", "--disable-component-update", "--no-first-run", `--user-data-dir=${this.home}`, "about:blank"],
    { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    this.waiting = new Map();
    this.faults = [];
    this.requests = [];
    this.loads = 0;
    this.number = 0;
    let text = "";
    this.child.stdio[4].setEncoding("utf8").on("data", (more) => {
      text += more;
      for (let end; (end = text.indexOf("\0")) >= 0; text = text.slice(end + 1)) this.heard(JSON.parse(text.slice(0, end)));
    });
    this.child.on("exit", () => this.waiting.forEach((w) => w.no(new Error("the browser ended"))));
  }

  heard(message) {
    if (message.id) {
      const w = this.waiting.get(message.id);
      this.waiting.delete(message.id);
      return message.error ? w.no(new Error(`${w.method}: ${message.error.message}`)) : w.yes(message.result);
    }
    const { method, params } = message;
    if (method === "Page.loadEventFired") this.loads++;
    if (method === "Runtime.exceptionThrown") this.faults.push(`exception: ${params.exceptionDetails.exception?.description ?? params.exceptionDetails.text}`);
    if (method === "Runtime.consoleAPICalled" && params.type === "error") this.faults.push(`console: ${params.args.map((a) => a.value ?? a.description).join(" ")}`);
    if (method === "Log.entryAdded" && params.entry.level === "error") this.faults.push(`log: ${params.entry.text} ${params.entry.url ?? ""}`);
    if (method === "Network.requestWillBeSent") this.requests.push(params.request.url);
  }

  send(method, params = {}) {
    const id = ++this.number;
    this.child.stdio[3].write(JSON.stringify({ id, method, params, sessionId: this.session }) + "\0");
    return new Promise((yes, no) => this.waiting.set(id, { yes, no, method }));
  }

  async open() {
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank" });
    this.session = (await this.send("Target.attachToTarget", { targetId, flatten: true })).sessionId;
    for (const domain of ["Page", "Runtime", "Network", "Log"]) await this.send(domain + ".enable");
  }

  // Until the expression is true; whatever is waited for takes seconds on a busy machine.
  async until(expression, what) {
    for (let i = 0; i < 300; i++) {
      if (await this.run(expression).catch(() => false)) return;
      await new Promise((done) => setTimeout(done, 100));
    }
    throw new Error(`${what} did not come: ${expression}`);
  }

  async run(expression) {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  async go(file, anchor = "") {
    const before = this.loads;
    const url = pathToFileURL(file).href + anchor;
    await this.send("Page.navigate", { url: "about:blank" });
    await this.send("Page.navigate", { url });
    await this.until(`location.href === ${JSON.stringify(url)} && document.readyState === "complete"`, file);
    if (this.loads === before) await new Promise((done) => setTimeout(done, 100));
  }

  async look(width, height, scheme, mobile = false) {
    await this.send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile });
    await this.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
  }

  async click(selector) {
    const at = await this.run(`(() => { const e = document.querySelector(${JSON.stringify(selector)}); e.scrollIntoView({ block: "center", inline: "center" });
      const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()`);
    for (const type of ["mousePressed", "mouseReleased"]) await this.send("Input.dispatchMouseEvent", { type, x: at[0], y: at[1], button: "left", clickCount: 1 });
  }

  async key(key) {
    const code = { Enter: 13, ArrowDown: 40, Escape: 27 }[key];
    for (const type of ["rawKeyDown", "keyUp"]) await this.send("Input.dispatchKeyEvent", { type, key, code: key, windowsVirtualKeyCode: code });
  }

  async shot(file, selector, most = Infinity) {
    const clip = selector && await this.run(`(() => { const r = document.querySelector(${JSON.stringify(selector)}).getBoundingClientRect();
      return { x: r.x + scrollX, y: r.y + scrollY, width: r.width, height: r.height, scale: 1 }; })()`);
    if (clip) clip.height = Math.min(clip.height, most);
    const { data } = await this.send("Page.captureScreenshot", { format: "png", clip: clip || undefined, captureBeyondViewport: Boolean(clip) });
    fs.writeFileSync(file, Buffer.from(data, "base64"));
  }

  close() {
    const ended = new Promise((done) => this.child.on("exit", done));
    this.child.kill("SIGKILL");
    return ended.then(() => fs.rmSync(this.home, { recursive: true, force: true, maxRetries: 5 }));
  }
}

async function check(browser, axe, site, report) {
  const faults = [];
  const demand = (ok, what) => ok || faults.push(what);
  const at = (name) => path.join(site, name);

  await browser.look(1280, 900, "light");
  await browser.go(at("index.html"));
  await browser.until("document.querySelectorAll('.graph a.node').length > 1", "the graph");

  // The search finds a column, by its name and by its description, and leads to it.
  await browser.run("document.getElementById('search').focus()");
  await browser.send("Input.insertText", { text: "silver amount" });
  await browser.until("document.querySelector('#found a .of') !== null", "a hit");
  const first = await browser.run("document.querySelector('#found a').innerText");
  demand(/column\s+amount\s+silver\.orders/.test(first), `the first hit is ${first}`);
  await browser.key("ArrowDown");
  demand(await browser.run("document.getElementById('search').getAttribute('aria-activedescendant') === 'hit-0'"), "the first hit is not marked");
  await browser.key("Enter");
  await browser.until("location.href.endsWith('datasets/silver.orders.html#column-amount')", "the column's page");
  await browser.until("document.querySelector(':target th')?.innerText.includes('amount')", "the column itself");
  await browser.go(at("index.html"));
  await browser.run("document.getElementById('search').focus()");
  await browser.send("Input.insertText", { text: "every order costs" });
  await browser.until("document.querySelector('#found a b')?.innerText === 'positive'", "a rule by its words");
  await browser.key("Escape");
  demand(await browser.run("document.getElementById('found').hidden"), "Escape leaves the hits open");

  // A click on the graph opens the dataset.
  await browser.click("a.node[data-id='silver.orders'] rect");
  await browser.until("document.querySelector('h1')?.innerText.startsWith('silver.orders')", "the dataset behind a click");
  await browser.until("document.querySelectorAll('figure.chart canvas').length >= 2", "the charts of its history");

  // What is folded is drawn once it is opened, and for paper everything is drawn in light colours.
  await browser.look(1280, 900, "dark");
  await browser.go(report);
  const drawn = "[...document.querySelectorAll('details.inside')].every((d) => d.open === [...d.querySelectorAll('figure.chart')].every((f) => f.querySelector('canvas')))";
  await browser.until(`document.querySelectorAll('details.inside').length > 1 && ${drawn}`, "what is inside the batches");
  await browser.run("document.querySelectorAll('details').forEach((d) => { d.open = true; })");
  await browser.until(drawn, "what was folded");
  demand(await browser.run("[...document.querySelectorAll('details.inside figure')].some((f) => f.getAttribute('aria-label').startsWith('amount: '))"), "no column is drawn");
  const colour = "getComputedStyle(document.documentElement).getPropertyValue('--accepted').trim()";
  const night = await browser.run(colour);
  await browser.run("addEventListener('beforeprint', () => { window.paper = [document.documentElement.className, " + colour + "]; })");
  await browser.send("Page.printToPDF", { printBackground: true });
  const paper = await browser.run("window.paper");
  demand(paper && paper[0] === "paper" && paper[1] !== night, `paper is drawn as ${paper}, the screen by night as ${night}`);

  const pages = [[at("index.html"), "the overview"], [at("datasets/silver.orders.html"), "a dataset"], [at("types.html"), "the types"], [report, "the report"]];
  const source = fs.readFileSync(axe, "utf8");
  for (const [file, name] of pages) {
    for (const [width, height, scheme, mobile] of [[1280, 900, "light", false], [390, 844, "dark", true]]) {
      await browser.look(width, height, scheme, mobile);
      await browser.go(file);
      await browser.until("[...document.querySelectorAll('.graph')].every((g) => g.querySelector('svg')) && [...document.querySelectorAll('figure.chart')].every((f) => f.closest('details:not([open])') || f.querySelector('canvas'))", "drawings");
      const over = await browser.run("document.documentElement.scrollWidth - innerWidth");
      demand(over <= 0, `${name} is ${over} pixels wider than ${width}`);
      await browser.run(source);
      const { violations } = await browser.run("axe.run(document, { resultTypes: ['violations'], preload: false })");
      for (const v of violations.filter((v) => v.impact === "serious" || v.impact === "critical")) {
        faults.push(`${name}, ${width} ${scheme}: ${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join(" | ")}`);
      }
    }
    const { data } = await browser.send("Page.printToPDF", { printBackground: true });
    demand(Buffer.from(data, "base64").subarray(0, 5).toString() === "%PDF-", `${name} is not printed`);
  }
  const outward = browser.requests.filter((url) => !/^(file:|data:|about:)/.test(url));
  demand(outward.length === 0, `asked for ${outward}`);
  demand(browser.requests.length > 10, "no request was seen at all");
  return [...faults, ...browser.faults];
}

async function shots(browser, site, report, folder) {
  const drawn = "[...document.querySelectorAll('.graph')].every((g) => g.querySelector('svg')) && [...document.querySelectorAll('figure.chart')].every((f) => f.closest('details:not([open])') || f.querySelector('canvas'))";
  const settle = () => new Promise((done) => setTimeout(done, 400));
  await browser.look(1100, 640, "light");
  await browser.go(path.join(site, "index.html"));
  await browser.until(drawn, "the overview");
  await browser.shot(path.join(folder, "catalogue.png"));
  await browser.look(1100, 800, "light");
  await browser.go(report);
  await browser.until(drawn, "the report");
  await settle();
  await browser.shot(path.join(folder, "report.png"));
  await browser.shot(path.join(folder, "inside.png"), "details.inside[open]", 760);
  // For whoever looks at the pages before they are shown.
  if (process.env.ALL) {
    for (const [name, file] of [["index", "index.html"], ["dataset", "datasets/silver.flights.html"], ["types", "types.html"]].map(([n, f]) => [n, path.join(site, f)]).concat([["report", report]])) {
      for (const [width, scheme] of [[1280, "light"], [1280, "dark"], [390, "light"], [390, "dark"]]) {
        await browser.look(width, 900, scheme, width < 500);
        await browser.go(file);
        await browser.until(drawn, file);
        await settle();
        await browser.shot(path.join(folder, `${name}-${width}-${scheme}.png`), "body");
      }
    }
  }
  return browser.faults;
}

(async () => {
  const [what, chromium, ...rest] = process.argv.slice(2);
  const browser = new Browser(chromium);
  let faults;
  try {
    await browser.open();
    faults = await (what === "shots" ? shots : check)(browser, ...rest);
  } catch (error) {
    faults = [String(error), ...browser.faults];
  }
  await browser.close();
  faults.forEach((fault) => console.log(fault));
  process.exit(faults.length === 0 ? 0 : 1);
})();
