"""A real VNC server, with its demo's configuration and page: noVNC in headless Chromium."""

import os
import subprocess

import pytest

from harness.gateway import wait_until
from harness.services import needs

pytestmark = [needs("Xtigervnc", "tigervnc-standalone-server"),
              needs("xsetroot", "x11-xserver-utils")]

# What every script begins with. Colours are those of a screenshot, which the page's canvas and all
# that is before it have gone through.
PRELUDE = """
    const colours = async () => {
        const box = await page.locator('#desktop canvas').boundingBox();
        const shot = (await page.screenshot()).toString('base64');
        return page.evaluate(async ([shot, box]) => {
            const image = new Image();
            image.src = 'data:image/png;base64,' + shot;
            await image.decode();
            const canvas = new OffscreenCanvas(image.width, image.height);
            const context = canvas.getContext('2d', { willReadFrequently: true });
            context.drawImage(image, 0, 0);
            const found = {};
            // Not the middle, where the pointer may be.
            for (let x = 0.05; x < 1; x += 0.1) for (let y = 0.05; y < 1; y += 0.1) {
                const [r, g, b] = context.getImageData(
                    box.x + x * box.width, box.y + y * box.height, 1, 1).data;
                const name = [r, g, b].join();
                found[name] = (found[name] ?? 0) + 1;
            }
            return found;
        }, [shot, box]);
    };
    const all = async (colour) => {
        let found;
        for (let i = 0; i < 100; i++) {
            found = await colours();
            if (Object.keys(found).join() === colour) break;
            await new Promise((next) => setTimeout(next, 100));
        }
        return found;
    };
    await page.setViewportSize({ width: 800, height: 600 });
    await page.goto(args.url);
    await page.waitForSelector('#state[data-state=connected]', { timeout: 15000 });
"""

BLUE = "51,102,204"


@pytest.fixture
def vnc(real, browser):
    service, front = real("vnc")
    yield service, lambda script, **args: browser.run(
        PRELUDE + script, url=front.url("/", "http"), **args)


def display_of(service):
    """The X display behind the server, as the demo's script was told."""
    path = service.folder / "display.number"
    return ":" + wait_until(lambda: path.exists() and path.read_text().strip(), what="a display")


def test_pixels_of_the_desktop_are_on_the_page(vnc):
    _, run = vnc
    got = run("""
        return {
            colours: await all(args.colour),
            size: await page.$eval('#desktop canvas', (canvas) => [canvas.width, canvas.height]),
            state: await page.innerText('#state'),
            messages,
        };
    """, colour=BLUE)
    assert got["colours"] == {BLUE: 100}
    assert got["size"] == [640, 480]
    assert got["state"] == "a desktop"
    assert got["messages"] == []


def test_change_of_the_desktop_comes_to_the_page(vnc):
    service, run = vnc
    display = display_of(service)
    before = run("return all(args.colour)", colour=BLUE)
    subprocess.run(["xsetroot", "-display", display, "-solid", "#cc6633"], check=True, timeout=20,
                   env={**os.environ, "HOME": str(service.folder)})
    after = run("return all(args.colour)", colour="204,102,51")
    assert (before, after) == ({BLUE: 100}, {"204,102,51": 100})
