# SPDX-License-Identifier: BSD-2-Clause
"""The page of build/web starts the kernel, takes commands, shows its screen in pixels and in VGA text, and asks
nobody else for anything.

A web server of Python's holds the folder; the page is driven in a headless Chromium, as a visitor would. What a person
would read on the screen is read back from its pixels; what they would see, from the browser's own screenshot."""

import base64
import functools
import http.server
import pathlib
import re
import sys
import threading
import time

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools/viewer"), str(ROOT / "tests/qemu")]

import browser  # noqa: E402
from picture import Picture  # noqa: E402

FOLDER = ROOT / "build/web"
# The prompt, and what the line editor draws behind it, at the end of what was said.
PROMPT = r"/meridian> (\x1b\[[0-9;?]*[A-Za-z]|\r)*$/"
PATIENCE = 90                   # seconds for anything: an emulator in a browser on a busy machine
# v86 has no trap flag: a program that steps through its instructions is not stopped.
KNOWN_FAILURES = {"user": "'step' was not stopped"}
CELL, ORIGIN = (8, 16), (0, 4)   # of the font at 800x600, whose rows leave eight lines over
# The pixels of a canvas, or of a screenshot, as text: three bytes each.
PIXELS_OF_CANVAS = """const canvas = document.querySelector('#screen canvas');
    const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;"""
PIXELS_OF_SHOT = """const done = arguments[arguments.length - 1];
    const bytes = Uint8Array.from(atob(arguments[0]), (one) => one.charCodeAt(0));
    createImageBitmap(new Blob([bytes])).then((bitmap) => {
        const canvas = new OffscreenCanvas(bitmap.width, bitmap.height), paper = canvas.getContext('2d');
        paper.drawImage(bitmap, 0, 0);
        const data = paper.getImageData(0, 0, canvas.width, canvas.height).data;
        done(%s);
    });"""
RESULT = """[canvas.width, canvas.height, (() => { let text = '';
    for (let at = 0; at < data.length; at += 4) text += String.fromCharCode(data[at], data[at + 1], data[at + 2]);
    return btoa(text); })()]"""


class Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Silent, directory=FOLDER))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


@pytest.fixture(scope="module")
def driver(address):
    chromium = browser.start()
    browser.set_width(chromium, 1500, 900)
    chromium.get(address)
    yield chromium
    chromium.quit()


def until(driver, script, *arguments):
    end = time.monotonic() + PATIENCE
    while not driver.execute_script(script, *arguments):
        said = driver.execute_script("return typeof machine !== 'undefined' && document.getElementById('status').textContent + '\\n' + machine.said.slice(-600)")
        assert time.monotonic() < end, f"not true after {PATIENCE} s: {script}\n{said}"
        time.sleep(0.2)


@pytest.fixture
def ready(driver):
    until(driver, f"return machine.ready && {PROMPT}.test(machine.said)")
    return driver


def command(driver, line):
    """Types a line into the terminal, key by key; returns what the machine printed."""
    before = len(driver.execute_script("return machine.said"))
    driver.find_element(By.CSS_SELECTOR, ".xterm-helper-textarea").send_keys(line + Keys.ENTER)
    until(driver, f"const said = machine.said.slice(arguments[0]); return said.includes('\\n') && {PROMPT}.test(said)", before + len(line))
    return driver.execute_script("return machine.said.slice(arguments[0])", before).replace("\r", "")


def picture(width, height, pixels):
    """What picture.py reads, from pixels in base64."""
    one = Picture.__new__(Picture)
    one.width, one.height, one.pixels = width, height, base64.b64decode(pixels)
    return one


def canvas(driver):
    """The machine's screen, pixel by pixel."""
    return picture(*driver.execute_script(f"{PIXELS_OF_CANVAS} return {RESULT}"))


def screenshot(driver, name):
    """What a person sees of the page; kept as build/NAME.png. None of the machine's screen is cut off."""
    assert driver.execute_script("const box = document.getElementById('screen'); return box.scrollWidth <= box.clientWidth")
    seen = picture(*driver.execute_async_script(PIXELS_OF_SHOT % RESULT, driver.get_screenshot_as_base64()))
    seen.write_png(ROOT / f"build/{name}.png")
    return seen


def until_drawn(driver, pattern):
    """Waits until the pixels of the screen have text that matches; returns the match."""
    end = time.monotonic() + PATIENCE
    while True:
        text = canvas(driver).text(CELL, ORIGIN)
        found = re.search(pattern, text)
        if found:
            return found
        assert time.monotonic() < end, f"not on the screen after {PATIENCE} s: {pattern}\n{text}"
        time.sleep(0.5)


def press(driver, *keys):
    for key in keys:
        ActionChains(driver).send_keys(key).perform()
        time.sleep(0.05)


def test_ready(ready):
    """The kernel boots in the page to its prompt, and the page says how long that took."""
    assert re.fullmatch(r"Ready after \d+\.\d s: type a command", ready.find_element(By.ID, "status").text)
    assert all(button.is_enabled() for button in ready.find_elements(By.CSS_SELECTOR, "#suggestions button"))


def test_monitor(ready):
    """Commands typed at the terminal are answered; the map has the emulator's memory."""
    assert "64 MiB" in command(ready, "map") or "63" in command(ready, "map")
    frames = command(ready, "frames")
    free, total = (int(re.search(rf"  {word} +(\d+)", frames).group(1)) for word in ("free", "total"))
    assert 14000 < free < total <= 16384


def test_screen_shows_what_the_terminal_does(ready):
    """The machine's own screen, in pixels, shows what the monitor says as well."""
    said = re.search(r"frames of 4 KiB.*", command(ready, "frames")).group()
    until_drawn(ready, re.escape(said))


def test_dashboard_is_on_the_canvas(ready):
    """`viz`, typed at the terminal, draws the dashboard on the machine's screen, with the memory that the monitor counts; a
    key typed at the screen goes to another page of it; Esc comes back to the prompt."""
    free = int(re.search(r"  free +(\d+)", command(ready, "frames")).group(1))
    ready.find_element(By.CSS_SELECTOR, ".xterm-helper-textarea").send_keys("viz" + Keys.ENTER)
    drawn = until_drawn(ready, r"free memory +(\d+\.\d) MiB")
    assert abs(float(drawn.group(1)) - free / 256) < 1
    until_drawn(ready, r"MERIDIAN +1 Overview +2 Frames")
    check_colours(canvas(ready))
    check_what_is_seen(ready, "web")
    ready.find_element(By.ID, "screen").click()
    press(ready, "2")
    until_drawn(ready, r"a square is \d+ KiB(?s:.*)zoom")
    before = len(ready.execute_script("return machine.said"))
    press(ready, Keys.ESCAPE)
    until(ready, f"return {PROMPT}.test(machine.said.slice(arguments[0]))", before)


def check_colours(machine):
    """Colours are those that the kernel means: the page that is shown is chosen in blue, usable memory is green."""
    column = machine.text(CELL, ORIGIN).splitlines()[0].index("1 Overview")
    red, green, blue = machine.pixel(column * CELL[0], ORIGIN[1] + 1).to_bytes(3, "big")
    assert blue > red, (red, green, blue)
    red, green, blue = machine.pixel(machine.width // 2, ORIGIN[1] + 5 * CELL[1]).to_bytes(3, "big")
    assert green > red and green > blue, (red, green, blue)


def check_what_is_seen(driver, name):
    """In the browser's screenshot the screen has the colours of the machine's pixels: compared where a pixel and all
    around it have one colour, since the browser scales."""
    machine, seen = canvas(driver), screenshot(driver, name)
    box = driver.execute_script("return document.querySelector('#screen canvas').getBoundingClientRect().toJSON()")
    scale = box["width"] / machine.width
    assert machine.width * 3 == machine.height * 4 and 0.5 < scale < 1.5
    compared = same = 0
    for y in range(4, min(machine.height, int((seen.height - box["y"]) / scale)) - 4, 7):
        for x in range(4, machine.width - 4, 7):
            colour = machine.pixel(x, y)
            if any(machine.pixel(x + dx, y + dy) != colour for dx in (-3, 0, 3) for dy in (-3, 0, 3)):
                continue
            compared += 1
            same += seen.pixel(int(box["x"] + (x + 0.5) * scale), int(box["y"] + (y + 0.5) * scale)) == colour
    colours = {machine.pixel(x, y) for y in range(4, machine.height, 7) for x in range(4, machine.width, 7)}
    assert len(colours) > 8 and compared > 1000 and same > 0.95 * compared, (len(colours), compared, same)


def test_keyboard_of_the_machine(ready):
    """With the focus on the screen keys go to the PS/2 keyboard: a command typed there is answered."""
    ready.find_element(By.ID, "screen").click()
    before = len(ready.execute_script("return machine.said"))
    press(ready, *"help map", Keys.ENTER)
    until(ready, f"const said = machine.said.slice(arguments[0]); return said.includes('usage: map') && {PROMPT}.test(said)", before)


def test_selftest(ready):
    """selftest, typed at the terminal, passes but for what the emulator lacks."""
    said = command(ready, "selftest")
    results = dict(re.findall(r"^selftest (\w+): (passed|FAILED)", said, re.MULTILINE))
    assert len(results) >= 15
    failed = {name: why for name, why in re.findall(r"^selftest (\w+): FAILED: (.*)$", said, re.MULTILINE)}
    assert failed == KNOWN_FAILURES, said


def test_suggestions(ready):
    """The buttons type their command."""
    before = len(ready.execute_script("return machine.said"))
    ready.find_elements(By.CSS_SELECTOR, "#suggestions button")[0].click()
    until(ready, "const said = machine.said.slice(arguments[0]); return said.includes('lists its commands') || said.includes('tells how a command')", before)


def test_restart(ready):
    """Restart boots the machine anew."""
    ready.execute_script("window.before = true")
    ready.find_element(By.ID, "restart").click()
    until(ready, "return window.before === undefined && typeof machine !== 'undefined'")
    until(ready, "return machine.ready && machine.said.includes('This is the monitor')")
    assert "free" in command(ready, "frames")


def test_nothing_from_elsewhere(ready, address):
    """Everything came from the folder; the browser has nothing against the page."""
    names = ready.execute_script("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert names and all(name.startswith((address, "blob:")) for name in names), names
    assert [entry for entry in ready.get_log("browser") if entry["level"] == "SEVERE" and "favicon" not in entry["message"]] == []


@pytest.mark.parametrize("width", (800, 1500))
def test_nothing_overlaps(ready, width):
    """At both widths nothing leaves the page, and the panes do not overlap."""
    browser.set_width(ready, width, 900)
    boxes = ready.execute_script("return [...document.querySelectorAll('main section')].map((one) => one.getBoundingClientRect().toJSON())")
    assert ready.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    first, second = boxes
    assert first["right"] <= second["left"] or first["bottom"] <= second["top"]
    browser.set_width(ready, 1500, 900)


@pytest.fixture
def in_text(driver):
    """The page with a screen of VGA text."""
    driver.execute_script("window.before = true; location.hash = '#text'")
    until(driver, "return window.before === undefined && typeof machine !== 'undefined' && machine.inText")
    until(driver, f"return machine.ready && {PROMPT}.test(machine.said)")
    return driver


def test_vga_text(in_text):
    """With #text in the address the machine's screen is VGA text: it shows what the monitor says, and the dashboard, in
    colours that can be seen and that the browser's screenshot has; keys typed there are answered."""
    assert "80 columns, 25 rows of VGA text" in in_text.execute_script("return machine.said")
    assert "frames of 4 KiB" in command(in_text, "frames")
    until(in_text, "return document.querySelector('#screen .text').innerText.includes('frames of 4 KiB')")
    in_text.find_element(By.ID, "screen").click()
    press(in_text, *"viz", Keys.ENTER)
    until(in_text, r"return /1 Overview.*2 Frames/.test(document.querySelector('#screen .text').innerText)")
    until(in_text, r"return /free memory +[0-9.]+ MiB/.test(document.querySelector('#screen .text').innerText)")
    rows = in_text.execute_script("""return [...document.querySelectorAll('#screen .text span')]
        .filter((one) => one.innerText.trim() !== '').map((one) => { const style = getComputedStyle(one);
            return [style.color, style.backgroundColor, one.getBoundingClientRect().toJSON()]; })""")
    seen = screenshot(in_text, "web-text")
    inks = {tuple(map(int, re.findall(r"\d+", ink)[:3])) for ink, ground, _ in rows if ink != ground}
    assert len(inks) > 3
    box = in_text.find_element(By.ID, "screen").rect
    shown = {tuple(seen.pixel(x, y).to_bytes(3, "big")) for y in range(int(box["y"]), int(box["y"] + box["height"]))
             for x in range(int(box["x"]), int(box["x"] + box["width"]))}
    assert len(inks & shown) > 3, (inks, len(shown))
