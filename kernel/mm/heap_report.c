/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_report.c - a wrong free in one line: what, where, whose, and by whom.
 *
 * A report has no other effect than its line and its count: the object stays as it was.
 */
#include "heap_report.h"

#include "heap_debug_private.h"
#include "heap_private.h"
#include "heap_runs.h"
#include "lib/log.h"

static size_t bad_frees; /* atomic */

static const char *fault_text(enum heap_fault fault)
{
    switch (fault) {
    case HEAP_FAULT_FOREIGN:
        return "not an address of the heap";
    case HEAP_FAULT_UNUSED:
        return "no object is there, or no longer";
    case HEAP_FAULT_INTERIOR:
        return "inside an object, not its first byte";
    case HEAP_FAULT_FREED_TWICE:
        return "already free";
    case HEAP_FAULT_WRONG_SIZE:
        return "of another size";
    }
    return "?";
}

/* "; 64-byte object at 0x..., live, tag vmm", as far as it is known. */
static void object_text(const void *address, char *text, size_t size)
{
    struct heap_object_info info;

    if (heap_describe(address, &info) != STATUS_OK) {
        text[0] = '\0';
        return;
    }
    print_buffer(text, size, "; object of %zu bytes at %p, %s, tag %s", info.size_bytes, info.start,
                 info.live ? "live" : "free", heap_tag_name(info.tag));
}

bool heap_report(enum heap_fault fault, const void *object, size_t size_bytes, const void *caller)
{
    char known[96];
    char history[160];
    char asked[40] = "";
    char place[64];

    __atomic_fetch_add(&bad_frees, 1, __ATOMIC_RELAXED);
    object_text(object, known, sizeof(known));
    heap_debug_history(object, history, sizeof(history));
    heap_place_text(caller, place, sizeof(place));
    heap_event_note(HEAP_EVENT_REFUSE, (uintptr_t)object, 0, HEAP_TAG_NONE, caller);
    if (size_bytes != HEAP_ANY_SIZE)
        print_buffer(asked, sizeof(asked), " as %zu bytes", size_bytes);
    log_error("heap: free of %p%s refused: %s%s%s; called from %s", object, asked,
              fault_text(fault), known, history, place);
    return false;
}

void heap_report_in_slab(const void *object)
{
    __atomic_fetch_add(&bad_frees, 1, __ATOMIC_RELAXED);
    log_error("heap: object at %p was freed by two processors at the same time; kept once", object);
}

void heap_report_in_magazine(const void *object)
{
    __atomic_fetch_add(&bad_frees, 1, __ATOMIC_RELAXED);
    log_error("heap: object at %p was freed by two processors at the same time; it is in use again",
              object);
}

size_t heap_bad_frees(void)
{
    return __atomic_load_n(&bad_frees, __ATOMIC_RELAXED);
}

void heap_reports_init(void)
{
    bad_frees = 0;
}
