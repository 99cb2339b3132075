/* SPDX-License-Identifier: BSD-2-Clause
 *
 * contract.c - a process that tries what include/arch/embed.h promises: contract refuse|threads|panic
 */
#include <meridian/arch/embed.h>
#include <meridian/mm/bump.h>
#include <meridian/mm/heap.h>
#include <meridian/mm/pmm.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define RAM_BYTES    ((size_t)(17 * MiB))
#define WINDOW_BYTES ((size_t)(64 * MiB))
#define THREADS      300 /* more than there are numbers for at once */

static struct region rows[4];
static struct memmap map;
static char *ram, *window;
static bool refuses;

bool meridian_map(void *page, uint64_t physical, size_t size_bytes)
{
    (void)physical;
    return !refuses && mprotect(page, size_bytes, PROT_READ | PROT_WRITE) == 0;
}

void meridian_unmap(void *page, size_t size_bytes)
{
    if (mprotect(page, size_bytes, PROT_NONE) != 0)
        abort();
}

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    printf("not so: %s\n", what);
    exit(1);
}

static void *set_aside(size_t size_bytes, int rights)
{
    void *address = mmap(NULL, size_bytes, rights, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    require(address != MAP_FAILED, "addresses");
    return address;
}

static void start(void)
{
    ram = set_aside(RAM_BYTES, PROT_READ | PROT_WRITE);
    window = set_aside(WINDOW_BYTES, PROT_NONE);
    meridian_ram_at(ram);
    memmap_init(&map, rows, 4, NULL, 0, RAM_BYTES);
    require(memmap_add_e820(&map, MiB, RAM_BYTES - MiB, E820_USABLE) == STATUS_OK, "an entry");
    require(memmap_sanitise(&map) == STATUS_OK, "a table");
    bump_init(&map, pa(0), 0);
    require(pmm_init(&map) == STATUS_OK, "frames");
    require(heap_init(va_of(window), WINDOW_BYTES) == STATUS_OK, "a heap");
}

static uint64_t used_frames(void)
{
    struct pmm_stats stats;

    pmm_get_stats(&stats);
    require(pmm_check() == STATUS_OK, "the books");
    return stats.used_frames;
}

static int refuse(void)
{
    uint64_t before = used_frames();
    void *object;

    refuses = true;
    require(kmalloc(MiB) == NULL, "NULL when a mapping is refused");
    require(used_frames() == before, "no frame is lost");
    puts("refused: NULL, no frame lost");
    refuses = false;
    object = kmalloc(MiB);
    require(object != NULL, "an object when mappings work again");
    memset(object, 1, MiB);
    puts("and again: an object");
    return 0;
}

static void *one_frame(void *context)
{
    pfn_t frame;

    (void)context;
    require(pmm_alloc_frame(FRAME_USER, &frame) == STATUS_OK, "a frame");
    require(pmm_free_frame(frame) == STATUS_OK, "its end");
    return NULL;
}

static int threads(void)
{
    struct pmm_stats stats;

    for (unsigned i = 0; i < THREADS; i++) {
        pthread_t thread;

        require(pthread_create(&thread, NULL, one_frame, NULL) == 0, "a thread");
        require(pthread_join(thread, NULL) == 0, "its end");
    }
    pmm_drain();
    pmm_get_stats(&stats);
    require(stats.cached_frames == 0, "nothing waits for threads that have ended");
    printf("%u threads, one after the other: no frame lost\n", THREADS);
    return 0;
}

/* A reference to a frame that nobody has: forbidden by mm/frame.h. */
static int break_it(void)
{
    pfn_t frame;

    require(pmm_alloc_frame(FRAME_USER, &frame) == STATUS_OK, "a frame");
    require(pmm_free_frame(frame) == STATUS_OK, "its end");
    frame_get(frame);
    return 0;
}

int main(int argc, char **argv)
{
    const char *wish = argc == 2 ? argv[1] : "";

    start();
    if (strcmp(wish, "refuse") == 0)
        return refuse();
    if (strcmp(wish, "threads") == 0)
        return threads();
    return strcmp(wish, "panic") == 0 ? break_it() : 2;
}
