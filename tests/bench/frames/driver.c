/* SPDX-License-Identifier: BSD-2-Clause
 *
 * driver.c - measures one allocator of physical frames, through bench.h.
 *
 *     frames-NAME [-g GiB] [-n frames held] [-r repetitions] [-t] [-c]
 *
 * -t prints tab-separated lines for compare.py, -c checks instead of measuring: no frame twice, right
 * alignment, everything comes back.
 *
 * Each repetition starts from a fresh allocator over metadata full of garbage, and goes through all
 * patterns in order, each on what the one before left. With two threads all patterns are stepped
 * together, and the slower one's time counts. Time is processor time of the thread; only a start, which is
 * shorter than the system call behind that clock, is measured by the time that passes. The loop around
 * an operation costs about 1.4 ns and is included.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#ifdef BENCH_HEADER
#include BENCH_HEADER
#endif
#include "bench.h"

#define THREADS_MAX     2u
#define REPETITIONS_MAX 64
#define STARTS          9
#define ORDER_2M        9u
#define FRAMES_A_2M     512u
#define FRAMES_A_GIB    (1u << 18)
#define BATCH           64u
#define LARGE_PAGE      ((size_t)2 << 20)
#define RARE            1024u                /* frames left when memory is nearly full */
#define SLOW_FRAMES     (16u * FRAMES_A_GIB) /* above: no patterns that fill all of memory */

enum pattern {
    BULK_ALLOC_FIRST,
    BULK_FREE_IN_ORDER,
    BULK_ALLOC_AGAIN,
    BULK_FREE_RANDOM,
    BULK_ALLOC_SCRAMBLED,
    RANDOM_SWAP,
    PAIR,
    BATCHES,
    FREE_OTHERS,
    ORDER_9_ALLOC,
    ORDER_9_FREE_RANDOM,
    ORDER_9_PAIR,
    PATTERN_COUNT,
};

static const char *const pattern_names[PATTERN_COUNT] = {
    [BULK_ALLOC_FIRST] = "bulk alloc (first)",
    [BULK_FREE_IN_ORDER] = "bulk free in order",
    [BULK_ALLOC_AGAIN] = "bulk alloc (again)",
    [BULK_FREE_RANDOM] = "bulk free random",
    [BULK_ALLOC_SCRAMBLED] = "bulk alloc (scrambled)",
    [RANDOM_SWAP] = "steady random swap",
    [PAIR] = "pair alloc+free /op",
    [BATCHES] = "batch of 64 /op",
    [FREE_OTHERS] = "free (2 threads: other's)",
    [ORDER_9_ALLOC] = "order 9 alloc",
    [ORDER_9_FREE_RANDOM] = "order 9 free random",
    [ORDER_9_PAIR] = "order 9 pair /op",
};

static uint64_t frame_count = 8u * FRAMES_A_GIB;
static uint64_t held_count = 1u << 20;
static int repetitions = 7;
static bool check_only;
static bool tabs;

static void *metadata;
static size_t metadata_bytes;
static void *backing;
static uint64_t *held;
static volatile uint64_t sink;

/* --- helpers ----------------------------------------------------------------------------- */

[[gnu::noreturn]] static void fail(const char *what, uint64_t value)
{
    fprintf(stderr, "%s: FAILED: %s (%llu)\n", bench_name, what, (unsigned long long)value);
    exit(1);
}

static double read_clock(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double cpu_time(void)
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

static uint64_t next_random(unsigned thread)
{
    static struct {
        _Alignas(64) uint64_t state;
    } streams[THREADS_MAX] = { { 88172645463325252u }, { 0x9e3779b97f4a7c15u } };
    uint64_t x = streams[thread].state;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return streams[thread].state = x;
}

static void shuffle(uint64_t *array, uint64_t count, unsigned thread)
{
    for (uint64_t i = count; i > 1; i--) {
        uint64_t j = next_random(thread) % i;
        uint64_t swap = array[i - 1];

        array[i - 1] = array[j];
        array[j] = swap;
    }
}

static int compare_times(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *times, int count)
{
    qsort(times, (size_t)count, sizeof(*times), compare_times);
    return times[count / 2];
}

/* Memory in large pages, as the kernel's direct map has them. */
static void *reserve(size_t bytes, bool populate)
{
    size_t whole = (bytes + LARGE_PAGE - 1) & ~(LARGE_PAGE - 1);
    char *memory = mmap(NULL, whole + LARGE_PAGE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }
    memory += -(uintptr_t)memory & (LARGE_PAGE - 1);
    madvise(memory, whole, MADV_HUGEPAGE);
    if (populate)
        memset(memory, 0xa5, bytes);
    return memory;
}

/* A new allocator with all frames free; how long its start took, in ns. */
static double fresh(unsigned cpus)
{
    double start;

    memset(metadata, 0xa5, metadata_bytes);
    bench_enter(0);
    start = read_clock(CLOCK_MONOTONIC);
    if (!bench_init(metadata, backing, frame_count, cpus))
        fail("no start", 0);
    return read_clock(CLOCK_MONOTONIC) - start;
}

/* --- patterns ---------------------------------------------------------------------------- */

struct worker {
    unsigned thread;
    unsigned threads;
    int repetition;
    uint64_t *held; /* this thread's part */
    uint64_t count;
    uint64_t blocks; /* of 2 MiB that it may hold */
};

/* Results of the threads of one repetition, and of all repetitions. */
static double times[THREADS_MAX][PATTERN_COUNT];
static double results[THREADS_MAX][PATTERN_COUNT][REPETITIONS_MAX];
static pthread_barrier_t barrier;

static uint64_t alloc_all(const struct worker *worker)
{
    for (uint64_t i = 0; i < worker->count; i++)
        worker->held[i] = bench_alloc(worker->thread, 0);
    return worker->count;
}

static uint64_t free_all(const struct worker *worker)
{
    for (uint64_t i = 0; i < worker->count; i++)
        bench_free(worker->thread, worker->held[i], 0);
    return worker->count;
}

static uint64_t swap_all(const struct worker *worker)
{
    for (uint64_t i = 0; i < worker->count; i++) {
        bench_free(worker->thread, worker->held[i], 0);
        worker->held[i] = bench_alloc(worker->thread, 0);
    }
    return 2 * worker->count;
}

static uint64_t pairs(const struct worker *worker)
{
    for (uint64_t i = 0; i < worker->count; i++) {
        uint64_t frame = bench_alloc(worker->thread, 0);

        sink = frame;
        bench_free(worker->thread, frame, 0);
    }
    return 2 * worker->count;
}

static uint64_t batches(const struct worker *worker)
{
    for (uint64_t i = 0; i < worker->count / BATCH; i++) {
        uint64_t batch[BATCH];

        for (unsigned k = 0; k < BATCH; k++)
            batch[k] = bench_alloc(worker->thread, 0);
        for (unsigned k = 0; k < BATCH; k++)
            bench_free(worker->thread, batch[k], 0);
    }
    return 2 * worker->count;
}

/* Frames that the other thread allocated, if there is one. */
static uint64_t free_others(const struct worker *worker)
{
    const uint64_t *frames =
        worker->threads > 1 ? held + (uint64_t)(worker->thread ^ 1) * worker->count : worker->held;

    for (uint64_t i = 0; i < worker->count; i++)
        bench_free(worker->thread, frames[i], 0);
    return worker->count;
}

static uint64_t alloc_blocks(const struct worker *worker)
{
    for (uint64_t i = 0; i < worker->blocks; i++)
        worker->held[i] = bench_alloc(worker->thread, ORDER_2M);
    return worker->blocks;
}

static uint64_t free_blocks(const struct worker *worker)
{
    for (uint64_t i = 0; i < worker->blocks; i++)
        bench_free(worker->thread, worker->held[i], ORDER_2M);
    return worker->blocks;
}

static uint64_t block_pairs(const struct worker *worker)
{
    for (uint64_t i = 0; i < worker->count / 8; i++) {
        uint64_t frame = bench_alloc(worker->thread, ORDER_2M);

        sink = frame;
        bench_free(worker->thread, frame, ORDER_2M);
    }
    return worker->count / 4;
}

/* Runs one pattern when all threads have come to it. */
static void measure(const struct worker *worker, enum pattern pattern,
                    uint64_t (*run)(const struct worker *))
{
    double start;
    uint64_t operations;

    pthread_barrier_wait(&barrier);
    start = cpu_time();
    operations = run(worker);
    times[worker->thread][pattern] = (cpu_time() - start) / (double)operations;
}

static void expect_all(const struct worker *worker, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        if (worker->held[i] == BENCH_NONE)
            fail("an allocation failed", i);
}

static void single_frames(const struct worker *worker)
{
    measure(worker, BULK_ALLOC_FIRST, alloc_all);
    expect_all(worker, worker->count);
    measure(worker, BULK_FREE_IN_ORDER, free_all);
    measure(worker, BULK_ALLOC_AGAIN, alloc_all);
    expect_all(worker, worker->count);
    shuffle(worker->held, worker->count, worker->thread);
    measure(worker, BULK_FREE_RANDOM, free_all);
    measure(worker, BULK_ALLOC_SCRAMBLED, alloc_all);
    shuffle(worker->held, worker->count, worker->thread);
    measure(worker, RANDOM_SWAP, swap_all);
    measure(worker, PAIR, pairs);
    measure(worker, BATCHES, batches);
    measure(worker, FREE_OTHERS, free_others);
    bench_drain(worker->thread);
}

static void blocks_of_2m(const struct worker *worker)
{
    pthread_barrier_wait(&barrier);
    measure(worker, ORDER_9_ALLOC, alloc_blocks);
    expect_all(worker, worker->blocks);
    shuffle(worker->held, worker->blocks, worker->thread);
    measure(worker, ORDER_9_FREE_RANDOM, free_blocks);
    measure(worker, ORDER_9_PAIR, block_pairs);
}

static void collect(const struct worker *worker)
{
    for (unsigned pattern = 0; pattern < PATTERN_COUNT; pattern++) {
        double slower = times[0][pattern];

        if (worker->threads > 1 && times[1][pattern] > slower)
            slower = times[1][pattern];
        results[worker->threads - 1][pattern][worker->repetition] = slower;
    }
}

static void *work(void *argument)
{
    const struct worker *worker = argument;
    cpu_set_t processors;

    CPU_ZERO(&processors);
    CPU_SET(worker->thread, &processors);
    if (worker->threads > 1)
        pthread_setaffinity_np(pthread_self(), sizeof(processors), &processors);
    bench_enter(worker->thread);
    single_frames(worker);
    if (bench_max_order >= ORDER_2M)
        blocks_of_2m(worker);
    pthread_barrier_wait(&barrier);
    if (worker->thread == 0)
        collect(worker);
    return NULL;
}

static void repeat(unsigned threads, int repetition)
{
    struct worker workers[THREADS_MAX];
    pthread_t ids[THREADS_MAX];

    fresh(threads);
    pthread_barrier_init(&barrier, NULL, threads);
    for (unsigned t = 0; t < threads; t++) {
        uint64_t count = held_count / threads;

        workers[t] = (struct worker){ .thread = t,
                                      .threads = threads,
                                      .repetition = repetition,
                                      .held = held + t * count,
                                      .count = count,
                                      .blocks = frame_count / FRAMES_A_2M / 2 / threads };
        pthread_create(&ids[t], NULL, work, &workers[t]);
    }
    for (unsigned t = 0; t < threads; t++)
        pthread_join(ids[t], NULL);
    pthread_barrier_destroy(&barrier);
}

/* --- fragmentation and shortage ---------------------------------------------------------- */

/* Frees and allocates a quarter of the held frames, 40 times. */
static void churn(uint64_t count)
{
    for (unsigned round = 0; round < 40; round++) {
        uint64_t quarter = count / 4;

        shuffle(held, count, 0);
        for (uint64_t i = count - quarter; i < count; i++)
            bench_free(0, held[i], 0);
        for (uint64_t i = count - quarter; i < count; i++)
            held[i] = bench_alloc(0, 0);
    }
}

/* The part of free memory, in percent, that can be had as 2 MiB blocks after a churn: with half of
 * memory held, or with a quarter that is left of three after random frees. */
static double obtainable(bool thinned)
{
    uint64_t count = 0;
    uint64_t blocks = 0;

    fresh(1);
    for (uint64_t want = thinned ? frame_count / 4 * 3 : frame_count / 2; count < want; count++)
        held[count] = bench_alloc(0, 0);
    if (thinned) {
        shuffle(held, count, 0);
        while (count > frame_count / 4)
            bench_free(0, held[--count], 0);
    }
    churn(count);
    bench_drain(0);
    while (bench_alloc(0, ORDER_2M) != BENCH_NONE)
        blocks++;
    return 100.0 * (double)blocks * FRAMES_A_2M / (double)(frame_count - count);
}

/* ns for an allocation when all but RARE random frames are held. */
static double nearly_full(void)
{
    enum { ROUNDS = 31 };
    double rounds[ROUNDS];
    uint64_t count = 0;
    uint64_t frame;

    fresh(1);
    while ((frame = bench_alloc(0, 0)) != BENCH_NONE)
        held[count++] = frame;
    for (unsigned round = 0; round < ROUNDS; round++) {
        double start;

        for (unsigned i = 0; i < RARE; i++) {
            uint64_t j = next_random(0) % count;

            frame = held[j];
            held[j] = held[--count];
            bench_free(0, frame, 0);
        }
        bench_drain(0);
        start = cpu_time();
        for (unsigned i = 0; i < RARE; i++)
            held[count++] = bench_alloc(0, 0);
        rounds[round] = (cpu_time() - start) / RARE;
    }
    return median(rounds, ROUNDS);
}

/* --- checks ------------------------------------------------------------------------------ */

static unsigned random_order(void)
{
    unsigned highest = bench_max_order < ORDER_2M ? bench_max_order : ORDER_2M;

    if (highest == ORDER_2M && next_random(0) % 512 == 0)
        return ORDER_2M;
    return next_random(0) % 8 == 0 ? (unsigned)(next_random(0) % (highest + 1)) : 0;
}

static void claim(uint8_t *owned, uint64_t frame, unsigned order)
{
    uint64_t size = (uint64_t)1 << order;

    if (frame + size > frame_count || (frame & (size - 1)) != 0)
        fail("out of range or not aligned", frame);
    for (uint64_t i = frame; i < frame + size; i++)
        if (owned[i]++ != 0)
            fail("handed out twice", i);
}

/* Hands everything out in mixed orders, and takes it back in random order. */
static void check_round(uint8_t *owned, uint8_t *orders)
{
    uint64_t count = 0;
    uint64_t got = 0;

    for (;;) {
        unsigned order = random_order();
        uint64_t frame = bench_alloc(0, order);

        if (frame == BENCH_NONE && order > 0)
            frame = bench_alloc(0, order = 0);
        if (frame == BENCH_NONE)
            break;
        claim(owned, frame, order);
        orders[frame] = (uint8_t)order;
        held[count++] = frame;
        got += (uint64_t)1 << order;
    }
    if (got != frame_count)
        printf("  check: %llu of %llu frames handed out\n", (unsigned long long)got,
               (unsigned long long)frame_count);
    shuffle(held, count, 0);
    while (count > 0) {
        uint64_t frame = held[--count];

        memset(owned + frame, 0, (size_t)1 << orders[frame]);
        bench_free(0, frame, orders[frame]);
    }
}

static void check(void)
{
    uint8_t *owned = calloc(frame_count, 1);
    uint8_t *orders = calloc(frame_count, 1);
    uint64_t blocks = 0;

    if (owned == NULL || orders == NULL)
        fail("no memory for the check", frame_count);
    fresh(1);
    for (unsigned round = 0; round < 3; round++)
        check_round(owned, orders);
    bench_drain(0);
    if (bench_max_order >= ORDER_2M)
        while (bench_alloc(0, ORDER_2M) != BENCH_NONE)
            blocks++;
    printf("  check: good; afterwards %llu blocks of 2 MiB of %llu\n", (unsigned long long)blocks,
           (unsigned long long)frame_count / FRAMES_A_2M);
    free(owned);
    free(orders);
}

/* --- results ----------------------------------------------------------------------------- */

/* One line; `two` < 0: no such figure. */
static void print_result(const char *name, const char *unit, double one, double two)
{
    if (one < 0)
        return;
    if (tabs)
        printf("%s\t%s\t%.3f\t%.3f\n", name, unit, one, two);
    else if (two < 0)
        printf("  %-28s %9.2f %s\n", name, one, unit);
    else
        printf("  %-28s %9.2f %s   2 threads %9.2f %s\n", name, one, unit, two, unit);
}

static void measure_all(void)
{
    double starts[STARTS];
    unsigned threads_max = (bench_flags & BENCH_THREADS) != 0 ? THREADS_MAX : 1;

    fresh(THREADS_MAX); /* brings the program's own pages in, which a kernel need not wait for */
    for (int r = 0; r < STARTS; r++)
        starts[r] = fresh(THREADS_MAX);
    print_result("init", "us", median(starts, STARTS) / 1e3, -1);
    print_result("metadata", "B/frame", (double)metadata_bytes / (double)frame_count, -1);
    for (unsigned threads = 1; threads <= threads_max; threads++)
        for (int r = 0; r < repetitions; r++)
            repeat(threads, r);
    for (unsigned p = 0; p < PATTERN_COUNT; p++) {
        if (p >= ORDER_9_ALLOC && bench_max_order < ORDER_2M)
            break;
        print_result(pattern_names[p], "ns", median(results[0][p], repetitions),
                     threads_max > 1 ? median(results[1][p], repetitions) : -1);
    }
    if (frame_count > SLOW_FRAMES)
        return;
    bench_enter(0);
    print_result("alloc when nearly full", "ns", nearly_full(), -1);
    if (bench_max_order < ORDER_2M)
        return;
    print_result("2 MiB after churn at 50 %", "%", obtainable(false), -1);
    print_result("2 MiB after thinning to 25 %", "%", obtainable(true), -1);
}

static bool read_options(int count, char **words)
{
    int option;

    while ((option = getopt(count, words, "g:n:r:tc")) != -1)
        switch (option) {
        case 'g':
            frame_count = strtoull(optarg, NULL, 0) * FRAMES_A_GIB;
            break;
        case 'n':
            held_count = strtoull(optarg, NULL, 0);
            break;
        case 'r':
            repetitions = atoi(optarg);
            break;
        case 't':
            tabs = true;
            break;
        case 'c':
            check_only = true;
            break;
        default:
            return false;
        }
    return frame_count > 0 && held_count <= frame_count && repetitions > 0 &&
           repetitions <= REPETITIONS_MAX;
}

int main(int count, char **words)
{
    if (!read_options(count, words)) {
        fprintf(stderr, "%s [-g GiB] [-n frames held] [-r repetitions, at most %d] [-t] [-c]\n",
                words[0], REPETITIONS_MAX);
        return 2;
    }
    metadata_bytes = (bench_meta_size(frame_count, THREADS_MAX) + 4095) & ~(size_t)4095;
    metadata = reserve(metadata_bytes, true);
    if ((bench_flags & BENCH_BACKING) != 0)
        backing = reserve(frame_count << 12, false);
    held = reserve(sizeof(*held) * frame_count, true);
    if (!tabs)
        printf("%s: %.1f GiB\n", bench_name, (double)frame_count / FRAMES_A_GIB);
    if (check_only)
        check();
    else
        measure_all();
    return 0;
}
