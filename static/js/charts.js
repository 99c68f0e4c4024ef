// Draws every <canvas data-chart> from the table that data-table names: the table is the truth, the
// chart a view of it. The library is fetched only when a chart comes near the view.
const library = document.currentScript.dataset.library;
const boxes = [...document.querySelectorAll("canvas[data-chart]")];
const locale = document.documentElement.dataset.decimalMark === "," ? "de" : "en";
const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

// A cell's number stands in data-n; a cell without one has none.
function read(table) {
  const [head, ...body] = [...table.rows].map((row) => [...row.cells]);
  return {
    labels: body.map(([first]) => first.textContent),
    xs: body.map(([first]) => ("x" in first.dataset ? Number(first.dataset.x) : null)),
    links: body.map(([first]) => first.querySelector("a")?.href ?? ""),
    series: head.slice(1).map((cell, k) => ({
      label: cell.textContent,
      data: body.map((row) => ("n" in row[k + 1].dataset ? Number(row[k + 1].dataset.n) : null)),
      texts: body.map((row) => row[k + 1].textContent),
    })),
  };
}

function stripes(color) {
  const tile = Object.assign(document.createElement("canvas"), { width: 6, height: 6 });
  const ctx = tile.getContext("2d");
  ctx.fillStyle = color;
  ctx.fillRect(0, 0, 6, 6);
  ctx.strokeStyle = token("surface");
  ctx.lineWidth = 1.5;
  ctx.beginPath();
  ctx.moveTo(-1, 7);
  ctx.lineTo(7, -1);
  ctx.stroke();
  return ctx.createPattern(tile, "repeat");
}

function write(ctx, font) {
  ctx.fillStyle = token("ink-2");
  ctx.font = `${font} ${token("font")}`;
  ctx.textAlign = "center";
}

// Thin lines before the bars of certain labels: {"12 Nov": "v4"}. A text that would lie over the one
// before it stands above that one, and is left out where there is no room for it either.
const markers = {
  id: "markers",
  afterDatasetsDraw(chart, _, { at = {} }) {
    const { ctx, chartArea: { top, bottom }, scales: { x } } = chart;
    const ends = [-Infinity, -Infinity];
    const between = 8;
    for (const [label, text] of Object.entries(at)) {
      const index = chart.data.labels.indexOf(label);
      if (index < 0) continue;
      const px = x.getPixelForValue(index) - x.width / chart.data.labels.length / 2;
      ctx.save();
      write(ctx, "600 12px");
      const width = ctx.measureText(text).width;
      const left = Math.max(Math.min(px - width / 2, chart.width - width), chart.chartArea.left);
      const row = ends.findIndex((end) => left > end + between);
      ctx.textAlign = "left";
      ctx.strokeStyle = token("ink-2");
      ctx.beginPath();
      ctx.moveTo(px, top);
      ctx.lineTo(px, bottom);
      ctx.stroke();
      if (row >= 0) {
        ctx.fillText(text, left, top - 6 - 16 * row);
        ends[row] = left + width;
      }
      ctx.restore();
    }
  },
};

const written = (number, places) => number.toLocaleString(locale, places).replace("-", "\u2212");

// The numbers above grouped bars; on a narrow screen one that would lie over another is left out.
const values = {
  id: "values",
  afterDatasetsDraw(chart, _, { show }) {
    if (!show) return;
    chart.ctx.save();
    write(chart.ctx, "12px");
    const drawn = [];
    chart.data.datasets.forEach((set, k) =>
      chart.getDatasetMeta(k).data.forEach(({ x, y }, j) => {
        if (set.data[j] === null) return;
        const text = set.texts[j];
        const half = chart.ctx.measureText(text).width / 2 + 2;
        if (drawn.some((one) => Math.abs(one.x - x) < one.half + half && Math.abs(one.y - y) < 12)) return;
        drawn.push({ x, y, half });
        chart.ctx.fillText(text, x, y - 5);
      }),
    );
    chart.ctx.restore();
  },
};

// An interval through each point, from the series Low and High.
const intervals = {
  id: "intervals",
  beforeDatasetsDraw(chart, _, { ends }) {
    if (!ends) return;
    const { ctx, scales: { y } } = chart;
    ctx.save();
    ctx.strokeStyle = token("chart-2");
    ctx.lineWidth = 1.5;
    chart.getDatasetMeta(0).data.forEach((point, j) => {
      const [low, high] = ends[j];
      if (low === null) return;
      ctx.beginPath();
      ctx.moveTo(point.x, y.getPixelForValue(low));
      ctx.lineTo(point.x, y.getPixelForValue(high));
      ctx.stroke();
    });
    ctx.restore();
  },
};

// A line at a threshold, where it lies inside the scale.
const threshold = {
  id: "threshold",
  afterDatasetsDraw(chart, _, { at, text }) {
    const { ctx, chartArea: { left, right }, scales: { y } } = chart;
    if (!(at > y.min && at < y.max)) return;
    const py = y.getPixelForValue(at);
    ctx.save();
    write(ctx, "12px");
    ctx.textAlign = "right";
    ctx.strokeStyle = token("warn");
    ctx.setLineDash([4, 4]);
    ctx.beginPath();
    ctx.moveTo(left, py);
    ctx.lineTo(right, py);
    ctx.stroke();
    ctx.fillText(text, right, py - 5);
    ctx.restore();
  },
};

// A value between two gaps has no line to lie on, so it gets a point.
const isAlone = ({ dataset: { data }, dataIndex: j }) =>
  data[j] !== null && (data[j - 1] ?? null) === null && (data[j + 1] ?? null) === null;

function dataset(kind, series, colors) {
  return series.map((one, k) => {
    const name = colors[k % colors.length];
    const color = token(name);
    const look = { backgroundColor: name === "bad" ? stripes(color) : color, borderColor: color };
    if (kind === "lines") {
      const dash = k ? [5, 4] : [];
      const radius = (point) => (isAlone(point) ? 4 : 0);
      return { ...one, ...look, borderWidth: 2, pointRadius: radius, pointHoverRadius: 5, borderDash: dash };
    }
    if (kind === "points") return { ...one, ...look, borderWidth: 2, pointRadius: 5, pointHoverRadius: 6 };
    const isGrouped = kind === "bars";
    return {
      ...one, ...look, borderRadius: 2,
      maxBarThickness: isGrouped ? 44 : 22, categoryPercentage: isGrouped && innerWidth >= 640 ? 0.5 : 0.8,
    };
  });
}

function options(canvas, kind, { xs, series, links }) {
  const { unit = "", markers: at = "{}", threshold: limit, thresholdText = "" } = canvas.dataset;
  const isPlaced = kind === "points" && xs.every((x) => x !== null);
  const suffix = unit === "%" ? " %" : "";
  return {
    animation: false,
    locale,
    maintainAspectRatio: false,
    layout: { padding: { top: Object.keys(JSON.parse(at)).length > 1 ? 34 : 18, right: kind === "points" ? 12 : 0 } },
    interaction: { mode: "index", intersect: false },
    onClick: (_, [hit]) => { if (hit && links[hit.index]) location.assign(links[hit.index]); },
    plugins: {
      markers: { at: JSON.parse(at) },
      values: { show: kind === "bars" },
      intervals: { ends: kind === "points" && series[1].data.map((low, j) => [low, series[2].data[j]]) },
      threshold: { at: Number(limit ?? NaN), text: thresholdText },
      tooltip: {
        callbacks: { label: ({ dataset: set, formattedValue: y }) => `${set.label}: ${y.replace("-", "\u2212")}` },
      },
    },
    scales: {
      x: {
        type: isPlaced ? "linear" : "category", stacked: kind === "stack", offset: !isPlaced,
        grid: { display: false }, border: { color: token("line-strong") },
        ticks: {
          maxRotation: 0, autoSkipPadding: kind === "bars" || kind === "points" ? 4 : 24,
          maxTicksLimit: isPlaced ? 6 : undefined,
        },
      },
      y: {
        stacked: kind === "stack", beginAtZero: kind !== "points",
        suggestedMin: kind === "points" ? Math.min(...series.flatMap((s) => s.data.filter((n) => n !== null))) : undefined,
        suggestedMax: kind === "points" ? Math.max(...series.flatMap((s) => s.data.filter((n) => n !== null))) : undefined,
        border: { display: false }, grid: { color: token("chart-grid") },
        ticks: { maxTicksLimit: 5, callback: (value) => written(value) + suffix },
      },
    },
  };
}

function draw(canvas) {
  const { chart: kind, table, colors } = canvas.dataset;
  const content = read(document.getElementById(table));
  const { labels, xs, series } = content;
  const isLine = kind === "lines" || kind === "points";
  const sets = dataset(kind, kind === "points" ? series.slice(0, 1) : series, colors.split(","));
  const isPlaced = kind === "points" && xs.every((x) => x !== null);
  if (isPlaced) sets[0].data = sets[0].data.map((y, j) => ({ x: xs[j], y }));
  const isCompared = kind === "bars" || kind === "points"; // a date above its time, so that three fit a phone
  Chart.defaults.font.family = token("font");
  Chart.defaults.color = token("muted");
  Chart.getChart(canvas)?.destroy();
  new Chart(canvas, {
    type: isLine ? "line" : "bar",
    data: {
      labels: isPlaced ? undefined : isCompared ? labels.map((label) => label.split(", ")) : labels,
      datasets: sets,
    },
    options: options(canvas, kind, content),
    plugins: [markers, values, intervals, threshold],
  });
}

function drawAll() {
  boxes.forEach(draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => boxes.forEach(draw));
}

// Without scripts the tables stand open in place of the boxes; with them they begin folded.
for (const fold of document.querySelectorAll(".chart-table")) {
  fold.open = false;
  fold.classList.add("ready");
}

if (boxes.length) {
  const watch = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    watch.disconnect();
    const script = Object.assign(document.createElement("script"), { src: library });
    script.addEventListener("load", drawAll);
    document.head.append(script);
  }, { rootMargin: "400px" });
  addEventListener("load", () => boxes.forEach((box) => watch.observe(box)));
}
