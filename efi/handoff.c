/* SPDX-License-Identifier: BSD-2-Clause
 *
 * handoff.c - see handoff.h. One procedure appends a record; measuring is laying out without a
 * place to write to, so that the two cannot disagree.
 *
 * Pure: no firmware call, also built hosted.
 */
#include "handoff.h"

#include "lib/bits.h"
#include "lib/string.h"

struct layout {
    uint8_t *memory; /* NULL: only measure */
    uint64_t used_bytes;
    uint32_t record_count;
};

/* Appends a record whose structure and payload have `size_bytes`; NULL when measuring. */
static void *append(struct layout *layout, enum handoff_record_type type, uint64_t size_bytes)
{
    struct handoff_record *record = NULL;

    if (layout->memory != NULL) {
        record = (void *)(layout->memory + layout->used_bytes);
        record->type = type;
        record->size_bytes = (uint32_t)size_bytes;
    }
    layout->used_bytes += align_up(size_bytes, HANDOFF_ALIGNMENT);
    layout->record_count++;
    return record;
}

static void append_text(struct layout *layout, enum handoff_record_type type, struct text text)
{
    struct handoff_record *record =
        append(layout, type, sizeof(struct handoff_record) + text.size_bytes + 1);

    if (record != NULL)
        memcpy(record + 1, text.start, text.size_bytes); /* the rest is zero already */
}

static void append_framebuffer(struct layout *layout, const struct handoff_framebuffer *source)
{
    struct handoff_framebuffer *framebuffer;

    if (source->size_bytes == 0)
        return;
    framebuffer = append(layout, HANDOFF_RECORD_FRAMEBUFFER, sizeof(*framebuffer));
    if (framebuffer != NULL) {
        struct handoff_record record = framebuffer->record;

        *framebuffer = *source;
        framebuffer->record = record;
    }
}

static void append_module(struct layout *layout, const struct handoff_module_plan *plan)
{
    struct handoff_module *module =
        append(layout, HANDOFF_RECORD_MODULE, sizeof(*module) + plan->name.size_bytes + 1);

    if (module == NULL)
        return;
    module->base = plan->base;
    module->size_bytes = plan->size_bytes;
    memcpy(module->name, plan->name.start, plan->name.size_bytes);
}

static void append_measurement(struct layout *layout, const struct measurement *source)
{
    struct handoff_measurement *measurement = append(
        layout, HANDOFF_RECORD_MEASUREMENT, sizeof(*measurement) + source->name.size_bytes + 1);

    if (measurement == NULL)
        return;
    measurement->pcr = source->pcr;
    measurement->extended = source->extended;
    memcpy(measurement->sha256, source->digest, sizeof(measurement->sha256));
    memcpy(measurement->name, source->name.start, source->name.size_bytes);
}

static void append_log(struct layout *layout, struct text log)
{
    struct handoff_event_log *record;

    if (log.size_bytes == 0)
        return;
    record = append(layout, HANDOFF_RECORD_EVENT_LOG, sizeof(*record) + log.size_bytes);
    if (record == NULL)
        return;
    record->log_bytes = (uint32_t)log.size_bytes;
    memcpy(record->log, log.start, log.size_bytes);
}

static void append_tables(struct layout *layout, const struct handoff_plan *plan,
                          struct handoff_parts *parts)
{
    parts->changes =
        append(layout, HANDOFF_RECORD_CHANGES,
               sizeof(*parts->changes) + plan->change_capacity * sizeof(struct handoff_change));
    parts->regions =
        append(layout, HANDOFF_RECORD_REGIONS,
               sizeof(*parts->regions) + plan->region_capacity * sizeof(struct region));
    parts->map =
        append(layout, HANDOFF_RECORD_FIRMWARE_MAP, sizeof(*parts->map) + plan->map_capacity_bytes);
    if (layout->memory == NULL)
        return;
    parts->changes->capacity = (uint32_t)plan->change_capacity;
    parts->regions->capacity = (uint32_t)plan->region_capacity;
    parts->map->format = HANDOFF_MAP_EFI;
}

static void append_all(struct layout *layout, const struct handoff_plan *plan,
                       struct handoff_parts *parts)
{
    layout->used_bytes = sizeof(struct handoff);
    append_text(layout, HANDOFF_RECORD_COMMAND_LINE, plan->command_line);
    append_text(layout, HANDOFF_RECORD_LOADER_NAME, plan->loader_name);
    append_text(layout, HANDOFF_RECORD_FIRMWARE_NAME, plan->firmware_name);
    append_framebuffer(layout, plan->framebuffer);
    for (size_t i = 0; i < plan->module_count; i++)
        append_module(layout, &plan->modules[i]);
    for (size_t i = 0; i < plan->measurement_count; i++)
        append_measurement(layout, &plan->measurements[i]);
    append_log(layout, plan->event_log);
    append_tables(layout, plan, parts);
}

enum status handoff_measure(const struct handoff_plan *plan, uint32_t *size_bytes)
{
    struct layout layout = { 0 };
    struct handoff_parts parts;

    append_all(&layout, plan, &parts);
    if (layout.used_bytes > HANDOFF_MAX_BYTES)
        return STATUS_NO_SPACE;
    *size_bytes = (uint32_t)layout.used_bytes;
    return STATUS_OK;
}

void handoff_lay_out(const struct handoff_plan *plan, void *memory, uint32_t size_bytes,
                     struct handoff_parts *parts)
{
    struct layout layout = { .memory = memory };

    memset(memory, 0, size_bytes);
    append_all(&layout, plan, parts);
    parts->handoff = memory;
    *parts->handoff = (struct handoff){
        .magic = HANDOFF_MAGIC,
        .major = HANDOFF_MAJOR,
        .minor = HANDOFF_MINOR,
        .size_bytes = size_bytes,
        .header_bytes = sizeof(struct handoff),
        .record_count = layout.record_count,
        .loader = HANDOFF_LOADER_UEFI,
    };
}

/* Two words at a step: the size is a multiple of 8. */
void handoff_seal(struct handoff *handoff)
{
    const uint8_t *bytes = (const uint8_t *)handoff;
    uint32_t sum = 0;
    uint64_t words;

    handoff->checksum = 0;
    for (size_t at = 0; at < handoff->size_bytes; at += sizeof(words)) {
        memcpy(&words, bytes + at, sizeof(words));
        sum += (uint32_t)words + (uint32_t)(words >> 32);
    }
    handoff->checksum = 0u - sum;
}
