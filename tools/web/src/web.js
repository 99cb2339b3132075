// SPDX-License-Identifier: BSD-2-Clause
//
// web.js - the 32-bit kernel in v86, its serial port in xterm.js, its screen beside it.
//
// v86 starts the kernel by Multiboot itself, without a BIOS: there is nothing between the page and the kernel's
// first instruction. Everything comes from the folder of this page. What goes wrong is said in the status line.
"use strict";

const MIB = 1 << 20;
const MEMORY_BYTES = 64 * MIB;
const VGA_BYTES = 8 * MIB;
// There is no BIOS that would have put the screen into text of 80 by 25, and noted it for the kernel: the byte where it
// does so, and the registers that make characters of what is written at 0xb8000. [index port, index, value] each.
const BIOS_VIDEO_MODE = 0x449;
const TEXT_80_25 = 3;
const TEXT_REGISTERS = [[0x3c4, 2, 0x03], [0x3ce, 6, 0x0e]];
const PROMPT = "meridian> ";
const KERNEL = "kernel-i386.elf";
const SUGGESTIONS = ["help", "map", "frames -b", "explain 0x100000", "pt", "run tour", "selftest"];
const SAID_MOST = 1 << 20;

// The sixteen colours of text, in levels of 0 to 63, as every PC has had them.
const COLOURS = [
    [0, 0, 0], [0, 0, 42], [0, 42, 0], [0, 42, 42], [42, 0, 0], [42, 0, 42], [42, 21, 0], [42, 42, 42],
    [21, 21, 21], [21, 21, 63], [21, 63, 21], [21, 63, 63], [63, 21, 21], [63, 21, 63], [63, 63, 21], [63, 63, 63],
];

function prepareScreen(io) {
    for (const [port, index, value] of TEXT_REGISTERS) {
        io.port_write8(port, index);
        io.port_write8(port + 1, value);
    }
    COLOURS.forEach((levels, number) => {
        io.port_read8(0x3da);                       // the attribute port expects an index now
        io.port_write8(0x3c0, number | 0x20);
        io.port_write8(0x3c0, number);
        io.port_write8(0x3c8, number);
        for (const level of levels)
            io.port_write8(0x3c9, level);
    });
}

class Machine {
    constructor() {
        this.byId = (id) => document.getElementById(id);
        this.said = "";                 // what the serial port said, its last part
        this.ready = false;
        this.terminal = new Terminal({
            cols: 100, rows: 36, fontSize: 13, scrollback: 5000, convertEol: false,
            fontFamily: "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace",
            theme: { background: "#0b0e12", foreground: "#e6ebf1", cursor: "#6ea8ff" },
        });
        this.terminal.open(this.byId("terminal"));
        this.terminal.onData((text) => this.type(text));
        this.byId("screen").addEventListener("focus", () => this.emulator?.keyboard_set_enabled(true));
        this.byId("screen").addEventListener("blur", () => this.emulator?.keyboard_set_enabled(false));
        this.byId("restart").addEventListener("click", () => location.reload());
        this.byId("suggestions").replaceChildren(...SUGGESTIONS.map((command) => this.suggestion(command)));
    }

    suggestion(command) {
        const button = document.createElement("button");
        button.textContent = command;
        button.disabled = true;
        button.addEventListener("click", () => {
            this.type(`${command}\r`);
            this.terminal.focus();
        });
        return button;
    }

    status(text, kind = "") {
        this.byId("status").textContent = text;
        this.byId("status").className = kind;
    }

    type(text) {
        this.emulator?.serial0_send(text);
    }

    start() {
        this.started = performance.now();
        this.status("Starting the machine…");
        this.emulator = new V86({
            wasm_path: "v86.wasm", memory_size: MEMORY_BYTES, vga_memory_size: VGA_BYTES, autostart: false,
            multiboot: { url: KERNEL }, cmdline: "", screen_container: this.byId("screen"), disable_speaker: true,
            disable_mouse: true,
        });
        // The machine's own keyboard is there while its screen has the focus: keys for the terminal are not for both.
        this.emulator.keyboard_set_enabled(document.activeElement === this.byId("screen"));
        this.emulator.add_listener("emulator-ready", () => {
            this.emulator.write_memory(Uint8Array.of(TEXT_80_25), BIOS_VIDEO_MODE);
            prepareScreen(this.emulator.v86.cpu.io);
            this.emulator.run();
        });
        this.emulator.add_listener("serial0-output-byte", (byte) => this.hear(byte));
        this.emulator.add_listener("download-error", (event) => this.status(`${event.file_name} could not be fetched`, "failed"));
    }

    hear(byte) {
        this.terminal.write(Uint8Array.of(byte));
        this.said = (this.said + String.fromCharCode(byte)).slice(-SAID_MOST);
        if (!this.ready && this.said.endsWith(PROMPT)) {
            this.ready = true;
            const seconds = (performance.now() - this.started) / 1000;
            this.status(`Ready after ${seconds.toFixed(1)} s: type a command`, "ready");
            for (const button of this.byId("suggestions").children)
                button.disabled = false;
            this.terminal.focus();
        }
    }
}

const machine = new Machine();
if (typeof WebAssembly === "undefined")
    machine.status("This browser has no WebAssembly: the machine cannot run here", "failed");
else
    machine.start();
