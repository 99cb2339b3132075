// SPDX-License-Identifier: BSD-2-Clause
//
// view_frames.js - the heat map: every block of 2 MiB a square, coloured by what its frames are for and as
// strong as it is used; and where all frames went, by tag.
//
// A machine with many GiB would need a picture of many screens: above CELLS_MOST squares a square stands for
// two blocks, four, ...; the commonest tag of its used frames names it.
"use strict";

const CELLS_MOST = 16384;
const GUTTER = 118;             // addresses to the left
const FREE_TAG = "free";
const TAG_COLORS = {
    free: "--free", kernel: "--tag-kernel", user: "--tag-user", "page table": "--tag-table", slab: "--tag-slab",
    heap: "--tag-heap", stack: "--tag-stack", DMA: "--tag-dma", cache: "--tag-cache", guard: "--tag-guard",
    device: "--tag-device", firmware: "--tag-firmware", reserved: "--reserved", bad: "--unusable", test: "--tag-test",
};

function tagColor(tag) {
    return Object.hasOwn(TAG_COLORS, tag) ? TAG_COLORS[tag] : "--unknown";
}

// Joins `group` blocks each: {start, bytes, tag, used, frames}.
function cellsOf(gibs, group) {
    const cells = [];
    for (const gib of gibs)
        for (let at = 0; at < gib.blocks.length; at += group) {
            const blocks = gib.blocks.slice(at, at + group);
            const tags = new Map();
            for (const block of blocks)
                if (block.used > 0)
                    tags.set(block.tag, (tags.get(block.tag) ?? 0) + block.used);
            const [tag] = [...tags].sort((a, b) => b[1] - a[1])[0] ?? [FREE_TAG];
            cells.push({
                start: gib.start + BigInt(at) * BLOCK_BYTES, bytes: BigInt(blocks.length) * BLOCK_BYTES, tag,
                used: blocks.reduce((sum, block) => sum + block.used, 0), frames: blocks.length * FRAMES_OF_BLOCK,
                gibStart: at === 0,
            });
        }
    return cells;
}

function describeCell(cell) {
    const used = `${countText(cell.used)} of ${plural(cell.frames, "frame")} used (${Math.round((100 * cell.used) / cell.frames)} %)`;
    return `${rangeText(cell.start, cell.start + cell.bytes)}\n${sizeText(cell.bytes)}: ${used}\n` +
        (cell.tag === FREE_TAG ? "wholly free" : `mostly ${cell.tag}`);
}

class HeatMap {
    constructor(gibs) {
        const blocks = gibs.reduce((sum, gib) => sum + gib.blocks.length, 0);
        this.group = 1;
        while (blocks / this.group > CELLS_MOST)
            this.group *= 2;
        this.cells = cellsOf(gibs, this.group);
        this.selected = -1;
        this.chart = new Chart((width, pen) => this.draw(width, pen), {
            label: "blocks of memory by use; arrow keys go from block to block", height: 100,
            onmove: (x, y) => this.cells[this.at(x, y)] ? describeCell(this.cells[this.at(x, y)]) : "",
            onclick: (x, y) => this.select(this.at(x, y)), onkey: (event) => this.key(event),
        });
        this.details = el("p", { class: "details", "aria-live": "polite" },
            `Each square is ${sizeText(BigInt(this.group) * BLOCK_BYTES)}: point at one, or walk with the arrow keys.`);
        this.element = el("div", {}, this.chart.element, this.details);
    }

    // As many columns, a power of two, as leave a square at least 8 pixels; then as large as they can be.
    layout(width) {
        const room = width - GUTTER;
        let columns = 32;
        while (columns < 256 && room / (columns * 2) >= 9)
            columns *= 2;
        this.columns = columns;
        this.pitch = Math.max(4, Math.min(22, Math.floor(room / columns)));
    }

    draw(width, pen) {
        this.layout(width);
        const height = Math.ceil(this.cells.length / this.columns) * this.pitch + 8;
        if (height !== this.chart.height) {
            this.chart.resize(height);
            return;
        }
        const labelRows = Math.max(1, Math.ceil(16 / this.pitch));
        this.cells.forEach((cell, index) => {
            const [x, y] = this.position(index);
            this.drawCell(cell, index, x, y, pen);
            const row = Math.floor(index / this.columns);
            if (index % this.columns === 0 && (row % labelRows === 0)) {
                pen.fillStyle = theme("--dim");
                pen.fillText(hex(cell.start, 9), 0, y + Math.min(this.pitch, 16) - 3);
            }
        });
    }

    drawCell(cell, index, x, y, pen) {
        const size = this.pitch - (this.pitch > 6 ? 1 : 0);
        pen.fillStyle = theme("--free");
        pen.fillRect(x, y, size, size);
        if (cell.used > 0) {
            pen.globalAlpha = 0.3 + (0.7 * cell.used) / cell.frames;
            pen.fillStyle = theme(tagColor(cell.tag));
            pen.fillRect(x, y, size, size);
            pen.globalAlpha = 1;
        }
        if (index === this.selected) {
            pen.strokeStyle = theme("--text");
            pen.lineWidth = 2;
            pen.strokeRect(x, y, size, size);
        }
    }

    position(index) {
        return [GUTTER + (index % this.columns) * this.pitch, 2 + Math.floor(index / this.columns) * this.pitch];
    }

    at(x, y) {
        const column = Math.floor((x - GUTTER) / this.pitch);
        if (column < 0 || column >= this.columns || y < 2)
            return -1;
        return Math.floor((y - 2) / this.pitch) * this.columns + column;
    }

    select(index) {
        if (!this.cells[index])
            return;
        this.selected = index;
        this.details.textContent = describeCell(this.cells[index]).replaceAll("\n", "; ");
        this.chart.redraw();
    }

    key(event) {
        const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.columns, ArrowDown: this.columns }[event.key];
        if (step)
            this.select(Math.min(this.cells.length - 1, Math.max(0, this.selected + step)));
        return Boolean(step);
    }
}

// A bar of parts of a whole, with its legend.
function shareBar(parts, whole, noun) {
    const known = parts.filter((part) => part.amount > 0n);
    return el("div", { class: "shares" },
        el("div", { class: "share-bar", role: "img", "aria-label": known.map((part) => `${part.name} ${percentText(part.amount, whole)}`).join(", ") },
            known.map((part) => el("span", {
                title: `${part.name}: ${part.text}`, style: { background: `var(${part.color})`, flexGrow: String(Math.max(0.002, ratio(part.amount, whole))) },
            }))),
        el("ul", { class: "legend", "aria-label": noun }, known.map((part) => el("li", {}, swatch(`var(${part.color})`), part.name,
            el("b", {}, part.text)))));
}

function frameShares(frames) {
    const parts = [{ name: "free", amount: frames.free, color: "--free" },
        ...frames.tags.map((tag) => ({ name: tag.tag, amount: tag.frames, color: tagColor(tag.tag) })),
        ...(frames.tags.length === 0 ? [{ name: "used", amount: frames.used, color: "--tag-kernel" }] : []),
        { name: "reserved", amount: frames.reserved, color: "--reserved" }];
    for (const part of parts)
        part.text = `${sizeText(part.amount * 4096n)}`;
    return shareBar(parts, frames.total, "frames by use");
}

function viewFrames(session) {
    const frames = session.frames.at(-1);
    const snapshots = session.runs.blocks;
    const shares = frames ? el("section", {}, el("h2", {}, `Where ${countText(frames.total)} frames of 4 KiB went`), frameShares(frames)) : null;
    if (snapshots.length === 0)
        return el("div", {}, shares, emptyView("This log does not say what each block is used for.", "frames -b"));
    const place = el("div", {}, new HeatMap(snapshots.at(-1).rows).element);
    const tags = new Set(snapshots.at(-1).rows.flatMap((gib) => gib.blocks.map((block) => block.tag)));
    return el("div", {}, shares, el("h2", {}, "Every block of 2 MiB"),
        snapshotChooser(snapshots, "blocks", (snapshot) => place.replaceChildren(new HeatMap(snapshot.rows).element)),
        el("ul", { class: "legend" }, [...tags].map((tag) => el("li", {}, swatch(`var(${tagColor(tag)})`), tag)),
            el("li", { class: "hint" }, "the stronger, the more of its frames are used")), place);
}
