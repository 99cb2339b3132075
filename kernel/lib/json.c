/* SPDX-License-Identifier: BSD-2-Clause
 *
 * json.c - writes events member by member, straight into the sink: nothing is kept but whether a
 * comma is due. Text is escaped as RFC 8259, section 7 asks; bytes above 0x7f pass, and are the
 * caller's UTF-8.
 */
#include "lib/json.h"

#define JSON_VERSION 1

static void write_text(struct print_sink *sink, const char *text, size_t size)
{
    sink->write(sink, text, size);
}

static const char *short_escape(unsigned char character)
{
    switch (character) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    default:
        return NULL;
    }
}

static bool is_plain(unsigned char character)
{
    return character >= 0x20 && character != '"' && character != '\\' && character != 0x7f;
}

static void write_string(struct print_sink *sink, const char *text)
{
    write_text(sink, "\"", 1);
    while (*text != '\0') {
        const char *start = text;

        while (*text != '\0' && is_plain((unsigned char)*text))
            text++;
        if (text > start)
            write_text(sink, start, (size_t)(text - start));
        if (*text == '\0')
            break;
        if (short_escape((unsigned char)*text) != NULL)
            print_to(sink, "%s", short_escape((unsigned char)*text));
        else
            print_to(sink, "\\u%04x", (unsigned char)*text);
        text++;
    }
    write_text(sink, "\"", 1);
}

static void write_comma(struct json *event)
{
    if (!event->first)
        write_text(event->sink, ",", 1);
    event->first = false;
}

/* False when there is nobody to write to. */
static bool write_key(struct json *event, const char *key)
{
    if (event->sink == NULL)
        return false;
    write_comma(event);
    write_string(event->sink, key);
    write_text(event->sink, ":", 1);
    return true;
}

void json_begin(struct json *event, struct print_sink *sink, const char *name)
{
    event->sink = sink;
    event->first = false;
    if (sink == NULL)
        return;
    print_to(sink, "{\"meridian\":%d,\"event\":", JSON_VERSION);
    write_string(sink, name);
}

void json_address(struct json *event, const char *key, uint64_t address)
{
    if (write_key(event, key))
        print_to(event->sink, "\"0x%llx\"", (unsigned long long)address);
}

void json_number(struct json *event, const char *key, uint64_t number)
{
    if (write_key(event, key))
        print_to(event->sink, "%llu", (unsigned long long)number);
}

void json_signed(struct json *event, const char *key, int64_t number)
{
    if (write_key(event, key))
        print_to(event->sink, "%lld", (long long)number);
}

void json_boolean(struct json *event, const char *key, bool value)
{
    if (write_key(event, key))
        print_to(event->sink, "%s", value ? "true" : "false");
}

void json_text(struct json *event, const char *key, const char *text)
{
    if (write_key(event, key))
        write_string(event->sink, text != NULL ? text : "");
}

void json_end(struct json *event)
{
    if (event->sink != NULL)
        write_text(event->sink, "}\n", 2);
}

/* --- nesting ----------------------------------------------------------------------------- */

void json_list_begin(struct json *event, const char *key)
{
    if (!write_key(event, key))
        return;
    write_text(event->sink, "[", 1);
    event->first = true;
}

void json_item_begin(struct json *event)
{
    if (event->sink == NULL)
        return;
    write_comma(event);
    write_text(event->sink, "{", 1);
    event->first = true;
}

void json_item_end(struct json *event)
{
    if (event->sink != NULL)
        write_text(event->sink, "}", 1);
    event->first = false;
}

void json_list_end(struct json *event)
{
    if (event->sink != NULL)
        write_text(event->sink, "]", 1);
    event->first = false;
}

void json_object_begin(struct json *event, const char *key)
{
    if (!write_key(event, key))
        return;
    write_text(event->sink, "{", 1);
    event->first = true;
}

void json_object_end(struct json *event)
{
    json_item_end(event);
}
