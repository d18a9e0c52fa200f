// What is drawn on a chart: runs, full or hollow, the releases, the cuts between what can be compared, the hosts below,
// and the steps in the level. A chart has series, times, values, range, colours, judged (a release) and lane (pixels).

import { number } from "./numbers.js";

const HOLLOW = new Set(["failed", "aborted", "invalid"]);

export function counts(point) {
  return point.value !== null && !point.excluded && !HOLLOW.has(point.status);
}

export function hosts(point) {
  return `${number(point.hosts)} ${point.hosts === 1 ? "host" : "hosts"}${point.kinds === null ? "" : `, ${point.kinds}`}`;
}

// Before the axes: what lies behind the runs.
export function drawUnder(plot, chart) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, 0, bbox.width, bbox.top + bbox.height + chart.lane * devicePixelRatio);
  ctx.clip();
  drawReleases(plot, chart);
  drawCuts(plot, chart);
  if (chart.lane) drawHosts(plot, chart);
  ctx.restore();
}

export function drawOver(plot, chart) {
  const { ctx, bbox } = plot;
  const edge = 6 * devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left - edge, bbox.top - edge, bbox.width + 2 * edge, bbox.height + 2 * edge);
  ctx.clip();
  drawLine(plot, chart);
  drawRuns(plot, chart);
  drawChanges(plot, chart);
  ctx.restore();
}

// Releases where their first run here is, or else where they were first observed.
function releases({ series, times }) {
  const first = new Map();
  series.points.forEach((point, place) => first.has(point.release) || first.set(point.release, times[place]));
  return series.releases
    .map(({ release, at }) => ({ release, at: first.get(release) ?? Date.parse(at) / 1000 }))
    .filter(({ release }) => release !== "unknown")
    .sort((one, other) => one.at - other.at);
}

function drawReleases(plot, chart) {
  const { ctx, bbox } = plot;
  const scale = devicePixelRatio;
  const right = bbox.left + bbox.width;
  const marks = releases(chart).map((mark) => ({ ...mark, x: Math.round(plot.valToPos(mark.at, "x", true)) + 0.5 }));
  font(ctx, 600);
  let free = -Infinity;
  marks.forEach(({ release, x }, place) => {
    if (release === chart.judged) {
      const end = marks[place + 1]?.x ?? right;
      ctx.globalAlpha = 0.07;
      ctx.fillStyle = chart.colours.accent;
      ctx.fillRect(x, bbox.top, end - x, bbox.height);
      ctx.globalAlpha = 1;
    }
    if (x < bbox.left - 1 || x > right) return;
    line(ctx, x, bbox.top - 4 * scale, bbox.top + bbox.height, chart.colours.accent, scale, [4 * scale, 3 * scale], 0.55);
    const text = release.length > 14 ? `${release.slice(0, 13)}…` : release;
    const width = ctx.measureText(text).width;
    const left = Math.min(x + 4 * scale, right - width);
    if (left > free) {
      ctx.fillStyle = chart.colours.accent;
      ctx.fillText(text, left, 4 * scale);
      free = left + width + 8 * scale;
    }
  });
}

function drawCuts(plot, { series: { points }, times, colours }) {
  const { ctx, bbox } = plot;
  const scale = devicePixelRatio;
  for (let place = 1; place < points.length; place++) {
    if (points[place].segment === points[place - 1].segment) continue;
    const x = Math.round(plot.valToPos((times[place] + times[place - 1]) / 2, "x", true)) + 0.5;
    line(ctx, x, bbox.top, bbox.top + bbox.height, colours.open, 2 * scale, [2 * scale, 3 * scale], 0.9);
  }
}

// A bar under each stretch of runs on the same hosts, with what they are where there is room to say it.
function drawHosts(plot, { series: { points }, times, colours }) {
  const { ctx, bbox } = plot;
  const scale = devicePixelRatio;
  const top = bbox.top + bbox.height;
  const stretches = [];
  points.forEach((point, place) => {
    if (point.hosts === null) return;
    const label = hosts(point);
    const last = stretches.at(-1);
    if (last?.label === label) last.end = times[place];
    else stretches.push({ label, start: times[place], end: times[place], short: `${number(point.hosts)}` });
  });
  font(ctx, 400);
  for (const { label, short, start, end } of stretches) {
    const left = plot.valToPos(start, "x", true) - 3 * scale;
    const width = plot.valToPos(end, "x", true) + 3 * scale - left;
    ctx.fillStyle = colours.open;
    ctx.globalAlpha = 0.75;
    ctx.fillRect(left, top + 2 * scale, width, 2 * scale);
    ctx.globalAlpha = 1;
    const text = [label, short].find((words) => ctx.measureText(words).width <= width);
    ctx.fillStyle = colours.quiet;
    if (text) ctx.fillText(text, left, top + 6 * scale);
  }
}

function drawLine(plot, chart) {
  const { ctx } = plot;
  ctx.strokeStyle = chart.colours.accent;
  ctx.lineWidth = 1.8 * devicePixelRatio;
  ctx.lineJoin = "round";
  ctx.beginPath();
  let segment = null;
  chart.series.points.forEach((point, index) => {
    if (!counts(point)) return;
    const [x, y] = position(plot, chart, index);
    if (point.segment === segment) ctx.lineTo(x, y);
    else ctx.moveTo(x, y);
    segment = point.segment;
  });
  ctx.stroke();
}

function drawRuns(plot, chart) {
  const { ctx } = plot;
  const { points } = chart.series;
  const { accent, sheet, quiet } = chart.colours;
  const scale = devicePixelRatio;
  const size = points.length > 150 ? 2 : 3.2;
  points.forEach((point, index) => {
    const [x, y] = position(plot, chart, index);
    ctx.beginPath();
    ctx.arc(x, y, (point.value === null ? 2.6 : size) * scale, 0, 2 * Math.PI);
    ctx.fillStyle = counts(point) ? accent : sheet;
    ctx.fill();
    if (counts(point)) return;
    ctx.strokeStyle = quiet;
    ctx.lineWidth = 1.5 * scale;
    ctx.stroke();
  });
}

function drawChanges(plot, { series: { changes }, colours }) {
  const { ctx, bbox } = plot;
  const scale = devicePixelRatio;
  const y = bbox.top + bbox.height;
  for (const change of changes) {
    const x = plot.valToPos(Date.parse(change.at) / 1000, "x", true);
    ctx.beginPath();
    ctx.moveTo(x, y - 9 * scale);
    ctx.lineTo(x + 5.5 * scale, y);
    ctx.lineTo(x - 5.5 * scale, y);
    ctx.closePath();
    ctx.fillStyle = colours.mixed;
    ctx.fill();
  }
}

// A value outside the scale stands at its edge; a run without a value is there all the same, on the ground.
function position(plot, { times, values, range: [low, high] }, index) {
  const { bbox } = plot;
  const x = plot.valToPos(times[index], "x", true);
  if (values[index] === null) return [x, bbox.top + bbox.height - 5 * devicePixelRatio];
  return [x, plot.valToPos(Math.min(high, Math.max(low, values[index])), "y", true)];
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

function font(ctx, weight) {
  ctx.font = `${weight} ${11 * devicePixelRatio}px ${getComputedStyle(document.body).fontFamily}`;
  ctx.textBaseline = "top";
}
