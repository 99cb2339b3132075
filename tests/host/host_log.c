/* SPDX-License-Identifier: BSD-2-Clause
 *
 * host_log.c - the log and the console of hosted programs.
 *
 * The log is one growing text under a mutex; print() is standard output.
 */
#include "host_log.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES  512
#define LEVEL_COUNT (LOG_DEBUG + 1)

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct host_text lines;
static unsigned counts[LEVEL_COUNT];
static enum log_level console_level = LOG_INFO;
static struct print_sink *json_sink;

/* --- text in memory ---------------------------------------------------------------------- */

static void text_write(struct print_sink *sink, const char *text, size_t size)
{
    struct host_text *target = CONTAINER_OF(sink, struct host_text, sink);
    char *grown = realloc(target->text, target->size + size + 1);

    if (grown == NULL)
        abort();
    memcpy(grown + target->size, text, size);
    target->text = grown;
    target->size += size;
    target->text[target->size] = '\0';
}

void host_text_init(struct host_text *text)
{
    *text = (struct host_text){ .sink.write = text_write, .text = NULL, .size = 0 };
    text_write(&text->sink, "", 0);
}

void host_text_free(struct host_text *text)
{
    free(text->text);
    *text = (struct host_text){ 0 };
}

/* --- the log ----------------------------------------------------------------------------- */

static const char *level_name(enum log_level level)
{
    switch (level) {
    case LOG_ERROR:
        return "error";
    case LOG_WARNING:
        return "warning";
    case LOG_NOTICE:
        return "notice";
    case LOG_INFO:
        return "info";
    case LOG_DEBUG:
        return "debug";
    }
    return "?";
}

static void free_lines(void)
{
    host_text_free(&lines);
}

static void append_line(enum log_level level, const char *text)
{
    pthread_mutex_lock(&mutex);
    if (lines.text == NULL) {
        host_text_init(&lines);
        atexit(free_lines);
    }
    print_to(&lines.sink, "%s: %s\n", level_name(level), text);
    counts[level]++;
    pthread_mutex_unlock(&mutex);
}

void log_write(enum log_level level, const char *format, ...)
{
    char text[LINE_BYTES];
    va_list arguments;

    va_start(arguments, format);
    print_buffer_va(text, sizeof(text), format, arguments);
    va_end(arguments);
    append_line(level, text);
    if (level <= console_level && getenv("MERIDIAN_LOG") != NULL)
        fprintf(stderr, "%s: %s\n", level_name(level), text);
}

void log_set_console_level(enum log_level level)
{
    console_level = level;
}

void log_dump(struct print_sink *sink)
{
    pthread_mutex_lock(&mutex);
    if (lines.text != NULL)
        sink->write(sink, lines.text, lines.size);
    pthread_mutex_unlock(&mutex);
}

void host_log_clear(void)
{
    pthread_mutex_lock(&mutex);
    if (lines.text != NULL)
        lines.text[lines.size = 0] = '\0';
    memset(counts, 0, sizeof(counts));
    pthread_mutex_unlock(&mutex);
}

const char *host_log_text(void)
{
    return lines.text != NULL ? lines.text : "";
}

bool host_log_contains(const char *text)
{
    return strstr(host_log_text(), text) != NULL;
}

unsigned host_log_count(enum log_level level)
{
    return counts[level];
}

/* --- the console ------------------------------------------------------------------------- */

static void stdout_write(struct print_sink *sink, const char *text, size_t size)
{
    (void)sink;
    fwrite(text, 1, size, stdout);
}

void print(const char *format, ...)
{
    struct print_sink sink = { .write = stdout_write };
    va_list arguments;

    va_start(arguments, format);
    print_to_va(&sink, format, arguments);
    va_end(arguments);
}

struct print_sink *json_console(void)
{
    return json_sink;
}

void host_json_set_console(struct print_sink *sink)
{
    json_sink = sink;
}
