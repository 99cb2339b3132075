/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_explain.c - what an address, or the value of a register, has to do with an object.
 *
 * Texts name the object and the places that allocated and freed it. A place is an address in the
 * code; who knows functions (the kernel's symbol table) may register how to print it.
 */
#include "heap_block.h"
#include "heap_debug_private.h"
#include "heap_record.h"
#include "lib/log.h"
#include "lib/string.h"

#define PLACE_BYTES 64u

static heap_place_name *place_name;

void heap_name_places(heap_place_name *name)
{
    place_name = name;
}

void heap_place_text(const void *place, char *text, size_t size)
{
    if (place == NULL)
        print_buffer(text, size, "a place that is not known");
    else if (place_name != NULL)
        (void)place_name(place, text, size);
    else
        print_buffer(text, size, "%p", place);
}

void heap_record_places(const struct heap_record *record, char *text, size_t size)
{
    char allocated[PLACE_BYTES];
    char freed[PLACE_BYTES];

    heap_place_text(record->alloc_site, allocated, sizeof(allocated));
    if (record->state == HEAP_RECORD_LIVE || record->free_site == NULL) {
        print_buffer(text, size, "; allocated at %s", allocated);
        return;
    }
    heap_place_text(record->free_site, freed, sizeof(freed));
    print_buffer(text, size, "; allocated at %s, freed at %s", allocated, freed);
}

/* A copy of the record of an address, or of a number. */
static bool copy_record(uint32_t number, uintptr_t address, struct heap_record *record)
{
    irq_state_t state = spin_lock(&heap_records_lock);

    if (number == 0)
        number = heap_record_of(address);
    if (number >= heap_records_end)
        number = 0;
    if (number != 0)
        *record = heap_records[number];
    spin_unlock(&heap_records_lock, state);
    return number != 0 && record->state != HEAP_RECORD_UNUSED;
}

enum status heap_debug_find(const void *address, struct heap_history *history)
{
    struct heap_record record;

    if (!heap_debug_on || !heap_window_open((uintptr_t)address) ||
        !copy_record(0, (uintptr_t)address, &record))
        return STATUS_NOT_FOUND;
    *history = (struct heap_history){ .start = heap_record_object(&record),
                                      .size_bytes = record.size_bytes,
                                      .tag = (enum heap_tag)record.tag,
                                      .live = record.state == HEAP_RECORD_LIVE,
                                      .alloc_site = record.alloc_site,
                                      .free_site = record.free_site,
                                      .sequence = record.sequence };
    return STATUS_OK;
}

void heap_debug_history(const void *address, char *text, size_t size)
{
    struct heap_object_info info;
    struct heap_record record;
    char near[PLACE_BYTES];

    text[0] = '\0';
    if (heap_debug_on && heap_window_open((uintptr_t)address) &&
        copy_record(0, (uintptr_t)address, &record))
        heap_record_places(&record, text, size);
    else if (heap_describe(address, &info) == STATUS_OK && info.alloc_near != NULL) {
        heap_place_text(info.alloc_near, near, sizeof(near));
        print_buffer(text, size, "; allocated near %s", near);
    }
}

/* --- addresses -------------------------------------------------------------------------------- */

/* "3 bytes behind", as seen from an object. */
static void print_distance(struct print_sink *sink, uintptr_t address, uintptr_t start, size_t size)
{
    if (address < start)
        print_to(sink, "%zu byte%s before", (size_t)(start - address),
                 start - address == 1 ? "" : "s");
    else if (address - start >= size)
        print_to(sink, "%zu byte%s behind", (size_t)(address - start - size + 1),
                 address - start == size ? "" : "s");
    else
        print_to(sink, "byte %zu of", (size_t)(address - start + 1));
}

static void print_record(struct print_sink *sink, const struct heap_record *record)
{
    char places[2 * PLACE_BYTES + 32];

    heap_record_places(record, places, sizeof(places));
    print_to(sink, " %s object of %zu bytes at %p, tag %s%s",
             record->state == HEAP_RECORD_LIVE ? "the" : "the freed", record->size_bytes,
             heap_record_object(record), heap_tag_name((enum heap_tag)record->tag), places);
}

/* A guarded object that debugging does not know. */
static bool explain_untracked(uintptr_t address, struct print_sink *sink)
{
    uint32_t page = heap_page_number(address);
    const struct heap_page *head;
    uintptr_t start;

    while (page > 0 && (heap_window.pages[page].kind == HEAP_PAGE_INNER ||
                        heap_window.pages[page].kind == HEAP_PAGE_INSIDE))
        page--;
    head = &heap_window.pages[page];
    if (page == 0 || head->kind != HEAP_PAGE_LARGE)
        return false;
    start = heap_page_address(page) + head->lead_bytes;
    print_distance(sink, address, start, head->size_bytes);
    print_to(sink, " the object of %zu bytes at 0x%zx, tag %s", head->size_bytes, (size_t)start,
             heap_tag_name((enum heap_tag)head->tag));
    return true;
}

bool heap_explain_address(vaddr_t address, struct print_sink *sink)
{
    struct heap_record record;
    uintptr_t value = va_value(address);

    if (!heap_window_open(value))
        return false;
    if (!heap_debug_on || !copy_record(0, value, &record))
        return explain_untracked(value, sink);
    print_distance(sink, value, (uintptr_t)heap_record_object(&record), record.size_bytes);
    print_record(sink, &record);
    return true;
}

/* --- values ----------------------------------------------------------------------------------- */

bool heap_explain_value(uintptr_t value, struct print_sink *sink)
{
    struct heap_record record;
    uint32_t number = 0;
    enum heap_fill fill = heap_fill_decode(value, &number);

    if (!heap_debug_on || fill == HEAP_FILL_NONE || number == 0 || !copy_record(number, 0, &record))
        return false;
    print_to(sink, "0x%zx is what fills %s memory: it comes from", (size_t)value,
             fill == HEAP_FILL_FRESH ? "uninitialised" : "freed");
    print_record(sink, &record);
    return true;
}

/* The first word of [address, + size_bytes) that is still fresh poison; its object's number. */
static uint32_t find_fresh(uintptr_t address, size_t size_bytes, size_t *offset)
{
    uintptr_t end = address + size_bytes;
    uintptr_t at = (address + sizeof(at) - 1) & ~(uintptr_t)(sizeof(at) - 1);

    for (; at < end && end - at >= sizeof(at); at += sizeof(at)) {
        uint32_t number;
        uintptr_t word;

        memcpy(&word, va_ptr(va(at)), sizeof(word));
        if (heap_fill_decode(word, &number) == HEAP_FILL_FRESH) {
            *offset = (size_t)(at - address);
            return number;
        }
    }
    return 0;
}

bool heap_debug_initialised(const void *address, size_t size_bytes)
{
    char allocated[PLACE_BYTES];
    char user[PLACE_BYTES];
    struct heap_record record;
    size_t offset = 0;
    uint32_t number;

    if (!heap_debug_has(HEAP_DEBUG_POISON))
        return true;
    number = find_fresh((uintptr_t)address, size_bytes, &offset);
    if (number == 0 || !copy_record(number, 0, &record))
        return true;
    heap_place_text(record.alloc_site, allocated, sizeof(allocated));
    heap_place_text(__builtin_return_address(0), user, sizeof(user));
    log_error("heap: use of uninitialised memory: byte %zu of %zu at %p was never written; "
              "allocated at %s (%zu bytes), used at %s",
              offset + 1, size_bytes, address, allocated, record.size_bytes, user);
    return false;
}
