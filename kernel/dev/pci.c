/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pci.c - the walk over buses, devices and functions.
 *
 * Buses wait in a queue; a bridge puts the bus behind it there unless it was there before. So each
 * bus is walked once and there is an end, whatever the bridges claim: their own bus, each other's, a
 * lower one. No recursion, one bit and one byte a bus.
 *
 * Which buses further host bridges lead to is said in ACPI's bytecode only. Where there is more than
 * one of them, each bus that no bridge led to is asked for its devices; one that answers as the first
 * bus does is that bus once more, on a machine that does not decode all of the bus number.
 */
#include "pci_private.h"

#include "lib/log.h"

#define VENDOR_NONE     0xffffu
#define HEADER_MULTIPLE 0x80u /* the device has functions beyond 0 */
#define CLASS_HOST      0x0600u

struct walk {
    const struct pci_config *config;
    uint16_t segment;
    uint8_t last;
    uint8_t queue[PCI_BUSES];
    unsigned queued;
    unsigned host_bridges;
    uint32_t first_ids[PCI_DEVICES]; /* what the first bus shows */
    bool seen[PCI_BUSES];
};

static uint32_t read32(const struct walk *walk, struct pci_place place, unsigned offset)
{
    return walk->config->read32(walk->config->context, place, offset);
}

/* --- names ------------------------------------------------------------------------------- */

bool pci_is_host_bridge(const struct pci_function *function)
{
    return function->class_code >> 8 == CLASS_HOST;
}

/* The classes and subclasses that PCs have: PCI Code and ID Assignment 1.11, chapter 1. */
const char *pci_class_name(uint32_t class_code)
{
    static const struct {
        uint32_t code; /* class and subclass */
        const char *name;
    } exact[] = {
        { 0x0100, "SCSI controller" }, { 0x0101, "IDE controller" }, { 0x0106, "SATA controller" },
        { 0x0108, "NVMe controller" }, { 0x0200, "Ethernet" },       { 0x0300, "VGA controller" },
        { 0x0600, "host bridge" },     { 0x0601, "ISA bridge" },     { 0x0604, "PCI bridge" },
        { 0x0607, "CardBus bridge" },  { 0x0c03, "USB controller" }, { 0x0c05, "SMBus" },
    };
    static const char *const classes[] = {
        "device",        "storage controller", "network",         "display controller",
        "multimedia",    "memory controller",  "bridge",          "communication",
        "system device", "input device",       "docking station", "processor",
        "serial bus"
    };

    for (size_t i = 0; i < ARRAY_COUNT(exact); i++)
        if (exact[i].code == class_code >> 8)
            return exact[i].name;
    return class_code >> 16 < ARRAY_COUNT(classes) ? classes[class_code >> 16] : "device";
}

/* --- the walk ---------------------------------------------------------------------------- */

static void warn_of_bridge(const struct pci_function *bridge, const char *why)
{
    log_warning("PCI: the bridge %04x:%02x:%02x.%u leads to bus %u, %s: not followed",
                bridge->place.segment, bridge->place.bus, bridge->place.device,
                bridge->place.function, bridge->secondary, why);
}

static void follow_bridge(struct walk *walk, const struct pci_function *bridge)
{
    if (bridge->secondary == 0)
        return; /* the firmware has not set it up */
    if (walk->seen[bridge->secondary])
        warn_of_bridge(bridge, "which another way leads to");
    else if (bridge->secondary > walk->last)
        warn_of_bridge(bridge, "which cannot be reached");
    else {
        walk->seen[bridge->secondary] = true;
        walk->queue[walk->queued++] = bridge->secondary;
    }
}

/* False when there is no such function. */
static bool read_function(struct walk *walk, struct pci_place place, struct pci_function *function,
                          bool *multiple)
{
    uint32_t id = read32(walk, place, PCI_REGISTER_ID);
    uint32_t header;

    if ((id & VENDOR_NONE) == VENDOR_NONE || id == 0)
        return false;
    header = read32(walk, place, PCI_REGISTER_HEADER) >> 16;
    *multiple = (header & HEADER_MULTIPLE) != 0;
    *function = (struct pci_function){ .place = place,
                                       .vendor = (uint16_t)id,
                                       .device = (uint16_t)(id >> 16),
                                       .class_code = read32(walk, place, PCI_REGISTER_CLASS) >> 8,
                                       .header_type = (uint8_t)(header & (HEADER_MULTIPLE - 1)) };
    if (function->header_type == PCI_HEADER_BRIDGE) {
        uint32_t buses = read32(walk, place, PCI_REGISTER_BUSES);

        function->secondary = (uint8_t)(buses >> 8);
        function->subordinate = (uint8_t)(buses >> 16);
    }
    pci_read_ranges(walk->config, function);
    return true;
}

static bool walk_device(struct walk *walk, uint8_t bus, uint8_t device,
                        bool (*visit)(void *context, const struct pci_function *function),
                        void *context)
{
    bool multiple = true;

    for (uint8_t number = 0; number < PCI_FUNCTIONS && (number == 0 || multiple); number++) {
        const struct pci_place place = { walk->segment, bus, device, number };
        struct pci_function function;
        bool more;

        if (!read_function(walk, place, &function, &more)) {
            if (number == 0)
                return true;
            continue;
        }
        if (number == 0)
            multiple = more;
        if (function.header_type == PCI_HEADER_BRIDGE)
            follow_bridge(walk, &function);
        walk->host_bridges += pci_is_host_bridge(&function);
        if (!visit(context, &function))
            return false;
    }
    return true;
}

/* Walks the buses that are queued from number *next on. False when the visitor has had enough. */
static bool walk_queue(struct walk *walk, unsigned *next,
                       bool (*visit)(void *context, const struct pci_function *function),
                       void *context)
{
    for (; *next < walk->queued; (*next)++)
        for (uint8_t device = 0; device < PCI_DEVICES; device++)
            if (!walk_device(walk, walk->queue[*next], device, visit, context))
                return false;
    return true;
}

static uint32_t read_id(const struct walk *walk, unsigned bus, unsigned device)
{
    const struct pci_place place = { walk->segment, (uint8_t)bus, (uint8_t)device, 0 };

    return read32(walk, place, PCI_REGISTER_ID);
}

/* Whether there is anything on the bus, and something else than on the first one. */
static bool is_another_bus(const struct walk *walk, unsigned bus)
{
    bool differs = false;
    bool found = false;

    for (unsigned device = 0; device < PCI_DEVICES; device++) {
        uint32_t id = read_id(walk, bus, device);

        found |= (id & VENDOR_NONE) != VENDOR_NONE && id != 0;
        differs |= id != walk->first_ids[device];
    }
    return found && differs;
}

/* The buses that are left, for want of a bridge that leads to them. */
static void walk_others(struct walk *walk, unsigned next,
                        bool (*visit)(void *context, const struct pci_function *function),
                        void *context)
{
    unsigned first = walk->queue[0];
    bool going_on = true;

    for (unsigned device = 0; device < PCI_DEVICES; device++)
        walk->first_ids[device] = read_id(walk, first, device);
    for (unsigned bus = first + 1; bus <= walk->last && going_on; bus++) {
        if (walk->seen[bus] || !is_another_bus(walk, bus))
            continue;
        walk->seen[bus] = true;
        walk->queue[walk->queued++] = (uint8_t)bus;
        going_on = walk_queue(walk, &next, visit, context);
    }
}

void pci_scan(const struct pci_config *config, uint16_t segment, uint8_t first, uint8_t last,
              bool (*visit)(void *context, const struct pci_function *function), void *context)
{
    struct walk walk = {
        .config = config, .segment = segment, .last = last, .queue = { first }, .queued = 1
    };

    unsigned next = 0;

    walk.seen[first] = true;
    if (walk_queue(&walk, &next, visit, context) && walk.host_bridges > 1)
        walk_others(&walk, next, visit, context);
}
