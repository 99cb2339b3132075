/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_pci.c - pci: the functions on PCI, and the addresses they answer at.
 */

#include "dev/pci.h"
#include "lib/json.h"
#include "lib/print.h"
#include "monitor/commands.h"
#include "lib/format.h"

#define PLACE_BYTES 16

static const char *const kinds[] = {
    [PCI_BAR] = "bar", [PCI_ROM] = "rom", [PCI_WINDOW] = "window"
};

/* "0000:00:1f.2", as Linux writes it. */
static const char *place_text(struct pci_place place, char text[PLACE_BYTES])
{
    (void)print_buffer(text, PLACE_BYTES, "%04x:%02x:%02x.%u", place.segment, place.bus,
                       place.device, place.function);
    return text;
}

/* --- for people -------------------------------------------------------------------------- */

static void print_range(const struct pci_range *range)
{
    char size[SIZE_TEXT_BYTES];
    char name[PLACE_BYTES];

    if (range->kind == PCI_BAR)
        (void)print_buffer(name, sizeof name, "BAR %u", range->number);
    else
        (void)print_buffer(name, sizeof name, "%s", range->kind == PCI_ROM ? "ROM" : "passes on");
    print("      %-10s%-8s", name, range->io ? "ports" : "memory");
    if (range->base == 0 && range->kind != PCI_WINDOW)
        print("%-38s", "not assigned");
    else
        print("0x%016llx  0x%016llx", (unsigned long long)range->base,
              (unsigned long long)(range->base + range->size_bytes - 1));
    print("  %10s%s%s%s\n", format_size(range->size_bytes, size), range->wide ? "  wide" : "",
          range->prefetchable ? "  prefetchable" : "", range->enabled ? "" : "  off");
}

static void print_function(const struct pci_function *function)
{
    char place[PLACE_BYTES];

    print("  %s  %04x:%04x  %06x  %s", place_text(function->place, place), function->vendor,
          function->device, function->class_code, pci_class_name(function->class_code));
    if (function->header_type == 1)
        print(", to buses %02x to %02x", function->secondary, function->subordinate);
    print("\n");
    for (unsigned i = 0; i < function->range_count; i++)
        print_range(&function->ranges[i]);
}

/* --- for machines ------------------------------------------------------------------------ */

static void write_range(struct json *event, const struct pci_range *range)
{
    json_item_begin(event);
    json_text(event, "kind", kinds[range->kind]);
    json_number(event, "number", range->number);
    json_text(event, "space", range->io ? "io" : "memory");
    json_address(event, "base", range->base);
    json_address(event, "size", range->size_bytes);
    json_boolean(event, "wide", range->wide);
    json_boolean(event, "prefetchable", range->prefetchable);
    json_boolean(event, "enabled", range->enabled);
    json_item_end(event);
}

static void write_function(const struct pci_function *function)
{
    char place[PLACE_BYTES];
    struct json event;

    json_begin(&event, json_console(), "pci");
    json_text(&event, "place", place_text(function->place, place));
    json_number(&event, "vendor", function->vendor);
    json_number(&event, "device", function->device);
    json_number(&event, "class", function->class_code);
    if (function->header_type == 1) {
        json_number(&event, "secondary", function->secondary);
        json_number(&event, "subordinate", function->subordinate);
    }
    json_list_begin(&event, "ranges");
    for (unsigned i = 0; i < function->range_count; i++)
        write_range(&event, &function->ranges[i]);
    json_list_end(&event);
    json_end(&event);
}

bool command_pci(const struct command_call *call)
{
    const struct pci_inventory *found = pci_machine_inventory();

    (void)call;
    for (size_t i = 0; i < found->count; i++) {
        print_function(&found->functions[i]);
        write_function(&found->functions[i]);
    }
    print("%zu functions; configuration space ", found->count);
    if (found->ecam_base != 0)
        print("at 0x%llx, as ACPI's MCFG says.\n", (unsigned long long)found->ecam_base);
    else
        print("by ports 0xcf8 and 0xcfc.\n");
    if (found->lost > 0)
        print("There was no room for %zu more.\n", found->lost);
    return true;
}
