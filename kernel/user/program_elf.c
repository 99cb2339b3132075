/* SPDX-License-Identifier: BSD-2-Clause
 *
 * program_elf.c - the ELF files of programs, of either width.
 *
 * The two widths have the same fields at different places, so a file is read through a table of
 * places. Nothing is believed: offsets are compared with what is left of the file, addresses with
 * the part of the address space that belongs to programs, and segments may neither share a page
 * nor come out of order. Pure: also built hosted.
 *
 * Source: System V ABI (gABI), chapters 4 and 5.
 */
#include "program_elf.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "user/abi.h"

#define ELF_MAGIC           "\177ELF"
#define ELF_MAGIC_BYTES     4
#define ELF_IDENT_CLASS     4
#define ELF_IDENT_DATA      5
#define ELF_DATA_LITTLE     1
#define ELF_TYPE_EXECUTABLE 2
#define ELF_SEGMENT_LOAD    1
#define ELF_EXECUTE         1u
#define ELF_WRITE           2u
#define HEADERS_MOST        16u

struct place {
    uint8_t offset;
    uint8_t bytes;
};

struct program_elf_format {
    uint8_t class;
    uint16_t machine;
    uint8_t header_bytes;
    uint8_t segment_bytes;
    struct place entry, segments, segment_size, segment_count; /* in the header of the file */
    struct place flags, offset, address, in_file, in_memory;   /* in the header of a segment */
};

static const struct place type_place = { 16, 2 }, machine_place = { 18, 2 }, kind_place = { 0, 4 };

const struct program_elf_format program_elf_32 = {
    .class = 1,
    .machine = 3, /* EM_386 */
    .header_bytes = 52,
    .segment_bytes = 32,
    .entry = { 24, 4 },
    .segments = { 28, 4 },
    .segment_size = { 42, 2 },
    .segment_count = { 44, 2 },
    .flags = { 24, 4 },
    .offset = { 4, 4 },
    .address = { 8, 4 },
    .in_file = { 16, 4 },
    .in_memory = { 20, 4 },
};

const struct program_elf_format program_elf_64 = {
    .class = 2,
    .machine = 62, /* EM_X86_64 */
    .header_bytes = 64,
    .segment_bytes = 56,
    .entry = { 24, 8 },
    .segments = { 32, 8 },
    .segment_size = { 54, 2 },
    .segment_count = { 56, 2 },
    .flags = { 4, 4 },
    .offset = { 8, 8 },
    .address = { 16, 8 },
    .in_file = { 32, 8 },
    .in_memory = { 40, 8 },
};

struct reader {
    const struct program_elf_format *format;
    const uint8_t *file;
    uint64_t size_bytes;
};

static uint64_t field(const uint8_t *header, struct place place)
{
    uint64_t value = 0;

    memcpy(&value, header + place.offset, place.bytes);
    return value;
}

static bool has(const struct reader *reader, uint64_t offset, uint64_t size_bytes)
{
    return offset <= reader->size_bytes && size_bytes <= reader->size_bytes - offset;
}

/* --- the header of the file -------------------------------------------------------------- */

static enum status check_header(const struct reader *reader)
{
    const struct program_elf_format *format = reader->format;
    const uint8_t *header = reader->file;
    uint64_t count;

    if (!has(reader, 0, format->header_bytes))
        return STATUS_TRUNCATED;
    if (memcmp(header, ELF_MAGIC, ELF_MAGIC_BYTES) != 0 ||
        header[ELF_IDENT_CLASS] != format->class || header[ELF_IDENT_DATA] != ELF_DATA_LITTLE ||
        field(header, type_place) != ELF_TYPE_EXECUTABLE ||
        field(header, machine_place) != format->machine)
        return STATUS_UNSUPPORTED;
    count = field(header, format->segment_count);
    if (field(header, format->segment_size) != format->segment_bytes || count == 0 ||
        count > HEADERS_MOST)
        return STATUS_CORRUPT;
    if (!has(reader, field(header, format->segments), count * format->segment_bytes))
        return STATUS_TRUNCATED;
    return STATUS_OK;
}

/* --- segments ---------------------------------------------------------------------------- */

static uint64_t layout_end(const struct program_layout *layout)
{
    const struct program_segment *last;

    if (layout->segment_count == 0)
        return USER_IMAGE_START;
    last = &layout->segments[layout->segment_count - 1];
    return align_up(last->start + last->memory_bytes, PAGE_SIZE);
}

static enum status check_segment(const struct program_layout *layout,
                                 const struct program_segment *segment)
{
    uint64_t end;

    if (segment->file_bytes > segment->memory_bytes)
        return STATUS_CORRUPT;
    if (!checked_add(segment->start, segment->memory_bytes, &end) || end > USER_IMAGE_END ||
        segment->start < USER_IMAGE_START)
        return STATUS_DENIED;
    if (!is_aligned(segment->start, PAGE_SIZE) || segment->start < layout_end(layout))
        return STATUS_CORRUPT;
    if (segment->rights == (USER_WRITE | USER_EXECUTE))
        return STATUS_DENIED;
    return layout->segment_count < PROGRAM_SEGMENTS_MOST ? STATUS_OK : STATUS_UNSUPPORTED;
}

static enum status add_segment(const struct reader *reader, const uint8_t *header,
                               struct program_layout *layout)
{
    const struct program_elf_format *format = reader->format;
    uint64_t flags = field(header, format->flags);
    uint64_t offset = field(header, format->offset);
    struct program_segment segment = { .start = field(header, format->address),
                                       .memory_bytes = field(header, format->in_memory),
                                       .file_bytes = field(header, format->in_file),
                                       .rights = (flags & ELF_WRITE ? USER_WRITE : 0u) |
                                                 (flags & ELF_EXECUTE ? USER_EXECUTE : 0u) };
    enum status status;

    if (field(header, kind_place) != ELF_SEGMENT_LOAD || segment.memory_bytes == 0)
        return STATUS_OK;
    if (!has(reader, offset, segment.file_bytes))
        return STATUS_TRUNCATED;
    status = check_segment(layout, &segment);
    if (status != STATUS_OK)
        return status;
    segment.bytes = reader->file + offset;
    layout->segments[layout->segment_count++] = segment;
    return STATUS_OK;
}

static enum status check_entry(const struct program_layout *layout)
{
    for (unsigned i = 0; i < layout->segment_count; i++) {
        const struct program_segment *segment = &layout->segments[i];

        if (segment->rights == USER_EXECUTE && layout->entry >= segment->start &&
            layout->entry - segment->start < segment->file_bytes)
            return STATUS_OK;
    }
    return STATUS_CORRUPT;
}

enum status program_elf_read(const struct program_elf_format *format, const uint8_t *file,
                             size_t size_bytes, struct program_layout *layout)
{
    const struct reader reader = { .format = format, .file = file, .size_bytes = size_bytes };
    struct program_layout found = { .segment_count = 0 };
    enum status status = check_header(&reader);

    if (status != STATUS_OK)
        return status;
    found.entry = field(file, format->entry);
    for (uint64_t i = 0; i < field(file, format->segment_count) && status == STATUS_OK; i++)
        status = add_segment(
            &reader, file + field(file, format->segments) + i * format->segment_bytes, &found);
    if (status == STATUS_OK)
        status = check_entry(&found);
    if (status == STATUS_OK)
        *layout = found;
    return status;
}
