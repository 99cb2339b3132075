/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pci_machine.c - this machine's PCI: how it is reached, what was found, and its place in the table.
 *
 * Configuration space lies in memory (ECAM) where MCFG says so and the map does not call it RAM;
 * a MiB of it, one bus, is mapped at a time. It is trusted when the first function there is the one
 * that the ports show. Otherwise ports 0xCF8 and 0xCFC serve, which reach segment 0 alone.
 *
 *     table      |--- usable ---|         |- reserved -|      |- RAM -|
 *     BARs                          [BAR]        [BAR ]            [BAR]  warned of
 *     windows                     [---------- window ----------]
 *     result     |--- usable ---| [ window | BAR | window | BAR ]|- RAM -|
 *
 * Each row of the result names the function that it belongs to.
 * The handoff's table has no room for all this: rows and notes move into the heap first.
 * Early, one processor: not locked. Ports: PCI Local Bus 3.0, 3.2.2.3.2.
 */
#include "pci_private.h"

#include "arch/cpu.h"
#include "arch/port.h"
#include "dev/acpi.h"
#include "lib/bits.h"
#include "lib/log.h"
#include "lib/string.h"
#include "mm/heap.h"
#include "mm/memmap_events.h"
#include "mm/vmm.h"

#define PORT_ADDRESS    0xcf8u
#define PORT_DATA       0xcfcu
#define ADDRESS_ENABLE  0x80000000u

#define BUS_BYTES       ((size_t)MiB) /* of ECAM */
#define FUNCTION_SHIFT  12
#define FUNCTIONS_FIRST 32u
#define FUNCTIONS_MAX   2048u
#define SPACES_MAX      16u /* rows of MCFG whose memory is put into the table */

/* Room that the table gets beyond what it holds: an edit cuts two rows at most, and the gaps that
 * edits fill lie between rows. */
#define ROWS_PER_RANGE  4u
#define ROWS_MORE       16u

static struct {
    struct pci_function *functions;
    size_t count;
    size_t capacity;
    size_t lost;
    struct acpi_ecam ecam; /* in use */
    struct acpi_ecam spaces[SPACES_MAX];
    size_t space_count; /* those that were believed */
    uint64_t ecam_base; /* of segment 0, for the inventory */
    uint8_t bus;        /* what `window` shows */
    volatile uint8_t *window;
} pci;

/* --- by ports ---------------------------------------------------------------------------- */

static void select_register(struct pci_place place, unsigned offset)
{
    arch_port_write32(PORT_ADDRESS, ADDRESS_ENABLE | (uint32_t)place.bus << 16 |
                                        (uint32_t)place.device << 11 |
                                        (uint32_t)place.function << 8 | (offset & 0xfcu));
}

static uint32_t port_read32(void *context, struct pci_place place, unsigned offset)
{
    (void)context;
    select_register(place, offset);
    return arch_port_read32(PORT_DATA);
}

static void port_write32(void *context, struct pci_place place, unsigned offset, uint32_t value)
{
    (void)context;
    select_register(place, offset);
    arch_port_write32(PORT_DATA, value);
}

static void port_write16(void *context, struct pci_place place, unsigned offset, uint16_t value)
{
    (void)context;
    select_register(place, offset);
    arch_port_write16((uint16_t)(PORT_DATA + (offset & 2)), value);
}

static const struct pci_config by_ports = { port_read32, port_write32, port_write16, NULL };

/* --- by memory --------------------------------------------------------------------------- */

static void unmap_bus(void)
{
    if (pci.window != NULL && vm_free((void *)(uintptr_t)pci.window) != STATUS_OK)
        log_warning("PCI: a bus's configuration space cannot be unmapped");
    pci.window = NULL;
}

/* The registers of a function, or NULL. */
static volatile uint8_t *reach(struct pci_place place)
{
    uint64_t base = pci.ecam.base + (uint64_t)place.bus * BUS_BYTES;
    unsigned index = place.device * PCI_FUNCTIONS + place.function;
    void *window;

    if (place.bus < pci.ecam.first_bus || place.bus > pci.ecam.last_bus)
        return NULL;
    if (pci.window == NULL || pci.bus != place.bus) {
        unmap_bus();
        if (vm_map_device(pa(base), BUS_BYTES, "PCI configuration", &window) != STATUS_OK)
            return NULL;
        pci.window = window;
        pci.bus = place.bus;
    }
    return pci.window + ((size_t)index << FUNCTION_SHIFT);
}

static uint32_t memory_read32(void *context, struct pci_place place, unsigned offset)
{
    volatile uint8_t *registers = reach(place);

    (void)context;
    return registers == NULL ? PCI_NOTHING : *(volatile uint32_t *)(registers + offset);
}

static void memory_write32(void *context, struct pci_place place, unsigned offset, uint32_t value)
{
    volatile uint8_t *registers = reach(place);

    (void)context;
    if (registers != NULL)
        *(volatile uint32_t *)(registers + offset) = value;
}

static void memory_write16(void *context, struct pci_place place, unsigned offset, uint16_t value)
{
    volatile uint8_t *registers = reach(place);

    (void)context;
    if (registers != NULL)
        *(volatile uint16_t *)(registers + offset) = value;
}

static const struct pci_config by_memory = { memory_read32, memory_write32, memory_write16, NULL };

/* --- finding ----------------------------------------------------------------------------- */

static bool grow(void)
{
    size_t capacity = pci.capacity == 0 ? FUNCTIONS_FIRST : 2 * pci.capacity;
    struct pci_function *more;

    if (pci.capacity >= FUNCTIONS_MAX)
        return false;
    more = krealloc(pci.functions, capacity * sizeof(*more));
    if (more == NULL)
        return false;
    pci.functions = more;
    pci.capacity = capacity;
    return true;
}

static bool note_function(void *context, const struct pci_function *function)
{
    (void)context;
    if (pci.count < pci.capacity || grow())
        pci.functions[pci.count++] = *function;
    else
        pci.lost++;
    return true;
}

static uint64_t ecam_start(const struct acpi_ecam *ecam)
{
    return ecam->base + ecam->first_bus * (uint64_t)BUS_BYTES;
}

static uint64_t ecam_end(const struct acpi_ecam *ecam)
{
    return ecam->base + (ecam->last_bus + (uint64_t)1) * BUS_BYTES;
}

/* Whether the range's memory is nobody's RAM, and for segment 0 shows what the ports show. */
static bool ecam_is_true(const struct memmap *map, const struct acpi_ecam *ecam)
{
    const struct pci_place first = { ecam->segment, ecam->first_bus, 0, 0 };
    uint64_t start = ecam_start(ecam);
    uint64_t end = ecam_end(ecam);
    uint32_t told;

    if (end > map->limit)
        return false;
    for (size_t i = 0; i < map->count; i++) {
        const struct region *row = &map->regions[i];

        if (row->base < end && row->base + row->size_bytes > start &&
            (region_is_ram(row) || row->type == E820_USABLE))
            return false;
    }
    pci.ecam = *ecam;
    told = memory_read32(NULL, first, PCI_REGISTER_ID);
    return ecam->segment != 0 || told == port_read32(NULL, first, PCI_REGISTER_ID);
}

static void scan_ecam(const struct memmap *map, const struct acpi_ecam *ecam)
{
    if (!ecam_is_true(map, ecam)) {
        log_warning("PCI: configuration space of segment %u at 0x%llx, as MCFG has it, is not "
                    "there",
                    ecam->segment, (unsigned long long)ecam->base);
        unmap_bus();
        return;
    }
    if (ecam->segment == 0 && ecam->first_bus == 0)
        pci.ecam_base = ecam->base;
    if (pci.space_count < SPACES_MAX)
        pci.spaces[pci.space_count++] = *ecam;
    pci_scan(&by_memory, ecam->segment, ecam->first_bus, ecam->last_bus, note_function, NULL);
    unmap_bus();
}

static void scan_all(const struct handoff_view *machine)
{
    struct acpi_cursor cursor;
    struct acpi_ecam ecam;
    struct acpi_root root;

    acpi_machine_allow_mapping();
    if (acpi_machine_open(&machine->map, pa(machine->handoff->acpi_rsdp), &root) == STATUS_OK &&
        acpi_mcfg_open(&root, &cursor) == STATUS_OK)
        while (acpi_mcfg_next(&cursor, &ecam))
            scan_ecam(&machine->map, &ecam);
    acpi_machine_unmap();
    if (pci.ecam_base == 0)
        pci_scan(&by_ports, 0, 0, PCI_BUSES - 1, note_function, NULL);
}

/* --- the table of memory ----------------------------------------------------------------- */

static enum status move_table(struct memmap *map)
{
    size_t more = ROWS_MORE + ROWS_PER_RANGE * (PCI_RANGES_MAX * pci.count + pci.space_count);
    size_t rows = 2 * map->count + more;
    size_t notes = map->change_count + more;
    struct region *regions = kmalloc(rows * sizeof(*regions));
    struct handoff_change *changes = kmalloc(notes * sizeof(*changes));

    if (regions == NULL || changes == NULL) {
        kfree(regions);
        kfree(changes);
        return STATUS_NO_MEMORY;
    }
    memcpy(regions, map->regions, map->count * sizeof(*regions));
    if (map->change_count > 0)
        memcpy(changes, map->changes, map->change_count * sizeof(*changes));
    map->regions = regions;
    map->capacity = rows;
    map->changes = changes;
    map->change_capacity = notes;
    return STATUS_OK;
}

static void warn_of_ram(const struct memmap *map, const struct pci_place *place, uint64_t base,
                        uint64_t end)
{
    for (size_t i = 0; i < map->count; i++) {
        const struct region *row = &map->regions[i];

        if (row->base >= end || row->base + row->size_bytes <= base ||
            (row->type != E820_USABLE && !region_is_ram(row)))
            continue;
        log_warning("PCI: %04x:%02x:%02x.%u claims [mem 0x%016llx-0x%016llx], where the firmware "
                    "has memory at 0x%llx: the firmware is believed",
                    place->segment, place->bus, place->device, place->function,
                    (unsigned long long)base, (unsigned long long)(end - 1),
                    (unsigned long long)row->base);
        return;
    }
}

static void claim_range(struct memmap *map, const struct pci_place *place,
                        const struct pci_range *range)
{
    static const char *const kinds[] = { "BAR", "ROM", "window" };
    enum status status;

    /* A BAR that is off has its place all the same; a ROM's is often what the firmware left. */
    if (range->io || range->base == 0 || (range->kind == PCI_ROM && !range->enabled))
        return;
    warn_of_ram(map, place, range->base, range->base + range->size_bytes);
    status = memmap_claim_device(
        map, range->base, range->size_bytes,
        region_device(place->segment, place->bus, place->device, place->function));
    if (status != STATUS_OK)
        log_warning("PCI: no row in the table for what follows: %s", status_name(status));
    log_debug("PCI: %04x:%02x:%02x.%u %s %u [mem 0x%016llx-0x%016llx]", place->segment, place->bus,
              place->device, place->function, kinds[range->kind], range->number,
              (unsigned long long)range->base,
              (unsigned long long)(range->base + range->size_bytes - 1));
}

/* What lies within a window is the device's own first. */
static void claim_ranges(struct memmap *map, bool windows)
{
    for (size_t i = 0; i < pci.count; i++) {
        const struct pci_function *function = &pci.functions[i];

        for (unsigned n = 0; n < function->range_count; n++)
            if ((function->ranges[n].kind == PCI_WINDOW) == windows)
                claim_range(map, &function->place, &function->ranges[n]);
    }
}

/* What lies there belongs to no function: it is how all of them are reached. */
static void claim_config_spaces(struct memmap *map)
{
    for (size_t i = 0; i < pci.space_count; i++) {
        uint64_t base = ecam_start(&pci.spaces[i]);
        uint64_t size_bytes = ecam_end(&pci.spaces[i]) - base;
        enum status status = memmap_claim_device(map, base, size_bytes, 0);

        if (status != STATUS_OK)
            log_warning("PCI: no row in the table for configuration space at 0x%llx: %s",
                        (unsigned long long)base, status_name(status));
    }
}

enum status pci_machine_start(struct handoff_view *machine)
{
    struct memmap *map = &machine->map;
    size_t noted = map->change_count;
    enum status status;

    scan_all(machine);
    status = move_table(map);
    if (status != STATUS_OK)
        return status;
    claim_config_spaces(map);
    claim_ranges(map, false);
    claim_ranges(map, true);
    log_info("PCI: %zu functions, reached %s; %zu ranges added to the table", pci.count,
             pci.ecam_base != 0 ? "by memory" : "by ports", map->change_count - noted);
    if (pci.lost > 0)
        log_warning("PCI: no room for %zu more functions", pci.lost);
    for (size_t i = noted; i < map->change_count; i++)
        memmap_event_change(json_console(), &map->changes[i]);
    return STATUS_OK;
}

const struct pci_inventory *pci_machine_inventory(void)
{
    static struct pci_inventory inventory;

    inventory = (struct pci_inventory){ pci.functions, pci.count, pci.lost, pci.ecam_base };
    return &inventory;
}
