/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_region.c - region: labels on physical memory, listed, found, set and taken away.
 */

#include "monitor/commands.h"
#include "lib/format.h"
#include "lib/json.h"
#include "lib/number.h"
#include "lib/print.h"
#include "mm/region.h"

/* What a list shows: labels of one kind, or all. */
struct listing {
    bool all;
    enum region_kind kind;
    unsigned digits;
    unsigned count;
    uint64_t bytes;
};

static void print_label(const struct region_label *label, unsigned digits)
{
    char size[SIZE_TEXT_BYTES];
    struct json event;

    print("  0x%0*llx  0x%0*llx  %10s  %-9s  %-23s  %s\n", (int)digits,
          (unsigned long long)label->base, (int)digits,
          (unsigned long long)(label->base + label->size_bytes - 1),
          format_size(label->size_bytes, size), region_kind_name(label->kind), label->name,
          label->from_map ? "the map" : "a label");
    json_begin(&event, json_console(), "region_label");
    json_address(&event, "base", label->base);
    json_address(&event, "size", label->size_bytes);
    json_text(&event, "kind", region_kind_name(label->kind));
    json_text(&event, "name", label->name);
    json_boolean(&event, "from_map", label->from_map);
    json_end(&event);
}

static void print_heading(unsigned digits)
{
    print("  %-*s  %-*s  %10s  %-9s  %-23s  %s\n", (int)digits + 2, "first byte", (int)digits + 2,
          "last byte", "size", "kind", "name", "says");
}

static bool list_label(void *context, const struct region_label *label)
{
    struct listing *listing = context;

    if (!listing->all && label->kind != listing->kind)
        return true;
    print_label(label, listing->digits);
    listing->count++;
    listing->bytes += label->size_bytes;
    return true;
}

static unsigned digits_of(const struct command_call *call)
{
    return format_digits(call->machine->map.limit - 1);
}

static bool list(const struct command_call *call, bool all, enum region_kind kind)
{
    struct listing listing = { .all = all, .kind = kind, .digits = digits_of(call) };
    char size[SIZE_TEXT_BYTES];

    print_heading(listing.digits);
    region_visit(&call->machine->map, list_label, &listing);
    print("%u regions, %s.\n", listing.count, format_size(listing.bytes, size));
    return true;
}

static bool list_all(const struct command_call *call)
{
    if (call->count > 1)
        return command_refuse(call, "'%s' is one argument too many", call->arguments[1]);
    return list(call, true, REGION_KIND_COUNT);
}

#define FOUND_MOST 8

static bool find_address(const struct command_call *call, uint64_t address)
{
    struct region_label found[FOUND_MOST];
    unsigned count = region_find(&call->machine->map, pa(address), found, FOUND_MOST);

    if (count == 0) {
        print("No label holds 0x%llx.\n", (unsigned long long)address);
        return true;
    }
    print_heading(digits_of(call));
    for (unsigned i = 0; i < count && i < FOUND_MOST; i++)
        print_label(&found[i], digits_of(call));
    return true;
}

static bool find(const struct command_call *call)
{
    enum region_kind kind;
    uint64_t address;

    if (call->count != 2)
        return command_refuse(call, "find takes an address or a kind");
    if (region_kind_parse(call->arguments[1], &kind) == STATUS_OK)
        return list(call, false, kind);
    if (number_parse(call->arguments[1], &address) != STATUS_OK)
        return command_refuse(call, "'%s' is neither an address nor dma, device, firmware or user",
                              call->arguments[1]);
    return find_address(call, address);
}

static bool read_kind(const struct command_call *call, unsigned index, enum region_kind *kind)
{
    if (region_kind_parse(call->arguments[index], kind) == STATUS_OK)
        return true;
    return command_refuse(call, "'%s' is none of dma, device, firmware, user",
                          call->arguments[index]);
}

static bool refuse_label(const struct command_call *call, enum status status)
{
    switch (status) {
    case STATUS_EXISTS:
        return command_fail(call, "a label of that kind covers part of it: 'region find' shows "
                                  "which, 'region remove' takes it away");
    case STATUS_NO_SPACE:
        return command_fail(call, "there are %u labels already: take one away first",
                            REGION_LABELS_MOST);
    case STATUS_OVERFLOW:
        return command_refuse(call, "the range goes beyond all addresses");
    default:
        return command_refuse(call, "a label has at least one byte, and a name of 1 to %u letters",
                              REGION_NAME_BYTES - 1);
    }
}

static bool set_label(const struct command_call *call)
{
    struct region_label label = { .from_map = false };
    enum status status;

    if (call->count != 5)
        return command_refuse(call, "label takes an address, a size, a kind and a name");
    if (!command_number(call, 1, &label.base) || !command_number(call, 2, &label.size_bytes) ||
        !read_kind(call, 3, &label.kind))
        return false;
    status = region_label(pa(label.base), label.size_bytes, label.kind, call->arguments[4]);
    if (status != STATUS_OK)
        return refuse_label(call, status);
    (void)print_buffer(label.name, sizeof(label.name), "%s", call->arguments[4]);
    print_label(&label, digits_of(call));
    return true;
}

static bool remove_label(const struct command_call *call)
{
    enum region_kind kind;
    uint64_t base;

    if (call->count != 3)
        return command_refuse(call, "remove takes an address and a kind");
    if (!command_number(call, 1, &base) || !read_kind(call, 2, &kind))
        return false;
    if (region_unlabel(pa(base), kind) != STATUS_OK)
        return command_fail(call, "no label of that kind was set at 0x%llx",
                            (unsigned long long)base);
    print("The label is gone.\n");
    return true;
}

bool command_region(const struct command_call *call)
{
    if (call->count == 0 || command_argument_is(call, 0, "list"))
        return list_all(call);
    if (command_argument_is(call, 0, "find"))
        return find(call);
    if (command_argument_is(call, 0, "label"))
        return set_label(call);
    if (command_argument_is(call, 0, "remove"))
        return remove_label(call);
    return command_refuse(call, "'%s' is none of list, find, label, remove", call->arguments[0]);
}
