/* SPDX-License-Identifier: BSD-2-Clause
 *
 * explain_event.c - an explanation as the event `explain`: a list for each link, empty where there is none.
 */
#include "diag/diag.h"
#include "diag/explain.h"
#include "lib/json.h"

#define PLACE_BYTES 64

static void write_rights(struct json *event, unsigned flags)
{
    char rights[16];

    pt_flags_text(flags, rights);
    json_text(event, "rights", rights);
}

static void write_place(struct json *event, const char *key, const void *place)
{
    char name[PLACE_BYTES];

    if (place == NULL)
        return;
    (void)diag_place_name(place, name, sizeof(name));
    json_text(event, key, name);
}

static void write_steps(struct json *event, const struct explanation *e)
{
    json_list_begin(event, "steps");
    for (unsigned i = 0; i < e->step_count; i++) {
        const struct pt_step *step = &e->steps[i];

        json_item_begin(event);
        json_number(event, "level", step->level);
        json_address(event, "table", pa_value(step->table));
        json_number(event, "index", step->index);
        json_address(event, "entry", step->entry);
        json_boolean(event, "present", step->present);
        json_boolean(event, "leaf", step->leaf);
        json_item_end(event);
    }
    json_list_end(event);
}

static void write_area(struct json *event, const struct vm_area_info *area)
{
    json_list_begin(event, "area");
    if (area != NULL) {
        json_item_begin(event);
        json_text(event, "name", area->name);
        json_address(event, "start", va_value(area->start));
        json_address(event, "size", area->size_bytes);
        write_rights(event, area->rights);
        json_item_end(event);
    }
    json_list_end(event);
}

static void write_virtual(struct json *event, const struct explanation *e)
{
    json_boolean(event, "canonical", e->canonical);
    json_boolean(event, "mapped", e->mapped);
    json_number(event, "space", e->space);
    json_text(event, "window", e->window);
    if (e->guarded_stack != NULL)
        json_text(event, "guarded_stack", e->guarded_stack);
    write_area(event, e->has_area ? &e->area : NULL);
    write_steps(event, e);
}

static void write_firmware(struct json *event, const struct explanation *e)
{
    json_list_begin(event, "firmware");
    for (unsigned i = 0; i < e->descriptor_count && i < EXPLAIN_DESCRIPTORS_MOST; i++) {
        const struct explain_descriptor *entry = &e->descriptors[i];

        json_item_begin(event);
        json_number(event, "index", entry->index);
        json_address(event, "base", entry->base);
        json_address(event, "size", entry->size_bytes);
        json_number(event, "type", entry->type);
        json_text(event, "name", entry->name);
        if (e->uefi)
            json_address(event, "attribute", entry->attribute);
        json_item_end(event);
    }
    json_list_end(event);
}

static void write_region(struct json *event, const struct region *row)
{
    char place[REGION_DEVICE_TEXT_BYTES];

    json_list_begin(event, "region");
    if (row != NULL) {
        json_item_begin(event);
        json_address(event, "base", row->base);
        json_address(event, "size", row->size_bytes);
        json_text(event, "type", e820_type_word(row->type));
        json_text(event, "tag", region_tag_name(row->tag));
        if (row->device != 0)
            json_text(event, "device", region_device_text(row->device, place));
        json_item_end(event);
    }
    json_list_end(event);
}

static void write_changes(struct json *event, const struct explanation *e)
{
    json_list_begin(event, "changes");
    for (unsigned i = 0; i < e->change_count && i < EXPLAIN_CHANGES_MOST; i++) {
        const struct handoff_change *change = e->changes[i];

        json_item_begin(event);
        json_address(event, "base", change->base);
        json_address(event, "size", change->size_bytes);
        json_text(event, "from", e820_type_word(change->from_type));
        json_text(event, "to", e820_type_word(change->to_type));
        json_text(event, "reason", memmap_reason_name(change->reason));
        json_item_end(event);
    }
    json_list_end(event);
}

static void write_frame(struct json *event, const struct explanation *e)
{
    const struct explain_frame *frame = &e->frame;

    json_list_begin(event, "frame");
    if (e->has_frame) {
        json_item_begin(event);
        json_number(event, "number", pfn_value(frame->number));
        json_number(event, "area", frame->area);
        json_number(event, "block", frame->block);
        json_number(event, "in_block", frame->in_block);
        json_number(event, "node", frame->node);
        json_number(event, "block_managed", frame->block_managed);
        json_number(event, "block_free", frame->block_free);
        json_boolean(event, "managed", frame->info.managed);
        json_boolean(event, "cached", frame->info.cached);
        json_text(event, "tag", frame_tag_name(frame->info.tag));
        json_number(event, "references", frame->info.references);
        write_place(event, "site", frame->site);
        json_item_end(event);
    }
    json_list_end(event);
}

static void write_mappings(struct json *event, const struct explanation *e)
{
    json_number(event, "mapping_count", e->mapping_count);
    json_list_begin(event, "mappings");
    for (unsigned i = 0; i < e->mapping_count && i < EXPLAIN_MAPPINGS_MOST; i++) {
        const struct explain_mapping *mapping = &e->mappings[i];

        json_item_begin(event);
        json_number(event, "space", mapping->space);
        json_address(event, "address", va_value(mapping->address));
        json_address(event, "page", mapping->leaf.size_bytes);
        write_rights(event, mapping->leaf.flags);
        json_text(event, "window", mapping->window);
        if (mapping->has_area)
            json_text(event, "area", mapping->area.name);
        json_item_end(event);
    }
    json_list_end(event);
}

static void write_physical(struct json *event, const struct explanation *e)
{
    json_address(event, "physical", pa_value(e->physical));
    write_firmware(event, e);
    write_region(event, e->region);
    write_changes(event, e);
    write_frame(event, e);
    write_mappings(event, e);
}

static void write_object(struct json *event, const struct explanation *e)
{
    json_list_begin(event, "object");
    json_item_begin(event);
    json_address(event, "address", (uintptr_t)(e->has_object ? e->object.start : e->history.start));
    json_number(event, "size", e->has_object ? e->object.size_bytes : e->history.size_bytes);
    json_boolean(event, "live", e->has_object && e->object.live);
    json_text(event, "tag", heap_tag_name(e->has_object ? e->object.tag : e->history.tag));
    if (e->has_history) {
        json_number(event, "asked", e->history.size_bytes);
        write_place(event, "allocated", e->history.alloc_site);
        write_place(event, "freed", e->history.free_site);
    } else {
        write_place(event, "allocated_near", e->object.alloc_near);
    }
    json_item_end(event);
    json_list_end(event);
}

void explain_event(const struct explanation *e, struct print_sink *sink)
{
    struct json event;

    json_begin(&event, sink, "explain");
    json_address(&event, "address", e->address);
    json_text(&event, "kind", e->kind == EXPLAIN_VIRTUAL ? "virtual" : "physical");
    if (e->kind == EXPLAIN_VIRTUAL)
        write_virtual(&event, e);
    if (e->has_physical)
        write_physical(&event, e);
    if (e->has_object || e->has_history)
        write_object(&event, e);
    json_end(&event);
}
