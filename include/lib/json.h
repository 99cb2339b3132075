/* SPDX-License-Identifier: BSD-2-Clause
 *
 * lib/json.h - one line of JSON for each thing that happened.
 *
 * {"meridian":1,"event":"region","base":"0x100000", ...}: an event is begun, gets members, and is
 * ended; the line reaches its sink in pieces, unbroken by other output as long as the caller does not
 * print in between. Addresses are strings of the form "0x..." since a JSON number cannot hold 64
 * bits; counts are numbers. Text is escaped (RFC 8259, 7). docs/monitor.md lists the events.
 *
 *     struct json event;
 *     json_begin(&event, sink, "region");
 *     json_address(&event, "base", base);
 *     json_end(&event);
 *
 * The kernel's own events go to json_console(), which is NULL unless `json` was asked for: every
 * function here does nothing when the sink is NULL.
 */
#ifndef MERIDIAN_LIB_JSON_H
#define MERIDIAN_LIB_JSON_H

#include "lib/print.h"

struct json {
    struct print_sink *sink;
    bool first; /* the next member needs no comma */
};

/* The serial line when the command line has `json`, else NULL. */
struct print_sink *json_console(void);

void json_begin(struct json *event, struct print_sink *sink, const char *name);
void json_address(struct json *event, const char *key, uint64_t address);
void json_number(struct json *event, const char *key, uint64_t number);
void json_signed(struct json *event, const char *key, int64_t number);
void json_boolean(struct json *event, const char *key, bool value);
void json_text(struct json *event, const char *key, const char *text);
void json_end(struct json *event);

/* Nesting: "key":[ {...}, {...} ]. */
void json_list_begin(struct json *event, const char *key);
void json_item_begin(struct json *event);
void json_item_end(struct json *event);
void json_list_end(struct json *event);

/* "key":{ ... } */
void json_object_begin(struct json *event, const char *key);
void json_object_end(struct json *event);

#endif
