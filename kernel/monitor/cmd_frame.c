/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_frame.c - frame: all about one frame; and taking memory out of circulation or putting it in.
 *
 *     frame retire    free --> bad, for good
 *     frame reserve   free --> not managed
 *     frame add       not managed --> free: what was reserved here, or what the firmware no longer needs
 *
 * The frame allocator refuses what it must; what memory is, only the map knows. So a range is added
 * only where the map calls all of it RAM that nobody holds, and a refusal says which frame was in the
 * way.
 */

#include "monitor/commands.h"
#include "boot/efi_memory.h"
#include "diag/diag.h"
#include "lib/json.h"
#include "lib/print.h"
#include "lib/string.h"
#include "mm/layout.h"
#include "mm/memmap.h"
#include "mm/paging.h"
#include "mm/pmm.h"
#include "lib/format.h"

#define PLACE_BYTES 64

/* --- one frame ------------------------------------------------------------------------------- */

/* A hexadecimal number is an address, physical or of the kernel; a decimal one counts frames. */
static bool find_frame(const struct command_call *call, unsigned index, pfn_t *frame)
{
    const char *text = call->arguments[index];
    uint64_t number;
    paddr_t target;

    if (!command_number(call, index, &number))
        return false;
    if (text[0] != '0' || (text[1] | 0x20) != 'x') {
        *frame = pfn((uintptr_t)number);
        return number <= UINT64_MAX >> PAGE_SHIFT ||
               command_fail(call, "there is no frame of that number");
    }
    target = pa(number);
    if (number >= LAYOUT_KERNEL_HALF &&
        paging_translate(va((uintptr_t)number), &target) != STATUS_OK)
        return command_fail(call, "nothing is mapped at %s", text);
    *frame = pa_to_pfn(target);
    return true;
}

static const char *frame_state(const struct frame_info *info)
{
    if (!info->managed)
        return "not managed";
    if (info->tag != FRAME_FREE)
        return "in use";
    return info->cached ? "free, in a processor's magazine" : "free";
}

static void print_region(const struct region *row)
{
    if (row == NULL) {
        print("  region       none: the map does not know this address\n");
        return;
    }
    print("  region       0x%llx-0x%llx, %s", (unsigned long long)row->base,
          (unsigned long long)(row->base + row->size_bytes - 1), e820_type_name(row->type));
    if (row->tag != REGION_TAG_NONE)
        print(", held by: %s", region_tag_name(row->tag));
    if (row->efi_type != REGION_EFI_TYPE_NONE)
        print(", %s", efi_memory_type_name(row->efi_type));
    print("\n");
}

/* Where the frame was allocated last, where that is noted (`frame_sites` on the command line). */
static void print_site(pfn_t frame)
{
    char name[PLACE_BYTES];

    if (frame_site(frame) == NULL)
        return;
    (void)diag_place_name(frame_site(frame), name, sizeof(name));
    print("  allocated    by %s\n", name);
}

static void event_frame(pfn_t frame, const struct frame_info *info, const struct region *row)
{
    struct json event;

    json_begin(&event, json_console(), "frame");
    json_number(&event, "number", pfn_value(frame));
    json_address(&event, "address", pa_value(pfn_to_pa(frame)));
    json_boolean(&event, "managed", info->managed);
    json_boolean(&event, "cached", info->cached);
    json_text(&event, "tag", frame_tag_name(info->tag));
    json_number(&event, "references", info->references);
    if (frame_site(frame) != NULL) {
        char name[PLACE_BYTES];

        (void)diag_place_name(frame_site(frame), name, sizeof(name));
        json_text(&event, "site", name);
    }
    json_text(&event, "region", row == NULL ? "none" : e820_type_word(row->type));
    json_end(&event);
}

static bool tell_frame(const struct command_call *call)
{
    pfn_t frame = pfn(0);
    struct frame_info info;
    const struct region *row;

    if (!find_frame(call, 0, &frame))
        return false;
    frame_describe(frame, &info);
    row = memmap_find(&call->machine->map, pfn_to_pa(frame));
    print("frame %llu at 0x%llx\n", (unsigned long long)pfn_value(frame),
          (unsigned long long)pa_value(pfn_to_pa(frame)));
    print("  state        %s\n", frame_state(&info));
    print("  tag          %s\n", frame_tag_name(info.tag));
    if (info.managed)
        print("  references   %u\n", info.references);
    print_site(frame);
    print_region(row);
    event_frame(frame, &info, row);
    return true;
}

/* --- changes --------------------------------------------------------------------------------- */

/* Frames first .. first + count - 1. */
struct frame_range {
    pfn_t first;
    uint64_t count;
};

static bool find_range(const struct command_call *call, struct frame_range *range)
{
    if (call->count < 2)
        return command_refuse(call, "an argument is missing");
    if (!find_frame(call, 1, &range->first))
        return false;
    range->count = 1;
    if (call->count > 2 && !command_number(call, 2, &range->count))
        return false;
    if (range->count == 0 || pfn_value(range->first) == 0)
        return command_refuse(call, "there is no range of %llu frames at frame %llu to change",
                              (unsigned long long)range->count,
                              (unsigned long long)pfn_value(range->first));
    if (range->count > (UINTPTR_MAX >> PAGE_SHIFT) - pfn_value(range->first))
        return command_refuse(call, "the range goes beyond all addresses");
    return true;
}

static bool report_change(const struct command_call *call, const struct frame_range *range)
{
    uint64_t base = pa_value(pfn_to_pa(range->first));
    char size[SIZE_TEXT_BYTES];
    struct json event;

    print("%s: %llu frames, %s, at 0x%llx\n", call->arguments[0], (unsigned long long)range->count,
          format_size(range->count << PAGE_SHIFT, size), (unsigned long long)base);
    json_begin(&event, json_console(), "frame_change");
    json_text(&event, "action", call->arguments[0]);
    json_address(&event, "base", base);
    json_number(&event, "frames", range->count);
    json_end(&event);
    return true;
}

/* --- out of circulation ---------------------------------------------------------------------- */

/* Names the first frame that is not free. */
static bool refuse_held(const struct command_call *call, const struct frame_range *range)
{
    for (uint64_t i = 0; i < range->count; i++) {
        pfn_t frame = pfn_add(range->first, i);
        struct frame_info info;

        frame_describe(frame, &info);
        if (info.managed && info.tag == FRAME_FREE)
            continue;
        return command_fail(call, "the frame at 0x%llx is %s (%s): only free frames can go",
                            (unsigned long long)pa_value(pfn_to_pa(frame)),
                            info.managed ? "in use" : "not managed", frame_tag_name(info.tag));
    }
    return command_fail(call, "some of these frames wait in another processor's cache");
}

static bool take_out(const struct command_call *call, enum frame_tag tag)
{
    struct frame_range range;
    enum status status;

    if (!find_range(call, &range))
        return false;
    status = pmm_reserve(range.first, range.count, tag);
    if (status == STATUS_BUSY)
        return refuse_held(call, &range);
    if (status != STATUS_OK)
        return command_fail(call, "the frame allocator manages no memory there (%s)",
                            status_name(status));
    return report_change(call, &range);
}

static bool retire(const struct command_call *call)
{
    return take_out(call, FRAME_BAD);
}

static bool reserve(const struct command_call *call)
{
    return take_out(call, FRAME_RESERVED);
}

/* --- into circulation ------------------------------------------------------------------------ */

/* RAM that nobody holds: free from the start, or needed no longer. */
static bool may_be_added(const struct region *row)
{
    return region_is_ram(row) && (region_is_free(row) || row->tag == REGION_TAG_JUMP ||
                                  (row->type == E820_ACPI_DATA && row->tag == REGION_TAG_NONE));
}

/* Whether the map knows all of the range as memory to be had. */
static bool check_memory(const struct command_call *call, const struct frame_range *range)
{
    uint64_t at = pa_value(pfn_to_pa(range->first));
    uint64_t end = at + (range->count << PAGE_SHIFT);

    while (at < end) {
        const struct region *row = memmap_find(&call->machine->map, pa(at));

        if (row == NULL)
            return command_fail(call, "the map knows no memory at 0x%llx", (unsigned long long)at);
        if (!may_be_added(row))
            return command_fail(call, "0x%llx is %s, held by %s: no memory to be had",
                                (unsigned long long)at, e820_type_name(row->type),
                                row->tag == REGION_TAG_NONE ? "nobody" : region_tag_name(row->tag));
        at = row->base + row->size_bytes;
    }
    return true;
}

/* Names the first frame that is managed already, or gone for good. */
static bool refuse_known(const struct command_call *call, const struct frame_range *range)
{
    for (uint64_t i = 0; i < range->count; i++) {
        pfn_t frame = pfn_add(range->first, i);
        struct frame_info info;

        frame_describe(frame, &info);
        if (info.managed || info.tag == FRAME_BAD)
            return command_fail(call, "the frame at 0x%llx is %s",
                                (unsigned long long)pa_value(pfn_to_pa(frame)),
                                info.managed ? "managed already" : "retired for good");
    }
    return command_fail(call, "some of these frames are managed already");
}

static bool add(const struct command_call *call)
{
    struct frame_range range;
    enum status status;

    if (!find_range(call, &range) || !check_memory(call, &range))
        return false;
    status = pmm_add(range.first, range.count);
    if (status == STATUS_EXISTS)
        return refuse_known(call, &range);
    if (status != STATUS_OK)
        return command_fail(call, "the frame allocator has no tables for it (%s)",
                            status_name(status));
    return report_change(call, &range);
}

/* --- the command ----------------------------------------------------------------------------- */

bool command_frame(const struct command_call *call)
{
    static const struct {
        const char *name;
        bool (*run)(const struct command_call *call);
    } actions[] = { { "retire", retire }, { "reserve", reserve }, { "add", add } };

    for (size_t i = 0; i < ARRAY_COUNT(actions); i++)
        if (strcmp(call->arguments[0], actions[i].name) == 0)
            return actions[i].run(call);
    if (call->count > 1)
        return command_refuse(call, "there is nothing to do with '%s'", call->arguments[0]);
    return tell_frame(call);
}
