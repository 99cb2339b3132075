/* SPDX-License-Identifier: BSD-2-Clause
 *
 * malloc.c - a small malloc that tells what it does.
 *
 * Memory comes from the kernel in arenas of 64 KiB, or, for what is as large, in an area of its own.
 * An arena is a row of blocks; a block is a header and what follows it. Free blocks are found by
 * walking the row (first fit), split when they are much too large, and joined with a free block
 * behind them when they are given back.
 *
 *     | size, free, next |  100 bytes  | size, free, next |  the rest ............ |
 */
#include "lib/bits.h"
#include "lib/print.h"
#include "program.h"

#define ARENA_BYTES ((size_t)(64 * KiB))
#define ALIGNMENT   ((size_t)16)

struct block {
    struct block *next; /* in the same arena, or the first one of another */
    size_t size_bytes;  /* without the header */
    bool is_free;
    bool is_alone;  /* in an area of its own */
    bool ends_area; /* what is next lies in another area */
};

#define HEADER_BYTES ((sizeof(struct block) + ALIGNMENT - 1) & ~(ALIGNMENT - 1))

static struct block *first;

static void *memory_of(struct block *block)
{
    return (char *)block + HEADER_BYTES;
}

/* --- from the kernel --------------------------------------------------------------------- */

static struct block *new_block(size_t area_bytes)
{
    struct block *block;
    void *start;
    enum status status = user_map(NULL, area_bytes, USER_WRITE, &start);

    if (status != STATUS_OK) {
        print("the kernel has no memory for it: error %u\n", (unsigned)status);
        return NULL;
    }
    block = start;
    *block = (struct block){ .size_bytes = area_bytes - HEADER_BYTES, .ends_area = true };
    return block;
}

static struct block *new_arena(void)
{
    struct block *block;

    print("no free block is large enough: the kernel is asked for an arena of %zu KiB\n",
          ARENA_BYTES / 1024);
    block = new_block(ARENA_BYTES);
    if (block == NULL)
        return NULL;
    block->is_free = true;
    block->next = first;
    first = block;
    return block;
}

static void *alone(size_t size_bytes)
{
    uint64_t area = align_up(size_bytes + HEADER_BYTES, PAGE_SIZE);
    struct block *block;

    print("that is as large as an arena: it gets an area of its own\n");
    block = new_block((size_t)area);
    if (block == NULL)
        return NULL;
    block->is_alone = true;
    return memory_of(block);
}

/* --- within an arena --------------------------------------------------------------------- */

static struct block *find_free(size_t size_bytes)
{
    struct block *block = first;

    while (block != NULL && !(block->is_free && block->size_bytes >= size_bytes))
        block = block->next;
    return block;
}

static void split(struct block *block, size_t size_bytes)
{
    struct block *rest = (struct block *)(void *)((char *)memory_of(block) + size_bytes);

    if (block->size_bytes < size_bytes + HEADER_BYTES + ALIGNMENT)
        return;
    *rest = (struct block){ .next = block->next,
                            .size_bytes = block->size_bytes - size_bytes - HEADER_BYTES,
                            .is_free = true,
                            .ends_area = block->ends_area };
    block->next = rest;
    block->size_bytes = size_bytes;
    block->ends_area = false;
}

/* --- interface --------------------------------------------------------------------------- */

void *malloc(size_t size_bytes)
{
    size_t rounded = (size_t)align_up(size_bytes, ALIGNMENT);
    struct block *block;

    print("malloc(%zu)\n", size_bytes);
    if (size_bytes == 0 || rounded < size_bytes)
        return NULL;
    if (rounded >= ARENA_BYTES - HEADER_BYTES)
        return rounded <= SIZE_MAX / 2 ? alone(rounded) : NULL;
    block = find_free(rounded);
    if (block != NULL)
        print("a free block of %zu bytes is at hand: no system call\n", block->size_bytes);
    else
        block = new_arena();
    if (block == NULL)
        return NULL;
    split(block, rounded);
    block->is_free = false;
    return memory_of(block);
}

void free(void *memory)
{
    struct block *block = (struct block *)(void *)((char *)memory - HEADER_BYTES);

    if (memory == NULL)
        return;
    print("free(%p)\n", memory);
    if (block->is_alone) {
        print("it has an area of its own, which goes back to the kernel\n");
        (void)user_unmap(block, block->size_bytes + HEADER_BYTES);
        return;
    }
    block->is_free = true;
    while (!block->ends_area && block->next->is_free) {
        block->ends_area = block->next->ends_area;
        block->size_bytes += HEADER_BYTES + block->next->size_bytes;
        block->next = block->next->next;
    }
}
