// One chart per metric: the runs in time, to be pointed at and to be opened. uPlot keeps the scales and axes; what
// means something (points, releases, cuts, hosts, steps) is drawn by marks.js.

import uPlot from "./vendor/uPlot.js";
import { counts, drawOver, drawUnder, hosts } from "./marks.js";
import { amount, number } from "./numbers.js";
import { days, room, spread } from "./scales.js";

const HEIGHT = 212;
const LANE = 16; // pixels below the plot that the hosts take

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
    this.judged = element.dataset.release;
    this.perHost = "perHost" in element.dataset; // elsewhere, as of a time, it would mean nothing
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
    this.lane = points.some((point) => point.hosts !== null) ? LANE : 0;
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
      scales: { x: { range: () => spread(this.times[0], this.times.at(-1)) }, y: { range: () => this.range } },
      series: [{}, { paths: () => null, points: { show: false } }],
      axes: [
        { ...axis, grid: { show: false }, space: 72, size: 42 + this.lane, gap: 6 + this.lane, values: (_, ticks, __, ___, step) => days(ticks, step) },
        {
          ...axis,
          space: 38,
          size: (_, ticks) => 14 + Math.max(0, ...(ticks ?? []).map((text) => text.length)) * 7,
          values: (_, ticks) => ticks.map((tick) => (this.unit === "ratio" ? `${number(tick)} %` : amount(tick, this.unit))),
        },
      ],
      hooks: {
        drawClear: [(plot) => drawUnder(plot, this)],
        draw: [(plot) => drawOver(plot, this)],
        setCursor: [(plot) => this.point(plot)],
      },
    };
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
    if (!counts(point)) lines.push("not counted");
    if (point.value === null) lines.push(point.state.replace("_", " "));
    if (point.hosts !== null) lines.push(hosts(point));
    if (this.perHost && point.per_host !== null && point.hosts > 1) lines.push(`${amount(point.per_host, this.unit)} per host`);
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
    if (point) location.href = new URL(`../r/${encodeURIComponent(point.run)}`, import.meta.url);
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

function colours() {
  const style = getComputedStyle(document.documentElement);
  const names = ["accent", "quiet", "line", "sheet", "open", "mixed"];
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}
