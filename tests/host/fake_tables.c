/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fake_tables.c - frames for page tables, for tests. fake_tables.h has the contract.
 */
#include "fake_tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/mmu.h"
#include "fake_mmu.h"

#define GARBAGE 0xa5

static uint64_t frame_at(size_t number)
{
    return fake_memory_bytes - (number + 1) * PAGE_SIZE;
}

static size_t number_of(const struct fake_tables *tables, paddr_t frame)
{
    uint64_t number = (fake_memory_bytes - pa_value(frame)) / PAGE_SIZE - 1;

    if (!pa_page_aligned(frame) || number >= tables->capacity || !tables->out[number]) {
        fprintf(stderr, "fake tables: 0x%llx was not given out\n",
                (unsigned long long)pa_value(frame));
        abort();
    }
    return number;
}

static enum status give(void *context, paddr_t *table)
{
    struct fake_tables *tables = context;
    uint64_t frame;

    if (tables->refuse_after == 0)
        return STATUS_NO_MEMORY;
    if (tables->free_count > 0)
        frame = tables->free_frames[--tables->free_count];
    else if (tables->fresh < tables->capacity)
        frame = frame_at(tables->fresh++);
    else
        return STATUS_NO_MEMORY;
    tables->refuse_after -= tables->refuse_after != SIZE_MAX;
    tables->allocations++;
    tables->outstanding++;
    tables->out[(fake_memory_bytes - frame) / PAGE_SIZE - 1] = true;
    memset(arch_phys_ptr(pa(frame)), 0, PAGE_SIZE);
    *table = pa(frame);
    return STATUS_OK;
}

static void take_back(void *context, paddr_t table)
{
    struct fake_tables *tables = context;

    tables->out[number_of(tables, table)] = false;
    tables->outstanding--;
    fake_mmu_frame_freed(table);
    memset(arch_phys_ptr(table), GARBAGE, PAGE_SIZE);
    tables->free_frames[tables->free_count++] = pa_value(table);
}

void fake_tables_start(struct fake_tables *tables, size_t capacity)
{
    *tables = (struct fake_tables){
        .memory = { .alloc = give, .free = take_back, .context = tables },
        .refuse_after = SIZE_MAX,
        .capacity = capacity,
        .free_frames = calloc(capacity, sizeof(uint64_t)),
        .out = calloc(capacity, sizeof(bool)),
    };
    if (tables->free_frames == NULL || tables->out == NULL)
        abort();
}

void fake_tables_stop(struct fake_tables *tables)
{
    free(tables->free_frames);
    free(tables->out);
    *tables = (struct fake_tables){ 0 };
}
