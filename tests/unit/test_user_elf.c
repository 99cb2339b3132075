/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_user_elf.c - properties of the reader of programs: what it accepts, what it refuses.
 *
 * A small program is built in memory in each width, spoilt in one place, and must be refused for
 * that very reason. The file is allocated with its exact size, so that reading beyond is found.
 *
 *     file    | ELF header | segments | text 0x40 bytes | data 0x20 bytes |
 *     memory  0x400000 text r-x | 0x401000 data rw-, 0x1000 bytes
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/types.h"
#include "user/abi.h"
#include "user/program_elf.h"
#include "user/range.h"

#define TEXT_BYTES 0x40u
#define DATA_BYTES 0x20u
#define ENTRY      0x400010u

/* As much of a segment as both widths have. */
struct part {
    uint32_t kind, flags;
    uint64_t offset, address, in_file, in_memory;
};

struct image {
    bool wide;
    uint8_t magic, class, order;
    uint16_t type, machine;
    uint64_t entry, segments;
    uint16_t segment_size, count;
    struct part part[6];
    size_t size_bytes; /* of the file */
};

static struct image good(bool wide)
{
    uint64_t header = wide ? 64 : 52;
    uint16_t segment = wide ? 56 : 32;
    uint64_t text = header + 2 * segment;

    return (struct image){
        .wide = wide,
        .magic = 0x7f,
        .class = wide ? 2 : 1,
        .order = 1,
        .type = 2,
        .machine = wide ? 62 : 3,
        .entry = ENTRY,
        .segments = header,
        .segment_size = segment,
        .count = 2,
        .part = { { 1, 5, text, 0x400000, TEXT_BYTES, TEXT_BYTES },
                  { 1, 6, text + TEXT_BYTES, 0x401000, DATA_BYTES, 0x1000 } },
        .size_bytes = (size_t)(text + TEXT_BYTES + DATA_BYTES),
    };
}

static void put(uint8_t *file, size_t size_bytes, uint64_t offset, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (offset + i < size_bytes)
            file[offset + i] = (uint8_t)(value >> (8 * i));
    }
}

static void write_part(uint8_t *file, const struct image *image, unsigned index)
{
    const struct part *part = &image->part[index];
    uint64_t at = (image->wide ? 64u : 52u) + index * (image->wide ? 56u : 32u);
    size_t size = image->size_bytes;
    size_t word = image->wide ? 8 : 4;

    put(file, size, at, part->kind, 4);
    put(file, size, at + (image->wide ? 4 : 24), part->flags, 4);
    put(file, size, at + (image->wide ? 8 : 4), part->offset, word);
    put(file, size, at + (image->wide ? 16 : 8), part->address, word);
    put(file, size, at + (image->wide ? 32 : 16), part->in_file, word);
    put(file, size, at + (image->wide ? 40 : 20), part->in_memory, word);
}

static uint8_t *write_image(const struct image *image)
{
    uint8_t *file = calloc(1, image->size_bytes + (image->size_bytes == 0));
    size_t size = image->size_bytes;
    size_t word = image->wide ? 8 : 4;

    assert_non_null(file);
    put(file, size, 0, image->magic, 1);
    put(file, size, 1, 0x464c45, 3);
    put(file, size, 4, image->class, 1);
    put(file, size, 5, image->order, 1);
    put(file, size, 16, image->type, 2);
    put(file, size, 18, image->machine, 2);
    put(file, size, 24, image->entry, word);
    put(file, size, image->wide ? 32 : 28, image->segments, word);
    put(file, size, image->wide ? 54 : 42, image->segment_size, 2);
    put(file, size, image->wide ? 56 : 44, image->count, 2);
    for (unsigned i = 0; i < image->count && i < 6; i++)
        write_part(file, image, i);
    return file;
}

static enum status read_image(const struct image *image, struct program_layout *layout)
{
    uint8_t *file = write_image(image);
    enum status status = program_elf_read(image->wide ? &program_elf_64 : &program_elf_32, file,
                                          image->size_bytes, layout);

    free(file);
    return status;
}

static void assert_refused(const struct image *image, enum status expected)
{
    struct program_layout layout = { .entry = 7 };

    assert_int_equal(read_image(image, &layout), expected);
    assert_int_equal(layout.entry, 7);
}

/* --- what is accepted -------------------------------------------------------------------- */

static void test_good_program(void **state)
{
    /* Segments and entry of a good program come out as they went in, in both widths. */
    (void)state;
    for (int wide = 0; wide < 2; wide++) {
        struct image image = good(wide);
        struct program_layout layout;

        assert_int_equal(read_image(&image, &layout), STATUS_OK);
        assert_int_equal(layout.entry, ENTRY);
        assert_int_equal(layout.segment_count, 2);
        assert_int_equal(layout.segments[0].start, 0x400000);
        assert_int_equal(layout.segments[0].rights, USER_EXECUTE);
        assert_int_equal(layout.segments[0].file_bytes, TEXT_BYTES);
        assert_int_equal(layout.segments[1].start, 0x401000);
        assert_int_equal(layout.segments[1].rights, USER_WRITE);
        assert_int_equal(layout.segments[1].memory_bytes, 0x1000);
    }
}

static void test_other_headers(void **state)
{
    /* Headers that are not to be loaded, and empty segments, are passed over. */
    (void)state;
    for (int wide = 0; wide < 2; wide++) {
        struct image image = good(wide);
        struct program_layout layout;

        image.part[1].kind = 0x6474e551; /* PT_GNU_STACK */
        assert_int_equal(read_image(&image, &layout), STATUS_OK);
        assert_int_equal(layout.segment_count, 1);
        image.part[1] = (struct part){ .kind = 1, .flags = 6 };
        assert_int_equal(read_image(&image, &layout), STATUS_OK);
        assert_int_equal(layout.segment_count, 1);
    }
}

/* --- what is refused --------------------------------------------------------------------- */

static void test_every_shorter_file(void **state)
{
    /* A file that ends anywhere before its last byte is refused as truncated. */
    (void)state;
    for (int wide = 0; wide < 2; wide++) {
        struct image image = good(wide);

        while (image.size_bytes-- > 0)
            assert_refused(&image, STATUS_TRUNCATED);
    }
}

static void test_other_files(void **state)
{
    /* What is no fixed program for this very machine is refused. */
    (void)state;
    for (int wide = 0; wide < 2; wide++) {
        struct image image = good(wide);

        image.magic = 0x7e;
        assert_refused(&image, STATUS_UNSUPPORTED);
        image = good(wide);
        image.class = wide ? 1 : 2;
        assert_refused(&image, STATUS_UNSUPPORTED);
        image = good(wide);
        image.order = 2;
        assert_refused(&image, STATUS_UNSUPPORTED);
        image = good(wide);
        image.type = 3;
        assert_refused(&image, STATUS_UNSUPPORTED);
        image = good(wide);
        image.machine = 183;
        assert_refused(&image, STATUS_UNSUPPORTED);
    }
}

static void test_bad_tables(void **state)
{
    /* A table of segments that is not where or what it says is refused. */
    (void)state;
    for (int wide = 0; wide < 2; wide++) {
        struct image image = good(wide);

        image.segments = wide ? UINT64_MAX : UINT32_MAX;
        assert_refused(&image, STATUS_TRUNCATED);
        image = good(wide);
        image.segment_size++;
        assert_refused(&image, STATUS_CORRUPT);
        image = good(wide);
        image.count = 0;
        assert_refused(&image, STATUS_CORRUPT);
        image = good(wide);
        image.count = 0xffff;
        assert_refused(&image, STATUS_CORRUPT);
    }
}

static void test_bad_segments(void **state)
{
    /* A segment may not be W+X, lie elsewhere, wrap, overlap, share a page or reach out of the file. */
    static const struct {
        unsigned index;
        struct part part; /* kind 0: as it was */
        enum status status;
    } bad[] = {
        { 1, { 1, 7, 0, 0x401000, 0, 0x1000 }, STATUS_DENIED },
        { 0, { 1, 5, 0, 0x3ff000, 16, 16 }, STATUS_DENIED },
        { 1, { 1, 6, 0, USER_IMAGE_END, 16, 16 }, STATUS_DENIED },
        { 1, { 1, 6, 0, USER_IMAGE_END - 0x1000, 16, 0x1001 }, STATUS_DENIED },
        { 1, { 1, 6, 0, 0x401000, 0, 0xffffffff }, STATUS_DENIED },
        { 1, { 1, 6, 0, 0x401000, 17, 16 }, STATUS_CORRUPT },
        { 1, { 1, 6, 0, 0x401008, 16, 16 }, STATUS_CORRUPT },
        { 1, { 1, 6, 0, 0x400000, 16, 16 }, STATUS_CORRUPT },
        { 1, { 1, 6, 0xfffffff0, 0x401000, 32, 32 }, STATUS_TRUNCATED },
    };

    (void)state;
    for (int wide = 0; wide < 2; wide++) {
        for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
            struct image image = good(wide);

            image.part[bad[i].index] = bad[i].part;
            assert_refused(&image, bad[i].status);
        }
    }
}

static void test_wrapping_numbers(void **state)
{
    /* Sums that wrap past 2^64 are refused, not formed. */
    struct image image = good(true);

    (void)state;
    image.part[1].offset = UINT64_MAX - 8;
    image.part[1].in_file = 16;
    assert_refused(&image, STATUS_TRUNCATED);
    image = good(true);
    image.part[1].address = UINT64_MAX - 0xfff;
    assert_refused(&image, STATUS_DENIED);
    image = good(true);
    image.part[1].in_memory = UINT64_MAX;
    assert_refused(&image, STATUS_DENIED);
}

static void test_too_many_segments(void **state)
{
    /* More segments than there is room for are refused. */
    struct image image = good(true);

    (void)state;
    image.count = 6;
    for (unsigned i = 2; i < image.count; i++)
        image.part[i] = (struct part){ 1, 6, 0, 0x400000 + i * 0x1000, 0, 16 };
    image.size_bytes += 4 * 56;
    image.part[0].offset = 64 + 6 * 56;
    image.part[1].offset = image.part[0].offset + TEXT_BYTES;
    assert_refused(&image, STATUS_UNSUPPORTED);
}

static void test_bad_entries(void **state)
{
    /* A program begins in its code, not before, behind, in data or in what the file does not have. */
    static const uint64_t entries[] = { 0, 0x3fffff, 0x400000 + TEXT_BYTES, 0x401000, UINT32_MAX };

    (void)state;
    for (int wide = 0; wide < 2; wide++) {
        for (size_t i = 0; i < ARRAY_COUNT(entries); i++) {
            struct image image = good(wide);

            image.entry = entries[i];
            assert_refused(&image, STATUS_CORRUPT);
        }
    }
}

/* --- ranges ------------------------------------------------------------------------------ */

static void test_ranges(void **state)
{
    /* A range ends below a limit only if it does so without wrapping; an empty one always does. */
    (void)state;
    assert_true(range_ends_below(0, 100, 100));
    assert_true(range_ends_below(99, 1, 100));
    assert_false(range_ends_below(99, 2, 100));
    assert_false(range_ends_below(100, 1, 100));
    assert_false(range_ends_below(1, UINTPTR_MAX, 100));
    assert_false(range_ends_below(UINTPTR_MAX, 1, 100));
    assert_false(range_ends_below(UINTPTR_MAX, 2, UINTPTR_MAX));
    assert_true(range_ends_below(UINTPTR_MAX, 0, 100));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_program),       cmocka_unit_test(test_other_headers),
        cmocka_unit_test(test_every_shorter_file), cmocka_unit_test(test_other_files),
        cmocka_unit_test(test_bad_tables),         cmocka_unit_test(test_bad_segments),
        cmocka_unit_test(test_wrapping_numbers),   cmocka_unit_test(test_too_many_segments),
        cmocka_unit_test(test_bad_entries),        cmocka_unit_test(test_ranges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
