/* SPDX-License-Identifier: BSD-2-Clause
 *
 * limits.c - what the machine allows, whoever allocates.
 *
 * The latency of a dependent load by size of what is walked tells how much of the caches this process
 * has for itself; atomic operations and the way of a line between processors bound anything with a
 * lock.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define LINE_BYTES   64u
#define MEMORY_BYTES (64u << 20)
#define LOADS        3000000u
#define BOUNCES      1000000u
#define ATOMICS      50000000u
#define FRAME_BYTES  4096u

static _Alignas(64) atomic_ulong counter;
static _Alignas(64) atomic_uint ball;

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void pin(unsigned processor)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(processor, &set);
    pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

static void play(unsigned side)
{
    for (unsigned i = 0; i < BOUNCES; i++) {
        while ((atomic_load_explicit(&ball, memory_order_acquire) & 1) != side)
            __builtin_ia32_pause();
        atomic_fetch_add(&ball, 1);
    }
}

static void *other_side(void *unused)
{
    pin(1);
    play(1);
    return unused;
}

static void measure_atomics(void)
{
    double start = now();
    pthread_t thread;

    for (unsigned i = 0; i < ATOMICS; i++)
        atomic_fetch_add(&counter, 1);
    printf("locked add, own line             %6.2f ns\n", (now() - start) / ATOMICS);
    pin(0);
    pthread_create(&thread, NULL, other_side, NULL);
    start = now();
    play(0);
    pthread_join(thread, NULL);
    printf("line to the other processor      %6.2f ns\n", (now() - start) / (2.0 * BOUNCES));
}

/* A ring through all lines of the first `bytes` of memory, in random order. */
static void make_ring(char *memory, size_t bytes)
{
    uint32_t count = (uint32_t)(bytes / LINE_BYTES);
    uint32_t *order = malloc(count * sizeof(*order));

    if (order == NULL)
        abort();
    for (uint32_t i = 0; i < count; i++)
        order[i] = i;
    for (uint32_t i = count; i > 1; i--) {
        uint32_t j = (uint32_t)random() % i;
        uint32_t swap = order[i - 1];

        order[i - 1] = order[j];
        order[j] = swap;
    }
    for (uint32_t i = 0; i < count; i++)
        *(uint32_t *)(void *)(memory + (size_t)order[i] * LINE_BYTES) = order[(i + 1) % count];
    free(order);
}

static void measure_loads(char *memory, size_t bytes)
{
    uint32_t line = 0;
    double start;

    make_ring(memory, bytes);
    start = now();
    for (unsigned i = 0; i < LOADS; i++)
        line = *(volatile uint32_t *)(void *)(memory + (size_t)line * LINE_BYTES);
    printf("dependent load in %6zu KiB      %6.2f ns\n", bytes >> 10, (now() - start) / LOADS);
}

static void measure_zeroing(char *memory)
{
    double start = now();

    for (size_t done = 0; done < MEMORY_BYTES; done += FRAME_BYTES)
        memset(memory + done, 0, FRAME_BYTES);
    printf("zero a cold frame                %6.0f ns\n",
           (now() - start) / (MEMORY_BYTES / FRAME_BYTES));
}

int main(void)
{
    char *memory =
        mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED) {
        perror("mmap");
        return 1;
    }
    madvise(memory, MEMORY_BYTES, MADV_HUGEPAGE);
    memset(memory, 1, MEMORY_BYTES);
    measure_atomics();
    for (size_t bytes = 32u << 10; bytes <= MEMORY_BYTES / 2; bytes *= 4)
        measure_loads(memory, bytes);
    measure_zeroing(memory);
    return 0;
}
