// SPDX-License-Identifier: BSD-2-Clause
//
// web.js - the 32-bit kernel in v86, its serial port in xterm.js, its screen beside it.
//
// v86 starts the kernel by Multiboot itself, without a BIOS: there is nothing between the page and the kernel's
// first instruction. So the page does what GRUB and a BIOS do for the screen: it sets a mode and tells the kernel of it,
// pixels through Bochs's VBE and the framebuffer of the Multiboot information, or (#text in the address) VGA text.
// Everything comes from the folder of this page. What goes wrong is said in the status line.
"use strict";

const MIB = 1 << 20;
const MEMORY_BYTES = 64 * MIB;
const VGA_BYTES = 8 * MIB;
// There is no BIOS that would have put the screen into text of 80 by 25, and noted it for the kernel: the byte where it
// does so, and the registers that make characters of what is written at 0xb8000. [index port, index, value] each.
const BIOS_VIDEO_MODE = 0x449;
const TEXT_80_25 = 3;
const TEXT_REGISTERS = [[0x3c4, 2, 0x03], [0x3ce, 6, 0x0e]];
// Pixels: registers of Bochs's VBE by index, where v86 shows its video memory, and what GRUB would write at the address
// where v86 puts the Multiboot information (Multiboot 0.6.96, 3.3).
const PIXELS = { width: 800, height: 600, bits: 32, address: 0xe0000000 };
const VBE_PORT = 0x1ce;
const VBE_INDEX = { width: 1, height: 2, bits: 3, enable: 4 };
const VBE_ON_LINEAR = 0x41;
const MULTIBOOT = { info: 0x7c00, framebuffer: 88, hasFramebuffer: 1 << 12, rgb: 1 };
const COLOUR_FIELDS = [16, 8, 8, 8, 0, 8];          // red, green, blue: lowest bit, bits
const PROMPT = "meridian> ";
const KERNEL = "kernel-i386.elf";
const SUGGESTIONS = ["help", "map", "frames -b", "explain 0x100000", "pt", "run tour", "selftest", "viz"];
const SAID_MOST = 1 << 20;

// The sixteen colours of text, in levels of 0 to 63, as every PC has had them.
const COLOURS = [
    [0, 0, 0], [0, 0, 42], [0, 42, 0], [0, 42, 42], [42, 0, 0], [42, 0, 42], [42, 21, 0], [42, 42, 42],
    [21, 21, 21], [21, 21, 63], [21, 63, 21], [21, 63, 63], [63, 21, 21], [63, 21, 63], [63, 63, 21], [63, 63, 63],
];

function prepareText(emulator) {
    const io = emulator.v86.cpu.io;

    emulator.write_memory(Uint8Array.of(TEXT_80_25), BIOS_VIDEO_MODE);
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

function writeVbe(io, index, value) {
    io.port_write16(VBE_PORT, index);
    io.port_write16(VBE_PORT + 1, value);
}

function preparePixels(emulator) {
    const io = emulator.v86.cpu.io, fields = new DataView(new ArrayBuffer(28));
    const flags = new DataView(emulator.read_memory(MULTIBOOT.info, 4).slice().buffer).getUint32(0, true);

    for (const name of ["width", "height", "bits"])
        writeVbe(io, VBE_INDEX[name], PIXELS[name]);
    writeVbe(io, VBE_INDEX.enable, VBE_ON_LINEAR);
    fields.setUint32(0, PIXELS.address, true);
    fields.setUint32(8, PIXELS.width * PIXELS.bits / 8, true);
    fields.setUint32(12, PIXELS.width, true);
    fields.setUint32(16, PIXELS.height, true);
    [PIXELS.bits, MULTIBOOT.rgb, ...COLOUR_FIELDS].forEach((byte, at) => fields.setUint8(20 + at, byte));
    emulator.write_memory(new Uint8Array(fields.buffer), MULTIBOOT.info + MULTIBOOT.framebuffer);
    fields.setUint32(0, flags | MULTIBOOT.hasFramebuffer, true);
    emulator.write_memory(new Uint8Array(fields.buffer, 0, 4), MULTIBOOT.info);
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
        this.inText = location.hash === "#text";
        this.byId("mode").href = this.inText ? "#" : "#text";
        this.byId("mode").textContent = this.inText ? "Restart with pixels" : "Restart with VGA text";
        addEventListener("hashchange", () => location.reload());
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
            (this.inText ? prepareText : preparePixels)(this.emulator);
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
