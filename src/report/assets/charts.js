// Draws each `figure.chart` from the JSON in it, in the page's own colours, and again when these or the room change.
"use strict";
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const short = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 3 });
  const grouped = (n) => n.toLocaleString("en-US", { maximumFractionDigits: 0 });
  const percent = (n) => (n === 0 ? "0%" : n < 0.01 ? "<0.01%" : n.toPrecision(n < 1 ? 2 : 3).replace(/\.0+$/, "") + "%");
  const units = { rows: grouped, "%": percent, "": (n) => n.toLocaleString("en-US", { maximumSignificantDigits: 6 }) };

  function draw(figure, chart, width) {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue("--" + name).trim();
    const { names, series, kind } = chart;
    const number = units[chart.unit] || units[""];
    const is_bars = (s) => (s.kind ?? kind) !== "line" && kind === "bars";
    const all = series.flatMap((s) => s.values.filter((v) => v !== null));
    const [least, most] = [Math.min(0, ...all), Math.max(0, ...all)];
    const room = (most - least || 1) * 0.08;
    const dashes = [[], [6, 3], [2, 3], [9, 3, 2, 3], [12, 4], [4, 4]];
    const options = {
      width: Math.max(200, width),
      height: chart.height ?? 220,
      scales: { x: { time: false, range: [-0.6, names.length - 0.4] }, y: { range: [least < 0 ? least - room : 0, (most || 1) + room] } },
      axes: [
        {
          stroke: colour("dim"), grid: { show: false }, ticks: { stroke: colour("line") },
          space: 14 + 6 * Math.max(2, ...names.map((name) => Math.min(12, name.length))),
          incrs: [1, 2, 5, 10, 20, 50, 100, 200],
          values: (_, at) => at.map((i) => (Number.isInteger(i) && names[i] !== undefined ? names[i].slice(0, 12) : "")),
        },
        {
          stroke: colour("dim"), grid: { stroke: colour("line"), width: 1 }, ticks: { stroke: colour("line") }, size: 54,
          values: (_, at) => at.map(chart.unit === "%" ? number : (n) => short.format(n)),
        },
      ],
      series: [
        { label: chart.of ?? "batch", value: (_, i) => (i === null ? "–" : names[i]) },
        ...series.map((s, i) => ({
          label: s.label,
          stroke: colour(s.colour),
          fill: is_bars(s) ? colour(s.colour) : undefined,
          width: is_bars(s) ? 0 : 2,
          dash: is_bars(s) ? undefined : dashes[i % dashes.length],
          paths: is_bars(s) ? uPlot.paths.bars({ size: [chart.of === "from" ? 0.94 : 0.7, 48] }) : undefined,
          points: { show: !is_bars(s) && kind !== "bars", size: 6 },
          value: (_, v) => (v === null || v === undefined ? "–" : number(v)),
        })),
      ],
      cursor: { y: false, drag: { x: false, y: false } },
    };
    figure.plot?.destroy();
    figure.plot = new uPlot(options, [names.map((_, i) => i), ...series.map((s) => s.values)], figure);
  }

  const all = [...document.querySelectorAll("figure.chart")].map((figure) => {
    const chart = JSON.parse(figure.querySelector("script[type='application/json']").textContent);
    let width = 0;
    const redraw = (room = figure.clientWidth) => {
      // One in what is folded is drawn once it can be seen.
      const folded = figure.closest("details:not([open])");
      if (folded) return folded.addEventListener("toggle", () => redraw(), { once: true });
      width = room;
      draw(figure, chart, room - 2 * parseFloat(getComputedStyle(figure).paddingLeft));
    };
    redraw();
    new ResizeObserver(() => Math.abs(figure.clientWidth - width) > 4 && redraw()).observe(figure);
    return redraw;
  });
  dark.addEventListener("change", () => all.forEach((redraw) => redraw()));
  // Paper is light, and narrower than most screens.
  addEventListener("beforeprint", () => {
    document.documentElement.classList.add("paper");
    document.querySelectorAll("figure.chart").forEach((figure, i) => all[i](Math.min(figure.clientWidth, 640)));
  });
  addEventListener("afterprint", () => {
    document.documentElement.classList.remove("paper");
    all.forEach((redraw) => redraw());
  });
})();
