/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmdline_heap.c - where the heap's window starts, and how large it may grow.
 *
 *     window of the layout    |----------------------------------------------------|
 *     heap-start=S            |            |---------------------------------------|
 *     and heap-max=M          |            |-------- M --------|                   |
 *
 * A build's wishes come first, the command line's after them; each is taken or ignored as a whole.
 */
#include "boot/cmdline.h"

#include "config.h"
#include "lib/bits.h"
#include "lib/log.h"
#include "lib/number.h"

#define SHOWN_MAX 64

/* What is wrong with the wish for another start; else NULL, and it is granted. */
static const char *move_start(struct cmdline_window *window, uint64_t start)
{
    uint64_t end = window->start + window->size_bytes;

    if (!is_aligned(start, PAGE_SIZE))
        return "is no multiple of 4K";
    if (start < window->start || start > end - CMDLINE_HEAP_MIN)
        return "does not lie in the heap's window, 16M before its end or more";
    *window = (struct cmdline_window){ start, end - start };
    return NULL;
}

static const char *limit_size(struct cmdline_window *window, uint64_t size_bytes)
{
    if (size_bytes < CMDLINE_HEAP_MIN)
        return "is too little: the heap needs 16M of addresses or more";
    if (size_bytes > window->size_bytes)
        return "is more than the heap's window has from its start on";
    window->size_bytes = align_down(size_bytes, PAGE_SIZE);
    return NULL;
}

/* Reads a value, and does with it what `grant` does. */
static void obey(const char *key, struct cmdline_text value, struct cmdline_window *window,
                 const char *(*grant)(struct cmdline_window *window, uint64_t number))
{
    const char *at = value.text;
    const char *problem = "needs a number such as 0xf2000000 or 64M";
    uint64_t number;

    if (value.text == NULL)
        return;
    if (number_scan(&at, &number) == STATUS_OK && at == value.text + value.size)
        problem = grant(window, number);
    if (problem != NULL)
        log_error("command line: %s=%.*s %s: ignored (the window is 0x%llx to 0x%llx)", key,
                  (int)min_u64(value.size, SHOWN_MAX), value.text, problem,
                  (unsigned long long)window->start,
                  (unsigned long long)(window->start + window->size_bytes - 1));
}

static void obey_build(struct cmdline_window *window)
{
    const char *problem = NULL;

    if (CONFIG_HEAP_START != 0)
        problem = move_start(window, CONFIG_HEAP_START);
    if (problem == NULL && CONFIG_HEAP_MAX_BYTES != 0)
        problem = limit_size(window, CONFIG_HEAP_MAX_BYTES);
    if (problem != NULL)
        log_error("CONFIG_HEAP_START or CONFIG_HEAP_MAX_BYTES %s: ignored", problem);
}

void cmdline_heap_window(const struct cmdline_options *options, struct cmdline_window *window)
{
    obey_build(window);
    obey("heap-start", options->heap_start, window, move_start);
    obey("heap-max", options->heap_max, window, limit_size);
}
