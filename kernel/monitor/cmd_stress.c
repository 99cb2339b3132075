/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_stress.c - stress: loads of any length, on one processor against a model, on all against checks.
 *
 * `stress SECONDS` lets every processor that has memory enough do stress_load.c at once, this one
 * too, which looks at the clock and at the keyboard between its steps. A short round comes first: what
 * allocators keep for good the first time is there before frames are counted.
 */
#include "monitor/commands.h"
#include "monitor/stress.h"

#include "arch/clock.h"
#include "arch/cpu.h"
#include "dev/console.h"
#include "diag/diag.h"
#include "diag/selftest.h"
#include "lib/json.h"
#include "lib/lock.h"
#include "lib/number.h"
#include "lib/print.h"
#include "lib/string.h"
#include "mm/heap.h"
#include "mm/paging.h"
#include "mm/pmm.h"
#include "mm/tlb.h"
#include "mm/vmm.h"
#include "smp/smp.h"

#define USUAL_SECONDS  10u
#define MOST_SECONDS   86400u
#define FIRST_STEPS    40u   /* of the short round */
#define STEPS_A_SECOND 200u  /* where nobody knows how fast the clock runs */
#define STEPS_A_GLANCE 16u   /* at the clock and the keyboard */
#define FRAMES_PER_CPU 1024u /* twice what a processor holds at most */
#define CONTROL_C      '\x03'

/* --- loads of one processor ------------------------------------------------------------------ */

/* A load is a self-test at any length. */
static const struct stress_load {
    const char *name;
    const char *test;
    uint32_t usual;
    uint32_t most;
} loads[] = {
    { "frames", "pmm", 100000, 1000000000 },
    { "spaces", "spaces", 1000, 1000000 },
    { "heap", "heap", 100000, 1000000000 },
};

static const struct stress_load *find_load(const char *name)
{
    for (size_t i = 0; i < ARRAY_COUNT(loads); i++)
        if (strcmp(loads[i].name, name) == 0)
            return &loads[i];
    return NULL;
}

static bool run_load(const struct command_call *call, const struct stress_load *load)
{
    uint32_t seed = selftest_new_seed();
    uint64_t count = load->usual;

    if (call->count > 1 && !command_number(call, 1, &count))
        return false;
    if (count == 0 || count > load->most)
        return command_refuse(call, "COUNT is 1 to %u", load->most);
    print("stress %s %u seed=%u\n", load->name, (unsigned)count, seed);
    return selftest_stress(call->machine, load->test, (unsigned)count, seed) ||
           command_fail(call, "see above what went wrong");
}

/* --- all processors -------------------------------------------------------------------------- */

struct round {
    uint64_t seed;
    uint64_t most_steps; /* of each processor; 0: until the time is over */
    uint64_t end;        /* as arch_clock_read() has it; 0: no time */
    bool stop;
};

static struct round current;

static bool is_over(const struct stress_cpu *self)
{
    return __atomic_load_n(&current.stop, __ATOMIC_RELAXED) ||
           __atomic_load_n(&self->failed, __ATOMIC_RELAXED) ||
           (current.most_steps != 0 && self->steps >= current.most_steps);
}

static uint64_t seed_of(unsigned cpu)
{
    return current.seed | (uint64_t)(cpu + 1) << 32;
}

static void work(void *context)
{
    struct stress_cpu *self = context;

    stress_begin(self, seed_of(self->cpu));
    while (!is_over(self))
        stress_step(self);
    if (self->failed)
        __atomic_store_n(&current.stop, true, __ATOMIC_RELAXED);
    stress_end(self);
}

/* Whether the time is over, or somebody pressed ^C. */
static bool has_to_stop(void)
{
    uint64_t now;
    char key;

    if (console_read(&key) && key == CONTROL_C)
        return true;
    return current.end != 0 && arch_clock_read(&now) && now >= current.end;
}

static void work_here(struct stress_cpu *self)
{
    stress_begin(self, seed_of(self->cpu));
    while (!is_over(self)) {
        stress_step(self);
        if (self->steps % STEPS_A_GLANCE == 0 && has_to_stop())
            break;
    }
    if (current.most_steps == 0 || self->failed)
        __atomic_store_n(&current.stop, true, __ATOMIC_RELAXED);
    stress_end(self);
}

/* How many processors take part: as many as there is memory for. */
static unsigned make_states(void)
{
    struct pmm_stats stats;
    uint64_t room;
    unsigned count = 0;

    pmm_get_stats(&stats);
    room = stats.free_frames;
    for (unsigned cpu = 0; cpu < smp_limit(); cpu++) {
        if (!smp_is_online(cpu) || room < FRAMES_PER_CPU)
            continue;
        room -= FRAMES_PER_CPU;
        stress_cpus[cpu] = kzalloc(sizeof(*stress_cpus[cpu]));
        if (stress_cpus[cpu] == NULL)
            continue;
        stress_cpus[cpu]->cpu = cpu;
        count++;
    }
    return count;
}

static void wait_for(unsigned cpu)
{
    while (!smp_has_finished(cpu))
        spin_pause();
}

static void run_round(void)
{
    for (unsigned cpu = 1; cpu < smp_limit(); cpu++) {
        if (stress_cpus[cpu] != NULL && smp_run_on(cpu, work, stress_cpus[cpu]) != STATUS_OK)
            stress_note_failure(stress_cpus[cpu], "it has other work");
    }
    work_here(stress_cpus[0]);
    for (unsigned cpu = 1; cpu < smp_limit(); cpu++)
        wait_for(cpu);
}

/* Nobody looks any more. */
static void drop_states(void)
{
    for (unsigned cpu = 0; cpu < smp_limit(); cpu++) {
        struct stress_cpu *state = stress_cpus[cpu];

        if (state == NULL)
            continue;
        stress_cpus[cpu] = NULL;
        if (state->has_remap)
            remap_end(&state->remap);
        (void)kfree(state);
    }
}

/* --- what became of it ----------------------------------------------------------------------- */

static void print_cpu(const struct stress_cpu *state)
{
    print("  %3u  %9llu %9llu", state->cpu, (unsigned long long)state->steps,
          (unsigned long long)state->checks);
    for (unsigned i = 0; i < STRESS_COUNT; i++)
        print(" %8llu", (unsigned long long)state->counts[i]);
    print(" %7llu\n", (unsigned long long)state->refused);
    if (state->failed)
        print("       FAILED: %s\n", state->why);
}

static void print_cpus(void)
{
    print("  %3s  %9s %9s %8s %8s %8s %8s %8s %8s %7s\n", "cpu", "steps", "checks", "frames",
          "objects", "areas", "faults", "spaces", "remaps", "refused");
    for (unsigned cpu = 0; cpu < smp_limit(); cpu++)
        if (stress_cpus[cpu] != NULL)
            print_cpu(stress_cpus[cpu]);
}

static void write_cpu(struct json *event, const struct stress_cpu *state)
{
    static const char *const names[STRESS_COUNT] = { "frames", "objects", "areas",
                                                     "faults", "spaces",  "remaps" };

    json_item_begin(event);
    json_number(event, "cpu", state->cpu);
    json_number(event, "steps", state->steps);
    json_number(event, "checks", state->checks);
    for (unsigned i = 0; i < STRESS_COUNT; i++)
        json_number(event, names[i], state->counts[i]);
    json_number(event, "refused", state->refused);
    if (state->failed)
        json_text(event, "why", state->why);
    json_item_end(event);
}

/* Returns how many processors found something wrong. */
static unsigned report_round(uint32_t seed)
{
    unsigned failed = 0;
    struct json event;

    print_cpus();
    json_begin(&event, json_console(), "stress");
    json_number(&event, "seed", seed);
    json_list_begin(&event, "processors");
    for (unsigned cpu = 0; cpu < smp_limit(); cpu++) {
        if (stress_cpus[cpu] == NULL)
            continue;
        failed += stress_cpus[cpu]->failed;
        write_cpu(&event, stress_cpus[cpu]);
    }
    json_list_end(&event);
    json_number(&event, "failed", failed);
    json_end(&event);
    return failed;
}

/* Everything that can be compared with itself. */
static bool is_sound(const struct command_call *call, uint64_t before)
{
    uint64_t after = selftest_frames_at_hand();
    enum status status = selftest_memory_check();

    if (status != STATUS_OK)
        return command_fail(call, "the memory manager is not sound after it: %s",
                            status_name(status));
    if (after < before)
        return command_fail(call, "%llu frames were at hand before it, %llu after: some are lost",
                            (unsigned long long)before, (unsigned long long)after);
    print("No frame is lost: %llu at hand before, %llu after. Frames, heap and tables are sound.\n",
          (unsigned long long)before, (unsigned long long)after);
    return true;
}

static void begin_round(uint32_t seed, uint64_t seconds)
{
    uint64_t now;

    current = (struct round){ .seed = seed };
    if (seconds == 0)
        current.most_steps = FIRST_STEPS;
    else if (arch_clock_read(&now))
        current.end = now + (seconds << 32);
    else
        current.most_steps = seconds * STEPS_A_SECOND;
}

static bool run_all(const struct command_call *call, uint64_t seconds, uint32_t seed)
{
    uint64_t before = 0;
    unsigned failed = 0;
    unsigned count = 0;

    for (unsigned round = 0; round < 2 && failed == 0; round++) {
        before = selftest_frames_at_hand();
        begin_round(seed, round == 0 ? 0 : seconds);
        count = make_states();
        if (stress_cpus[0] == NULL) {
            drop_states();
            return command_fail(call, "there is not enough memory");
        }
        if (round == 1)
            print("stress %u seconds on %u of %u processors, seed=%u\n", (unsigned)seconds, count,
                  smp_count(), seed);
        run_round();
        for (unsigned cpu = 0; cpu < smp_limit(); cpu++)
            failed += stress_cpus[cpu] != NULL && stress_cpus[cpu]->failed;
        if (round == 1 || failed > 0)
            (void)report_round(seed);
        drop_states();
    }
    if (failed > 0)
        return command_fail(call, "%u processors found something wrong: see above", failed);
    return is_sound(call, before);
}

/* --- the command ----------------------------------------------------------------------------- */

static bool run_seconds(const struct command_call *call)
{
    uint64_t seconds = USUAL_SECONDS;
    uint64_t seed = selftest_new_seed();

    if (call->count > 0 && number_parse(call->arguments[0], &seconds) != STATUS_OK)
        return command_refuse(call, "'%s' is neither a load nor a number of seconds",
                              call->arguments[0]);
    if (seconds == 0 || seconds > MOST_SECONDS)
        return command_refuse(call, "SECONDS is 1 to %u", MOST_SECONDS);
    if (call->count > 1 && !command_number(call, 1, &seed))
        return false;
    if (seed > UINT32_MAX)
        return command_refuse(call, "SEED is a number below 2^32");
    return run_all(call, seconds, (uint32_t)seed);
}

static bool run_fail(const struct command_call *call)
{
    bool show_sites = command_argument_is(call, 1, "sites");

    if (call->count > 1 && !show_sites)
        return command_refuse(call, "'%s' is not 'sites'", call->arguments[1]);
    return stress_fail_run(call, show_sites);
}

bool command_stress(const struct command_call *call)
{
    const struct stress_load *load = call->count > 0 ? find_load(call->arguments[0]) : NULL;

    if (command_argument_is(call, 0, "fail"))
        return run_fail(call);
    return load != NULL ? run_load(call, load) : run_seconds(call);
}
