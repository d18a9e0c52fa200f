// Numbers as the server says them (words.py): three digits that matter, in their unit.

const UNITS = { "1/s": "/s", ratio: "%" };

export function number(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 1e12 || (size > 0 && size < 1e-4)) return value.toExponential(2).replace("-", "−");
  const places = size >= 100 || size === 0 ? 0 : Math.min(6, 2 - Math.floor(Math.log10(size)));
  const text = value.toFixed(places);
  const [whole, part] = (places ? text.replace(/\.?0+$/, "") : text).split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, "\u202f").replace("-", "−");
  return part ? `${grouped}.${part}` : grouped;
}

export function amount(value, unit) {
  if (value === null || value === undefined) return "–";
  return `${number(unit === "ratio" ? value * 100 : value)} ${UNITS[unit] ?? unit}`.trim();
}
