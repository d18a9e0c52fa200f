// One chart per metric: the runs in time, what they ran, and where they cannot be compared. uPlot keeps the scales and
// axes; points, lines and marks are drawn here, because a hollow point, a release and a cut all mean something.

import uPlot from "./vendor/uPlot.js";
import { amount, number } from "./numbers.js";

const HEIGHT = 248;
const HOLLOW = new Set(["failed", "aborted", "invalid"]);

export function drawAll() {
  const plots = [...document.querySelectorAll("[data-series]")].map((element) => new Chart(element));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plots.forEach((plot) => plot.draw()));
  let waiting = 0;
  addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => plots.forEach((plot) => plot.resize()), 120);
  });
}

class Chart {
  constructor(element) {
    this.element = element;
    this.unit = element.dataset.unit;
    this.title = element.dataset.title;
    this.load();
  }

  async load() {
    try {
      const answer = await fetch(this.element.dataset.series, { headers: { Accept: "application/json" } });
      const document = await answer.json();
      if (!answer.ok) throw new Error(document.error.message);
      this.series = document;
      this.draw();
    } catch (error) {
      this.element.textContent = "";
      const line = this.element.appendChild(window.document.createElement("p"));
      line.className = "failed";
      line.textContent = `The chart could not be drawn: ${error.message}. The newest values are below.`;
    }
  }

  draw() {
    if (!this.series) return;
    this.plot?.destroy();
    this.element.textContent = "";
    const points = this.series.points;
    const factor = this.unit === "ratio" ? 100 : 1;
    this.times = points.map((point) => Date.parse(point.at) / 1000);
    this.values = points.map((point) => (point.value === null ? null : point.value * factor));
    this.range = room(this.shown());
    this.colours = colours();
    this.tip = this.element.appendChild(document.createElement("div"));
    this.tip.className = "tip";
    this.tip.hidden = true;
    this.plot = new uPlot(this.options(), [this.times, this.values], this.element);
    this.plot.over.addEventListener("click", () => this.open(this.plot.cursor.idx));
    this.keyboard();
  }

  // The scale is the counted runs'; a failed one far outside stands at the edge.
  shown() {
    const counted = this.values.filter((value, index) => counts(this.series.points[index]));
    return counted.length ? counted : this.values.filter((value) => value !== null);
  }

  resize() {
    this.plot?.setSize({ width: this.element.clientWidth, height: HEIGHT });
  }

  options() {
    const { quiet, line } = this.colours;
    const font = `12px ${getComputedStyle(document.body).fontFamily}`;
    const axis = { stroke: quiet, font, grid: { stroke: line, width: 1 }, ticks: { show: false }, gap: 6 };
    return {
      width: this.element.clientWidth,
      height: HEIGHT,
      padding: [22, 12, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { setScale: false, x: false }, points: { size: 9, width: 2 } },
      scales: { x: { range: (_, low, high) => spread(low, high) }, y: { range: () => this.range } },
      series: [{}, { paths: () => null, points: { show: false } }],
      axes: [
        { ...axis, grid: { show: false }, space: 72, size: 42, values: (_, ticks, __, ___, step) => days(ticks, step) },
        {
          ...axis,
          space: 38,
          size: (_, ticks) => 14 + Math.max(0, ...(ticks ?? []).map((text) => text.length)) * 7,
          values: (_, ticks) => ticks.map((tick) => (this.unit === "ratio" ? `${number(tick)} %` : amount(tick, this.unit))),
        },
      ],
      hooks: {
        drawClear: [(plot) => this.drawReleases(plot)],
        draw: [(plot) => this.drawRuns(plot)],
        setCursor: [(plot) => this.point(plot)],
      },
    };
  }

  // Releases where their first run here is, or else where they were first observed; cuts between segments.
  drawReleases(plot) {
    const { ctx, bbox } = plot;
    const scale = devicePixelRatio;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, 0, bbox.width, bbox.top + bbox.height);
    ctx.clip();
    ctx.font = `600 ${11 * scale}px ${getComputedStyle(document.body).fontFamily}`;
    ctx.textBaseline = "top";
    let free = -Infinity;
    for (const release of this.marks()) {
      const x = Math.round(plot.valToPos(release.at, "x", true)) + 0.5;
      if (x < bbox.left - 1 || x > bbox.left + bbox.width) continue;
      line(ctx, x, bbox.top - 4 * scale, bbox.top + bbox.height, this.colours.accent, scale, [4 * scale, 3 * scale], 0.55);
      const text = release.release.length > 14 ? `${release.release.slice(0, 13)}…` : release.release;
      const width = ctx.measureText(text).width;
      const left = Math.min(x + 4 * scale, bbox.left + bbox.width - width);
      if (left > free) {
        ctx.fillStyle = this.colours.accent;
        ctx.fillText(text, left, 4 * scale);
        free = left + width + 8 * scale;
      }
    }
    const points = this.series.points;
    for (let place = 1; place < points.length; place++) {
      if (points[place].segment === points[place - 1].segment) continue;
      const x = Math.round(plot.valToPos((this.times[place] + this.times[place - 1]) / 2, "x", true)) + 0.5;
      line(ctx, x, bbox.top, bbox.top + bbox.height, this.colours.open, 2 * scale, [2 * scale, 3 * scale], 0.9);
    }
    ctx.restore();
  }

  marks() {
    const first = new Map();
    this.series.points.forEach((point, place) => first.has(point.release) || first.set(point.release, this.times[place]));
    return this.series.releases
      .map(({ release, at }) => ({ release, at: first.get(release) ?? Date.parse(at) / 1000 }))
      .filter(({ release }) => release !== "unknown")
      .sort((one, other) => one.at - other.at);
  }

  drawRuns(plot) {
    const { ctx, bbox } = plot;
    const scale = devicePixelRatio;
    const [low, high] = this.range;
    const place = (index) => [
      plot.valToPos(this.times[index], "x", true),
      plot.valToPos(Math.min(high, Math.max(low, this.values[index])), "y", true),
    ];
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left - 6 * scale, bbox.top - 6 * scale, bbox.width + 12 * scale, bbox.height + 12 * scale);
    ctx.clip();
    ctx.strokeStyle = this.colours.accent;
    ctx.lineWidth = 1.8 * scale;
    ctx.lineJoin = "round";
    ctx.beginPath();
    let segment = null;
    this.series.points.forEach((point, index) => {
      if (!counts(point)) return;
      const [x, y] = place(index);
      if (point.segment === segment) ctx.lineTo(x, y);
      else ctx.moveTo(x, y);
      segment = point.segment;
    });
    ctx.stroke();
    const size = (this.series.points.length > 150 ? 2 : 3.4) * scale;
    this.series.points.forEach((point, index) => {
      if (point.value === null) return;
      const [x, y] = place(index);
      ctx.beginPath();
      ctx.arc(x, y, size, 0, 2 * Math.PI);
      ctx.fillStyle = counts(point) ? this.colours.accent : this.colours.sheet;
      ctx.fill();
      if (!counts(point)) {
        ctx.strokeStyle = this.colours.quiet;
        ctx.lineWidth = 1.5 * scale;
        ctx.stroke();
      }
    });
    // A run without a value is there all the same: a hollow point on the ground.
    this.series.points.forEach((point, index) => {
      if (point.value !== null) return;
      const x = plot.valToPos(this.times[index], "x", true);
      ctx.beginPath();
      ctx.arc(x, bbox.top + bbox.height - 5 * scale, 2.6 * scale, 0, 2 * Math.PI);
      ctx.strokeStyle = this.colours.quiet;
      ctx.lineWidth = 1.4 * scale;
      ctx.stroke();
    });
    for (const change of this.series.changes) {
      const x = plot.valToPos(Date.parse(change.at) / 1000, "x", true);
      const y = bbox.top + bbox.height;
      ctx.beginPath();
      ctx.moveTo(x, y - 9 * scale);
      ctx.lineTo(x + 5.5 * scale, y);
      ctx.lineTo(x - 5.5 * scale, y);
      ctx.closePath();
      ctx.fillStyle = this.colours.mixed;
      ctx.fill();
    }
    ctx.restore();
  }

  point(plot) {
    const index = plot.cursor.idx;
    if (index === null || index === undefined || plot.cursor.left < 0) {
      this.tip.hidden = true;
      return;
    }
    const point = this.series.points[index];
    this.tip.replaceChildren(...this.words(point));
    this.tip.hidden = false;
    const left = plot.over.offsetLeft + plot.valToPos(this.times[index], "x");
    const width = this.tip.offsetWidth;
    this.tip.style.left = `${Math.max(0, Math.min(left + 12, this.element.clientWidth - width))}px`;
    this.tip.style.top = left + 12 + width > this.element.clientWidth ? "-34px" : "30px";
  }

  words(point) {
    const lines = [point.release, new Date(point.at).toLocaleString("en", { dateStyle: "medium", timeStyle: "short", hourCycle: "h23" })];
    if (point.status !== "done") lines.push(point.status);
    if (point.excluded) lines.push("excluded");
    if (point.value === null) lines.push(point.state.replace("_", " "));
    if (point.hosts !== null) lines.push(`${number(point.hosts)} ${point.hosts === 1 ? "host" : "hosts"}`);
    if (point.per_host !== null && point.hosts > 1) lines.push(`${amount(point.per_host, this.unit)} per host`);
    if (point.kinds !== null) lines.push(point.kinds);
    const change = this.series.changes.find(({ run }) => run === point.run);
    if (change) {
      const effect = `${change.effect > 0 ? "+" : "−"}${number(Math.abs(change.effect) * 100)} %`;
      lines.push(`from here on ${effect}${change.release ? `, with ${change.release}` : "; no release here: infrastructure?"}`);
    }
    const value = document.createElement("b");
    value.textContent = amount(point.value, this.unit);
    return [value, ...lines.map((text) => Object.assign(document.createElement("div"), { textContent: text }))];
  }

  open(index) {
    const point = this.series.points[index];
    if (point) location.href = `/r/${encodeURIComponent(point.run)}`;
  }

  // Arrow keys go from run to run, Enter opens one.
  keyboard() {
    const { element, plot } = this;
    element.tabIndex = 0;
    element.setAttribute("role", "application");
    element.setAttribute("aria-label", `${this.title}: ${this.series.points.length} runs; arrow keys go from run to run, Enter opens one`);
    this.tip.setAttribute("aria-live", "polite");
    element.onkeydown = (event) => {
      const last = this.times.length - 1;
      const now = plot.cursor.idx ?? last + 1;
      const next = { ArrowLeft: Math.max(0, now - 1), ArrowRight: Math.min(last, now + 1), Home: 0, End: last }[event.key];
      if (next !== undefined) {
        event.preventDefault();
        plot.setCursor({ left: plot.valToPos(this.times[next], "x"), top: 10 });
      } else if (event.key === "Enter") {
        this.open(plot.cursor.idx);
      }
    };
  }
}

function counts(point) {
  return point.value !== null && !point.excluded && !HOLLOW.has(point.status);
}

function line(ctx, x, top, bottom, colour, width, dash, alpha) {
  ctx.beginPath();
  ctx.globalAlpha = alpha;
  ctx.strokeStyle = colour;
  ctx.lineWidth = width;
  ctx.setLineDash(dash);
  ctx.moveTo(x, top);
  ctx.lineTo(x, bottom);
  ctx.stroke();
  ctx.setLineDash([]);
  ctx.globalAlpha = 1;
}

function spread(low, high) {
  const edge = Math.max((high - low) * 0.03, 30);
  return [low - edge, high + edge];
}

// A series that moves by 1 % must not look like one that doubles: at least a tenth of the level is shown.
function room(values) {
  if (!values.length) return [0, 1];
  const low = values.reduce((one, other) => Math.min(one, other));
  const high = values.reduce((one, other) => Math.max(one, other));
  const middle = (low + high) / 2;
  const half = Math.max((high - low) * 0.62, Math.abs(middle) * 0.1) || 0.5;
  const bottom = middle - half;
  return [low >= 0 && bottom < 0 ? 0 : bottom, middle + half];
}

// 14:00, and under the first of each day its date.
function days(ticks, step) {
  let before = null;
  return ticks.map((tick) => {
    const at = new Date(tick * 1000);
    const day = at.toLocaleDateString("en", { day: "numeric", month: "short" });
    const year = step >= 28 * 86400 ? ` ${at.getFullYear()}` : "";
    if (step >= 86400) return day + year;
    const time = at.toLocaleTimeString("en", { hour: "2-digit", minute: "2-digit", second: step < 60 ? "2-digit" : undefined, hourCycle: "h23" });
    const text = day === before ? time : `${time}\n${day}`;
    before = day;
    return text;
  });
}

function colours() {
  const style = getComputedStyle(document.documentElement);
  const names = ["accent", "quiet", "line", "sheet", "open", "mixed"];
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}
