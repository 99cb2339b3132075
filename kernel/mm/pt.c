/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pt.c - page tables: the checks in front of the walker, and what needs no walk.
 *
 * Every request is checked here, once, whatever the format; the walkers trust what they get. A
 * request that passes is whole pages, does not wrap, lies in one half of the space and stays
 * within the physical addresses that format and processor know, so that the walkers need no
 * check of their own and no arithmetic of theirs can overflow.
 */
#include "mm/pt.h"

#include "lib/bits.h"
#include "pt_format.h"

/* --- checks ------------------------------------------------------------------------------ */

static enum status check_range(const struct page_table *table, vaddr_t address, size_t size_bytes)
{
    uintptr_t first = va_value(address);
    uintptr_t last = first + (size_bytes - 1);
    uintptr_t end = (uintptr_t)table->format->lower_end;

    if (((first | size_bytes) & PAGE_MASK) != 0)
        return STATUS_NOT_ALIGNED;
    if (size_bytes == 0 || last < first)
        return STATUS_INVALID;
    if (!pt_canonical(table->format, address) || !pt_canonical(table->format, va(last)))
        return STATUS_INVALID;
    if (first < end && last >= end)
        return STATUS_INVALID;
    return STATUS_OK;
}

static enum status check_target(const struct page_table *table, paddr_t target, size_t size_bytes)
{
    uint64_t bits = min_u64(table->physical_bits, table->format->physical_bits);
    uint64_t limit = (uint64_t)1 << bits;

    if (!pa_page_aligned(target))
        return STATUS_NOT_ALIGNED;
    if (size_bytes > limit || pa_value(target) > limit - size_bytes)
        return STATUS_INVALID;
    return STATUS_OK;
}

/* Without PAT, WC's number means write-through, and bit 7 of an entry must be 0. A screen is better
 * off uncached than cached; write-through has its own bit. */
static unsigned without_pat(unsigned flags)
{
    unsigned type = flags & PT_CACHE_MASK;

    if (type == PT_WRITE_COMBINING)
        type = PT_UNCACHED_MINUS;
    else if (type == PT_WRITE_THROUGH)
        type = PT_WRITE_COMBINING; /* the number of PWT alone */
    return (flags & ~(unsigned)PT_CACHE_MASK) | type;
}

/* W^X, then what the processor's lack of NX and PAT implies. `allowed` are the flags one may
 * choose. */
static enum status check_flags(const struct page_table *table, unsigned *flags, unsigned allowed)
{
    if ((*flags & PT_WRITE) != 0 && (*flags & PT_EXECUTE) != 0)
        return STATUS_DENIED;
    if ((*flags & PT_CACHE_MASK) > PT_WRITE_THROUGH)
        return STATUS_INVALID;
    *flags &= allowed;
    if (!table->no_execute)
        *flags |= PT_EXECUTE;
    if (table->no_pat)
        *flags = without_pat(*flags);
    return STATUS_OK;
}

static uint64_t pages_of(size_t size_bytes)
{
    return (uint64_t)size_bytes >> PAGE_SHIFT;
}

/* --- formats ----------------------------------------------------------------------------- */

const char *pt_format_name(const struct pt_format *format)
{
    return format->name;
}

unsigned pt_format_levels(const struct pt_format *format)
{
    return format->levels;
}

uint64_t pt_format_span(const struct pt_format *format, unsigned level)
{
    if (level < 1 || level > format->levels)
        return 0;
    return pt_span_pages(format, level) << PAGE_SHIFT;
}

unsigned pt_format_largest_leaf(const struct pt_format *format)
{
    return format->largest_leaf;
}

unsigned pt_format_physical_bits(const struct pt_format *format)
{
    return format->physical_bits;
}

vaddr_t pt_format_lower_end(const struct pt_format *format)
{
    return va((uintptr_t)format->lower_end);
}

vaddr_t pt_format_upper_half(const struct pt_format *format)
{
    return va((uintptr_t)format->upper_start);
}

bool pt_canonical(const struct pt_format *format, vaddr_t address)
{
    uint64_t value = va_value(address);

    return value < format->lower_end || (value >= format->upper_start && value <= format->last);
}

bool pt_format_keeps_root(const struct pt_format *format)
{
    return format->whole_root;
}

/* --- a table as a whole ------------------------------------------------------------------ */

/* Whole halves, as ranges for a walk. */
struct half {
    uintptr_t first;
    uint64_t pages;
};

static struct half lower_half(const struct pt_format *format)
{
    return (struct half){ 0, format->lower_end >> PAGE_SHIFT };
}

static struct half upper_half(const struct pt_format *format)
{
    uint64_t pages = ((format->last - format->upper_start) >> PAGE_SHIFT) + 1;

    return (struct half){ (uintptr_t)format->upper_start, pages };
}

static enum status reserve_half(struct page_table *table, struct half half)
{
    return table->format->operations->reserve_top(table, half.first, half.pages);
}

enum status pt_create(struct page_table *table)
{
    paddr_t root;
    enum status status = table->memory->alloc(table->memory->context, &root);

    if (status != STATUS_OK)
        return status;
    table->root = root;
    if (!table->format->whole_root)
        return STATUS_OK;
    table->keeps_top = true;
    status = reserve_half(table, lower_half(table->format));
    if (status == STATUS_OK)
        status = reserve_half(table, upper_half(table->format));
    if (status != STATUS_OK)
        pt_destroy(table);
    return status;
}

void pt_destroy(struct page_table *table)
{
    const struct pt_operations *operations = table->format->operations;
    struct half lower = lower_half(table->format);
    struct half upper = upper_half(table->format);

    operations->free_tables(table, lower.first, lower.pages);
    if (!table->shares_upper)
        operations->free_tables(table, upper.first, upper.pages);
    table->memory->free(table->memory->context, table->root);
    table->root = pa(0);
}

enum status pt_reserve_top(struct page_table *table, vaddr_t address, size_t size_bytes)
{
    enum status status = check_range(table, address, size_bytes);

    if (status != STATUS_OK)
        return status;
    return table->format->operations->reserve_top(table, va_value(address), pages_of(size_bytes));
}

void pt_share_upper(struct page_table *table, const struct page_table *owner)
{
    const struct pt_format *format = table->format;
    uint64_t pages = ((format->top - format->upper_start) >> PAGE_SHIFT) + 1;

    format->operations->share_top(table, owner, (uintptr_t)format->upper_start, pages);
    table->shares_upper = true;
}

/* --- changes ----------------------------------------------------------------------------- */

enum status pt_map(struct page_table *table, vaddr_t address, paddr_t target, size_t size_bytes,
                   unsigned flags)
{
    enum status status = check_range(table, address, size_bytes);

    if (status == STATUS_OK)
        status = check_target(table, target, size_bytes);
    if (status == STATUS_OK)
        status = check_flags(table, &flags, PT_RIGHTS | PT_SMALL | PT_OWNED);
    if (status != STATUS_OK)
        return status;
    return table->format->operations->map(table, va_value(address), pages_of(size_bytes),
                                          pa_value(target), flags);
}

enum status pt_split(struct page_table *table, vaddr_t address, size_t size_bytes,
                     struct tlb_batch *batch)
{
    enum status status = check_range(table, address, size_bytes);

    if (status != STATUS_OK)
        return status;
    return table->format->operations->split(table, va_value(address), pages_of(size_bytes), batch);
}

enum status pt_unmap(struct page_table *table, vaddr_t address, size_t size_bytes,
                     struct tlb_batch *batch)
{
    const struct pt_operations *operations = table->format->operations;
    enum status status = pt_split(table, address, size_bytes, batch);

    if (status != STATUS_OK)
        return status;
    operations->kill(table, va_value(address), pages_of(size_bytes), batch);
    if (batch != NULL)
        tlb_batch_bury(batch, address, size_bytes);
    else
        operations->bury(table, va_value(address), pages_of(size_bytes), NULL);
    return STATUS_OK;
}

enum status pt_protect(struct page_table *table, vaddr_t address, size_t size_bytes, unsigned flags,
                       struct tlb_batch *batch)
{
    const struct pt_operations *operations = table->format->operations;
    enum status status = check_range(table, address, size_bytes);

    if (status == STATUS_OK)
        status = check_flags(table, &flags, PT_RIGHTS);
    if (status == STATUS_OK)
        status = operations->split(table, va_value(address), pages_of(size_bytes), batch);
    if (status != STATUS_OK)
        return status;
    operations->protect(table, va_value(address), pages_of(size_bytes), flags, batch);
    return STATUS_OK;
}

enum status pt_forget(struct page_table *table, vaddr_t address, size_t size_bytes, unsigned flags,
                      struct tlb_batch *batch, uint64_t *pages)
{
    enum status status = check_range(table, address, size_bytes);

    if (status == STATUS_OK && (flags & ~(unsigned)(PT_ACCESSED | PT_DIRTY)) != 0)
        status = STATUS_INVALID;
    if (status != STATUS_OK)
        return status;
    *pages = table->format->operations->forget(table, va_value(address), pages_of(size_bytes),
                                               flags, batch);
    return STATUS_OK;
}

enum status pt_replace(struct page_table *table, vaddr_t address, paddr_t target, unsigned flags,
                       struct tlb_batch *batch, paddr_t *old)
{
    struct pt_mapping mapping;
    enum status status = check_range(table, address, PAGE_SIZE);

    if (status == STATUS_OK)
        status = check_target(table, target, PAGE_SIZE);
    if (status == STATUS_OK)
        status = check_flags(table, &flags, PT_RIGHTS | PT_OWNED);
    if (status == STATUS_OK)
        status = pt_query(table, address, &mapping);
    if (status == STATUS_OK)
        status = table->format->operations->split(table, va_value(address), 1, batch);
    if (status != STATUS_OK)
        return status;
    *old = table->format->operations->replace(table, va_value(address), pa_value(target), flags);
    if (batch != NULL)
        tlb_batch_add(batch, address, PAGE_SIZE);
    return STATUS_OK;
}

size_t pt_merge(struct page_table *table, vaddr_t address, size_t size_bytes,
                struct tlb_batch *batch)
{
    if (check_range(table, address, size_bytes) != STATUS_OK)
        return 0;
    return table->format->operations->merge(table, va_value(address), pages_of(size_bytes), batch);
}

/* --- looking ----------------------------------------------------------------------------- */

enum status pt_query(const struct page_table *table, vaddr_t address, struct pt_mapping *mapping)
{
    if (!pt_canonical(table->format, address))
        return STATUS_INVALID;
    return table->format->operations->query(table, va_value(address), mapping);
}

enum status pt_translate(const struct page_table *table, vaddr_t address, paddr_t *target)
{
    if (!pt_canonical(table->format, address))
        return STATUS_INVALID;
    return table->format->operations->translate(table, va_value(address), target);
}

unsigned pt_explain(const struct page_table *table, vaddr_t address,
                    struct pt_step steps[PT_MAX_LEVELS])
{
    if (!pt_canonical(table->format, address))
        return 0;
    return table->format->operations->explain(table, va_value(address), steps);
}

/* The pages of [first, last] that lie in `half`, visited. False when the visitor wants no more. */
static bool visit_half(const struct page_table *table, struct half half, uintptr_t first,
                       uintptr_t last, bool (*visit)(void *context, const struct pt_mapping *run),
                       void *context)
{
    uintptr_t half_last = half.first + (uintptr_t)((half.pages << PAGE_SHIFT) - 1);
    uintptr_t from = first > half.first ? first : half.first;
    uintptr_t to = last < half_last ? last : half_last;

    if (from > to)
        return true;
    return table->format->operations->visit(table, from, ((uint64_t)(to - from) >> PAGE_SHIFT) + 1,
                                            visit, context);
}

void pt_visit(const struct page_table *table, vaddr_t start, size_t size_bytes,
              bool (*visit)(void *context, const struct pt_mapping *run), void *context)
{
    uintptr_t first = va_value(start) & ~(uintptr_t)PAGE_MASK;
    uintptr_t last = va_value(start) + (size_bytes - 1);

    if (size_bytes == 0)
        return;
    if (last < va_value(start))
        last = UINTPTR_MAX;
    last |= PAGE_MASK;
    if (visit_half(table, lower_half(table->format), first, last, visit, context))
        visit_half(table, upper_half(table->format), first, last, visit, context);
}

size_t pt_count_tables(const struct page_table *table)
{
    const struct pt_operations *operations = table->format->operations;
    struct half lower = lower_half(table->format);
    struct half upper = upper_half(table->format);
    size_t count = 1 + operations->count_tables(table, lower.first, lower.pages);

    if (!table->shares_upper)
        count += operations->count_tables(table, upper.first, upper.pages);
    return count;
}

void pt_flags_text(unsigned flags, char text[16])
{
    static const char *const cache_names[] = {
        "", " wc", " uc-", " uc", " wt", " wc", " uc-", " uc"
    };
    const char *cache = cache_names[(flags & PT_CACHE_MASK) >> PT_CACHE_SHIFT];

    *text++ = 'r';
    *text++ = (flags & PT_WRITE) != 0 ? 'w' : '-';
    *text++ = (flags & PT_EXECUTE) != 0 ? 'x' : '-';
    if ((flags & PT_USER) != 0)
        *text++ = 'u';
    while (*cache != '\0')
        *text++ = *cache++;
    *text = '\0';
}
