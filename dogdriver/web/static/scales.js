// What the axes of a chart show, and how their ticks are written.

// One run alone has half an hour around it.
export function spread(low, high) {
  const edge = low === high ? 1800 : Math.max((high - low) * 0.03, 5);
  return [low - edge, high + edge];
}

// A series that moves by 1 % must not look like one that doubles: at least a tenth of the level is shown.
export function room(values) {
  if (!values.length) return [0, 1];
  const low = values.reduce((one, other) => Math.min(one, other));
  const high = values.reduce((one, other) => Math.max(one, other));
  const middle = (low + high) / 2;
  const half = Math.max((high - low) * 0.62, Math.abs(middle) * 0.1) || 0.5;
  const bottom = middle - half;
  return [low >= 0 && bottom < 0 ? 0 : bottom, middle + half];
}

// 14:00, and under the first of each day its date.
export function days(ticks, step) {
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
