"""How smooth the fraud graph's page is: times between frames in headless Chromium, 500 points.

The page's own files are served with a made neighbourhood behind them; the browser pans, zooms and
moves the slider once a frame while the points still move, and notes when each frame begins.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from random import Random
from typing import Any, Final

import numpy as np
from playwright.sync_api import Page, Route, sync_playwright

from bench.report import Figure, say

__all__ = ["page_figures"]

_STATIC: Final = Path(__file__).parents[1] / "src/tallystick/console/static"
_POINTS: Final = 500
_EDGES: Final = 1500
_FRAMES: Final = 240
_HOST: Final = "http://graph.test"

_PAGE: Final = """<!doctype html><html lang="en"><head>
<link rel="stylesheet" href="/fraud_graph.css"></head><body>
<form id="graph-search"><input id="find" value="all"></form><p id="graph-said"></p>
<div id="graph"><canvas id="graph-canvas" tabindex="0" style="width:1000px;height:600px"></canvas>
<output id="graph-day"></output>
<input id="graph-until" type="range" min="0" max="1000" value="1000">
<p id="graph-nothing"></p><dl id="graph-facts"><dd data-fact="kind"></dd><dd data-fact="id"></dd>
<dd data-fact="label"></dd><dd data-fact="received"></dd><dd data-fact="sent"></dd></dl>
<button id="graph-expand"></button><button id="graph-from"></button><button id="graph-to"></button>
<button id="graph-export"></button><button id="graph-clear"></button>
<table><tbody id="graph-rows"></tbody></table></div>
<script src="/fraud_graph.js"></script></body></html>"""

_MOVE: Final = """async ([frames, what]) => {
  const canvas = document.getElementById("graph-canvas");
  const slider = document.getElementById("graph-until");
  const box = canvas.getBoundingClientRect();
  const point = (name, n) => canvas.dispatchEvent(new PointerEvent(name, {
    pointerId: 1, bubbles: true, clientX: box.left + 5 + (n % 40), clientY: box.top + 5 + (n % 30),
  }));
  canvas.setPointerCapture = () => {};
  const gaps = [];
  let last = await new Promise(requestAnimationFrame);
  if (what === "pan") point("pointerdown", 0);
  for (let n = 1; n <= frames; n += 1) {
    if (what === "pan") point("pointermove", n);
    if (what === "zoom") canvas.dispatchEvent(new WheelEvent("wheel", {
      deltaY: n % 20 < 10 ? -1 : 1, cancelable: true }));
    if (what === "slide") {
      slider.value = String((n * 7) % 1000);
      slider.dispatchEvent(new Event("input"));
    }
    const now = await new Promise(requestAnimationFrame);
    gaps.push(now - last);
    last = now;
  }
  if (what === "pan") point("pointerup", 0);
  return gaps;
}"""


def _neighbourhood() -> dict[str, Any]:
    random = Random(1)
    vertices = [
        {"kind": "Account", "id": str(n), "label": "", "isBlocked": n % 40 == 0}
        for n in range(_POINTS)
    ]
    edges = []
    for n in range(_EDGES):
        source = n % _POINTS
        target = (source * 3 + 1 + random.randrange(40)) % _POINTS
        times = sorted(random.randrange(1_600_000_000_000, 1_700_000_000_000) for _ in range(50))
        edges.append(
            {
                "edge": "transfer", "fromKind": "Account", "fromId": str(source),
                "toKind": "Account", "toId": str(target), "count": 50, "amount": 5000.0,
                "firstTime": times[0], "lastTime": times[-1], "times": times,
                "amounts": [100.0] * 50,
            }
        )  # fmt: skip
    return {"vertices": vertices, "edges": edges, "complete": True}


def _served(route: Route) -> None:
    name = route.request.url.removeprefix(_HOST).split("?")[0]
    if name.endswith(".json"):
        route.fulfill(body=json.dumps(_neighbourhood()), content_type="application/json")
    elif name == "/":
        route.fulfill(body=_PAGE, content_type="text/html")
    else:
        route.fulfill(path=_STATIC / name.lstrip("/"))


def _gaps(page: Page, what: str) -> list[float]:
    page.goto(f"{_HOST}/")
    page.wait_for_function("() => points.size === 500")
    gaps: list[float] = page.evaluate(_MOVE, [_FRAMES, what])
    return gaps


def page_figures() -> dict[str, Figure]:
    """Median and 95th percentile of the time from frame to frame, by what a person does."""
    chromium = os.environ.get("TALLYSTICK_CHROMIUM") or shutil.which("chromium")
    if not chromium:
        say("Chromium is not there: the page is not measured")
        return {}
    figures = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.route("**/*", _served)
        for what in ("pan", "zoom", "slide"):
            p50, p95 = np.percentile(_gaps(page, what), [50, 95])
            figures[f"graph.page.{what}_frame_p50_ms"] = Figure(float(p50), "ms", "500 points")
            figures[f"graph.page.{what}_frame_p95_ms"] = Figure(
                float(p95), "ms", f"{p95 / 33.4:.2f} of two frames"
            )
        browser.close()
    return figures
