/* SPDX-License-Identifier: BSD-2-Clause
 *
 * embed.c - the memory manager inside of a Linux process.
 *
 *     embed [MIB [THREADS]]
 *
 * The process plays a machine: a memory file is its RAM, addresses that are set aside and show nothing are the
 * heap's window. The heap puts frames behind a part of it when it needs them and gives them back, so that the
 * process has as much of the file's memory as the heap uses, and never more than MIB.
 *
 *     file    |1 MiB: nothing|  frames: the PMM's tables, page tables, pages of the heap  |
 *                  ^ seen as a whole at `ram`            \  and a second time \
 *     window  |   .   .   .   .   .   .   .   .   .   .  |pages|  .   .   .   |pages|  .   .   |
 *
 * Threads then allocate and free at random; at the end all is freed, wrong frees are tried, and memory is
 * asked for until there is none. What it says is checked: an exit code other than 0 means that it is not so.
 */
#include <meridian/arch/embed.h>
#include <meridian/mm/bump.h>
#include <meridian/mm/heap.h>
#include <meridian/mm/memmap.h>
#include <meridian/mm/pmm.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_BYTE   MiB /* what lies below is no part of the PMM's general pool */
#define WINDOW_TIMES 4   /* addresses cost nothing: room for fragments and guard pages */
#define MIB_LEAST    8
#define MIB_MOST     65536
#define THREADS_MOST 64
#define ROUNDS       8000
#define OBJECTS      256
#define BYTES_MOST   16384

static int file = -1;
static char *ram;
static char *window;
static size_t ram_bytes, window_bytes;
static struct region rows[8];
static struct memmap map;

/* --- what the library asks for -------------------------------------------------------------- */

static void stop(const char *what)
{
    fprintf(stderr, "embed: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

bool meridian_map(void *page, uint64_t physical, size_t size_bytes)
{
    return mmap(page, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file,
                (off_t)physical) == page;
}

/* The file's memory goes back to the host first, while the pages still show it. */
void meridian_unmap(void *page, size_t size_bytes)
{
    if (madvise(page, size_bytes, MADV_REMOVE) != 0 ||
        mmap(page, size_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED,
             -1, 0) != page)
        stop("giving memory back");
}

/* --- a machine ------------------------------------------------------------------------------ */

static void *set_aside(size_t size_bytes, int rights, int flags, const char *what)
{
    void *address = mmap(NULL, size_bytes, rights, flags | MAP_NORESERVE, file, 0);

    if (address == MAP_FAILED)
        stop(what);
    return address;
}

static void require(enum status status, const char *what)
{
    if (status == STATUS_OK)
        return;
    fprintf(stderr, "embed: %s: %s\n", what, status_name(status));
    exit(EXIT_FAILURE);
}

static void start(size_t size_bytes)
{
    ram_bytes = (size_t)FIRST_BYTE + size_bytes;
    window_bytes = WINDOW_TIMES * size_bytes;
    window =
        set_aside(window_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, "the heap's addresses");
    file = memfd_create("embed", MFD_CLOEXEC);
    if (file < 0 || ftruncate(file, (off_t)ram_bytes) != 0)
        stop("a memory file");
    ram = set_aside(ram_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, "the frames' addresses");

    meridian_ram_at(ram);
    memmap_init(&map, rows, sizeof(rows) / sizeof(rows[0]), NULL, 0, ram_bytes);
    require(memmap_add_e820(&map, FIRST_BYTE, size_bytes, E820_USABLE), "the memory map");
    require(memmap_sanitise(&map), "the memory map");
    bump_init(&map, pa(0), 0);
    require(pmm_init(&map), "frames");
    require(heap_init(va_of(window), window_bytes), "the heap");
}

/* What the host has given us for the file. */
static size_t committed_kib(void)
{
    struct stat state;

    if (fstat(file, &state) != 0)
        stop("the memory file");
    return (size_t)state.st_blocks / 2;
}

static void tell(const char *when)
{
    struct pmm_stats frames;
    struct heap_stats heap;

    pmm_get_stats(&frames);
    heap_get_stats(&heap);
    printf("%-8s %6llu objects, %8llu bytes; %6llu KiB of frames in use, %6zu KiB of the host's\n",
           when, (unsigned long long)heap.live_objects, (unsigned long long)heap.live_bytes,
           (unsigned long long)frames.used_frames << 2, committed_kib());
}

/* --- a load --------------------------------------------------------------------------------- */

struct worker {
    pthread_t thread;
    uint64_t random;
    unsigned char *objects[OBJECTS]; /* filled with the lowest byte of their index */
    size_t sizes[OBJECTS];
    const char *wrong; /* what went wrong, or NULL */
};

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static bool is_filled(const unsigned char *object, size_t size_bytes, unsigned char byte)
{
    for (size_t i = 0; i < size_bytes; i++)
        if (object[i] != byte)
            return false;
    return true;
}

/* Frees object `index`, or makes it where there is none. NULL from the heap is no error here: memory is short. */
static void turn(struct worker *worker, unsigned index)
{
    unsigned char **object = &worker->objects[index];

    if (*object == NULL) {
        worker->sizes[index] = 1 + next_random(&worker->random) % BYTES_MOST;
        *object = kmalloc(worker->sizes[index]);
        if (*object != NULL)
            memset(*object, (int)index, worker->sizes[index]);
        return;
    }
    if (!is_filled(*object, worker->sizes[index], (unsigned char)index))
        worker->wrong = "an object is not what was written to it";
    if (!kfree_sized(*object, worker->sizes[index]))
        worker->wrong = "a free was refused";
    *object = NULL;
}

static void *work(void *context)
{
    struct worker *worker = context;

    for (unsigned round = 0; round < ROUNDS; round++)
        turn(worker, (unsigned)(next_random(&worker->random) % OBJECTS));
    return NULL;
}

static void load(struct worker *workers, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        workers[i].random = i + 1;
        errno = pthread_create(&workers[i].thread, NULL, work, &workers[i]);
        if (errno != 0)
            stop("a thread");
    }
    for (unsigned i = 0; i < count; i++)
        pthread_join(workers[i].thread, NULL);
}

static void free_all(struct worker *workers, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        for (unsigned index = 0; index < OBJECTS; index++)
            if (workers[i].objects[index] != NULL)
                turn(&workers[i], index);
    (void)heap_shrink(ram_bytes / PAGE_SIZE);
}

/* --- what must not work --------------------------------------------------------------------- */

static const char *misuse(void)
{
    char foreign[64];
    char *object = kmalloc(100);
    struct heap_stats heap;

    if (object == NULL)
        return "no memory for 100 bytes";
    if (kfree(object + 16) || kfree(foreign) || kfree_sized(object, 5000))
        return "a wrong free was accepted";
    if (!kfree(object) || kfree(object))
        return "an object was not freed exactly once";
    heap_get_stats(&heap);
    printf("%-8s %llu wrong frees, all refused\n", "misuse", (unsigned long long)heap.bad_frees);
    return NULL;
}

/* Objects are chained until there is no memory, and freed again. */
static const char *exhaust(void)
{
    void **chain = NULL, **object;
    unsigned count = 0;

    while ((object = kmalloc(64 * KiB)) != NULL) {
        *object = chain;
        chain = object;
        count++;
    }
    printf("%-8s NULL after %u objects of 64 KiB\n", "full", count);
    if (count == 0)
        return "no memory at all";
    while (chain != NULL) {
        object = chain;
        chain = *object;
        if (!kfree(object))
            return "a free was refused";
    }
    (void)heap_shrink(ram_bytes / PAGE_SIZE);
    return NULL;
}

static void demand(const char *wrong)
{
    if (wrong == NULL)
        return;
    fprintf(stderr, "embed: %s\n", wrong);
    exit(EXIT_FAILURE);
}

/* --- the command line ----------------------------------------------------------------------- */

static size_t number(const char *text, const char *what, size_t least, size_t most)
{
    char *end;
    unsigned long long value;

    errno = 0;
    value = strtoull(text, &end, 10);
    if (errno == 0 && end != text && *end == '\0' && *text != '-' && value >= least &&
        value <= most)
        return (size_t)value;
    fprintf(stderr,
            "embed: '%s' is no %s: a number from %zu to %zu\n"
            "usage: embed [MIB [THREADS]]\n",
            text, what, least, most);
    exit(2);
}

int main(int argc, char **argv)
{
    static struct worker workers[THREADS_MOST];
    size_t mib = argc > 1 ? number(argv[1], "size in MiB", MIB_LEAST, MIB_MOST) : 64;
    unsigned threads =
        argc > 2 ? (unsigned)number(argv[2], "count of threads", 1, THREADS_MOST) : 4;

    if (argc > 3) {
        fprintf(stderr, "embed: '%s' is too much\nusage: embed [MIB [THREADS]]\n", argv[3]);
        return 2;
    }
    start(mib * (size_t)MiB);
    tell("started");
    load(workers, threads);
    tell("loaded");
    free_all(workers, threads);
    for (unsigned i = 0; i < threads; i++)
        demand(workers[i].wrong);
    tell("freed");
    demand(misuse());
    demand(exhaust());
    tell("the end");
    require(pmm_check(), "the frames' books");
    require(heap_check(), "the heap's books");
    puts("all as it should be");
    return 0;
}
