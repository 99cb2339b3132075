/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_pmm_numa.c - what the firmware's tables say of nodes is what the memory manager does.
 */
#include "acpi_machine.h"
#include "pmm_machine.h"

#include "arch/cpu.h"
#include "dev/numa.h"
#include "mm/pmm_node.h"

#define SRAT_FIRST   48u
#define MEMORY_BYTES 40u
#define APIC_BYTES   16u
#define SLIT_FIRST   44u

static const struct machine_piece pieces[] = {
    LOW_MEMORY(PAGE_SIZE, 0x9f000),
    FREE_MEMORY(MiB, 2 * GiB),
    FREE_MEMORY(4 * GiB, 8 * GiB),
};

static int setup(void **state)
{
    *state = machine_new();
    host_cpu_set(0);
    MACHINE_BOOT(pieces);
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

/* A SRAT under construction. */
struct srat {
    struct acpi_machine *machine;
    uint64_t table;
    uint64_t next;
};

static struct srat put_srat(struct acpi_machine *machine, unsigned memories, unsigned processors)
{
    uint32_t size = SRAT_FIRST + memories * MEMORY_BYTES + processors * APIC_BYTES;
    uint64_t table = put_table(machine, "SRAT", size, 3);

    return (struct srat){ machine, table, table + SRAT_FIRST };
}

static void add_memory(struct srat *srat, uint32_t domain, uint64_t base, uint64_t end,
                       uint32_t flags)
{
    srat->machine->bytes[srat->next] = 1;
    srat->machine->bytes[srat->next + 1] = MEMORY_BYTES;
    poke(srat->machine, srat->next + 2, domain, 4);
    poke(srat->machine, srat->next + 8, base, 8);
    poke(srat->machine, srat->next + 16, end - base, 8);
    poke(srat->machine, srat->next + 28, flags, 4);
    srat->next += MEMORY_BYTES;
}

static void add_processor(struct srat *srat, uint8_t domain, uint8_t apic_id)
{
    srat->machine->bytes[srat->next + 1] = APIC_BYTES;
    srat->machine->bytes[srat->next + 2] = domain;
    srat->machine->bytes[srat->next + 3] = apic_id;
    srat->machine->bytes[srat->next + 4] = 1;
    srat->next += APIC_BYTES;
}

static void put_slit(struct acpi_machine *machine, unsigned count, const uint8_t *distances)
{
    uint64_t table = put_table(machine, "SLIT", SLIT_FIRST + count * count, 1);

    poke(machine, table + 36, count, 8);
    memcpy(machine->bytes + table + SLIT_FIRST, distances, count * count);
    seal_table(machine, table);
}

static enum status start(struct srat *srat, uint32_t apic_id)
{
    struct acpi_root root;

    seal_table(srat->machine, srat->table);
    assert_ok(open_machine(srat->machine, &root));
    return numa_start(&root, apic_id);
}

static void domains_become_nodes(void **state)
{
    /* Domains of any number become nodes in their order, with ranges, distances and processors. */
    static const uint8_t distances[7 * 7] = {
        10, 99, 40, 99, 99, 99, 30, 99, 10, 99, 99, 99, 99, 99, 40, 99, 10,
        99, 99, 99, 25, 99, 99, 99, 10, 99, 99, 99, 99, 99, 99, 99, 10, 99,
        99, 99, 99, 99, 99, 99, 10, 99, 30, 99, 25, 99, 99, 99, 10,
    };
    struct srat srat = put_srat(*state, 4, 2);
    struct pmm_node_stats stats;
    pfn_t frame;

    add_memory(&srat, 6, 6 * GiB, 8 * GiB, 1);
    add_memory(&srat, 0, 0, 640 * KiB, 1);
    add_memory(&srat, 2, 4 * GiB, 6 * GiB, 1);
    add_memory(&srat, 0, MiB, 2 * GiB, 1);
    add_processor(&srat, 0, 0);
    add_processor(&srat, 2, 9);
    put_slit(*state, 7, distances);
    assert_ok(start(&srat, 9));
    assert_int_equal(pmm_count_nodes(), 3);
    assert_int_equal(pmm_node_here(), 1);
    assert_int_equal(pmm_node_of(pfn(7 * GiB >> PAGE_SHIFT)), 2);
    assert_int_equal(pmm_node_distance(1, 2), 25);
    assert_int_equal(pmm_node_distance(0, 1), 40);
    assert_ok(pmm_alloc_frame(FRAME_TEST, &frame));
    assert_int_equal(pmm_node_of(frame), 1);
    while (pmm_alloc(PMM_ORDER_1G, FRAME_TEST, &frame) == STATUS_OK)
        continue;
    assert_ok(pmm_get_node_stats(2, &stats));
    assert_int_equal(stats.free_frames, 0);
    assert_true(
        host_log_contains("SRAT: Node 2 PXM 6 [mem 0x0000000180000000-0x00000001ffffffff]"));
}

static void without_distances(void **state)
{
    /* Without a SLIT, or with one that is not believed, the others are equally far. */
    static const uint8_t wrong[] = { 10, 5, 20, 10 };

    for (unsigned way = 0; way < 2; way++) {
        struct srat srat;

        assert_int_equal(teardown(state), 0);
        assert_int_equal(setup(state), 0);
        srat = put_srat(*state, 2, 0);
        add_memory(&srat, 0, 0, 2 * GiB, 1);
        add_memory(&srat, 1, 4 * GiB, 8 * GiB, 1);
        if (way == 1)
            put_slit(*state, 2, wrong);
        assert_ok(start(&srat, 0));
        assert_int_equal(pmm_count_nodes(), 2);
        assert_int_equal(pmm_node_distance(0, 1), ACPI_DISTANCE_REMOTE);
        assert_int_equal(pmm_node_here(), 0); /* no entry says where the processor is */
    }
}

static void one_domain_is_no_news(void **state)
{
    /* A single domain, no SRAT, or none that is enabled leave the machine as one node. */
    struct srat srat = put_srat(*state, 2, 1);
    struct acpi_root root;

    add_memory(&srat, 5, 0, 8 * GiB, 1);
    add_memory(&srat, 6, 8 * GiB, 9 * GiB, 0);
    add_processor(&srat, 5, 0);
    assert_int_equal(start(&srat, 0), STATUS_NOT_FOUND);
    assert_int_equal(pmm_count_nodes(), 1);
    assert_int_equal(teardown(state), 0);
    *state = machine_new();
    assert_ok(open_machine(*state, &root));
    assert_int_equal(numa_start(&root, 0), STATUS_NOT_FOUND);
}

static void lasting_and_odd_memory(void **state)
{
    /* Lasting memory makes no node; pieces are cut to whole frames; a node may have processors only. */
    struct srat srat = put_srat(*state, 4, 1);

    add_memory(&srat, 0, 0, 2 * GiB, 1);
    add_memory(&srat, 1, 4 * GiB + 1, 8 * GiB - 1, 1);
    add_memory(&srat, 1, 9 * GiB + 1, 9 * GiB + 2, 1);
    add_memory(&srat, 9, 20 * GiB, 30 * GiB, 5);
    add_processor(&srat, 3, 1);
    assert_ok(start(&srat, 1));
    assert_int_equal(pmm_count_nodes(), 3);
    assert_int_equal(pmm_node_here(), 2);
    assert_int_equal(pmm_node_of(pfn(4 * GiB >> PAGE_SHIFT)), 1);
}

static void too_many_domains(void **state)
{
    /* More domains, or more ranges, than there is room for are refused, and nothing has changed. */
    for (unsigned way = 0; way < 2; way++) {
        unsigned count = way == 0 ? PMM_NODES_MAX + 1 : PMM_NODE_RANGES_MAX + 1;
        struct srat srat;

        assert_int_equal(teardown(state), 0);
        assert_int_equal(setup(state), 0);
        srat = put_srat(*state, count, 0);
        for (unsigned i = 0; i < count; i++)
            add_memory(&srat, way == 0 ? i : i & 1, i * GiB, (i + 1) * GiB, 1);
        assert_int_equal(start(&srat, 0), STATUS_NO_SPACE);
        assert_int_equal(pmm_count_nodes(), 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(domains_become_nodes, setup, teardown),
        cmocka_unit_test_setup_teardown(without_distances, setup, teardown),
        cmocka_unit_test_setup_teardown(one_domain_is_no_news, setup, teardown),
        cmocka_unit_test_setup_teardown(lasting_and_odd_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(too_many_domains, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, machine_stop);
}
