/* SPDX-License-Identifier: BSD-2-Clause
 *
 * kernel.c - a kernel that comes back: judges what it was entered with, and returns to the hostile
 * firmware.
 *
 * Its verdict is 0 or the number of the check that failed. The way back is in a configuration table of the
 * firmware's, as it calls them: its CR3, and where to go on there. Between the two sets of tables there
 * is one page in common, the loader's jump page, which is executable in both: seven bytes at its end are the
 * jump. It is found by walking the tables that the loader built.
 */
#include <stdbool.h>

#include "boot/handoff.h"

#define ENTRIES            512u
#define PRESENT            1u
#define LARGE              (1u << 7)
#define FRAME_MASK         0x000ffffffffff000u
#define PAGE_BYTES         4096u
#define MAX_TYPE           16u
/* Words of the system table: UEFI 2.10, 4.3. */
#define SYSTEM_TABLE_COUNT 13u
#define SYSTEM_TABLES      14u

void entry(const struct handoff *handoff);

/* Its data is relocated, and read back. */
static const uint64_t guid_of_way[] = { 0x4b1d9a3e6d657269, 0x6b63616220656d63 }; /* leave.c */
static const uint64_t *const wanted_guid = guid_of_way;

struct way_back {
    uint64_t cr3;
    uint64_t address;
};

/* UEFI 2.10, 4.6. */
struct configuration_table {
    uint8_t guid[16];
    uint64_t address;
};

static const void *record_of(const struct handoff *handoff, uint32_t type)
{
    const uint8_t *at = (const uint8_t *)handoff + handoff->header_bytes;

    for (uint32_t i = 0; i < handoff->record_count; i++) {
        const struct handoff_record *record = (const void *)at;

        if (record->type == type)
            return record;
        at += handoff_record_stride(record);
    }
    return NULL;
}

/* --- checks ------------------------------------------------------------------------------ */

static bool is_sealed(const struct handoff *handoff)
{
    const uint32_t *words = (const void *)handoff;
    uint32_t sum = 0;

    for (uint32_t i = 0; i < handoff->size_bytes / sizeof(*words); i++)
        sum += words[i];
    return sum == 0;
}

static bool is_in_table(const struct handoff_regions *table, uint64_t base, uint64_t size,
                        enum region_tag tag)
{
    for (uint32_t i = 0; i < table->count; i++) {
        const struct region *row = &table->regions[i];

        if (base >= row->base && base + size <= row->base + row->size_bytes)
            return row->tag == tag;
    }
    return false;
}

static bool is_sorted(const struct handoff_regions *table)
{
    uint64_t end = 0;

    for (uint32_t i = 0; i < table->count; i++) {
        const struct region *row = &table->regions[i];

        if (row->base < end || row->size_bytes == 0 ||
            (row->base | row->size_bytes) % PAGE_BYTES != 0)
            return false;
        end = row->base + row->size_bytes;
    }
    return table->count > 0 && table->count <= table->capacity;
}

/* Every page that the firmware's map calls free is free, held or reserved: in the table at all. */
static bool covers_map(const struct handoff_regions *table, const struct handoff_firmware_map *map)
{
    return map->descriptor_bytes >= 40 && map->map_bytes > 0 &&
           map->map_bytes % map->descriptor_bytes == 0 && table->regions[0].base == 0;
}

static bool interrupts_are_off(void)
{
    uint64_t flags;

    __asm__ volatile("pushfq; popq %0" : "=r"(flags));
    return (flags & 1u << 9) == 0;
}

static uint64_t judge(const struct handoff *handoff)
{
    const struct handoff_regions *table;
    const struct handoff_firmware_map *map;

    if (handoff->magic != HANDOFF_MAGIC || handoff->major != HANDOFF_MAJOR)
        return 1;
    if (!is_sealed(handoff))
        return 2;
    table = record_of(handoff, HANDOFF_RECORD_REGIONS);
    map = record_of(handoff, HANDOFF_RECORD_FIRMWARE_MAP);
    if (table == NULL || map == NULL || record_of(handoff, HANDOFF_RECORD_CHANGES) == NULL)
        return 3;
    if (!is_sorted(table))
        return 4;
    if (!is_in_table(table, handoff->kernel_base, handoff->kernel_bytes, REGION_TAG_KERNEL))
        return 5;
    if (!is_in_table(table, handoff->stack_base, handoff->stack_bytes, REGION_TAG_STACK))
        return 6;
    if (!covers_map(table, map))
        return 7;
    if (!interrupts_are_off())
        return 8;
    return 0;
}

/* --- the way back ------------------------------------------------------------------------ */

static const void *at_physical(const struct handoff *handoff, uint64_t address)
{
    return (const void *)(uintptr_t)(handoff->direct_map_va + address);
}

static bool is_ours(const struct configuration_table *table)
{
    const uint64_t *guid = (const void *)table->guid;

    return guid[0] == wanted_guid[0] && guid[1] == wanted_guid[1];
}

static const struct way_back *find_way_back(const struct handoff *handoff)
{
    const uint64_t *system = at_physical(handoff, handoff->efi_system_table);
    const struct configuration_table *tables = at_physical(handoff, system[SYSTEM_TABLES]);

    for (uint64_t i = 0; i < system[SYSTEM_TABLE_COUNT]; i++) {
        if (is_ours(&tables[i]))
            return at_physical(handoff, tables[i].address);
    }
    return NULL;
}

/* The only page of the lower half: its address, or 0. */
static uint64_t find_jump_page(const struct handoff *handoff)
{
    uint64_t table = handoff->table_root & FRAME_MASK;

    for (uint32_t level = handoff->table_levels; level > 0; level--) {
        const uint64_t *entries = (const void *)(uintptr_t)(handoff->direct_map_va + table);
        uint32_t count = level == handoff->table_levels ? ENTRIES / 2 : ENTRIES;
        uint32_t i = 0;

        while (i < count && (entries[i] & PRESENT) == 0)
            i++;
        if (i == count || (level > 1 && (entries[i] & LARGE) != 0))
            return 0;
        table = entries[i] & FRAME_MASK;
    }
    return table;
}

/* mov cr3, rdi; jmp rsi. Not at the page's start: the loader's next start is a new copy anyway. */
static const uint8_t jump[] = { 0x0f, 0x22, 0xdf, 0xff, 0xe6 };

void entry(const struct handoff *handoff)
{
    uint64_t verdict = judge(handoff);
    uint64_t page = find_jump_page(handoff);
    const struct way_back *way = find_way_back(handoff);
    uint64_t place = page + PAGE_BYTES - sizeof(jump);
    volatile uint8_t *code = (volatile uint8_t *)(uintptr_t)(handoff->direct_map_va + place);

    if (way == NULL || page == 0)
        for (;;)
            __asm__ volatile("hlt");
    for (uint32_t i = 0; i < sizeof(jump); i++)
        code[i] = jump[i];
    __asm__ volatile("jmp *%%rax"
                     :
                     : "a"(place), "D"(way->cr3), "S"(way->address), "d"(verdict)
                     : "memory");
}
