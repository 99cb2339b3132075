/* SPDX-License-Identifier: BSD-2-Clause
 *
 * dev/pci.h - what is on PCI, and which addresses it answers at.
 *
 * Configuration space is outside input: a device may say anything. The walk visits each bus once,
 * sizes are powers of two or not believed, and whatever makes no sense is left out with a warning.
 * Sizing a register writes to it: the function's decoding is off meanwhile, and everything is put
 * back. Host bridges are left alone.
 *
 * Pure over struct pci_config, the same hosted; pci_machine_start() does it for this machine.
 * Source: PCI Local Bus 3.0, chapter 6; PCI-to-PCI Bridge 1.2, 3.2.5; PCI Express 5.0, 7.2.2.
 */
#ifndef MERIDIAN_DEV_PCI_H
#define MERIDIAN_DEV_PCI_H

#include "lib/status.h"
#include "lib/types.h"
#include "mm/handoff_adopt.h"

#define PCI_BUSES     256u
#define PCI_DEVICES   32u
#define PCI_FUNCTIONS 8u

/* Where a function is. */
struct pci_place {
    uint16_t segment;
    uint8_t bus;
    uint8_t device;
    uint8_t function;
};

/* The first 256 bytes of each function's registers. `offset` is a multiple of the width; a function
 * that is not there reads as all ones. */
struct pci_config {
    uint32_t (*read32)(void *context, struct pci_place place, unsigned offset);
    void (*write32)(void *context, struct pci_place place, unsigned offset, uint32_t value);
    void (*write16)(void *context, struct pci_place place, unsigned offset, uint16_t value);
    void *context;
};

enum pci_range_kind {
    PCI_BAR,    /* number: 0 to 5 */
    PCI_ROM,    /* the expansion ROM */
    PCI_WINDOW, /* what a bridge passes on */
};

/* Addresses that a function answers at, or would if it were enabled. */
struct pci_range {
    enum pci_range_kind kind;
    uint8_t number;
    bool io;             /* ports, else memory */
    bool wide;           /* the register has 64 bits; of a window of ports: 32 */
    bool prefetchable;   /* reading has no side effects */
    bool enabled;        /* the function decodes it now */
    uint64_t base;       /* 0: not assigned. In the bus's view, which is the processor's on a PC */
    uint64_t size_bytes; /* > 0; base + size_bytes - 1 does not wrap */
};

#define PCI_RANGES_MAX 10u /* 6 BARs and a ROM, or 2, a ROM and 3 windows */

struct pci_function {
    struct pci_place place;
    uint16_t vendor;
    uint16_t device;
    uint32_t class_code; /* 24 bits: class, subclass, programming interface */
    uint8_t header_type; /* 0 device, 1 PCI bridge, 2 CardBus bridge */
    uint8_t secondary;   /* of a PCI bridge: the bus behind it, and the last one behind that */
    uint8_t subordinate;
    unsigned range_count;
    struct pci_range ranges[PCI_RANGES_MAX];
};

/* Calls `visit` for each function from bus `first` on, bus by bus, until it returns false. Bridges
 * lead to buses up to `last`, each of which is walked once, by whatever bridge comes first; where
 * there is more than one host bridge, buses that no bridge leads to are looked for as well. */
void pci_scan(const struct pci_config *config, uint16_t segment, uint8_t first, uint8_t last,
              bool (*visit)(void *context, const struct pci_function *function), void *context);

/* Whether the function is a bridge from the processor's bus. */
bool pci_is_host_bridge(const struct pci_function *function);

/* "VGA controller", "PCI bridge" ... by its class. Never NULL. */
const char *pci_class_name(uint32_t class_code);

/* --- this machine ------------------------------------------------------------------------ */

struct pci_inventory {
    const struct pci_function *functions;
    size_t count;
    size_t lost;        /* functions for which there was no room */
    uint64_t ecam_base; /* of bus 0 in segment 0; 0: reached by ports */
};

/* Finds what there is: by the memory that MCFG tells of where it can be had, else by ports. Adds
 * memory of devices, bridges' windows and configuration space to the table as reserved,
 * REGION_TAG_DEVICE with the function that it belongs to, except where somebody holds it or it is RAM. The table moves into the heap, to have room. Early, once, after
 * the heap. STATUS_NO_MEMORY: the table is what it was. */
enum status pci_machine_start(struct handoff_view *machine);

/* What was found. */
const struct pci_inventory *pci_machine_inventory(void);

#endif
