// Small aids for pages that work without them: countdowns, live figures, one submit at a time.
"use strict";

function clock(seconds) {
  const pad = (n) => String(n).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const rest = pad(Math.floor((seconds % 3600) / 60)) + ":" + pad(seconds % 60);
  return hours > 0 ? hours + ":" + rest : rest;
}

// data-ends-in-ms counts from the server's clock, so a wrong clock here does not matter.
function startCountdown(element) {
  const ends = performance.now() + Number(element.dataset.endsInMs);
  const timer = setInterval(show, 500);
  function show() {
    const seconds = Math.max(0, Math.ceil((ends - performance.now()) / 1000));
    element.textContent = clock(seconds);
    if (seconds > 0) return;
    clearInterval(timer);
    if (element.dataset.then === "reload") location.reload();
    if (element.dataset.then === "submit") submitWhenSeen(element.closest("form"));
    if (element.dataset.then === "leave") location.assign(element.dataset.target);
  }
  show();
}

function submitWhenSeen(form) {
  if (!document.hidden) {
    form.submit();
    return;
  }
  document.addEventListener("visibilitychange", () => form.submit(), { once: true });
}

// A page that answers a form takes the address of the page with the form: going back to it, or
// loading it again, sends nothing.
function takeAddress(body) {
  history.replaceState(null, "", body.dataset.address);
}

function sendOnce(event) {
  const form = event.target;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  if (form.dataset.confirm && !window.confirm(form.dataset.confirm)) {
    event.preventDefault();
    return;
  }
  if (form.method === "post") {
    form.dataset.sent = "yes";
    const button = event.submitter || form.querySelector("button");
    if (button) button.setAttribute("aria-disabled", "true");
  }
}

// A page that comes back from the browser's memory may be sent again.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    const button = form.querySelector("[aria-disabled]");
    if (button) button.removeAttribute("aria-disabled");
  }
});

function followFigures(element) {
  const state = document.getElementById("live-state");
  async function refresh() {
    if (document.hidden) return;
    try {
      const answer = await fetch(element.dataset.live, { headers: { accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      const { texts, charts } = await answer.json();
      for (const [name, text] of Object.entries(texts)) {
        const place = document.querySelector('[data-figure="' + name + '"]');
        if (place && place.textContent !== text) place.textContent = text;
      }
      for (const [name, drawing] of Object.entries(charts)) {
        const place = document.querySelector('[data-chart="' + name + '"]');
        if (place && place.dataset.drawn !== drawing) {
          place.dataset.drawn = drawing;
          place.innerHTML = drawing;
        }
      }
      state.className = "live on";
      state.textContent = state.dataset.on;
    } catch {
      state.className = "live off";
      state.textContent = state.dataset.off;
    }
  }
  setInterval(refresh, 2000);
  refresh();
}

function copyOnClick(button) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copy);
    await navigator.clipboard.writeText(source.textContent.trim());
    button.textContent = button.dataset.copied;
  });
}

// On a phone the places lie side by side; the present one is brought into view.
function showPresentPlace(place) {
  const row = place.parentElement;
  row.scrollLeft = place.offsetLeft - (row.clientWidth - place.offsetWidth) / 2;
}

document.querySelectorAll("body[data-address]").forEach(takeAddress);
document.querySelectorAll(".places [aria-current]").forEach(showPresentPlace);
document.querySelectorAll("[data-ends-in-ms]").forEach(startCountdown);
document.querySelectorAll("[data-live]").forEach(followFigures);
document.querySelectorAll("button[data-copy]").forEach(copyOnClick);
document.addEventListener("submit", sendOnce);
