// SPDX-License-Identifier: BSD-2-Clause
//
// view_flame.js - who allocates: a flame graph, by tag, function and place in the function.
//
// The kernel notes one place for each object, so the graph has four layers: all, tag, function, place.
// Sources: what is still held according to the events, all allocations of the events, and the last `leaks`.
// A node is as wide as its bytes or its objects are; choosing one makes it the whole width.
"use strict";

const LAYER_HEIGHT = 30;
const NO_PLACE = "place not known (heap debug sites)";
const FLAME_COLORS = ["--flame-1", "--flame-2", "--flame-3", "--flame-4", "--flame-5", "--flame-6"];

class FlameNode {
    constructor(name, parent) {
        this.name = name;
        this.parent = parent;
        this.children = new Map();
        this.bytes = 0n;
        this.objects = 0;
    }

    child(name) {
        if (!this.children.has(name))
            this.children.set(name, new FlameNode(name, this));
        return this.children.get(name);
    }

    add(bytes, objects) {
        this.bytes += bytes;
        this.objects += objects;
    }

    path() {
        return this.parent ? [...this.parent.path(), this] : [this];
    }
}

// allocations: [{tag, place, bytes, objects}]
function flameOf(allocations) {
    const root = new FlameNode("all allocations", null);
    for (const { tag, place, bytes, objects } of allocations) {
        const offset = place.indexOf("+0x");
        const names = [`tag ${tag}`, ...(place === "" ? [NO_PLACE] : offset > 0 ? [place.slice(0, offset), place.slice(offset)] : [place])];
        let node = root;
        node.add(bytes, objects);
        for (const name of names) {
            node = node.child(name);
            node.add(bytes, objects);
        }
    }
    return root;
}

function describeNode(node, root) {
    const names = node.path().slice(1).map((one) => one.name).join(" › ") || node.name;
    return `${names}\n${sizeText(node.bytes)} in ${plural(node.objects, "object")}, ${percentText(node.bytes, root.bytes)} of all bytes`;
}

class Flame {
    constructor(root) {
        this.root = root;
        this.focus = root;
        this.selected = root;
        this.byObjects = false;
        this.boxes = [];
        this.chart = new Chart((width, pen) => this.draw(width, pen), {
            label: "allocations by tag, function and place; arrow keys walk, Enter enlarges, Escape shows all",
            height: LAYER_HEIGHT * 4 + 4, onmove: (x, y) => this.note(this.find(x, y)),
            onclick: (x, y) => this.enlarge(this.find(x, y)), onkey: (event) => this.key(event),
        });
        this.details = el("p", { class: "details", "aria-live": "polite" }, "Choose a box to enlarge it; the top one shows all again.");
        this.element = el("div", {}, this.chart.element, this.details);
    }

    weight(node) {
        return this.byObjects ? BigInt(node.objects) : node.bytes;
    }

    draw(width, pen) {
        this.boxes = [];
        const above = this.focus.path();
        above.forEach((node, layer) => this.drawNode(node, layer, 0, width, pen));
        this.drawChildren(this.focus, above.length, 0, width, pen);
    }

    drawChildren(node, layer, left, width, pen) {
        const children = [...node.children.values()].sort((a, b) => (this.weight(a) < this.weight(b) ? 1 : -1));
        let x = left;
        for (const child of children) {
            const wide = ratio(this.weight(child), this.weight(node)) * width;
            if (wide >= 1) {
                this.drawNode(child, layer, x, wide, pen);
                this.drawChildren(child, layer + 1, x, wide, pen);
            }
            x += wide;
        }
    }

    drawNode(node, layer, x, width, pen) {
        const y = layer * LAYER_HEIGHT;
        this.boxes.push({ node, x, y, width });
        pen.fillStyle = theme(layer === 0 ? "--reserved" : FLAME_COLORS[colorIndex(node)]);
        pen.fillRect(x, y, Math.max(1, width - 1), LAYER_HEIGHT - 1);
        if (node === this.selected) {
            pen.strokeStyle = theme("--text");
            pen.lineWidth = 2;
            pen.strokeRect(x + 1, y + 1, Math.max(1, width - 3), LAYER_HEIGHT - 3);
        }
        pen.fillStyle = theme("--on-color");
        if (width > 30)
            fitText(pen, `${node.name}  ${sizeText(node.bytes)}`, x + 7, y + 19, width - 12);
    }

    find(x, y) {
        return this.boxes.find((box) => x >= box.x && x < box.x + box.width && y >= box.y && y < box.y + LAYER_HEIGHT)?.node ?? null;
    }

    note(node) {
        return node ? describeNode(node, this.root) : "";
    }

    select(node) {
        this.selected = node;
        this.details.textContent = this.note(node).replaceAll("\n", ": ");
        this.chart.redraw();
    }

    enlarge(node) {
        if (!node)
            return;
        this.focus = node;
        this.select(node);
    }

    // Up to the parent, down to the largest child, left and right among the brothers.
    key(event) {
        const node = this.selected;
        const order = (parent) => [...parent.children.values()].sort((a, b) => (this.weight(a) < this.weight(b) ? 1 : -1));
        const brothers = node.parent ? order(node.parent) : [node];
        const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        const next = step ? brothers[brothers.indexOf(node) + step] :
            event.key === "ArrowUp" ? node.parent : event.key === "ArrowDown" ? order(node)[0] : null;
        if (next)
            this.select(next);
        else if (event.key === "Enter")
            this.enlarge(node);
        else if (event.key === "Escape")
            this.enlarge(this.root);
        return next !== null || event.key === "Enter" || event.key === "Escape";
    }
}

// Equal names have equal colours.
function colorIndex(node) {
    let sum = 0;
    for (const letter of node.name)
        sum = (sum * 31 + letter.codePointAt(0)) % 9973;
    return sum % FLAME_COLORS.length;
}

function flameSources(session) {
    const allocated = session.heapEvents.filter((event) => event.kind === "alloc");
    const objects = (events) => events.map((event) => ({ tag: event.tag, place: event.place, bytes: event.size, objects: 1 }));
    return [
        { name: "still held", rows: objects(liveObjects(session.heapEvents)) },
        { name: "all allocations", rows: objects(allocated) },
        { name: "leaks", rows: session.runs.leak.at(-1)?.rows ?? [] },
    ].filter((source) => source.rows.length > 0);
}

function placeTable(rows) {
    const places = new Map();
    for (const row of rows) {
        const key = `${row.tag}\n${row.place}`;
        const one = places.get(key) ?? { tag: row.tag, place: row.place, bytes: 0n, objects: 0 };
        one.bytes += row.bytes;
        one.objects += row.objects;
        places.set(key, one);
    }
    const sorted = [...places.values()].sort((a, b) => (a.bytes < b.bytes ? 1 : -1));
    return table(["bytes", "objects", "tag", "allocated at"], sorted, (row) => [
        sizeText(row.bytes), countText(row.objects), row.tag, row.place || "–"], { numeric: [0, 1], label: "places that allocate" });
}

function viewFlame(session) {
    const sources = flameSources(session);
    if (sources.length === 0)
        return emptyView("This log does not say who allocates.", "heap debug sites; heap events 256; leaks");
    const place = el("div");
    const state = { source: sources[0], byObjects: false };
    const show = () => {
        const flame = new Flame(flameOf(state.source.rows));
        flame.byObjects = state.byObjects;
        place.replaceChildren(flame.element, el("h2", {}, "Places"), placeTable(state.source.rows));
    };
    const choice = (label, options, choose) => el("span", { class: "choice", role: "group", "aria-label": label },
        options.map(([name, value], index) => el("button", { "aria-pressed": String(index === 0), onclick: (event) => {
            for (const other of event.currentTarget.parentElement.children)
                other.setAttribute("aria-pressed", String(other === event.currentTarget));
            choose(value);
            show();
        } }, name)));
    show();
    return el("div", {}, el("div", { class: "tools" },
        choice("source", sources.map((source) => [source.name, source]), (source) => { state.source = source; }),
        choice("width", [["by bytes", false], ["by objects", true]], (byObjects) => { state.byObjects = byObjects; })), place);
}
