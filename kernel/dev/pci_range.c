/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pci_range.c - base address registers, expansion ROMs and bridges' windows.
 *
 * A base address register tells its size by which bits of it can be set:
 *
 *     decoding off ─> each register: read, write ones, read the mask, write back ─> decoding on
 *
 * All registers of a function are asked in one go, with interrupts off, and nothing is printed
 * meanwhile: what is turned off may be what the console is shown on. Only then are the values
 * decoded, without touching the device.
 *
 *     mask, low bits cleared   1111 1111 1111 0000 0000 ...    size = lowest set bit
 *                              all ones above it, or it is no size
 */
#include "pci_private.h"

#include "arch/cpu.h"
#include "lib/bits.h"
#include "lib/log.h"

#define FIRST_BAR         0x10u
#define DEVICE_BARS       6u
#define BRIDGE_BARS       2u
#define CARDBUS_BARS      1u
#define DEVICE_ROM        0x30u
#define BRIDGE_ROM        0x38u
#define REGISTERS_MAX     (DEVICE_BARS + 1)

/* PCI Local Bus 3.0, 6.2.5.1. */
#define BAR_IO            1u
#define BAR_IO_FLAGS      3u
#define BAR_IO_UPPER      0xffff0000u /* may read as zeros: a PC has 64 Ki ports */
#define BAR_FLAGS         0xfu
#define BAR_WIDTH         6u
#define BAR_WIDTH_64      4u
#define BAR_WIDTH_NONE    6u /* nobody defines it */
#define BAR_PREFETCHABLE  8u

#define ROM_ENABLED       1u
#define ROM_FLAGS         0x7ffu

/* PCI-to-PCI Bridge 1.2, 3.2.5.6 to 3.2.5.10. */
#define WINDOW_IO         0x1cu
#define WINDOW_MEMORY     0x20u
#define WINDOW_PREFETCH   0x24u
#define WINDOW_BASE_UPPER 0x28u
#define WINDOW_END_UPPER  0x2cu
#define WINDOW_IO_UPPER   0x30u

/* One register: what it held, which bits of it can be set, what it holds now. */
struct asked {
    unsigned offset;
    uint32_t before;
    uint32_t mask;
    uint32_t after;
};

static uint32_t read32(const struct pci_config *config, struct pci_place place, unsigned offset)
{
    return config->read32(config->context, place, offset);
}

static void warn(const struct pci_function *function, unsigned offset, const char *what)
{
    log_warning("PCI: %04x:%02x:%02x.%u: the register at 0x%x %s", function->place.segment,
                function->place.bus, function->place.device, function->place.function, offset,
                what);
}

static void add_range(struct pci_function *function, struct pci_range range)
{
    function->ranges[function->range_count++] = range;
}

/* --- asking ------------------------------------------------------------------------------ */

static void ask_one(const struct pci_config *config, struct pci_place place, struct asked *asked)
{
    bool rom = asked->offset == DEVICE_ROM || asked->offset == BRIDGE_ROM;

    asked->before = read32(config, place, asked->offset);
    config->write32(config->context, place, asked->offset, rom ? ~ROM_FLAGS : PCI_NOTHING);
    asked->mask = read32(config, place, asked->offset);
    config->write32(config->context, place, asked->offset, asked->before);
    asked->after = read32(config, place, asked->offset);
}

/* Returns the command register as it was, and is. */
static uint16_t ask(const struct pci_config *config, struct pci_place place, struct asked *asked,
                    unsigned count)
{
    const uint16_t decoding = PCI_COMMAND_IO | PCI_COMMAND_MEMORY;
    irq_state_t irq = arch_irq_save();
    uint16_t command = (uint16_t)read32(config, place, PCI_REGISTER_COMMAND);

    if ((command & decoding) != 0)
        config->write16(config->context, place, PCI_REGISTER_COMMAND,
                        (uint16_t)(command & ~decoding));
    for (unsigned i = 0; i < count; i++)
        ask_one(config, place, &asked[i]);
    if ((command & decoding) != 0)
        config->write16(config->context, place, PCI_REGISTER_COMMAND, command);
    arch_irq_restore(irq);
    return command;
}

/* --- decoding ---------------------------------------------------------------------------- */

/* The size that a mask tells, 0 if none; low bits that are flags are cleared in both. */
static uint64_t size_of(uint64_t mask, uint64_t base)
{
    uint64_t size = mask & -mask;

    if (mask == 0 || (mask | (size - 1)) != UINT64_MAX || (base & (size - 1)) != 0)
        return 0;
    return size;
}

static void decode_rom(struct pci_function *function, const struct asked *asked, uint16_t command)
{
    uint64_t base = asked->before & ~(uint64_t)ROM_FLAGS;
    uint64_t mask = asked->mask & ~ROM_FLAGS;
    uint64_t size = size_of(mask == 0 ? 0 : mask | ~(uint64_t)UINT32_MAX, base);

    if (mask == 0)
        return;
    if (size == 0) {
        warn(function, asked->offset, "tells no size: left out");
        return;
    }
    if (base == mask && (asked->before & ROM_ENABLED) == 0)
        base = 0; /* what the firmware's own sizing has left */
    add_range(function, (struct pci_range){ .kind = PCI_ROM,
                                            .prefetchable = true,
                                            .enabled = (asked->before & ROM_ENABLED) != 0 &&
                                                       (command & PCI_COMMAND_MEMORY) != 0,
                                            .base = base,
                                            .size_bytes = size });
}

static void decode_ports(struct pci_function *function, unsigned number, const struct asked *asked,
                         uint16_t command)
{
    uint64_t base = asked->before & ~BAR_IO_FLAGS;
    uint64_t mask = (asked->mask & ~BAR_IO_FLAGS) | BAR_IO_UPPER;
    uint64_t size = size_of(mask | ~(uint64_t)UINT32_MAX, base);

    if ((asked->mask & ~BAR_IO_FLAGS) == 0 || size == 0) {
        warn(function, asked->offset, "tells no size: left out");
        return;
    }
    add_range(function, (struct pci_range){ .kind = PCI_BAR,
                                            .number = (uint8_t)number,
                                            .io = true,
                                            .enabled = (command & PCI_COMMAND_IO) != 0,
                                            .base = base,
                                            .size_bytes = size });
}

/* `high` is the upper half, or NULL. */
static void decode_memory(struct pci_function *function, unsigned number, const struct asked *asked,
                          const struct asked *high, uint16_t command)
{
    uint64_t base = asked->before & ~BAR_FLAGS;
    uint64_t mask = (asked->mask & ~BAR_FLAGS) | (uint64_t)UINT32_MAX << 32;
    uint64_t size;

    if (high != NULL) {
        base |= (uint64_t)high->before << 32;
        mask = (asked->mask & ~BAR_FLAGS) | (uint64_t)high->mask << 32;
    }
    size = size_of(mask, base);
    if (size == 0 || (high == NULL && size > UINT32_MAX)) {
        warn(function, asked->offset, "tells no size: left out");
        return;
    }
    add_range(function, (struct pci_range){ .kind = PCI_BAR,
                                            .number = (uint8_t)number,
                                            .wide = high != NULL,
                                            .prefetchable = (asked->before & BAR_PREFETCHABLE) != 0,
                                            .enabled = (command & PCI_COMMAND_MEMORY) != 0,
                                            .base = base,
                                            .size_bytes = size });
}

/* Decodes BAR `number` of `count`; returns how many registers it takes. */
static unsigned decode_bar(struct pci_function *function, const struct asked *asked,
                           unsigned number, unsigned count, uint16_t command)
{
    const struct asked *low = &asked[number];
    unsigned width = low->before & BAR_WIDTH;

    if (low->mask == 0)
        return 1; /* not there */
    if ((low->before & BAR_IO) != 0) {
        decode_ports(function, number, low, command);
        return 1;
    }
    if (width == BAR_WIDTH_NONE) {
        warn(function, low->offset, "has a width that nobody defines: left out");
        return 1;
    }
    if (width != BAR_WIDTH_64) {
        decode_memory(function, number, low, NULL, command);
        return 1;
    }
    if (number + 1 == count) {
        warn(function, low->offset, "is half of a 64-bit one, the last: left out");
        return 1;
    }
    decode_memory(function, number, low, low + 1, command);
    return 2;
}

/* --- windows ----------------------------------------------------------------------------- */

/* [base, limit] of a bridge; closed when the limit is below. */
static void add_window(struct pci_function *function, unsigned number, uint64_t base,
                       uint64_t limit, struct pci_range range)
{
    if (base > limit)
        return;
    range.kind = PCI_WINDOW;
    range.number = (uint8_t)number;
    range.base = base;
    range.size_bytes = limit - base + 1;
    if (range.size_bytes != 0)
        add_range(function, range);
}

static void read_io_window(const struct pci_config *config, struct pci_function *function,
                           bool enabled)
{
    uint32_t value = read32(config, function->place, WINDOW_IO) & 0xffff;
    uint64_t base = (value & 0xf0) << 8;
    uint64_t limit = (value & 0xf000) | 0xfff;
    bool wide = (value & 0xf) == 1;

    if (wide) {
        uint32_t upper = read32(config, function->place, WINDOW_IO_UPPER);

        base |= (uint64_t)(upper & 0xffff) << 16;
        limit |= (uint64_t)(upper >> 16) << 16;
    }
    if (value != 0) /* else there is no such window */
        add_window(function, 0, base, limit,
                   (struct pci_range){ .io = true, .wide = wide, .enabled = enabled });
}

static void read_memory_window(const struct pci_config *config, struct pci_function *function,
                               bool prefetchable, bool enabled)
{
    unsigned offset = prefetchable ? WINDOW_PREFETCH : WINDOW_MEMORY;
    uint32_t value = read32(config, function->place, offset);
    uint64_t base = (uint64_t)(value & 0xfff0) << 16;
    uint64_t limit = (value & 0xfff00000) | 0xfffff;
    bool wide = prefetchable && (value & 0xf) == 1;

    if (wide) {
        base |= (uint64_t)read32(config, function->place, WINDOW_BASE_UPPER) << 32;
        limit |= (uint64_t)read32(config, function->place, WINDOW_END_UPPER) << 32;
    }
    if (value != 0)
        add_window(
            function, prefetchable ? 2 : 1, base, limit,
            (struct pci_range){ .wide = wide, .prefetchable = prefetchable, .enabled = enabled });
}

/* --- a function -------------------------------------------------------------------------- */

static void read_registers(const struct pci_config *config, struct pci_function *function,
                           unsigned bars, unsigned rom)
{
    struct asked asked[REGISTERS_MAX] = { 0 };
    unsigned count = bars + (rom != 0);
    uint16_t command;

    for (unsigned i = 0; i < bars; i++)
        asked[i].offset = FIRST_BAR + 4 * i;
    if (rom != 0)
        asked[bars].offset = rom;
    command = ask(config, function->place, asked, count);
    for (unsigned i = 0; i < count; i++)
        if (asked[i].after != asked[i].before)
            warn(function, asked[i].offset, "does not hold what is written to it");
    for (unsigned i = 0; i < bars;)
        i += decode_bar(function, asked, i, bars, command);
    if (rom != 0)
        decode_rom(function, &asked[bars], command);
}

void pci_read_ranges(const struct pci_config *config, struct pci_function *function)
{
    uint32_t command = read32(config, function->place, PCI_REGISTER_COMMAND);

    if (pci_is_host_bridge(function))
        return;
    switch (function->header_type) {
    case PCI_HEADER_DEVICE:
        read_registers(config, function, DEVICE_BARS, DEVICE_ROM);
        return;
    case PCI_HEADER_BRIDGE:
        read_registers(config, function, BRIDGE_BARS, BRIDGE_ROM);
        read_io_window(config, function, (command & PCI_COMMAND_IO) != 0);
        read_memory_window(config, function, false, (command & PCI_COMMAND_MEMORY) != 0);
        read_memory_window(config, function, true, (command & PCI_COMMAND_MEMORY) != 0);
        return;
    case PCI_HEADER_CARDBUS:
        read_registers(config, function, CARDBUS_BARS, 0);
        return;
    }
    warn(function, PCI_REGISTER_HEADER, "has a layout that nobody defines: its ranges are unknown");
}
