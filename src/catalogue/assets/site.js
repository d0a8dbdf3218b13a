// The search over `dqcIndex`, and the drawings of how data flows, laid out by dagre. Texts become text, never markup.
"use strict";
(() => {
  const up = document.body.dataset.up;

  // --- the search

  const box = document.getElementById("search");
  const found = document.getElementById("found");
  const MOST = 40;
  const entries = window.dqcIndex.map((e) => ({
    ...e, low: e.name.toLowerCase(), full: (e.of ? e.of + "." : "").toLowerCase() + e.name.toLowerCase(), words: e.about.toLowerCase(),
  }));
  let active = -1;

  // How well an entry answers all words; 0: not at all.
  function rank(entry, words) {
    let sum = 0;
    for (const word of words) {
      const at = entry.low === word ? 100 : entry.full === word ? 95 : entry.low.startsWith(word) ? 60
        : entry.low.includes(word) ? 40 : entry.full.includes(word) ? 25 : entry.words.includes(word) ? 10 : 0;
      if (at === 0) return 0;
      sum += at;
    }
    return sum + (entry.kind === "dataset" ? 5 : entry.kind === "column" ? 3 : 0);
  }

  function element(name, className, text) {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  }

  // Around the first word that is found in it.
  function excerpt(entry, words) {
    const at = Math.max(0, ...words.map((w) => entry.words.indexOf(w)));
    const start = at > 70 ? at - 40 : 0;
    const text = entry.about.slice(start, start + 140);
    return (start > 0 ? "…" : "") + text + (start + 140 < entry.about.length ? "…" : "");
  }

  function search() {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    const hits = words.length === 0 ? [] : entries.map((e) => [rank(e, words), e]).filter(([r]) => r > 0)
      .sort((a, b) => b[0] - a[0] || a[1].full.localeCompare(b[1].full));
    found.replaceChildren();
    active = -1;
    box.removeAttribute("aria-activedescendant");
    hits.slice(0, MOST).forEach(([, entry], i) => {
      const link = element("a");
      link.href = up + entry.href;
      link.id = "hit-" + i;
      link.setAttribute("role", "option");
      link.setAttribute("aria-selected", "false");
      link.tabIndex = -1;
      link.append(element("span", "kind", entry.kind), " ", element("b", "", entry.name));
      if (entry.of) link.append(" ", element("span", "of", entry.of));
      if (entry.about.trim()) link.append(element("span", "about", excerpt(entry, words)));
      found.append(link);
    });
    if (words.length > 0 && hits.length === 0) {
      const none = element("span", "none", "Nothing is called so, and no description says it.");
      none.setAttribute("role", "option");
      none.setAttribute("aria-selected", "false");
      found.append(none);
    }
    found.hidden = words.length === 0;
    box.setAttribute("aria-expanded", String(!found.hidden));
  }

  function choose(to) {
    const links = found.querySelectorAll("a");
    if (links.length === 0) return;
    links[active]?.setAttribute("aria-selected", "false");
    active = (to + links.length) % links.length;
    const link = links[active];
    link.setAttribute("aria-selected", "true");
    link.scrollIntoView({ block: "nearest" });
    box.setAttribute("aria-activedescendant", link.id);
  }

  function close() {
    found.hidden = true;
    box.setAttribute("aria-expanded", "false");
  }

  box.addEventListener("input", search);
  box.addEventListener("focus", () => box.value && search());
  box.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") choose(active + 1);
    else if (event.key === "ArrowUp") choose(active < 0 ? -1 : active - 1);
    else if (event.key === "Enter") (found.querySelectorAll("a")[Math.max(active, 0)])?.click();
    else if (event.key === "Escape") { box.value = ""; close(); }
    else return;
    event.preventDefault();
  });
  found.addEventListener("click", close);
  document.addEventListener("click", (event) => event.target.closest("search") || close());
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement?.tagName ?? "");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      box.focus();
    }
  });

  // --- how data flows

  const SVG = "http://www.w3.org/2000/svg";
  function shape(name, attributes) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  }

  const pen = document.createElement("canvas").getContext("2d");
  function wide(text, font) {
    pen.font = font;
    return pen.measureText(text).width;
  }

  const NAME = "600 14px system-ui, sans-serif";
  const SMALL = "12px system-ui, sans-serif";

  // A smooth line through the points of an edge.
  function path(points) {
    const [first, ...rest] = points;
    let d = `M${first.x},${first.y}`;
    for (let i = 0; i < rest.length - 1; i++) {
      const mid = { x: (rest[i].x + rest[i + 1].x) / 2, y: (rest[i].y + rest[i + 1].y) / 2 };
      const end = i === rest.length - 2 ? rest[i + 1] : mid;
      d += ` Q${rest[i].x},${rest[i].y} ${end.x},${end.y}`;
    }
    return rest.length === 1 ? d + ` L${rest[0].x},${rest[0].y}` : d;
  }

  function draw(place, flow, downward) {
    const graph = new dagre.graphlib.Graph({ multigraph: true });
    graph.setGraph({ rankdir: downward ? "TB" : "LR", nodesep: downward ? 14 : 12, ranksep: downward ? 34 : 56, marginx: 4, marginy: 4 });
    graph.setDefaultEdgeLabel(() => ({}));
    for (const node of flow.nodes) {
      const width = Math.max(92, wide(node.name, NAME), wide(node.layer + " " + node.sign, SMALL)) + 28;
      graph.setNode(node.id, { width: Math.ceil(width), height: 44 });
    }
    for (const edge of flow.edges) graph.setEdge(edge.from, edge.to, { weight: edge.kind === "promotion" ? 3 : 1 }, edge.kind);
    dagre.layout(graph);
    const { width, height } = graph.graph();
    const svg = shape("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "group", "aria-label": "How the data flows; the same follows as a list" });
    const defs = shape("defs", {});
    for (const kind of ["promotion", "lookup"]) {
      const marker = shape("marker", { id: "end-" + kind, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 8, markerHeight: 8, orient: "auto-start-reverse", class: kind });
      marker.append(shape("path", { d: "M0,0.5 L7.5,4 L0,7.5 z" }));
      defs.append(marker);
    }
    svg.append(defs);
    for (const edge of flow.edges) {
      const { points } = graph.edge(edge.from, edge.to, edge.kind);
      const line = shape("path", { d: path(points), class: "edge " + edge.kind, "marker-end": `url(#end-${edge.kind})` });
      line.dataset.from = edge.from;
      line.dataset.to = edge.to;
      svg.append(line);
    }
    for (const node of flow.nodes) {
      const at = graph.node(node.id);
      const link = shape("a", { href: node.href, class: "node " + node.mood + (node.here ? " here" : "") });
      link.dataset.id = node.id;
      if (node.here) link.setAttribute("aria-current", "page");
      const title = shape("title", {});
      title.textContent = node.id + (node.words ? ": " + node.words : "");
      const [x, y] = [at.x - at.width / 2, at.y - at.height / 2];
      const rect = shape("rect", { x, y, width: at.width, height: at.height, rx: 7 });
      const layer = shape("text", { x: x + 12, y: y + 17, class: "layer" });
      layer.textContent = node.layer;
      const name = shape("text", { x: x + 12, y: y + 35, class: "name" });
      name.textContent = node.name;
      link.append(title, rect, layer, name);
      if (node.words) {
        const sign = shape("text", { x: x + at.width - 12, y: y + 17, class: "sign", "text-anchor": "end" });
        sign.textContent = node.sign;
        link.append(sign);
      }
      const light = (on) => svg.querySelectorAll(".edge").forEach((line) => {
        line.classList.toggle("lit", on && (line.dataset.from === node.id || line.dataset.to === node.id));
      });
      for (const [event, on] of [["mouseenter", true], ["focus", true], ["mouseleave", false], ["blur", false]]) link.addEventListener(event, () => light(on));
      svg.append(link);
    }
    place.querySelector("svg")?.remove();
    place.append(svg);
  }

  for (const place of document.querySelectorAll(".graph")) {
    const flow = JSON.parse(place.querySelector("script").textContent);
    if (flow.nodes.length === 0) continue;
    let downward;
    const fit = () => {
      const narrow = place.clientWidth < 640;
      if (narrow !== downward) {
        downward = narrow;
        draw(place, flow, downward);
      }
    };
    fit();
    new ResizeObserver(fit).observe(place);
  }
})();
