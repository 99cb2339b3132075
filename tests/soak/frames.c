/* SPDX-License-Identifier: BSD-2-Clause
 *
 * frames.c - the load of pmm_workers.c for as long as one likes.
 *
 *     frames [OPERATIONS [PROCESSORS [SEED]]]        10^9 on 2 processors
 *
 * Progress is a line every ten seconds, the verdict is the last one. Equal seeds give equal loads on
 * each processor; how they meet is the host's. Ends with 1 when a frame was lost or given twice, a
 * request broke its limits, a wrong free was not refused, or memory is not as it was at first.
 */
#include "tests/unit/pmm_workers.h"

#include <inttypes.h>
#include <unistd.h>

#define OPERATIONS_DEFAULT 1000000000u
#define PROCESSORS_DEFAULT 2u
#define PROGRESS_SECONDS   10u
#define POLL_USEC          100000u

static uint64_t count_done(unsigned processors)
{
    uint64_t done = 0;

    for (unsigned i = 0; i < processors; i++)
        done += __atomic_load_n(&workers[i].done, __ATOMIC_RELAXED);
    return done;
}

static void watch(unsigned processors, uint64_t operations)
{
    unsigned polls = 0;
    uint64_t done;

    while ((done = count_done(processors)) < operations) {
        usleep(POLL_USEC);
        if (++polls % (PROGRESS_SECONDS * 1000000u / POLL_USEC) == 0) {
            printf("%12" PRIu64 " operations, %3u %%\n", done, (unsigned)(done * 100 / operations));
            fflush(stdout);
        }
    }
}

/* What is wrong after the load, in a line each; how much that is. */
static unsigned judge(unsigned processors, uint64_t at_start)
{
    struct pmm_stats stats;
    uint64_t wrong = 0;
    uint64_t refused = 0;
    unsigned faults = 0;

    for (unsigned i = 0; i < processors; i++) {
        wrong += workers[i].wrong;
        refused += workers[i].refused;
    }
    pmm_get_stats(&stats);
    if (wrong != 0)
        faults += (unsigned)printf("%" PRIu64 " answers were wrong\n", wrong);
    if (stats.bad_frees != refused)
        faults += (unsigned)printf("%" PRIu64 " frees were refused, expected %" PRIu64 "\n",
                                   stats.bad_frees, refused);
    if (pmm_check() != STATUS_OK)
        faults += (unsigned)printf("the allocator's own counts differ\n");
    if (workers_free_runs_hash() != at_start)
        faults += (unsigned)printf("what is free is not what was free at first\n");
    printf("state hash %016" PRIx64 " before, %016" PRIx64 " after\n", at_start,
           workers_free_runs_hash());
    printf("%" PRIu64 " wrong frees refused, %" PRIu64 " frames free\n", refused,
           stats.free_frames);
    return faults;
}

static uint64_t argument(int count, char **words, int index, uint64_t otherwise)
{
    char *end;
    uint64_t value;

    if (index >= count)
        return otherwise;
    value = strtoull(words[index], &end, 0);
    if (*end != '\0' || value == 0) {
        fprintf(stderr, "'%s' is no number above 0\n", words[index]);
        exit(2);
    }
    return value;
}

int main(int count, char **words)
{
    uint64_t operations = argument(count, words, 1, OPERATIONS_DEFAULT);
    uint64_t processors = argument(count, words, 2, PROCESSORS_DEFAULT);
    uint64_t seed = argument(count, words, 3, 1);
    uint64_t at_start;
    unsigned faults;

    if (processors > WORKERS_MAX) {
        fprintf(stderr, "%u processors at most\n", WORKERS_MAX);
        return 2;
    }
    operations = operations / processors * processors;
    workers_boot((unsigned)processors, seed, operations / processors);
    at_start = workers_free_runs_hash();
    workers_start((unsigned)processors);
    watch((unsigned)processors, operations);
    workers_join((unsigned)processors);
    faults = judge((unsigned)processors, at_start);
    printf("%" PRIu64 " operations on %" PRIu64 " processors, seed %" PRIu64 ": %s\n", operations,
           processors, seed, faults == 0 ? "passed" : "FAILED");
    machine_stop(NULL);
    return faults != 0;
}
