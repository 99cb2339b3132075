/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmdline_memory.c - mem= and memmap= of the command line, applied to the table of memory.
 *
 * Parsing and doing are apart: a request is first read completely, then checked against the
 * table, then made with the same memmap_carve() and memmap_clip() that everybody uses, which keep
 * the table sane and never make anything less strict. A request that fails a check leaves the
 * table as it was. Cost: a pass over the text, a few binary searches a request.
 */
#include "mm/memmap_cmdline.h"

#include "boot/cmdline.h"
#include "lib/bits.h"
#include "lib/log.h"
#include "lib/number.h"

/* mem= below this leaves nothing for the general pool, which begins there. */
#define MEM_LIMIT_MIN (MiB + PAGE_SIZE)

#define SHOWN_MAX     64 /* of a value, in the log */

/* One request: all of "1G$4G". */
struct request {
    struct cmdline_text text;
    uint64_t size_bytes; /* or the limit, when there is no sign */
    uint64_t base;
    char sign; /* '@' '#' '$' '!', or '\0' */
};

static const struct sign {
    char sign;
    uint32_t type;
    enum region_tag tag;
} signs[] = {
    { '@', E820_USABLE, REGION_TAG_USER },
    { '#', E820_ACPI_DATA, REGION_TAG_USER },
    { '$', E820_RESERVED, REGION_TAG_USER },
    { '!', E820_PERSISTENT, REGION_TAG_USER },
};

static const struct sign *find_sign(char sign)
{
    for (size_t i = 0; i < ARRAY_COUNT(signs); i++)
        if (signs[i].sign == sign)
            return &signs[i];
    return NULL;
}

/* --- reading ----------------------------------------------------------------------------- */

/* Returns what is wrong, or NULL. The text ends in something that no number contains. */
static const char *read_request(struct request *request)
{
    const char *at = request->text.text;
    const char *end = at + request->text.size;

    request->sign = '\0';
    request->base = 0;
    if (number_scan(&at, &request->size_bytes) != STATUS_OK)
        return "needs a size such as 64M, with at most 64 bits";
    if (at == end)
        return NULL;
    request->sign = *at++;
    if (find_sign(request->sign) == NULL)
        return "needs one of @ # $ ! after the size";
    if (number_scan(&at, &request->base) != STATUS_OK)
        return "needs an address such as 0x100000000 after the sign, with at most 64 bits";
    return at == end ? NULL : "has something behind the address";
}

/* --- checking ---------------------------------------------------------------------------- */

/* The first row in [base, end) that is usable and held by somebody; NULL where there is none. */
static const struct region *find_held(const struct memmap *map, uint64_t base, uint64_t end)
{
    for (size_t i = 0; i < map->count; i++) {
        const struct region *row = &map->regions[i];

        if (row->base < end && row->base + row->size_bytes > base && row->type == E820_USABLE &&
            !region_is_free(row))
            return row;
    }
    return NULL;
}

static const char *check_range(const struct memmap *map, const struct request *request)
{
    uint64_t end;
    uint64_t page = PAGE_SIZE;

    if (request->size_bytes == 0)
        return "is empty";
    if (!checked_add(request->base, request->size_bytes, &end) || end > map->limit)
        return "ends beyond the physical address limit";
    if (request->sign == '@')
        return align_up(request->base, page) < align_down(end, page) ? NULL
                                                                     : "contains no whole page";
    if (find_held(map, align_down(request->base, page), align_up(end, page)) != NULL)
        return "would take memory that the kernel was started with";
    return NULL;
}

/* --- doing ------------------------------------------------------------------------------- */

static const char *limit_memory(struct memmap *map, const struct request *request)
{
    if (request->size_bytes < MEM_LIMIT_MIN)
        return "leaves no memory: a limit above 1M is needed";
    memmap_clip(map, request->size_bytes, true, MEMMAP_COMMAND_LINE);
    log_notice("command line: memory at and above 0x%llx is not used",
               (unsigned long long)align_down(request->size_bytes, PAGE_SIZE));
    return NULL;
}

static const char *change_range(struct memmap *map, const struct request *request)
{
    const struct sign *sign = find_sign(request->sign);
    const char *problem = check_range(map, request);
    uint64_t base = request->base;
    uint64_t end = base + request->size_bytes;

    if (problem != NULL)
        return problem;
    if (sign->type == E820_USABLE) {
        base = align_up(base, PAGE_SIZE);
        end = align_down(end, PAGE_SIZE);
    }
    if (memmap_carve(map, base, end - base, sign->type, sign->tag, MEMMAP_COMMAND_LINE) !=
        STATUS_OK)
        return "needs more rows than the table of memory has room for";
    log_notice("command line: [mem 0x%016llx-0x%016llx] %s", (unsigned long long)base,
               (unsigned long long)end - 1, e820_type_name(sign->type));
    return NULL;
}

/* Returns whether the request was refused. */
static bool apply_request(struct memmap *map, const struct cmdline_word *word,
                          struct request *request)
{
    const char *problem = read_request(request);
    size_t shown = request->text.size < SHOWN_MAX ? request->text.size : SHOWN_MAX;

    if (problem == NULL)
        problem = request->sign == '\0' ? limit_memory(map, request) : change_range(map, request);
    if (problem == NULL)
        return false;
    log_error("command line: %.*s=%.*s %s: ignored", (int)word->key.size, word->key.text,
              (int)shown, request->text.text, problem);
    return true;
}

/* --- interface --------------------------------------------------------------------------- */

/* The next of several requests with commas between them; false at the end. */
static bool next_request(struct cmdline_text *rest, struct request *request)
{
    size_t size = 0;

    if (rest->text == NULL)
        return false;
    while (size < rest->size && rest->text[size] != ',')
        size++;
    request->text = (struct cmdline_text){ rest->text, size };
    if (size == rest->size)
        *rest = (struct cmdline_text){ NULL, 0 };
    else
        *rest = (struct cmdline_text){ rest->text + size + 1, rest->size - size - 1 };
    return true;
}

size_t memmap_apply_cmdline(struct memmap *map, const char *command_line)
{
    struct cmdline_word word;
    struct request request;
    size_t refused = 0;

    while (cmdline_next(&command_line, &word)) {
        struct cmdline_text rest = word.value;

        if (!cmdline_is(&word, "mem") && !cmdline_is(&word, "memmap"))
            continue;
        if (rest.text == NULL) {
            log_error("command line: %.*s needs a value such as 64M: ignored", (int)word.key.size,
                      word.key.text);
            refused++;
        }
        while (next_request(&rest, &request))
            refused += apply_request(map, &word, &request);
    }
    return refused;
}
