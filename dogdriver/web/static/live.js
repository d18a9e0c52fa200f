// Follows runs by Server-Sent Events; when one changes its status, the page is read again.

import { amount, number } from "./numbers.js";

const SHOW = {
  rps: (value) => amount(value, "1/s"),
  p50: (value) => amount(value, "ms"),
  p95: (value) => amount(value, "ms"),
  requests: number,
  errors: number,
  workers: number,
};
const MOST_LINES = 500;

export function followAll() {
  for (const part of document.querySelectorAll("[data-follow]")) follow(part.dataset.follow, (step) => show(part, step));
  for (const bar of document.querySelectorAll("progress[data-live]")) follow(bar.dataset.live, (step) => { bar.value = step.progress; });
}

function follow(address, onStep) {
  const events = new EventSource(address);
  let first = null;
  events.addEventListener("state", (event) => {
    const { status } = JSON.parse(event.data);
    first ??= status;
    if (status !== first) {
      events.close();
      location.reload();
    }
  });
  events.addEventListener("progress", (event) => onStep(JSON.parse(event.data)));
  events.addEventListener("end", () => {
    events.close();
    location.reload();
  });
}

function show(part, step) {
  part.querySelector("progress").value = step.progress;
  for (const [name, text] of Object.entries(SHOW)) {
    const place = part.querySelector(`[data-is="${name}"]`);
    if (place) place.textContent = text(step[name]);
  }
  if (step.lines?.length) {
    const lines = part.querySelector(".lines");
    const below = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 8;
    lines.hidden = false;
    lines.textContent = [...lines.textContent.split("\n").filter(Boolean), ...step.lines].slice(-MOST_LINES).join("\n");
    if (below) lines.scrollTop = lines.scrollHeight;
  }
}
