/* SPDX-License-Identifier: BSD-2-Clause
 *
 * start.c - finds the other processors, prepares what each needs, and has all of them woken at once.
 *
 * Everything is allocated here, by the processor that boots, before anybody else runs: a page and some stacks
 * each, while the others recover from their reset. The way in needs a frame below 1 MiB, which the table of memory sets aside, at its own address in some
 * page tables. Those are of a user space of their own, with the kernel's half like any other, so the
 * kernel's tables never have anything that is mapped at its physical address. Its root is copied to below
 * 4 GiB, where a processor in protected mode can reach it. When all have come, all of that goes; if one has not,
 * it stays for ever, for who knows when that one wakes.
 *
 * The processors come by themselves and in any order. Each enters itself by a single exchange of its state,
 * and so does the one that waits when it gives up: one of both is first.
 *
 *     STARTING --- processor came ---> ONLINE
 *         `------- nobody came for 2 seconds ---> ABSENT
 *
 * Clocks are compared while the others come: processor 0 writes its time again and again, and whoever comes
 * waits for it to change and looks at its own. The smallest difference of some rounds is nearest to
 * the truth. A time that was written and has not come yet on the other clock proves that they differ.
 *
 * Source: ACPI 6.5, 5.2.12; SDM vol. 3B, 18.17.
 */
#include "arch/clock.h"
#include "arch/cpu.h"
#include "arch/mmu.h"
#include "arch/smp.h"
#include "dev/acpi.h"
#include "dev/numa.h"
#include "lib/bits.h"
#include "lib/log.h"
#include "lib/string.h"
#include "mm/kstack.h"
#include "mm/layout.h"
#include "mm/pmm.h"
#include "mm/pmm_node.h"
#include "mm/vmm.h"
#include "smp_private.h"

#define PATIENCE_SECONDS 2
#define PATIENCE_TURNS   (1u << 26) /* without a clock */
#define CLOCK_ROUNDS     4
#define CLOCK_TURNS      200

static struct arch_smp_start starts[CONFIG_MAX_CPUS];
static size_t start_count;
static unsigned left_out;  /* beyond cpus= */
static unsigned too_many;  /* beyond CONFIG_MAX_CPUS */
static uint32_t boot_time; /* of processor 0, its low half, written while the others come */

/* The way in. */
static struct {
    paddr_t code;
    struct vm_space *space;
    pfn_t root;
    bool has_root;
} door;

/* --- who there is ------------------------------------------------------------------------ */

static bool is_known(uint32_t apic_id)
{
    for (unsigned cpu = 0; cpu < smp_numbers.limit; cpu++)
        if (smp_cpus[cpu].apic_id == apic_id)
            return true;
    return false;
}

static void note_processor(const struct acpi_root *root, uint32_t apic_id, unsigned limit)
{
    struct smp_cpu *cpu = &smp_cpus[smp_numbers.limit];

    if (is_known(apic_id))
        return;
    if (!arch_smp_reaches(apic_id)) {
        log_warning("SMP: the processor with APIC number 0x%x is left out: %s cannot name it",
                    apic_id, arch_interrupts_name());
    } else if (limit != 0 && smp_numbers.limit >= limit) {
        left_out++;
    } else if (smp_numbers.limit >= CONFIG_MAX_CPUS) {
        too_many++;
    } else {
        cpu->apic_id = apic_id;
        if (pmm_count_nodes() > 1 && numa_node_of_processor(root, apic_id, &cpu->node) == STATUS_OK)
            (void)pmm_set_cpu_node(smp_numbers.limit, cpu->node);
        starts[start_count++] =
            (struct arch_smp_start){ .apic_id = apic_id, .cpu = smp_numbers.limit };
        smp_numbers.limit++;
    }
}

static void find_processors(const struct acpi_root *root, unsigned limit)
{
    struct acpi_processor processor;
    struct acpi_cursor cursor;
    paddr_t registers;
    enum status status = acpi_madt_open(root, &cursor, &registers);

    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        log_warning("SMP: the table of processors cannot be used (%s)", status_name(status));
    while (status == STATUS_OK && acpi_madt_next(&cursor, &processor))
        if (processor.enabled)
            note_processor(root, processor.apic_id, limit);
    if (left_out > 0)
        log_info("SMP: cpus=%u leaves %u processors out", limit, left_out);
    if (too_many > 0)
        log_warning("SMP: %u processors are left out: this kernel is built for %u "
                    "(CONFIG_MAX_CPUS)",
                    too_many, CONFIG_MAX_CPUS);
}

/* --- what each needs --------------------------------------------------------------------- */

static enum status take_frame(uint64_t below, pfn_t *frame)
{
    const struct pmm_request request = {
        .count_frames = 1, .below = below, .tag = FRAME_KERNEL, .flags = PMM_ZERO
    };

    return pmm_alloc_run(&request, frame);
}

static enum status create_stacks(vaddr_t tops[])
{
    unsigned count = arch_smp_stack_count();
    enum status status = STATUS_OK;
    unsigned made;

    for (made = 0; made < count && status == STATUS_OK; made++)
        status = kstack_create(arch_smp_stack_name(made), &tops[made]);
    for (made--; status != STATUS_OK && made > 0; made--)
        kstack_destroy(tops[made - 1]);
    return status;
}

/* The memory of a processor; nothing is kept when there is not enough. */
static enum status prepare(struct arch_smp_start *start)
{
    uint64_t below = arch_direct_end() == UINT64_MAX ? PMM_ANYWHERE : arch_direct_end();
    vaddr_t tops[ARCH_SMP_STACKS_MAX];
    pfn_t frame;
    enum status status = take_frame(below, &frame);

    if (status != STATUS_OK)
        return status;
    status = create_stacks(tops);
    if (status != STATUS_OK) {
        (void)pmm_free_run(frame, 1);
        return status;
    }
    start->local = arch_phys_ptr(pfn_to_pa(frame));
    start->stack_top = tops[0];
    arch_smp_prepare_local(start->local, start->cpu, tops);
    smp_cpus[start->cpu].state = SMP_STARTING;
    return STATUS_OK;
}

static void prepare_all(void)
{
    for (size_t i = 0; i < start_count; i++) {
        enum status status = prepare(&starts[i]);

        if (status == STATUS_OK)
            continue;
        log_warning("SMP: %zu processors are left out: there is no memory for their stacks (%s)",
                    start_count - i, status_name(status));
        start_count = i;
        smp_numbers.limit = (unsigned)i + 1;
    }
}

/* --- the way in -------------------------------------------------------------------------- */

static enum status find_code_frame(const struct memmap *map)
{
    pfn_t frame;
    enum status status;

    for (size_t i = 0; i < map->count; i++) {
        if (map->regions[i].tag != REGION_TAG_TRAMPOLINE)
            continue;
        door.code = pa(map->regions[i].base);
        return STATUS_OK;
    }
    status = take_frame(PMM_BELOW_1M, &frame);
    if (status == STATUS_OK)
        door.code = pfn_to_pa(frame);
    return status;
}

static enum status map_code(void)
{
    const struct vm_request request = { .address = va((uintptr_t)pa_value(door.code)),
                                        .size_bytes = PAGE_SIZE,
                                        .rights = PT_EXECUTE,
                                        .kind = VM_FIXED,
                                        .flags = VM_EXACT,
                                        .target = door.code,
                                        .name = "start of processors" };
    vaddr_t start;
    enum status status = vm_space_create(&door.space);

    return status == STATUS_OK ? vm_map(door.space, &request, &start) : status;
}

static enum status copy_root(void)
{
    uint64_t below = min_u64(PMM_BELOW_4G, arch_direct_end());
    enum status status = take_frame(below, &door.root);

    if (status != STATUS_OK)
        return status;
    door.has_root = true;
    memcpy(arch_phys_ptr(pfn_to_pa(door.root)), arch_table_ptr(vm_space_table(door.space)->root),
           PAGE_SIZE);
    return STATUS_OK;
}

static enum status open_door(const struct memmap *map)
{
    enum status status = find_code_frame(map);

    if (status == STATUS_OK)
        status = map_code();
    return status == STATUS_OK ? copy_root() : status;
}

static void close_door(void)
{
    if (door.space != NULL)
        vm_space_destroy(door.space);
    if (door.has_root)
        (void)pmm_free_run(door.root, 1);
}

/* --- clocks ------------------------------------------------------------------------------ */

/* On the processor that comes: how far its clock seemed to be ahead, the least of some rounds. */
static void compare_clocks(struct smp_cpu *me)
{
    uint32_t seen = __atomic_load_n(&boot_time, __ATOMIC_ACQUIRE);
    unsigned rounds = 0;

    for (unsigned turn = 0; turn < CLOCK_TURNS && rounds < CLOCK_ROUNDS; turn++) {
        uint32_t told = __atomic_load_n(&boot_time, __ATOMIC_ACQUIRE);
        int32_t difference = (int32_t)((uint32_t)arch_timestamp() - told);

        if (told == seen) {
            arch_cpu_relax();
            continue;
        }
        if (rounds == 0 || difference < me->clock_difference)
            me->clock_difference = difference;
        seen = told;
        rounds++;
    }
    me->clock_is_known = rounds > 0;
}

static void report_clocks(void)
{
    unsigned behind = 0;

    for (unsigned cpu = 1; cpu < smp_numbers.limit; cpu++)
        behind += smp_cpus[cpu].clock_is_known && smp_cpus[cpu].clock_difference < 0;
    if (behind > 0)
        log_warning("SMP: the time-stamp counters of %u processors are behind that of processor "
                    "0: times of different processors do not compare",
                    behind);
}

/* --- coming ------------------------------------------------------------------------------ */

static bool change_state(struct smp_cpu *cpu, enum smp_state to)
{
    uint32_t from = SMP_STARTING;

    return __atomic_compare_exchange_n(&cpu->state, &from, to, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
}

/* What was cached before others knew of this processor, nobody would have flushed. */
void smp_enter(unsigned number)
{
    struct smp_cpu *me = &smp_cpus[number];

    compare_clocks(me);
    if (!change_state(me, SMP_ONLINE))
        arch_cpu_halt();
    arch_tlb_flush_all();
    (void)__atomic_add_fetch(&smp_numbers.online, 1, __ATOMIC_RELEASE);
    smp_idle_loop(me);
}

static bool is_out_of_patience(uint64_t since, unsigned turns)
{
    uint64_t hertz = arch_clock_hertz();

    return hertz != 0 ? arch_timestamp() - since > PATIENCE_SECONDS * hertz
                      : turns > PATIENCE_TURNS;
}

/* Until all are there, or nobody has come for a while. */
static void wait_for_all(void)
{
    uint64_t since = arch_timestamp();
    unsigned seen = 1;

    for (unsigned turns = 0; smp_count() < start_count + 1; turns++) {
        if (smp_count() != seen) {
            seen = smp_count();
            since = arch_timestamp();
            turns = 0;
        } else if (is_out_of_patience(since, turns)) {
            return;
        }
        __atomic_store_n(&boot_time, (uint32_t)arch_timestamp(), __ATOMIC_RELEASE);
        arch_cpu_relax();
    }
}

/* How many did not come. */
static unsigned give_up(void)
{
    unsigned absent = 0;

    for (size_t i = 0; i < start_count; i++) {
        struct smp_cpu *cpu = &smp_cpus[starts[i].cpu];

        if (!change_state(cpu, SMP_ABSENT))
            continue;
        absent++;
        log_warning("SMP: processor %u, APIC number 0x%x, does not start: it is left out",
                    starts[i].cpu, starts[i].apic_id);
    }
    return absent;
}

static void wake_all(const struct memmap *map)
{
    enum status status = open_door(map);
    unsigned absent;

    if (status != STATUS_OK) {
        log_warning("SMP: one processor is used: no way in for the others (%s)",
                    status_name(status));
        close_door();
        smp_numbers.limit = 1;
        return;
    }
    arch_smp_wake(starts, start_count, door.code, pfn_to_pa(door.root));
    wait_for_all();
    absent = give_up();
    if (absent == 0)
        close_door();
    report_clocks();
}

/* --- the interrupt controller ------------------------------------------------------------ */

static paddr_t told_registers(const struct acpi_root *root)
{
    struct acpi_cursor cursor;
    paddr_t registers;

    if (root == NULL || acpi_madt_open(root, &cursor, &registers) != STATUS_OK)
        return pa(0);
    return registers;
}

/* False: the machine has none, or it cannot be reached. */
static bool open_interrupts(const struct acpi_root *root)
{
    paddr_t registers;
    void *mapped = NULL;

    if (!arch_interrupts_find(told_registers(root), &registers))
        return false;
    if (pa_value(registers) != 0 &&
        vm_map_device(registers, PAGE_SIZE, "local APIC", &mapped) != STATUS_OK) {
        log_warning("SMP: no interrupts: the local APIC at 0x%llx cannot be mapped",
                    (unsigned long long)pa_value(registers));
        return false;
    }
    arch_interrupts_open(mapped);
    return true;
}

/* --- the story --------------------------------------------------------------------------- */

void smp_start(const struct memmap *map, const struct acpi_root *root, unsigned limit)
{
    smp_cpus[0].state = SMP_ONLINE;
    smp_cpus[0].apic_id = arch_cpu_info()->apic_id;
    smp_cpus[0].node = pmm_node_here();
    if (!open_interrupts(root))
        return;
    if (root != NULL)
        find_processors(root, limit);
    arch_smp_reset(starts, start_count);
    prepare_all();
    if (start_count > 0)
        wake_all(map);
    if (smp_numbers.limit > 1)
        log_info("SMP: %u of %u processors, %s, %s when idle", smp_count(),
                 smp_numbers.limit + left_out + too_many, arch_interrupts_name(),
                 arch_smp_idle_name());
}
