/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_efi_space.c - properties of the address space that the loader builds.
 *
 * The fake MMU walks the tables by itself, so that "mapped" means what a processor makes of them.
 * Every property is tried in every machine: 4 and 5 levels, with and without leaves of 1 GiB, with
 * and without NX.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "efi/address_space.h"
#include "fake_memory.h"
#include "fake_mmu.h"
#include "fake_tables.h"
#include "lib/bits.h"
#include "mm/layout.h"

#define MEMORY_BYTES  (8 * GiB)
#define PHYSICAL_BITS 36
#define IMAGE_BASE    (5 * MiB + 7 * PAGE_SIZE)
#define STACK_BASE    (9 * MiB)
#define STACK_BYTES   (16 * KiB)
#define STACK_VA      (LAYOUT_STACKS_START + PAGE_SIZE)
#define JUMP_PAGE     (6 * GiB + 5 * PAGE_SIZE)
#define FB_BASE       (3 * GiB + 0x800)
#define FB_BYTES      (3 * MiB + 0x900)
#define IMAGE_VA      (LAYOUT_IMAGE_START + 0x1234 * PAGE_SIZE)

#define RAM(start, end, kind, holder)                                                              \
    {                                                                                              \
        (start), (end) - (start), (kind), REGION_WB | REGION_IS_RAM, (holder), 7, 0                \
    }
#define OTHER(start, end)                                                                          \
    {                                                                                              \
        (start), (end) - (start), E820_RESERVED, 0, REGION_TAG_NONE, 0, 0                          \
    }

/* Rows that touch, rows with borders inside large pages, a hole, device memory between RAM. */
static const struct region regions[] = {
    RAM(0, PAGE_SIZE, E820_RESERVED, REGION_TAG_NONE),
    RAM(PAGE_SIZE, 0xa0000, E820_USABLE, REGION_TAG_NONE),
    OTHER(0xa0000, MiB),
    RAM(MiB, 4 * MiB, E820_USABLE, REGION_TAG_NONE),
    RAM(4 * MiB, 10 * MiB + 3 * PAGE_SIZE, E820_USABLE, REGION_TAG_LOADER),
    RAM(10 * MiB + 3 * PAGE_SIZE, 11 * MiB, E820_ACPI_NVS, REGION_TAG_NONE),
    RAM(11 * MiB + PAGE_SIZE, 2 * GiB + 5 * MiB, E820_USABLE, REGION_TAG_NONE),
    OTHER(3 * GiB, 3 * GiB + 16 * MiB),
    RAM(4 * GiB, 8 * GiB - 64 * MiB, E820_USABLE, REGION_TAG_NONE),
};

static const struct elf_image image = {
    .size_bytes = 0x6000,
    .alignment = PAGE_SIZE,
    .relocatable = true,
    .segment_count = 3,
    .segments = { { .start = 0, .memory_bytes = 0x1800, .rights = ELF_READ | ELF_EXECUTE },
                  { .start = 0x2000, .memory_bytes = 0x1000, .rights = ELF_READ },
                  { .start = 0x4038, .memory_bytes = 0x1fc8, .rights = ELF_READ | ELF_WRITE } },
};

struct variant {
    const struct pt_format *format;
    unsigned largest_leaf;
    bool no_execute;
};

static const struct variant variants[] = {
    { &pt_format_x86_64_4level, 3, true },  { &pt_format_x86_64_4level, 2, true },
    { &pt_format_x86_64_4level, 3, false }, { &pt_format_x86_64_5level, 3, true },
    { &pt_format_x86_64_5level, 2, false },
};

/* Tables of the jump: counted, so that one sees which they are. */
struct counted_memory {
    struct pt_memory memory;
    const struct pt_memory *behind;
    size_t count;
};

struct machine_under_test {
    struct fake_tables tables;
    struct counted_memory jump;
    struct page_table table;
    struct address_space space;
    struct refusal refusal;
};

static enum status counted_alloc(void *context, paddr_t *table)
{
    struct counted_memory *counted = context;

    counted->count++;
    return counted->behind->alloc(counted->behind->context, table);
}

static void counted_free(void *context, paddr_t table)
{
    struct counted_memory *counted = context;

    counted->behind->free(counted->behind->context, table);
}

static void open_machine(struct machine_under_test *machine, const struct variant *variant)
{
    fake_memory_create(MEMORY_BYTES);
    *machine = (struct machine_under_test){ 0 };
    fake_tables_start(&machine->tables, 4096);
    machine->jump = (struct counted_memory){ { counted_alloc, counted_free, &machine->jump },
                                             &machine->tables.memory,
                                             0 };
    machine->table = (struct page_table){ .format = variant->format,
                                          .memory = &machine->tables.memory,
                                          .physical_bits = PHYSICAL_BITS,
                                          .largest_leaf = variant->largest_leaf,
                                          .no_execute = variant->no_execute };
    machine->space = (struct address_space){
        .regions = regions,
        .region_count = ARRAY_COUNT(regions),
        .direct_map_va = LAYOUT_DIRECT_MAP_START + 77 * GiB,
        .image = &image,
        .image_base = pa(IMAGE_BASE),
        .image_va = IMAGE_VA,
        .stack_base = pa(STACK_BASE),
        .stack_bytes = STACK_BYTES,
        .stack_va = STACK_VA,
        .framebuffer_base = FB_BASE,
        .framebuffer_bytes = FB_BYTES,
        .framebuffer_va = address_space_place_framebuffer(FB_BASE),
        .jump_page = pa(JUMP_PAGE),
        .jump_memory = &machine->jump.memory,
    };
}

static void build(struct machine_under_test *machine, const struct variant *variant)
{
    open_machine(machine, variant);
    assert_int_equal(address_space_build(&machine->table, &machine->space, &machine->refusal),
                     STATUS_OK);
    fake_mmu_start(
        &(struct fake_mmu_settings){ variant->format, PHYSICAL_BITS, variant->no_execute },
        machine->table.root);
}

static void close_machine(struct machine_under_test *machine)
{
    assert_int_equal(fake_mmu_failures, 0);
    fake_mmu_start(&(struct fake_mmu_settings){ machine->table.format, PHYSICAL_BITS, true },
                   pa(0));
    fake_tables_stop(&machine->tables);
    fake_memory_destroy();
}

/* Exactly these rights, and that target. Without NX everything can be executed. */
static void expect_rights(const struct machine_under_test *machine, uint64_t address,
                          uint64_t target, unsigned rights)
{
    paddr_t found;
    bool present;

    assert_true(fake_mmu_access(address, FAKE_READ, &found, &present));
    assert_int_equal(pa_value(found), target);
    assert_int_equal(fake_mmu_access(address, FAKE_WRITE, &found, &present),
                     (rights & FAKE_WRITE) != 0);
    assert_int_equal(fake_mmu_access(address, FAKE_EXECUTE, &found, &present),
                     (rights & FAKE_EXECUTE) != 0 || !machine->table.no_execute);
    assert_false(fake_mmu_access(address, FAKE_USER, &found, &present));
}

static void expect_nothing(uint64_t address)
{
    paddr_t found;
    bool present = true;

    assert_false(fake_mmu_access(address, FAKE_READ, &found, &present));
    assert_false(present);
}

#define EACH_MACHINE(machine)                                                                      \
    for (size_t v = 0; v < ARRAY_COUNT(variants) && (build(&(machine), &variants[v]), true);       \
         close_machine(&(machine)), v++)

/* --- what is mapped ---------------------------------------------------------------------- */

static bool is_read_only_frame(uint64_t target)
{
    return (target >= IMAGE_BASE && target < IMAGE_BASE + 0x2000) ||
           (target >= IMAGE_BASE + 0x2000 && target < IMAGE_BASE + 0x3000);
}

static void expect_direct(const struct machine_under_test *machine, uint64_t target, bool ram)
{
    uint64_t address = machine->space.direct_map_va + target;

    if (ram)
        expect_rights(machine, address, target,
                      is_read_only_frame(target) ? FAKE_READ : FAKE_WRITE);
    else
        expect_nothing(address);
}

static bool is_ram(uint64_t address)
{
    for (size_t i = 0; i < ARRAY_COUNT(regions); i++) {
        if (address >= regions[i].base && address - regions[i].base < regions[i].size_bytes)
            return (regions[i].flags & REGION_IS_RAM) != 0;
    }
    return false;
}

static void direct_map_is_ram(void **state)
{
    /* The direct map holds all RAM and nothing else, writable but for the image's text and
     * constants, and never executable. */
    struct machine_under_test machine;

    (void)state;
    EACH_MACHINE(machine)
    {
        for (uint64_t page = 0; page < 12 * MiB; page += PAGE_SIZE)
            expect_direct(&machine, page, is_ram(page));
        for (uint64_t at = 0; at < MEMORY_BYTES; at += 2 * MiB - 3 * PAGE_SIZE)
            expect_direct(&machine, at, is_ram(at));
        for (size_t i = 0; i < ARRAY_COUNT(regions); i++) {
            uint64_t end = regions[i].base + regions[i].size_bytes;

            expect_direct(&machine, end, is_ram(end));
            expect_direct(&machine, end - 1, is_ram(end - 1));
            expect_direct(&machine, regions[i].base, is_ram(regions[i].base));
        }
    }
}

static void image_has_its_segments_rights(void **state)
{
    /* Text can be executed, data written, constants only read; between and around is nothing. */
    struct machine_under_test machine;

    (void)state;
    EACH_MACHINE(machine)
    {
        expect_nothing(IMAGE_VA - 1);
        expect_rights(&machine, IMAGE_VA, IMAGE_BASE, FAKE_EXECUTE);
        expect_rights(&machine, IMAGE_VA + 0x1fff, IMAGE_BASE + 0x1fff, FAKE_EXECUTE);
        expect_rights(&machine, IMAGE_VA + 0x2000, IMAGE_BASE + 0x2000, FAKE_READ);
        expect_nothing(IMAGE_VA + 0x3000);
        expect_rights(&machine, IMAGE_VA + 0x4000, IMAGE_BASE + 0x4000, FAKE_WRITE);
        expect_rights(&machine, IMAGE_VA + 0x5fff, IMAGE_BASE + 0x5fff, FAKE_WRITE);
        expect_nothing(IMAGE_VA + 0x6000);
    }
}

static void stack_stands_between_guards(void **state)
{
    /* The stack can be written up to its borders, and not a byte beyond. */
    struct machine_under_test machine;

    (void)state;
    EACH_MACHINE(machine)
    {
        expect_nothing(STACK_VA - 1);
        expect_rights(&machine, STACK_VA, STACK_BASE, FAKE_WRITE);
        expect_rights(&machine, STACK_VA + STACK_BYTES - 1, STACK_BASE + STACK_BYTES - 1,
                      FAKE_WRITE);
        expect_nothing(STACK_VA + STACK_BYTES);
    }
}

static void framebuffer_combines_writes(void **state)
{
    /* All of the framebuffer is mapped write-combining, wherever in a page it begins. */
    struct machine_under_test machine;

    (void)state;
    EACH_MACHINE(machine)
    {
        uint64_t address = machine.space.framebuffer_va;
        struct pt_mapping mapping;

        expect_rights(&machine, address, FB_BASE, FAKE_WRITE);
        expect_rights(&machine, address + FB_BYTES - 1, FB_BASE + FB_BYTES - 1, FAKE_WRITE);
        assert_int_equal(pt_query(&machine.table, va(address), &mapping), STATUS_OK);
        assert_int_equal(mapping.flags & PT_CACHE_MASK, PT_WRITE_COMBINING);
        assert_int_equal(pt_query(&machine.table, va(address + 2 * MiB), &mapping), STATUS_OK);
        assert_int_equal(mapping.flags & PT_CACHE_MASK, PT_WRITE_COMBINING);
        expect_nothing(align_up(address + FB_BYTES, PAGE_SIZE));
    }
}

static bool is_the_jump(void *context, const struct pt_mapping *run)
{
    unsigned *runs = context;

    (*runs)++;
    assert_int_equal(va_value(run->address), JUMP_PAGE);
    assert_int_equal(pa_value(run->target), JUMP_PAGE);
    assert_int_equal(run->size_bytes, PAGE_SIZE);
    return true;
}

static void only_the_jump_is_in_the_lower_half(void **state)
{
    /* The lower half holds one page, executable at its own address, in tables of its own. */
    struct machine_under_test machine;

    (void)state;
    EACH_MACHINE(machine)
    {
        unsigned runs = 0;

        expect_rights(&machine, JUMP_PAGE, JUMP_PAGE, FAKE_EXECUTE);
        pt_visit(&machine.table, va(0), LAYOUT_KERNEL_HALF, is_the_jump, &runs);
        assert_int_equal(runs, 1);
        assert_int_equal(machine.jump.count, pt_format_levels(machine.table.format) - 1);
    }
}

struct audit {
    unsigned runs;
    unsigned writable_and_executable;
    unsigned not_global;
    unsigned user;
    unsigned writable_code;
};

static bool audit_run(void *context, const struct pt_mapping *run)
{
    struct audit *audit = context;
    bool writable = (run->flags & PT_WRITE) != 0;

    audit->runs++;
    audit->writable_and_executable += writable && (run->flags & PT_EXECUTE) != 0;
    audit->not_global += (run->flags & PT_GLOBAL) == 0;
    audit->user += (run->flags & PT_USER) != 0;
    for (uint64_t frame = IMAGE_BASE; frame < IMAGE_BASE + 0x3000; frame += PAGE_SIZE)
        audit->writable_code += writable && frame >= pa_value(run->target) &&
                                frame - pa_value(run->target) < run->size_bytes;
    return true;
}

static void nothing_is_writable_and_executable(void **state)
{
    /* No mapping has both rights, no frame of text or constants is writable through any, all are
     * global but for the jump, and none is the user's. */
    struct machine_under_test machine;

    (void)state;
    EACH_MACHINE(machine)
    {
        struct audit audit = { 0 };

        if (!machine.table.no_execute)
            continue; /* everything is executable then */
        pt_visit(&machine.table, va(0), SIZE_MAX, audit_run, &audit);
        assert_true(audit.runs > 8);
        assert_int_equal(audit.writable_and_executable, 0);
        assert_int_equal(audit.writable_code, 0);
        assert_int_equal(audit.not_global, 1);
        assert_int_equal(audit.user, 0);
    }
}

static void large_leaves_are_used(void **state)
{
    /* Memory far from any border lies under the largest leaves that the processor has. */
    struct machine_under_test machine;

    (void)state;
    EACH_MACHINE(machine)
    {
        struct pt_mapping mapping;

        assert_int_equal(
            pt_query(&machine.table, va(machine.space.direct_map_va + 5 * GiB), &mapping),
            STATUS_OK);
        assert_int_equal(mapping.level, machine.table.largest_leaf);
        assert_int_equal(
            pt_query(&machine.table, va(machine.space.direct_map_va + 14 * MiB), &mapping),
            STATUS_OK);
        assert_int_equal(mapping.level, 2);
        assert_true(machine.tables.outstanding < 32);
    }
}

static void every_failing_allocation(void **state)
{
    /* When the n-th table cannot be had, the refusal says what could not be mapped, for every n. */
    struct machine_under_test machine;
    size_t needed;

    (void)state;
    build(&machine, &variants[0]);
    needed = machine.tables.allocations;
    close_machine(&machine);
    for (size_t n = 0; n < needed; n++) {
        open_machine(&machine, &variants[0]);
        machine.tables.refuse_after = n;
        assert_int_equal(address_space_build(&machine.table, &machine.space, &machine.refusal),
                         STATUS_NO_MEMORY);
        assert_non_null(strstr(machine.refusal.reason, "could not be mapped"));
        fake_mmu_start(&(struct fake_mmu_settings){ machine.table.format, PHYSICAL_BITS, true },
                       pa(0));
        close_machine(&machine);
    }
}

static void headless_machines(void **state)
{
    /* Without a framebuffer nothing is mapped where it would be. */
    struct machine_under_test machine;

    (void)state;
    open_machine(&machine, &variants[0]);
    machine.space.framebuffer_bytes = 0;
    assert_int_equal(address_space_build(&machine.table, &machine.space, &machine.refusal),
                     STATUS_OK);
    fake_mmu_start(&(struct fake_mmu_settings){ variants[0].format, PHYSICAL_BITS, true },
                   machine.table.root);
    expect_nothing(machine.space.framebuffer_va);
    close_machine(&machine);
}

/* --- where it is mapped ------------------------------------------------------------------ */

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed ^ *seed >> 29;
}

static void images_stay_in_their_window(void **state)
{
    /* Whatever the size, alignment and random number, an image lies inside its window, aligned as
     * it was linked; large ones agree with their frames modulo 2 MiB. */
    uint64_t seed = 7;

    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t mask = low_mask(13 + i % 18);
        struct elf_image any = { .relocatable = true };
        uint64_t address;
        uint64_t alignment;
        uint64_t phase;

        any.size_bytes = align_up((next_random(&seed) & mask) + 1, PAGE_SIZE);
        any.alignment = PAGE_SIZE << i % 10;
        any.base = align_down(next_random(&seed) >> i % 40, PAGE_SIZE);
        if (address_space_place_image(&any, i % 3 != 0, next_random(&seed), &address) !=
            STATUS_OK) {
            assert_true(any.size_bytes + 2 * max_u64(any.alignment, 2 * MiB) > LAYOUT_IMAGE_BYTES);
            continue;
        }
        assert_true(address >= LAYOUT_IMAGE_START);
        assert_true(any.size_bytes <= LAYOUT_IMAGE_BYTES - (address - LAYOUT_IMAGE_START));
        assert_true(is_aligned(address - any.base, any.alignment));
        address_space_align_image(&any, &alignment, &phase);
        assert_true(is_aligned(address - phase, alignment));
        assert_int_equal(alignment, any.size_bytes < 2 * MiB ? PAGE_SIZE : 2 * MiB);
    }
}

static void images_without_a_slide(void **state)
{
    /* nokaslr leaves an image where it was linked, or at the start of the window; one that is fixed
     * stays in any case; one that is too large is refused. */
    struct elf_image any = { .size_bytes = 0x5000, .alignment = PAGE_SIZE, .relocatable = true };
    uint64_t address = 1;

    (void)state;
    any.base = LAYOUT_IMAGE_START + MiB;
    assert_int_equal(address_space_place_image(&any, false, 99, &address), STATUS_OK);
    assert_int_equal(address, any.base);
    any.base = 0;
    assert_int_equal(address_space_place_image(&any, false, 99, &address), STATUS_OK);
    assert_int_equal(address, LAYOUT_IMAGE_START);
    any.base = 0xffffffffc0001000u;
    any.relocatable = false;
    assert_int_equal(address_space_place_image(&any, true, 99, &address), STATUS_OK);
    assert_int_equal(address, any.base);
    any = (struct elf_image){ LAYOUT_IMAGE_START + MiB, GiB, PAGE_SIZE, .relocatable = true };
    assert_int_equal(address_space_place_image(&any, true, 99, &address), STATUS_NO_SPACE);
}

static void images_slide_all_over(void **state)
{
    /* A small image may come to lie at the first and at the last place of its window. */
    struct elf_image any = { 0, 2 * PAGE_SIZE, PAGE_SIZE, .relocatable = true };
    uint64_t places = LAYOUT_IMAGE_BYTES / PAGE_SIZE - 1;
    uint64_t address;

    (void)state;
    assert_int_equal(address_space_place_image(&any, true, places, &address), STATUS_OK);
    assert_int_equal(address, LAYOUT_IMAGE_START);
    assert_int_equal(address_space_place_image(&any, true, places - 1, &address), STATUS_OK);
    assert_int_equal(address, LAYOUT_IMAGE_START + LAYOUT_IMAGE_BYTES - any.size_bytes);
}

static void direct_map_stays_in_its_window(void **state)
{
    /* However much RAM there is, its map begins at a whole GiB and ends within the window. */
    uint64_t seed = 3;

    (void)state;
    for (unsigned bits = 20; bits <= 52; bits++) {
        uint64_t ram_end = ((uint64_t)1 << bits) - PAGE_SIZE;

        assert_int_equal(address_space_place_direct_map(ram_end, false, 123),
                         LAYOUT_DIRECT_MAP_START);
        for (unsigned i = 0; i < 1000; i++) {
            uint64_t base = address_space_place_direct_map(ram_end, true, next_random(&seed));
            uint64_t offset = base - LAYOUT_DIRECT_MAP_START;

            assert_true(is_aligned(base, GiB));
            assert_true(offset + min_u64(ram_end, LAYOUT_DIRECT_MAP_BYTES) <=
                        LAYOUT_DIRECT_MAP_BYTES);
        }
    }
}

static void memory_beyond_the_window_is_left_out(void **state)
{
    /* RAM that the direct map cannot hold is not part of any run, and a run is cut there. */
    static const struct region high[] = {
        RAM(GiB, 2 * GiB, E820_USABLE, REGION_TAG_NONE),
        RAM(64 * TiB - GiB, 64 * TiB + GiB, E820_USABLE, REGION_TAG_NONE),
        RAM(65 * TiB, 66 * TiB, E820_USABLE, REGION_TAG_NONE),
    };
    size_t index = 0;
    uint64_t start;
    uint64_t end;

    (void)state;
    assert_true(address_space_next_ram(high, 3, &index, &start, &end));
    assert_int_equal(end, 2 * GiB);
    assert_true(address_space_next_ram(high, 3, &index, &start, &end));
    assert_int_equal(start, 64 * TiB - GiB);
    assert_int_equal(end, 64 * TiB);
    assert_false(address_space_next_ram(high, 3, &index, &start, &end));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(direct_map_is_ram),
        cmocka_unit_test(image_has_its_segments_rights),
        cmocka_unit_test(stack_stands_between_guards),
        cmocka_unit_test(framebuffer_combines_writes),
        cmocka_unit_test(only_the_jump_is_in_the_lower_half),
        cmocka_unit_test(nothing_is_writable_and_executable),
        cmocka_unit_test(large_leaves_are_used),
        cmocka_unit_test(every_failing_allocation),
        cmocka_unit_test(headless_machines),
        cmocka_unit_test(images_stay_in_their_window),
        cmocka_unit_test(images_without_a_slide),
        cmocka_unit_test(images_slide_all_over),
        cmocka_unit_test(direct_map_stays_in_its_window),
        cmocka_unit_test(memory_beyond_the_window_is_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
