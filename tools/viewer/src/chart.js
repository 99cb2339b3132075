// SPDX-License-Identifier: BSD-2-Clause
//
// chart.js - a canvas that fits its place and its screen, with a pointer, keys and a note beside them.
//
// A Chart draws when it is shown, when its width changes, when the theme does and when redraw() is called;
// never else. Drawing gets the width in CSS pixels, and a pen whose unit they are.
"use strict";

const CHART_FONT = "12px ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace";
const charts = new Set();

// The value of a colour of viewer.css, which has one for light and one for dark: theme("--usable").
const theme = (() => {
    const known = new Map();
    const read = (name) => {
        if (!known.has(name))
            known.set(name, getComputedStyle(document.documentElement).getPropertyValue(name).trim() || "#888");
        return known.get(name);
    };
    read.changed = () => {
        known.clear();
        for (const chart of charts)
            chart.redraw();
    };
    return read;
})();

// Diagonal lines over what somebody holds.
function hatch(pen, x, y, width, height) {
    pen.save();
    pen.beginPath();
    pen.rect(x, y, width, height);
    pen.clip();
    pen.strokeStyle = theme("--hatch");
    pen.lineWidth = 2;
    pen.beginPath();
    for (let at = x - height; at < x + width; at += 9) {
        pen.moveTo(at, y + height);
        pen.lineTo(at + height, y);
    }
    pen.stroke();
    pen.restore();
}

// Text cut to a width; nothing when not even a letter fits.
function fitText(pen, text, x, y, width) {
    let shown = text;
    if (pen.measureText(shown).width > width) {
        const letters = Math.floor(width / pen.measureText("m").width) - 1;
        if (letters < 2)
            return;
        shown = text.slice(0, letters) + "…";
    }
    pen.fillText(shown, x, y);
}

// Lines of a label on a coloured item, which is dark enough for white in both themes: those that fit, and
// none when the first does not.
function boxedText(pen, text, x, top, width) {
    const lines = text.split("\n");
    const fits = (line) => pen.measureText(line).width <= width;
    pen.fillStyle = theme("--on-color");
    if (fits(lines[0]))
        lines.filter(fits).forEach((line, index) => pen.fillText(line, x, top + 20 + index * 17));
}

class Chart {
    constructor(draw, { label, height, onmove, onclick, ondrag, onkey, onwheel }) {
        this.drawing = draw;
        this.height = height;
        this.width = 0;
        this.canvas = el("canvas", { tabindex: "0", role: "img", "aria-label": label });
        this.note = el("div", { class: "note", role: "status", hidden: true });
        this.element = el("div", { class: "chart" }, this.canvas, this.note);
        this.listen({ onmove, onclick, ondrag, onkey, onwheel });
        this.observer = new ResizeObserver(() => this.redraw());
        this.observer.observe(this.element);
        charts.add(this);
    }

    redraw() {
        if (this.pending || !this.element.isConnected) {
            if (!this.element.isConnected && this.width > 0)
                charts.delete(this);
            return;
        }
        this.pending = requestAnimationFrame(() => {
            this.pending = 0;
            this.paint();
        });
    }

    paint() {
        const width = this.element.clientWidth;
        const ratioOfScreen = window.devicePixelRatio || 1;
        if (width === 0)
            return;
        this.width = width;
        this.canvas.width = Math.round(width * ratioOfScreen);
        this.canvas.height = Math.round(this.height * ratioOfScreen);
        this.canvas.style.height = `${this.height}px`;
        const pen = this.canvas.getContext("2d");
        pen.scale(ratioOfScreen, ratioOfScreen);
        pen.font = CHART_FONT;
        this.drawing(width, pen);
    }

    resize(height) {
        this.height = height;
        this.redraw();
    }

    listen({ onmove, onclick, ondrag, onkey, onwheel }) {
        const { canvas } = this;
        let drag = null;
        canvas.addEventListener("pointerdown", (event) => {
            drag = { x: event.offsetX, moved: false };
            canvas.setPointerCapture(event.pointerId);
        });
        canvas.addEventListener("pointermove", (event) => {
            if (drag && ondrag && Math.abs(event.offsetX - drag.x) + (drag.moved ? 9 : 0) > 3) {
                ondrag(event.offsetX - drag.x);
                drag = { x: event.offsetX, moved: true };
            }
            this.tell(drag?.moved ? "" : onmove?.(event.offsetX, event.offsetY) ?? "", event.offsetX, event.offsetY);
        });
        canvas.addEventListener("pointerup", (event) => {
            if (drag && !drag.moved)
                onclick?.(event.offsetX, event.offsetY);
            drag = null;
        });
        canvas.addEventListener("pointerleave", () => this.tell(""));
        canvas.addEventListener("keydown", (event) => {
            if (!event.ctrlKey && !event.metaKey && !event.altKey && onkey?.(event))
                event.preventDefault();
        });
        if (onwheel)
            canvas.addEventListener("wheel", (event) => {
                event.preventDefault();
                onwheel(event.offsetX, event.deltaY);
            }, { passive: false });
    }

    // The note beside the pointer; inside the chart, whichever side has room.
    tell(text, x = 0, y = 0) {
        this.note.hidden = text === "";
        this.note.textContent = text;
        if (text === "")
            return;
        const wide = this.note.offsetWidth;
        const left = x + 16 + wide > this.width ? Math.max(0, x - wide - 12) : x + 16;
        Object.assign(this.note.style, { left: `${left}px`, top: `${y + 16}px` });
    }
}
