// SPDX-License-Identifier: BSD-2-Clause
//
// view_diff.js - two memory maps beside each other, and what differs: regions that came, went, or changed
// their type or holder, and the totals. Both may be of one log, or of two.
"use strict";

const DIFF_KINDS = { added: "--usable", removed: "--unusable", changed: "--soft" };

function diffKind(difference) {
    return difference.a === null ? "added" : difference.b === null ? "removed" : "changed";
}

function sideText(row) {
    return row === null ? "nothing" : `${typeName(row.type)}, ${row.tag === "none" ? "held by nobody" : row.tag}`;
}

// Every map of every log: {name, snapshot}.
function mapsOf(logs) {
    return logs.flatMap((log) => log.sessions.flatMap((session, boot) => session.runs.region.map((snapshot, index) => ({
        name: `${log.name}${log.sessions.length > 1 ? `, boot ${boot + 1}` : ""}, map ${index + 1} (line ${countText(snapshot.line)})`,
        snapshot, log,
    }))));
}

function totalsTable(before, after) {
    const [a, b] = [totalsByType(before), totalsByType(after)];
    const rows = [...new Set([...a.keys(), ...b.keys()])].map((type) => ({ type, a: a.get(type) ?? 0n, b: b.get(type) ?? 0n }));
    rows.sort((x, y) => (x.b < y.b ? 1 : -1));
    return table(["type", "first", "second", "difference"], rows, (row) => [
        el("span", {}, swatch(`var(${typeColor(row.type)})`), typeName(row.type)), sizeText(row.a), sizeText(row.b),
        row.a === row.b ? "the same" : el("b", {}, signedSize(row.b - row.a)),
    ], { numeric: [1, 2, 3], label: "totals" });
}

function diffOf(first, second) {
    const [before, after] = [first.snapshot.rows, second.snapshot.rows];
    const differences = diffRegions(before, after).map((one) => ({ ...one, kind: diffKind(one) }));
    const items = differences.map((one) => ({
        start: one.start, end: one.end, color: DIFF_KINDS[one.kind], label: `${one.kind}\n${sizeText(one.end - one.start)}`, difference: one,
    }));
    const describe = (item) => (item.row ? describeRegion(item.row) :
        `${rangeText(item.start, item.end)}\n${item.difference.kind}: ${sideText(item.difference.a)} → ${sideText(item.difference.b)}`);
    const bar = new Bar([
        { name: `first: ${first.name}`, items: before.map(regionItem) },
        { name: `${plural(differences.length, "difference")}`, items },
        { name: `second: ${second.name}`, items: after.map(regionItem) },
    ], { describe, label: "two memory maps and what differs", home: homeOf([...before, ...after]) });
    const verdict = differences.length === 0 ? el("p", { class: "good" }, "The two maps are the same: types, holders and borders.") :
        el("p", {}, `${plural(differences.length, "range")} differ: `, Object.keys(DIFF_KINDS).map((kind) => {
            const these = differences.filter((one) => one.kind === kind);
            return these.length === 0 ? "" : el("span", { class: "chip" }, swatch(`var(${DIFF_KINDS[kind]})`),
                `${countText(these.length)} ${kind}, ${sizeText(these.reduce((sum, one) => sum + one.end - one.start, 0n))}`);
        }));
    return el("div", {}, verdict, bar.element, el("h2", {}, "Totals"), totalsTable(before, after),
        differences.length === 0 ? null : el("h2", {}, "Differences"), differences.length === 0 ? null :
            table(["first byte", "last byte", "size", "what", "first", "second"], differences, (one) => [
                hex(one.start, 9), hex(one.end - 1n, 9), sizeText(one.end - one.start),
                el("span", {}, swatch(`var(${DIFF_KINDS[one.kind]})`), one.kind), sideText(one.a), sideText(one.b),
            ], { numeric: [2], label: "differences", onrow: (row) => bar.select(items.find((item) => item.difference.start === row.start), bar.rows[1]) }));
}

function viewDiff(logs, openSecond) {
    const maps = mapsOf(logs);
    const open = el("button", { onclick: openSecond }, logs.length > 1 ? "Open another second log…" : "Open a second log…");
    if (maps.length < 2)
        return el("div", { class: "empty" }, el("p", {}, "To compare, open a second log or report: of another machine, another firmware, or another day."), open);
    const place = el("div");
    const chosen = [maps.findLast((map) => map.log === logs[0]) ?? maps[0], maps.at(-1)];
    if (chosen[0] === chosen[1])
        [chosen[0]] = maps;
    const show = () => place.replaceChildren(diffOf(chosen[0], chosen[1]));
    const chooser = (side, label) => el("label", { class: "chooser" }, label,
        el("select", { onchange: (event) => {
            chosen[side] = maps[Number(event.currentTarget.value)];
            show();
        } }, maps.map((map, index) => el("option", { value: index, selected: map === chosen[side] }, map.name))));
    show();
    return el("div", {}, el("div", { class: "tools" }, chooser(0, "First: "), chooser(1, "Second: "), open), place);
}
