// Judges the page that is shown; gives a list of sentences, empty when all is well.
async ({ touch }) => {
  const faults = [];
  const told = (what, element) => faults.push(what + ": " + element.outerHTML.slice(0, 120));
  const shown = (element) => element.checkVisibility() && element.getClientRects().length > 0;
  const unseen = (element) => element.closest(".unseen, .skip, thead") !== null;

  // Nothing reaches out of the screen.
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) {
    faults.push("scrolls sideways by " + (root.scrollWidth - root.clientWidth));
    for (const element of document.body.querySelectorAll("*")) {
      if (element.getBoundingClientRect().right > root.clientWidth + 1) told("reaches out", element);
    }
  }

  // Text is readable on what lies behind it (WCAG 2.2, 1.4.3).
  const channels = (text) => (text.match(/[\d.]+/g) || []).map(Number);
  const luminance = ([r, g, b]) => {
    const linear = [r, g, b].map((v) =>
      v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = channels(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !shown(element) || unseen(element)) continue;
    if (element.closest("svg.qr")) continue;
    const style = getComputedStyle(element);
    const ink = luminance(channels(element.closest("svg") ? style.fill : style.color));
    const paper = luminance(behind(element));
    const contrast = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    if (contrast < 4.5) told("contrast " + contrast.toFixed(2), element);
  }

  // Everything to use has a name, and fingers find it (WCAG 2.2, 4.1.2 and 2.5.8).
  for (const element of document.querySelectorAll("a, button, input, select, textarea, summary")) {
    if (element.type === "hidden" || !shown(element)) continue;
    const labels = [...(element.labels || [])].map((label) => label.textContent).join("");
    const name = element.getAttribute("aria-label") || labels || element.textContent;
    if (!name.trim()) told("has no name", element);
    const control = element.matches(".button, input:not([type=checkbox]), select, textarea");
    const height = element.getBoundingClientRect().height;
    if (touch && control && height < 43.5) told("only " + height + " high", element);
  }

  // The page's frame.
  if (document.querySelectorAll("h1").length !== 1) faults.push("has not one h1");
  if (document.querySelectorAll("main").length !== 1) faults.push("has not one main");
  if (!document.title.trim()) faults.push("has no title");
  if (!root.lang) faults.push("has no language");
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  for (const id of new Set(ids)) {
    if (ids.filter((other) => other === id).length > 1) faults.push("has the id twice: " + id);
  }
  for (const element of document.querySelectorAll("[aria-describedby], [aria-labelledby]")) {
    const named = element.getAttribute("aria-describedby") + " " + element.getAttribute("aria-labelledby");
    for (const id of named.split(" ")) {
      if (id && id !== "null" && !document.getElementById(id)) told("names what is not there", element);
    }
  }

  // Nothing jumps while the page comes up; what one does to it may move things.
  const shifts = await new Promise((resolve) => {
    const entries = [];
    let touched = Infinity;
    new PerformanceObserver((list) => entries.push(...list.getEntries())).observe({
      type: "layout-shift",
      buffered: true,
    });
    new PerformanceObserver((list) => {
      touched = list.getEntries()[0].startTime;
    }).observe({ type: "first-input", buffered: true });
    setTimeout(() => {
      const untouched = entries.filter((e) => !e.hadRecentInput && e.startTime < touched);
      resolve(untouched.reduce((sum, entry) => sum + entry.value, 0));
    }, 60);
  });
  if (shifts > 0.02) faults.push("jumps by " + shifts.toFixed(3));
  return faults;
}
