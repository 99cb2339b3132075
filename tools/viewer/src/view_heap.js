// SPDX-License-Identifier: BSD-2-Clause
//
// view_heap.js - the heap over time: bytes held after each event of the heap's ring, and the events.
//
// The ring of the kernel is short and the log may miss parts of it, so the curve tells changes, not totals:
// it starts where nothing is below zero. Frees of objects whose allocation is not in the log are what
// moves that start.
"use strict";

const TIMELINE_HEIGHT = 260;
const MARGIN = { left: 76, right: 12, top: 14, bottom: 26 };
const KIND_COLORS = {
    alloc: "--alloc", free: "--released", refuse: "--unusable", damage: "--unusable", map: "--mapped", unmap: "--mapped",
};

// Points {event, held, mapped}: after each event, in bytes above the lowest of each curve.
function timelineOf(events) {
    const points = [];
    let [held, mapped, lowestHeld, lowestMapped] = [0n, 0n, 0n, 0n];
    for (const event of events) {
        held += event.kind === "alloc" ? event.size : event.kind === "free" ? -event.size : 0n;
        mapped += event.kind === "map" ? event.size : event.kind === "unmap" ? -event.size : 0n;
        lowestHeld = held < lowestHeld ? held : lowestHeld;
        lowestMapped = mapped < lowestMapped ? mapped : lowestMapped;
        points.push({ event, held, mapped });
    }
    for (const point of points) {
        point.held -= lowestHeld;
        point.mapped -= lowestMapped;
    }
    return { points, start: -lowestHeld };
}

// Objects that were allocated in the log and not freed in it.
function liveObjects(events) {
    const live = new Map();
    for (const event of events)
        if (event.kind === "alloc")
            live.set(event.address, event);
        else if (event.kind === "free")
            live.delete(event.address);
    return [...live.values()];
}

function describeEvent(event) {
    return `${event.sequence}: ${event.kind} ${sizeText(event.size)} at ${hex(event.address)}\n` +
        `tag ${event.tag}${event.place ? `, by ${event.place}` : ""}, processor ${event.cpu}`;
}

class Timeline {
    constructor(events) {
        Object.assign(this, timelineOf(events));
        this.selected = -1;
        this.top = this.points.reduce((most, point) => (point.held > most ? point.held : most), 1n);
        this.chart = new Chart((width, pen) => this.draw(width, pen), {
            label: "bytes held by the heap after each event; arrow keys go from event to event", height: TIMELINE_HEIGHT,
            onmove: (x) => this.note(this.at(x)), onclick: (x) => this.select(this.at(x)), onkey: (event) => this.key(event),
        });
        this.details = el("p", { class: "details", "aria-live": "polite" }, "Point at an event, or walk with the arrow keys.");
        this.element = el("div", {}, this.chart.element, this.details);
    }

    x(index) {
        const room = this.chart.width - MARGIN.left - MARGIN.right;
        return MARGIN.left + (room * (index + 0.5)) / this.points.length;
    }

    y(bytes) {
        const room = TIMELINE_HEIGHT - MARGIN.top - MARGIN.bottom;
        return MARGIN.top + room * (1 - ratio(bytes, this.top));
    }

    draw(width, pen) {
        this.drawGrid(width, pen);
        const floor = this.y(0n);
        const path = new Path2D();
        path.moveTo(MARGIN.left, floor);
        this.points.forEach((point, index) => {
            const before = index > 0 ? this.points[index - 1].held : this.start;
            const left = index > 0 ? (this.x(index - 1) + this.x(index)) / 2 : MARGIN.left;
            path.lineTo(left, this.y(before));
            path.lineTo(left, this.y(point.held));
        });
        path.lineTo(width - MARGIN.right, this.y(this.points.at(-1).held));
        path.lineTo(width - MARGIN.right, floor);
        pen.globalAlpha = 0.35;
        pen.fillStyle = theme("--alloc");
        pen.fill(path);
        pen.globalAlpha = 1;
        this.points.forEach((point, index) => this.drawMark(point, index, pen));
    }

    drawGrid(width, pen) {
        pen.lineWidth = 1;
        for (let part = 0; part <= 4; part += 1) {
            const bytes = (this.top * BigInt(part)) / 4n;
            pen.strokeStyle = theme("--line");
            pen.beginPath();
            pen.moveTo(MARGIN.left, Math.round(this.y(bytes)) + 0.5);
            pen.lineTo(width - MARGIN.right, Math.round(this.y(bytes)) + 0.5);
            pen.stroke();
            pen.fillStyle = theme("--dim");
            pen.fillText(sizeText(bytes), 0, this.y(bytes) + 4);
        }
        const first = `event ${this.points[0].event.sequence}`;
        const last = String(this.points.at(-1).event.sequence);
        pen.fillText(first, MARGIN.left, TIMELINE_HEIGHT - 6);
        pen.fillText(last, width - MARGIN.right - pen.measureText(last).width, TIMELINE_HEIGHT - 6);
    }

    drawMark(point, index, pen) {
        const { kind } = point.event;
        pen.fillStyle = theme(KIND_COLORS[kind]);
        const size = index === this.selected ? 5 : kind === "refuse" || kind === "damage" ? 4 : this.points.length > 600 ? 1.2 : 2.5;
        pen.beginPath();
        pen.arc(this.x(index), kind === "map" || kind === "unmap" ? this.y(0n) : this.y(point.held), size, 0, 2 * Math.PI);
        pen.fill();
    }

    at(x) {
        const room = this.chart.width - MARGIN.left - MARGIN.right;
        const index = Math.floor(((x - MARGIN.left) / room) * this.points.length);
        return index >= 0 && index < this.points.length ? index : -1;
    }

    note(index) {
        const point = this.points[index];
        return point ? `${describeEvent(point.event)}\n${sizeText(point.held)} held afterwards` : "";
    }

    select(index) {
        if (!this.points[index])
            return;
        this.selected = index;
        this.details.textContent = this.note(index).replaceAll("\n", "; ");
        this.chart.redraw();
    }

    key(event) {
        const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20 }[event.key];
        if (step)
            this.select(Math.min(this.points.length - 1, Math.max(0, this.selected + step)));
        return Boolean(step);
    }
}

function heapSummary(session, events) {
    const count = (kind) => events.filter((event) => event.kind === kind).length;
    const live = liveObjects(events);
    const bytes = live.reduce((sum, event) => sum + event.size, 0n);
    const missing = events.length > 0 ? events.at(-1).sequence - events[0].sequence + 1 - events.length : 0;
    const last = session.heaps.at(-1);
    return el("p", {}, `${plural(events.length, "event")}: ${plural(count("alloc"), "allocation")}, ${plural(count("free"), "free")}, `,
        `${countText(count("map") + count("unmap"))} of pages; ${plural(live.length, "object")} of them (${sizeText(bytes)}) still held. `,
        count("refuse") + count("damage") > 0 ? el("b", { class: "bad" }, `${plural(count("refuse"), "wrong free")}, ${plural(count("damage"), "damage")}. `) : "",
        missing > 0 ? `${plural(missing, "event")} in between are not in the log. ` : "",
        last ? `The heap itself said last: ${plural(last.objects, "object")}, ${sizeText(last.live)} live, ${sizeText(last.mapped)} mapped.` : "");
}

function classTable(session) {
    const snapshot = session.runs.heap_class.at(-1);
    if (!snapshot)
        return null;
    const rows = snapshot.rows.filter((row) => row.slabs > 0);
    return el("section", {}, el("h2", {}, "Size classes"), table(["class", "slabs", "room for", "live", "in caches", "used"], rows, (row) => [
        `${countText(row.bytes)} B`, countText(row.slabs), countText(row.objects), countText(row.live), countText(row.cached),
        el("meter", { min: 0, max: Math.max(1, row.objects), value: row.live, title: `${row.live} of ${row.objects}` }),
    ], { numeric: [0, 1, 2, 3, 4], label: "size classes" }));
}

function viewHeap(session) {
    const events = session.heapEvents;
    if (events.length === 0)
        return el("div", {}, emptyView("This log has no events of the heap.", "heap debug sites; heap events 256"), classTable(session));
    const timeline = new Timeline(events);
    const started = timeline.start > 0n ? el("p", { class: "hint" },
        `Objects of ${sizeText(timeline.start)} that were allocated before the first event are freed in it; the curve starts there.`) : null;
    const newest = [...events].reverse();
    return el("div", {}, heapSummary(session, events), started,
        el("ul", { class: "legend" }, el("li", {}, swatch("var(--alloc)"), "allocation"), el("li", {}, swatch("var(--released)"), "free"),
            el("li", {}, swatch("var(--mapped)"), "pages mapped or unmapped"), el("li", {}, swatch("var(--unusable)"), "refused or damaged")),
        timeline.element, classTable(session), el("h2", {}, "Events, newest first"),
        table(["event", "what", "address", "size", "tag", "by"], newest, (event) => [
            String(event.sequence), el("span", {}, swatch(`var(${KIND_COLORS[event.kind]})`), event.kind), hex(event.address),
            sizeText(event.size), event.tag, event.place || "–",
        ], { numeric: [0, 3], label: "events of the heap" }));
}
