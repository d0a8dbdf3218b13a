// Draws each `figure.chart` from the JSON in it, in the page's own colours, and again when these or the room change.
"use strict";
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const grouped = (n) => n.toLocaleString("en-US", { maximumFractionDigits: 0 });
  const percent = (n) => (n === 0 ? "0%" : n < 0.01 ? "<0.01%" : n.toPrecision(n < 1 ? 2 : 3).replace(/\.0+$/, "") + "%");
  const units = { rows: grouped, "%": percent, "": (n) => String(Number(n.toPrecision(4))) };

  function draw(figure, chart) {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue("--" + name).trim();
    const { names, series, kind } = chart;
    const number = units[chart.unit] || units[""];
    const bars = kind === "bars";
    const most = Math.max(0, ...series.flatMap((s) => s.values.filter((v) => v !== null)));
    const dashes = [[], [6, 3], [2, 3], [9, 3, 2, 3], [12, 4], [4, 4]];
    const options = {
      width: Math.max(260, figure.clientWidth),
      height: 220,
      scales: { x: { time: false, range: [-0.6, names.length - 0.4] }, y: { range: [0, (most || 1) * 1.08] } },
      axes: [
        {
          stroke: colour("dim"), grid: { show: false }, ticks: { stroke: colour("line") }, space: 74,
          incrs: [1, 2, 5, 10, 20, 50, 100, 200],
          values: (_, at) => at.map((i) => (Number.isInteger(i) && names[i] !== undefined ? names[i].slice(0, 12) : "")),
        },
        {
          stroke: colour("dim"), grid: { stroke: colour("line"), width: 1 }, ticks: { stroke: colour("line") }, size: 64,
          values: (_, at) => at.map(number),
        },
      ],
      series: [
        { label: "batch", value: (_, i) => (i === null ? "–" : names[i]) },
        ...series.map((s, i) => ({
          label: s.label,
          stroke: colour(s.colour),
          fill: bars ? colour(s.colour) : undefined,
          width: bars ? 0 : 2,
          dash: bars ? undefined : dashes[i % dashes.length],
          paths: bars ? uPlot.paths.bars({ size: [0.7, 48] }) : undefined,
          points: { show: !bars, size: 6 },
          value: (_, v) => (v === null || v === undefined ? "–" : number(v)),
        })),
      ],
      cursor: { y: false, drag: { x: false, y: false } },
    };
    figure.plot?.destroy();
    figure.plot = new uPlot(options, [names.map((_, i) => i), ...series.map((s) => s.values)], figure);
  }

  for (const figure of document.querySelectorAll("figure.chart")) {
    const chart = JSON.parse(figure.querySelector("script[type='application/json']").textContent);
    draw(figure, chart);
    let width = figure.clientWidth;
    new ResizeObserver(() => {
      if (Math.abs(figure.clientWidth - width) > 4) {
        width = figure.clientWidth;
        draw(figure, chart);
      }
    }).observe(figure);
    dark.addEventListener("change", () => draw(figure, chart));
  }
})();
