/* SPDX-License-Identifier: BSD-2-Clause
 *
 * main.c - all cases of every small world, in as many processes as there are to be.
 *
 *     exhaust [PROCESSES [WORLD]]        a line for each world: cases, seconds
 *
 * Ends with 1 when a case was wrong; what it was is on standard error.
 */
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "exhaust.h"

#define PROCESSES_MAX 64u

static double seconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Cases of all shards; false when one of them was wrong. */
static bool run(const struct exhaust_world *world, unsigned processes, uint64_t *cases)
{
    bool right = true;

    for (unsigned shard = 0; shard < processes; shard++) {
        const struct exhaust_part part = { shard, processes, true };

        if (fork() == 0) {
            cases[shard] = world->run(&part);
            _exit(0);
        }
    }
    for (unsigned shard = 0; shard < processes; shard++) {
        int status;

        if (wait(&status) < 0 || status != 0)
            right = false;
    }
    return right;
}

int main(int count, char **words)
{
    unsigned processes = count > 1 ? (unsigned)strtoul(words[1], NULL, 0) : 2;
    uint64_t *cases = mmap(NULL, PROCESSES_MAX * sizeof(*cases), PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    bool all_right = true;

    if (processes == 0 || processes > PROCESSES_MAX || cases == MAP_FAILED) {
        fprintf(stderr, "1 to %u processes\n", PROCESSES_MAX);
        return 2;
    }
    for (size_t i = 0; exhaust_worlds[i].name != NULL; i++) {
        double started = seconds_now();
        uint64_t sum = 0;
        bool right;

        if (count > 2 && strstr(exhaust_worlds[i].name, words[2]) == NULL)
            continue;
        memset(cases, 0, PROCESSES_MAX * sizeof(*cases));
        right = run(&exhaust_worlds[i], processes, cases);
        for (unsigned shard = 0; shard < processes; shard++)
            sum += cases[shard];
        printf("%-40s %12" PRIu64 " cases %8.1f s  %s\n", exhaust_worlds[i].name, sum,
               seconds_now() - started, right ? "all right" : "WRONG");
        fflush(stdout);
        all_right &= right;
    }
    return all_right ? 0 : 1;
}
