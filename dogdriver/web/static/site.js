// What every page does, and what only some need: fetched when they do.

for (const time of document.querySelectorAll("time[datetime]")) {
  const at = new Date(time.dateTime);
  time.title = `${at.toISOString().slice(0, 16).replace("T", " ")} UTC`;
  if (time.hasAttribute("data-full")) time.textContent = inFull(at, "short");
  else if (time.hasAttribute("data-next") && at < Date.now()) time.textContent = "in a moment";
  else time.textContent = nearby(at);
}

for (const form of document.querySelectorAll("form[data-submit]")) {
  form.addEventListener("change", ({ target }) => {
    // What was picked further on may not be there with what is picked now: it is left to the server.
    const picks = [...form.querySelectorAll("select")];
    const independent = (pick) => pick.dataset.independent !== undefined;
    const chosen = picks.filter((pick, place) => pick.value && (independent(target) || independent(pick) || place <= picks.indexOf(target)));
    location.assign(`${form.action}?${new URLSearchParams(chosen.map(({ name, value }) => [name, value]))}`);
  });
}

if (document.querySelector("[data-series]")) {
  import("./charts.js").then(({ drawAll }) => drawAll());
}

if (document.querySelector("[data-follow], [data-live]")) {
  import("./live.js").then(({ followAll }) => followAll());
}

function nearby(at) {
  const seconds = (at - Date.now()) / 1000;
  const size = Math.abs(seconds);
  if (size < 45) return seconds > 0 ? "in a moment" : "just now";
  const words = new Intl.RelativeTimeFormat("en", { numeric: "always" });
  if (size < 3600) return words.format(Math.round(seconds / 60), "minute");
  if (size < 86400) return words.format(Math.round(seconds / 3600), "hour");
  if (size < 6 * 86400) return words.format(Math.round(seconds / 86400), "day");
  return inFull(at);
}

function inFull(at, timeZoneName) {
  return at.toLocaleString("en", { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZoneName });
}
