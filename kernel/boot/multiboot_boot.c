/* SPDX-License-Identifier: BSD-2-Clause
 *
 * multiboot_boot.c - from the first C function of an i386 kernel to kmain().
 *
 * What a UEFI machine's loader does before the kernel runs is done here by the kernel itself, on the
 * boot directory: a handoff is made of what the Multiboot loader left (multiboot.c), checked like
 * any other, and an address space is built as mm/layout.h draws it.
 *
 *     information block ─> handoff ─> table of memory ─> a run of frames for page tables
 *                                           │                        │
 *                                  does it answer?   └─> direct map, image, stack, jump ─> kmain()
 *
 * The format is the best that the processor has, or what pt= says. Tables lie in one run in low
 * memory, tagged as such, long enough for the worst case; the kernel frees what becomes empty.
 * What is wrong here ends in a report: nothing can be given back to a Multiboot loader.
 */
#include "boot/multiboot.h"

#include "arch/boot.h"
#include "arch/cpu.h"
#include "arch/mmu.h"
#include "boot/cmdline.h"
#include "dev/console.h"
#include "dev/screen.h"
#include "dev/stage.h"
#include "diag/diag.h"
#include "lib/assert.h"
#include "lib/bits.h"
#include "lib/log.h"
#include "lib/string.h"
#include "mm/handoff_adopt.h"
#include "mm/layout.h"
#include "mm/memmap.h"
#include "mm/pt.h"

#define HANDOFF_BYTES      (128 * KiB)
#define CHUNK_BYTES        (4 * MiB) /* what arch_boot_reach() shows */
#define FIXED_TABLES       16u       /* root, directories, stack, temporary mappings, jump, image */
#define VIDEO_START        (640 * KiB)

#define COMMAND_LINE_BYTES 4096
#define HIGH_START         (4 * GiB) /* what the boot directory cannot show */
#define PATTERN            0x55aa33ccu

[[gnu::noreturn]] void multiboot_start(uint32_t magic, uint32_t info, uint64_t ticks);
[[gnu::noreturn]] void multiboot_continue(void *handoff, uint64_t ticks);
[[gnu::noreturn]] void kmain(void *handoff, uint64_t entry_ticks);

[[gnu::aligned(8)]] static unsigned char handoff_block[HANDOFF_BYTES];
static struct handoff_view machine;
static struct arch_boot_image image;

/* --- memory that answers ----------------------------------------------------------------- */

/* Memory keeps two words that differ; without it, a bus may at most remember the last one. */
static bool keeps(volatile uint32_t *words)
{
    const uint32_t old[] = { words[0], words[1] };
    bool kept;

    words[0] = PATTERN;
    words[1] = ~PATTERN;
    kept = words[0] == PATTERN && words[1] == ~PATTERN;
    words[0] = old[0];
    words[1] = old[1];
    return kept;
}

static bool low_answers(uint64_t page)
{
    return keeps(arch_boot_show(pa(page)));
}

static bool high_answers(uint64_t page)
{
    uint32_t *words = arch_frame_map(pa(page));
    bool kept = keeps(words);

    arch_frame_unmap(words);
    return kept;
}

static void probe(uint64_t start, uint64_t end, bool (*answers)(uint64_t page))
{
    enum status status = multiboot_probe(&machine.map, start, end, answers);

    if (status != STATUS_OK)
        panic("Memory that does not answer cannot be taken out of the table (%s)",
              status_name(status));
}

/* --- reading what the loader left -------------------------------------------------------- */

/* The loader put its words into memory; between 640 KiB and 1 MiB are devices, and elsewhere there
 * may be holes. A page that answered last is not asked again: texts are read byte by byte. */
static bool is_readable(uint64_t address, size_t size_bytes)
{
    static uint64_t known = UINT64_MAX;
    uint64_t end;

    if (!checked_add(address, size_bytes, &end) || end > arch_direct_end() ||
        (end > VIDEO_START && address < MiB))
        return false;
    for (uint64_t page = align_down(address, PAGE_SIZE); page < end; page += PAGE_SIZE) {
        if (page != known && !low_answers(page))
            return false;
        known = page;
    }
    return true;
}

static bool read_memory(void *context, uint64_t address, void *to, size_t size_bytes)
{
    unsigned char *at = to;

    (void)context;
    if (!is_readable(address, size_bytes))
        return false;
    while (size_bytes > 0) {
        size_t part = (size_t)min_u64(size_bytes, CHUNK_BYTES - (address & (CHUNK_BYTES - 1)));

        arch_boot_reach(0, pa(address));
        memcpy(at, arch_phys_ptr(pa(address)), part);
        address += part;
        at += part;
        size_bytes -= part;
    }
    return true;
}

/* --- the handoff ------------------------------------------------------------------------- */

/* Who asked for an end gets one, also when the kernel comes no further than this file. */
static void expect_exit(const struct multiboot_source *source)
{
    static char text[COMMAND_LINE_BYTES];
    struct cmdline_word word;

    multiboot_read_command_line(source, text, sizeof(text));
    diag_expect_exit(cmdline_find(text, "exit", &word));
}

/* Without a time-stamp counter there is nothing that would be worth the name. */
static void make_seed(struct handoff *known)
{
    uint64_t words[HANDOFF_SEED_BYTES / sizeof(uint64_t)];

    switch (arch_boot_random(words, ARRAY_COUNT(words))) {
    case ARCH_RANDOM_NONE:
        return;
    case ARCH_RANDOM_COUNTER:
        known->seed_source = HANDOFF_SEED_TSC;
        break;
    case ARCH_RANDOM_GENERATOR:
        known->seed_source = HANDOFF_SEED_RDRAND;
        break;
    }
    memcpy(known->seed, words, sizeof(words));
}

static void make_handoff(const struct multiboot_source *source, unsigned levels)
{
    struct handoff known = {
        .flags = arch_boot_no_execute(levels) ? HANDOFF_NX : 0,
        .physical_bits = arch_boot_physical_bits(levels),
        .kernel_base = image.base,
        .kernel_bytes = image.end - image.base,
        .kernel_va = LAYOUT_DIRECT_MAP_START + image.base,
        .direct_map_va = LAYOUT_DIRECT_MAP_START,
        .table_root = image.root,
        .table_levels = levels,
        .stack_base = image.stack_base,
        .stack_bytes = image.stack_bytes,
        .stack_va = LAYOUT_STACKS_START + PAGE_SIZE, /* the page before is the guard */
    };
    enum status status;

    make_seed(&known);
    status = multiboot_make_handoff(source, &known, handoff_block, HANDOFF_BYTES);

    if (status == STATUS_OK)
        status = handoff_adopt(handoff_block, HANDOFF_BYTES, &machine);
    if (status != STATUS_OK)
        panic("What the Multiboot loader left cannot be used (%s): the log says why",
              status_name(status));
}

/* The levels that pt= asks for, or the best. */
static unsigned choose_levels(void)
{
    unsigned best = arch_boot_levels();
    struct cmdline_word word;

    if (cmdline_find(machine.command_line, "pt", &word) && cmdline_table_levels(word.value) == 2)
        return 2;
    return best; /* kmain() tells of wishes that it is not */
}

/* What the records say is what the table came to be. */
static void seal_handoff(paddr_t root)
{
    struct handoff *handoff = (void *)handoff_block;

    CONTAINER_OF(machine.map.regions, struct handoff_regions, regions)->count =
        (uint32_t)machine.map.count;
    if (machine.map.changes != NULL) {
        struct handoff_changes *changes =
            CONTAINER_OF(machine.map.changes, struct handoff_changes, changes);

        changes->count = (uint32_t)machine.map.change_count;
        changes->lost = (uint32_t)machine.map.changes_lost;
    }
    handoff->table_root = pa_value(root);
    handoff->checksum = 0;
    handoff->checksum = handoff_checksum(handoff);
}

/* --- frames for tables ------------------------------------------------------------------- */

/* Tables are taken from the end of a free run downwards, so that what is not needed stays free. */
struct pool {
    uint64_t start;
    uint64_t first; /* the lowest table so far */
    uint64_t end;
};

static enum status pool_alloc(void *context, paddr_t *table)
{
    struct pool *pool = context;

    VERIFY(pool->first > pool->start); /* count_tables() */
    pool->first -= PAGE_SIZE;
    *table = pa(pool->first);
    memset(arch_phys_ptr(*table), 0, PAGE_SIZE);
    return STATUS_OK;
}

/* Building only adds tables. */
static void pool_free(void *context, paddr_t table)
{
    (void)context;
    (void)table;
}

/* Each border of RAM may cut a large leaf; without large leaves every part needs a table. */
static uint64_t count_tables(const struct page_table *table)
{
    uint64_t span = pt_format_span(table->format, 2);
    uint64_t all = 0;
    uint64_t cut = 2 * (uint64_t)machine.map.count;

    for (size_t i = 0; i < machine.map.count; i++)
        if (machine.map.regions[i].base < arch_direct_end())
            all = min_u64(machine.map.regions[i].base + machine.map.regions[i].size_bytes,
                          arch_direct_end());
    all = (all + span - 1) >> lowest_bit(span);
    return FIXED_TABLES + (table->largest_leaf > 1 ? min_u64(all, cut) : all);
}

/* The highest run of so many free frames in one chunk. 0 where there is none. */
static uint64_t find_run(uint64_t size_bytes)
{
    for (size_t i = machine.map.count; i-- > 0;) {
        const struct region *row = &machine.map.regions[i];
        uint64_t end = min_u64(row->base + row->size_bytes, arch_direct_end());
        uint64_t start = max_u64(row->base, MiB);

        if (!region_is_free(row) || start >= end)
            continue;
        if (end - align_down(end - 1, CHUNK_BYTES) < size_bytes)
            end = align_down(end - 1, CHUNK_BYTES);
        if (end > start && end - start >= size_bytes)
            return end - size_bytes;
    }
    return 0;
}

static void find_pool(struct pool *pool, uint64_t size_bytes)
{
    uint64_t base = find_run(size_bytes);

    if (base == 0)
        panic("No memory for page tables: %u KiB in one piece", (unsigned)(size_bytes >> 10));
    arch_boot_reach(1, pa(base));
    *pool = (struct pool){ .start = base, .first = base + size_bytes, .end = base + size_bytes };
}

static void keep_tables(const struct pool *pool)
{
    enum status status = memmap_carve(&machine.map, pool->first, pool->end - pool->first, 0,
                                      REGION_TAG_PAGE_TABLES, MEMMAP_CARVED);

    if (status != STATUS_OK)
        panic("The table of memory has no row for the page tables (%s)", status_name(status));
}

/* --- the address space ------------------------------------------------------------------- */

static enum status map_direct(struct page_table *table)
{
    for (size_t i = 0; i < machine.map.count;) {
        const struct region *row = &machine.map.regions[i++];
        uint64_t start = row->base;
        uint64_t end = start + row->size_bytes;
        enum status status;

        if (!region_is_ram(row) || start >= arch_direct_end())
            continue;
        while (i < machine.map.count && machine.map.regions[i].base == end &&
               region_is_ram(&machine.map.regions[i]))
            end += machine.map.regions[i++].size_bytes;
        end = min_u64(end, arch_direct_end());
        status = pt_map(table, va_of(arch_phys_ptr(pa(start))), pa(start), (size_t)(end - start),
                        PT_WRITE | PT_GLOBAL);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

static enum status map_part(struct page_table *table, uint64_t start, uint64_t end, unsigned rights)
{
    return pt_protect(table, va_of(arch_phys_ptr(pa(start))), (size_t)(end - start),
                      rights | PT_GLOBAL, NULL);
}

/* The image lies in the direct map: its parts get the rights that they need. */
static enum status map_image(struct page_table *table)
{
    enum status status = map_part(table, image.base, image.text_end, PT_EXECUTE);

    if (status == STATUS_OK)
        status = map_part(table, image.text_end, image.rodata_end, 0);
    return status;
}

/* The mark of the stage (boot/stage.h) can be seen on the screen of a BIOS until the console has it: at the
 * end of the window for temporary mappings, where none ever comes. */
#define TEXT_PAGE (LAYOUT_TEMPORARY_START + LAYOUT_TEMPORARY_BYTES - PAGE_SIZE)

static bool has_text_screen;

static void show_stages(void)
{
    has_text_screen = screen_bios_shows_text(arch_phys_ptr(pa(0)));
    if (has_text_screen)
        stage_show_in_text(arch_phys_ptr(pa(SCREEN_TEXT_BASE)));
}

static enum status map_text(struct page_table *table)
{
    if (!has_text_screen)
        return STATUS_OK;
    return pt_map(table, va(TEXT_PAGE), pa(SCREEN_TEXT_BASE), PAGE_SIZE,
                  PT_WRITE | PT_WRITE_COMBINING | PT_GLOBAL | PT_SMALL);
}

/* The stack in its window, the page that keeps the table of the temporary mappings, and the page of
 * the jump at its physical address. */
static enum status map_rest(struct page_table *table)
{
    paddr_t jump = arch_boot_jump_page();
    enum status status = pt_map(table, va(LAYOUT_STACKS_START + PAGE_SIZE), pa(image.stack_base),
                                (size_t)image.stack_bytes, PT_WRITE | PT_GLOBAL | PT_SMALL);

    if (status == STATUS_OK && LAYOUT_TEMPORARY_BYTES != 0)
        status = pt_map(table, va(LAYOUT_TEMPORARY_START), jump, PAGE_SIZE, PT_GLOBAL | PT_SMALL);
    if (status == STATUS_OK)
        status =
            pt_map(table, va((uintptr_t)pa_value(jump)), jump, PAGE_SIZE, PT_EXECUTE | PT_SMALL);
    return status;
}

static void build_space(struct page_table *table)
{
    enum status status = pt_create(table);

    if (status == STATUS_OK)
        status = map_direct(table);
    if (status == STATUS_OK)
        status = map_image(table);
    if (status == STATUS_OK)
        status = map_rest(table);
    if (status == STATUS_OK)
        status = map_text(table);
    if (status != STATUS_OK)
        panic("The kernel's page tables cannot be built (%s)", status_name(status));
}

static bool count_run(void *context, const struct pt_mapping *run)
{
    *(uint64_t *)context += run->size_bytes;
    return true;
}

/* A map that says there is no memory where the kernel runs would be the end at the first step. */
static void check_image(const struct page_table *table)
{
    uint64_t mapped = 0;

    pt_visit(table, va_of(arch_phys_ptr(pa(image.base))), (size_t)(image.end - image.base),
             count_run, &mapped);
    if (mapped != image.end - image.base)
        panic("The memory map says that there is no memory where the kernel is, [mem 0x%08llx, "
              "0x%llx bytes]",
              (unsigned long long)image.base, (unsigned long long)(image.end - image.base));
}

/* --- the story --------------------------------------------------------------------------- */

void multiboot_start(uint32_t magic, uint32_t info, uint64_t ticks)
{
    const struct multiboot_source source = { .magic = magic, .info = info, .read = read_memory };
    struct pool pool;
    const struct pt_memory memory = { .alloc = pool_alloc, .free = pool_free, .context = &pool };
    struct page_table table = { .memory = &memory };
    unsigned levels;

    arch_boot_image(&image);
    show_stages();
    stage_begin(STAGE_MULTIBOOT);
    arch_cpu_init();
    (void)console_init(NULL);
    expect_exit(&source);
    make_handoff(&source, arch_boot_levels());
    levels = choose_levels();
    if (levels != arch_boot_levels())
        make_handoff(&source, levels);
    stage_begin(STAGE_PROBE);
    probe(0, HIGH_START, low_answers);
    stage_begin(STAGE_TABLES);
    table.format = arch_pt_format(levels);
    table.physical_bits = arch_boot_physical_bits(levels);
    table.largest_leaf = arch_boot_largest_leaf(levels);
    table.no_execute = arch_boot_no_execute(levels);
    find_pool(&pool, count_tables(&table) * PAGE_SIZE);
    build_space(&table);
    check_image(&table);
    keep_tables(&pool);
    seal_handoff(table.root);
    stage_begin(STAGE_TURN);
    arch_boot_enter(table.root, levels,
                    va(LAYOUT_STACKS_START + PAGE_SIZE + (uintptr_t)image.stack_bytes),
                    handoff_block, ticks);
}

/* On the kernel's own tables, which reach all memory. */
void multiboot_continue(void *handoff, uint64_t ticks)
{
    if (has_text_screen)
        stage_show_in_text((volatile uint16_t *)TEXT_PAGE);
    probe(HIGH_START, UINT64_MAX, high_answers);
    seal_handoff(pa(machine.handoff->table_root));
    kmain(handoff, ticks);
}
