/* SPDX-License-Identifier: BSD-2-Clause
 *
 * host_log.h - what the code under test logged, for tests to look at.
 *
 * Lines are collected without time stamps, one "level: text" a line, from all threads. With
 * MERIDIAN_LOG set in the environment they appear on standard error too.
 */
#ifndef MERIDIAN_HOST_LOG_H
#define MERIDIAN_HOST_LOG_H

#include "lib/json.h"
#include "lib/log.h"

/* Forgets everything. A test's setup calls it. */
void host_log_clear(void);

/* All lines since then; valid until the next line is logged. */
const char *host_log_text(void);

bool host_log_contains(const char *text);

/* Lines of `level` since host_log_clear(). */
unsigned host_log_count(enum log_level level);

/* What json_console() returns; NULL (the default) means that `json` was not asked for. */
void host_json_set_console(struct print_sink *sink);

/* A sink that keeps its text in memory of its own until host_text_free(). */
struct host_text {
    struct print_sink sink;
    char *text; /* terminated; never NULL after host_text_init() */
    size_t size;
};
void host_text_init(struct host_text *text);
void host_text_free(struct host_text *text);

#endif
