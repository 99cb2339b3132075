/* SPDX-License-Identifier: BSD-2-Clause
 *
 * handoff.c - the outer form of a handoff: frame, checksum, records.
 *
 *     +----------------+ 0               the frame is checked first: magic, version, sizes; then
 *     | struct handoff |                 the checksum over all of it, which finds accidents; then
 *     +----------------+ header_bytes    each record, which must lie within what is left and be
 *     | record | pay.. |                 consistent in itself. Whatever a field says is compared
 *     | record | pay.. |                 with the bytes that are there before it is used.
 *     +----------------+ size_bytes
 *
 * What the records say (regions, ranges, framebuffer) is the matter of handoff_check.c.
 *
 * A record that is not known is skipped, a known one that comes twice is refused (but for
 * modules and measurements): there would be two truths. Cost: one pass over the block, two words a step.
 */
#include "mm/handoff_adopt.h"

#include "boot/efi_memory.h"
#include "handoff_private.h"
#include "lib/bits.h"
#include "lib/log.h"
#include "lib/string.h"

/* --- frame ------------------------------------------------------------------------------- */

uint32_t handoff_checksum(const struct handoff *handoff)
{
    const unsigned char *bytes = (const unsigned char *)handoff;
    uint32_t sum = 0;
    uint64_t words;

    for (size_t at = 0; at < handoff->size_bytes; at += sizeof(words)) {
        memcpy(&words, bytes + at, sizeof(words));
        sum += (uint32_t)words + (uint32_t)(words >> 32);
    }
    return handoff->checksum - sum;
}

static enum status check_identity(const struct handoff *handoff)
{
    if (handoff->magic != HANDOFF_MAGIC) {
        log_error("handoff: magic 0x%016llx instead of 0x%016llx: the kernel was not started by a "
                  "Meridian loader",
                  (unsigned long long)handoff->magic, (unsigned long long)HANDOFF_MAGIC);
        return STATUS_INVALID;
    }
    if (handoff->major != HANDOFF_MAJOR) {
        log_error("handoff: version %u.%u, this kernel needs %u.x: install loader and kernel of "
                  "the same release",
                  handoff->major, handoff->minor, HANDOFF_MAJOR);
        return STATUS_UNSUPPORTED;
    }
    return STATUS_OK;
}

static enum status check_sizes(const struct handoff *handoff, size_t readable_bytes)
{
    if (handoff->size_bytes > HANDOFF_MAX_BYTES || handoff->size_bytes < sizeof(*handoff) ||
        !is_aligned(handoff->size_bytes, HANDOFF_ALIGNMENT)) {
        log_error("handoff: %u bytes in all; %zu to %u in steps of %u make sense",
                  handoff->size_bytes, sizeof(*handoff), HANDOFF_MAX_BYTES, HANDOFF_ALIGNMENT);
        return STATUS_CORRUPT;
    }
    if (handoff->size_bytes > readable_bytes) {
        log_error("handoff: %u bytes in all, but only %zu can be read", handoff->size_bytes,
                  readable_bytes);
        return STATUS_TRUNCATED;
    }
    if (handoff->header_bytes < sizeof(*handoff) || handoff->header_bytes > handoff->size_bytes ||
        !is_aligned(handoff->header_bytes, HANDOFF_ALIGNMENT)) {
        log_error("handoff: records begin at byte %u; %zu to %u in steps of %u make sense",
                  handoff->header_bytes, sizeof(*handoff), handoff->size_bytes, HANDOFF_ALIGNMENT);
        return STATUS_CORRUPT;
    }
    return STATUS_OK;
}

static enum status check_frame(const struct handoff *handoff, size_t readable_bytes)
{
    enum status status;

    if (handoff == NULL || !is_aligned((uintptr_t)handoff, HANDOFF_ALIGNMENT) ||
        readable_bytes < sizeof(*handoff)) {
        log_error("handoff: none at %p (%zu bytes readable, aligned to %u)", (const void *)handoff,
                  readable_bytes, HANDOFF_ALIGNMENT);
        return STATUS_INVALID;
    }
    status = check_identity(handoff);
    if (status != STATUS_OK)
        return status;
    status = check_sizes(handoff, readable_bytes);
    if (status != STATUS_OK)
        return status;
    if (handoff_checksum(handoff) != handoff->checksum) {
        log_error("handoff: checksum 0x%08x, computed 0x%08x: it was damaged after the loader "
                  "made it",
                  handoff->checksum, handoff_checksum(handoff));
        return STATUS_CORRUPT;
    }
    return STATUS_OK;
}

/* --- records: each returns what is wrong with it, or NULL -------------------------------- */

/* Whether `count` things of `each` bytes behind the first `fixed` ones fit into the record. */
static bool fits(const struct handoff_record *record, size_t fixed, uint64_t count, size_t each)
{
    uint64_t bytes;

    return checked_mul(count, each, &bytes) && bytes <= record->size_bytes - fixed;
}

static bool has_text_at(const struct handoff_record *record, size_t offset)
{
    const char *text = (const char *)record;

    for (size_t at = offset; at < record->size_bytes; at++)
        if (text[at] == '\0')
            return true;
    return false;
}

static const char *check_regions(const struct handoff_record *record)
{
    const struct handoff_regions *regions = (const void *)record;

    if (regions->count > regions->capacity)
        return "more rows than its capacity";
    if (!fits(record, sizeof(*regions), regions->capacity, sizeof(regions->regions[0])))
        return "its capacity exceeds its size";
    return NULL;
}

static const char *check_changes(const struct handoff_record *record)
{
    const struct handoff_changes *changes = (const void *)record;

    if (changes->count > changes->capacity)
        return "more changes than its capacity";
    if (!fits(record, sizeof(*changes), changes->capacity, sizeof(changes->changes[0])))
        return "its capacity exceeds its size";
    return NULL;
}

static const char *check_firmware_map(const struct handoff_record *record)
{
    const struct handoff_firmware_map *map = (const void *)record;
    uint32_t entry_bytes_min = sizeof(struct efi_memory_descriptor);

    if (map->format == HANDOFF_MAP_E820)
        entry_bytes_min = E820_ENTRY_BYTES_MIN;
    else if (map->format != HANDOFF_MAP_EFI)
        return "neither UEFI descriptors nor E820 entries";
    if (map->descriptor_bytes < entry_bytes_min)
        return "its entries are smaller than the specification's";
    if (!fits(record, sizeof(*map), map->map_bytes, 1))
        return "its map exceeds its size";
    if (map->map_bytes % map->descriptor_bytes != 0)
        return "its map is not a whole number of entries";
    return NULL;
}

static const char *check_text(const struct handoff_record *record)
{
    return has_text_at(record, sizeof(*record)) ? NULL : "its text has no end";
}

static const char *check_module(const struct handoff_record *record)
{
    return has_text_at(record, offsetof(struct handoff_module, name)) ? NULL
                                                                      : "its name has no end";
}

static const char *check_measurement(const struct handoff_record *record)
{
    return has_text_at(record, offsetof(struct handoff_measurement, name)) ? NULL
                                                                           : "its name has no end";
}

static const char *check_event_log(const struct handoff_record *record)
{
    const struct handoff_event_log *log = (const void *)record;

    return fits(record, sizeof(*log), log->log_bytes, 1) ? NULL : "its log exceeds its size";
}

static const struct {
    const char *name;
    size_t bytes_min;
    const char *(*check)(const struct handoff_record *record);
} kinds[RECORD_KINDS] = {
    [HANDOFF_RECORD_REGIONS] = { "regions", sizeof(struct handoff_regions), check_regions },
    [HANDOFF_RECORD_FIRMWARE_MAP] = { "firmware map", sizeof(struct handoff_firmware_map),
                                      check_firmware_map },
    [HANDOFF_RECORD_CHANGES] = { "changes", sizeof(struct handoff_changes), check_changes },
    [HANDOFF_RECORD_FRAMEBUFFER] = { "framebuffer", sizeof(struct handoff_framebuffer), NULL },
    [HANDOFF_RECORD_COMMAND_LINE] = { "command line", sizeof(struct handoff_record), check_text },
    [HANDOFF_RECORD_MODULE] = { "module", sizeof(struct handoff_module), check_module },
    [HANDOFF_RECORD_LOADER_NAME] = { "loader name", sizeof(struct handoff_record), check_text },
    [HANDOFF_RECORD_FIRMWARE_NAME] = { "firmware name", sizeof(struct handoff_record), check_text },
    [HANDOFF_RECORD_MEASUREMENT] = { "measurement", sizeof(struct handoff_measurement),
                                     check_measurement },
    [HANDOFF_RECORD_EVENT_LOG] = { "event log", sizeof(struct handoff_event_log), check_event_log },
};

static bool is_known(uint32_t type)
{
    return type < RECORD_KINDS && kinds[type].name != NULL;
}

static bool is_repeatable(uint32_t type)
{
    return type == HANDOFF_RECORD_MODULE || type == HANDOFF_RECORD_MEASUREMENT;
}

static const char *check_record(const struct handoff_records *records,
                                const struct handoff_record *record, size_t left)
{
    if (left < sizeof(*record))
        return "there is no room for it";
    if (record->size_bytes < sizeof(*record) || record->size_bytes > left)
        return "its size is not within what is left";
    if (!is_known(record->type))
        return NULL;
    if (record->size_bytes < kinds[record->type].bytes_min)
        return "it is smaller than its own fields";
    if (records->first[record->type] != NULL && !is_repeatable(record->type))
        return "there are two of it";
    return kinds[record->type].check == NULL ? NULL : kinds[record->type].check(record);
}

static void log_bad_record(const struct handoff *handoff, uint32_t index, size_t at,
                           const char *problem)
{
    const struct handoff_record *record = (const void *)((const char *)handoff + at);
    bool readable = handoff->size_bytes - at >= sizeof(*record);
    uint32_t type = readable ? record->type : 0;

    log_error("handoff: record %u of %u (%s, at byte %zu, %u bytes): %s: the loader is broken",
              index + 1, handoff->record_count, is_known(type) ? kinds[type].name : "unknown", at,
              readable ? record->size_bytes : 0, problem);
}

static void remember_record(struct handoff_records *records, struct handoff_record *record)
{
    if (!is_known(record->type)) {
        log_debug("handoff: a record of type %u is not known here, and skipped", record->type);
        return;
    }
    if (records->first[record->type] == NULL)
        records->first[record->type] = record;
    if (record->type == HANDOFF_RECORD_MODULE)
        records->module_count++;
    if (record->type == HANDOFF_RECORD_MEASUREMENT)
        records->measurement_count++;
}

static enum status walk_records(struct handoff *handoff, struct handoff_records *records)
{
    size_t at = handoff->header_bytes;

    for (uint32_t i = 0; i < handoff->record_count; i++) {
        struct handoff_record *record = (void *)((char *)handoff + at);
        const char *problem = check_record(records, record, handoff->size_bytes - at);

        if (problem != NULL) {
            log_bad_record(handoff, i, at, problem);
            return STATUS_CORRUPT;
        }
        remember_record(records, record);
        at += handoff_record_stride(record);
    }
    if (at != handoff->size_bytes) {
        log_error("handoff: %zu bytes follow the last of %u records: the loader is broken",
                  handoff->size_bytes - at, handoff->record_count);
        return STATUS_CORRUPT;
    }
    return STATUS_OK;
}

/* --- interface --------------------------------------------------------------------------- */

/* There are more than `index` of that type. */
static const void *record_at(const struct handoff_view *view, enum handoff_record_type type,
                             size_t index)
{
    const char *at = (const char *)view->handoff + view->handoff->header_bytes;

    for (;;) {
        const struct handoff_record *record = (const void *)at;

        if (record->type == type && index-- == 0)
            return record;
        at += handoff_record_stride(record);
    }
}

const struct handoff_module *handoff_module_at(const struct handoff_view *view, size_t index)
{
    return record_at(view, HANDOFF_RECORD_MODULE, index);
}

const struct handoff_measurement *handoff_measurement_at(const struct handoff_view *view,
                                                         size_t index)
{
    return record_at(view, HANDOFF_RECORD_MEASUREMENT, index);
}

static const char *text_of(const struct handoff_records *records, enum handoff_record_type type)
{
    const struct handoff_record *record = records->first[type];

    return record == NULL ? "" : (const char *)(record + 1);
}

enum status handoff_adopt(void *block, size_t readable_bytes, struct handoff_view *view)
{
    struct handoff_records records = { 0 };
    struct handoff_view adopted = { .handoff = block };
    enum status status = check_frame(block, readable_bytes);

    if (status == STATUS_OK)
        status = walk_records(block, &records);
    if (status != STATUS_OK)
        return status;
    adopted.event_log = (const void *)records.first[HANDOFF_RECORD_EVENT_LOG];
    adopted.module_count = records.module_count;
    adopted.measurement_count = records.measurement_count;
    adopted.command_line = text_of(&records, HANDOFF_RECORD_COMMAND_LINE);
    adopted.loader_name = text_of(&records, HANDOFF_RECORD_LOADER_NAME);
    adopted.firmware_name = text_of(&records, HANDOFF_RECORD_FIRMWARE_NAME);
    status = handoff_check_meaning(&records, &adopted);
    if (status == STATUS_OK)
        *view = adopted;
    return status;
}
