/* SPDX-License-Identifier: BSD-2-Clause
 *
 * explain_print.c - an explanation in plain sentences, one paragraph a link.
 *
 *     0x1f6eb008, a physical address.
 *       firmware   Entry 42 of 98 in the firmware's map, 0x... to 0x..., calls it BootServicesData.
 *       region     ...
 */
#include "boot/efi_memory.h"
#include "diag/diag.h"
#include "diag/explain.h"
#include "symbols.h"
#include "mm/layout.h"
#include "lib/format.h"
#include "diag/paragraph.h"

#define INDENT      13u
#define PLACE_BYTES 64

static const char *size_text(uint64_t size_bytes)
{
    static char text[SIZE_TEXT_BYTES];

    return format_size(size_bytes, text);
}

/* "0x100000 to 0x805fff (7 MiB)". */
static void print_range(struct print_sink *sink, uint64_t base, uint64_t size_bytes)
{
    print_to(sink, "0x%llx to 0x%llx (%s)", (unsigned long long)base,
             (unsigned long long)(base + size_bytes - 1), size_text(size_bytes));
}

static void print_place(struct print_sink *sink, const void *place)
{
    char name[PLACE_BYTES];

    (void)diag_place_name(place, name, sizeof(name));
    print_to(sink, "%s", name);
}

static void print_space(struct print_sink *sink, unsigned space)
{
    if (space == 0)
        print_to(sink, "the kernel");
    else
        print_to(sink, "user space %u", space);
}

/* --- a virtual address ----------------------------------------------------------------------- */

static const char *kind_text(enum vm_kind kind)
{
    switch (kind) {
    case VM_ANONYMOUS:
        return "frames of its own, at the first touch";
    case VM_FIXED:
        return "given frames";
    case VM_GUARD:
        return "a guard: nothing is ever mapped there";
    case VM_WINDOW:
        return "mapped by its owner";
    }
    return "unknown";
}

static void print_virtual_place(const struct explanation *e, struct print_sink *sink)
{
    char rights[16];
    size_t offset;
    const char *function = symbol_find(va((uintptr_t)e->address), &offset);

    if (e->guarded_stack != NULL)
        print_to(sink, "A guard page of the stack '%s': who comes here overran it. ",
                 e->guarded_stack);
    if (function != NULL)
        print_to(sink, "Code: %s+0x%zx. ", function, offset);
    if (e->address < LAYOUT_USER_START)
        print_to(sink, "In low memory, which is never mapped: a null pointer. ");
    print_to(sink, "Window: %s. ", e->window);
    if (!e->has_area) {
        print_to(sink, "No area holds it.");
        return;
    }
    pt_flags_text(e->area.rights, rights);
    print_to(sink, "Area '%s', ", e->area.name);
    print_range(sink, va_value(e->area.start), e->area.size_bytes);
    print_to(sink, ", %s: %s.", rights, kind_text(e->area.kind));
}

static void print_hole(const struct explanation *e, struct print_sink *sink)
{
    const struct pt_step *last = &e->steps[e->step_count - 1];

    print_to(sink,
             "The walk fails at level %u of %s: entry %u of the table at 0x%llx is not "
             "present. Nothing is mapped from ",
             last->level, e->format, last->index, (unsigned long long)pa_value(last->table));
    print_range(sink, va_value(e->leaf.address), e->leaf.size_bytes);
    print_to(sink, ".");
}

static void print_walk(const struct explanation *e, struct print_sink *sink)
{
    char rights[16];

    if (!e->canonical) {
        print_to(sink, "No tables can translate it: it is not canonical for %s.", e->format);
        return;
    }
    if (!e->mapped) {
        print_hole(e, sink);
        return;
    }
    pt_flags_text(e->leaf.flags, rights);
    print_to(sink, "The tables of ");
    print_space(sink, e->space);
    print_to(sink, " (%s) lead in %u steps to a page of %s at 0x%llx, %s: physical 0x%llx.",
             e->format, e->step_count, size_text(e->leaf.size_bytes),
             (unsigned long long)pa_value(e->leaf.target), rights,
             (unsigned long long)pa_value(e->physical));
}

/* --- the firmware and the table -------------------------------------------------------------- */

/* What the conversion makes of each type, and why (mm/memmap.h). */
static const char *efi_rule(uint32_t type)
{
    switch (type) {
    case EFI_TYPE_LOADER_CODE:
    case EFI_TYPE_LOADER_DATA:
        return "The loader's own memory is usable once the kernel runs.";
    case EFI_TYPE_BOOT_SERVICES_CODE:
    case EFI_TYPE_BOOT_SERVICES_DATA:
        return "What the boot services held is usable, because they are over.";
    case EFI_TYPE_RUNTIME_SERVICES_CODE:
    case EFI_TYPE_RUNTIME_SERVICES_DATA:
        return "The firmware's run-time services live there, so it is reserved.";
    case EFI_TYPE_CONVENTIONAL:
        return "That is free memory, and usable.";
    case EFI_TYPE_UNUSABLE:
        return "The firmware found errors there, so it is unusable.";
    case EFI_TYPE_ACPI_RECLAIM:
        return "ACPI's tables are there: ACPI data, free after they have been read.";
    case EFI_TYPE_ACPI_NVS:
        return "The firmware needs it for ACPI (NVS), so nobody may have it.";
    case EFI_TYPE_MMIO:
    case EFI_TYPE_MMIO_PORT_SPACE:
        return "Registers of devices are no memory, so it is reserved.";
    case EFI_TYPE_PERSISTENT:
        return "It keeps its contents without power: persistent, not for general use.";
    case EFI_TYPE_UNACCEPTED:
        return "The guest has not accepted it yet, so it is not usable.";
    }
    return "Who it is for is not known, so it is reserved.";
}

static void print_descriptor(const struct explanation *e, const struct explain_descriptor *entry,
                             struct print_sink *sink)
{
    char attributes[EFI_ATTRIBUTE_TEXT_BYTES];

    print_to(sink, "Entry %u of %u in the firmware's map, ", entry->index, e->firmware_count);
    print_range(sink, entry->base, entry->size_bytes);
    print_to(sink, ", says %s", entry->name);
    if (*efi_attribute_text(entry->attribute, attributes) != '\0')
        print_to(sink, ", %s", attributes);
    print_to(sink, ". ");
    if (e->uefi)
        print_to(sink, "%s ", efi_rule(entry->type));
}

static void print_firmware(const struct explanation *e, struct print_sink *sink)
{
    if (e->firmware_count == 0)
        print_to(sink, "The loader handed no map of the firmware over.");
    else if (e->descriptor_count == 0)
        print_to(sink, "None of the %u entries of the firmware's map holds it.", e->firmware_count);
    for (unsigned i = 0; i < e->descriptor_count && i < EXPLAIN_DESCRIPTORS_MOST; i++)
        print_descriptor(e, &e->descriptors[i], sink);
    if (e->descriptor_count > 1)
        print_to(sink, "%u entries overlap here: the strictest type wins. ", e->descriptor_count);
}

static void print_holder(const struct region *row, struct print_sink *sink)
{
    char place[REGION_DEVICE_TEXT_BYTES];

    if (row->tag == REGION_TAG_NONE)
        print_to(sink, "held by nobody");
    else
        print_to(sink, "held by: %s", region_tag_name(row->tag));
    if (row->device != 0)
        print_to(sink, ", PCI %s", region_device_text(row->device, place));
}

static void print_region(const struct explanation *e, struct print_sink *sink)
{
    const struct region *row = e->region;

    if (row == NULL) {
        print_to(sink, "The table of memory does not know it: no memory, and no device that told "
                       "of itself.");
        return;
    }
    print_range(sink, row->base, row->size_bytes);
    print_to(sink, ": %s, ", e820_type_name(row->type));
    print_holder(row, sink);
    print_to(sink, region_is_free(row) ? "; general memory. " : ". ");
}

static void print_change(const struct handoff_change *change, struct print_sink *sink)
{
    const char *reason = memmap_reason_name(change->reason);

    if (change->from_type == change->to_type)
        print_to(sink, "Its %s memory got a holder or a mark: %s. ",
                 e820_type_name(change->to_type), reason);
    else if (change->from_type == 0)
        print_to(sink, "It joined the table as %s: %s. ", e820_type_name(change->to_type), reason);
    else if (change->to_type == 0)
        print_to(sink, "What was %s left the table: %s. ", e820_type_name(change->from_type),
                 reason);
    else
        print_to(sink, "What was %s became %s: %s. ", e820_type_name(change->from_type),
                 e820_type_name(change->to_type), reason);
}

static void print_changes(const struct explanation *e, struct print_sink *sink)
{
    for (unsigned i = 0; i < e->change_count && i < EXPLAIN_CHANGES_MOST; i++)
        print_change(e->changes[i], sink);
    if (e->change_count > EXPLAIN_CHANGES_MOST)
        print_to(sink, "And %u changes more. ", e->change_count - EXPLAIN_CHANGES_MOST);
    if (e->change_count == 0)
        print_to(sink, "The conversion of the firmware's map changed nothing here.");
    if (e->changes_lost > 0)
        print_to(sink, "(%zu changes of the map could not be noted.)", e->changes_lost);
}

/* --- the frame ------------------------------------------------------------------------------- */

static void print_frame_state(const struct explain_frame *frame, struct print_sink *sink)
{
    const struct frame_info *info = &frame->info;

    if (!info->managed)
        print_to(sink, "The frame allocator does not manage it (%s).", frame_tag_name(info->tag));
    else if (info->tag == FRAME_FREE)
        print_to(sink, "Free%s.", info->cached ? ", in a processor's magazine" : "");
    else
        print_to(sink, "In use: %s, %u reference%s.", frame_tag_name(info->tag), info->references,
                 info->references == 1 ? "" : "s");
    if (frame->site == NULL)
        return;
    print_to(sink, info->tag == FRAME_FREE ? " It was allocated last by " : " Allocated by ");
    print_place(sink, frame->site);
    print_to(sink, ".");
}

static void print_frame(const struct explanation *e, struct print_sink *sink)
{
    const struct explain_frame *frame = &e->frame;

    if (!e->has_frame) {
        print_to(sink, "No frame: this processor has no such physical address.");
        return;
    }
    print_to(sink,
             "Frame %llu: area %u (1 GiB), block %u of it (2 MiB), frame %u of that; node "
             "%u. Of the block's 512 frames %u are managed and %u free. ",
             (unsigned long long)pfn_value(frame->number), frame->area, frame->block,
             frame->in_block, frame->node, frame->block_managed, frame->block_free);
    print_frame_state(frame, sink);
}

/* --- mappings and objects -------------------------------------------------------------------- */

static void print_mapping(const struct explain_mapping *mapping, struct print_sink *sink)
{
    char rights[16];

    pt_flags_text(mapping->leaf.flags, rights);
    print_to(sink, "0x%llx by ", (unsigned long long)va_value(mapping->address));
    print_space(sink, mapping->space);
    print_to(sink, ", %s, in a page of %s: %s", rights, size_text(mapping->leaf.size_bytes),
             mapping->space == 0 ? mapping->window : "its memory");
    if (mapping->has_area)
        print_to(sink, ", area '%s'", mapping->area.name);
    print_to(sink, ".");
}

static void print_mappings(const struct explanation *e, struct paragraph *paragraph)
{
    if (e->mapping_count == 0)
        print_to(&paragraph->sink, "Nobody maps it.");
    for (unsigned i = 0; i < e->mapping_count && i < EXPLAIN_MAPPINGS_MOST; i++) {
        print_to(&paragraph->sink, i > 0 ? "\n" : "");
        print_mapping(&e->mappings[i], &paragraph->sink);
    }
    if (e->mapping_count > EXPLAIN_MAPPINGS_MOST)
        print_to(&paragraph->sink, "\nAnd at %u places more.",
                 e->mapping_count - EXPLAIN_MAPPINGS_MOST);
}

static void print_history(const struct heap_history *history, struct print_sink *sink)
{
    print_to(sink, " %zu bytes were asked for at ", history->size_bytes);
    print_place(sink, history->alloc_site);
    print_to(sink, ".");
    if (history->live || history->free_site == NULL)
        return;
    print_to(sink, " It was freed at ");
    print_place(sink, history->free_site);
    print_to(sink, ".");
}

static void print_object(const struct explanation *e, struct print_sink *sink)
{
    const struct heap_object_info *object = &e->object;
    uintptr_t address = va_value(e->object_address);

    if (e->has_object) {
        print_to(sink, "Byte %zu of the %s object of %zu bytes at %p, %s, tag %s.",
                 (size_t)(address - (uintptr_t)object->start), object->live ? "live" : "free",
                 object->size_bytes, object->start,
                 object->class_index == UINT32_MAX ? "pages of its own" : "in a slab",
                 heap_tag_name(object->tag));
    } else {
        print_to(sink, "No object is there now; the last one was at %p, tag %s.", e->history.start,
                 heap_tag_name(e->history.tag));
    }
    if (e->has_history) {
        print_history(&e->history, sink);
    } else if (object->alloc_near != NULL) {
        print_to(sink, " It was allocated near ");
        print_place(sink, object->alloc_near);
        print_to(sink, ".");
    }
}

/* --- all of it ------------------------------------------------------------------------------- */

static void tell(const struct explanation *e, struct print_sink *sink, const char *label,
                 void (*print_link)(const struct explanation *e, struct print_sink *sink))
{
    struct paragraph paragraph;

    paragraph_begin(&paragraph, sink, label, INDENT);
    print_link(e, &paragraph.sink);
    paragraph_end(&paragraph);
}

static void tell_mappings(const struct explanation *e, struct print_sink *sink)
{
    struct paragraph paragraph;

    paragraph_begin(&paragraph, sink, "mapped at", INDENT);
    print_mappings(e, &paragraph);
    paragraph_end(&paragraph);
}

void explain_print(const struct explanation *e, struct print_sink *sink)
{
    print_to(sink, "0x%llx, a %s address:\n", (unsigned long long)e->address,
             e->kind == EXPLAIN_VIRTUAL ? "virtual" : "physical");
    if (e->kind == EXPLAIN_VIRTUAL) {
        tell(e, sink, "place", print_virtual_place);
        tell(e, sink, "walk", print_walk);
    }
    if (e->has_physical) {
        tell(e, sink, "firmware", print_firmware);
        tell(e, sink, "region", print_region);
        tell(e, sink, "changes", print_changes);
        tell(e, sink, "frame", print_frame);
        tell_mappings(e, sink);
    }
    if (e->has_object || e->has_history)
        tell(e, sink, "object", print_object);
}
