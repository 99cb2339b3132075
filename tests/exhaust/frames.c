/* SPDX-License-Identifier: BSD-2-Clause
 *
 * frames.c - every sequence of operations of the frame allocator up to a depth.
 *
 * Of a machine 12 frames are left: a run of 8 and one of 4. A sequence is a number, one digit for each
 * operation; it is run, checked after every operation, and undone. The model is a bit a frame: a request is
 * refused when, and only when, no place suits it, and what is given was free.
 */
#include "tests/unit/pmm_machine.h"

#include "exhaust.h"

#define HELD_MAX    16u
#define DIGITS      9u
#define DEPTH       7u
#define SHORT_DEPTH 4u
#define MACHINE_END (4 * MiB)
#define WINDOW      64u /* frames that the model looks at: from `window` on */

struct run {
    uintptr_t first; /* in the window */
    uintptr_t count;
};

static uintptr_t window;
static uint64_t all_free; /* a bit for each frame of the window that is free at first */
static uint64_t now_free;
static struct run held[HELD_MAX];
static unsigned held_count;

/* Leaves frames 8 to 15 and 20 to 23 of a stretch of 64; everything else is taken. */
static void frames_start(void)
{
    static const struct machine_piece pieces[] = { FREE_MEMORY(MiB, MACHINE_END) };
    pfn_t frame;

    MACHINE_BOOT(pieces);
    EXHAUST_CHECK(pmm_alloc(6, FRAME_TEST, &frame) == STATUS_OK);
    window = pfn_value(frame);
    while (pmm_alloc_frame(FRAME_TEST, &frame) == STATUS_OK)
        ;
    all_free = 0xff00 | 0xf00000;
    for (unsigned i = 0; i < WINDOW; i++)
        if ((all_free >> i & 1) != 0)
            EXHAUST_CHECK(pmm_free_frame(pfn(window + i)) == STATUS_OK);
    pmm_drain();
    now_free = all_free;
    EXHAUST_CHECK(machine_free_frames() == 12);
}

static uint64_t mask_of(uintptr_t first, uintptr_t count)
{
    return (((uint64_t)1 << count) - 1) << first;
}

static bool has_place(uintptr_t count, uintptr_t align)
{
    for (uintptr_t first = 0; first + count <= 32; first += align)
        if ((now_free & mask_of(first, count)) == mask_of(first, count))
            return true;
    return false;
}

static void note(enum status status, pfn_t first, uintptr_t count, uintptr_t align)
{
    uintptr_t place = pfn_value(first) - window;

    if (status != STATUS_OK) {
        EXHAUST_CHECK(status == STATUS_NO_MEMORY && !has_place(count, align));
        return;
    }
    EXHAUST_CHECK(place < WINDOW && pfn_value(first) % align == 0);
    EXHAUST_CHECK((now_free & mask_of(place, count)) == mask_of(place, count));
    now_free &= ~mask_of(place, count);
    held[held_count++] = (struct run){ place, count };
}

static void take_order(unsigned order)
{
    pfn_t first = pfn(0);
    enum status status = pmm_alloc(order, FRAME_TEST, &first);

    note(status, first, (uintptr_t)1 << order, (uintptr_t)1 << order);
}

static void take_three(void)
{
    const struct pmm_request request = { .count_frames = 3, .tag = FRAME_TEST };
    pfn_t first = pfn(0);
    enum status status = pmm_alloc_run(&request, &first);

    note(status, first, 3, 1);
}

static void give_frames(unsigned index)
{
    if (index >= held_count)
        return;
    EXHAUST_CHECK(pmm_free_run(pfn(window + held[index].first), held[index].count) == STATUS_OK);
    now_free |= mask_of(held[index].first, held[index].count);
    held[index] = held[--held_count];
}

/* Twice, in parts, too much: refused. */
static void give_wrongly(void)
{
    uintptr_t place = now_free != 0 ? (uintptr_t)__builtin_ctzll(now_free) : 0;

    EXHAUST_CHECK(now_free == 0 || pmm_free_frame(pfn(window + place)) == STATUS_DENIED);
    if (held_count > 0 && held[0].count > 2)
        EXHAUST_CHECK(pmm_free_run(pfn(window + held[0].first), held[0].count - 1) ==
                      STATUS_DENIED);
    host_log_clear();
}

static void frames_run(uint64_t sequence, unsigned depth)
{
    for (; depth > 0; depth--, sequence /= DIGITS) {
        unsigned digit = (unsigned)(sequence % DIGITS);

        if (digit < 4)
            take_order(digit);
        else if (digit == 4)
            take_three();
        else if (digit == 5)
            give_frames(0);
        else if (digit == 6)
            give_frames(held_count - 1);
        else if (digit == 7)
            give_wrongly();
        else
            pmm_drain();
    }
    while (held_count > 0)
        give_frames(0);
    pmm_drain();
    EXHAUST_CHECK(now_free == all_free && machine_free_frames() == 12);
}

uint64_t exhaust_frames(const struct exhaust_part *part)
{
    unsigned depth = part->is_long ? DEPTH : SHORT_DEPTH;
    uint64_t count = 1;
    uint64_t cases = 0;

    frames_start();
    for (unsigned i = 0; i < depth; i++)
        count *= DIGITS;
    for (uint64_t sequence = part->shard; sequence < count; sequence += part->shards, cases++)
        frames_run(sequence, depth);
    EXHAUST_CHECK(pmm_check() == STATUS_OK);
    (void)machine_stop(NULL);
    return cases;
}
