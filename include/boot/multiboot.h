/* SPDX-License-Identifier: BSD-2-Clause
 *
 * boot/multiboot.h - what a Multiboot loader (GRUB, QEMU's -kernel) leaves, and the way from there
 * to a handoff.
 *
 * All of it is outside input: a magic number, the physical address of an information block, and
 * from there pointers to whatever the loader liked. The block's `flags` say which fields mean
 * anything. Nothing has a length that one must believe.
 *
 * Source: Multiboot Specification 0.6.96, 3.2 "Machine state", 3.3 "Boot information format".
 */
#ifndef MERIDIAN_BOOT_MULTIBOOT_H
#define MERIDIAN_BOOT_MULTIBOOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "boot/handoff.h"
#include "lib/status.h"

#define MULTIBOOT_LOADER_MAGIC 0x2badb002u /* in EAX */

enum multiboot_flag {
    MULTIBOOT_HAS_SIZES = 1u << 0, /* mem_lower, mem_upper */
    MULTIBOOT_HAS_COMMAND_LINE = 1u << 2,
    MULTIBOOT_HAS_MODULES = 1u << 3,
    MULTIBOOT_HAS_ELF_SECTIONS = 1u << 5,
    MULTIBOOT_HAS_MAP = 1u << 6,
    MULTIBOOT_HAS_LOADER_NAME = 1u << 9,
    MULTIBOOT_HAS_FRAMEBUFFER = 1u << 12,
};

enum multiboot_framebuffer_type {
    MULTIBOOT_FRAMEBUFFER_INDEXED = 0,
    MULTIBOOT_FRAMEBUFFER_RGB = 1,
    MULTIBOOT_FRAMEBUFFER_TEXT = 2, /* VGA text: nothing to draw pixels on */
};

struct [[gnu::packed]] multiboot_colour {
    uint8_t position;
    uint8_t bits;
};

struct [[gnu::packed]] multiboot_info {
    uint32_t flags;     /* enum multiboot_flag */
    uint32_t mem_lower; /* KiB from 0 */
    uint32_t mem_upper; /* KiB from 1 MiB, up to the first hole */
    uint32_t boot_device;
    uint32_t command_line; /* addresses are physical */
    uint32_t module_count;
    uint32_t modules; /* struct multiboot_module[] */
    uint32_t elf[4];  /* count, size, address and index of names of the section headers */
    uint32_t map_bytes;
    uint32_t map; /* struct multiboot_map_entry, each its own size apart */
    uint32_t drives[2];
    uint32_t configuration;
    uint32_t loader_name;
    uint32_t apm;
    uint32_t vbe[4];
    uint64_t framebuffer;
    uint32_t framebuffer_stride_bytes;
    uint32_t framebuffer_width;
    uint32_t framebuffer_height;
    uint8_t framebuffer_bits;
    uint8_t framebuffer_type; /* enum multiboot_framebuffer_type */
    struct multiboot_colour red, green, blue;
};
_Static_assert(offsetof(struct multiboot_info, map_bytes) == 44, "Multiboot 3.3");
_Static_assert(offsetof(struct multiboot_info, loader_name) == 64, "Multiboot 3.3");
_Static_assert(offsetof(struct multiboot_info, framebuffer) == 88, "Multiboot 3.3");
_Static_assert(sizeof(struct multiboot_info) == 116, "Multiboot 3.3");

/* `size_bytes` counts what follows it: 20 without the attributes of ACPI 3.0, 24 with them. */
struct [[gnu::packed]] multiboot_map_entry {
    uint32_t size_bytes;
    struct e820_entry entry;
};
_Static_assert(sizeof(struct multiboot_map_entry) == 28, "Multiboot 3.3");

struct [[gnu::packed]] multiboot_module {
    uint32_t start;
    uint32_t end; /* one past its last byte */
    uint32_t name;
    uint32_t reserved;
};
_Static_assert(sizeof(struct multiboot_module) == 16, "Multiboot 3.3");

/* Where the loader's leavings are. `read` copies [address, + size_bytes) of physical memory, or
 * returns false when any of it is out of reach or no memory. It cannot know what is a device: texts
 * and modules are read only where the map, once it is known, tells of memory. */
struct multiboot_source {
    uint32_t magic; /* EAX */
    uint32_t info;  /* EBX */
    bool (*read)(void *context, uint64_t address, void *to, size_t size_bytes);
    void *context;
};

/* The command line, cut to `size` - 1 bytes, for what has to be known before there is a handoff; ""
 * where there is none that can be read. Early; pure, the same hosted. */
void multiboot_read_command_line(const struct multiboot_source *source, char *buffer, size_t size);

/* Makes a handoff of it in `memory` (8-byte aligned, `capacity_bytes` long). `known` is what the
 * kernel knows about itself: flags, physical_bits, and everything from kernel_base to arena_bytes;
 * kernel, stack and arena are carved out of the table, and what else the kernel stands on is part
 * of its image. The result is sealed and still has to go through handoff_adopt().
 *
 * Memory comes from the map; where there is none that can be used, from mem_lower and mem_upper.
 * What makes no sense is left out with a warning: the rest of a map after a broken entry, modules
 * that lie over the kernel or outside of memory, texts outside of memory, a framebuffer that is no
 * linear RGB one, is absurdly large or lies over the kernel. ELF sections are not asked for: the
 * image carries a table of its own symbols.
 *
 * STATUS_INVALID: no Multiboot loader; STATUS_TRUNCATED: the block is out of reach;
 * STATUS_NOT_FOUND: it says nothing about memory; STATUS_NO_SPACE: `memory` is too small. Each with
 * a log line. Early; pure, the same hosted. */
enum status multiboot_make_handoff(const struct multiboot_source *source,
                                   const struct handoff *known, void *memory,
                                   size_t capacity_bytes);

struct memmap;

/* Takes out of the table what is said to be free memory in [start, end) and is not: `answers` tells
 * whether the first word of a page keeps what is written to it, and leaves it as it was. Each range
 * is asked at its end and at a few places in between; of one that does not answer everywhere, what
 * lies behind the last answer becomes reserved, and no RAM, with a warning, up to the range's own end. The table
 * has room: multiboot_make_handoff() saw to it. STATUS_NO_SPACE otherwise. */
enum status multiboot_probe(struct memmap *map, uint64_t start, uint64_t end,
                            bool (*answers)(uint64_t page));

#endif
