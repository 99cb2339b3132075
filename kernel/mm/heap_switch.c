/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_switch.c - debugging on and off; what it knows in numbers; the walk over all records.
 *
 * Turned off while objects with records live, it stays in the way of frees, with no option set,
 * until the last of them is freed: their blocks are larger than they look, and only their records
 * know. Then all records are forgotten and the magazines work again.
 */
#include "config.h"
#include "heap_block.h"
#include "heap_damage.h"
#include "heap_debug_private.h"
#include "heap_record.h"
#include "lib/bits.h"
#include "lib/log.h"

#define AREA_SHARE 16u /* of the window, for records */
#define AREA_MAX   ((size_t)(256 * MiB))
#define AREA_MIN   ((size_t)(256 * KiB))

bool heap_debug_on;
struct heap_debug heap_debug_now;

static size_t area_bytes;

size_t heap_debug_fixed_bytes(size_t window_bytes)
{
    size_t share = (size_t)align_down(window_bytes / AREA_SHARE, PAGE_SIZE);

    if (share < AREA_MIN)
        return 0;
    return share < AREA_MAX ? share : AREA_MAX;
}

void heap_debug_init(uintptr_t area, size_t size_bytes)
{
    area_bytes = size_bytes;
    heap_debug_on = false;
    heap_debug_now = (struct heap_debug){ 0 };
    heap_records_init(area, size_bytes);
    heap_block_init();
    heap_damage_init();
    heap_debug_reset();
    heap_events_init();
}

static bool wants_any(const struct heap_debug *wish)
{
    return wish->options != 0 || wish->guard_one_in != 0;
}

/* What an option cannot do without. */
static void complete(struct heap_debug *wish)
{
    if (CONFIG_KASAN) /* freed objects and what lies around live ones are closed */
        wish->options |= HEAP_DEBUG_CANARY | HEAP_DEBUG_QUARANTINE;
    if ((wish->options & HEAP_DEBUG_VERIFY) != 0 && (wish->options & HEAP_DEBUG_ZERO) == 0)
        wish->options |= HEAP_DEBUG_POISON;
    if (wants_any(wish))
        wish->options |= HEAP_DEBUG_SITES;
}

/* Forgets all objects that are gone, so that nothing stale is there when debugging begins again. */
static void forget_all(void)
{
    irq_state_t state = spin_lock(&heap_records_lock);
    uint32_t number;

    while ((number = heap_record_oldest(HEAP_RECORD_GONE)) != 0)
        heap_record_drop(number);
    spin_unlock(&heap_records_lock, state);
}

void heap_debug_settle(void)
{
    if (wants_any(&heap_debug_now) || heap_record_counts[HEAP_RECORD_LIVE] != 0 ||
        heap_record_counts[HEAP_RECORD_BUSY] != 0)
        return;
    (void)heap_debug_release(0, 0);
    forget_all();
    heap_debug_on = false;
    heap_magazines_start();
}

/* What was filled under other options is not to be compared under these. */
static void forget_filling(void)
{
    (void)heap_debug_release(0, 0);
    for (uint32_t number = 1; number < heap_records_end; number++)
        if (heap_records[number].state == HEAP_RECORD_GONE)
            heap_records[number].fill = HEAP_FILL_NONE;
}

enum status heap_debug_set(const struct heap_debug *wish)
{
    struct heap_debug now = *wish;
    enum status status;

    complete(&now);
    if (wants_any(&now) && area_bytes == 0)
        return STATUS_NO_SPACE;
    if (wants_any(&now)) {
        status = heap_records_start();
        if (status != STATUS_OK)
            return status;
        if (!heap_debug_on)
            heap_magazines_stop();
        heap_debug_on = true;
    }
    if (!heap_debug_on)
        return STATUS_OK;
    forget_filling();
    heap_debug_now = now;
    heap_block_seed(now.seed);
    heap_debug_settle();
    return STATUS_OK;
}

void heap_debug_get(struct heap_debug *now)
{
    *now = heap_debug_now;
}

void heap_debug_get_stats(struct heap_debug_stats *stats)
{
    irq_state_t state = spin_lock(&heap_records_lock);

    *stats = (struct heap_debug_stats){
        .live = heap_record_counts[HEAP_RECORD_LIVE],
        .held = heap_record_counts[HEAP_RECORD_HELD] + heap_record_counts[HEAP_RECORD_GUARDED],
        .untracked = heap_debug_untracked(),
        .damaged = heap_damage_count(),
    };
    spin_unlock(&heap_records_lock, state);
    stats->guarded = heap_block_guarded();
}

/* The lock is held: neither the record nor its block can change hands. */
static bool check_record(uint32_t number)
{
    const struct heap_record *record = &heap_records[number];

    switch ((enum heap_record_state)record->state) {
    case HEAP_RECORD_LIVE:
        return heap_damage_check_canaries(record, "when the heap was checked");
    case HEAP_RECORD_HELD:
        return heap_damage_check_fill(number, "when the heap was checked");
    case HEAP_RECORD_UNUSED:
    case HEAP_RECORD_BUSY:
    case HEAP_RECORD_GUARDED:
    case HEAP_RECORD_GONE:
    case HEAP_RECORD_STATES:
        return true;
    }
    return true;
}

size_t heap_debug_check(void)
{
    size_t damaged = 0;

    if (!heap_debug_on)
        return 0;
    for (uint32_t number = 1; number < heap_records_end; number++) {
        irq_state_t state = spin_lock(&heap_records_lock);

        damaged += !check_record(number);
        spin_unlock(&heap_records_lock, state);
    }
    return damaged;
}
