/* SPDX-License-Identifier: BSD-2-Clause
 *
 * boot/stage.h - how far a boot has come, for whoever looks at a machine that hangs.
 *
 * A stage has a code of two decimal digits. It is written to I/O port 0x80, where cards and boards with
 * a display for power-on codes show it, and painted as a mark in the upper right corner of the screen: a
 * letter (L the loader, K the kernel) and the digits. Each replaces the one before, and is there before
 * its work begins: what a machine shows is what it was doing. The codes are an interface: they stay
 * what they are; new ones go into the gaps. docs/real-hardware.md says for each what to try.
 */
#ifndef MERIDIAN_BOOT_STAGE_H
#define MERIDIAN_BOOT_STAGE_H

#include "boot/handoff.h"

/* Of an IBM PC AT's self-test. The writes are few: some boards of 2007 suffer from many. */
#define STAGE_PORT 0x80

/* Binary-coded decimal, ascending. */
enum stage {
    STAGE_LOADER_START = 0x10,  /* the loader's first instructions */
    STAGE_CONFIGURATION = 0x12, /* reading the configuration */
    STAGE_LOOK_AROUND = 0x14,   /* looking at the machine: processor, tables, screen */
    STAGE_MENU = 0x16,          /* showing the menu, if it is wanted */
    STAGE_REPORT = 0x18,        /* saving the report, if it is wanted */
    STAGE_LOADER_WORDS = 0x20,  /* obeying the command line */
    STAGE_KERNEL_FILE = 0x22,   /* loading the kernel */
    STAGE_MODULES = 0x24,       /* loading the modules */
    STAGE_SURVEY = 0x30,        /* reading the memory map */
    STAGE_ARENA = 0x32,         /* setting memory aside */
    STAGE_SPACE = 0x34,         /* building the kernel's address space */
    STAGE_HANDOFF = 0x36,       /* writing the handoff */
    STAGE_LEAVE = 0x40,         /* leaving the firmware */
    STAGE_JUMP = 0x45,          /* jumping into the kernel */

    STAGE_MULTIBOOT = 0x50,    /* reading what a Multiboot loader left */
    STAGE_PROBE = 0x51,        /* asking memory whether it answers */
    STAGE_TABLES = 0x52,       /* building page tables */
    STAGE_TURN = 0x53,         /* turning to them, and asking memory above 4 GiB */
    STAGE_KERNEL_START = 0x55, /* the kernel's first steps: processor, serial port */
    STAGE_ADOPT = 0x56,        /* checking the handoff */
    STAGE_WORDS = 0x58,        /* obeying the command line */
    STAGE_MAP = 0x60,          /* sorting the table of memory */
    STAGE_BUMP = 0x61,         /* starting the bump allocator */
    STAGE_FRAMES = 0x62,       /* starting the frame allocator */
    STAGE_PAGING = 0x63,       /* adopting the page tables */
    STAGE_AREAS = 0x64,        /* starting the address space */
    STAGE_NODES = 0x65,        /* reading ACPI for nodes of memory */
    STAGE_STACKS = 0x66,       /* making kernel stacks */
    STAGE_HEAP = 0x67,         /* starting the heap */
    STAGE_PROCESSORS = 0x68,   /* starting the other processors */
    STAGE_DEVICES = 0x69,      /* looking at PCI devices */
    STAGE_RECLAIM = 0x70,      /* taking back what only the boot needed */
    STAGE_SCREEN = 0x80,       /* measuring the clock, starting screen and keyboard */
    STAGE_TICKS = 0x85,        /* starting the processors' timers, reporting */
    STAGE_PROMPT = 0x90,       /* the boot is done: commands of run=, then the prompt */
};

#define STAGE_FIRST_OF_KERNEL STAGE_MULTIBOOT
#define STAGE_NAME_BYTES      4u

/* "L10": what the mark shows. */
void stage_name(enum stage stage, char name[static STAGE_NAME_BYTES]);

/* A mark in pixels; one that is all 0 paints nothing. */
struct stage_mark {
    unsigned char *corner; /* its first pixel */
    uint32_t stride_bytes;
    uint32_t scale; /* pixels a dot */
    uint32_t ink;
    char shown[STAGE_NAME_BYTES];
};

/* Makes the mark for a framebuffer that is mapped at `pixels`, for 32-bit pixels; paints nothing. A
 * screen that is too small for a mark, or has other pixels, gets none. */
void stage_mark_open(struct stage_mark *mark, const struct handoff_framebuffer *facts,
                     void *pixels);

/* Paints what differs from what was painted last: mostly one character, a few hundred writes. */
void stage_mark_paint(struct stage_mark *mark, enum stage stage);

#endif
