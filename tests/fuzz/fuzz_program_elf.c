/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fuzz_program_elf.c - files of programs, in both widths: what is accepted lies within the file, within a
 * program's part of the address space, in order, apart, and is never writable and executable.
 *
 *     input    the file, written over a good one: first byte 0 or 1: the width, then pieces of
 *              {where (1 byte), how many (3 bits), bytes}; an odd second byte cuts the file
 */
#include "fuzz.h"

#include "lib/bits.h"
#include "user/abi.h"
#include "user/program_elf.h"

#define FILE_BYTES 0x140u
#define CODE_AT    0x130u

static void put(uint8_t *file, size_t at, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        file[at + i] = (uint8_t)(value >> (8 * i));
}

/* Code and data, in as many headers as fit before CODE_AT. */
static void make_good(uint8_t *file, bool wide)
{
    size_t word = wide ? 8 : 4;
    size_t header = wide ? 64 : 52;
    size_t segment = wide ? 56 : 32;

    memset(file, 0, FILE_BYTES);
    put(file, 0, 0x464c457f, 4);
    file[4] = wide ? 2 : 1;
    file[5] = 1;
    put(file, 16, 2, 2);
    put(file, 18, wide ? 62 : 3, 2);
    put(file, 24, USER_IMAGE_START, word);
    put(file, wide ? 32 : 28, header, word);
    put(file, wide ? 54 : 42, segment, 2);
    put(file, wide ? 56 : 44, 4, 2);
    for (size_t i = 0; i < 2; i++) {
        size_t at = header + i * segment;

        put(file, at, 1, 4);
        put(file, at + (wide ? 4 : 24), i == 0 ? 5 : 6, 4);
        put(file, at + (wide ? 8 : 4), CODE_AT, word);
        put(file, at + (wide ? 16 : 8), USER_IMAGE_START + i * PAGE_SIZE, word);
        put(file, at + (wide ? 32 : 16), 16, word);
        put(file, at + (wide ? 40 : 20), 16 + i, word);
    }
}

static size_t spoil(uint8_t *file, struct feed *feed, uint8_t cut)
{
    size_t size = (cut & 1) != 0 ? FILE_BYTES - cut : FILE_BYTES;

    while (!feed_ends(feed)) {
        size_t at = feed_byte(feed);
        unsigned count = (feed_byte(feed) & 7) + 1;

        put(file, at, feed_number(feed, count), count);
    }
    return size;
}

static void check_segment(const struct program_segment *segment, const uint8_t *file, size_t size,
                          uint64_t *end)
{
    FUZZ_CHECK(segment->memory_bytes > 0 && segment->file_bytes <= segment->memory_bytes);
    FUZZ_CHECK(segment->bytes >= file && segment->bytes + segment->file_bytes <= file + size);
    FUZZ_CHECK(segment->start % PAGE_SIZE == 0 && segment->start >= *end);
    FUZZ_CHECK(segment->start + segment->memory_bytes > segment->start);
    FUZZ_CHECK(segment->start + segment->memory_bytes <= USER_IMAGE_END);
    FUZZ_CHECK(segment->rights != (USER_WRITE | USER_EXECUTE));
    *end = align_up(segment->start + segment->memory_bytes, PAGE_SIZE);
}

static void check_layout(const struct program_layout *layout, const uint8_t *file, size_t size)
{
    uint64_t end = USER_IMAGE_START;
    unsigned entries = 0;

    FUZZ_CHECK(layout->segment_count > 0 && layout->segment_count <= PROGRAM_SEGMENTS_MOST);
    for (unsigned i = 0; i < layout->segment_count; i++) {
        const struct program_segment *segment = &layout->segments[i];

        check_segment(segment, file, size, &end);
        entries += layout->entry >= segment->start &&
                   layout->entry < segment->start + segment->memory_bytes &&
                   segment->rights == USER_EXECUTE;
    }
    FUZZ_CHECK(entries == 1);
}

void fuzz_run(const uint8_t *data, size_t size)
{
    struct feed feed = { data, size };
    bool wide = (feed_byte(&feed) & 1) != 0;
    uint8_t cut = feed_byte(&feed);
    uint8_t good[FILE_BYTES];
    struct program_layout layout;
    size_t file_bytes;
    const uint8_t *file;

    make_good(good, wide);
    file_bytes = spoil(good, &feed, cut);
    file = fuzz_copy(FUZZ_INPUT, good, file_bytes);
    if (program_elf_read(wide ? &program_elf_64 : &program_elf_32, file, file_bytes, &layout) ==
        STATUS_OK)
        check_layout(&layout, file, file_bytes);
}
