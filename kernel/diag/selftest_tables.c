/* SPDX-License-Identifier: BSD-2-Clause
 *
 * selftest_tables.c - the kernel's page tables are what they are meant to be.
 *
 * The tables are walked, not the records of who mapped what: what is checked here is what the
 * processor sees. All RAM appears in the direct map, at its address, writable (but for the image's
 * text and constants) and never executable; nothing else does. The image has text, read-only data
 * and data, each with its own rights. Nothing lies in the lower half.
 */

#include "diag/selftest_case.h"
#include "arch/mmu.h"
#include "lib/bits.h"
#include "mm/layout.h"
#include "mm/memmap.h"
#include "mm/paging.h"

#define RIGHTS (PT_WRITE | PT_EXECUTE | PT_USER | PT_CACHE_MASK)

/* What a mapping with `rights` shows: a processor without NX executes everything. */
static unsigned data_rights(unsigned rights)
{
    return rights | PT_WRITE_BACK | (paging_kernel_table()->no_execute ? 0 : PT_EXECUTE);
}

/* --- the direct map -------------------------------------------------------------------------- */

/* A stretch of physical memory, compared with what is mapped for it, from its start on. */
struct stretch {
    struct selftest *test;
    uint64_t next; /* the address that the next run must begin at */
};

/* Whether the direct map is the image's own window there: check_image() looks at its rights. */
static bool is_image_window(vaddr_t address)
{
    return va_value(address) - LAYOUT_IMAGE_START < LAYOUT_IMAGE_BYTES;
}

/* Writable, but for the text and the constants of the image, which nobody may change. */
static bool has_direct_rights(const struct handoff *handoff, const struct pt_mapping *run)
{
    bool in_image =
        pa_value(run->target) >= handoff->kernel_base &&
        pa_value(run->target) + run->size_bytes <= handoff->kernel_base + handoff->kernel_bytes;
    unsigned rights = run->flags & RIGHTS;

    return rights == data_rights(PT_WRITE) ||
           (in_image && (rights == data_rights(0) || is_image_window(run->address)));
}

static bool check_direct_run(void *context, const struct pt_mapping *run)
{
    struct stretch *stretch = context;
    vaddr_t expected = va_of(arch_phys_ptr(pa(stretch->next)));

    (void)selftest_check(stretch->test,
                         va_equal(run->address, expected) && pa_value(run->target) == stretch->next,
                         "the direct map has no RAM at 0x%llx", (unsigned long long)stretch->next);
    (void)selftest_check(stretch->test, has_direct_rights(stretch->test->machine->handoff, run),
                         "the direct map's rights at 0x%llx are 0x%x",
                         (unsigned long long)pa_value(run->target), run->flags);
    stretch->next += run->size_bytes;
    return !stretch->test->failed;
}

static bool check_nothing(void *context, const struct pt_mapping *run)
{
    struct selftest *test = context;

    return selftest_check(test, false, "0x%llx is mapped, to 0x%llx",
                          (unsigned long long)va_value(run->address),
                          (unsigned long long)pa_value(run->target));
}

/* One past the highest physical address that has a place in the direct map. A direct map that was
 * slid has fewer places above it, and a window of PCI may lie beyond the last. */
static uint64_t direct_map_end(void)
{
    uintptr_t base = va_value(va_of(arch_phys_ptr(pa(0))));

    return min_u64(LAYOUT_DIRECT_MAP_START + LAYOUT_DIRECT_MAP_BYTES - base, arch_direct_end());
}

static void check_unmapped(struct selftest *test, uint64_t base, uint64_t end)
{
    if (base < end)
        pt_visit(paging_kernel_table(), va_of(arch_phys_ptr(pa(base))), (size_t)(end - base),
                 check_nothing, test);
}

static void check_direct_map(struct selftest *test)
{
    const struct memmap *map = &test->machine->map;
    uint64_t limit = direct_map_end();
    uint64_t end = 0;

    for (size_t i = 0; i < map->count && !test->failed; i++) {
        const struct region *row = &map->regions[i];
        struct stretch stretch = { test, row->base };

        if (row->base >= limit)
            break;
        check_unmapped(test, end, row->base);
        end = min_u64(row->base + row->size_bytes, limit);
        if (!region_is_ram(row)) {
            check_unmapped(test, row->base, end);
            continue;
        }
        pt_visit(paging_kernel_table(), va_of(arch_phys_ptr(pa(row->base))),
                 (size_t)(end - row->base), check_direct_run, &stretch);
        (void)selftest_check(test, stretch.next == end, "the direct map ends at 0x%llx, not 0x%llx",
                             (unsigned long long)stretch.next, (unsigned long long)end);
    }
}

/* --- the image ------------------------------------------------------------------------------- */

static void check_rights(struct selftest *test, vaddr_t address, unsigned rights, const char *what)
{
    struct pt_mapping leaf;
    char text[16];

    if (!selftest_ok(test, pt_query(paging_kernel_table(), address, &leaf), what))
        return;
    pt_flags_text(leaf.flags, text);
    (void)selftest_check(test, (leaf.flags & RIGHTS) == rights, "%s is %s", what, text);
}

static void check_image(struct selftest *test)
{
    static const char constant[] = "read-only data";
    static char variable[] = "data";

    check_rights(test, va((uintptr_t)check_image), PT_EXECUTE, "the kernel's text");
    check_rights(test, va_of(constant), data_rights(0), constant);
    check_rights(test, va_of(variable), data_rights(PT_WRITE), variable);
}

/* What must never be mapped is refused. */
static void check_refusals(struct selftest *test)
{
    vaddr_t address = va(LAYOUT_AREAS_START);
    paddr_t target = arch_ptr_phys(arch_phys_ptr(paging_kernel_table()->root));
    enum status status = paging_map(address, target, PAGE_SIZE, PT_WRITE | PT_EXECUTE);

    (void)selftest_check(test, status == STATUS_DENIED, "mapping W+X: %s", status_name(status));
    status = paging_map(va(PAGE_SIZE), target, PAGE_SIZE, 0);
    (void)selftest_check(test, status == STATUS_INVALID, "mapping the lower half: %s",
                         status_name(status));
}

void selftest_tables(struct selftest *test)
{
    (void)selftest_ok(test, paging_audit(), "the audit of all tables");
    pt_visit(paging_kernel_table(), va(0), LAYOUT_KERNEL_HALF, check_nothing, test);
    check_direct_map(test);
    check_image(test);
    check_refusals(test);
}
