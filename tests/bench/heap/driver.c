/* SPDX-License-Identifier: BSD-2-Clause
 *
 * driver.c - what a heap costs: time by pattern, and resident memory beside what is live.
 *
 *     driver speed [NAME]   one line a pattern whose name begins with NAME: name, unit, value
 *     driver memory INDEX   one line: resident bytes for each live byte; exit code 1 behind the last
 *     driver safe           one line: how many of four wrong frees end the program
 *
 * A pattern runs once to warm up, then seven times; the value is their median.
 *
 * Times are processor time of the thread, for one allocation and one free, and include the loop
 * (2.4 to 3 ns) and a write into each object. The driver's own memory never comes from the heap.
 */
#ifndef BENCH_HEADER
#define BENCH_HEADER "libc.h"
#endif
#include <stddef.h>
#include BENCH_HEADER

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#define POOL_BYTES  ((size_t)2 << 30)
#define POOL_ALIGN  ((size_t)2 << 20)
#define RANDOMS     ((unsigned)1 << 20)
#define SLOTS       10000u
#define FIFO_MAX    10000u
#define LARSON      5000u
#define BATCH       1000u
#define MEMORY_MAX  200000u
#define REPETITIONS 7u

struct slot {
    unsigned char *object;
    size_t size_bytes;
};

static uint64_t random_state = 88172645463325252u;
static uint16_t random_slots[RANDOMS];
static uint32_t sizes_even[RANDOMS];  /* 8 to 2048 */
static uint32_t sizes_log[RANDOMS];   /* 8 to 4095, each doubling as often as the next */
static uint32_t sizes_large[RANDOMS]; /* 4 KiB to 1 MiB */
static struct slot slots[SLOTS];

static void stop(const char *what)
{
    fprintf(stderr, "driver: %s\n", what);
    _exit(2);
}

static double now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static unsigned next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)(random_state >> 16);
}

/* The calling thread is processor `cpu`, and stays there if the host has as many. */
static void enter(unsigned cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    (void)sched_setaffinity(0, sizeof(set), &set);
    bench_enter(cpu);
}

static void set_up(void)
{
    uintptr_t pool;
    void *mapped = mmap(NULL, POOL_BYTES + POOL_ALIGN, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (mapped == MAP_FAILED || prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) != 0)
        stop("no pool");
    pool = ((uintptr_t)mapped + POOL_ALIGN - 1) & ~(uintptr_t)(POOL_ALIGN - 1);
    bench_init((void *)pool, POOL_BYTES);
    enter(0);
    for (unsigned i = 0; i < RANDOMS; i++) {
        uint32_t power = (uint32_t)8 << next_random() % 9;

        random_slots[i] = (uint16_t)(next_random() % SLOTS);
        sizes_even[i] = 8 + next_random() % 2041;
        sizes_log[i] = power + next_random() % power;
        sizes_large[i] = 4096 + next_random() % (1024 * 1024 - 4096 + 1);
    }
}

static inline void *allocate(size_t size_bytes)
{
    void *object = bench_alloc(size_bytes);

    if (object == NULL)
        stop("out of memory");
    *(volatile uint32_t *)object = 0x5a5a5a5a;
    return object;
}

static void fill_slot(struct slot *slot, size_t size_bytes)
{
    slot->size_bytes = size_bytes;
    slot->object = allocate(size_bytes);
}

static void empty_slots(struct slot *first, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (first[i].object != NULL)
            bench_free(first[i].object, first[i].size_bytes);
        first[i].object = NULL;
    }
}

/* --- one thread ---------------------------------------------------------------------------- */

static double lifo(size_t size_bytes)
{
    const unsigned count = 500000;
    double start = now_ns();

    for (unsigned i = 0; i < count; i++)
        bench_free(allocate(size_bytes), size_bytes);
    return (now_ns() - start) / count;
}

static double fifo(size_t size_bytes, unsigned batch)
{
    static void *objects[FIFO_MAX];
    const unsigned rounds = 200000 / batch;
    double start = now_ns();

    for (unsigned round = 0; round < rounds; round++) {
        for (unsigned i = 0; i < batch; i++)
            objects[i] = allocate(size_bytes);
        for (unsigned i = 0; i < batch; i++)
            bench_free(objects[i], size_bytes);
    }
    return (now_ns() - start) / ((double)batch * rounds);
}

/* Replaces random ones of `count` objects. */
static double churn(const uint32_t *sizes, unsigned count, unsigned steps)
{
    double start;

    for (unsigned i = 0; i < count; i++)
        fill_slot(&slots[i], sizes[i]);
    start = now_ns();
    for (unsigned i = 0; i < steps; i++) {
        struct slot *slot = &slots[random_slots[i] % count];

        bench_free(slot->object, slot->size_bytes);
        fill_slot(slot, sizes[i]);
    }
    start = (now_ns() - start) / steps;
    empty_slots(slots, count);
    return start;
}

static double aligned(void)
{
    const unsigned count = 100000;
    unsigned misaligned = 0;
    double start = now_ns();

    for (unsigned i = 0; i < count; i++) {
        struct slot *slot = &slots[i % 1024];
        size_t alignment = (size_t)64 << random_slots[i] % 7;

        if (slot->object != NULL)
            bench_free(slot->object, slot->size_bytes);
        slot->size_bytes = 1 + sizes_log[i];
        slot->object = bench_aligned(slot->size_bytes, alignment);
        if (slot->object == NULL)
            stop("out of memory");
        misaligned += ((uintptr_t)slot->object & (alignment - 1)) != 0;
        *(volatile uint32_t *)slot->object = 1;
    }
    start = (now_ns() - start) / count;
    if (misaligned != 0)
        fprintf(stderr, "driver: %u of %u alignments were not honoured\n", misaligned, count);
    empty_slots(slots, 1024);
    return start;
}

/* From 16 bytes to 64 KiB, by half as much again each time. */
static double grow(void)
{
    unsigned steps = 0;
    double start = now_ns();

    while (steps < 20000) {
        size_t size = 16;
        unsigned char *object = allocate(size);

        while (size < 65536) {
            size += size / 2 + 8;
            object = bench_realloc(object, size);
            if (object == NULL)
                stop("out of memory");
            *(volatile uint32_t *)object = 1;
            steps++;
        }
        bench_free(object, size);
    }
    return (now_ns() - start) / steps;
}

/* The 99.9th percentile of an allocation under churn, in cycles. */
static double latency(void)
{
    static unsigned histogram[65536];
    unsigned aux, seen = 0, cycles = 0;

    memset(histogram, 0, sizeof(histogram));
    for (unsigned i = 0; i < SLOTS; i++)
        fill_slot(&slots[i], sizes_even[i]);
    for (unsigned i = 0; i < RANDOMS; i++) {
        struct slot *slot = &slots[random_slots[i]];
        uint64_t start, taken;

        bench_free(slot->object, slot->size_bytes);
        slot->size_bytes = sizes_even[i];
        start = __rdtscp(&aux);
        slot->object = bench_alloc(slot->size_bytes);
        taken = __rdtscp(&aux) - start;
        *(volatile uint32_t *)slot->object = 1;
        histogram[taken < 65535 ? taken : 65535]++;
    }
    while (seen < RANDOMS - RANDOMS / 1000)
        seen += histogram[cycles++];
    empty_slots(slots, SLOTS);
    return cycles - 1;
}

/* --- two threads --------------------------------------------------------------------------- */

static pthread_barrier_t barrier;
static double thread_ns[2];

/* Runs `body` on processors 0 and 1; the sum of their times. */
static double both(void *(*body)(void *))
{
    pthread_t other;

    pthread_barrier_init(&barrier, NULL, 2);
    if (pthread_create(&other, NULL, body, (void *)1) != 0)
        stop("no thread");
    (void)body((void *)0);
    pthread_join(other, NULL);
    pthread_barrier_destroy(&barrier);
    enter(0);
    return thread_ns[0] + thread_ns[1];
}

static void *lifo_thread(void *argument)
{
    unsigned me = (unsigned)(uintptr_t)argument;

    enter(me);
    pthread_barrier_wait(&barrier);
    thread_ns[me] = lifo(64) / 2;
    return NULL;
}

/* The first allocates a batch while the second frees the batch before it. */
static void *handing_thread(void *argument)
{
    static void *objects[2][BATCH];
    const unsigned me = (unsigned)(uintptr_t)argument, rounds = 300;
    double sum = 0;

    enter(me);
    for (unsigned round = 0; round <= rounds; round++) {
        double start;

        pthread_barrier_wait(&barrier);
        start = now_ns();
        for (unsigned i = 0; me == 0 && round < rounds && i < BATCH; i++)
            objects[round & 1][i] = allocate(64);
        for (unsigned i = 0; me == 1 && round > 0 && i < BATCH; i++)
            bench_free(objects[(round - 1) & 1][i], 64);
        sum += now_ns() - start;
    }
    thread_ns[me] = sum / (rounds * BATCH);
    return NULL;
}

/* Each replaces random objects; every round the arrays change owner. */
static void *larson_thread(void *argument)
{
    static struct slot arrays[2][LARSON];
    const unsigned me = (unsigned)(uintptr_t)argument, steps = 20000;
    double start;

    enter(me);
    for (unsigned i = 0; i < LARSON; i++)
        fill_slot(&arrays[me][i], (sizes_log[i * 2 + me] & 1023) | 8);
    pthread_barrier_wait(&barrier);
    start = now_ns();
    for (unsigned round = 0; round < 10; round++) {
        unsigned k = me * 77777 + round * 1234567;

        for (unsigned i = 0; i < steps; i++, k++) {
            struct slot *slot = &arrays[(me + round) & 1][random_slots[k % RANDOMS] % LARSON];

            bench_free(slot->object, slot->size_bytes);
            fill_slot(slot, (sizes_log[k % RANDOMS] & 1023) | 8);
        }
        pthread_barrier_wait(&barrier);
    }
    thread_ns[me] = (now_ns() - start) / (10.0 * steps) / 2;
    empty_slots(arrays[me], LARSON);
    return NULL;
}

static double lifo_16(void)
{
    return lifo(16);
}

static double lifo_64(void)
{
    return lifo(64);
}

static double lifo_1024(void)
{
    return lifo(1024);
}

static double fifo_short(void)
{
    return fifo(64, 1000);
}

static double fifo_long(void)
{
    return fifo(256, 10000);
}

static double churn_even(void)
{
    return churn(sizes_even, SLOTS, 400000);
}

static double churn_log(void)
{
    return churn(sizes_log, SLOTS, 400000);
}

static double churn_large(void)
{
    return churn(sizes_large, 64, 10000);
}

static double lifo_both(void)
{
    return both(lifo_thread);
}

static double handing(void)
{
    return both(handing_thread);
}

static double larson(void)
{
    return both(larson_thread);
}

static const struct pattern {
    const char *name;
    const char *unit;
    double (*run)(void);
} patterns[] = {
    { "pair of 16 B", "ns", lifo_16 },
    { "pair of 64 B", "ns", lifo_64 },
    { "pair of 1 KiB", "ns", lifo_1024 },
    { "fifo of 1 k x 64 B", "ns", fifo_short },
    { "fifo of 10 k x 256 B", "ns", fifo_long },
    { "random 8-2048", "ns", churn_even },
    { "log 8-4095", "ns", churn_log },
    { "4 KiB-1 MiB", "ns", churn_large },
    { "aligned", "ns", aligned },
    { "realloc", "ns", grow },
    { "pair of 64 B, 2 threads", "ns", lifo_both },
    { "cross-thread free", "ns", handing },
    { "larson", "ns", larson },
    { "p99.9 of an allocation", "cycles", latency },
};

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;

    return (a > b) - (a < b);
}

static double median_of(const struct pattern *pattern)
{
    double values[REPETITIONS];

    (void)pattern->run();
    for (unsigned i = 0; i < REPETITIONS; i++)
        values[i] = pattern->run();
    qsort(values, REPETITIONS, sizeof(values[0]), compare_doubles);
    return values[REPETITIONS / 2];
}

static void speed(const char *name)
{
    for (unsigned i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        const struct pattern *pattern = &patterns[i];

        if (strncmp(pattern->name, name, strlen(name)) == 0)
            printf("%s\t%s\t%.2f\n", pattern->name, pattern->unit, median_of(pattern));
    }
}

/* --- memory -------------------------------------------------------------------------------- */

static struct slot held[MEMORY_MAX];
static size_t live_bytes, resident_before;

/* Exact: /proc/self/statm leaves out what each processor has not yet added to the sum. Pages of the
 * program's and the libraries' files are no heap. */
static size_t resident_bytes(void)
{
    char text[1024] = "";
    unsigned long kibibytes = 0;
    int file = open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC);
    const char *line;

    if (file < 0 || read(file, text, sizeof(text) - 1) <= 0)
        stop("no /proc/self/smaps_rollup");
    close(file);
    line = strstr(text, "\nAnonymous:");
    if (line == NULL || sscanf(line, "\nAnonymous: %lu", &kibibytes) != 1)
        stop("no Anonymous in /proc/self/smaps_rollup");
    return kibibytes * 1024;
}

static void hold(unsigned index, size_t size_bytes)
{
    fill_slot(&held[index], size_bytes);
    memset(held[index].object, 1, size_bytes);
    live_bytes += size_bytes;
}

static void let_go(unsigned index)
{
    bench_free(held[index].object, held[index].size_bytes);
    live_bytes -= held[index].size_bytes;
    held[index].object = NULL;
}

static void hold_fixed(size_t size_bytes)
{
    for (unsigned i = 0; i < MEMORY_MAX && i < (16u << 20) / size_bytes; i++)
        hold(i, size_bytes);
}

static void hold_random(void)
{
    for (unsigned i = 0; i < 50000; i++)
        hold(i, sizes_even[i]);
}

static void hold_churned(const uint32_t *sizes, unsigned count, unsigned steps)
{
    for (unsigned i = 0; i < count; i++)
        hold(i, sizes[i]);
    for (unsigned i = 0; i < steps; i++) {
        unsigned index = next_random() % count;

        let_go(index);
        hold(index, sizes[next_random() % RANDOMS]);
    }
}

/* Nine of ten small objects die, then larger ones fill the same amount. */
static void hold_shifted(void)
{
    unsigned next = 100000;
    size_t peak;

    for (unsigned i = 0; i < next; i++)
        hold(i, 8 + next_random() % 249);
    peak = live_bytes;
    for (unsigned i = 0; i < 100000; i++)
        if (next_random() % 10 != 0)
            let_go(i);
    while (live_bytes < peak && next < MEMORY_MAX)
        hold(next++, 256 + next_random() % 1793);
}

static int memory(unsigned index)
{
    static const char *const names[] = { "16 B",  "64 B",         "1 KiB",      "random",
                                         "churn", "small->large", "large churn" };

    if (index >= sizeof(names) / sizeof(names[0]))
        return 1;
    memset(held, 0, sizeof(held));
    bench_free(allocate(64), 64);
    resident_before = resident_bytes();
    switch (index) {
    case 0:
    case 1:
    case 2:
        hold_fixed(index == 0 ? 16 : index == 1 ? 64 : 1024);
        break;
    case 3:
        hold_random();
        break;
    case 4:
        hold_churned(sizes_log, 20000, 3000000);
        break;
    case 5:
        hold_shifted();
        break;
    case 6:
        hold_churned(sizes_large, 128, 5000);
        break;
    }
    printf("%s\tx\t%.3f\n", names[index],
           (double)(resident_bytes() - resident_before) / (double)live_bytes);
    return 0;
}

/* --- wrong frees --------------------------------------------------------------------------- */

#define SAFE_BYTES   64u
#define SAFE_OBJECTS 300u

static void free_twice(void)
{
    unsigned char *object = allocate(SAFE_BYTES);

    bench_free(object, SAFE_BYTES);
    bench_free(object, SAFE_BYTES);
}

/* With as many frees of others between the two as should empty any cache. */
static void free_twice_late(void)
{
    unsigned char *object = allocate(SAFE_BYTES);

    bench_free(object, SAFE_BYTES);
    empty_slots(slots, SAFE_OBJECTS);
    bench_free(object, SAFE_BYTES);
}

static void free_inside(void)
{
    unsigned char *object = allocate(SAFE_BYTES);

    bench_free(object + 16, SAFE_BYTES);
}

static void free_foreign(void)
{
    static unsigned char foreign[4096] __attribute__((aligned(64)));

    bench_free(foreign + 1024, SAFE_BYTES);
}

/* Whether what `body` does ends the program. */
static bool is_caught(void (*body)(void))
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);

        (void)dup2(nowhere, STDERR_FILENO);
        for (unsigned i = 0; i < SAFE_OBJECTS; i++)
            fill_slot(&slots[i], SAFE_BYTES);
        body();
        _exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        stop("no process");
    return WIFSIGNALED(status);
}

static int safe(void)
{
    static void (*const bodies[])(void) = { free_twice, free_twice_late, free_inside,
                                            free_foreign };
    unsigned caught = 0;

    for (unsigned i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        caught += is_caught(bodies[i]);
    printf("wrong frees caught\tof 4\t%u\n", caught);
    return 0;
}

int main(int count, char **words)
{
    set_up();
    /* The zero pages behind the driver's own arrays are resident before anything is measured. */
    if (count == 3 && strcmp(words[1], "memory") == 0) {
        memset(held, 1, sizeof(held));
        return memory((unsigned)strtoul(words[2], NULL, 10));
    }
    if (count == 2 && strcmp(words[1], "safe") == 0)
        return safe();
    if (count < 2 || count > 3 || strcmp(words[1], "speed") != 0)
        stop("usage: driver speed [NAME] | memory INDEX | safe");
    speed(count == 3 ? words[2] : "");
    return 0;
}
