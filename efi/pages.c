/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pages.c - see pages.h. The list has a fixed size: the number of pieces depends on what the
 * loader does (modules, a dozen buffers, table pools that double), not on the machine.
 */
#include "pages.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "uefi.h"

#define MAX_PIECES   96u
#define LOW_CEILING  (4 * GiB - 1)
#define FIRMWARE_ANY UINT64_MAX

static struct owned_pages pieces[MAX_PIECES];
static size_t piece_count;

static bool grant(uint64_t pages, uint64_t ceiling, uint64_t *base)
{
    EFI_ALLOCATE_TYPE how = ceiling == FIRMWARE_ANY ? AllocateAnyPages : AllocateMaxAddress;
    EFI_PHYSICAL_ADDRESS address = ceiling;

    if (EFI_ERROR(uefi.boot->AllocatePages(how, EfiLoaderData, pages, &address)))
        return false;
    *base = address;
    return true;
}

/* Some firmware gives out page 0, which is good for nothing: NULL points to it. It is held until
 * another piece is found, so that it does not come again. */
static bool grant_above_zero(uint64_t pages, uint64_t ceiling, uint64_t *base)
{
    bool ok;

    if (!grant(pages, ceiling, base))
        return false;
    if (*base != 0)
        return true;
    ok = grant(pages, ceiling, base);
    uefi.boot->FreePages(0, pages);
    return ok;
}

enum status pages_allocate(uint64_t size_bytes, struct page_alignment alignment,
                           enum region_tag tag, paddr_t *base)
{
    uint64_t whole;
    uint64_t pages;
    uint64_t granted;
    uint64_t start;

    if (piece_count == MAX_PIECES)
        return STATUS_NO_SPACE;
    if (!checked_align_up(size_bytes, PAGE_SIZE, &whole) ||
        !checked_add(whole, alignment.alignment - PAGE_SIZE, &pages))
        return STATUS_NO_MEMORY;
    pages >>= PAGE_SHIFT;
    if (!grant_above_zero(pages, LOW_CEILING, &granted) &&
        !grant_above_zero(pages, FIRMWARE_ANY, &granted))
        return STATUS_NO_MEMORY;
    start = granted + ((alignment.phase - granted) & (alignment.alignment - 1));
    pieces[piece_count++] = (struct owned_pages){ pa(start), whole, tag, granted, pages };
    *base = pa(start);
    return STATUS_OK;
}

static struct owned_pages *find(paddr_t base)
{
    for (size_t i = 0; i < piece_count; i++) {
        if (pa_equal(pieces[i].base, base))
            return &pieces[i];
    }
    return NULL;
}

void pages_shrink(paddr_t base, uint64_t size_bytes)
{
    struct owned_pages *piece = find(base);

    if (piece != NULL)
        piece->size_bytes = min_u64(piece->size_bytes, align_up(size_bytes, PAGE_SIZE));
}

void pages_free(paddr_t base)
{
    struct owned_pages *piece = find(base);

    if (piece == NULL)
        return;
    uefi.boot->FreePages(piece->granted_base, piece->granted_pages);
    *piece = pieces[--piece_count];
}

void pages_free_all(void)
{
    while (piece_count > 0)
        pages_free(pieces[0].base);
}

const struct owned_pages *pages_owned(size_t *count)
{
    *count = piece_count;
    return pieces;
}
