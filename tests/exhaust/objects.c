/* SPDX-License-Identifier: BSD-2-Clause
 *
 * objects.c - every sequence of operations of the heap up to a depth.
 *
 * Objects of every sort: of small classes, of the largest one, a run of pages, a long run, aligned, resized, and
 * freed in different orders; wrong frees in between. The ledger of the window is the model: no object may
 * overlap another. When a sequence is over, nothing is live and the heap's books agree.
 */
#include "tests/unit/heap_ledger.h"
#include "tests/unit/heap_machine.h"

#include "exhaust.h"
#include "host_log.h"
#include "mm/heap.h"

#define DIGITS         10u
#define DEPTH          6u
#define SHORT_DEPTH    4u
#define HELD_MAX       8u
#define MACHINE_FRAMES 2048u
#define WINDOW_BYTES   (16 * MiB)
#define CHECK_ONE_IN   256u

static unsigned char *held[HELD_MAX];
static size_t sizes[HELD_MAX];
static unsigned held_count;

static void keep(void *object, size_t size_bytes)
{
    EXHAUST_CHECK(object != NULL && kmalloc_usable(object) >= size_bytes);
    heap_ledger_enter(object);
    held[held_count] = object;
    sizes[held_count] = size_bytes;
    held[held_count][0] = held[held_count][size_bytes - 1] = (unsigned char)held_count;
    held_count++;
}

static void give(unsigned index)
{
    if (index >= held_count)
        return;
    EXHAUST_CHECK(held[index][0] == held[index][sizes[index] - 1]);
    heap_ledger_strike(held[index]);
    EXHAUST_CHECK(kfree_sized(held[index], sizes[index]));
    held_count--;
    held[index] = held[held_count];
    sizes[index] = sizes[held_count];
}

/* The newest becomes of `size_bytes`. */
static void resize(size_t size_bytes)
{
    unsigned char *object;

    if (held_count == 0)
        return;
    object = held[--held_count];
    heap_ledger_strike(object);
    keep(krealloc(object, size_bytes), size_bytes);
}

static void give_wrongly(void)
{
    if (held_count == 0)
        return;
    EXHAUST_CHECK(!kfree(held[0] + 1) && !kfree_sized(held[0], sizes[0] + 9000));
    host_log_clear();
}

static void operate(unsigned digit)
{
    static const size_t small[] = { 24, 200, 2048, 3 * PAGE_SIZE + 8 };

    if (digit < 4)
        keep(kmalloc(small[digit]), small[digit]);
    else if (digit == 4)
        keep(kmalloc_aligned(100, 512), 100);
    else if (digit == 5)
        give(0);
    else if (digit == 6)
        give(held_count - 1);
    else if (digit == 7)
        resize(600);
    else if (digit == 8)
        resize(5 * PAGE_SIZE);
    else
        give_wrongly();
}

uint64_t exhaust_objects(const struct exhaust_part *part)
{
    unsigned depth = part->is_long ? DEPTH : SHORT_DEPTH;
    uint64_t count = 1;
    uint64_t cases = 0;
    struct heap_stats stats;

    heap_machine_play_flat();
    heap_ledger_create(MACHINE_FRAMES, WINDOW_BYTES);
    for (unsigned i = 0; i < depth; i++)
        count *= DIGITS;
    for (uint64_t sequence = part->shard; sequence < count; sequence += part->shards, cases++) {
        uint64_t rest = sequence;

        for (unsigned i = 0; i < depth; i++, rest /= DIGITS)
            operate((unsigned)(rest % DIGITS));
        while (held_count > 0)
            give(0);
        if (cases % CHECK_ONE_IN == 0) {
            (void)heap_shrink(SIZE_MAX);
            heap_get_stats(&stats);
            EXHAUST_CHECK(stats.live_objects == 0 && heap_check() == STATUS_OK);
        }
    }
    (void)heap_ledger_tear_down(NULL);
    return cases;
}
