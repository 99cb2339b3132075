/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fuzz_heap.c - operations of the heap, in any order, against a ledger of its window: no object overlaps
 * another or loses its contents, wrong frees are refused, pages may be refused, and nothing stays behind.
 *
 *     input    operations of three bytes: kind (3 bits) and slot, size, size or choice
 */
#include "tests/unit/heap_ledger.h"
#include "tests/unit/heap_machine.h"

#include "fuzz.h"
#include "lib/bits.h"
#include "mm/heap.h"

#define MACHINE_FRAMES 2048u
#define WINDOW_BYTES   (16 * MiB)
#define SLOTS          32u
#define OPERATIONS     32u
#define CHECKED_ONE_IN 64u
#define SHRINK_ONE_IN  8u

static struct slot {
    uint8_t *object;
    size_t size_bytes;
} slots[SLOTS];

/* Mostly small; a few pages; seldom many. */
static size_t size_of(uint8_t low, uint8_t high)
{
    if (high < 0xe0)
        return (size_t)low + (high & 7) * 256u;
    return (high < 0xfc ? 17u : 257u) * low;
}

static void adopt(struct slot *slot, void *object, size_t size_bytes, size_t alignment)
{
    *slot = (struct slot){ object, size_bytes };
    if (object == NULL)
        return;
    FUZZ_CHECK(is_aligned((uintptr_t)object, alignment));
    FUZZ_CHECK(kmalloc_usable(object) >= size_bytes);
    heap_ledger_enter(object);
    heap_ledger_fill(object, min_u64(size_bytes, 256), (unsigned)(slot - slots));
}

static void expect(const struct slot *slot, size_t size_bytes)
{
    heap_ledger_expect(slot->object, min_u64(size_bytes, 256), (unsigned)(slot - slots));
}

static void release(struct slot *slot, bool sized)
{
    if (slot->object == NULL)
        return;
    expect(slot, slot->size_bytes);
    heap_ledger_strike(slot->object);
    FUZZ_CHECK(sized ? kfree_sized(slot->object, slot->size_bytes) : kfree(slot->object));
    slot->object = NULL;
}

static void resize(struct slot *slot, size_t size_bytes)
{
    uint8_t *object;

    if (slot->object == NULL)
        return;
    heap_ledger_strike(slot->object);
    object = krealloc(slot->object, size_bytes);
    if (object == NULL) {
        heap_ledger_enter(slot->object);
        return;
    }
    slot->object = object;
    expect(slot, min_u64(slot->size_bytes, size_bytes));
    adopt(slot, object, size_bytes, 16);
}

static void free_wrongly(const struct slot *slot, uint8_t choice)
{
    if (slot->object == NULL)
        return;
    if (slot->size_bytes > 1)
        FUZZ_CHECK(!kfree(slot->object + 1 + choice % (slot->size_bytes - 1)));
    FUZZ_CHECK(!kfree_sized(slot->object, slot->size_bytes + 8192));
    expect(slot, slot->size_bytes);
}

static void operate(uint8_t kind, uint8_t low, uint8_t high)
{
    struct slot *slot = &slots[(kind >> 3) % SLOTS];
    size_t size_bytes = size_of(low, high);
    size_t alignment = (size_t)16 << (high & 7);

    if ((kind & 7) < 4)
        release(slot, (high & 8) != 0);
    switch (kind & 7) {
    case 0:
        adopt(slot, kmalloc(size_bytes), size_bytes, 16);
        break;
    case 1:
        adopt(slot, kzalloc(size_bytes), size_bytes, 16);
        break;
    case 2:
        adopt(slot, kmalloc_aligned(size_bytes, alignment), size_bytes, alignment);
        break;
    case 3:
        adopt(slot, kmalloc_tagged(size_bytes, HEAP_TAG_TEST, (high & 16) != 0 ? HEAP_GUARDED : 0),
              size_bytes, 16);
        break;
    case 4:
        resize(slot, size_bytes);
        break;
    case 5:
        release(slot, (high & 8) != 0);
        break;
    case 6:
        free_wrongly(slot, low);
        break;
    default:
        heap_machine_fail(low, high & 7);
        break;
    }
}

static void end_run(unsigned number)
{
    struct heap_stats stats;

    heap_machine_fail(0, 0);
    for (unsigned i = 0; i < SLOTS; i++)
        release(&slots[i], false);
    if (number % SHRINK_ONE_IN == 0)
        (void)heap_shrink(SIZE_MAX);
    if (number % CHECKED_ONE_IN != 0)
        return;
    FUZZ_CHECK(heap_check() == STATUS_OK);
    heap_get_stats(&stats);
    FUZZ_CHECK(stats.live_objects == 0);
}

void fuzz_run(const uint8_t *data, size_t size)
{
    static unsigned runs;
    struct feed feed = { data, size };

    if (runs++ == 0) {
        heap_machine_play_flat();
        heap_ledger_create(MACHINE_FRAMES, WINDOW_BYTES);
    }
    for (unsigned i = 0; i < OPERATIONS && !feed_ends(&feed); i++) {
        uint8_t kind = feed_byte(&feed);
        uint8_t low = feed_byte(&feed);

        operate(kind, low, feed_byte(&feed));
    }
    end_run(runs);
}
