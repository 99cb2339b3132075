// SPDX-License-Identifier: BSD-2-Clause
//
// main.js - the page: files come in, views are chosen.
//
// Files come by the buttons, by dropping them anywhere, and by pasting text; nothing is sent anywhere, and
// the page may not reach a network at all (its Content-Security-Policy). A view that throws says so in its
// place: the page is never blank.
"use strict";

const VIEWS = [
    ["summary", "Summary", (page) => viewSummary(page.session, page.log)],
    ["map", "Address map", (page) => viewMap(page.session)],
    ["frames", "Frames", (page) => viewFrames(page.session)],
    ["heap", "Heap over time", (page) => viewHeap(page.session)],
    ["flame", "Allocations", (page) => viewFlame(page.session)],
    ["pages", "Page tables", (page) => viewPages(page.session)],
    ["diff", "Compare", (page) => viewDiff(page.logs, () => page.choose(1))],
];

class Page {
    constructor() {
        this.logs = [];             // the log that is shown, and one to compare it with
        this.session = null;
        this.view = "summary";
        this.slot = 0;              // which of the two the next file becomes
        this.byId = (id) => document.getElementById(id);
        this.listen();
    }

    get log() {
        return this.logs[0];
    }

    listen() {
        const { byId } = this;
        byId("open").addEventListener("click", () => this.choose(0));
        byId("compare").addEventListener("click", () => this.choose(1));
        byId("paste").addEventListener("click", () => this.showPaste());
        byId("theme").addEventListener("click", () => this.changeTheme());
        byId("file").addEventListener("change", (event) => this.open([...event.currentTarget.files], this.slot));
        byId("paste-done").addEventListener("click", () => {
            byId("paste-box").close();
            this.open([new File([byId("paste-text").value], "pasted text")], 0);
        });
        byId("paste-stop").addEventListener("click", () => byId("paste-box").close());
        document.addEventListener("dragover", (event) => {
            event.preventDefault();
            document.body.classList.add("dropping");
        });
        document.addEventListener("dragleave", (event) => {
            if (!event.relatedTarget)
                document.body.classList.remove("dropping");
        });
        document.addEventListener("drop", (event) => {
            event.preventDefault();
            document.body.classList.remove("dropping");
            this.open([...event.dataTransfer.files], 0);
        });
        document.addEventListener("paste", (event) => {
            const text = event.clipboardData?.getData("text") ?? "";
            if (text !== "" && !(event.target instanceof HTMLTextAreaElement))
                this.open([new File([text], "pasted text")], 0);
        });
        matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => theme.changed());
    }

    choose(slot) {
        this.slot = slot;
        this.byId("file").value = "";
        this.byId("file").click();
    }

    showPaste() {
        this.byId("paste-text").value = "";
        this.byId("paste-box").showModal();
        this.byId("paste-text").focus();
    }

    changeTheme() {
        const dark = document.documentElement.dataset.theme === "dark" ||
            (!document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
        document.documentElement.dataset.theme = dark ? "light" : "dark";
        theme.changed();
    }

    // Two files at once are a log and what it is compared with.
    async open(files, slot) {
        const status = this.byId("status");
        for (const file of files.slice(0, 2 - slot)) {
            status.textContent = `Reading ${file.name}…`;
            try {
                const log = await readLog(file, file.name, (part) => {
                    status.textContent = `Reading ${file.name}: ${Math.round(100 * part)} %`;
                });
                this.logs = slot === 0 ? [log, ...(files.length > 1 ? [] : this.logs.slice(1))] : [...(this.log ? [this.log] : []), log];
            } catch (error) {
                status.textContent = `${file.name} could not be read: ${error.message}`;
                return;
            }
            slot = 1;
        }
        if (!this.log)
            return;
        this.session = this.log.sessions.findLast((session) => session.events > 0) ?? this.log.session;
        if (this.logs.length > 1)
            this.view = "diff";
        status.textContent = "";
        this.show();
    }

    show() {
        document.body.classList.add("loaded");
        this.byId("compare").hidden = false;
        this.showFacts();
        this.showTabs();
        this.showView();
    }

    showFacts() {
        const { log } = this;
        const sessions = log.sessions.filter((session) => session.events > 0);
        const chooser = sessions.length < 2 ? null : el("label", { class: "chooser" }, "Boot: ", el("select", {
            onchange: (event) => {
                this.session = sessions[Number(event.currentTarget.value)];
                this.showView();
            },
        }, sessions.map((session, index) => el("option", { value: index, selected: session === this.session },
            `${index + 1}. ${session.title}`.slice(0, 80)))));
        const wrong = log.problemCount === 0 ? null : el("button", { class: "warn", onclick: () => {
            this.select("summary");
            this.byId("problems")?.scrollIntoView();
        } }, `${plural(log.problemCount, "line")} could not be read`);
        this.byId("facts").replaceChildren(...[el("b", {}, log.name),
            el("span", {}, `${sizeText(BigInt(log.bytes))}, ${plural(log.lines, "line")}, ${plural(log.events, "event")}`), wrong, chooser]
            .filter((part) => part !== null));
    }

    showTabs() {
        const tabs = this.byId("tabs");
        const focused = tabs.contains(document.activeElement);
        tabs.replaceChildren(...VIEWS.map(([id, name]) => el("button", {
            role: "tab", id: `tab-${id}`, "aria-selected": String(id === this.view), "aria-controls": "view",
            tabindex: id === this.view ? "0" : "-1", onclick: () => this.select(id), onkeydown: (event) => this.tabKey(event),
        }, name)));
        if (focused)
            this.byId(`tab-${this.view}`).focus();
    }

    tabKey(event) {
        const at = VIEWS.findIndex(([id]) => id === this.view);
        const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: VIEWS.length - 1 }[event.key];
        if (next === undefined)
            return;
        event.preventDefault();
        this.select(VIEWS[(next + VIEWS.length) % VIEWS.length][0]);
    }

    select(view) {
        this.view = view;
        this.showTabs();
        this.showView();
    }

    showView() {
        const [, name, make] = VIEWS.find(([id]) => id === this.view);
        let content;
        try {
            content = make(this);
        } catch (error) {
            content = el("p", { class: "bad" }, `This view failed on this log: ${error.message}. The others may still work.`);
        }
        const view = this.byId("view");
        view.setAttribute("aria-labelledby", `tab-${this.view}`);
        view.replaceChildren(el("h1", { class: "hidden" }, name), content);
    }
}

const page = new Page();
