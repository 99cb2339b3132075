/* SPDX-License-Identifier: BSD-2-Clause
 *
 * main.c - meridian-map: what Meridian makes of a machine's memory map.
 *
 * The hosted front end of the very conversion and sanitiser that loader and kernel run: a text
 * with a firmware's map goes in, the table that the kernel would see comes out. So that a map can
 * be tried before a machine is, and a bug can be reported with a file instead of a machine.
 *
 *     source.c, text.c      the text, whatever it is       linux_efi.c linux_e820.c shell.c report.c plain.c
 *     mm/memmap.h           the table
 *     output.c              as lines, or as events
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host_log.h"
#include "mm/memmap.h"
#include "mm/memmap_cmdline.h"
#include "output.h"
#include "source.h"

#define EXIT_BAD_INPUT   2

/* What the loader sets aside for starting processors, unless asked otherwise. */
#define TRAMPOLINE_PAGES 4

#define LIMIT_BITS_MIN   32
#define LIMIT_BITS_MAX   52

struct options {
    const char *path;
    const char *from;         /* --from; NULL: find out */
    const char *command_line; /* --cmdline */
    unsigned limit_bits;
    bool json;
    bool changes;
    bool rows;
    bool totals;
    bool keep_low;
    bool plain;
};

static const char help[] =
    "usage: meridian-map [OPTION]... FILE\n"
    "\n"
    "Shows the memory map that Meridian makes of a firmware's: a line 'START END TYPE' for every\n"
    "range, hexadecimal, END inclusive. FILE ('-' is standard input) may be\n"
    "\n"
    "  a Linux boot log     its BIOS-e820: lines, or the efi: mem..: lines of efi=debug, which go\n"
    "                       first; other lines do not matter\n"
    "  UEFI Shell output    of memmap or memmap -sfo, also as UTF-16 or captured from a terminal\n"
    "  a report             memmap.json, as Meridian's loader saves it\n"
    "  a plain map          'START END TYPE' (E820) or 'TYPE START PAGES ATTRIBUTE' (UEFI) a line\n"
    "\n"
    "  --changes        also what was changed and why, as comments\n"
    "  --rows           a line for each row of the table, with owner, UEFI type and flags\n"
    "  --totals         also the bytes of each kind, as comments\n"
    "  --json           all of that as events, a JSON object a line\n"
    "  --cmdline TEXT   apply mem= and memmap= of a kernel command line, too\n"
    "  --bits N         the processor has physical addresses of N bits, 32 to 52 (default 52)\n"
    "  --keep-low       do not set memory below 1 MiB aside\n"
    "  --plain          the map as it is in FILE, nothing changed, as a plain map\n"
    "  --from FORMAT    " SOURCE_FORMAT_NAMES " (default: find out)\n"
    "  --help           this text\n"
    "\n"
    "Exit status: 0, or 2 when the input or an option makes no sense.\n";

/* --- options ----------------------------------------------------------------------------- */

static bool parse_bits(const char *text, unsigned *bits)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || value < LIMIT_BITS_MIN ||
        value > LIMIT_BITS_MAX)
        return false;
    *bits = (unsigned)value;
    return true;
}

static bool is_format(const char *name)
{
    const char *const names[] = { "linux-efi", "linux-e820", "shell", "report", "plain" };

    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static int usage_error(const char *what, const char *value)
{
    fprintf(stderr, "meridian-map: %s%s\nTry meridian-map --help.\n", what, value);
    return EXIT_BAD_INPUT;
}

enum option_key { KEY_BITS = 256, KEY_CMDLINE, KEY_FROM, KEY_HELP };

/* One option with an argument; an exit status, or -1 to go on. */
static int take_argument(int key, struct options *options)
{
    switch (key) {
    case 0:
        return -1;
    case KEY_BITS:
        if (!parse_bits(optarg, &options->limit_bits))
            return usage_error("--bits needs a number from 32 to 52, not ", optarg);
        return -1;
    case KEY_CMDLINE:
        options->command_line = optarg;
        return -1;
    case KEY_FROM:
        options->from = optarg;
        if (!is_format(optarg))
            return usage_error("--from needs one of " SOURCE_FORMAT_NAMES ", not ", optarg);
        return -1;
    case KEY_HELP:
        fputs(help, stdout);
        return EXIT_SUCCESS;
    default: /* getopt_long() has said what is wrong */
        return usage_error("an option is wrong", "");
    }
}

/* An exit status, or -1 to go on. */
static int parse_options(int argc, char **argv, struct options *options)
{
    int json = 0;
    int changes = 0;
    int rows = 0;
    int totals = 0;
    int keep_low = 0;
    int plain = 0;
    const struct option table[] = {
        { "json", no_argument, &json, 1 },
        { "changes", no_argument, &changes, 1 },
        { "rows", no_argument, &rows, 1 },
        { "totals", no_argument, &totals, 1 },
        { "keep-low", no_argument, &keep_low, 1 },
        { "plain", no_argument, &plain, 1 },
        { "bits", required_argument, NULL, KEY_BITS },
        { "cmdline", required_argument, NULL, KEY_CMDLINE },
        { "from", required_argument, NULL, KEY_FROM },
        { "help", no_argument, NULL, KEY_HELP },
        { NULL, 0, NULL, 0 },
    };
    int key;
    int status = -1;

    *options = (struct options){ .limit_bits = LIMIT_BITS_MAX };
    while (status < 0 && (key = getopt_long(argc, argv, "", table, NULL)) != -1)
        status = take_argument(key, options);
    if (status >= 0)
        return status;
    if (optind + 1 != argc)
        return usage_error(optind == argc ? "no FILE given" : "one FILE at a time", "");
    options->path = argv[optind];
    options->json = json;
    options->changes = changes;
    options->rows = rows;
    options->totals = totals;
    options->keep_low = keep_low;
    options->plain = plain;
    return -1;
}

/* --- the table --------------------------------------------------------------------------- */

/* Notes: an overlap can leave one for each type in each piece, a border a few in its page. */
#define NOTES_PER_ENTRY   64

/* Cuts: each request of the command line has at least this many characters. */
#define REQUEST_CHARS_MIN 3

static bool open_table(struct memmap *map, const struct map_source *source,
                       const struct options *options)
{
    size_t requests =
        options->command_line == NULL ? 0 : strlen(options->command_line) / REQUEST_CHARS_MIN;
    size_t rows = memmap_capacity(source->count, requests);
    size_t notes = NOTES_PER_ENTRY * (source->count + requests + 1);

    memmap_init(map, calloc(rows, sizeof(*map->regions)), rows,
                calloc(notes, sizeof(*map->changes)), notes, (uint64_t)1 << options->limit_bits);
    return map->regions != NULL && map->changes != NULL;
}

static enum status add_entries(struct memmap *map, const struct map_source *source)
{
    enum status status = STATUS_OK;

    if (source->kind == MAP_EFI)
        return memmap_add_efi(map, source->efi, source->count * sizeof(*source->efi),
                              sizeof(*source->efi));
    for (size_t i = 0; i < source->count && status == STATUS_OK; i++)
        status = memmap_add_e820(map, source->e820[i].base, source->e820[i].size_bytes,
                                 source->e820[i].type);
    return status;
}

/* What loader and kernel do, in their order. */
static enum status fill_table(struct memmap *map, const struct map_source *source,
                              const struct options *options)
{
    enum status status = add_entries(map, source);

    if (status == STATUS_OK)
        status = memmap_sanitise(map);
    if (status == STATUS_OK && !options->keep_low) {
        status = memmap_reserve_low(map, TRAMPOLINE_PAGES);
        if (status == STATUS_NOT_FOUND)
            status = STATUS_OK; /* such a machine has one processor; its map is good all the same */
    }
    return status;
}

/* False when a request was refused: the log says why. */
static bool apply_command_line(struct memmap *map, const char *command_line)
{
    size_t refused = command_line == NULL ? 0 : memmap_apply_cmdline(map, command_line);

    fputs(host_log_text(), stderr);
    return refused == 0;
}

static void output(const struct memmap *map, const struct options *options)
{
    if (options->json) {
        output_json(map);
        return;
    }
    if (options->rows)
        output_rows(map);
    else
        output_types(map);
    if (options->changes)
        output_changes(map);
    if (options->totals)
        output_totals(map);
}

static int run(const struct map_source *source, const struct options *options)
{
    struct memmap map = { 0 };
    enum status status =
        open_table(&map, source, options) ? fill_table(&map, source, options) : STATUS_NO_MEMORY;
    bool applied = status == STATUS_OK && apply_command_line(&map, options->command_line);

    if (status != STATUS_OK)
        fprintf(stderr, "%s: the map cannot be converted: %s\n", options->path,
                status_name(status));
    if (applied)
        output(&map, options);
    free(map.regions);
    free(map.changes);
    return applied ? EXIT_SUCCESS : EXIT_BAD_INPUT;
}

int main(int argc, char **argv)
{
    struct options options;
    struct map_source source;
    int status = parse_options(argc, argv, &options);

    if (status >= 0)
        return status;
    if (!source_read(options.path, options.from, &source))
        return EXIT_BAD_INPUT;
    status = EXIT_SUCCESS;
    if (options.plain)
        output_source(&source);
    else
        status = run(&source, &options);
    source_free(&source);
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    perror("meridian-map: standard output");
    return EXIT_BAD_INPUT;
}
