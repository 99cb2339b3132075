/* SPDX-License-Identifier: BSD-2-Clause
 *
 * replay.c - runs the inputs of one class that the repository keeps, each with its neighbours, as a unit test.
 *
 * tests/fuzz/corpus/NAME.txt has an input a line, in hexadecimal; NAME is what follows "fuzz_" in the
 * program's own name, or the file is named by an argument: for a finding, after `xxd -p -c 0 FILE`.
 */
#include "fuzz.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define LINE_MAX_BYTES (2u << 12)
#define INPUTS_MIN     8u /* that a class has, so that no corpus goes missing unnoticed */

static const char *path;

static unsigned digit_of(char character)
{
    const char *digits = "0123456789abcdef";
    const char *found = character == '\0' ? NULL : strchr(digits, character);

    assert_non_null(found);
    return (unsigned)(found - digits);
}

/* The bytes of a line, in place. */
static size_t read_line(char *line)
{
    size_t size = strcspn(line, "\n") / 2;

    for (size_t i = 0; i < size; i++)
        ((uint8_t *)line)[i] = (uint8_t)(digit_of(line[2 * i]) << 4 | digit_of(line[2 * i + 1]));
    return size;
}

static void kept_inputs_hold(void **state)
{
    /* No input that was worth keeping, and none of its neighbours, breaks a property. */
    static char line[LINE_MAX_BYTES];
    FILE *file = fopen(path, "r");
    unsigned count = 0;

    (void)state;
    assert_non_null(file);
    for (; fgets(line, sizeof(line), file) != NULL; count++) {
        size_t size = read_line(line);

        (void)LLVMFuzzerTestOneInput((const uint8_t *)line, size);
    }
    (void)fclose(file);
    assert_true(count >= INPUTS_MIN || strstr(path, "corpus") == NULL);
}

int main(int count, char **words)
{
    static char buffer[256];
    const struct CMUnitTest tests[] = { cmocka_unit_test(kept_inputs_hold) };
    const char *name = strstr(words[0], "fuzz_");

    (void)snprintf(buffer, sizeof(buffer), "tests/fuzz/corpus/%s.txt",
                   name == NULL ? "" : name + strlen("fuzz_"));
    path = count > 1 ? words[1] : buffer;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
