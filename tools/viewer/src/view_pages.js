// SPDX-License-Identifier: BSD-2-Clause
//
// view_pages.js - the kernel's address space as its page tables map it, and the walks that were asked for.
"use strict";

function rightsColor(mapping) {
    if (mapping.write && mapping.execute)
        return "--unusable";
    if (mapping.cache !== "" && mapping.cache !== "write-back")
        return "--rights-device";
    return mapping.execute ? "--rights-x" : mapping.write ? "--rights-w" : "--rights-r";
}

const RIGHTS = [
    ["--rights-x", "executable"], ["--rights-r", "read-only"], ["--rights-w", "writable"],
    ["--rights-device", "not write-back"], ["--unusable", "writable and executable"],
];

function describeMapping(row) {
    return `${rangeText(row.start, row.end)}\n${row.window}: ${sizeText(row.mapped)} mapped in ${plural(row.runs, "run")}\n` +
        `rights ${row.rights}${row.cache ? `, ${row.cache}` : ""}\nleads to ${hex(row.target)}`;
}

function mappingsOf(snapshot) {
    const { rows } = snapshot;
    const details = el("div", { class: "details", "aria-live": "polite" }, el("p", { class: "hint" }, "Choose a mapping to see where it leads."));
    const items = rows.filter((row) => row.end > row.start).map((row) => ({
        start: row.start, end: row.end, color: rightsColor(row), label: `${row.window}\n${row.rights}\n${sizeText(row.mapped)}`, row,
    }));
    const bar = new Bar([{ name: "virtual addresses that are mapped", items }], {
        describe: (item) => describeMapping(item.row), label: "map of virtual memory",
        onselect: (item) => details.replaceChildren(el("p", {}, describeMapping(item.row).replaceAll("\n", "; "))),
    });
    const wrong = rows.filter((row) => row.write && row.execute);
    return el("div", {}, wrong.length > 0 ? el("p", { class: "bad" }, `${plural(wrong.length, "mapping")} can be written and executed.`) : null,
        bar.element, el("ul", { class: "legend" }, RIGHTS.filter(([color]) => items.some((item) => item.color === color))
            .map(([color, name]) => el("li", {}, swatch(`var(${color})`), name))), details,
        table(["first byte", "last byte", "mapped", "runs", "rights", "leads to", "window"], rows, (row) => [
            hex(row.start), hex(row.end - 1n), sizeText(row.mapped), countText(row.runs),
            el("span", {}, swatch(`var(${rightsColor(row)})`), row.rights), hex(row.target), row.window,
        ], { numeric: [2, 3], label: "mappings", onrow: (row) => bar.select(items.find((item) => item.row === row) ?? items[0]) }));
}

// One walk: a box a level, from the root to the page or to the entry that stops it.
function walkOf(walk) {
    return el("figure", { class: "walk" },
        el("figcaption", {}, el("code", {}, hex(walk.address)), walk.mapped ? " is mapped" : el("b", { class: "bad" }, " is not mapped")),
        el("ol", {}, walk.steps.map((step) => el("li", { class: step.present ? (step.leaf ? "leaf" : "") : "absent" },
            el("b", {}, `level ${step.level}`), el("span", {}, `table ${hex(step.table)}`), el("span", {}, `entry ${step.index}`),
            el("code", {}, hex(step.entry, 16)),
            el("span", {}, step.present ? (step.leaf ? "a page" : "leads to a table") : "not present: the walk ends here")))));
}

function viewPages(session) {
    const snapshots = session.runs.mapping;
    const tables = session.tables.at(-1);
    const facts = tables ? el("p", {}, `${toText(tables.format, "page tables")}: ${countText(Number(tables.tables) || 0)} tables; the root lies at `,
        el("code", {}, toText(tables.root, "?")), ".") : null;
    const walks = session.walks.slice(-20);
    const walked = walks.length > 0 ? el("section", {}, el("h2", {}, "Walks"), walks.map(walkOf)) : null;
    if (snapshots.length === 0)
        return el("div", {}, emptyView("This log has no page tables.", "pt; walk 0xffffffff80000000"), walked);
    const place = el("div", {}, mappingsOf(snapshots.at(-1)));
    return el("div", {}, facts, snapshotChooser(snapshots, "page tables", (snapshot) => place.replaceChildren(mappingsOf(snapshot))), place, walked);
}
