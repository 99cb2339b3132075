/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pmm_machine.c - small machines for the tests of the frame allocator.
 */
#include "pmm_machine.h"

#include <sys/mman.h>

#define GARBAGE_BYTES  (32 * MiB) /* from the end of each piece down */
#define GARBAGE_PIECES 4u         /* pieces that get it: the highest below 4 GiB, and the last */

struct memmap machine_map;

static struct region *rows;
static uint64_t random_state;

void machine_random_start(void)
{
    random_state = 0x9e3779b97f4a7c15u;
}

uint64_t machine_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

uint64_t machine_random_below(uint64_t limit)
{
    return machine_random() % limit;
}

static void fill_with_garbage(const struct machine_piece *piece)
{
    uint64_t bytes = min_u64(piece->size_bytes, GARBAGE_BYTES);

    fake_memory_fill(pa(piece->base + piece->size_bytes - bytes), bytes, 0xa5);
}

void machine_start(const struct machine_piece *pieces, size_t count)
{
    uint64_t top = 0;

    host_log_clear();
    machine_random_start();
    free(rows);
    rows = calloc(count, sizeof(*rows));
    assert_non_null(rows);
    for (size_t i = 0; i < count; i++)
        top = max_u64(top, pieces[i].base + pieces[i].size_bytes);
    fake_memory_create(top);
    memmap_init(&machine_map, rows, count, NULL, 0, top);
    for (size_t i = 0; i < count; i++) {
        const struct region row = { .base = pieces[i].base,
                                    .size_bytes = pieces[i].size_bytes,
                                    .type = pieces[i].type,
                                    .tag = pieces[i].tag,
                                    .flags = REGION_WB | REGION_IS_RAM };

        assert_ok(memmap_add(&machine_map, &row));
        if (count <= GARBAGE_PIECES || count - i <= GARBAGE_PIECES)
            fill_with_garbage(&pieces[i]);
    }
    bump_init(&machine_map, pa(0), 0);
}

void machine_boot(const struct machine_piece *pieces, size_t count)
{
    machine_start(pieces, count);
    assert_ok(pmm_init(&machine_map));
}

int machine_stop(void **state)
{
    (void)state;
    fake_memory_destroy();
    free(rows);
    rows = NULL;
    return 0;
}

void machine_boot_plain(void)
{
    static const struct machine_piece pieces[] = {
        LOW_MEMORY(PAGE_SIZE, 0x9f000),
        FREE_MEMORY(MiB, 3 * GiB),
        FREE_MEMORY(4 * GiB, 9 * GiB),
    };

    MACHINE_BOOT(pieces);
}

/* Bytes of value 1, of few. */
static uint64_t count_ones(const unsigned char *bytes, size_t size)
{
    const unsigned char *end = bytes + size;
    uint64_t count = 0;

    for (; (bytes = memchr(bytes, 1, (size_t)(end - bytes))) != NULL; bytes++)
        count++;
    return count;
}

uint64_t machine_resident(uint64_t base, uint64_t size_bytes)
{
    const size_t window = 1u << 16; /* pages asked for at once */
    unsigned char *there = malloc(window);
    uint64_t pages = 0;

    assert_non_null(there);
    for (uint64_t done = 0; done < size_bytes; done += window * PAGE_SIZE) {
        uint64_t bytes = min_u64(size_bytes - done, window * PAGE_SIZE);

        assert_int_equal(mincore(arch_phys_ptr(pa(base + done)), bytes, there), 0);
        pages += count_ones(there, bytes / PAGE_SIZE);
    }
    free(there);
    return pages * PAGE_SIZE;
}

uint64_t machine_free_frames(void)
{
    struct pmm_stats stats;

    pmm_get_stats(&stats);
    assert_int_equal(stats.free_frames + stats.used_frames, stats.managed_frames);
    assert_int_equal(stats.managed_frames + stats.reserved_frames, stats.total_frames);
    assert_true(stats.free_frames <= stats.managed_frames);
    assert_true(stats.cached_frames <= stats.free_frames);
    return stats.free_frames;
}
