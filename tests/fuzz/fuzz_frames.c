/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fuzz_frames.c - operations of the frame allocator, in any order, against a model of a byte a frame.
 *
 * The machine is small, is started once, and has everything back after each run: what is free must be what
 * was free at first. No frame is given twice, limits and alignments are kept, every wrong free is refused,
 * and a single frame is refused only when none is free.
 *
 *     input    operations of two bytes: kind (3 bits) and a bit of the argument's; argument
 */
#include "tests/unit/pmm_machine.h"

#include "fuzz.h"

#define MACHINE_END    (12 * MiB)
#define FRAMES         (MACHINE_END / PAGE_SIZE)
#define SLOTS          32u
#define OPERATIONS     48u
#define CHECKED_ONE_IN 64u

struct slot {
    uintptr_t first;
    uintptr_t count; /* 0: nothing */
    int order;       /* -1: a run without one */
};

static struct slot slots[SLOTS];
static uint8_t owned[FRAMES];
static uint64_t at_start;

static void enter(unsigned slot, pfn_t first, uintptr_t count, int order)
{
    slots[slot] = (struct slot){ pfn_value(first), count, order };
    for (uintptr_t i = 0; i < count; i++) {
        FUZZ_CHECK(pfn_value(first) + i < FRAMES && !owned[pfn_value(first) + i]);
        owned[pfn_value(first) + i] = 1;
    }
}

static void strike(struct slot *slot)
{
    memset(&owned[slot->first], 0, slot->count);
    slot->count = 0;
}

/* --- operations -------------------------------------------------------------------------- */

static void take_order(unsigned slot, unsigned order)
{
    pfn_t first;
    enum status status = pmm_alloc(order, FRAME_TEST, &first);

    if (status == STATUS_OK) {
        FUZZ_CHECK(pfn_value(first) % ((uintptr_t)1 << order) == 0);
        enter(slot, first, (uintptr_t)1 << order, (int)order);
    } else {
        FUZZ_CHECK(status == STATUS_NO_MEMORY && (order > 0 || machine_free_frames() < 256));
    }
}

static void take_run(unsigned slot, uint8_t wish)
{
    struct pmm_request request = { .count_frames = 1 + wish % 40u,
                                   .align_frames = 1u << (wish >> 6),
                                   .below = (wish & 32) != 0 ? 6 * MiB : PMM_ANYWHERE,
                                   .tag = FRAME_TEST };
    pfn_t first;

    if (pmm_alloc_run(&request, &first) != STATUS_OK)
        return;
    FUZZ_CHECK(pfn_value(first) % request.align_frames == 0);
    FUZZ_CHECK(request.below == PMM_ANYWHERE ||
               pfn_value(first) + request.count_frames <= request.below / PAGE_SIZE);
    enter(slot, first, (uintptr_t)request.count_frames, -1);
}

/* A run and as many single frames at once, of which one stays. */
static void take_many(unsigned slot, size_t count)
{
    pfn_t frames[16];
    size_t got = pmm_alloc_bulk(FRAME_TEST, frames, count);

    for (size_t i = 0; i < got; i++)
        FUZZ_CHECK(pfn_value(frames[i]) < FRAMES && !owned[pfn_value(frames[i])]);
    if (got == 0)
        return;
    FUZZ_CHECK(pmm_free_bulk(frames + 1, got - 1) == got - 1);
    enter(slot, frames[0], 1, 0);
}

static void give(struct slot *slot, bool one_by_one)
{
    if (slot->count == 0)
        return;
    if (one_by_one) {
        for (uintptr_t i = 0; i < slot->count; i++)
            FUZZ_CHECK(pmm_free_frame(pfn(slot->first + i)) == STATUS_OK);
    } else if (slot->order >= 0) {
        FUZZ_CHECK(pmm_free(pfn(slot->first), (unsigned)slot->order) == STATUS_OK);
    } else {
        FUZZ_CHECK(pmm_free_run(pfn(slot->first), slot->count) == STATUS_OK);
    }
    strike(slot);
}

/* A frame of nobody's, a part of a run as if it were a run, one frame too many. */
static void give_wrongly(const struct slot *slot, uint8_t choice)
{
    uintptr_t frame = 256 + choice * 11u;

    if (frame < FRAMES && !owned[frame] && memchr(owned, 1, FRAMES) != NULL)
        FUZZ_CHECK(pmm_free_run(pfn(frame), 2) != STATUS_OK);
    if (slot->count > 2)
        FUZZ_CHECK(pmm_free_run(pfn(slot->first), slot->count - 1) != STATUS_OK);
    if (slot->count > 0)
        FUZZ_CHECK(pmm_free_run(pfn(slot->first), slot->count + 1) != STATUS_OK);
}

static void take_zeroed(unsigned slot)
{
    pfn_t frame;
    const uint64_t *words;

    if (pmm_alloc_zeroed(FRAME_TEST, &frame) != STATUS_OK)
        return;
    words = arch_phys_ptr(pfn_to_pa(frame));
    for (unsigned i = 0; i < PAGE_SIZE / sizeof(*words); i += 64)
        FUZZ_CHECK(words[i] == 0);
    memset(arch_phys_ptr(pfn_to_pa(frame)), 0x5a, 64);
    enter(slot, frame, 1, 0);
}

static void operate(uint8_t kind, uint8_t argument)
{
    unsigned number = (kind >> 3) % SLOTS;
    struct slot *slot = &slots[number];

    if ((kind & 7) < 5)
        give(slot, (argument & 1) != 0);
    switch (kind & 7) {
    case 0:
        take_order(number, 0);
        break;
    case 1:
        take_order(number, argument % 11);
        break;
    case 2:
        take_run(number, argument);
        break;
    case 3:
        take_many(number, 1 + argument % 16);
        break;
    case 4:
        take_zeroed(number);
        break;
    case 5:
        give(slot, (argument & 1) != 0);
        break;
    case 6:
        give_wrongly(slot, argument);
        break;
    default:
        if ((argument & 1) != 0)
            pmm_drain();
        else
            (void)pmm_zero_ahead();
        break;
    }
}

static void start_once(void)
{
    static const struct machine_piece pieces[] = { LOW_MEMORY(PAGE_SIZE, 0x9f000),
                                                   FREE_MEMORY(MiB, MACHINE_END) };

    MACHINE_BOOT(pieces);
    pmm_drain();
    at_start = machine_free_frames();
}

void fuzz_run(const uint8_t *data, size_t size)
{
    static unsigned runs;
    struct feed feed = { data, size };

    if (runs++ == 0)
        start_once();
    for (unsigned i = 0; i < OPERATIONS && !feed_ends(&feed); i++) {
        uint8_t kind = feed_byte(&feed);

        operate(kind, feed_byte(&feed));
    }
    for (unsigned i = 0; i < SLOTS; i++)
        give(&slots[i], false);
    pmm_drain();
    FUZZ_CHECK(machine_free_frames() == at_start);
    if (runs % CHECKED_ONE_IN == 0)
        FUZZ_CHECK(pmm_check() == STATUS_OK);
}
