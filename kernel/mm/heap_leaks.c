/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_leaks.c - who holds what: live records, summed up by place and tag.
 */
#include "heap_debug_private.h"
#include "heap_record.h"

uint32_t heap_leaks_mark(void)
{
    irq_state_t state = spin_lock(&heap_records_lock);
    uint32_t mark = 0;

    for (uint32_t number = 1; number < heap_records_end; number++)
        if (heap_records[number].sequence > mark)
            mark = heap_records[number].sequence;
    spin_unlock(&heap_records_lock, state);
    return mark;
}

static void add(struct heap_leak *row, const struct heap_record *record)
{
    row->objects++;
    row->bytes += record->size_bytes;
}

/* The row of a record's place and tag; a new one where there is room, else NULL. */
static struct heap_leak *row_of(const struct heap_record *record, struct heap_leak *rows,
                                unsigned *count, unsigned most)
{
    for (unsigned i = 0; i < *count; i++)
        if (rows[i].site == record->alloc_site && rows[i].tag == (enum heap_tag)record->tag)
            return &rows[i];
    if (*count == most)
        return NULL;
    rows[*count] =
        (struct heap_leak){ .site = record->alloc_site, .tag = (enum heap_tag)record->tag };
    return &rows[(*count)++];
}

/* Most bytes first; by insertion, since rows are few. */
static void sort(struct heap_leak *rows, unsigned count)
{
    for (unsigned i = 1; i < count; i++) {
        struct heap_leak row = rows[i];
        unsigned at = i;

        for (; at > 0 && rows[at - 1].bytes < row.bytes; at--)
            rows[at] = rows[at - 1];
        rows[at] = row;
    }
}

unsigned heap_leaks(uint32_t mark, struct heap_leak *rows, unsigned most, struct heap_leak *rest)
{
    unsigned count = 0;

    *rest = (struct heap_leak){ 0 };
    for (uint32_t number = 1; number < heap_records_end; number++) {
        irq_state_t state = spin_lock(&heap_records_lock);
        const struct heap_record *record = &heap_records[number];

        if (record->state == HEAP_RECORD_LIVE && record->sequence > mark) {
            struct heap_leak *row = row_of(record, rows, &count, most);

            add(row != NULL ? row : rest, record);
        }
        spin_unlock(&heap_records_lock, state);
    }
    sort(rows, count);
    return count;
}
