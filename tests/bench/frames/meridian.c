/* SPDX-License-Identifier: BSD-2-Clause
 *
 * meridian.c - a simulated machine under our own frame allocator.
 *
 *      1 MiB                       4 GiB
 *      | metadata (the driver's) |  | simulated frames, which nobody touches ...
 *
 * The allocator is compiled as the kernel compiles it; the metadata lies where the driver says, and
 * arch_phys_ptr() reaches it and nothing else. With several processors one real frame each of the
 * others is set apart at the end of the metadata, for what a processor keeps for itself.
 */
#include "meridian.h"

#include <stdio.h>
#include <stdlib.h>

#include "arch/mmu.h"
#include "mm/bump.h"

#define TABLES_BYTES (16 * KiB) /* directory, index and the like, up to a few TiB */
#define AREA_BYTES   (549 * KiB)

const char *const bench_name = "meridian";
const unsigned bench_max_order = PMM_MAX_ORDER;
const unsigned bench_flags = BENCH_THREADS;

unsigned char *fake_memory_base;
uint64_t fake_memory_bytes;

/* The kernel's code keeps its canary here; the host's way to fail serves both. */
extern uintptr_t __stack_chk_guard;
uintptr_t __stack_chk_guard = (uintptr_t)0x9d3f6ab1c42e5700u;

static struct region rows[2];
static struct memmap map;

void fake_memory_beyond(paddr_t address)
{
    fprintf(stderr, "0x%llx is no metadata\n", (unsigned long long)pa_value(address));
    abort();
}

void bench_refused(uint64_t frame, unsigned order)
{
    fprintf(stderr, "a free was refused: frame %llu, order %u\n", (unsigned long long)frame, order);
    abort();
}

size_t bench_meta_size(uint64_t frames, unsigned cpus)
{
    uint64_t areas = (frames + (GiB >> PAGE_SHIFT) - 1) / (GiB >> PAGE_SHIFT);

    return (areas * (AREA_BYTES + 256) + TABLES_BYTES + (cpus - 1) * PAGE_SIZE + PAGE_MASK) &
           ~PAGE_MASK;
}

bool bench_init(void *meta, void *backing, uint64_t frames, unsigned cpus)
{
    uint64_t arena_bytes = bench_meta_size(frames, 1);
    size_t count = 0;

    (void)backing;
    fake_memory_base = (unsigned char *)meta - MiB;
    fake_memory_bytes = MiB + arena_bytes + cpus * PAGE_SIZE;
    memmap_init(&map, rows, ARRAY_COUNT(rows), NULL, 0, UINT64_C(1) << 46);
    if (cpus > 1)
        rows[count++] = (struct region){ .base = MiB + arena_bytes,
                                         .size_bytes = (cpus - 1) * PAGE_SIZE,
                                         .type = E820_USABLE };
    rows[count++] = (struct region){ .base = BENCH_FIRST_FRAME << PAGE_SHIFT,
                                     .size_bytes = frames << PAGE_SHIFT,
                                     .type = E820_USABLE };
    map.count = count;
    bump_init(&map, pa(MiB), arena_bytes);
    return pmm_init(&map) == STATUS_OK;
}

void bench_drain(unsigned cpu)
{
    (void)cpu;
    pmm_drain();
}
