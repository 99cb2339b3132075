// SPDX-License-Identifier: BSD-2-Clause
//
// view_summary.js - the log at a glance: the machine, the boot, what went wrong, and which lines could not be read.
"use strict";

const FACTS = [
    ["loader", "Started by"], ["firmware", "Firmware"], ["command_line", "Command line"], ["cpu", "Processor"],
    ["table_levels", "Levels of page tables"], ["physical_bits", "Bits of a physical address"], ["protections", "Protections"],
    ["kernel", "Kernel at"], ["direct_map", "Direct map at"], ["secure_boot", "Secure Boot"],
];

// Members of nested objects of a report as "machine: vendor" rows.
function factsOf(session) {
    const facts = [];
    if (session.boot)
        for (const [member, name] of FACTS)
            if (session.boot[member] !== undefined)
                facts.push([name, plainText(session.boot[member])]);
    for (const part of ["machine", "firmware"])
        if (session.report && session.report[part] !== null && typeof session.report[part] === "object")
            for (const [member, value] of Object.entries(session.report[part]).slice(0, 40))
                facts.push([`${part}: ${member.replaceAll("_", " ")}`, plainText(value)]);
    return facts;
}

function plainText(value) {
    if (value === true || value === false)
        return value ? "yes" : "no";
    const text = typeof value === "object" ? JSON.stringify(value) : String(value);
    return text === "" ? "–" : text.slice(0, 300);
}

function phases(session) {
    const { ready } = session;
    if (!ready || !Array.isArray(ready.phases))
        return null;
    const hertz = Number(ready.clock_hertz) || 0;
    const ticks = (phase) => Math.max(0, Number(phase?.ticks) || 0);
    const sum = ready.phases.reduce((total, phase) => total + ticks(phase), 0);
    const time = (count) => (hertz > 0 ? `${((1e3 * count) / hertz).toFixed(2)} ms` : countText(count));
    return el("section", {}, el("h2", {}, `The boot took ${time(Number(ready.ticks) || sum)}`),
        el("ol", { class: "phases" }, ready.phases.map((phase) => el("li", {},
            el("span", {}, toText(phase?.name, "?")), el("meter", { min: 0, max: Math.max(1, sum), value: ticks(phase) }),
            el("span", { class: "number" }, time(ticks(phase)))))));
}

function selftests(session) {
    const failed = session.selftests.filter((test) => test.result !== "passed");
    if (session.selftests.length === 0)
        return null;
    return failed.length === 0 ? el("p", { class: "good" }, session.selftests.length === 1 ? "One self-test was run, and passed." : `All ${session.selftests.length} self-tests passed.`) :
        el("p", { class: "bad" }, `${countText(failed.length)} of ${plural(session.selftests.length, "self-test")} failed: `,
            failed.map((test) => `${toText(test.name)} (${toText(test.why, "no reason given")})`).join(", "));
}

function problems(log) {
    if (log.problemCount === 0)
        return el("p", { class: "good" }, "Every event could be read.");
    const more = log.problemCount - log.problems.length;
    return el("section", { id: "problems" }, el("h2", {}, `${plural(log.problemCount, "line")} could not be read`),
        el("p", { class: "hint" }, "Everything else is shown. A line that is cut off is what a machine leaves that was switched off."),
        table(["line", "what is wrong", "the line begins"], log.problems, (problem) => [
            countText(problem.line), problem.message, el("code", {}, problem.excerpt)], { numeric: [0], label: "problems" }),
        more > 0 ? el("p", { class: "hint" }, `and ${plural(more, "line")} more`) : null);
}

function viewSummary(session, log) {
    const map = session.runs.region.at(-1);
    const frames = session.frames.at(-1);
    const facts = factsOf(session);
    const shares = map ? [...totalsByType(map.rows)].map(([type, bytes]) => ({
        name: typeName(type), color: typeColor(type), amount: bytes, text: sizeText(bytes) })) : [];
    shares.sort((a, b) => (a.amount < b.amount ? 1 : -1));
    return el("div", {},
        log.events === 0 ? el("p", { class: "bad" }, "There is no event in this file. Was the kernel started with ", el("code", {}, "json"), " on its command line?") : null,
        map ? el("section", {}, el("h2", {}, `${sizeText(shares.reduce((sum, share) => sum + share.amount, 0n))} in ${plural(map.rows.length, "region")}`),
            shareBar(shares, shares.reduce((sum, share) => sum + share.amount, 0n), "memory by type")) : null,
        frames ? el("section", {}, el("h2", {}, `${countText(frames.total)} frames of 4 KiB`), frameShares(frames)) : null,
        selftests(session),
        session.troubles.length > 0 ? el("section", {}, el("h2", {}, "Troubles"), table(["line", "what", "in words"], session.troubles,
            (trouble) => [countText(trouble.line), el("b", { class: "bad" }, trouble.kind), trouble.text], { numeric: [0], label: "troubles" })) : null,
        facts.length > 0 ? el("section", {}, el("h2", {}, "The machine"), el("dl", { class: "facts" },
            facts.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]))) : null,
        phases(session), problems(log));
}
