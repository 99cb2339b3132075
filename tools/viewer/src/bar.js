// SPDX-License-Identifier: BSD-2-Clause
//
// bar.js - an address space as horizontal bars that share one axis.
//
// Each row has items, [start, end) with a colour. All borders of all rows, sorted, cut the space into
// segments. An address is placed by its segment:
//
//   to scale   a segment is as wide as it has bytes
//   log        a segment is as wide as its size has doublings above 2 KiB: one page is still to be seen beside
//              a hole of a terabyte, order stays, and nothing is left out
//
// Places are fractions of the whole, u in [0, 1]; the window [from, to) of them is on the screen. Wheel
// and + - zoom, dragging and shift with arrows pan, arrows go from item to item, 0 shows all. To scale, a
// device far above all RAM would leave nothing to see: `home`, a range, is what that scale begins with.
"use strict";

const LOG_FLOOR_BITS = 11;      // a segment of 4 KiB has width 1
const BAR_HEIGHT = 84;
const STRIP_HEIGHT = 12;        // the overview: where the window lies
const AXIS_HEIGHT = 22;
const ROW_GAP = 26;             // above each row, for its name
const LEAST_WINDOW = 1e-13;

function bitsOf(value) {
    return value <= 0n ? 0 : value.toString(2).length - 1;
}

// A fraction of bits as well, so that a region that grows does not jump.
function logWeight(bytes) {
    const bits = bitsOf(bytes);
    const fraction = ratio(bytes, 1n << BigInt(bits)) - 1;
    return Math.max(0.5, bits + fraction - LOG_FLOOR_BITS);
}

class Scale {
    constructor(rows) {
        const borders = new Set();
        for (const row of rows)
            for (const item of row.items)
                borders.add(item.start).add(item.end);
        this.borders = [...borders].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
        this.setLog(false);
    }

    setLog(log) {
        const { borders } = this;
        this.log = log;
        this.places = [0];
        if (borders.length < 2)
            return;
        const whole = borders.at(-1) - borders[0];
        let sum = 0;
        for (let i = 1; i < borders.length; i += 1) {
            sum += log ? logWeight(borders[i] - borders[i - 1]) : 0;
            this.places.push(log ? sum : ratio(borders[i] - borders[0], whole));
        }
        if (log)
            this.places = this.places.map((place) => place / sum);
    }

    // The index of the last border at or below `address`, at least 0.
    indexOf(address) {
        let [low, high] = [0, this.borders.length - 1];
        while (low < high) {
            const middle = (low + high + 1) >> 1;
            if (this.borders[middle] <= address)
                low = middle;
            else
                high = middle - 1;
        }
        return low;
    }

    place(address) {
        const i = this.indexOf(address);
        if (this.borders[i] === address || i + 1 >= this.borders.length)
            return this.places[i];
        const part = ratio(address - this.borders[i], this.borders[i + 1] - this.borders[i]);
        return this.places[i] + part * (this.places[i + 1] - this.places[i]);
    }

    // The address at a place.
    address(u) {
        let [low, high] = [0, this.places.length - 1];
        while (low < high) {
            const middle = (low + high + 1) >> 1;
            if (this.places[middle] <= u)
                low = middle;
            else
                high = middle - 1;
        }
        if (low + 1 >= this.borders.length)
            return this.borders[low] ?? 0n;
        const span = this.borders[low + 1] - this.borders[low];
        const part = (u - this.places[low]) / (this.places[low + 1] - this.places[low]);
        return this.borders[low] + (span * BigInt(Math.round(Math.min(1, Math.max(0, part)) * 2 ** 40)) >> 40n);
    }
}

// bar.element goes into a page. rows: [{name, items: [{start, end, color, label, hatched}]}];
// onselect(item, row) when one is chosen; describe(item) is the text beside the pointer.
class Bar {
    constructor(rows, { onselect = () => {}, describe = () => "", label = "address map", home = null } = {}) {
        this.rows = rows;
        this.onselect = onselect;
        this.describe = describe;
        this.scale = new Scale(rows);
        this.scale.setLog(true);
        this.home = home;
        this.window = [0, 1];
        this.selected = null;
        this.highlight = null;      // only items with this colour are shown at full strength
        this.chart = new Chart((canvas, pen) => this.draw(canvas, pen), {
            label: `${label}. Arrow keys go from range to range, plus and minus zoom, 0 shows all.`,
            height: STRIP_HEIGHT + AXIS_HEIGHT + rows.length * (BAR_HEIGHT + ROW_GAP),
            onmove: (x, y) => this.hover(x, y), onclick: (x, y) => this.click(x, y),
            ondrag: (dx) => this.pan(-dx / this.chart.width), onkey: (event) => this.key(event),
            onwheel: (x, delta) => this.zoom(Math.exp(delta / 300), x / this.chart.width),
        });
        this.element = el("div", { class: "bar" }, this.buttons(), this.chart.element);
    }

    buttons() {
        const scale = (text, log, title) => el("button", {
            "aria-pressed": String(this.scale.log === log), title, onclick: (event) => {
                for (const other of event.currentTarget.parentElement.children)
                    other.setAttribute("aria-pressed", String(other === event.currentTarget));
                this.scale.setLog(log);
                this.goHome();
            },
        }, text);
        const tool = (text, title, action) => el("button", { title, "aria-label": title, onclick: action }, text);
        return el("div", { class: "tools" },
            el("span", { class: "choice", role: "group", "aria-label": "scale" },
                scale("To scale", false, "as wide as it has bytes"),
                scale("Log scale", true, "as wide as its size has doublings: small things stay visible")),
            el("span", { class: "choice", role: "group", "aria-label": "zoom" },
                tool("−", "Zoom out", () => this.zoom(1.6, 0.5)), tool("+", "Zoom in", () => this.zoom(1 / 1.6, 0.5)),
                tool("All", "Show all", () => this.show(0, 1))),
            el("span", { class: "hint" }, "wheel zooms, dragging pans, arrows walk"));
    }

    goHome() {
        if (this.home && !this.scale.log)
            this.show(this.scale.place(this.home[0]), this.scale.place(this.home[1]));
        else
            this.show(0, 1);
    }

    show(from, to) {
        const size = Math.min(1, Math.max(LEAST_WINDOW, to - from));
        const start = Math.min(1 - size, Math.max(0, from));
        this.window = [start, start + size];
        this.chart.redraw();
    }

    zoom(factor, at) {
        const [from, to] = this.window;
        const center = from + (to - from) * at;
        this.show(center - (center - from) * factor, center + (to - center) * factor);
    }

    pan(part) {
        const [from, to] = this.window;
        this.show(from + part * (to - from), to + part * (to - from));
    }

    x(address) {
        const [from, to] = this.window;
        return ((this.scale.place(address) - from) / (to - from)) * this.chart.width;
    }

    rowTop(index) {
        return STRIP_HEIGHT + ROW_GAP + index * (BAR_HEIGHT + ROW_GAP);
    }

    // --- drawing

    draw(width, pen) {
        if (this.scale.borders.length < 2)
            return;
        this.drawStrip(width, pen);
        this.rows.forEach((row, index) => this.drawRow(row, this.rowTop(index), width, pen));
        this.drawAxis(width, pen, this.rowTop(this.rows.length - 1) + BAR_HEIGHT);
    }

    drawStrip(width, pen) {
        pen.fillStyle = theme("--hole");
        pen.fillRect(0, 0, width, STRIP_HEIGHT - 4);
        for (const item of this.rows[0].items) {
            const x = this.scale.place(item.start) * width;
            pen.fillStyle = theme(item.color);
            pen.fillRect(x, 0, Math.max(1, this.scale.place(item.end) * width - x), STRIP_HEIGHT - 4);
        }
        const [from, to] = this.window;
        if (to - from < 1) {
            pen.strokeStyle = theme("--text");
            pen.lineWidth = 2;
            pen.strokeRect(from * width, 1, Math.max(4, (to - from) * width), STRIP_HEIGHT - 6);
        }
    }

    drawRow(row, top, width, pen) {
        pen.fillStyle = theme("--dim");
        pen.fillText(row.name, 0, top - 8);
        pen.fillStyle = theme("--hole");
        pen.fillRect(0, top, width, BAR_HEIGHT);
        for (const item of row.items) {
            const x = this.x(item.start);
            const end = this.x(item.end);
            if (end < 0 || x > width)
                continue;
            this.drawItem(item, Math.max(-2, x), Math.min(width + 2, end), top, pen);
        }
    }

    drawItem(item, x, end, top, pen) {
        const wide = Math.max(1, end - x - (end - x > 4 ? 1 : 0));
        pen.globalAlpha = this.highlight && this.highlight !== item.color ? 0.15 : 1;
        pen.fillStyle = theme(item.color);
        pen.fillRect(x, top, wide, BAR_HEIGHT);
        if (item.hatched && wide > 3)
            hatch(pen, x, top, wide, BAR_HEIGHT);
        pen.globalAlpha = 1;
        if (item === this.selected) {
            pen.strokeStyle = theme("--text");
            pen.lineWidth = 2;
            pen.strokeRect(x + 1, top + 1, Math.max(1, wide - 2), BAR_HEIGHT - 2);
        }
        const visible = Math.min(end, this.chart.width) - Math.max(0, x);
        if (item.label && visible > 30)
            boxedText(pen, item.label, Math.max(0, x) + 6, top, visible - 10);
    }

    drawAxis(width, pen, top) {
        pen.fillStyle = theme("--dim");
        pen.strokeStyle = theme("--line");
        pen.lineWidth = 1;
        let free = 0;
        for (const address of this.ticks(width)) {
            const x = this.x(address);
            const text = hex(address);
            const wide = pen.measureText(text).width;
            const left = Math.min(Math.max(0, x - wide / 2), width - wide);
            if (x < -1 || x > width + 1 || left < free)
                continue;
            pen.beginPath();
            pen.moveTo(x, top);
            pen.lineTo(x, top + 5);
            pen.stroke();
            pen.fillText(text, left, top + 17);
            free = left + wide + 14;
        }
    }

    // To scale: multiples of a power of two, about eight; log: the borders, as far as there is room.
    ticks(width) {
        if (this.scale.log)
            return this.scale.borders;
        const start = this.scale.address(this.window[0]);
        const end = this.scale.address(this.window[1]);
        const step = 1n << BigInt(Math.max(12, bitsOf((end - start) / BigInt(Math.max(2, Math.round(width / 150)))) + 1));
        const ticks = [];
        for (let at = (start + step - 1n) / step * step; at <= end && ticks.length < 64; at += step)
            ticks.push(at);
        return ticks;
    }

    // --- pointer and keys

    find(x, y) {
        const index = this.rows.findIndex((_, row) => y >= this.rowTop(row) - 4 && y < this.rowTop(row) + BAR_HEIGHT + 4);
        if (index < 0 || this.scale.borders.length < 2)
            return null;
        const [from, to] = this.window;
        const address = this.scale.address(from + (x / this.chart.width) * (to - from));
        const { items } = this.rows[index];
        // A thing that is narrower than a pixel is drawn as one: the nearest within two pixels counts.
        const under = items.find((item) => item.start <= address && address < item.end);
        const near = items.find((item) => Math.abs(this.x(item.start) - x) < 2 && this.x(item.end) - this.x(item.start) < 2);
        const item = near ?? under ?? null;
        return { item, address, row: this.rows[index] };
    }

    hover(x, y) {
        const found = this.find(x, y);
        if (!found)
            return "";
        return found.item ? this.describe(found.item) : `${hex(found.address)}\nnothing is known here`;
    }

    click(x, y) {
        const found = this.find(x, y);
        if (found?.item)
            this.select(found.item, found.row);
    }

    select(item, row = this.rows.find((one) => one.items.includes(item))) {
        this.selected = item;
        const [from, to] = this.window;
        const [start, end] = [this.scale.place(item.start), this.scale.place(item.end)];
        if (end <= from || start >= to)
            this.show(start + (end - start) / 2 - (to - from) / 2, start + (end - start) / 2 + (to - from) / 2);
        this.chart.redraw();
        this.onselect(item, row);
    }

    key(event) {
        const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (step && event.shiftKey)
            this.pan(step * 0.2);
        else if (step)
            this.walk(step);
        else if (event.key === "+" || event.key === "=")
            this.zoom(1 / 1.6, 0.5);
        else if (event.key === "-")
            this.zoom(1.6, 0.5);
        else if (event.key === "0")
            this.show(0, 1);
        else
            return false;
        return true;
    }

    walk(step) {
        const row = this.rows.find((one) => one.items.includes(this.selected)) ?? this.rows[0];
        const at = row.items.indexOf(this.selected);
        const next = at < 0 ? 0 : Math.min(row.items.length - 1, Math.max(0, at + step));
        if (row.items[next])
            this.select(row.items[next], row);
    }
}
