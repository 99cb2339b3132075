// SPDX-License-Identifier: BSD-2-Clause
//
// view_map.js - the address map: what lies where, whose it is, and why it got its type.
//
// "Why" has two sources: the firmware's own entries (map -u), and the notes of what the conversion
// changed (map -d); both are matched by overlap with the region that is looked at.
"use strict";

const TYPES = {
    usable: ["--usable", "usable"], reserved: ["--reserved", "reserved"], acpi_data: ["--acpi-data", "ACPI data"],
    acpi_nvs: ["--acpi-nvs", "ACPI NVS"], unusable: ["--unusable", "unusable"],
    persistent7: ["--persistent", "persistent"], soft_reserved: ["--soft", "soft reserved"],
    unaccepted: ["--unaccepted", "unaccepted"],
};

function typeColor(type) {
    return Object.hasOwn(TYPES, type) ? TYPES[type][0] : "--unknown";
}

function typeName(type) {
    return Object.hasOwn(TYPES, type) ? TYPES[type][1] : type;
}

function holderText(row) {
    if (row.device)
        return `PCI ${row.device.replace(/^0000:/, "")}`;
    return row.tag === "none" ? "nobody" : row.tag;
}

function regionItem(row) {
    return {
        start: row.start, end: row.end, color: typeColor(row.type), hatched: row.type === "usable" && row.tag !== "none",
        label: `${typeName(row.type)}\n${sizeText(row.end - row.start)}\n${row.tag === "none" ? "" : holderText(row)}`, row,
    };
}

function describeRegion(row) {
    return `${rangeText(row.start, row.end)}\n${sizeText(row.end - row.start)}, ${typeName(row.type)}\n` +
        `held by ${holderText(row)}${row.efi ? `\nfor the firmware: ${row.efi}` : ""}`;
}

// From the lowest region to a little beyond the highest memory: what is to be seen first, to scale.
function homeOf(rows) {
    const memory = rows.filter((row) => row.type !== "reserved");
    if (memory.length === 0)
        return null;
    const start = rows.reduce((low, row) => (row.start < low ? row.start : low), rows[0].start);
    const end = memory.reduce((high, row) => (row.end > high ? row.end : high), 0n);
    return [start, end + (end - start) / 50n];
}

function overlapping(rows, row) {
    return rows.filter((other) => other.start < row.end && other.end > row.start);
}

// The newest snapshot of a kind that was told at or before a line, else the first one.
function snapshotFor(snapshots, line) {
    return [...snapshots].reverse().find((snapshot) => snapshot.line <= line) ?? snapshots[0];
}

function changeSentence(change) {
    const what = change.from === change.to ? `stayed ${typeName(change.to)}` :
        change.from === "nothing" ? `was added as ${typeName(change.to)}` :
            change.to === "nothing" ? `${typeName(change.from)} was left out` :
                `${typeName(change.from)} became ${typeName(change.to)}`;
    return `${rangeText(change.start, change.end)} (${sizeText(change.end - change.start)}) ${what}: ${change.reason}`;
}

// The sentences under the map.
function whyRegion(session, row, line) {
    const changes = overlapping(session.runs.change.at(-1)?.rows ?? [], row);
    const entries = overlapping(session.runs.descriptor.at(-1)?.rows ?? [], row);
    const said = entries.slice(0, 12).map((entry) => el("li", {}, "the firmware said ", el("b", {}, entry.name),
        ` ${rangeText(entry.start, entry.end)} (${sizeText(entry.end - entry.start)})`));
    const rest = entries.length > 12 ? [el("li", {}, `and ${countText(entries.length - 12)} entries more`)] : [];
    const done = changes.slice(0, 12).map((change) => el("li", {}, changeSentence(change)));
    const none = said.length + done.length > 0 ? [] : [el("li", {}, session.runs.descriptor.length > 0 ?
        "no entry of the firmware covers it, and no note says why it is here" :
        row.efi ? `the firmware called it ${row.efi}; its own entries are not in this log (map -u)` :
            "the firmware's own entries are not in this log (map -u)")];
    return el("ul", { class: "why", "data-line": String(line) }, said, rest, done, none);
}

function typeLegend(rows, onhover) {
    const totals = [...totalsByType(rows)].sort((a, b) => (a[1] < b[1] ? 1 : -1));
    const held = rows.filter((row) => row.type === "usable" && row.tag !== "none")
        .reduce((sum, row) => sum + row.end - row.start, 0n);
    return el("ul", { class: "legend" },
        totals.map(([type, bytes]) => el("li", {
            onpointerenter: () => onhover(typeColor(type)), onpointerleave: () => onhover(null),
        }, swatch(`var(${typeColor(type)})`), typeName(type), el("b", {}, sizeText(bytes)))),
        held > 0n ? el("li", {}, el("span", { class: "swatch hatched", "aria-hidden": "true" }), "of it held", el("b", {}, sizeText(held))) : null);
}

function mapOf(session, snapshot) {
    const { rows } = snapshot;
    const details = el("div", { class: "details", "aria-live": "polite" });
    const items = rows.filter((row) => row.end > row.start).map(regionItem);
    const select = (item) => {
        const { row } = item;
        details.replaceChildren(
            el("h3", {}, swatch(`var(${item.color})`), ` ${rangeText(row.start, row.end)}`),
            el("p", {}, `${sizeText(row.end - row.start)}, ${typeName(row.type)}, held by ${holderText(row)}`,
                row.efi ? `, ${row.efi} for the firmware` : "", "."),
            whyRegion(session, row, snapshot.line));
    };
    const bar = new Bar([{ name: `${plural(rows.length, "region")}, by physical address`, items }], {
        onselect: select, describe: (item) => describeRegion(item.row), label: "map of physical memory",
        home: homeOf(rows),
    });
    const legend = typeLegend(rows, (color) => {
        bar.highlight = color;
        bar.chart.redraw();
    });
    details.append(el("p", { class: "hint" }, "Point at a region to see what it is; choose one to see why."));
    const list = table(["first byte", "last byte", "size", "type", "held by", "for the firmware"], rows, (row) => [
        hex(row.start, 9), hex(row.end > row.start ? row.end - 1n : row.end, 9), sizeText(row.end - row.start),
        el("span", {}, swatch(`var(${typeColor(row.type)})`), typeName(row.type)), holderText(row), row.efi || "–",
    ], {
        numeric: [2], label: "regions", onrow: (row) => {
            const item = items.find((one) => one.row === row);
            if (item)
                bar.select(item);
        },
    });
    return el("div", {}, bar.element, legend, details, list);
}

function viewMap(session) {
    const snapshots = session.runs.region;
    if (snapshots.length === 0)
        return emptyView("This log has no memory map.", "map");
    const place = el("div", {}, mapOf(session, snapshots.at(-1)));
    return el("div", {}, snapshotChooser(snapshots, "map", (snapshot) => place.replaceChildren(mapOf(session, snapshot))), place);
}

// A list of the snapshots of a kind, when there is more than one; the last is shown first.
function snapshotChooser(snapshots, noun, onchoose) {
    if (snapshots.length < 2)
        return null;
    const list = el("select", { onchange: (event) => onchoose(snapshots[Number(event.currentTarget.value)]) },
        snapshots.map((snapshot, index) => el("option", { value: index, selected: index === snapshots.length - 1 },
            `${noun} ${index + 1} of ${snapshots.length} (line ${countText(snapshot.line)})`)));
    return el("label", { class: "chooser" }, "Shown: ", list);
}
