/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_efi_config.c - properties of the configuration file's parser.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "efi/config_file.h"

#define DIGITS "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"

/* Parses exactly these bytes, so that ASan sees a read too far. The copy is freed: results that
 * point into it must be looked at by `look` before. */
static enum status parse_bytes(const char *bytes, size_t size, struct refusal *refusal,
                               void (*look)(const struct config_file *config))
{
    char *copy = malloc(size + (size == 0));
    struct config_file config;
    enum status status;

    memcpy(copy, bytes, size);
    *refusal = (struct refusal){ 0 };
    status = config_file_parse((struct text){ copy, size }, &config, refusal);
    if (status == STATUS_OK && look != NULL)
        look(&config);
    free(copy);
    return status;
}

static void expect_good(const char *text, void (*look)(const struct config_file *config))
{
    struct refusal refusal;

    assert_int_equal(parse_bytes(text, strlen(text), &refusal, look), STATUS_OK);
}

/* The message must name the cause, the file and the line, and say what to do. */
static void expect_bad(const char *bytes, size_t size, unsigned line, const char *reason)
{
    struct refusal refusal;
    char place[64];

    assert_int_not_equal(parse_bytes(bytes, size, &refusal, NULL), STATUS_OK);
    if (strstr(refusal.reason, reason) == NULL)
        fail_msg("'%s' does not say '%s'", refusal.reason, reason);
    snprintf(place, sizeof(place), line > 0 ? "%s, line %u" : "%s", CONFIG_FILE_PATH, line);
    assert_string_equal(refusal.place, place);
    assert_non_null(refusal.next);
    assert_int_not_equal(refusal.status, STATUS_OK);
}

/* --- good files -------------------------------------------------------------------------- */

static void look_at_everything(const struct config_file *config)
{
    assert_true(text_equal(config->kernel, "\\my kernel.elf"));
    assert_true(config->kernel_hash.given);
    assert_int_equal(config->kernel_hash.digest[0], 0x00);
    assert_int_equal(config->kernel_hash.digest[31], 0xff);
    assert_true(text_equal(config->command_line, "mem=64M memmap=1M#16M  run=\"map; exit\""));
    assert_true(config->timeout_given);
    assert_int_equal(config->timeout_seconds, 12);
    assert_true(config->report);
    assert_false(config->dump);
    assert_int_equal(config->screen.kind, GRAPHICS_EXACT);
    assert_int_equal(config->screen.width_pixels, 3840);
    assert_int_equal(config->screen.height_pixels, 2160);
    assert_int_equal(config->module_count, 3);
    assert_true(text_equal(config->modules[0].path, "\\a\\ram.img"));
    assert_true(text_equal(config->modules[0].name, "ram.img"));
    assert_true(text_equal(config->modules[1].path, "/b/my file"));
    assert_true(text_equal(config->modules[1].name, "the other"));
    assert_true(text_equal(config->modules[2].path, "plain"));
    assert_false(config->modules[0].hash.given);
    assert_true(config->modules[1].hash.given);
    assert_int_equal(config->modules[1].hash.digest[1], 0x11);
    assert_false(config->modules[2].hash.given);
    assert_true(config->measurement_required);
    assert_true(text_equal(config->modules[2].name, "plain"));
}

static void every_key(void **state)
{
    /* All keys in any order, with blanks, comments, empty lines and foreign line ends. */
    (void)state;
    expect_good("# a comment: with a colon\r\n"
                "\r\n"
                "  kernel :\t\\my kernel.elf \r\n"
                "cmdline: mem=64M memmap=1M#16M  run=\"map; exit\"\r\n"
                "module: \\a\\ram.img\n"
                "   # another\n"
                "module: \"/b/my file\"   the other\n"
                "sha256: " DIGITS "\n"
                "module-sha256: " DIGITS "\n"
                "measure: required\n"
                "timeout:12\n"
                "dump: no\n"
                "report: yes\n"
                "screen: 3840x2160\n"
                "module: plain",
                look_at_everything);
}

static void look_at_nothing(const struct config_file *config)
{
    assert_null(config->kernel.start);
    assert_false(config->kernel_hash.given);
    assert_false(config->measurement_required);
    assert_int_equal(config->command_line.size_bytes, 0);
    assert_false(config->timeout_given);
    assert_false(config->report);
    assert_false(config->dump);
    assert_int_equal(config->screen.kind, GRAPHICS_KEEP);
    assert_int_equal(config->module_count, 0);
}

static void empty_files(void **state)
{
    /* A file that says nothing is no mistake: every key has a default. */
    (void)state;
    expect_good("", look_at_nothing);
    expect_good("\n", look_at_nothing);
    expect_good("# nothing\n\n   \t\n#", look_at_nothing);
    expect_good("\xef\xbb\xbf# after a mark\n", look_at_nothing);
}

static void look_at_quotes(const struct config_file *config)
{
    assert_true(text_equal(config->kernel, "/k 1.elf"));
}

static void quoted_kernel(void **state)
{
    /* The kernel's path may stand in quotation marks. */
    (void)state;
    expect_good("kernel: \"/k 1.elf\"\n", look_at_quotes);
}

static void look_at_largest(const struct config_file *config)
{
    assert_int_equal(config->screen.kind, GRAPHICS_LARGEST);
}

static void look_at_keep(const struct config_file *config)
{
    assert_int_equal(config->screen.kind, GRAPHICS_KEEP);
}

static void screens_by_name(void **state)
{
    /* A screen is wished for by its size, as the largest one, or left as it is; sides have a limit. */
    (void)state;
    expect_good("screen: largest\n", look_at_largest);
    expect_good("screen: keep", look_at_keep);
    expect_good("screen: 65536x1", NULL);
}

/* --- bad files --------------------------------------------------------------------------- */

static void bad_lines(void **state)
{
    /* Each kind of mistake is refused with its line, its cause and an advice. */
    static const struct {
        const char *text;
        unsigned line;
        const char *reason;
    } cases[] = {
        { "kernel: a\nkernl: b\n", 2, "key 'kernl' is unknown" },
        { "Kernel: a\n", 1, "key 'Kernel' is unknown" },
        { ": a\n", 1, "key '' is unknown" },
        { "\n\nkernel \\a\n", 3, "no ':'" },
        { "kernel:\n", 1, "'kernel' has no value" },
        { "cmdline:   \t\r\n", 1, "'cmdline' has no value" },
        { "module:", 1, "'module' has no value" },
        { "timeout:\n", 1, "'timeout' has no value" },
        { "kernel: a\n\nkernel: b\n", 3, "already given in line 1" },
        { "cmdline: a\ncmdline: b", 2, "already given in line 1" },
        { "timeout: 1\ntimeout: 1", 2, "already given in line 1" },
        { "timeout: 1s\n", 1, "'1s' is not a number" },
        { "timeout: -1\n", 1, "'-1' is not a number" },
        { "timeout: 3601\n", 1, "more than 3600" },
        { "timeout: 99999999999999999999\n", 1, "more than 3600" },
        { "report: maybe\n", 1, "'maybe' is neither yes nor no" },
        { "dump: Yes\n", 1, "'Yes' is neither yes nor no" },
        { "screen: huge\n", 1, "'huge' is neither a size" },
        { "screen: 1920", 1, "'1920' is neither a size" },
        { "screen: 1920x", 1, "'1920x' is neither a size" },
        { "screen: x1080", 1, "'x1080' is neither a size" },
        { "screen: 0x600\n", 1, "'0x600' is neither a size" },
        { "screen: 800 x 600\n", 1, "'800 x 600' is neither a size" },
        { "screen: 800x600x32\n", 1, "'800x600x32' is neither a size" },
        { "screen: 65537x1\n", 1, "'65537x1' is neither a size" },
        { "screen: 1x4294967297\n", 1, "'1x4294967297' is neither a size" },
        { "screen: keep\nscreen: keep\n", 2, "already given in line 1" },
        { "measure: yes\n", 1, "'yes' is neither required nor optional" },
        { "measure: optional\nmeasure: optional\n", 2, "already given in line 1" },
        { "module-sha256: " DIGITS "\nmodule: a\n", 1, "no module above" },
        { "module: a\nmodule-sha256: " DIGITS "\nmodule-sha256: " DIGITS, 3, "has a hash already" },
        { "module: a\nmodule-sha256: 12\n", 2, "64 hexadecimal digits" },
        { "kernel: a\nsha256: 12\n", 2, "64 hexadecimal digits" },
        { "kernel: a\nsha256: " DIGITS "0\n", 2, "64 hexadecimal digits" },
        { "sha256: g0112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF", 1,
          "'g0' is not hexadecimal" },
        { "kernel: \"a\" b\n", 1, "something follows" },
        { "kernel: \"\"\n", 1, "path is empty" },
        { "module: \"\" name\n", 1, "path is empty" },
        { "module: folder/\n", 1, "ends as a folder" },
        { "module: \\a\\\n", 1, "ends as a folder" },
        { "cmdline: a\x80\n", 1, "not UTF-8" },
        { "kernel: a\n# caf\xe9\n", 2, "not UTF-8" },
        { "cmdline: a\x01z\n", 1, "control character" },
        { "cmdline: \x1b[2J\n", 1, "control character" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        expect_bad(cases[i].text, strlen(cases[i].text), cases[i].line, cases[i].reason);
}

static void bad_files(void **state)
{
    /* What is wrong with the file as a whole is named: UTF-16, NUL bytes, a hash without a kernel.
     * */
    static const char utf16[] = "\xff\xfek\0e\0r\0";
    static const char utf16_other[] = "\xfe\xff\0k\0e\0r";
    static const char nul[] = "kernel: a\nmodule: b\0c\n";

    (void)state;
    expect_bad(utf16, sizeof(utf16) - 1, 0, "UTF-16");
    expect_bad(utf16_other, sizeof(utf16_other) - 1, 0, "UTF-16");
    expect_bad(nul, sizeof(nul) - 1, 2, "NUL");
    expect_bad("sha256: " DIGITS "\n", sizeof("sha256: " DIGITS "\n") - 1, 0, "no kernel");
}

static void sizes(void **state)
{
    /* Lines, paths, names, the number of modules and the file have limits, each with its message;
     * what just fits is accepted. */
    static char text[CONFIG_FILE_MAX_BYTES + 1];
    size_t size;

    (void)state;
    memset(text, 'p', sizeof(text));
    memcpy(text, "cmdline: ", 9);
    text[CONFIG_FILE_LINE_BYTES] = '\0';
    expect_good(text, NULL);
    text[CONFIG_FILE_LINE_BYTES] = 'p';
    expect_bad(text, CONFIG_FILE_LINE_BYTES + 1, 1, "more than 2048");
    memcpy(text, "kernel: p", 9);
    text[8 + CONFIG_FILE_PATH_BYTES] = '\0';
    expect_good(text, NULL);
    text[8 + CONFIG_FILE_PATH_BYTES] = 'p';
    expect_bad(text, 8 + CONFIG_FILE_PATH_BYTES + 1, 1, "more than 255");
    memcpy(text, "module: ", 8);
    expect_bad(text, 8 + CONFIG_FILE_NAME_BYTES + 1, 1, "more than 63");
    memset(text, '\n', sizeof(text));
    expect_bad(text, sizeof(text), 0, "more than 65536");
    size = 0;
    for (unsigned i = 0; i <= CONFIG_FILE_MAX_MODULES; i++)
        size += (size_t)snprintf(text + size, sizeof(text) - size, "module: m%u\n", i);
    expect_bad(text, size, CONFIG_FILE_MAX_MODULES + 1, "more than 32 modules");
}

static void random_damage(void **state)
{
    /* Whatever bytes come, the parser ends, reads nothing beyond them, and explains each refusal.
     * */
    static const char good[] = "kernel: \\k.elf\nsha256: " DIGITS
                               "\ncmdline: a \"b c\"\nmodule: \"x y\" z\ntimeout: 7\n# end\n";
    uint32_t random = 1;
    unsigned accepted = 0;

    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        char bytes[sizeof(good) - 1];
        size_t size = sizeof(bytes) - round % 7;
        struct refusal refusal;

        memcpy(bytes, good, sizeof(bytes));
        for (unsigned i = 0; i < 1 + round % 3; i++) {
            random = random * 1664525u + 1013904223u;
            bytes[(random >> 8) % sizeof(bytes)] = (char)(random >> 24);
        }
        if (parse_bytes(bytes, size, &refusal, NULL) == STATUS_OK)
            accepted++;
        else
            assert_true(refusal.reason[0] != '\0' && refusal.next != NULL);
    }
    assert_in_range(accepted, 1, 19999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key),     cmocka_unit_test(empty_files),
        cmocka_unit_test(quoted_kernel), cmocka_unit_test(bad_lines),
        cmocka_unit_test(bad_files),     cmocka_unit_test(sizes),
        cmocka_unit_test(random_damage), cmocka_unit_test(screens_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
