/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fuzz.c - an input and its neighbours; rooms with an inaccessible page behind them; a log that is
 * formatted and forgotten.
 *
 * Lines of the log are formatted, since a message may be the mistake, but for those of neighbours, which
 * would spend most of their time on it; none is kept, since no harness looks. This file stands in for
 * tests/host/host_log.c.
 */
#include "fuzz.h"

#include <sys/mman.h>

#include "host_log.h"

#define INPUT_MAX   4096u
#define CHANGES_MAX 4u

struct fuzz_input fuzz_input;

/* --- inputs ------------------------------------------------------------------------------ */

static uint64_t state;

static uint32_t random_below(size_t limit)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)((state >> 32) % limit);
}

/* FNV-1a; never 0. */
static uint64_t hash(const uint8_t *data, size_t size)
{
    uint64_t sum = 0xcbf29ce484222325u;

    for (size_t i = 0; i < size; i++)
        sum = (sum ^ data[i]) * 0x100000001b3u;
    return sum | 1;
}

static void change(uint8_t *bytes, size_t size)
{
    static const uint8_t edges[] = { 0, 1, 0x7f, 0x80, 0xff, ' ', '=', '"' };
    uint8_t *byte = &bytes[random_below(size)];

    switch (random_below(5)) {
    case 0:
        *byte = (uint8_t)random_below(256);
        break;
    case 1:
        *byte ^= (uint8_t)(1u << random_below(8));
        break;
    case 2:
        *byte = edges[random_below(sizeof(edges))];
        break;
    case 3:
        *byte = bytes[random_below(size)];
        break;
    default:
        *byte = (uint8_t)(*byte + random_below(9) - 4);
        break;
    }
}

static void run(const uint8_t *data, size_t size, bool is_neighbour)
{
    fuzz_input = (struct fuzz_input){ data, size, is_neighbour };
    fuzz_run(data, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t bytes[INPUT_MAX];

    run(data, size, false);
    if (size == 0 || size > sizeof(bytes))
        return 0;
    state = hash(data, size);
    for (unsigned i = 0; i < FUZZ_NEIGHBOURS; i++) {
        size_t kept = random_below(16) == 0 ? 1 + random_below(size) : size;

        memcpy(bytes, data, kept);
        for (unsigned n = 1 + random_below(CHANGES_MAX); n > 0; n--)
            change(bytes, kept);
        run(bytes, kept, true);
    }
    return 0;
}

/* The input itself may be a neighbour of the one that libFuzzer keeps. */
void fuzz_found(const char *file, int line, const char *property)
{
    fprintf(stderr, "%s:%d: does not hold: %s\n%zu bytes:", file, line, property, fuzz_input.size);
    for (size_t i = 0; i < fuzz_input.size; i++)
        fprintf(stderr, " %02x", fuzz_input.bytes[i]);
    fputc('\n', stderr);
    abort();
}

/* --- rooms ------------------------------------------------------------------------------- */

void *fuzz_room(enum fuzz_room room, size_t size_bytes)
{
    static unsigned char *ends[FUZZ_ROOMS];

    FUZZ_CHECK(size_bytes <= FUZZ_ROOM_BYTES);
    if (ends[room] == NULL) {
        unsigned char *start = mmap(NULL, FUZZ_ROOM_BYTES + PAGE_SIZE, PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        FUZZ_CHECK(start != MAP_FAILED);
        ends[room] = start + FUZZ_ROOM_BYTES;
        FUZZ_CHECK(mprotect(ends[room], PAGE_SIZE, PROT_NONE) == 0);
    }
    return ends[room] - size_bytes;
}

/* --- the log ----------------------------------------------------------------------------- */

static unsigned counts[LOG_DEBUG + 1];

void log_write(enum log_level level, const char *format, ...)
{
    char text[256];
    va_list arguments;

    counts[level]++;
    if (fuzz_input.is_neighbour)
        return;
    va_start(arguments, format);
    print_buffer_va(text, sizeof(text), format, arguments);
    va_end(arguments);
}

void log_set_console_level(enum log_level level)
{
    (void)level;
}

void log_dump(struct print_sink *sink)
{
    (void)sink;
}

void host_log_clear(void)
{
    memset(counts, 0, sizeof(counts));
}

unsigned host_log_count(enum log_level level)
{
    return counts[level];
}

const char *host_log_text(void)
{
    return "";
}

bool host_log_contains(const char *text)
{
    return text[0] == '\0';
}

void print(const char *format, ...)
{
    (void)format;
}

struct print_sink *json_console(void)
{
    return NULL;
}
