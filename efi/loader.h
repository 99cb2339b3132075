/* SPDX-License-Identifier: BSD-2-Clause
 *
 * loader.h - what the steps of efi/main.c hand to each other.
 *
 * One struct loader lives as long as the program. Every step fills its part of it from the parts
 * before; on failure it has called refuse(), and main shows that and gives back all memory.
 */
#ifndef MERIDIAN_EFI_LOADER_H
#define MERIDIAN_EFI_LOADER_H

#include "boot/handoff.h"
#include "command_line.h"
#include "config_file.h"
#include "conversion.h"
#include "elf.h"
#include "files.h"
#include "handoff.h"
#include "machine.h"
#include "measure.h"
#include "mm/pt.h"
#include "policy.h"
#include "random.h"
#include "refusal.h"
#include "report.h"
#include "table_pool.h"

struct loader {
    struct refusal refusal;
    bool leave; /* nothing failed, but the user wants the firmware back */
    uint64_t moments[HANDOFF_MOMENT_COUNT];

    /* configuration.c */
    struct policy policy;
    struct measurements measurements;
    struct config_file config;
    struct volume volume; /* where the configuration was; closed where there was none */
    struct command_line command_line;
    bool slide; /* not `nokaslr` */

    /* random.c, machine.c, graphics.c */
    struct randomness randomness;
    struct machine machine;
    struct handoff_framebuffer framebuffer; /* size 0 where there is none */

    /* image.c */
    struct elf_image image;
    paddr_t image_base;
    uint64_t image_va;
    size_t module_count;
    struct handoff_module_plan modules[CONFIG_FILE_MAX_MODULES];

    /* memory_map.c */
    struct memmap survey; /* the machine's memory as it was before the tables were built */
    struct memmap_totals totals;
    size_t map_bytes; /* of the firmware's map at that time */
    size_t descriptor_bytes;
    paddr_t arena_base;
    uint64_t arena_bytes;

    /* build.c */
    paddr_t stack_base;
    uint64_t stack_va;
    uint64_t direct_map_va;
    struct page_table table;
    struct table_pool tables;
    struct table_pool jump_tables;
    struct handoff_parts parts;
    paddr_t handoff_base;
};

/* configuration.c: the file and the load options. */
enum status configuration_read(struct loader *loader);

/* The command line as the menu left it into the TPM. */
enum status configuration_measure(struct loader *loader);

/* menu.c: the menu, where a key is down or the configuration has a time-out; may change the command
 * line, and set `leave`. */
enum status menu_if_wanted(struct loader *loader);

/* report_save.c: writes \meridian\memmap.txt and memmap.json to the volume that the loader came
 * from, and says so on the console, or says why not: that is no failure of the start. */
void report_save(struct loader *loader);
enum status report_if_asked(struct loader *loader);

/* One of the two into pages of its own, which end with a terminator; pages_free() them. */
enum status report_render(struct loader *loader, enum report_form form, struct text *text);

/* image.c: the kernel into its place, and the modules. */
enum status image_load_kernel(struct loader *loader);
enum status image_load_modules(struct loader *loader);

/* memory_map.c */
enum status memory_survey(struct loader *loader);
enum status memory_take_arena(struct loader *loader);

/* The firmware's map at this moment, what the conversion makes of it, and its notes why. */
struct memory_snapshot {
    struct firmware_map firmware;
    struct memmap map;
};

enum status memory_snapshot_take(struct loader *loader, struct memory_snapshot *snapshot);
void memory_snapshot_release(struct memory_snapshot *snapshot);

/* One call of GetMemoryMap() into the buffer of `map`: nothing is allocated or printed.
 * STATUS_NO_SPACE where the buffer is too small; size_bytes is what is needed then. */
enum status memory_map_get(struct firmware_map *map);

/* Bytes for the map that the firmware will give after `splits` more allocations, when it had
 * `map_bytes` before; a generous share is for what the firmware does by itself. */
size_t memory_map_room(size_t map_bytes, size_t descriptor_bytes, size_t splits);

/* build.c: the kernel's address space, and the handoff but for the map. */
enum status build_address_space(struct loader *loader);
enum status build_handoff(struct loader *loader);

/* exit.c: the last map, the end of the boot services, the jump. Returns only when the firmware
 * refuses. */
enum status exit_to_kernel(struct loader *loader);

#endif
