// SPDX-License-Identifier: BSD-2-Clause
//
// text.js - figures as people read them, and elements made without markup.
//
// Whatever a log says reaches the page through el() as a text node or as an attribute that runs
// nothing: no string is ever parsed as HTML, so that a log cannot put a script or a picture here.
// Addresses and sizes are BigInt throughout: they have 64 bits, and a JavaScript number has 53.
"use strict";

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

function hex(value, digits = 0) {
    return "0x" + value.toString(16).padStart(digits, "0");
}

// "640 KiB", "5.9 GiB": cut, not rounded, with one digit behind the point unless it is exact.
function sizeText(bytes) {
    const magnitude = bytes < 0n ? -bytes : bytes;
    let scale = 1n;
    let unit = 0;
    while (magnitude / scale >= 1024n && unit < UNITS.length - 1) {
        scale *= 1024n;
        unit += 1;
    }
    const rest = magnitude % scale;
    return `${bytes < 0n ? "−" : ""}${magnitude / scale}${rest > 0n ? `.${rest * 10n / scale}` : ""} ${UNITS[unit]}`;
}

function signedSize(bytes) {
    return bytes > 0n ? "+" + sizeText(bytes) : sizeText(bytes);
}

function countText(count) {
    return count.toLocaleString("en");
}

function plural(count, noun) {
    return `${countText(count)} ${noun}${count === 1 || count === 1n ? "" : "s"}`;
}

// "0x100000 – 0x7fffff", both ends included, as the kernel prints ranges.
function rangeText(start, end) {
    return `${hex(start)} – ${hex(end > start ? end - 1n : end)}`;
}

// part / whole as a number from 0 to 1; exact enough for any two 64-bit figures.
function ratio(part, whole) {
    const bits = 52n;
    return whole > 0n ? Number((part << bits) / whole) / 2 ** 52 : 0;
}

function percentText(part, whole) {
    const percent = 100 * ratio(part, whole);
    return percent > 0 && percent < 0.1 ? "< 0.1 %" : `${percent.toFixed(percent < 10 ? 1 : 0)} %`;
}

// el("p", {class: "hint", onclick: f}, "text", child, ...): strings become text nodes.
function el(name, attributes = {}, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
        if (key.startsWith("on"))
            element.addEventListener(key.slice(2), value);
        else if (key === "style")
            Object.assign(element.style, value);
        else if (value !== null && value !== undefined && value !== false)
            element.setAttribute(key, value === true ? "" : value);
    }
    element.append(...children.flat().filter((child) => child !== null && child !== undefined));
    return element;
}

// A coloured square, as legends and tables have it.
function swatch(color) {
    return el("span", { class: "swatch", style: { background: color }, "aria-hidden": "true" });
}

// The rows of a table are made on demand: a log may have a hundred thousand.
const TABLE_ROWS = 200;

// table(["head", ...], rows, (row) => [cell, ...], {numeric: [1], onrow, label}); cells are text or nodes.
function table(heads, rows, cells, options = {}) {
    const numeric = new Set(options.numeric ?? []);
    const body = el("tbody");
    const cellClass = (index) => (numeric.has(index) ? { class: "number" } : {});
    let shown = 0;
    const more = el("button", { class: "quiet", onclick: () => show(TABLE_ROWS * 10) });
    function show(count) {
        for (const row of rows.slice(shown, shown + count)) {
            const line = el("tr", {}, cells(row).map((cell, index) => el("td", cellClass(index), cell)));
            if (options.onrow)
                line.addEventListener("click", () => options.onrow(row));
            body.append(line);
        }
        shown = Math.min(rows.length, shown + count);
        more.hidden = shown >= rows.length;
        more.textContent = `Show more: ${countText(rows.length - shown)} rows are left`;
    }
    show(TABLE_ROWS);
    return el("div", { class: "table", tabindex: "0", role: "region", "aria-label": options.label ?? "table" },
        el("table", {}, el("thead", {}, el("tr", {}, heads.map((head, index) => el("th", cellClass(index), head)))), body),
        more);
}

// What a view says when the log lacks what it draws, and how to record it.
function emptyView(what, command) {
    return el("div", { class: "empty" },
        el("p", {}, what),
        el("p", {}, "In the monitor, with events on (", el("code", {}, "json on"), "), type ",
            el("code", {}, command), " and open the log again."));
}
