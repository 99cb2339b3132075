/* SPDX-License-Identifier: BSD-2-Clause
 *
 * acpi_machine.c - how this machine's tables are reached.
 *
 * UEFI's tables lie in RAM, which the direct map covers on x86-64 from the first instruction on.
 * Elsewhere they may not: a BIOS leaves its root pointer in ROM, firmware may keep tables in memory
 * that it calls reserved, and a 32-bit kernel's direct map ends long before its RAM. Such a page is
 * mapped for reading, in place of the one before; RAM write-back like everywhere, others uncached.
 * General memory is never mapped this way: the direct map has all of it that is the kernel's.
 *
 * Not locked: the tables are read early, by one processor.
 */
#include "dev/acpi.h"

#include "arch/mmu.h"
#include "lib/assert.h"
#include "lib/bits.h"
#include "lib/log.h"
#include "lib/string.h"
#include "mm/layout.h"
#include "mm/mtrr.h"
#include "mm/vmm.h"

static struct {
    const struct memmap *map;
    bool may_map;
    bool closed;
    uint64_t page; /* what `mapped` shows */
    void *mapped;  /* NULL: nothing */
} machine;

void acpi_machine_allow_mapping(void)
{
    machine.may_map = true;
}

void acpi_machine_unmap(void)
{
    if (machine.mapped != NULL && vm_free(machine.mapped) != STATUS_OK)
        log_warning("ACPI: the window for tables cannot be unmapped");
    machine.mapped = NULL;
}

void acpi_machine_close(void)
{
    acpi_machine_unmap();
    machine.closed = true;
}

/* As everybody else maps RAM, where the firmware lets it be cached. */
static unsigned cache_of(uint64_t page, bool is_ram)
{
    uint64_t end;

    return is_ram && mtrr_agrees(mtrr_type_at(pa(page), &end), PT_WRITE_BACK) ? PT_WRITE_BACK
                                                                              : PT_UNCACHED;
}

/* The page where it is mapped now, or NULL. */
static const uint8_t *map_page(uint64_t page, bool is_ram)
{
    if (!machine.may_map)
        return NULL;
    if (machine.mapped != NULL && machine.page == page)
        return machine.mapped;
    acpi_machine_unmap();
    if (vm_map_frames(pa(page), PAGE_SIZE, cache_of(page, is_ram), "ACPI tables",
                      &machine.mapped) != STATUS_OK)
        machine.mapped = NULL;
    machine.page = page;
    return machine.mapped;
}

static const uint8_t *reach_page(uint64_t page)
{
    const struct region *row = memmap_find(machine.map, pa(page));
    bool is_ram = row != NULL && region_is_ram(row);

    if (is_ram && page < LAYOUT_DIRECT_MAP_BYTES)
        return arch_phys_ptr(pa(page));
    return map_page(page, is_ram);
}

static bool read_machine(void *context, paddr_t address, void *to, size_t size_bytes)
{
    uint64_t at = pa_value(address);
    uint8_t *out = to;
    uint64_t end;

    (void)context;
    if (!checked_add(at, size_bytes, &end) || end > machine.map->limit)
        return false;
    while (at < end) {
        uint64_t page = align_down(at, PAGE_SIZE);
        size_t count = (size_t)(min_u64(end, page + PAGE_SIZE) - at);
        const uint8_t *bytes = reach_page(page);

        if (bytes == NULL)
            return false;
        memcpy(out, bytes + (at - page), count);
        out += count;
        at += count;
    }
    return true;
}

const struct acpi_reader *acpi_machine_reader(const struct memmap *map)
{
    static const struct acpi_reader reader = { .read = read_machine };

    machine.map = map;
    return &reader;
}

enum status acpi_machine_open(const struct memmap *map, paddr_t rsdp, struct acpi_root *root)
{
    const struct acpi_reader *reader = acpi_machine_reader(map);
    enum status status = STATUS_OK;

    VERIFY(!machine.closed);
    if (pa_value(rsdp) == 0)
        status = acpi_scan_bios(reader, &rsdp);
    return status == STATUS_OK ? acpi_open(reader, rsdp, root) : status;
}
