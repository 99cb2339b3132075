/* SPDX-License-Identifier: BSD-2-Clause
 *
 * maps.c - every memory map of up to three entries over a small domain.
 *
 * The world has four pages of two atoms; its limit lies after three. An entry says of each atom how strict
 * it is, from 0 (nothing) to 8 (unusable), one byte an atom: that is all that the model knows of it, made
 * once for each entry of the domain. A case is one maximum of three such words, atom by atom; a page is
 * as strict as its stricter atom, but nothing at all when one atom is usable and the other is nothing. The rows
 * of the sanitised table must say the same of every page, and hold every invariant.
 *
 *     UEFI     7 starts (pages 0 to 4, half a page, the last page below 2^64) x sizes 0 to 3 pages and one
 *              that wraps x 20 kinds (all types, a private one, conventional memory by attributes)
 *     E820     starts and sizes in half pages x 9 types, and one entry that wraps for each type
 */
#include <string.h>

#include "boot/efi_memory.h"
#include "exhaust.h"
#include "lib/bits.h"
#include "mm/memmap.h"
#include "tests/unit/strictness.h"

#define PAGES       4u
#define ATOM        (PAGE_SIZE / 2)
#define ATOMS       (2u * PAGES)
#define LIMIT_PAGES 3u
#define ENTRIES     3u
#define DOMAIN_MAX  1024u

/* What it is to be told, and what it means. */
struct choice {
    uint8_t strict[ATOMS];
    union {
        struct efi_memory_descriptor efi;
        struct e820_entry e820;
    };
};

/* --- the domain -------------------------------------------------------------------------- */

/* A range of bytes; one that wraps is cut at the limit, or nothing where it says usable. */
static void mark(struct choice *choice, unsigned strictness, uint64_t start, uint64_t size,
                 bool wraps)
{
    for (unsigned i = 0; i < ATOMS; i++) {
        uint64_t at = i * ATOM;
        bool inside =
            wraps ? strictness != STRICT_USABLE && at >= start : at >= start && at - start < size;

        choice->strict[i] = inside ? (uint8_t)strictness : 0;
    }
}

struct kind {
    uint32_t type;
    uint64_t attribute;
};

#define WB EFI_ATTRIBUTE_WB
static const struct kind kinds[] = {
    { EFI_TYPE_RESERVED, WB },
    { EFI_TYPE_LOADER_CODE, WB },
    { EFI_TYPE_LOADER_DATA, WB },
    { EFI_TYPE_BOOT_SERVICES_CODE, WB },
    { EFI_TYPE_BOOT_SERVICES_DATA, WB },
    { EFI_TYPE_RUNTIME_SERVICES_CODE, WB },
    { EFI_TYPE_RUNTIME_SERVICES_DATA, WB },
    { EFI_TYPE_CONVENTIONAL, WB },
    { EFI_TYPE_UNUSABLE, WB },
    { EFI_TYPE_ACPI_RECLAIM, WB },
    { EFI_TYPE_ACPI_NVS, WB },
    { EFI_TYPE_MMIO, WB },
    { EFI_TYPE_MMIO_PORT_SPACE, WB },
    { EFI_TYPE_PAL_CODE, WB },
    { EFI_TYPE_PERSISTENT, WB },
    { EFI_TYPE_UNACCEPTED, WB },
    { 0x80000001, WB },
    { EFI_TYPE_CONVENTIONAL, 0 },
    { EFI_TYPE_CONVENTIONAL, WB | EFI_ATTRIBUTE_SP },
    { EFI_TYPE_CONVENTIONAL, WB | EFI_ATTRIBUTE_RUNTIME },
};

static size_t efi_domain(struct choice *choices)
{
    static const uint64_t starts[] = {
        0, PAGE_SIZE, 2 * PAGE_SIZE, 3 * PAGE_SIZE, 4 * PAGE_SIZE, ATOM, UINT64_MAX - PAGE_MASK
    };
    static const uint64_t sizes[] = { 0, 1, 2, 3, (uint64_t)1 << 52 };
    size_t count = 0;

    for (size_t kind = 0; kind < ARRAY_COUNT(kinds); kind++)
        for (size_t start = 0; start < ARRAY_COUNT(starts); start++)
            for (size_t size = 0; size < ARRAY_COUNT(sizes); size++) {
                struct choice *choice = &choices[count++];
                uint64_t bytes = sizes[size] * PAGE_SIZE;
                bool wraps =
                    sizes[size] != 0 && (bytes == 0 || starts[start] > UINT64_MAX - (bytes - 1));

                choice->efi = (struct efi_memory_descriptor){ .type = kinds[kind].type,
                                                              .physical_start = starts[start],
                                                              .page_count = sizes[size],
                                                              .attribute = kinds[kind].attribute };
                mark(choice, efi_strictness(&choice->efi), starts[start], bytes, wraps);
            }
    return count;
}

static size_t e820_domain(struct choice *choices)
{
    size_t count = 0;

    for (unsigned strictness = 1; strictness <= STRICT_END; strictness++) {
        unsigned known = strictness < STRICT_END ? strictness : STRICT_RESERVED;
        uint32_t type = strictness < STRICT_END ? by_strictness[strictness] : 99;

        for (unsigned start = 0; start < ATOMS; start++)
            for (unsigned end = start; end <= ATOMS; end++) {
                choices[count].e820 =
                    (struct e820_entry){ start * ATOM, (end - start) * ATOM, type, 1 };
                mark(&choices[count++], known, start * ATOM, (end - start) * ATOM, false);
            }
        choices[count].e820 = (struct e820_entry){ 5 * ATOM, UINT64_MAX, type, 1 };
        mark(&choices[count++], known, 5 * ATOM, 0, true);
    }
    return count;
}

/* --- one case ---------------------------------------------------------------------------- */

static unsigned atom_strictness(const struct choice *const *entries, size_t count, unsigned atom)
{
    unsigned strictest = 0;

    for (size_t i = 0; i < count; i++)
        if (entries[i]->strict[atom] > strictest)
            strictest = entries[i]->strict[atom];
    return strictest;
}

static uint32_t model_type(const struct choice *const *entries, size_t count, unsigned page)
{
    unsigned a = atom_strictness(entries, count, 2 * page);
    unsigned b = atom_strictness(entries, count, 2 * page + 1);
    unsigned strictest = a > b ? a : b;

    return strictest == STRICT_USABLE && a != b ? 0 : by_strictness[strictest];
}

static void check(const struct memmap *map, const struct choice *const *entries, size_t count)
{
    size_t row = 0;
    size_t bad_row;

    EXHAUST_CHECK(memmap_validate(map, &bad_row) == STATUS_OK);
    for (unsigned page = 0; page < PAGES; page++) {
        uint64_t at = page * PAGE_SIZE;
        bool inside;

        while (row < map->count && map->regions[row].base + map->regions[row].size_bytes <= at)
            row++;
        inside = row < map->count && map->regions[row].base <= at;
        EXHAUST_CHECK((inside ? map->regions[row].type : 0) ==
                      (page < LIMIT_PAGES ? model_type(entries, count, page) : 0));
    }
    EXHAUST_CHECK(map->count == 0 || map->regions[map->count - 1].base < LIMIT_PAGES * PAGE_SIZE);
}

static void try(const struct choice *const *entries, size_t count, bool is_efi)
{
    static struct region rows[2 * ENTRIES];
    struct memmap map;

    memmap_init(&map, rows, 2 * count, NULL, 0, LIMIT_PAGES * PAGE_SIZE);
    for (size_t i = 0; i < count; i++)
        EXHAUST_CHECK(
            (is_efi ? memmap_add_efi(&map, &entries[i]->efi, sizeof(entries[i]->efi),
                                     sizeof(entries[i]->efi))
                    : memmap_add_e820(&map, entries[i]->e820.base, entries[i]->e820.size_bytes,
                                      entries[i]->e820.type)) == STATUS_OK);
    EXHAUST_CHECK(memmap_sanitise(&map) == STATUS_OK);
    check(&map, entries, count);
}

/* --- all cases --------------------------------------------------------------------------- */

/* A short run has every pair, but of the third entries only one in STRIDE. */
#define STRIDE 397u

static uint64_t try_all(const struct exhaust_part *part, const struct choice *choices,
                        size_t domain, bool is_efi)
{
    const struct choice *entries[ENTRIES] = { NULL };
    uint64_t cases = 0;

    if (part->shard == 0)
        try(entries, 0, is_efi);
    for (size_t a = part->shard; a < domain; a += part->shards) {
        entries[0] = &choices[a];
        try(entries, 1, is_efi);
        for (size_t b = 0; b < domain; b++) {
            size_t step = part->is_long ? 1 : STRIDE;

            entries[1] = &choices[b];
            try(entries, 2, is_efi);
            for (size_t c = part->is_long ? 0 : (a + b) % STRIDE; c < domain; c += step, cases++) {
                entries[2] = &choices[c];
                try(entries, 3, is_efi);
            }
            cases++;
        }
        cases++;
    }
    return cases + (part->shard == 0);
}

uint64_t exhaust_efi_maps(const struct exhaust_part *part)
{
    static struct choice choices[DOMAIN_MAX];

    return try_all(part, choices, efi_domain(choices), true);
}

uint64_t exhaust_e820_maps(const struct exhaust_part *part)
{
    static struct choice choices[DOMAIN_MAX];

    return try_all(part, choices, e820_domain(choices), false);
}
