/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mm/heap_debug.h - the heap's debugging: what it may be asked to watch for, and what it tells.
 *
 * Off, it costs nothing: no instruction of the fast path knows of it. On, every object has a
 * record beside the heap with the places that allocated and freed it, and each option adds a check; a
 * report names both places. Options come from the command line (heap=poison,canary,...) or from
 * here. docs/heap.md says what each of them finds, and what none of them can.
 */
#ifndef MERIDIAN_MM_HEAP_DEBUG_H
#define MERIDIAN_MM_HEAP_DEBUG_H

#include "lib/print.h"
#include "lib/status.h"
#include "lib/types.h"
#include "mm/heap.h"

enum heap_debug_option {
    HEAP_DEBUG_SITES = 1u << 0,  /* records only; every other option implies it */
    HEAP_DEBUG_POISON = 1u << 1, /* fill objects when they are allocated and when they are freed */
    HEAP_DEBUG_VERIFY = 1u << 2, /* a freed object is still as it was filled; implies poison */
    HEAP_DEBUG_QUARANTINE = 1u << 3, /* freed objects wait before they are used again */
    HEAP_DEBUG_RANDOM = 1u << 4,     /* which free object is used next cannot be foretold */
    HEAP_DEBUG_CANARY = 1u << 5,     /* bytes around each object that nobody may change */
    HEAP_DEBUG_ZERO = 1u << 6,       /* freed objects are filled with zeros, not with poison */
    HEAP_DEBUG_ALL = (1u << 7) - 1,
};

struct heap_debug {
    unsigned options;      /* enum heap_debug_option; 0 and guard_one_in 0: no debugging */
    uint32_t guard_one_in; /* each N-th object between unmapped pages, 1 is every one; 0: none */
    uint64_t seed;         /* of what is random */
};

/* Reads "poison,canary,guard=100", `size` bytes. A word that is not known gets a warning that says
 * which are, and is left out. Any context. */
void heap_debug_parse(const char *text, size_t size, struct heap_debug *wish);

/* The same words for what is on, terminated: "off" when nothing is. */
void heap_debug_text(const struct heap_debug *debug, char *text, size_t size);

/* Turns debugging on, to something else, or off; objects that are live stay valid. After heap_init(),
 * while one processor runs. STATUS_NO_SPACE when the heap's window is too small for the records,
 * STATUS_NO_MEMORY; nothing has changed then. */
enum status heap_debug_set(const struct heap_debug *wish);
void heap_debug_get(struct heap_debug *now);

struct heap_debug_stats {
    uint64_t live;      /* objects with a record */
    uint64_t held;      /* freed, in quarantine or with their addresses kept */
    uint64_t guarded;   /* allocated between unmapped pages, since boot */
    uint64_t untracked; /* allocated without a record, for want of memory, since boot */
    uint64_t damaged;   /* overflows, underflows and writes after free that were reported */
};
void heap_debug_get_stats(struct heap_debug_stats *stats);

/* Looks at every record's object: canaries of live ones, the filling of freed ones. Each damage is
 * reported once; returns how many were found. heap_check() asks this too. */
size_t heap_debug_check(void);

/* Whether no byte of [address, + size_bytes) is as poison left it: the memory was written since it
 * was allocated. If not, an error names the place that allocated it and the caller. True without
 * poison, and for memory that is not the heap's. */
bool heap_debug_initialised(const void *address, size_t size_bytes);

/* --- what an address means ------------------------------------------------------------------ */

/* "3 bytes behind the object of 100 bytes at 0x..., tag vmm, allocated at f+0x12": for an address
 * that faulted. False, and nothing printed, when the heap knows of nothing there. */
bool heap_explain_address(vaddr_t address, struct print_sink *sink);

/* The same for a value that somebody used as a pointer: if it is the poison of an object, what the
 * object is. */
bool heap_explain_value(uintptr_t value, struct print_sink *sink);

/* What the debugging noted of the object at an address, or of the last one that was there. */
struct heap_history {
    const void *start;
    size_t size_bytes; /* as asked for */
    enum heap_tag tag;
    bool live;
    const void *alloc_site; /* NULL: not known */
    const void *free_site;
    uint32_t sequence; /* allocations are counted */
};

/* STATUS_NOT_FOUND: debugging is off, or knows of no object there. */
enum status heap_debug_find(const void *address, struct heap_history *history);

/* Who turns a place in the code into text, as print_buffer() does; NULL: addresses are printed. */
typedef size_t heap_place_name(const void *place, char *text, size_t size);
void heap_name_places(heap_place_name *name);

/* Where the code begins whose allocations are told by place in every build: 510 KiB of it. Before that no
 * place is known. */
void heap_code_from(const void *start);

/* The text of a place. */
void heap_place_text(const void *place, char *text, size_t size);

/* --- leaks ---------------------------------------------------------------------------------- */

/* A point in time: what was allocated since then has a greater number. */
uint32_t heap_leaks_mark(void);

/* Live objects from one place. */
struct heap_leak {
    const void *site;
    enum heap_tag tag;
    uint64_t objects;
    uint64_t bytes; /* as asked for */
};

/* What was allocated after `mark` (0: ever) and is live, by place and tag, most bytes first. Returns
 * the rows filled; *rest gets what had no room in them. O(records x most). */
unsigned heap_leaks(uint32_t mark, struct heap_leak *rows, unsigned most, struct heap_leak *rest);

/* --- the last events ------------------------------------------------------------------------ */

enum heap_event_kind {
    HEAP_EVENT_ALLOC,  /* with debugging on */
    HEAP_EVENT_FREE,   /* with debugging on */
    HEAP_EVENT_REFUSE, /* a wrong free */
    HEAP_EVENT_DAMAGE, /* with debugging on: a check found something */
    HEAP_EVENT_MAP,    /* pages of the window were backed: the heap grew */
    HEAP_EVENT_UNMAP,  /* and given back */
};

#define HEAP_EVENTS_KEPT 256u

struct heap_event {
    uint32_t sequence; /* from 1 */
    enum heap_event_kind kind;
    unsigned cpu;
    enum heap_tag tag;
    uintptr_t address;
    size_t size_bytes;
    const void *site; /* NULL: not known */
};

/* Copies the newest `most` events that the ring still holds, oldest first. Returns how many. */
unsigned heap_events(struct heap_event *events, unsigned most);

const char *heap_event_name(enum heap_event_kind kind);

#endif
