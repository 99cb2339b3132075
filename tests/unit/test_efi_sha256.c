/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_efi_sha256.c - properties of the loader's SHA-256.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "efi/sha256.h"

static void expect_digest(const void *data, size_t size, const char *expected)
{
    uint8_t digest[SHA256_BYTES];
    char text[2 * SHA256_BYTES + 1];

    sha256_of(data, size, digest);
    for (size_t i = 0; i < SHA256_BYTES; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    assert_string_equal(text, expected);
}

static void known_answers(void **state)
{
    /* The examples of FIPS 180-4 and the CAVP short messages give their digests. */
    static const uint8_t one_byte[] = { 0xd3 };

    (void)state;
    expect_digest("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    expect_digest("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect_digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
                  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    expect_digest(one_byte, 1, "28969cdfa74a12c82f3bad960b0b000aca2ac329deea5c2328ebc6f2ba9802c1");
}

static void a_million(void **state)
{
    /* The long example of FIPS 180-4, a million times 'a', fed in pieces of odd sizes. */
    static char letters[997];
    struct sha256 hash;
    uint8_t digest[SHA256_BYTES];

    (void)state;
    memset(letters, 'a', sizeof(letters));
    sha256_start(&hash);
    for (size_t left = 1000000; left > 0;) {
        size_t piece = left < sizeof(letters) ? left : sizeof(letters);

        sha256_add(&hash, letters, piece);
        left -= piece;
    }
    sha256_finish(&hash, digest);
    assert_int_equal(digest[0], 0xcd);
    assert_int_equal(digest[1], 0xc7);
    assert_int_equal(digest[30], 0x2c);
    assert_int_equal(digest[31], 0xd0);
}

static void pieces_make_no_difference(void **state)
{
    /* However a message of up to three blocks is cut in two, the digest is that of the whole. */
    uint8_t message[3 * SHA256_BLOCK_BYTES];
    uint8_t whole[SHA256_BYTES];
    uint8_t parts[SHA256_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof(message); i++)
        message[i] = (uint8_t)(i * 37 + 11);
    for (size_t size = 0; size <= sizeof(message); size++) {
        sha256_of(message, size, whole);
        for (size_t cut = 0; cut <= size; cut++) {
            struct sha256 hash;

            sha256_start(&hash);
            sha256_add(&hash, message, cut);
            sha256_add(&hash, message + cut, size - cut);
            sha256_finish(&hash, parts);
            assert_memory_equal(whole, parts, SHA256_BYTES);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(a_million),
        cmocka_unit_test(pieces_make_no_difference),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
