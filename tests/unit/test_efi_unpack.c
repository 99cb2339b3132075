/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_efi_unpack.c - properties of the loader's LZ4 decoder.
 *
 * Frames come from the lz4 program, as the build's does, and from hand where a fault needs its place.
 * Every buffer is allocated with exactly the bytes that it may use, so that the address sanitizer
 * sees one too many.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "efi/unpack.h"

#define HEADER_BYTES    15u
#define SAMPLE_BYTES    4000u
#define BIT_FLIP_ROUNDS 2u /* flips at once: one, and two */

static struct refusal refusal;

struct bytes {
    uint8_t *start;
    size_t size;
};

/* --- content and frames ------------------------------------------------------------------ */

static struct bytes take(size_t size)
{
    struct bytes bytes = { malloc(size > 0 ? size : 1), size };

    assert_non_null(bytes.start);
    return bytes;
}

static struct bytes copy_of(const void *start, size_t size)
{
    struct bytes bytes = take(size);

    memcpy(bytes.start, start, size);
    return bytes;
}

static uint32_t random_32(void)
{
    static uint64_t seed = 88172645463325252u;

    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 32);
}

/* Like a program: pieces of earlier content, runs, and bytes that were never there. */
static struct bytes sample(size_t size)
{
    struct bytes bytes = take(size);
    size_t used = 0;

    while (used < size) {
        size_t length = 1 + random_32() % 90;
        uint32_t kind = random_32() % 3;

        size_t from = used > 0 ? random_32() % used : 0;

        for (; length > 0 && used < size; length--, used++)
            bytes.start[used] = kind == 0 || used == 0 ? (uint8_t)random_32()
                                : kind == 1            ? 0
                                                       : bytes.start[from++];
    }
    return bytes;
}

static struct bytes read_all(FILE *file)
{
    long size;
    struct bytes bytes;

    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    size = ftell(file);
    assert_true(size >= 0);
    rewind(file);
    bytes = take((size_t)size);
    assert_int_equal(fread(bytes.start, 1, bytes.size, file), bytes.size);
    return bytes;
}

/* What `lz4 OPTIONS` makes of the content. */
static struct bytes pack(struct bytes content, const char *options)
{
    char plain[] = "/tmp/meridian-unpack-XXXXXX";
    char packed[sizeof(plain) + 4];
    char command[256];
    int handle = mkstemp(plain);
    struct bytes bytes;
    FILE *file;

    assert_true(handle >= 0);
    assert_int_equal(write(handle, content.start, content.size), (ssize_t)content.size);
    close(handle);
    snprintf(packed, sizeof(packed), "%s.lz4", plain);
    snprintf(command, sizeof(command), "lz4 -q -q -f %s --content-size --no-frame-crc %s %s",
             options, plain, packed);
    assert_int_equal(system(command), 0);
    file = fopen(packed, "rb");
    assert_non_null(file);
    bytes = read_all(file);
    fclose(file);
    unlink(plain);
    unlink(packed);
    return bytes;
}

/* A frame of one block with these bytes, that says it holds `content` bytes. */
static struct bytes frame_of(const void *block, size_t size, uint64_t content)
{
    static const uint8_t head[6] = { 0x04, 0x22, 0x4d, 0x18, 0x68, 0x60 };
    struct bytes frame = take(HEADER_BYTES + 4 + size + 4);
    uint32_t block_size = (uint32_t)size;

    memset(frame.start, 0, frame.size);
    memcpy(frame.start, head, sizeof(head));
    memcpy(frame.start + 6, &content, sizeof(content));
    memcpy(frame.start + HEADER_BYTES, &block_size, sizeof(block_size));
    memcpy(frame.start + HEADER_BYTES + 4, block, size);
    return frame;
}

static enum status unpack_into(struct bytes frame, struct bytes content)
{
    return unpack(frame.start, frame.size, content.start, content.size, &refusal);
}

static void expect_round_trip(struct bytes content, const char *options)
{
    struct bytes frame = pack(content, options);
    struct bytes result = take(content.size);
    uint64_t size = 0;

    assert_int_equal(unpack_size(frame.start, frame.size, &size, &refusal), STATUS_OK);
    assert_int_equal(size, content.size);
    assert_int_equal(unpack_into(frame, result), STATUS_OK);
    assert_memory_equal(result.start, content.start, content.size);
    free(frame.start);
    free(result.start);
}

/* The frame that holds nothing but this block is refused, for this reason. */
static void expect_refused(const char *block, size_t size, uint64_t content_bytes, const char *why)
{
    struct bytes frame = frame_of(block, size, content_bytes);
    struct bytes content = take((size_t)content_bytes);

    assert_int_not_equal(unpack_into(frame, content), STATUS_OK);
    assert_non_null(strstr(refusal.reason, why));
    assert_true(refusal.next[0] != '\0');
    free(frame.start);
    free(content.start);
}

/* --- the tests --------------------------------------------------------------------------- */

static void round_trips(void **state)
{
    /* What lz4 packs at any level, in linked or independent blocks, stored or not, comes back as it
     * was. */
    static const char *const options[] = { "-1", "-12 -B7", "-9 -B4 -BD", "-12 -B4 -BI" };
    static const size_t sizes[] = { 1, 4, 13, 64, 1000, 65536, 300000 };

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct bytes content = sample(sizes[i]);

        for (size_t j = 0; j < sizeof(options) / sizeof(options[0]); j++)
            expect_round_trip(content, options[j]);
        free(content.start);
    }
}

static void noise_and_runs_round_trip(void **state)
{
    /* Content that cannot be packed is stored, and runs of every short period repeat themselves. */
    struct bytes content = take(70000);

    (void)state;
    for (size_t i = 0; i < content.size; i++)
        content.start[i] = (uint8_t)random_32();
    expect_round_trip(content, "-12");
    for (size_t period = 1; period <= 20; period++) {
        for (size_t i = period; i < content.size; i++)
            content.start[i] = content.start[i - period];
        expect_round_trip(content, "-12");
    }
    free(content.start);
}

static void every_truncation_is_refused(void **state)
{
    /* A frame that lost its last bytes, however many, is refused, and no byte beyond it is read. */
    struct bytes content = sample(SAMPLE_BYTES);
    struct bytes frame = pack(content, "-12");
    struct bytes result = take(content.size);

    (void)state;
    for (size_t size = 0; size < frame.size; size++) {
        struct bytes cut = copy_of(frame.start, size);

        assert_int_equal(unpack_into(cut, result), STATUS_TRUNCATED);
        free(cut.start);
    }
    free(content.start);
    free(frame.start);
    free(result.start);
}

static void bit_flips_do_no_harm(void **state)
{
    /* With any bit flipped, and with a second one, a frame gives an error or bytes, never a write
     * or a read outside of the buffers. */
    struct bytes content = sample(SAMPLE_BYTES);
    struct bytes frame = pack(content, "-12");
    struct bytes result = take(content.size);
    unsigned refused = 0;

    (void)state;
    for (size_t bit = 0; bit < 8 * frame.size; bit++) {
        struct bytes flipped = copy_of(frame.start, frame.size);

        flipped.start[bit / 8] ^= (uint8_t)(1u << bit % 8);
        for (unsigned round = 0; round < BIT_FLIP_ROUNDS; round++) {
            if (unpack_into(flipped, result) != STATUS_OK)
                refused++;
            flipped.start[random_32() % flipped.size] ^= (uint8_t)(1u << random_32() % 8);
        }
        free(flipped.start);
    }
    assert_true(refused > frame.size);
    free(content.start);
    free(frame.start);
    free(result.start);
}

static void wrong_room_is_refused(void **state)
{
    /* Content that does not fill its buffer to the last byte, or does not fit, is refused. */
    struct bytes content = sample(SAMPLE_BYTES);
    struct bytes frame = pack(content, "-12");

    (void)state;
    for (size_t size = 0; size < content.size + 40; size++) {
        struct bytes room = take(size);
        enum status status = unpack_into(frame, room);

        assert_int_equal(status, size == content.size ? STATUS_OK : STATUS_CORRUPT);
        free(room.start);
    }
    frame.start[6]++; /* what the header says, alone */
    assert_int_equal(unpack_into(frame, content), STATUS_CORRUPT);
    free(content.start);
    free(frame.start);
}

static void short_copies_stay_inside(void **state)
{
    /* Sequences with the most literals that are copied in whole words, in content of any room and in a
     * frame that ends with any byte of its block, touch nothing beyond either. */
    static const char sequence[] = "\xe0"
                                   "abcdefghijklmn\x08\x00";
    enum { LENGTH = sizeof(sequence) - 1, COUNT = 6, CONTENT = COUNT * 18 };
    char block[COUNT * LENGTH];

    (void)state;
    for (size_t i = 0; i < COUNT; i++)
        memcpy(block + i * LENGTH, sequence, LENGTH);
    for (size_t size = 0; size <= sizeof(block); size++) {
        struct bytes frame = frame_of(block, size, CONTENT);
        struct bytes cut = copy_of(frame.start, frame.size - sizeof(uint32_t));
        struct bytes content = take(CONTENT);
        struct bytes whole = frame_of(block, sizeof(block), CONTENT);
        struct bytes room = take(size);

        assert_int_not_equal(unpack_into(cut, content), STATUS_OK);
        assert_int_not_equal(unpack_into(whole, room), STATUS_OK);
        free(frame.start);
        free(whole.start);
        free(cut.start);
        free(content.start);
        free(room.start);
    }
}

static void faults_have_their_names(void **state)
{
    /* Each fault of a block is refused with a reason of its own and an advice. */
    (void)state;
    expect_refused("\x10", 1, 1, "too early");           /* a literal that is missing */
    expect_refused("\xf0\xff\xff", 3, 600, "too early"); /* within a length */
    expect_refused("\x10"
                   "a\x01",
                   3, 9, "too early"); /* half an offset */
    expect_refused("\x1f"
                   "a\x01\x00",
                   4, 99, "too early"); /* a match's length */
    expect_refused("\x30"
                   "abc",
                   4, 2, "literals go beyond the end");
    expect_refused("\x10"
                   "a\x00\x00",
                   4, 9, "before the content");
    expect_refused("\x10"
                   "a\x02\x00",
                   4, 9, "before the content");
    expect_refused("\x10"
                   "a\x01\x00",
                   4, 4, "a match goes beyond the end");
    expect_refused("\x10"
                   "a",
                   2, 2, "another number of bytes");
}

static void other_formats_are_refused(void **state)
{
    /* What does not begin as the frame that the build makes (an ELF file, another version, a dictionary,
     * checksums, no size) is refused before a byte is written. */
    struct bytes frame = frame_of("\x10"
                                  "a",
                                  2, 1);
    struct bytes content = take(1);
    static const uint8_t flags[] = { 0x28, 0xa8, 0x69, 0x6c, 0x78, 0x60, 0x6a };
    uint64_t size = 77;

    (void)state;
    assert_int_equal(unpack_into(frame, content), STATUS_OK);
    for (size_t i = 0; i < sizeof(flags); i++) {
        frame.start[4] = flags[i];
        assert_int_equal(unpack_size(frame.start, frame.size, &size, &refusal), STATUS_CORRUPT);
        assert_int_equal(unpack_into(frame, content), STATUS_CORRUPT);
    }
    memcpy(frame.start, "\x7f\x45LF\x68", 5);
    assert_int_equal(unpack_size(frame.start, frame.size, &size, &refusal), STATUS_CORRUPT);
    assert_int_equal(size, 77);
    free(frame.start);
    free(content.start);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trips),
        cmocka_unit_test(noise_and_runs_round_trip),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(bit_flips_do_no_harm),
        cmocka_unit_test(wrong_room_is_refused),
        cmocka_unit_test(short_copies_stay_inside),
        cmocka_unit_test(faults_have_their_names),
        cmocka_unit_test(other_formats_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
