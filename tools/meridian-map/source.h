/* SPDX-License-Identifier: BSD-2-Clause
 *
 * source.h - a firmware memory map as it stood in a text, whatever text it was.
 *
 * A format is a function that looks at one line. Logs contain all sorts of lines, so it may answer
 * that the line is none of its business; a line that is, but cannot be read, is an error.
 */
#ifndef MERIDIAN_MAP_SOURCE_H
#define MERIDIAN_MAP_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "boot/e820.h"
#include "boot/efi_memory.h"

enum map_kind {
    MAP_E820,
    MAP_EFI,
};

enum line_verdict {
    LINE_OTHER, /* not of this format */
    LINE_BEGIN, /* a map begins behind this line */
    LINE_ENTRY,
    LINE_BAD, /* of this format, but `problem` */
};

struct map_entry {
    enum map_kind kind;
    bool is_first; /* the line itself says that it is the map's first */
    struct e820_entry e820;
    struct efi_memory_descriptor efi;
    const char *problem; /* with LINE_BAD: what was expected */
};

struct map_format {
    const char *name; /* for --from */
    enum line_verdict (*read_line)(const char *line, struct map_entry *entry);
};

extern const struct map_format linux_efi_format;  /* "efi: mem00: ..." of a Linux boot log */
extern const struct map_format linux_e820_format; /* "BIOS-e820: ..." of a Linux boot log */
extern const struct map_format shell_format;      /* the UEFI Shell's memmap, -sfo too */
extern const struct map_format report_format;     /* the loader's memmap.json */
extern const struct map_format plain_format;      /* the form of tests/data/maps */

struct map_source {
    enum map_kind kind;
    struct e820_entry *e820; /* `count` of them if MAP_E820 */
    struct efi_memory_descriptor *efi;
    size_t count;
};

/* Reads the file ("-" is standard input) in the format that `from` names, or in the one that it
 * has if `from` is NULL. False, and a message on standard error, when there is no map in it. */
bool source_read(const char *path, const char *from, struct map_source *source);

void source_free(struct map_source *source);

/* The names of all formats, for messages: "linux-efi, linux-e820, shell, report, plain". */
#define SOURCE_FORMAT_NAMES "linux-efi, linux-e820, shell, report, plain"

#endif
