# SPDX-License-Identifier: BSD-2-Clause
"""The viewer draws what logs and reports say, and no input makes it say nothing.

The page is driven in a headless Chromium. What it should show is computed here from the same log, by other
means than the page's own."""

import collections
import json
import pathlib
import re
import sys
import time

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools/viewer"))

import browser  # noqa: E402

PAGE = ROOT / "build/viewer.html"
SESSION = ROOT / "tests/data/logs/session.log"
OTHER = ROOT / "tests/data/logs/other.log"
VIEWS = ("summary", "map", "frames", "heap", "flame", "pages", "diff")
MIB = 1 << 20
PATIENCE = 120      # seconds until a file has been read

DROP = """const files = new DataTransfer();
files.items.add(new File([arguments[0]], 'dropped.log'));
document.body.dispatchEvent(new DragEvent('drop', {dataTransfer: files, bubbles: true, cancelable: true}));"""


def size_text(size):
    """A size as the kernel and the viewer print it: cut to one digit behind the point."""
    unit = max(0, (size.bit_length() - 1) // 10)
    rest = size % (1 << 10 * unit)
    return f"{size >> 10 * unit}{f'.{rest * 10 >> 10 * unit}' if rest else ''} {('B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB')[unit]}"


def events_of(path, name):
    found = (re.search(r'\{"meridian":1.*\}', line) for line in path.read_text("utf-8").splitlines())
    events = [json.loads(match.group()) for match in found if match]
    return [event for event in events if event["event"] == name]


def last_map(path):
    """The regions of the last `map` of a log: those after the next to last event of totals."""
    return [event for event in events_of(path, "region")][-events_of(path, "memmap")[-1]["regions"]:]


@pytest.fixture(scope="module")
def driver():
    chromium = browser.start()
    yield chromium
    chromium.quit()


class Viewer:
    """The page as a user meets it."""

    def __init__(self, driver, folder):
        self.driver, self.folder = driver, folder
        driver.get_log("browser")
        driver.get(PAGE.as_uri())
        browser.set_width(driver, 1280)

    def open(self, path, button="open"):
        before = self.script("return page.logs.length && page.logs.map((log) => log.name + log.bytes).join()")
        self.script("page.slot = arguments[0]; page.byId('file').value = ''", 0 if button == "open" else 1)
        self.driver.find_element(By.ID, "file").send_keys(str(path))
        self.wait("return page.logs.length > 0 && document.getElementById('status').textContent === ''"
                  f" && page.logs.map((log) => log.name + log.bytes).join() !== {json.dumps(before)}")
        return self

    def open_text(self, text, name="log.txt"):
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return self.open(path)

    def wait(self, condition):
        end = time.monotonic() + PATIENCE
        while not self.script(condition):
            assert time.monotonic() < end, f"not true after {PATIENCE} s: {condition}; status: {self.text('#status')}"
            time.sleep(0.05)

    def script(self, text, *arguments):
        return self.driver.execute_script(text, *arguments)

    def settle(self):
        """Until everything has been drawn."""
        self.driver.execute_async_script("const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(done))")

    def view(self, name):
        self.driver.find_element(By.ID, f"tab-{name}").click()
        self.settle()
        return self.driver.find_element(By.ID, "view").text

    def find(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector):
        return "\n".join(element.text for element in self.find(selector))

    def cells(self, label):
        """The texts of a table, row by row."""
        return self.script("""return [...document.querySelectorAll(`[aria-label="${arguments[0]}"] tbody tr`)]
            .map((row) => [...row.children].map((cell) => cell.textContent))""", label)

    def legend(self, index=0):
        items = self.find(".legend")[index].find_elements(By.TAG_NAME, "li")
        return dict(item.text.rsplit("\n", 1) for item in items if "\n" in item.text)

    def complaints(self):
        """What the browser has against the page."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]


@pytest.fixture
def viewer(driver, tmp_path):
    return Viewer(driver, tmp_path)


# --- the page ---------------------------------------------------------------------------------


def test_page_is_one_file():
    """The page names no other file and no address, and forbids itself every connection."""
    text = PAGE.read_text("utf-8")
    assert not re.search(r"https?://|<script src|<link |@import|\bfetch\(|XMLHttpRequest|innerHTML|outerHTML|document\.write|eval\(", text)
    assert "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'\"" in text


def test_sources_are_the_same_page(driver, viewer):
    """tools/viewer/src/index.html, opened as it is, reads a log too."""
    driver.get((ROOT / "tools/viewer/src/index.html").as_uri())
    viewer.open(SESSION)
    assert "regions" in viewer.text("#view h2")


def test_first_sight(viewer):
    """Without a log the page says what it wants, and how to record it; views are not offered."""
    assert "Drop a serial log" in viewer.text("main") and "frames -b" in viewer.text("pre")
    assert viewer.find("nav button") == [] and not viewer.complaints()


# --- what views show --------------------------------------------------------------------------


def test_every_view_of_a_log(viewer):
    """Each view draws something of a whole log, without an error, and without a line that could not be read."""
    viewer.open(SESSION)
    for name in VIEWS:
        text = viewer.view(name)
        assert len(text) > 100 and "failed" not in text and "This log" not in text, (name, text)
    assert "Every event could be read" in viewer.view("summary")
    assert not viewer.complaints()


def test_address_map(viewer):
    """The map has the log's last regions with their sizes, and the totals by type."""
    regions = last_map(SESSION)
    viewer.open(SESSION).view("map")
    rows = viewer.cells("regions")
    assert [int(row[0], 16) for row in rows] == [int(region["base"], 16) for region in regions]
    assert [row[2] for row in rows] == [size_text(int(region["size"], 16)) for region in regions]
    totals = collections.Counter()
    for region in regions:
        totals[region["type"].replace("_", " ").replace("acpi", "ACPI").replace("nvs", "NVS")] += int(region["size"], 16)
    shown = viewer.legend()
    shown.pop("of it held")
    assert shown == {name: size_text(size) for name, size in totals.items()}


def test_region_tells_why(viewer):
    """Pointing at a region names it; choosing it shows what the firmware said, and what was changed and why."""
    viewer.open(SESSION).view("map")
    viewer.find('[aria-label="regions"] tbody tr')[0].click()
    details = viewer.text(".details")
    assert "the firmware said BootServicesCode" in details
    assert "usable became reserved: page zero" in details
    viewer.find("canvas")[0].send_keys(Keys.ARROW_RIGHT)
    assert "0x1000 – 0x9bfff" in viewer.text(".details h3")
    viewer.script("""const canvas = document.querySelector('canvas'), box = canvas.getBoundingClientRect();
        canvas.dispatchEvent(new PointerEvent('pointermove', {clientX: box.left + 2, clientY: box.top + 80}));""")
    assert viewer.text(".note").startswith("0x0 – 0xfff\n4 KiB, reserved")


@pytest.mark.parametrize("scale", ("Log scale", "To scale"))
def test_map_is_drawn_as_it_is(viewer, scale):
    """In the middle of each region that is wide enough its colour is on the canvas, on both scales."""
    viewer.open(SESSION).view("map")
    next(button for button in viewer.find(".tools button") if button.text == scale).click()
    viewer.settle()
    looked = viewer.script("""
        const canvas = document.querySelector('canvas'), pen = canvas.getContext('2d');
        const rows = page.session.last('region').rows.filter((row) => row.type !== 'usable' || row.tag === 'none');
        const bar = new Scale([{items: page.session.last('region').rows}]);
        bar.setLog(arguments[0]);
        const home = arguments[0] ? [0, 1] : homeOf(page.session.last('region').rows).map((at) => bar.place(at));
        const x = (at) => (bar.place(at) - home[0]) / (home[1] - home[0]) * canvas.width;
        const colour = (name) => { const probe = document.createElement('i'); probe.style.color = `var(${name})`;
            document.body.append(probe); const text = getComputedStyle(probe).color; probe.remove(); return text; };
        return rows.map((row) => [x(row.start), x(row.end), row]).filter(([a, b]) => b - a > 6 && b < canvas.width)
            .map(([a, b, row]) => [colour(typeColor(row.type)),
                `rgb(${[...pen.getImageData(Math.round((a + b) / 2), 118, 1, 1).data].slice(0, 3).join(', ')})`]);""",
                           scale == "Log scale")
    assert len(looked) >= (15 if scale == "Log scale" else 2)
    assert all(wanted == drawn for wanted, drawn in looked), looked


def test_heat_map(viewer):
    """A square for each block of 2 MiB, with the frames that the log says are used, and its tag's colour."""
    blocks = events_of(SESSION, "blocks")[-1]
    viewer.open(SESSION).view("frames")
    viewer.find("canvas")[0].send_keys(Keys.ARROW_RIGHT)
    first = blocks["runs"][0]
    assert f"{first['used']} of 512 frames used" in viewer.text(".details") and f"mostly {first['tag']}" in viewer.text(".details")
    cells = viewer.script("return cellsOf(page.session.last('blocks').rows, 1).map((cell) => cell.used)")
    assert len(cells) == 512
    assert sum(cells) == sum(run["blocks"] * run["used"] for run in blocks["runs"])
    # The block that was retired is red, and wholly so; the one before it is free.
    pitch = viewer.script("return Math.min(22, Math.floor((document.querySelector('canvas').clientWidth - GUTTER) / 64))")
    pixels = viewer.script("""const pen = document.querySelector('canvas').getContext('2d');
        return [8, 7].map((column) => '#' + [...pen.getImageData(GUTTER + column * arguments[0] + 3, 5, 1, 1).data].slice(0, 3)
            .map((part) => part.toString(16).padStart(2, '0')).join(''));""", pitch)
    assert pixels == viewer.script("return [theme('--unusable'), theme('--free')]")


def test_heap_over_time(viewer):
    """The curve ends with what was allocated less what was freed; each event is listed, the newest first."""
    events = events_of(SESSION, "heap_event")
    signs = {"alloc": 1, "free": -1}
    held = sum(signs.get(event["kind"], 0) * event["size"] for event in events)
    text = viewer.open(SESSION).view("heap")
    assert f"{len(events)} events" in text and f"({size_text(held)}) still held" in text and "1 wrong free" in text
    rows = viewer.cells("events of the heap")
    assert [int(row[0]) for row in rows] == [event["sequence"] for event in reversed(events)]
    assert viewer.script("return timelineOf(page.session.heapEvents).points.at(-1).held === BigInt(arguments[0])", held)
    viewer.find("canvas")[0].send_keys(Keys.ARROW_RIGHT)
    assert f"{events[0]['sequence']}: {events[0]['kind']}" in viewer.text(".details")


def test_flame_graph(viewer):
    """Boxes are as wide as their bytes, and those below a box have all that it has."""
    viewer.open(SESSION).view("flame")
    sums = viewer.script("""const root = flameOf(flameSources(page.session)[1].rows);
        const bad = (node) => node.children.size === 0 ? [] : [...node.children.values()].flatMap(bad).concat(
            [...node.children.values()].reduce((sum, one) => sum + one.bytes, 0n) === node.bytes ? [] : [node.name]);
        return [String(root.bytes), bad(root)]""")
    allocated = [event for event in events_of(SESSION, "heap_event") if event["kind"] == "alloc"]
    assert sums == [str(sum(event["size"] for event in allocated)), []]
    next(button for button in viewer.find(".tools button") if button.text == "all allocations").click()
    places = collections.Counter()
    for event in allocated:
        places[event["place"]] += event["size"]
    assert {row[3]: row[0] for row in viewer.cells("places that allocate")} == {place: size_text(size) for place, size in places.items()}
    viewer.find("canvas")[0].send_keys(Keys.ARROW_DOWN, Keys.ENTER)
    assert "tag " in viewer.text(".details")


def test_page_tables(viewer):
    """All mappings of the last `pt` are listed, and walks show the entry that fails."""
    text = viewer.open(SESSION).view("pages")
    rows = viewer.cells("mappings")
    mappings = events_of(SESSION, "mapping")[-len(rows):]
    assert [int(row[0], 16) for row in rows] == [int(mapping["address"], 16) for mapping in mappings]
    assert "0xdeadbeef000 is not mapped" in text and "the walk ends here" in viewer.text(".walk li.absent")
    assert len(viewer.find(".walk li")) == sum(len(walk["steps"]) for walk in events_of(SESSION, "walk"))


def test_writable_and_executable_is_seen(viewer):
    """A mapping that can be written and executed is called out."""
    viewer.open_text('{"meridian":1,"event":"mapping","address":"0x1000","last":"0x1fff","target":"0x5000","mapped":4096,"runs":1,'
                     '"write":true,"execute":true,"user":false,"rights":"rwx","cache":"write-back","window":"areas"}\n')
    assert "1 mapping can be written and executed" in viewer.view("pages")


# --- two logs ---------------------------------------------------------------------------------


def test_compare_two_logs(viewer):
    """Two logs: the totals of each type and their difference, and every range that differs."""
    viewer.open(SESSION).open(OTHER, "compare")
    first, second = last_map(SESSION), last_map(OTHER)
    usable = [sum(int(row["size"], 16) for row in rows if row["type"] == "usable") for rows in (first, second)]
    totals = {row[0]: row[1:] for row in viewer.cells("totals")}
    assert totals["usable"] == [size_text(usable[0]), size_text(usable[1]), "+" + size_text(usable[1] - usable[0])]
    rows = viewer.cells("differences")
    assert rows
    for start, last, _, what, before, after in rows:
        start, last = int(start, 16), int(last, 16)
        for address in (start, (start + last) // 2, last):
            sides = [next((row for row in rows if int(row["base"], 16) <= address < int(row["base"], 16) + int(row["size"], 16)), None)
                     for rows in (first, second)]
            assert (before == "nothing", after == "nothing") == (sides[0] is None, sides[1] is None)
            assert what == ("added" if sides[0] is None else "removed" if sides[1] is None else "changed")


def test_a_log_is_like_itself(viewer):
    """A log compared with itself has no differences."""
    viewer.open(SESSION).open(SESSION, "compare")
    assert "The two maps are the same" in viewer.view("diff")


# --- how files come, and what is in them ------------------------------------------------------


def region(base, size, kind="usable", **more):
    return json.dumps({"meridian": 1, "event": "region", "base": base, "size": size, "type": kind, "tag": "none", **more},
                      separators=(",", ":"))


def test_drop_and_paste(viewer):
    """A file can be dropped anywhere, and text be pasted."""
    viewer.script(DROP, region("0x1000", "0x1000"))
    viewer.wait("return page.logs.length === 1")
    assert viewer.text("#facts b") == "dropped.log"
    viewer.driver.find_element(By.ID, "paste").click()
    viewer.driver.find_element(By.ID, "paste-text").send_keys(region("0x2000", "0x3000"))
    viewer.driver.find_element(By.ID, "paste-done").click()
    viewer.wait("return page.log.name === 'pasted text'")
    viewer.view("map")
    assert viewer.cells("regions")[0][2] == "12 KiB"


def test_noise_around_events(viewer):
    """Line ends of all kinds, colours, prompts before an event, bytes that are no text: events are found all the same."""
    noise = b"\x1b[2J\x00\xff\xfe junk {\"meridian\r\n\x1b[1mmeridian> \x1b[0m" + region("0x1000", "0x1000").encode() + b"\x1b[0m\r\n"
    noise += b"[  1.0] {not json}\n" + region("0x2000", "0x1000").encode() + b"\r\r\n\n" + region("0x3000", "0x1000").encode()
    viewer.open_text(noise)
    viewer.view("map")
    assert [row[0] for row in viewer.cells("regions")] == ["0x000001000", "0x000002000", "0x000003000"]
    assert "Every event could be read" in viewer.view("summary")


def test_utf16(viewer):
    """A log that a Windows console redirected is read too."""
    viewer.open_text((region("0x1000", "0x1000") + "\r\n").encode("utf-16"))
    assert "1 event" in viewer.text("#facts")


def test_bad_lines_are_told_by_number(viewer):
    """What cannot be read is listed with its line and the reason, and everything else is shown."""
    viewer.open_text("\n".join([
        "junk", '{"meridian":1,"event":"region","base":"0x10', '{"meridian":1,"event":"region","base":}', region("0x1000", "0x1000"),
        region("0x2000", None), region("0x3000", "0x1" + "0" * 16), region("-5", "0x1000"), '{"meridian":1,"event":7}',
        '{"meridian":2,"event":"exit","code":16}', '{"meridian":1,"event":"blocks","base":"0x0","runs":[{"blocks":9999999999,"tag":"x","used":1}]}',
        '{"meridian":1,"event":"walk","address":"0x0","mapped":true,"steps":"none"}', '{"meridian":1,"event":"__proto__"}',
        '{"meridian":1,"event":"constructor"}', '{"meridian":1,"event":"heap_event","sequence":1e300,"kind":"alloc","address":"0x1","size":1}']))
    rows = viewer.cells("problems")
    assert [(row[0], row[1].removeprefix("event ")) for row in rows] == [
        ("2", "an event begins here and is cut off"), ("3", "an event begins here and is not JSON"),
        ("5", "'region': size is no number"), ("6", "'region': size is beyond 64 bits"), ("7", "'region': base is no number"),
        ("8", "this is no event: it has no name"), ("9", "an event of another version than 1 may be misunderstood"),
        ("10", "'blocks': a GiB has 512 blocks of 512 frames"), ("11", "'walk': steps is no list of objects"),
        ("14", "'heap_event': sequence is beyond 64 bits")]
    viewer.view("map")
    assert len(viewer.cells("regions")) == 1
    assert not viewer.complaints()


def test_numbers_beyond_what_a_number_holds(viewer):
    """Addresses and counts of 64 bits are exact: none goes through a floating-point number."""
    viewer.open_text(region("0xffffffffffffe000", "0x1000") + "\n" + region("0x20000000000001000", "0x1000") + "\n"
                     '{"meridian":1,"event":"region","base":"0xfffffffffffff000","size":"0xffffffffffffffff","type":"usable","tag":"none"}\n'
                     '{"meridian":1,"event":"frames","total":18446744073709551615,"free":9007199254740993,"used":9007199254740995,"reserved":1}\n')
    viewer.view("map")
    assert [row[:3] for row in viewer.cells("regions")] == [
        ["0xffffffffffffe000", "0xffffffffffffefff", "4 KiB"], ["0xfffffffffffff000", "0xffffffffffffffff", "4 KiB"]]
    assert viewer.script("return [String(page.session.frames[0].free), String(page.session.frames[0].total)]") == [
        "9007199254740993", "18446744073709551615"]
    assert "18,446,744,073,709,551,615 frames" in viewer.view("frames")


def test_text_of_a_log_is_only_text(viewer):
    """Markup in a log is shown as it is written, in every view, and makes nothing: no element, no script."""
    evil = '<img src=x onerror="window.evil=1"><script>window.evil=1</script>'
    session = SESSION.read_text("utf-8")
    lines = [re.sub(r'"(usable|none|monitor|heap|rw-|direct map|kernel)"', json.dumps(evil), line) for line in session.splitlines()]
    viewer.open_text("\n".join(lines + [region("0x0", "0x1000", evil, efi_type=evil, device=evil)]), "<b>evil.log")
    for name in VIEWS:
        viewer.view(name)
        assert viewer.find("#view img, #view script, #facts img") == []
    assert viewer.script("return window.evil === undefined")
    assert evil in viewer.view("map") and not viewer.complaints()


@pytest.mark.parametrize("text", ["", "\n" * 5, "nothing of ours", "[]", "{", "null", "\x00" * 100, '{"meridian":1}', "{" * 10000])
def test_files_of_no_use(viewer, text):
    """A file without events leaves a page that says so, and every view says what it lacks."""
    viewer.open_text(text)
    assert "no event in this file" in viewer.view("summary")
    for name in VIEWS[1:]:
        assert len(viewer.view(name)) > 20
    assert not viewer.complaints()


REPORT = {
    "meridian": 1, "event": "report", "machine": {"vendor": "QEMU", "memory_bytes": 12345678901234567890},
    "firmware": {"vendor": "EDK II", "secure_boot": False},
    "descriptors": [{"base": "0x0", "pages": "0xa0", "type": 7, "name": "ConventionalMemory", "attribute": "0xf"}],
    "regions": [{"base": "0x0", "size": "0x1000", "type": "reserved", "tag": "none"},
                {"base": "0x1000", "size": "0x9f000", "type": "usable", "tag": "none", "efi_type": "ConventionalMemory"}],
    "changes": [{"base": "0x0", "size": "0x1000", "from": "usable", "to": "reserved", "reason": "page zero"}],
}


@pytest.mark.parametrize("indent", (None, 2))
def test_report_of_the_loader(viewer, indent):
    """memmap.json is read on one line and on many."""
    viewer.open_text(json.dumps(REPORT, indent=indent), "memmap.json")
    assert "12345678901234567890" in viewer.view("summary") and "EDK II" in viewer.text("#view")
    viewer.view("map")
    viewer.find('[aria-label="regions"] tbody tr')[0].click()
    assert "page zero" in viewer.text(".details") and "the firmware said ConventionalMemory" in viewer.text(".details")


def test_report_that_a_loader_saved(viewer):
    """A memmap.json as a stick had it: all its regions are there, and why they are what they are."""
    report = json.loads((ROOT / "tests/data/logs/memmap.json").read_text("utf-8"))
    summary = viewer.open(ROOT / "tests/data/logs/memmap.json").view("summary")
    assert report["machine"]["product"] in summary and "Every event could be read" in summary
    viewer.view("map")
    assert [int(row[0], 16) for row in viewer.cells("regions")] == [int(row["base"], 16) for row in report["regions"]]
    viewer.find('[aria-label="regions"] tbody tr')[0].click()
    assert "page zero" in viewer.text(".details") and "the firmware said" in viewer.text(".details")


def test_damaged_report(viewer):
    """A report with an error in it is refused with the number of the line."""
    lines = json.dumps(REPORT, indent=2).splitlines()
    lines[5] = lines[5].replace('"', "", 1)
    viewer.open_text("\n".join(lines), "memmap.json")
    viewer.view("summary")
    assert viewer.cells("problems")[0][0] in ("6", "7")


def test_boots_are_kept_apart(viewer):
    """A log of two boots shows the last one; the other can be chosen."""
    boot = '{"meridian":1,"event":"boot","loader":"L","command_line":"%s"}\n'
    viewer.open_text(boot % "one" + region("0x1000", "0x1000") + "\n" + boot % "two" + region("0x1000", "0x5000") + "\n")
    viewer.view("map")
    assert [row[2] for row in viewer.cells("regions")] == ["20 KiB"]
    viewer.find("#facts select option")[0].click()
    assert [row[2] for row in viewer.cells("regions")] == ["4 KiB"]


def test_a_file_of_50_megabytes(viewer):
    """A log of 50 MB, mostly events, is read whole, and every view can be looked at."""
    line = ('{"meridian":1,"event":"heap_event","sequence":%d,"kind":"%s","cpu":0,"address":"0x%x","size":%d,"tag":"t%d","place":"f%d+0x10"}\n')
    kinds = ("alloc", "free")
    text = "".join(line % (i, kinds[i % 2], 0xffffe00000000000 + 64 * (i // 2 % 5000), 64, i % 7, i % 900) for i in range(100000))
    viewer.open_text((text + "x" * 3000 + "\n") + "noise of the firmware, line by line, of no use to anybody\n" * 650000 +
                     SESSION.read_text("utf-8"), "large.log")
    assert (viewer.folder / "large.log").stat().st_size > 48 * MIB
    assert viewer.script("return page.session.heapEvents.length + page.log.sessions[0].heapEvents.length") >= 100000
    for name in VIEWS:
        assert "failed" not in viewer.view(name)
    assert "Every event could be read" in viewer.view("summary")


# --- looks ------------------------------------------------------------------------------------

OVERLAPS = """
const shown = [...document.querySelectorAll('header > *, header button, nav button, .tools button, .tools select, .legend li, h2, .chooser')]
    .filter((one) => one.offsetParent !== null).map((one) => [one, one.getBoundingClientRect()]).filter(([, box]) => box.width > 0);
const found = [];
for (const [a, p] of shown)
    for (const [b, q] of shown)
        if (a !== b && !a.contains(b) && !b.contains(a) && p.left < q.right - 1 && q.left < p.right - 1 && p.top < q.bottom - 1 && q.top < p.bottom - 1)
            found.push(a.textContent + ' / ' + b.textContent);
return found.concat(shown.filter(([, box]) => box.right > innerWidth + 1 || box.left < -1).map(([one]) => 'outside: ' + one.textContent));"""


@pytest.mark.parametrize("width", (800, 1280))
@pytest.mark.parametrize("theme", ("light", "dark"))
def test_nothing_overlaps(viewer, width, theme):
    """At both widths and in both themes nothing overlaps or leaves the page, in any view."""
    browser.set_width(viewer.driver, width)
    viewer.script("document.documentElement.dataset.theme = arguments[0]; theme.changed()", theme)
    viewer.open(SESSION).open(OTHER, "compare")
    for name in VIEWS:
        viewer.view(name)
        assert viewer.script("return document.documentElement.scrollWidth <= innerWidth"), name
        assert viewer.script(OVERLAPS) == [], name


def test_keys_alone(viewer):
    """Everything can be reached by keys: tabs by arrows, a canvas by tab, and each says what it is."""
    viewer.open(SESSION)
    tab = viewer.driver.find_element(By.ID, "tab-summary")
    tab.click()
    for name in VIEWS[1:]:
        viewer.driver.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)
        assert viewer.driver.switch_to.active_element.get_attribute("id") == f"tab-{name}"
    viewer.driver.switch_to.active_element.send_keys(Keys.HOME, Keys.ARROW_RIGHT)
    for _ in range(12):
        viewer.driver.switch_to.active_element.send_keys(Keys.TAB)
        if viewer.driver.switch_to.active_element.tag_name == "canvas":
            break
    canvas = viewer.driver.switch_to.active_element
    assert canvas.tag_name == "canvas" and "Arrow keys" in canvas.get_attribute("aria-label")
    canvas.send_keys(Keys.ARROW_RIGHT, "+", "+", "0")
    assert viewer.text(".details h3").strip().startswith("0x0 – 0xfff")
