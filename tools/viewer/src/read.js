// SPDX-License-Identifier: BSD-2-Clause
//
// read.js - from a file of any size and quality to a Log.
//
// A log is text in which some lines hold an event, {"meridian":1,"event":...}; all else is passed over:
// what the firmware and people printed, terminal colours, prompts before an event. A report of the
// loader (memmap.json) is one such object, on one line or on many. The file is read in pieces, so that
// the page stays alive; an event that cannot be understood is a Problem with its line number, never an
// end. Numbers of 16 digits and more are made strings before JSON.parse() rounds them.
"use strict";

const READ_BYTES = 4 << 20;
const PROBLEMS_KEPT = 500;
const EXCERPT_CHARACTERS = 120;
const U64_END = 1n << 64n;
const EVENT_START = /\{\s*"meridian"\s*:/;
const ESCAPES = /\x1b\[[0-9;?]*[ -/]*[@-~]/g;
const LONG_NUMBER = /\d{16}/;
const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;

// What is wrong with an event; the message follows "line N: ".
class ReadError extends Error {}

function quoteLongNumbers(text) {
    if (!LONG_NUMBER.test(text))
        return text;
    return text.replace(STRING_OR_NUMBER, (part) => (/^-?\d{16,}$/.test(part) ? `"${part}"` : part));
}

// An unsigned number of 64 bits, written "0x…", as digits, or as a JSON number.
function toBig(value, what) {
    let number;
    if (typeof value === "number" && Number.isInteger(value))
        number = BigInt(value);
    else if (typeof value === "string" && /^(0x[0-9a-f]{1,64}|\d{1,64})$/i.test(value))
        number = BigInt(value);
    else
        throw new ReadError(value === undefined ? `${what} is missing` : `${what} is no number`);
    if (number < 0n || number >= U64_END)
        throw new ReadError(`${what} is beyond 64 bits`);
    return number;
}

function toText(value, fallback = "") {
    return typeof value === "string" ? value : fallback;
}

// A small count: what does not fit is as wrong as no number.
function toCount(value, what) {
    const number = toBig(value, what);
    if (number > BigInt(Number.MAX_SAFE_INTEGER))
        throw new ReadError(`${what} is absurd: ${number}`);
    return Number(number);
}

function toList(value, what) {
    if (!Array.isArray(value) || value.some((item) => item === null || typeof item !== "object"))
        throw new ReadError(`${what} is no list of objects`);
    return value;
}

class Log {
    constructor(name, bytes) {
        this.name = name;
        this.bytes = bytes;
        this.lines = 0;
        this.events = 0;
        this.unknown = 0;       // events of kinds that no view knows
        this.sessions = [new Session()];
        this.problems = [];
        this.problemCount = 0;
    }

    get session() {
        return this.sessions[this.sessions.length - 1];
    }

    problem(line, message, text) {
        this.problemCount += 1;
        if (this.problems.length < PROBLEMS_KEPT)
            this.problems.push({ line, message, excerpt: text.slice(0, EXCERPT_CHARACTERS) });
    }

    // One event; `text` is where it came from.
    take(event, line, text) {
        if (event === null || typeof event !== "object" || Array.isArray(event) || typeof event.event !== "string") {
            this.problem(line, "this is no event: it has no name", text);
            return;
        }
        if (event.meridian !== 1)
            this.problem(line, "an event of another version than 1 may be misunderstood", text);
        this.events += 1;
        if (event.event === "boot" && this.session.events > 0)
            this.sessions.push(new Session());
        try {
            if (!this.session.take(event, line))
                this.unknown += 1;
        } catch (error) {
            if (!(error instanceof ReadError))
                throw error;
            this.problem(line, `event '${event.event.slice(0, 40)}': ${error.message}`, text);
        }
    }

    takeLine(raw, line) {
        if (!raw.includes('"meridian"'))
            return;
        const text = raw.includes("\x1b") ? raw.replace(ESCAPES, "") : raw;
        const start = text.search(EVENT_START);
        if (start < 0)
            return;
        const end = text.lastIndexOf("}") + 1;
        let event;
        try {
            event = JSON.parse(quoteLongNumbers(text.slice(start, Math.max(end, start))));
        } catch {
            this.problem(line, end > start ? "an event begins here and is not JSON" : "an event begins here and is cut off",
                text.slice(start, start + EXCERPT_CHARACTERS));
            return;
        }
        this.take(event, line, text.slice(start, start + EXCERPT_CHARACTERS));
    }
}

// One object over several lines: JSON as people and tools format it.
function readDocument(log, text) {
    let report;
    try {
        report = JSON.parse(quoteLongNumbers(text));
    } catch (error) {
        const place = /position (\d+)/.exec(error.message);
        const line = place ? text.slice(0, Number(place[1])).split("\n").length : 1;
        log.problem(line, "this is one JSON object, and it is damaged here", text.split("\n")[line - 1] ?? "");
        return;
    }
    for (const event of Array.isArray(report) ? report : [report])
        log.take(event, 1, text.slice(0, EXCERPT_CHARACTERS));
}

// Windows consoles redirect in UTF-16.
async function encodingOf(blob) {
    const mark = new Uint8Array(await blob.slice(0, 2).arrayBuffer());
    if (mark[0] === 0xff && mark[1] === 0xfe)
        return "utf-16le";
    return mark[0] === 0xfe && mark[1] === 0xff ? "utf-16be" : "utf-8";
}

// Reads a Blob to its end. onProgress(part) is called between pieces, with a number from 0 to 1.
async function readLog(blob, name, onProgress = () => {}) {
    const log = new Log(name, blob.size);
    const encoding = await encodingOf(blob);
    const decoder = new TextDecoder(encoding);
    let pieces = [];        // of the line that is not ended yet
    for (let at = 0; at < blob.size; at += READ_BYTES) {
        const piece = await blob.slice(at, at + READ_BYTES).arrayBuffer();
        const lines = decoder.decode(piece, { stream: true }).split("\n");
        pieces.push(lines[0]);
        for (let index = 1; index < lines.length; index += 1) {
            log.lines += 1;
            log.takeLine(pieces.join(""), log.lines);
            pieces = [lines[index]];
        }
        onProgress(Math.min(1, (at + READ_BYTES) / blob.size));
        await new Promise((resolve) => setTimeout(resolve));
    }
    const rest = pieces.join("") + decoder.decode();
    if (rest !== "") {
        log.lines += 1;
        log.takeLine(rest, log.lines);
    }
    if (log.events === 0) {
        const text = new TextDecoder(encoding).decode(await blob.arrayBuffer());
        if (/^\s*[{[]/.test(text)) {
            log.problems = [];
            log.problemCount = 0;
            readDocument(log, text);
        }
    }
    for (const session of log.sessions)
        session.finish(log);
    return log;
}
