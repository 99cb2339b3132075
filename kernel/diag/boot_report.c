/* SPDX-License-Identifier: BSD-2-Clause
 *
 * boot_report.c - what a boot says of itself.
 *
 * What is printed hardly depends on the size of the machine: rows of the table, and sums.
 */
#include "diag/boot_report.h"

#include "arch/clock.h"
#include "arch/cpu.h"
#include "dev/console.h"
#include "diag/trust_report.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/wide.h"
#include "mm/memmap_events.h"
#include "mm/pmm.h"

#define LINE_BYTES 128

/* Collects a line for the log. */
struct line_sink {
    struct print_sink sink;
    size_t used;
    char text[LINE_BYTES];
};

static void line_write(struct print_sink *sink, const char *text, size_t size)
{
    struct line_sink *line = CONTAINER_OF(sink, struct line_sink, sink);

    for (size_t i = 0; i < size && line->used + 1 < sizeof(line->text); i++) {
        if (text[i] != '\n')
            line->text[line->used++] = text[i];
    }
    line->text[line->used] = '\0';
}

static void line_begin(struct line_sink *line)
{
    line->sink.write = line_write;
    line->used = 0;
    line->text[0] = '\0';
}

static unsigned long long to_kib(uint64_t frames)
{
    return frames * (PAGE_SIZE / KiB);
}

/* --- the machine ------------------------------------------------------------------------- */

static const char *seed_source_name(uint32_t source)
{
    switch ((enum handoff_seed_source)source) {
    case HANDOFF_SEED_NONE:
        return "none";
    case HANDOFF_SEED_RNG_PROTOCOL:
        return "the firmware's RNG protocol";
    case HANDOFF_SEED_RDRAND:
        return "RDRAND";
    case HANDOFF_SEED_TSC:
        return "the time-stamp counter: guessable";
    }
    return "unknown";
}

static const char *leaf_name(const struct cpu_info *cpu)
{
    if (cpu->largest_leaf == 1)
        return "4 KiB";
    if (cpu->table_levels == 2)
        return "4 MiB";
    return cpu->largest_leaf == 3 ? "1 GiB" : "2 MiB";
}

/* Multiboot knows no name of the firmware, and a loader need not tell its own. */
static const char *name_or(const char *name, const char *otherwise)
{
    return name[0] != '\0' ? name : otherwise;
}

static void log_machine(const struct handoff_view *machine)
{
    const struct cpu_info *cpu = arch_cpu_info();
    const struct handoff *handoff = machine->handoff;
    struct line_sink line;

    log_info("Meridian kernel, started by %s%s%s",
             name_or(machine->loader_name, "a nameless loader"),
             machine->firmware_name[0] != '\0' ? " on " : "", machine->firmware_name);
    log_info("Command line: %s", machine->command_line);
    line_begin(&line);
    console_describe(&line.sink);
    log_info("Console: %s", line.text);
    log_info("CPU: %s, %u physical and %u linear address bits, %u-level tables, leaves up to %s",
             cpu->name, cpu->physical_bits, cpu->linear_bits, cpu->table_levels, leaf_name(cpu));
    log_info("Protections: %s", cpu->protections);
    log_info("Clock: %llu kHz, %s", (unsigned long long)wide_divide_64(arch_clock_hertz(), 1000),
             arch_clock_source());
    log_info("Kernel image at 0x%llx%s, direct map at 0x%llx%s; randomness: %s",
             (unsigned long long)handoff->kernel_va,
             handoff->flags & HANDOFF_IMAGE_SLID ? " (slid)" : "",
             (unsigned long long)handoff->direct_map_va,
             handoff->flags & HANDOFF_DIRECT_MAP_SLID ? " (slid)" : "",
             seed_source_name(handoff->seed_source));
}

static void write_boot_event(const struct handoff_view *machine, uint64_t entry_ticks)
{
    const struct cpu_info *cpu = arch_cpu_info();
    const struct handoff *handoff = machine->handoff;
    struct json event;

    json_begin(&event, json_console(), "boot");
    json_text(&event, "loader", machine->loader_name);
    json_text(&event, "firmware", machine->firmware_name);
    json_text(&event, "command_line", machine->command_line);
    json_text(&event, "cpu", cpu->name);
    json_number(&event, "physical_bits", cpu->physical_bits);
    json_number(&event, "linear_bits", cpu->linear_bits);
    json_number(&event, "table_levels", cpu->table_levels);
    json_number(&event, "largest_leaf", cpu->largest_leaf);
    json_boolean(&event, "no_execute", cpu->no_execute);
    json_text(&event, "protections", cpu->protections);
    json_address(&event, "kernel", handoff->kernel_va);
    json_number(&event, "kernel_bytes", handoff->kernel_bytes);
    json_address(&event, "direct_map", handoff->direct_map_va);
    json_boolean(&event, "secure_boot", handoff->flags & HANDOFF_SECURE_BOOT);
    json_text(&event, "seed_source", seed_source_name(handoff->seed_source));
    json_number(&event, "clock_hertz", arch_clock_hertz());
    json_number(&event, "loader_ticks", entry_ticks - handoff->moments[HANDOFF_MOMENT_START]);
    json_end(&event);
}

void boot_report_machine(const struct handoff_view *machine, uint64_t entry_ticks)
{
    log_machine(machine);
    write_boot_event(machine, entry_ticks);
    trust_report(machine);
}

/* --- the table of memory ----------------------------------------------------------------- */

/* Rows that differ by their holder only make one line, as in a table that knows no holders. */
static void log_rows(const struct memmap *map)
{
    size_t next = 0;

    while (next < map->count) {
        struct region run = map->regions[next++];
        struct line_sink line;

        for (; next < map->count && map->regions[next].type == run.type &&
               map->regions[next].base == run.base + run.size_bytes;
             next++)
            run.size_bytes += map->regions[next].size_bytes;
        line_begin(&line);
        memmap_print_row(&line.sink, &run);
        log_info("%s", line.text);
    }
}

void boot_report_map(const struct memmap *map)
{
    struct print_sink *json = json_console();

    log_rows(map);
    for (size_t i = 0; i < map->count; i++)
        memmap_event_row(json, &map->regions[i]);
    memmap_event_totals(json, map);
    for (size_t i = 0; i < map->change_count; i++)
        memmap_event_change(json, &map->changes[i]);
}

/* --- ready ------------------------------------------------------------------------------- */

static void write_frames_event(const struct pmm_stats *stats)
{
    struct json event;

    json_begin(&event, json_console(), "frames");
    json_number(&event, "total", stats->total_frames);
    json_number(&event, "free", stats->free_frames);
    json_number(&event, "used", stats->used_frames);
    json_number(&event, "reserved", stats->reserved_frames);
    json_end(&event);
}

static void write_ready_event(const struct boot_phase *phases, size_t count, uint64_t ticks)
{
    struct json event;

    json_begin(&event, json_console(), "ready");
    json_number(&event, "ticks", ticks);
    json_number(&event, "clock_hertz", arch_clock_hertz());
    json_list_begin(&event, "phases");
    for (size_t i = 0; i < count; i++) {
        json_item_begin(&event);
        json_text(&event, "name", phases[i].name);
        json_number(&event, "ticks", phases[i].ticks);
        json_item_end(&event);
    }
    json_list_end(&event);
    json_end(&event);
}

void boot_report_ready(const struct boot_phase *phases, size_t count, uint64_t entry_ticks)
{
    uint64_t ticks = arch_timestamp() - entry_ticks;
    struct pmm_stats stats;

    pmm_get_stats(&stats);
    log_info("Memory: %lluK/%lluK available (%lluK in use, %lluK reserved)",
             to_kib(stats.free_frames), to_kib(stats.total_frames), to_kib(stats.used_frames),
             to_kib(stats.reserved_frames));
    log_info("Ready after %llu ticks", (unsigned long long)ticks);
    write_frames_event(&stats);
    write_ready_event(phases, count, ticks);
}

void boot_report_entry(uint64_t entry_ticks, size_t map_entries)
{
    print("KERNEL_ENTRY_TSC %llu\nMEMMAP_ENTRIES %zu\n", (unsigned long long)entry_ticks,
          map_entries);
}
