/* SPDX-License-Identifier: BSD-2-Clause
 *
 * remap.c - a page that is mapped anew while others read it. diag/remap.h has the contract.
 *
 * The turn is a sequence counter around the change, as readers of it know:
 *
 *     owner                                   reader
 *     turn + 1  (odd)                         even turn, address
 *     vm_unmap(): all processors flush        word = *address, may fault
 *     old frame says SPOILT                   the same turn still: word must be the turn
 *     new frame says turn + 2, is mapped
 *     turn + 1  (even)
 *
 * Reading faults when the page is just gone: that is caught (arch_trap_try()) and right only when
 * the turn has changed.
 */
#include "diag/remap.h"

#include "arch/mmu.h"
#include "arch/trap.h"
#include "lib/string.h"
#include "mm/pmm.h"
#include "mm/vmm.h"

#define SPOILT UINT32_MAX /* never a turn that is seen whole: it is odd */

static void frame_says(pfn_t frame, uint32_t word)
{
    volatile uint32_t *words = arch_frame_map(pfn_to_pa(frame));

    *words = word;
    arch_frame_unmap((void *)(uintptr_t)words);
}

/* The frame of an even turn. */
static pfn_t frame_of(const struct remap *remap, uint32_t turn)
{
    return remap->frames[turn / 2 % 2];
}

/* The turn is odd. */
static enum status map_next(struct remap *remap)
{
    uint32_t next = remap->turn + 1;
    const struct vm_request request = { .address = va(remap->address),
                                        .size_bytes = PAGE_SIZE,
                                        .rights = PT_WRITE,
                                        .kind = VM_FIXED,
                                        .target = pfn_to_pa(frame_of(remap, next)),
                                        .name = "remapped" };
    vaddr_t place;
    enum status status;

    frame_says(frame_of(remap, next), next);
    status = vm_map(vm_kernel(), &request, &place);
    if (status != STATUS_OK)
        return status;
    __atomic_store_n(&remap->address, va_value(place), __ATOMIC_RELAXED);
    __atomic_store_n(&remap->turn, next, __ATOMIC_RELEASE);
    return STATUS_OK;
}

enum status remap_begin(struct remap *remap)
{
    size_t count;
    enum status status;

    *remap = (struct remap){ .turn = 1 };
    count = pmm_alloc_bulk(FRAME_TEST, remap->frames, ARRAY_COUNT(remap->frames));
    status = count == ARRAY_COUNT(remap->frames) ? map_next(remap) : STATUS_NO_MEMORY;
    if (status != STATUS_OK)
        (void)pmm_free_bulk(remap->frames, count);
    return status;
}

static enum status unmap(struct remap *remap)
{
    return vm_unmap(vm_kernel(), va(remap->address), PAGE_SIZE);
}

enum status remap_turn(struct remap *remap)
{
    enum status status;

    if (remap->turn % 2 != 0)
        return map_next(remap);
    __atomic_store_n(&remap->turn, remap->turn + 1, __ATOMIC_SEQ_CST);
    status = unmap(remap);
    if (status != STATUS_OK) {
        __atomic_store_n(&remap->turn, remap->turn - 1, __ATOMIC_SEQ_CST);
        return status;
    }
    frame_says(frame_of(remap, remap->turn - 1), SPOILT);
    return map_next(remap);
}

struct look {
    uintptr_t address;
    uint32_t word;
};

static void read_word(void *context)
{
    struct look *look = context;

    look->word = *(const volatile uint32_t *)look->address;
}

bool remap_look(const struct remap *remap, uint32_t *turn)
{
    uint32_t before = __atomic_load_n(&remap->turn, __ATOMIC_SEQ_CST);
    struct look look = { __atomic_load_n(&remap->address, __ATOMIC_RELAXED), SPOILT };
    struct trap_info fault;
    bool same;

    if (turn != NULL)
        *turn = 0;
    if (before % 2 != 0)
        return true;
    if (arch_trap_try(read_word, &look, &fault))
        look.word = SPOILT;
    same = __atomic_load_n(&remap->turn, __ATOMIC_SEQ_CST) == before;
    if (same && turn != NULL)
        *turn = before;
    return !same || look.word == before;
}

void remap_end(struct remap *remap)
{
    if (remap->turn % 2 == 0)
        (void)unmap(remap);
    (void)pmm_free_bulk(remap->frames, ARRAY_COUNT(remap->frames));
}
