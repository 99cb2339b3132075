/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_handoff.c - a good handoff is adopted; each way to spoil it is found and named.
 *
 * The handoff is built in a buffer of exactly its size, so that the address sanitizer sees whoever
 * trusts a size in it. After each spoiling the checksum is made right again, so that it is the
 * check in question that finds the damage.
 */
#include "memmap_fixture.h"

#include "host_log.h"
#include "mm/handoff_adopt.h"

#define BLOCK_BYTES  8192u
#define REGION_ROOM  12u
#define CHANGE_ROOM  4u
#define KERNEL_BASE  0x200000u
#define STACK_BASE   0x300000u
#define TABLES_BASE  0x310000u
#define ARENA_BASE   0x400000u
#define MODULE_BASE  0x500000u
#define EFI_ENTRIES  3u
#define COMMAND_LINE "quiet mem=1G"
#define UNKNOWN_TYPE 777u

/* The block and where its records are, while it is built. */
struct block {
    struct handoff *handoff;
    struct handoff_regions *regions;
    struct handoff_firmware_map *firmware_map;
    struct handoff_changes *changes;
    struct handoff_framebuffer *framebuffer;
    struct handoff_record *command_line;
    struct handoff_record *unknown;
    struct handoff_module *modules[2];
    struct handoff_measurement *measurement;
    struct handoff_event_log *event_log;
};

static void *append(struct block *block, uint32_t type, size_t size_bytes)
{
    struct handoff *handoff = block->handoff;
    struct handoff_record *record = (void *)((char *)handoff + handoff->size_bytes);

    record->type = type;
    record->size_bytes = (uint32_t)size_bytes;
    handoff->size_bytes += handoff_record_stride(record);
    handoff->record_count++;
    assert_true(handoff->size_bytes <= BLOCK_BYTES);
    return record;
}

static struct handoff_record *append_text(struct block *block, uint32_t type, const char *text)
{
    struct handoff_record *record = append(block, type, sizeof(*record) + strlen(text) + 1);

    memcpy(record + 1, text, strlen(text) + 1);
    return record;
}

static struct handoff_module *append_module(struct block *block, const char *name, uint64_t base,
                                            uint64_t size_bytes)
{
    struct handoff_module *module =
        append(block, HANDOFF_RECORD_MODULE, sizeof(*module) + strlen(name) + 1);

    module->base = base;
    module->size_bytes = size_bytes;
    memcpy(module->name, name, strlen(name) + 1);
    return module;
}

static struct handoff_measurement *append_measurement(struct block *block, const char *name,
                                                      uint32_t pcr)
{
    struct handoff_measurement *measurement =
        append(block, HANDOFF_RECORD_MEASUREMENT, sizeof(*measurement) + strlen(name) + 1);

    measurement->pcr = pcr;
    memcpy(measurement->name, name, strlen(name) + 1);
    return measurement;
}

static void append_regions(struct block *block)
{
    static const struct row rows[] = {
        { 0x100000, KERNEL_BASE, E820_USABLE, REGION_TAG_NONE },
        { KERNEL_BASE, STACK_BASE, E820_USABLE, REGION_TAG_KERNEL },
        { STACK_BASE, TABLES_BASE, E820_USABLE, REGION_TAG_STACK },
        { TABLES_BASE, ARENA_BASE, E820_USABLE, REGION_TAG_PAGE_TABLES },
        { ARENA_BASE, MODULE_BASE, E820_USABLE, REGION_TAG_ARENA },
        { MODULE_BASE, 0x600000, E820_USABLE, REGION_TAG_MODULE },
        { 0x600000, 0x800000, E820_USABLE, REGION_TAG_BOOT_SERVICES },
        { 0x800000, 0x900000, E820_ACPI_DATA, REGION_TAG_NONE },
    };
    size_t size = sizeof(*block->regions) + REGION_ROOM * sizeof(struct region);

    block->regions = append(block, HANDOFF_RECORD_REGIONS, size);
    block->regions->count = sizeof(rows) / sizeof(rows[0]);
    block->regions->capacity = REGION_ROOM;
    for (size_t i = 0; i < block->regions->count; i++)
        block->regions->regions[i] = (struct region){ rows[i].start,
                                                      rows[i].end - rows[i].start,
                                                      rows[i].type,
                                                      REGION_WB,
                                                      (uint16_t)rows[i].tag,
                                                      EFI_TYPE_CONVENTIONAL,
                                                      0 };
}

static void append_firmware_map(struct block *block)
{
    static const struct efi_memory_descriptor descriptors[EFI_ENTRIES] = {
        { EFI_TYPE_BOOT_SERVICES_DATA, 0, 0x600000, 0, 0x200, EFI_RAM },
        { EFI_TYPE_CONVENTIONAL, 0, 0x100000, 0, 0x500, EFI_RAM },
        { EFI_TYPE_ACPI_RECLAIM, 0, 0x800000, 0, 0x100, EFI_RAM },
    };
    size_t size = sizeof(*block->firmware_map) + sizeof(descriptors);

    block->firmware_map = append(block, HANDOFF_RECORD_FIRMWARE_MAP, size);
    block->firmware_map->format = HANDOFF_MAP_EFI;
    block->firmware_map->descriptor_bytes = sizeof(descriptors[0]);
    block->firmware_map->map_bytes = sizeof(descriptors);
    memcpy(block->firmware_map->map, descriptors, sizeof(descriptors));
}

static void append_changes(struct block *block)
{
    size_t size = sizeof(*block->changes) + CHANGE_ROOM * sizeof(struct handoff_change);

    block->changes = append(block, HANDOFF_RECORD_CHANGES, size);
    block->changes->count = 1;
    block->changes->capacity = CHANGE_ROOM;
    block->changes->changes[0] = (struct handoff_change){ 0x1000, 0x1000, 1, 2, MEMMAP_OVERLAP, 0 };
}

static void append_framebuffer(struct block *block)
{
    struct handoff_framebuffer *framebuffer =
        append(block, HANDOFF_RECORD_FRAMEBUFFER, sizeof(*framebuffer));

    framebuffer->base = 0xc0000000;
    framebuffer->size_bytes = 1376 * 4 * 768;
    framebuffer->width_pixels = 1366;
    framebuffer->height_pixels = 768;
    framebuffer->stride_bytes = 1376 * 4;
    framebuffer->bits_per_pixel = 32;
    block->framebuffer = framebuffer;
}

static void fill_header(struct handoff *handoff)
{
    *handoff = (struct handoff){
        .magic = HANDOFF_MAGIC,
        .major = HANDOFF_MAJOR,
        .minor = HANDOFF_MINOR,
        .size_bytes = sizeof(*handoff),
        .header_bytes = sizeof(*handoff),
        .loader = HANDOFF_LOADER_UEFI,
        .physical_bits = 40,
        .kernel_base = KERNEL_BASE,
        .kernel_bytes = 0x12345,
        .kernel_va = 0xffffffff80000000,
        .direct_map_va = 0xffff800000000000,
        .table_root = TABLES_BASE,
        .table_levels = 4,
        .stack_base = STACK_BASE,
        .stack_bytes = 0x4000,
        .stack_va = 0xfffff00000001000,
        .arena_base = ARENA_BASE,
        .arena_bytes = 0x100000,
    };
}

static void open_block(struct block *block)
{
    *block = (struct block){ .handoff = calloc(1, BLOCK_BYTES) };
    fill_header(block->handoff);
    append_regions(block);
    append_firmware_map(block);
    append_changes(block);
    append_framebuffer(block);
    block->command_line = append_text(block, HANDOFF_RECORD_COMMAND_LINE, COMMAND_LINE);
    append_text(block, HANDOFF_RECORD_LOADER_NAME, "Meridian 0.1");
    append_text(block, HANDOFF_RECORD_FIRMWARE_NAME, "EDK II 2.70");
    block->unknown = append_text(block, UNKNOWN_TYPE, "from a later minor version");
    block->measurement = append_measurement(block, "\\kernel.elf", 9);
    append_measurement(block, "command line", 8);
    block->event_log = append(block, HANDOFF_RECORD_EVENT_LOG, sizeof(*block->event_log) + 24);
    block->event_log->log_bytes = 20;
    block->modules[0] = append_module(block, "initrd", MODULE_BASE, 0x1234);
    block->modules[1] = append_module(block, "empty", 0, 0);
    host_log_clear();
}

/* A copy of exactly the size that the block claims, as far as it is there, with a right checksum. */
static void *seal(const struct block *block, size_t *size)
{
    struct handoff *handoff = block->handoff;
    void *copy;

    *size = handoff->size_bytes < BLOCK_BYTES ? handoff->size_bytes : BLOCK_BYTES;
    if (handoff->size_bytes <= BLOCK_BYTES && handoff->size_bytes % 8 == 0) {
        handoff->checksum = 0;
        handoff->checksum = handoff_checksum(handoff);
    }
    copy = malloc(*size);
    memcpy(copy, handoff, *size);
    return copy;
}

static void close_block(struct block *block)
{
    free(block->handoff);
}

/* --- a good one -------------------------------------------------------------------------- */

static void a_good_handoff_is_adopted(void **state)
{
    /* Everything that a loader can say is found, nothing is complained about. */
    struct handoff_view view;
    struct block block;
    size_t size;
    void *copy;

    (void)state;
    open_block(&block);
    copy = seal(&block, &size);
    assert_int_equal(handoff_adopt(copy, size, &view), STATUS_OK);
    assert_int_equal(host_log_count(LOG_ERROR) + host_log_count(LOG_WARNING), 0);
    assert_ptr_equal(view.handoff, copy);
    assert_int_equal(view.map.count, 8);
    assert_int_equal(view.map.capacity, REGION_ROOM);
    assert_int_equal(view.map.limit, (uint64_t)1 << 40);
    assert_int_equal(view.map.change_count, 1);
    assert_int_equal(view.firmware_map->map_bytes, EFI_ENTRIES * 40);
    assert_int_equal(view.framebuffer->width_pixels, 1366);
    assert_string_equal(view.command_line, COMMAND_LINE);
    assert_string_equal(view.loader_name, "Meridian 0.1");
    assert_string_equal(view.firmware_name, "EDK II 2.70");
    assert_int_equal(view.module_count, 2);
    assert_string_equal(handoff_module_at(&view, 0)->name, "initrd");
    assert_string_equal(handoff_module_at(&view, 1)->name, "empty");
    assert_int_equal(view.event_log->log_bytes, 20);
    assert_int_equal(view.measurement_count, 2);
    assert_string_equal(handoff_measurement_at(&view, 0)->name, "\\kernel.elf");
    assert_int_equal(handoff_measurement_at(&view, 1)->pcr, 8);
    free(copy);
    close_block(&block);
}

static void only_regions_and_map_are_needed(void **state)
{
    /* Without the other records the view is empty where they would be, never NULL for text. */
    struct block block = { .handoff = calloc(1, BLOCK_BYTES) };
    struct handoff_view view;
    size_t size;
    void *copy;

    (void)state;
    fill_header(block.handoff);
    block.handoff->arena_bytes = 0;
    block.handoff->arena_base = 0;
    append_regions(&block);
    append_firmware_map(&block);
    copy = seal(&block, &size);
    assert_int_equal(handoff_adopt(copy, size, &view), STATUS_OK);
    assert_string_equal(view.command_line, "");
    assert_string_equal(view.loader_name, "");
    assert_string_equal(view.firmware_name, "");
    assert_null(view.framebuffer);
    assert_int_equal(view.module_count, 0);
    assert_null(view.event_log);
    assert_int_equal(view.measurement_count, 0);
    assert_int_equal(view.map.change_capacity, 0);
    free(copy);
    close_block(&block);
}

static void a_later_minor_version_is_understood(void **state)
{
    /* A header that has grown at its end, by a minor version that is not known, is no obstacle. */
    struct block block = { .handoff = calloc(1, BLOCK_BYTES) };
    struct handoff_view view;
    size_t size;
    void *copy;

    (void)state;
    fill_header(block.handoff);
    block.handoff->minor = 9;
    block.handoff->header_bytes += 64;
    block.handoff->size_bytes += 64;
    append_regions(&block);
    append_firmware_map(&block);
    copy = seal(&block, &size);
    assert_int_equal(handoff_adopt(copy, size, &view), STATUS_OK);
    free(copy);
    close_block(&block);
}

/* --- spoilt ones ------------------------------------------------------------------------- */

/* Refused with `expected`, one line that contains `reason`, and the view is not written. */
static void expect_refusal(struct block *block, enum status expected, const char *reason)
{
    struct handoff_view view = { .module_count = 4711 };
    size_t size;
    void *copy = seal(block, &size);
    enum status status = handoff_adopt(copy, size, &view);

    if (status != expected || !host_log_contains(reason))
        fail_msg("%s, not %s; '%s' wanted in: %s", status_name(status), status_name(expected),
                 reason, host_log_text());
    assert_int_equal(host_log_count(LOG_ERROR), 1);
    assert_int_equal(view.module_count, 4711);
    free(copy);
    close_block(block);
}

/* Opens a good block, makes one change to it, and expects that to be found. */
#define SPOIL(change, expected, reason)                                                            \
    do {                                                                                           \
        struct block b;                                                                            \
                                                                                                   \
        open_block(&b);                                                                            \
        change;                                                                                    \
        expect_refusal(&b, (expected), (reason));                                                  \
    } while (false)

#define CORRUPT(change, reason) SPOIL(change, STATUS_CORRUPT, reason)

static void a_place_without_a_handoff(void **state)
{
    /* NULL, an odd address and too few bytes are refused before anything is read. */
    uint64_t words[sizeof(struct handoff) / 8 + 1] = { 0 };
    struct handoff_view view;

    (void)state;
    host_log_clear();
    assert_int_equal(handoff_adopt(NULL, 4096, &view), STATUS_INVALID);
    assert_int_equal(handoff_adopt((char *)words + 4, sizeof(struct handoff), &view),
                     STATUS_INVALID);
    assert_int_equal(handoff_adopt(words, sizeof(struct handoff) - 1, &view), STATUS_INVALID);
    assert_int_equal(host_log_count(LOG_ERROR), 3);
}

static void the_frame_is_checked(void **state)
{
    /* Magic, version, and each size that makes no sense. */
    (void)state;
    SPOIL(b.handoff->magic ^= 1, STATUS_INVALID, "magic");
    SPOIL(b.handoff->major = 2, STATUS_UNSUPPORTED, "version 2.");
    SPOIL(b.handoff->major = 0, STATUS_UNSUPPORTED, "version 0.");
    CORRUPT(b.handoff->size_bytes = HANDOFF_MAX_BYTES + 8, "bytes in all");
    CORRUPT(b.handoff->size_bytes = UINT32_MAX, "bytes in all");
    CORRUPT(b.handoff->size_bytes -= 4, "bytes in all");
    SPOIL(b.handoff->size_bytes = BLOCK_BYTES + 8, STATUS_TRUNCATED, "can be read");
    CORRUPT(b.handoff->header_bytes = sizeof(struct handoff) - 8, "records begin");
    CORRUPT(b.handoff->header_bytes += 4, "records begin");
    CORRUPT(b.handoff->header_bytes = b.handoff->size_bytes + 8, "records begin");
    CORRUPT(b.handoff->header_bytes = UINT32_MAX - 7, "records begin");
}

static void a_size_below_the_header_is_found(void **state)
{
    /* A block that claims fewer bytes than its own header has is refused, though all is there. */
    struct handoff_view view;
    struct block block;

    (void)state;
    open_block(&block);
    block.handoff->size_bytes = sizeof(struct handoff) - 8;
    assert_int_equal(handoff_adopt(block.handoff, BLOCK_BYTES, &view), STATUS_CORRUPT);
    assert_true(host_log_contains("bytes in all"));
    close_block(&block);
}

static void any_flipped_bit_is_found(void **state)
{
    /* The checksum finds every single bit that flipped after it was made. */
    struct handoff_view view;
    struct block block;
    size_t size;
    unsigned char *copy;

    (void)state;
    open_block(&block);
    copy = seal(&block, &size);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        host_log_clear();
        copy[bit / 8] ^= (unsigned char)(1u << bit % 8);
        assert_int_not_equal(handoff_adopt(copy, size, &view), STATUS_OK);
        copy[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
    assert_int_equal(handoff_adopt(copy, size, &view), STATUS_OK);
    free(copy);
    close_block(&block);
}

static void records_stay_within_the_block(void **state)
{
    /* Counts and sizes of records that lead outside, or leave a rest. */
    (void)state;
    CORRUPT(b.handoff->record_count++, "there is no room");
    CORRUPT(b.handoff->record_count = UINT32_MAX, "there is no room");
    CORRUPT(b.handoff->record_count--, "bytes follow the last");
    CORRUPT(b.handoff->record_count = 0, "bytes follow the last");
    CORRUPT(b.regions->record.size_bytes = 0, "not within what is left");
    CORRUPT(b.unknown->size_bytes = 7, "not within what is left");
    CORRUPT(b.regions->record.size_bytes = UINT32_MAX, "not within what is left");
    CORRUPT(b.modules[1]->record.size_bytes += 8, "not within what is left");
    CORRUPT(b.unknown->type = HANDOFF_RECORD_COMMAND_LINE, "there are two of it");
    CORRUPT(b.unknown->type = HANDOFF_RECORD_REGIONS, "there are two of it");
}

static void records_are_larger_than_their_fields(void **state)
{
    /* A record too small for what its type has by itself is refused before it is read. */
    (void)state;
    CORRUPT(b.unknown->type = HANDOFF_RECORD_MODULE;
            b.unknown->size_bytes = 16, "smaller than its own fields");
    CORRUPT(b.framebuffer->record.size_bytes -= 8, "smaller than its own fields");
    CORRUPT(b.changes->record.size_bytes = 16, "smaller than its own fields");
    CORRUPT(b.regions->record.size_bytes = 8, "smaller than its own fields");
    CORRUPT(b.firmware_map->record.size_bytes = 16, "smaller than its own fields");
}

static void counts_fit_their_records(void **state)
{
    /* Counts and capacities that exceed the record, by one or by 2^32. */
    (void)state;
    CORRUPT(b.regions->count = REGION_ROOM + 1, "more rows than its capacity");
    CORRUPT(b.regions->capacity = REGION_ROOM + 1, "its capacity exceeds its size");
    CORRUPT(b.regions->capacity = UINT32_MAX, "its capacity exceeds its size");
    CORRUPT(b.changes->count = CHANGE_ROOM + 1, "more changes than its capacity");
    CORRUPT(b.changes->capacity = CHANGE_ROOM + 1, "its capacity exceeds its size");
    CORRUPT(b.firmware_map->map_bytes += 1, "its map exceeds its size");
    CORRUPT(b.firmware_map->map_bytes += 40, "its map exceeds its size");
    CORRUPT(b.firmware_map->map_bytes = UINT32_MAX, "its map exceeds its size");
    CORRUPT(b.firmware_map->map_bytes -= 1, "not a whole number of entries");
    CORRUPT(b.firmware_map->descriptor_bytes = 39, "smaller than the specification's");
    CORRUPT(b.firmware_map->descriptor_bytes = 0, "smaller than the specification's");
    CORRUPT(b.firmware_map->format = 0, "neither UEFI descriptors nor");
    CORRUPT(b.firmware_map->format = HANDOFF_MAP_E820;
            b.firmware_map->descriptor_bytes = 19, "smaller than the specification's");
}

static void text_ends_within_its_record(void **state)
{
    /* A command line or a module's name without its 0 byte is refused. */
    (void)state;
    CORRUPT(memset(b.command_line + 1, 'x', b.command_line->size_bytes - 8), "text has no end");
    CORRUPT(b.command_line->size_bytes = 16, "text has no end");
    CORRUPT(b.event_log->log_bytes = 25, "its log exceeds its size");
    CORRUPT(b.event_log->log_bytes = UINT32_MAX, "its log exceeds its size");
    CORRUPT(memset(b.measurement->name, 'x', 16), "name has no end");
    CORRUPT(memset(b.modules[1]->name, 'x', 6), "name has no end");
}

static void the_table_keeps_its_invariants(void **state)
{
    /* A row that breaks a rule is named; so is a table without anything free, or none at all. */
    (void)state;
    CORRUPT(b.regions->regions[3].base += 0x800, "region 3 of 8");
    CORRUPT(b.regions->regions[1].type = 6, "region 1 of 8");
    CORRUPT(b.regions->regions[7].base = (uint64_t)1 << 40, "region 7 of 8");
    CORRUPT(b.regions->count = 0, "not one of 0 regions is free");
    CORRUPT(b.regions->regions[0].tag = b.regions->regions[6].tag = REGION_TAG_DEVICE,
            "not one of 8 regions is free");
    CORRUPT(b.regions->record.type = UNKNOWN_TYPE, "no record says what memory there is");
    CORRUPT(b.handoff->physical_bits = 31, "physical addresses of 31 bits");
    CORRUPT(b.handoff->physical_bits = 53, "physical addresses of 53 bits");
    CORRUPT(b.handoff->physical_bits = 255, "physical addresses of 255 bits");
}

static void the_firmware_has_the_last_word(void **state)
{
    /* Memory that the verbatim map does not call usable may not be usable in the table. */
    (void)state;
    CORRUPT(b.regions->regions[7].type = E820_USABLE, "region 7 of 8");
    CORRUPT(b.regions->regions[7].size_bytes *= 2;
            b.regions->regions[7].type = E820_USABLE, "firmware's own map does not say");
    CORRUPT(b.firmware_map->map[0] = EFI_TYPE_RUNTIME_SERVICES_DATA, "region 6 of 8");
    CORRUPT(b.firmware_map->map_bytes = 0, "region 0 of 8");
    CORRUPT(b.firmware_map->record.type = UNKNOWN_TYPE, "no record has the firmware's own map");
}

static void an_e820_map_is_checked_as_such(void **state)
{
    /* With a BIOS's map the same table is adopted or refused by its entries. */
    struct e820_entry entries[2] = { { 0x100000, 0x700000, E820_USABLE, 1 },
                                     { 0x800000, 0x100000, E820_ACPI_DATA, 1 } };
    struct handoff_view view;
    struct block block;
    size_t size;
    void *copy;

    (void)state;
    for (size_t turn = 0; turn < 2; turn++) {
        entries[0].size_bytes -= turn;
        open_block(&block);
        block.firmware_map->format = HANDOFF_MAP_E820;
        block.firmware_map->descriptor_bytes = sizeof(entries[0]);
        block.firmware_map->map_bytes = sizeof(entries);
        memcpy(block.firmware_map->map, entries, sizeof(entries));
        copy = seal(&block, &size);
        assert_int_equal(handoff_adopt(copy, size, &view), turn == 0 ? STATUS_OK : STATUS_CORRUPT);
        free(copy);
        close_block(&block);
    }
}

static void what_the_kernel_stands_on_is_held(void **state)
{
    /* Image, stack, tables, arena and modules are known memory that nobody may give away. */
    (void)state;
    CORRUPT(b.handoff->kernel_base = 0x100000, "the kernel's image");
    CORRUPT(b.handoff->kernel_base = 0x700000, "listed as free");
    CORRUPT(b.handoff->kernel_base += 0x10, "not at the start of a page");
    CORRUPT(b.handoff->kernel_bytes = 0, "is empty");
    CORRUPT(b.handoff->kernel_bytes = UINT64_MAX, "beyond the physical");
    CORRUPT(b.handoff->kernel_base = (uint64_t)1 << 40, "beyond the physical");
    CORRUPT(b.handoff->kernel_bytes = 0x500000, "listed as free");
    CORRUPT(b.handoff->kernel_base = 0x900000, "not in the table");
    CORRUPT(b.handoff->stack_base = 0x600000, "the kernel's stack");
    CORRUPT(b.handoff->stack_bytes = 0, "the kernel's stack");
    CORRUPT(b.handoff->table_root = 0, "the root of the page tables");
    CORRUPT(b.handoff->table_root = 0x600000, "the root of the page tables");
    CORRUPT(b.handoff->arena_base = 0x600000, "the arena");
    CORRUPT(b.modules[0]->base = 0x700000, "initrd");
    CORRUPT(b.modules[0]->size_bytes = 0x100001, "initrd");
}

static void the_mapping_makes_sense(void **state)
{
    /* Levels that no processor has, and addresses inside pages. */
    (void)state;
    CORRUPT(b.handoff->table_levels = 1, "page tables of 1 levels");
    CORRUPT(b.handoff->table_levels = 6, "page tables of 6 levels");
    CORRUPT(b.handoff->kernel_va++, "multiples of the page size");
    CORRUPT(b.handoff->direct_map_va += 8, "multiples of the page size");
    CORRUPT(b.handoff->stack_va += 0x800, "multiples of the page size");
}

/* The handoff is adopted without its framebuffer, with one warning. */
static void expect_headless(struct block *block, const char *reason)
{
    struct handoff_view view;
    size_t size;
    void *copy = seal(block, &size);

    assert_int_equal(handoff_adopt(copy, size, &view), STATUS_OK);
    assert_null(view.framebuffer);
    assert_int_equal(host_log_count(LOG_WARNING), 1);
    assert_true(host_log_contains(reason));
    free(copy);
    close_block(block);
}

#define HEADLESS(change, reason)                                                                   \
    do {                                                                                           \
        struct block b;                                                                            \
                                                                                                   \
        open_block(&b);                                                                            \
        change;                                                                                    \
        expect_headless(&b, (reason));                                                             \
    } while (false)

static void a_senseless_framebuffer_is_left_out(void **state)
{
    /* A geometry that does not fit costs the picture, not the boot. */
    (void)state;
    HEADLESS(b.framebuffer->bits_per_pixel = 24, "32 bits");
    HEADLESS(b.framebuffer->width_pixels = 0, "no pixels");
    HEADLESS(b.framebuffer->height_pixels = 0, "no pixels");
    HEADLESS(b.framebuffer->width_pixels = 1377, "longer than their distance");
    HEADLESS(b.framebuffer->width_pixels = 0x40000001, "longer than their distance");
    HEADLESS(b.framebuffer->height_pixels = 769, "larger than its memory");
    HEADLESS(b.framebuffer->height_pixels = UINT32_MAX, "larger than its memory");
    HEADLESS(b.framebuffer->base = UINT64_MAX - 0xfff, "beyond the physical");
    HEADLESS(b.framebuffer->base = ((uint64_t)1 << 40) - 0x1000, "beyond the physical");
}

static void random_damage_never_leads_astray(void **state)
{
    /* Random words in random places, checksum made right: adopted or refused, never a wild access. */
    struct handoff_view view;
    uint64_t seed = 11;

    (void)state;
    for (unsigned turn = 0; turn < 5000; turn++) {
        static const uint32_t nasty[] = {
            0, 1, 7, 8, 40, 4096, 0x7fffffff, 0x80000000, UINT32_MAX
        };
        struct block block;
        size_t size;
        void *copy;

        open_block(&block);
        size = block.handoff->size_bytes;
        for (unsigned i = 0; i < 1 + turn % 3; i++) {
            uint32_t value = nasty[random_below(&seed, sizeof(nasty) / sizeof(nasty[0]))];
            size_t word = random_below(&seed, size / sizeof(value));

            memcpy((char *)block.handoff + word * sizeof(value), &value, sizeof(value));
        }
        copy = seal(&block, &size);
        if (size >= sizeof(struct handoff) && handoff_adopt(copy, size, &view) == STATUS_OK &&
            view.module_count > 0)
            assert_non_null(handoff_module_at(&view, view.module_count - 1));
        free(copy);
        close_block(&block);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_handoff_is_adopted),
        cmocka_unit_test(only_regions_and_map_are_needed),
        cmocka_unit_test(a_later_minor_version_is_understood),
        cmocka_unit_test(a_place_without_a_handoff),
        cmocka_unit_test(the_frame_is_checked),
        cmocka_unit_test(a_size_below_the_header_is_found),
        cmocka_unit_test(any_flipped_bit_is_found),
        cmocka_unit_test(records_stay_within_the_block),
        cmocka_unit_test(records_are_larger_than_their_fields),
        cmocka_unit_test(counts_fit_their_records),
        cmocka_unit_test(text_ends_within_its_record),
        cmocka_unit_test(the_table_keeps_its_invariants),
        cmocka_unit_test(the_firmware_has_the_last_word),
        cmocka_unit_test(an_e820_map_is_checked_as_such),
        cmocka_unit_test(what_the_kernel_stands_on_is_held),
        cmocka_unit_test(the_mapping_makes_sense),
        cmocka_unit_test(a_senseless_framebuffer_is_left_out),
        cmocka_unit_test(random_damage_never_leads_astray),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
