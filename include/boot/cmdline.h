/* SPDX-License-Identifier: BSD-2-Clause
 *
 * boot/cmdline.h - the kernel's command line: its words, and what they ask for.
 *
 * Words are separated by blanks: `key`, `key=value`, `key="value with blanks; and more"`. Double
 * quotes may also stand around the whole word ("key=value with blanks"), as on Linux; inside them
 * a blank is text. There is no escape character. A quote that is not closed runs to the end. In
 * keys '-' and '_' are the same. Where a parameter comes twice, the last one counts.
 *
 * The text is outside input: a bad value gets a line in the log that says what was expected, and
 * the parameter is as if it were not there; a parameter that nobody knows gets one line. Early;
 * pure, the same hosted. Nothing is copied: words point into the text.
 */
#ifndef MERIDIAN_BOOT_CMDLINE_H
#define MERIDIAN_BOOT_CMDLINE_H

#include "lib/log.h"
#include "lib/types.h"

/* A piece of the command line; not terminated. */
struct cmdline_text {
    const char *text; /* NULL: not there at all */
    size_t size;
};

struct cmdline_word {
    struct cmdline_text key;
    struct cmdline_text value; /* text NULL where there is no '=' */
    bool is_open;              /* its quote was never closed */
};

/* The next word at *text, which moves behind it. False at the end. */
bool cmdline_next(const char **text, struct cmdline_word *word);

/* Whether the word's key is `key`. */
bool cmdline_is(const struct cmdline_word *word, const char *key);

/* The last word with that key; false where there is none. */
bool cmdline_find(const char *text, const char *key, struct cmdline_word *word);

/* Copies a piece into `buffer`, terminated; cut where it does not fit. Returns its whole length. */
size_t cmdline_copy(struct cmdline_text piece, char *buffer, size_t size);

/* What the command line asks for, but for mem= and memmap=: see mm/memmap_cmdline.h. */
struct cmdline_options {
    bool json;                    /* every result also as a line of JSON on the serial port */
    bool exit;                    /* end the machine when the commands of `run` are done */
    bool frame_sites;             /* note where each frame is allocated */
    bool selftest;                /* run the self-tests at boot */
    bool nokaslr;                 /* for the loader: no random addresses */
    bool aslr;                    /* areas of user spaces lie at random */
    unsigned fail_alloc;          /* the allocation that fails, counted from pmm_init(); 0: none */
    unsigned cpus;                /* at most so many processors; 0: as many as there are */
    enum log_level console_level; /* loglevel=3 to 7, or quiet: what is more is not shown */
    struct cmdline_text console;  /* console=ttyS0,115200 */
    struct cmdline_text run;      /* run="command; command" */
    struct cmdline_text bench;    /* bench=boot ... */
    struct cmdline_text heap;     /* heap=poison,canary ...: see mm/heap_debug.h */
    struct cmdline_text pt;       /* pt=4level, 5level; i386: pt=2level, pae */
    struct cmdline_text heap_start;
    struct cmdline_text heap_max;
};

/* Reads all of them, and logs what is wrong: values that make no sense, open quotes, and each
 * parameter that neither this nor memmap_apply_cmdline() knows, once. */
void cmdline_read_options(const char *text, struct cmdline_options *options);

/* Levels of the page tables that a value of pt= names; 0: none that anybody knows. */
unsigned cmdline_table_levels(struct cmdline_text value);

/* The part of the heap's window that the build (CONFIG_HEAP_START, CONFIG_HEAP_MAX_BYTES) and then
 * heap-start= and heap-max= ask for: both are bytes, and multiples of the page size. `window` is
 * what there is on entry. A wish that leaves less than CMDLINE_HEAP_MIN, is not page-aligned or does
 * not lie in the window gets a line in the log and is ignored. */
struct cmdline_window {
    uint64_t start;
    uint64_t size_bytes;
};
#define CMDLINE_HEAP_MIN (16u << 20)
void cmdline_heap_window(const struct cmdline_options *options, struct cmdline_window *window);

#endif
