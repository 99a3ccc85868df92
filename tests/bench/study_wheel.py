"""How evenly slices pass in a real browser while the wheel turns."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from tests import chromium
from tests.bench.browsing import Browsing

NOTCH_MS = 33  # thirty slices a second: a wheel turned briskly
PATIENCE_MS, SETTLED_MS = 60_000, 1_000
_READY = "customElements.whenDefined('scan-viewer').then(() => document.querySelector('scan-viewer').ready)"
# The caption says which slice is drawn; one has passed when the next frame begins.
_TURN = """
async ([notches, pause]) => {
  const target = document.querySelector(".sv-marks"), caption = document.querySelector(".sv-caption");
  const box = target.getBoundingClientRect(), passed = [];
  let seen = caption.textContent, isOver = false;
  const look = () => {
    const now = caption.textContent;
    if (now !== seen) passed.push(performance.now());
    seen = now;
    if (!isOver) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
  const begun = performance.now();
  for (let turned = 1; turned <= notches; turned++) {
    const wait = begun + turned * pause - performance.now();
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, wait)));
    const place = { clientX: box.x + box.width / 2, clientY: box.y + box.height / 2, bubbles: true, cancelable: true };
    target.dispatchEvent(new WheelEvent("wheel", { deltaY: 60, ...place }));
  }
  await new Promise((resolve) => setTimeout(resolve, 1000));
  isOver = true;
  return passed;
}
"""


@dataclass(frozen=True)
class Turned:
    """`passed` slices were seen of `asked`; milliseconds between two that were seen one after the other."""

    asked: int
    passed: int
    longest: float
    late: int  # gaps longer than 50 ms

    @property
    def sentence(self) -> str:
        return (
            f"wheel: {self.passed} of {self.asked} slices seen at one every {NOTCH_MS} ms, longest gap "
            f"{self.longest:.0f} ms, {self.late} gaps longer than 50 ms"
        )


def turn(browsing: Browsing, image: str, count: int) -> Turned:
    """Open the viewer at an image of a study of `count` slices, let it load ahead, and turn from first to last.

    As whoever is signed in with `browsing`.
    """
    root = f"http://{browsing.host}:{browsing.port}"
    with chromium.launched() as browser:
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        context.add_cookies([{"name": name, "value": value, "url": root} for name, value in browsing.cookies.items()])
        page = context.new_page()
        page.goto(f"{root}/scans/{image}/view/")
        page.evaluate(_READY)
        page.wait_for_load_state("networkidle", timeout=PATIENCE_MS)  # it knows the other slices
        page.keyboard.press("Home")
        page.wait_for_timeout(SETTLED_MS)
        page.wait_for_load_state("networkidle", timeout=PATIENCE_MS)
        times = page.evaluate(_TURN, [count - 1, NOTCH_MS])
    assert times, "The wheel turned, and no other slice was seen."
    gaps = [later - earlier for earlier, later in pairwise(times)]
    return Turned(count - 1, len(times), max(gaps, default=0.0), sum(gap > 50 for gap in gaps))
