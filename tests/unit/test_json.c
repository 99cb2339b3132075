/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_json.c - properties of lib/json.h.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "host_log.h"
#include "lib/json.h"

static void members_of_every_kind(void **state)
{
    /* An event is one line that begins with the version and its name; each kind has its form. */
    struct host_text out;
    struct json event;

    (void)state;
    host_text_init(&out);
    json_begin(&event, &out.sink, "thing");
    json_address(&event, "at", UINT64_MAX);
    json_number(&event, "count", UINT64_MAX);
    json_signed(&event, "delta", INT64_MIN);
    json_boolean(&event, "yes", true);
    json_boolean(&event, "no", false);
    json_text(&event, "name", "x");
    json_text(&event, "nothing", NULL);
    json_end(&event);
    assert_string_equal(out.text,
                        "{\"meridian\":1,\"event\":\"thing\",\"at\":\"0xffffffffffffffff\","
                        "\"count\":18446744073709551615,\"delta\":-9223372036854775808,"
                        "\"yes\":true,\"no\":false,\"name\":\"x\",\"nothing\":\"\"}\n");
    host_text_free(&out);
}

static void text_is_escaped(void **state)
{
    /* Quotes, backslashes and control characters never get out unescaped, in keys nor in values. */
    struct host_text out;
    struct json event;

    (void)state;
    host_text_init(&out);
    json_begin(&event, &out.sink, "e");
    json_text(&event, "k\"",
              "a\"b\\c\nd\te\rf\x01g\x1f\x7f"
              "\xc3\xa4");
    json_end(&event);
    assert_string_equal(out.text, "{\"meridian\":1,\"event\":\"e\",\"k\\\"\":"
                                  "\"a\\\"b\\\\c\\nd\\te\\rf\\u0001g\\u001f\\u007f\xc3\xa4\"}\n");
    host_text_free(&out);
}

static void lists_nest(void **state)
{
    /* Commas stand between items and members, and nowhere else, also around empty lists. */
    struct host_text out;
    struct json event;

    (void)state;
    host_text_init(&out);
    json_begin(&event, &out.sink, "e");
    json_list_begin(&event, "empty");
    json_list_end(&event);
    json_list_begin(&event, "list");
    for (uint64_t i = 0; i < 2; i++) {
        json_item_begin(&event);
        json_number(&event, "a", i);
        json_number(&event, "b", i);
        json_item_end(&event);
    }
    json_list_end(&event);
    json_number(&event, "after", 1);
    json_end(&event);
    assert_string_equal(out.text, "{\"meridian\":1,\"event\":\"e\",\"empty\":[],"
                                  "\"list\":[{\"a\":0,\"b\":0},{\"a\":1,\"b\":1}],\"after\":1}\n");
    host_text_free(&out);
}

static void without_a_sink_nothing_happens(void **state)
{
    /* With a NULL sink every function is a no-op, so callers need not ask. */
    struct json event;

    (void)state;
    json_begin(&event, NULL, "e");
    json_list_begin(&event, "l");
    json_item_begin(&event);
    json_text(&event, "k", "v");
    json_address(&event, "k", 1);
    json_number(&event, "k", 1);
    json_signed(&event, "k", 1);
    json_boolean(&event, "k", true);
    json_item_end(&event);
    json_list_end(&event);
    json_end(&event);
    assert_null(event.sink);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_of_every_kind),
        cmocka_unit_test(text_is_escaped),
        cmocka_unit_test(lists_nest),
        cmocka_unit_test(without_a_sink_nothing_happens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
