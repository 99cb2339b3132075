/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_damage.c - canaries and fillings, compared.
 */
#include "heap_damage.h"

#include "heap_block.h"
#include "lib/log.h"
#include "mm/shadow.h"

static size_t damages; /* atomic */

struct span {
    uint8_t *at;
    size_t size;
};

void heap_damage_init(void)
{
    damages = 0;
}

/* From the block's first byte that is mapped to the object. */
static struct span span_before(const struct heap_record *record)
{
    size_t unmapped = (record->flags & HEAP_GUARDED) != 0 ? PAGE_SIZE : 0;

    return (struct span){ va_ptr(va(record->start + unmapped)), record->lead_bytes - unmapped };
}

/* From the object's end to the last byte that is mapped. */
static struct span span_behind(const struct heap_record *record)
{
    size_t unmapped = (record->flags & HEAP_GUARDED) != 0 ? PAGE_SIZE : 0;
    size_t used = record->lead_bytes + heap_block_room(record);

    return (struct span){ va_ptr(va(record->start + used)), record->block_bytes - unmapped - used };
}

void heap_damage_write_canaries(const struct heap_record *record)
{
    struct span before = span_before(record);
    struct span behind = span_behind(record);

    heap_canary_write(before.at, before.size);
    heap_canary_write(behind.at, behind.size);
    shadow_close(before.at, before.size, SHADOW_AROUND);
    shadow_close(behind.at, behind.size, SHADOW_AROUND);
}

/* "byte 3 behind the object of 64 bytes at 0x..." was changed. */
static void report(const struct heap_record *record, const char *what, size_t offset,
                   const char *where, const char *found)
{
    char places[160];

    heap_record_places(record, places, sizeof(places));
    __atomic_fetch_add(&damages, 1, __ATOMIC_RELAXED);
    heap_event_note(HEAP_EVENT_DAMAGE, (uintptr_t)heap_record_object(record), record->size_bytes,
                    (enum heap_tag)record->tag, record->alloc_site);
    log_error("heap: %s: byte %zu %s the object of %zu bytes at %p was written%s; found %s", what,
              offset, where, record->size_bytes, heap_record_object(record), places, found);
}

/* The lower canary is compared downwards: the byte next to the object is byte 1. */
static bool check_before(const struct heap_record *record, const char *found)
{
    struct span span = span_before(record);
    size_t distance = 1;

    if (heap_canary_check(span.at, span.size) == span.size)
        return true;
    while (heap_canary_check(span.at + span.size - distance, 1) == 1)
        distance++;
    report(record, "underflow", distance, "before", found);
    return false;
}

static bool check_behind(const struct heap_record *record, const char *found)
{
    struct span span = span_behind(record);
    size_t good = heap_canary_check(span.at, span.size);

    if (good == span.size)
        return true;
    report(record, "overflow", good + 1, "behind", found);
    return false;
}

bool heap_damage_check_canaries(const struct heap_record *record, const char *found)
{
    bool before, behind;

    if (!record->canaries)
        return true;
    before = check_before(record, found);
    behind = check_behind(record, found);
    if (!before || !behind)
        heap_damage_write_canaries(record);
    return before && behind;
}

bool heap_damage_check_fill(uint32_t number, const char *found)
{
    const struct heap_record *record = &heap_records[number];
    size_t size = heap_block_room(record);
    void *object = heap_record_object(record);
    size_t good;

    if (record->fill == HEAP_FILL_NONE)
        return true;
    good = heap_fill_check(object, size, (enum heap_fill)record->fill, number);
    if (good == size)
        return true;
    report(record, "write after free", good + 1, "of", found);
    heap_fill_write(object, size, (enum heap_fill)record->fill, number);
    return false;
}

size_t heap_damage_count(void)
{
    return __atomic_load_n(&damages, __ATOMIC_RELAXED);
}
