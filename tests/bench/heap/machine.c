/* SPDX-License-Identifier: BSD-2-Clause
 *
 * machine.c - what our heap stands on here: the pool is mapped from the start and backed by the
 * host on touch, so frames are mere numbers; what is unmapped is given back to the host.
 */
#include "mm/paging.h"
#include "mm/pmm.h"

#include <stdlib.h>
#include <sys/mman.h>

/* What the kernel's functions compare behind their arrays. */
extern uintptr_t __stack_chk_guard;
uintptr_t __stack_chk_guard = 0x595e9fbd94fda766u;

static uint64_t next_frame;

static uint64_t take(uint64_t count)
{
    return __atomic_fetch_add(&next_frame, count, __ATOMIC_RELAXED);
}

size_t pmm_alloc_bulk(enum frame_tag tag, pfn_t *frames, size_t count)
{
    uint64_t first = take(count);

    (void)tag;
    for (size_t i = 0; i < count; i++)
        frames[i] = pfn(first + i);
    return count;
}

size_t pmm_free_bulk(const pfn_t *frames, size_t count)
{
    (void)frames;
    return count;
}

enum status pmm_alloc_run(const struct pmm_request *request, pfn_t *first)
{
    *first = pfn(take(request->count_frames));
    return STATUS_OK;
}

enum status pmm_free_run(pfn_t first, uint64_t count_frames)
{
    (void)first;
    (void)count_frames;
    return STATUS_OK;
}

void pmm_register_shrinker(struct pmm_shrinker *shrinker)
{
    (void)shrinker;
}

enum status paging_map(vaddr_t address, paddr_t target, size_t size_bytes, unsigned flags)
{
    (void)address;
    (void)target;
    (void)size_bytes;
    (void)flags;
    return STATUS_OK;
}

enum status paging_unmap(vaddr_t address, size_t size_bytes, bool free_frames)
{
    (void)free_frames;
    if (madvise(va_ptr(address), size_bytes, MADV_DONTNEED) != 0)
        abort();
    return STATUS_OK;
}

bool paging_lock_is_mine(void)
{
    return false;
}
