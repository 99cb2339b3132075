// SPDX-License-Identifier: BSD-2-Clause
//
// model.js - what the events of one boot say, in the forms that the views draw.
//
// Most results are told as a run of events: the rows of `map`, the runs of `pt`, the places of `leaks`.
// A run ends where another kind of event comes, or where the same one begins again; each is a snapshot,
// and there may be many of a kind. Heap events are kept once for each sequence number, because the
// kernel tells its ring again whenever it is asked.
"use strict";

const BLOCKS_OF_GIB = 512;
const FRAMES_OF_BLOCK = 512;
const BLOCK_BYTES = 1n << 21n;
const GIB = 1n << 30n;

// A range that ends at 2^64 or beyond is cut there.
function endOf(base, size) {
    return base + size < U64_END ? base + size : U64_END;
}

const READ_ROW = {
    region: (event) => {
        const base = toBig(event.base, "base");
        const size = toBig(event.size, "size");
        return {
            start: base, end: endOf(base, size), type: toText(event.type, "unknown"), tag: toText(event.tag, "none"),
            efi: toText(event.efi_type), device: toText(event.device),
        };
    },
    change: (event) => {
        const base = toBig(event.base, "base");
        const size = toBig(event.size, "size");
        return {
            start: base, end: endOf(base, size), from: toText(event.from, "unknown"), to: toText(event.to, "unknown"),
            reason: toText(event.reason),
        };
    },
    descriptor: (event) => {
        const base = toBig(event.base, "base");
        const size = event.size !== undefined ? toBig(event.size, "size") : toBig(event.pages, "pages") << 12n;
        const attribute = event.attribute !== undefined ? toBig(event.attribute, "attribute") : null;
        return { start: base, end: endOf(base, size), name: toText(event.name, "unknown"), attribute };
    },
    mapping: (event) => ({
        start: toBig(event.address, "address"), end: toBig(event.last, "last") + 1n,
        target: toBig(event.target, "target"), mapped: toBig(event.mapped, "mapped"),
        runs: toCount(event.runs ?? 1, "runs"), rights: toText(event.rights, "?"),
        write: event.write === true, execute: event.execute === true, user: event.user === true,
        cache: toText(event.cache), window: toText(event.window, "no window"),
    }),
    blocks: (event) => {
        const blocks = [];
        for (const run of toList(event.runs, "runs")) {
            const count = toCount(run.blocks, "blocks");
            const used = toCount(run.used, "used");
            if (blocks.length + count > BLOCKS_OF_GIB || used > FRAMES_OF_BLOCK)
                throw new ReadError("a GiB has 512 blocks of 512 frames");
            blocks.push(...Array(count).fill({ tag: toText(run.tag, "unknown"), used }));
        }
        return { start: toBig(event.base, "base"), blocks };
    },
    leak: (event) => ({
        tag: toText(event.tag, "none"), place: toText(event.place), objects: toCount(event.objects, "objects"),
        bytes: toBig(event.bytes, "bytes"),
    }),
    heap_class: (event) => ({
        bytes: toCount(event.object_bytes, "object_bytes"), slabs: toCount(event.slabs, "slabs"),
        objects: toCount(event.objects, "objects"), live: toCount(event.live, "live"),
        cached: toCount(event.cached, "cached"),
    }),
};

// Whether `row` cannot belong to the snapshot that ends with `last`.
const BEGINS_AGAIN = {
    mapping: (row, last) => row.start <= last.start,
    blocks: (row, last) => row.start <= last.start,
    region: (row, last) => row.start < last.start,
    heap_class: (row, last) => row.bytes <= last.bytes,
    leak: (row, last, rows) => rows.some((other) => other.tag === row.tag && other.place === row.place),
};

const HEAP_KINDS = new Set(["alloc", "free", "refuse", "damage", "map", "unmap"]);

class Session {
    constructor() {
        this.events = 0;
        this.boot = null;
        this.report = null;
        this.ready = null;
        this.lastKind = "";
        // Lists of snapshots: {line, rows}.
        this.runs = Object.fromEntries(Object.keys(READ_ROW).map((kind) => [kind, []]));
        this.frames = [];
        this.heaps = [];
        this.tables = [];
        this.walks = [];
        this.selftests = [];
        this.troubles = [];         // faults, panics, errors: {line, kind, text}
        this.heapEvents = new Map();
    }

    // False: no view knows this kind of event. Throws ReadError.
    take(event, line) {
        const kind = event.event;
        const before = this.lastKind;
        this.events += 1;
        this.lastKind = kind;
        if (Object.hasOwn(READ_ROW, kind)) {
            this.addRow(kind, READ_ROW[kind](event), line, before);
            return true;
        }
        if (!Object.hasOwn(TAKE, kind))
            return false;
        TAKE[kind](this, event, line);
        return true;
    }

    addRow(kind, row, line, before) {
        const snapshots = this.runs[kind];
        const current = snapshots[snapshots.length - 1];
        const rows = current?.rows ?? [];
        const again = BEGINS_AGAIN[kind];
        if (!current || before !== kind || (again && again(row, rows[rows.length - 1], rows)))
            snapshots.push({ line, rows: [row] });
        else
            rows.push(row);
    }

    // The last snapshot of a kind, or null.
    last(kind) {
        return this.runs[kind].at(-1) ?? null;
    }

    // What is left to do when all has been read.
    finish(log) {
        for (const snapshot of this.runs.region) {
            snapshot.rows.sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
            const overlap = snapshot.rows.find((row, index) => index > 0 && row.start < snapshot.rows[index - 1].end);
            if (overlap)
                log.problem(snapshot.line, `the map that begins here has regions that overlap, at ${hex(overlap.start)}`, "");
        }
        this.heapEvents = [...this.heapEvents.values()].sort((a, b) => a.sequence - b.sequence);
    }

    get title() {
        if (this.boot)
            return `${toText(this.boot.loader, "boot")}${this.boot.command_line ? `: ${toText(this.boot.command_line)}` : ""}`;
        return this.report ? "report of the loader" : "events";
    }
}

function takeReport(session, event, line) {
    session.report = event;
    for (const [member, kind] of [["descriptors", "descriptor"], ["regions", "region"], ["changes", "change"]])
        if (event[member] !== undefined)
            session.runs[kind].push({ line, rows: toList(event[member], member).map(READ_ROW[kind]) });
}

function takeHeapEvent(session, event) {
    const kind = toText(event.kind);
    if (!HEAP_KINDS.has(kind))
        throw new ReadError(`kind '${kind.slice(0, 20)}' is unknown`);
    const sequence = toCount(event.sequence, "sequence");
    session.heapEvents.set(sequence, {
        sequence, kind, address: toBig(event.address, "address"), size: toBig(event.size, "size"),
        cpu: toCount(event.cpu ?? 0, "cpu"), tag: toText(event.tag, "none"), place: toText(event.place),
    });
}

function takeWalk(session, event, line) {
    session.walks.push({
        line, address: toBig(event.address, "address"), mapped: event.mapped === true,
        steps: toList(event.steps, "steps").map((step) => ({
            level: toCount(step.level, "level"), table: toBig(step.table, "table"), index: toCount(step.index, "index"),
            entry: toBig(step.entry, "entry"), present: step.present === true, leaf: step.leaf === true,
        })),
    });
}

function takeFrames(session, event, line) {
    const tags = event.tags === undefined ? [] : toList(event.tags, "tags");
    session.frames.push({
        line, total: toBig(event.total, "total"), free: toBig(event.free, "free"), used: toBig(event.used, "used"),
        reserved: toBig(event.reserved, "reserved"),
        tags: tags.map((tag) => ({ tag: toText(tag.tag, "unknown"), frames: toBig(tag.frames, "frames") })),
    });
}

// How each kind that is no row of a snapshot is taken: TAKE[kind](session, event, line).
const TAKE = {
    boot: (session, event) => { session.boot = event; },
    ready: (session, event) => { session.ready = event; },
    report: takeReport,
    memmap: () => {},
    frames: takeFrames,
    tables: (session, event) => { session.tables.push(event); },
    walk: takeWalk,
    heap: (session, event, line) => {
        session.heaps.push({
            line, live: toBig(event.live_bytes, "live_bytes"), mapped: toBig(event.mapped_bytes, "mapped_bytes"),
            objects: toCount(event.live_objects, "live_objects"),
        });
    },
    heap_event: takeHeapEvent,
    selftest: (session, event) => { session.selftests.push(event); },
    fault: (session, event, line) => { session.troubles.push({ line, kind: "fault", text: toText(event.sentence) }); },
    panic: (session, event, line) => { session.troubles.push({ line, kind: "panic", text: toText(event.sentence) }); },
    error: (session, event, line) => {
        session.troubles.push({ line, kind: "error", text: `${toText(event.command)}: ${toText(event.message)}` });
    },
};

// What differs between two lists of regions: ranges, in order, with the row of each side or null.
function diffRegions(before, after) {
    const borders = [...new Set([...before, ...after].flatMap((row) => [row.start, row.end]))]
        .sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    const differences = [];
    let [i, j] = [0, 0];
    for (let k = 0; k + 1 < borders.length; k += 1) {
        const start = borders[k];
        while (i < before.length && before[i].end <= start)
            i += 1;
        while (j < after.length && after[j].end <= start)
            j += 1;
        const a = i < before.length && before[i].start <= start ? before[i] : null;
        const b = j < after.length && after[j].start <= start ? after[j] : null;
        if ((a?.type ?? "") !== (b?.type ?? "") || (a?.tag ?? "") !== (b?.tag ?? ""))
            addDifference(differences, { start, end: borders[k + 1], a, b });
    }
    return differences;
}

// Neighbours that differ in the same way are one difference.
function addDifference(differences, one) {
    const last = differences.at(-1);
    if (last && last.end === one.start && last.a?.type === one.a?.type && last.b?.type === one.b?.type &&
        last.a?.tag === one.a?.tag && last.b?.tag === one.b?.tag)
        last.end = one.end;
    else
        differences.push(one);
}

// Bytes by type, as a Map.
function totalsByType(rows) {
    const totals = new Map();
    for (const row of rows)
        totals.set(row.type, (totals.get(row.type) ?? 0n) + row.end - row.start);
    return totals;
}
