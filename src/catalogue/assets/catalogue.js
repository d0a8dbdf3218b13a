"use strict";
// Search and the graph. Both stand on what the pages say without them: lists of datasets, links to neighbours.
(() => {
    const up = document.body.dataset.up || "";
    const focus = document.body.dataset.focus;
    const plain = (text) => text.toLowerCase().normalize("NFD").replace(/\p{M}/gu, "");

    // --- search

    const entries = CATALOGUE.entries.map((entry) => ({ ...entry, head: plain(entry.name), all: plain(`${entry.name} ${entry.in} ${entry.kind} ${entry.text}`) }));
    const field = document.getElementById("search");
    const list = document.getElementById("found");
    const status = document.getElementById("hits");
    const SHOWN = 50;

    const weight = (entry, words) => {
        const whole = words.join(" ");
        const last = entry.head.split(".").pop();
        if (entry.head === whole || last === whole) return 0;
        if (words.every((word) => entry.head.startsWith(word) || last.startsWith(word))) return 1;
        if (words.every((word) => entry.head.includes(word))) return 2;
        return 3;
    };

    const search = (text) => {
        const words = plain(text).split(/\s+/).filter(Boolean);
        if (words.length === 0) return [];
        return entries
            .filter((entry) => words.every((word) => entry.all.includes(word)))
            .map((entry) => [weight(entry, words), entry])
            .sort((a, b) => a[0] - b[0])
            .map(([, entry]) => entry);
    };

    const show = () => {
        const asked = field.value.trim() !== "";
        const found = search(field.value);
        list.replaceChildren(...found.slice(0, SHOWN).map((entry) => {
            const item = document.createElement("li");
            const link = document.createElement("a");
            link.href = up + entry.url;
            link.append(entry.name);
            const where = document.createElement("span");
            where.className = "dim";
            where.textContent = entry.in ? ` ${entry.kind} of ${entry.in}` : ` ${entry.kind}`;
            link.append(where);
            const words = entry.text.trim();
            if (words) {
                const about = document.createElement("span");
                about.className = "dim";
                about.textContent = ` · ${words.length > 90 ? words.slice(0, 90) + "…" : words}`;
                link.append(about);
            }
            item.append(link);
            return item;
        }));
        const more = found.length > SHOWN ? `, the first ${SHOWN} are shown` : "";
        status.textContent = !asked ? "" : found.length === 0 ? "nothing found" : `${found.length} found${more}`;
    };

    document.querySelector(".search").hidden = false;
    field.addEventListener("input", show);
    field.addEventListener("keydown", (event) => {
        if (event.key === "Enter" && list.querySelector("a")) list.querySelector("a").click();
        if (event.key === "ArrowDown" && list.querySelector("a")) { event.preventDefault(); list.querySelector("a").focus(); }
        if (event.key === "Escape") { field.value = ""; show(); }
    });
    list.addEventListener("keydown", (event) => {
        const links = [...list.querySelectorAll("a")];
        const at = links.indexOf(document.activeElement);
        if (event.key === "ArrowDown" && at + 1 < links.length) { event.preventDefault(); links[at + 1].focus(); }
        if (event.key === "ArrowUp") { event.preventDefault(); (links[at - 1] || field).focus(); }
        if (event.key === "Escape") { field.value = ""; show(); field.focus(); }
    });
    list.addEventListener("click", (event) => {
        if (event.target.closest("a")) { field.value = ""; show(); }
    });
    document.addEventListener("keydown", (event) => {
        const typing = /^(input|textarea|select)$/i.test(document.activeElement.tagName);
        if (event.key === "/" && !typing) { event.preventDefault(); field.focus(); }
    });

    // --- the graph

    const SVG = "http://www.w3.org/2000/svg";
    const make = (name, attributes, ...children) => {
        const element = document.createElementNS(SVG, name);
        for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
        element.append(...children);
        return element;
    };

    // Of a dataset's page: all that it is made of, and all that is made of it.
    const reach = (start) => {
        const kept = new Set([start]);
        for (const [from, to] of [["from", "to"], ["to", "from"]]) {
            const open = [start];
            const seen = new Set(open);
            while (open.length > 0) {
                const at = open.pop();
                for (const edge of CATALOGUE.edges) {
                    if (edge[from] === at && !seen.has(edge[to])) { seen.add(edge[to]); kept.add(edge[to]); open.push(edge[to]); }
                }
            }
        }
        return kept;
    };

    const draw = (place) => {
        const kept = focus ? reach(focus) : new Set(CATALOGUE.nodes.map((node) => node.name));
        const nodes = CATALOGUE.nodes.filter((node) => kept.has(node.name));
        const edges = CATALOGUE.edges.filter((edge) => kept.has(edge.from) && kept.has(edge.to));
        if (edges.length === 0) return;
        const graph = new dagre.graphlib.Graph({ multigraph: true });
        graph.setGraph({ rankdir: "LR", nodesep: 18, ranksep: 70, marginx: 6, marginy: 6 });
        graph.setDefaultEdgeLabel(() => ({}));
        const pen = document.createElement("canvas").getContext("2d");
        pen.font = "13px system-ui, sans-serif";
        for (const node of nodes) {
            const wide = Math.max(pen.measureText(node.name).width, node.state ? pen.measureText(node.state).width * 0.9 : 0);
            graph.setNode(node.name, { width: wide + 24, height: node.state ? 42 : 30 });
        }
        for (const edge of edges) graph.setEdge(edge.from, edge.to, {}, edge.kind);
        dagre.layout(graph);
        const { width, height } = graph.graph();
        const svg = make("svg", { width, height, viewBox: `0 0 ${width} ${height}` });
        svg.append(make("defs", {}, make("marker", { id: "arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" }, make("path", { d: "M0 0L8 4L0 8z" }))));
        for (const edge of edges) {
            const points = graph.edge({ v: edge.from, w: edge.to, name: edge.kind }).points;
            const d = points.map((point, i) => `${i ? "L" : "M"}${point.x.toFixed(1)} ${point.y.toFixed(1)}`).join("");
            svg.append(make("path", { d, class: edge.kind, "marker-end": "url(#arrow)" }));
        }
        for (const node of nodes) {
            const { x, y, width: w, height: h } = graph.node(node.name);
            const group = make(node.url ? "a" : "g", { class: `node ${node.tone || ""}${node.name === focus ? " here" : ""}` });
            if (node.url) group.setAttribute("href", up + node.url);
            group.append(make("rect", { x: x - w / 2, y: y - h / 2, width: w, height: h, rx: 6 }));
            group.append(make("text", { x, y: node.state ? y - 2 : y + 4.5, "text-anchor": "middle" }, node.name));
            if (node.state) group.append(make("text", { x, y: y + 13, "text-anchor": "middle", class: "state" }, node.state));
            svg.append(group);
        }
        place.append(svg);
        place.hidden = false;
        const legend = place.parentElement.querySelector(".legend");
        if (legend) legend.hidden = false;
        const here = svg.querySelector(".here");
        if (here) place.scrollLeft = Math.max(0, here.getBBox().x + here.getBBox().width / 2 - place.clientWidth / 2);
    };

    document.querySelectorAll(".graph").forEach(draw);
})();
