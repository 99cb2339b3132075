/* SPDX-License-Identifier: BSD-2-Clause
 *
 * multiboot.c - from a Multiboot information block to a handoff.
 *
 *     information block ── flags ──> command line, loader name ──> text records
 *                                    map, or mem_lower/mem_upper ─> firmware map ─> regions, changes
 *                                    modules ──────────────────────> module records, carved
 *                                    framebuffer ──────────────────> framebuffer record, carved
 *
 * The handoff is written front to back in one pass, each record in what room is left. Whatever
 * the map's entries were (20 or 24 bytes, in any order, over each other), the firmware map
 * keeps them in their order as E820 entries of 24 bytes, and the sanitiser makes the regions of
 * those, as it does for every other loader.
 *
 * The lengths of texts are bounded here, those of lists by the room in the handoff and by what
 * source->read() reaches, so that every loop ends. Attributes of ACPI 3.0 are kept and not obeyed:
 * BIOSes that fill in 24 bytes and leave bit 0, "the entry counts", 0 are not rare.
 */
#include "boot/multiboot.h"

#include "lib/bits.h"
#include "lib/log.h"
#include "lib/string.h"
#include "lib/types.h"
#include "mm/handoff_adopt.h"
#include "mm/memmap.h"

#define TEXT_BYTES_MAX    4096u /* of a command line or a name, its end included */
#define TRAMPOLINE_PAGES  4u
#define KERNEL_SUFFIX     ".elf"
#define MODULES_MAX       256u
#define FRAMEBUFFER_MAX   (256 * MiB) /* 8192 lines of 8192 pixels */
#define LOW_END           (640 * KiB) /* mem_lower never counts what lies above */
#define KERNEL_CARVES     4u          /* image, stack, arena, page tables */
#define CHANGES_PER_ENTRY 4u
#define CHANGES_MORE      64u

struct build {
    const struct multiboot_source *source;
    const struct handoff *known;
    struct multiboot_info info;
    struct handoff *handoff;
    size_t capacity_bytes;
    struct handoff_firmware_map *map;
    bool map_is_read;    /* it says what is memory from here on */
    size_t module_count; /* records of modules: what becomes of them is known after the table */
    struct memmap table;
};

/* --- records ----------------------------------------------------------------------------- */

/* Room for `size_bytes` more, zeroed; NULL when there is none. */
static void *extend(struct build *build, size_t size_bytes)
{
    unsigned char *end = (unsigned char *)build->handoff + build->handoff->size_bytes;

    if (size_bytes > build->capacity_bytes - build->handoff->size_bytes)
        return NULL;
    memset(end, 0, size_bytes);
    build->handoff->size_bytes += (uint32_t)size_bytes;
    return end;
}

static void *append(struct build *build, enum handoff_record_type type, size_t size_bytes)
{
    struct handoff_record *record = extend(build, (size_t)align_up(size_bytes, HANDOFF_ALIGNMENT));

    if (record == NULL)
        return NULL;
    *record = (struct handoff_record){ .type = type, .size_bytes = (uint32_t)size_bytes };
    build->handoff->record_count++;
    return record;
}

/* Whether the byte is memory, as far as one knows; *last gets the last byte of which that is true.
 * Below 640 KiB every PC has memory, also where the BIOS has taken it for itself. */
static bool is_memory(const struct build *build, uint64_t address, uint64_t *last)
{
    const struct e820_entry *rows = (const void *)build->map->map;

    *last = LOW_END - 1;
    if (address < LOW_END)
        return true;
    for (size_t i = 0; i < build->map->map_bytes / sizeof(*rows); i++) {
        *last = rows[i].base + rows[i].size_bytes - 1;
        if (rows[i].type == E820_USABLE && rows[i].size_bytes != 0 && rows[i].base <= address &&
            address <= *last)
            return true;
    }
    return false;
}

/* A pointer into a hole of the map would be read from a device. */
static bool read_physical(const struct build *build, uint64_t address, void *to, size_t size_bytes)
{
    uint64_t known = 0; /* the last byte of what is memory from `address` on */
    uint64_t end;

    if (size_bytes == 0 || !checked_add(address, size_bytes, &end))
        return false;
    for (uint64_t at = address; build->map_is_read && known < end - 1; at = known + 1)
        if (!is_memory(build, at, &known))
            return false;
    return build->source->read(build->source->context, address, to, size_bytes);
}

/* Bytes of the text at `address`, its end included; 0 when it has none within reach. */
static size_t text_bytes(const struct build *build, uint64_t address)
{
    char byte;

    for (size_t count = 0; count < TEXT_BYTES_MAX; count++) {
        if (!read_physical(build, address + count, &byte, 1))
            return 0;
        if (byte == '\0')
            return count + 1;
    }
    return 0;
}

/* The text goes to the end of the record, whose own fields take `fixed` bytes. */
static void *append_text(struct build *build, enum handoff_record_type type, size_t fixed,
                         uint64_t address, enum status *status)
{
    size_t bytes = text_bytes(build, address);
    unsigned char *record = append(build, type, fixed + (bytes == 0 ? 1 : bytes));

    if (record == NULL)
        *status = STATUS_NO_SPACE;
    else if (bytes == 0)
        log_warning("multiboot: the text at 0x%llx has no end within %u bytes of memory: left out",
                    (unsigned long long)address, TEXT_BYTES_MAX);
    else if (!read_physical(build, address, record + fixed, bytes - 1))
        memset(record + fixed, 0, bytes);
    return record;
}

/* Some loaders (QEMU, GRUB Legacy) put the kernel's file before what was typed. */
static void drop_file_name(char *text)
{
    size_t end = 0;
    bool is_path = false;

    for (; text[end] != '\0' && text[end] != ' '; end++) {
        if (text[end] == '=' || text[end] == '"')
            return;
        is_path |= text[end] == '/';
    }
    if (!is_path &&
        (end < sizeof(KERNEL_SUFFIX) || memcmp(text + end - (sizeof(KERNEL_SUFFIX) - 1),
                                               KERNEL_SUFFIX, sizeof(KERNEL_SUFFIX) - 1) != 0))
        return;
    while (text[end] == ' ')
        end++;
    memmove(text, text + end, strlen(text + end) + 1);
}

static enum status append_texts(struct build *build)
{
    const struct multiboot_info *info = &build->info;
    enum status status = STATUS_OK;

    if ((info->flags & MULTIBOOT_HAS_COMMAND_LINE) != 0) {
        char *record = append_text(build, HANDOFF_RECORD_COMMAND_LINE,
                                   sizeof(struct handoff_record), info->command_line, &status);

        if (status == STATUS_OK)
            drop_file_name(record + sizeof(struct handoff_record));
    }
    if ((info->flags & MULTIBOOT_HAS_LOADER_NAME) != 0)
        append_text(build, HANDOFF_RECORD_LOADER_NAME, sizeof(struct handoff_record),
                    info->loader_name, &status);
    return status;
}

/* --- the firmware's map ------------------------------------------------------------------ */

/* Entries follow each other without records in between: the map is the last record for now. */
static enum status add_entry(struct build *build, const struct e820_entry *entry)
{
    struct e820_entry *slot = extend(build, sizeof(*entry));

    if (slot == NULL)
        return STATUS_NO_SPACE;
    *slot = *entry;
    build->map->record.size_bytes += (uint32_t)sizeof(*entry);
    build->map->map_bytes += (uint32_t)sizeof(*entry);
    return STATUS_OK;
}

/* One entry at `offset` of the map, and the distance to the next; false when it is broken. */
static bool read_entry(const struct build *build, uint32_t offset, struct multiboot_map_entry *row,
                       uint64_t *stride)
{
    uint64_t address = (uint64_t)build->info.map + offset;
    uint32_t left = build->info.map_bytes - offset;

    *row = (struct multiboot_map_entry){ .size_bytes = 0 };
    if (left < sizeof(row->size_bytes) ||
        !read_physical(build, address, &row->size_bytes, sizeof(row->size_bytes)))
        return false;
    *stride = (uint64_t)row->size_bytes + sizeof(row->size_bytes);
    return row->size_bytes >= E820_ENTRY_BYTES_MIN && *stride <= left &&
           read_physical(build, address + sizeof(row->size_bytes), &row->entry,
                         (size_t)min_u64(row->size_bytes, sizeof(row->entry)));
}

static enum status add_map(struct build *build)
{
    uint64_t stride;

    for (uint32_t offset = 0; offset < build->info.map_bytes; offset += (uint32_t)stride) {
        struct multiboot_map_entry row;
        enum status status;

        if (!read_entry(build, offset, &row, &stride)) {
            log_warning("multiboot: the map's entry at byte %u of %u is broken (%u bytes): what "
                        "follows is left out",
                        offset, build->info.map_bytes, row.size_bytes);
            return STATUS_OK;
        }
        status = add_entry(build, &row.entry);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

static enum status add_sizes(struct build *build)
{
    const struct e820_entry rows[] = {
        { 0, min_u64(build->info.mem_lower * KiB, LOW_END), E820_USABLE, 0 },
        { MiB, build->info.mem_upper * KiB, E820_USABLE, 0 },
    };
    enum status status = STATUS_OK;

    log_warning("multiboot: no map of memory: going by mem_lower, %u KiB, and mem_upper, %u KiB",
                build->info.mem_lower, build->info.mem_upper);
    for (size_t i = 0; i < ARRAY_COUNT(rows) && status == STATUS_OK; i++)
        status = add_entry(build, &rows[i]);
    return status;
}

static bool map_has_memory(const struct handoff_firmware_map *map)
{
    const struct e820_entry *entries = (const void *)map->map;

    for (size_t i = 0; i < map->map_bytes / sizeof(*entries); i++)
        if (entries[i].type == E820_USABLE && entries[i].size_bytes != 0)
            return true;
    return false;
}

static enum status append_map(struct build *build)
{
    uint32_t flags = build->info.flags;
    enum status status = STATUS_OK;

    build->map = append(build, HANDOFF_RECORD_FIRMWARE_MAP, sizeof(*build->map));
    if (build->map == NULL)
        return STATUS_NO_SPACE;
    build->map->format = HANDOFF_MAP_E820;
    build->map->descriptor_bytes = sizeof(struct e820_entry);
    if ((flags & MULTIBOOT_HAS_MAP) != 0)
        status = add_map(build);
    if (status == STATUS_OK && !map_has_memory(build->map) && (flags & MULTIBOOT_HAS_SIZES) != 0)
        status = add_sizes(build);
    build->map_is_read = true;
    if (status != STATUS_OK || map_has_memory(build->map))
        return status;
    log_error("multiboot: neither a map nor mem_lower and mem_upper say where memory is: start "
              "with a loader that does, such as GRUB");
    return STATUS_NOT_FOUND;
}

/* --- the framebuffer --------------------------------------------------------------------- */

static uint32_t colour_mask(struct multiboot_colour colour)
{
    return (uint32_t)(low_mask(colour.bits & 31u) << (colour.position & 31u));
}

static uint64_t framebuffer_bytes(const struct multiboot_info *info)
{
    return (uint64_t)info->framebuffer_stride_bytes * info->framebuffer_height;
}

/* What cannot be true would take memory away that the kernel needs. */
static void check_framebuffer(struct build *build)
{
    struct multiboot_info *info = &build->info;
    uint64_t bytes = framebuffer_bytes(info);
    uint64_t end;

    if (info->framebuffer_type != MULTIBOOT_FRAMEBUFFER_RGB || bytes == 0)
        info->flags &= ~(uint32_t)MULTIBOOT_HAS_FRAMEBUFFER;
    if ((info->flags & MULTIBOOT_HAS_FRAMEBUFFER) == 0)
        return;
    if (bytes <= FRAMEBUFFER_MAX && checked_add(info->framebuffer, bytes, &end) &&
        (end <= build->known->kernel_base ||
         info->framebuffer >= build->known->kernel_base + build->known->kernel_bytes))
        return;
    log_warning("multiboot: a framebuffer of %u lines of %u bytes at 0x%llx cannot be: left out",
                info->framebuffer_height, info->framebuffer_stride_bytes,
                (unsigned long long)info->framebuffer);
    info->flags &= ~(uint32_t)MULTIBOOT_HAS_FRAMEBUFFER;
}

static enum status append_framebuffer(struct build *build)
{
    const struct multiboot_info *info = &build->info;
    struct handoff_framebuffer *framebuffer;

    check_framebuffer(build);
    if ((info->flags & MULTIBOOT_HAS_FRAMEBUFFER) == 0)
        return STATUS_OK;
    framebuffer = append(build, HANDOFF_RECORD_FRAMEBUFFER, sizeof(*framebuffer));
    if (framebuffer == NULL)
        return STATUS_NO_SPACE;
    framebuffer->base = info->framebuffer;
    framebuffer->size_bytes = framebuffer_bytes(info);
    framebuffer->width_pixels = info->framebuffer_width;
    framebuffer->height_pixels = info->framebuffer_height;
    framebuffer->stride_bytes = info->framebuffer_stride_bytes;
    framebuffer->bits_per_pixel = info->framebuffer_bits;
    framebuffer->red_mask = colour_mask(info->red);
    framebuffer->green_mask = colour_mask(info->green);
    framebuffer->blue_mask = colour_mask(info->blue);
    return STATUS_OK;
}

static enum status carve(struct build *build, uint64_t base, uint64_t size_bytes,
                         enum e820_type type, enum region_tag tag, enum memmap_reason reason)
{
    enum status status = STATUS_OK;

    if (size_bytes != 0)
        status = memmap_carve(&build->table, base, size_bytes, type, tag, reason);
    return status == STATUS_OVERFLOW ? STATUS_OK : status; /* handoff_adopt() will say so */
}

static enum status carve_framebuffer(struct build *build)
{
    const struct multiboot_info *info = &build->info;

    if ((info->flags & MULTIBOOT_HAS_FRAMEBUFFER) == 0)
        return STATUS_OK;
    return carve(build, info->framebuffer, framebuffer_bytes(info), E820_RESERVED,
                 REGION_TAG_FRAMEBUFFER, MEMMAP_FRAMEBUFFER);
}

/* --- the table --------------------------------------------------------------------------- */

/* multiboot_probe() may cut each entry once more. */
static enum status append_tables(struct build *build)
{
    size_t entries = build->map->map_bytes / sizeof(struct e820_entry);
    size_t rows = memmap_capacity(entries, KERNEL_CARVES + 1 + build->module_count + entries);
    size_t notes = CHANGES_PER_ENTRY * entries + CHANGES_MORE;
    struct handoff_regions *regions =
        append(build, HANDOFF_RECORD_REGIONS, sizeof(*regions) + rows * sizeof(struct region));
    struct handoff_changes *changes = append(
        build, HANDOFF_RECORD_CHANGES, sizeof(*changes) + notes * sizeof(struct handoff_change));

    if (regions == NULL || changes == NULL)
        return STATUS_NO_SPACE;
    regions->capacity = (uint32_t)rows;
    changes->capacity = (uint32_t)notes;
    memmap_init(&build->table, regions->regions, rows, changes->changes, notes,
                (uint64_t)1 << build->known->physical_bits);
    return STATUS_OK;
}

static enum status fill_table(struct build *build)
{
    const struct e820_entry *entries = (const void *)build->map->map;
    const struct handoff *known = build->known;
    enum status status = STATUS_OK;

    for (size_t i = 0; i < build->map->map_bytes / sizeof(*entries) && status == STATUS_OK; i++)
        status =
            memmap_add_e820(&build->table, entries[i].base, entries[i].size_bytes, entries[i].type);
    if (status == STATUS_OK)
        status = memmap_sanitise(&build->table);
    if (status == STATUS_OK)
        status = carve_framebuffer(build);
    if (status == STATUS_OK)
        status = carve(build, known->kernel_base, known->kernel_bytes, 0, REGION_TAG_KERNEL,
                       MEMMAP_CARVED);
    if (status == STATUS_OK)
        status =
            carve(build, known->stack_base, known->stack_bytes, 0, REGION_TAG_STACK, MEMMAP_CARVED);
    if (status == STATUS_OK)
        status =
            carve(build, known->arena_base, known->arena_bytes, 0, REGION_TAG_ARENA, MEMMAP_CARVED);
    return status;
}

/* What the records say is what the table came to be. */
static void close_table(struct build *build)
{
    unsigned char *at = (unsigned char *)build->handoff + build->handoff->header_bytes;

    for (uint32_t i = 0; i < build->handoff->record_count; i++) {
        struct handoff_record *record = (void *)at;

        if (record->type == HANDOFF_RECORD_REGIONS)
            ((struct handoff_regions *)(void *)at)->count = (uint32_t)build->table.count;
        if (record->type == HANDOFF_RECORD_CHANGES) {
            ((struct handoff_changes *)(void *)at)->count = (uint32_t)build->table.change_count;
            ((struct handoff_changes *)(void *)at)->lost = (uint32_t)build->table.changes_lost;
        }
        at += handoff_record_stride(record);
    }
}

/* --- modules ----------------------------------------------------------------------------- */

static bool read_module(const struct build *build, uint32_t index, struct multiboot_module *module)
{
    uint64_t address = (uint64_t)build->info.modules + (uint64_t)index * sizeof(*module);

    return read_physical(build, address, module, sizeof(*module));
}

/* Counts the modules that can be read, which bounds every list made of them. */
static void count_modules(struct build *build)
{
    struct multiboot_module module;

    if ((build->info.flags & MULTIBOOT_HAS_MODULES) == 0)
        return;
    while (build->module_count < build->info.module_count && build->module_count < MODULES_MAX &&
           read_module(build, (uint32_t)build->module_count, &module))
        build->module_count++;
    if (build->module_count < build->info.module_count)
        log_warning("multiboot: %u modules are told of, %zu can be taken: the rest is left out",
                    build->info.module_count, build->module_count);
}

/* Whether all of the range is free memory, after the kernel was carved out. */
static bool is_free(const struct memmap *table, uint64_t base, uint64_t end)
{
    while (base < end) {
        const struct region *row = memmap_find(table, pa(base));

        if (row == NULL || !region_is_free(row))
            return false;
        base = row->base + row->size_bytes;
    }
    return true;
}

static const char *module_problem(const struct build *build, const struct multiboot_module *module)
{
    if (module->end < module->start)
        return "it ends before it starts";
    if (!is_aligned(module->start, PAGE_SIZE))
        return "it does not start on a page";
    if (!is_free(&build->table, module->start, align_up(module->end, PAGE_SIZE)))
        return "it is not in free memory of its own";
    return NULL;
}

static enum status append_module(struct build *build, const struct multiboot_module *module)
{
    enum status status = STATUS_OK;
    struct handoff_module *record = append_text(
        build, HANDOFF_RECORD_MODULE, offsetof(struct handoff_module, name), module->name, &status);

    if (status != STATUS_OK)
        return status;
    record->base = module->start;
    record->size_bytes = module->end - module->start;
    return carve(build, record->base, record->size_bytes, 0, REGION_TAG_MODULE, MEMMAP_CARVED);
}

static enum status append_modules(struct build *build)
{
    enum status status = STATUS_OK;

    for (uint32_t i = 0; i < build->module_count && status == STATUS_OK; i++) {
        struct multiboot_module module;
        const char *problem = "it cannot be read";

        if (read_module(build, i, &module))
            problem = module_problem(build, &module);
        if (problem == NULL)
            status = append_module(build, &module);
        else
            log_warning("multiboot: module %u of %u, [mem 0x%08x-0x%08x): %s: left out", i + 1,
                        build->info.module_count, module.start, module.end, problem);
    }
    return status;
}

/* --- interface --------------------------------------------------------------------------- */

static enum status read_info(struct build *build)
{
    const struct multiboot_source *source = build->source;

    if (source->magic != MULTIBOOT_LOADER_MAGIC) {
        log_error("multiboot: the loader left 0x%08x in EAX instead of 0x%08x: this kernel wants a "
                  "Multiboot 1 loader",
                  source->magic, MULTIBOOT_LOADER_MAGIC);
        return STATUS_INVALID;
    }
    if (read_physical(build, source->info, &build->info, sizeof(build->info)))
        return STATUS_OK;
    log_error("multiboot: the information block at 0x%08x is out of reach", source->info);
    return STATUS_TRUNCATED;
}

static enum status begin(struct build *build)
{
    const struct handoff *known = build->known;

    if (build->capacity_bytes < sizeof(*known))
        return STATUS_NO_SPACE;
    *build->handoff = *known;
    build->handoff->magic = HANDOFF_MAGIC;
    build->handoff->major = HANDOFF_MAJOR;
    build->handoff->minor = HANDOFF_MINOR;
    build->handoff->size_bytes = sizeof(*known);
    build->handoff->header_bytes = sizeof(*known);
    build->handoff->record_count = 0;
    build->handoff->loader = HANDOFF_LOADER_MULTIBOOT;
    return STATUS_OK;
}

/* The map comes first: it says where the rest may be read. Modules come last: only with the table does
 * one know whether they lie in memory. Low memory is set aside after them, since a loader may put one
 * there. */
static enum status append_all(struct build *build)
{
    enum status status = append_map(build);

    if (status == STATUS_OK)
        status = append_texts(build);
    count_modules(build);
    if (status == STATUS_OK)
        status = append_framebuffer(build);
    if (status == STATUS_OK)
        status = append_tables(build);
    if (status == STATUS_OK)
        status = fill_table(build);
    if (status == STATUS_OK)
        status = append_modules(build);
    if (status == STATUS_OK)
        status = memmap_reserve_low(&build->table, TRAMPOLINE_PAGES);
    return status == STATUS_NOT_FOUND && build->table.count != 0 ? STATUS_OK : status;
}

void multiboot_read_command_line(const struct multiboot_source *source, char *buffer, size_t size)
{
    struct multiboot_info info;
    size_t count = 0;

    if (source->magic == MULTIBOOT_LOADER_MAGIC &&
        source->read(source->context, source->info, &info, sizeof(info)) &&
        (info.flags & MULTIBOOT_HAS_COMMAND_LINE) != 0)
        while (
            count + 1 < size &&
            source->read(source->context, (uint64_t)info.command_line + count, buffer + count, 1) &&
            buffer[count] != '\0')
            count++;
    buffer[count] = '\0';
}

enum status multiboot_make_handoff(const struct multiboot_source *source,
                                   const struct handoff *known, void *memory, size_t capacity_bytes)
{
    struct build build = { .source = source, .known = known, .handoff = memory };
    enum status status;

    build.capacity_bytes = (size_t)min_u64(capacity_bytes, HANDOFF_MAX_BYTES);
    status = read_info(&build);
    if (status == STATUS_OK)
        status = begin(&build);
    if (status == STATUS_OK)
        status = append_all(&build);
    if (status == STATUS_NO_SPACE)
        log_error("multiboot: what the loader tells does not fit into %zu bytes", capacity_bytes);
    if (status != STATUS_OK)
        return status;
    close_table(&build);
    build.handoff->checksum = 0;
    build.handoff->checksum = handoff_checksum(build.handoff);
    return STATUS_OK;
}
