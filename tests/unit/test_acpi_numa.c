/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_acpi_numa.c - nodes and distances come out of SRAT and SLIT as they went in, or not at all.
 */
#include "acpi_machine.h"

#define SRAT_FIRST 48
#define SLIT_FIRST 44

static int setup(void **state)
{
    *state = machine_new();
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

/* A memory entry at an offset of the machine. */
static void put_memory(struct acpi_machine *machine, uint64_t offset, uint32_t domain,
                       uint64_t base, uint64_t size_bytes, uint32_t flags)
{
    machine->bytes[offset] = 1;
    machine->bytes[offset + 1] = 40;
    poke(machine, offset + 2, domain, 4);
    poke(machine, offset + 8, base, 8);
    poke(machine, offset + 16, size_bytes, 8);
    poke(machine, offset + 28, flags, 4);
}

/* A SRAT of so many bytes of entries, filled in by the caller before it is sealed. */
static uint64_t put_srat(struct acpi_machine *machine, uint32_t bytes, uint8_t revision)
{
    return put_table(machine, "SRAT", SRAT_FIRST + bytes, revision);
}

static struct acpi_cursor open_srat(struct acpi_machine *machine, uint64_t srat)
{
    struct acpi_cursor cursor;
    struct acpi_root *root = calloc(1, sizeof(*root));

    assert_non_null(root);
    seal_table(machine, srat);
    assert_int_equal(open_machine(machine, root), STATUS_OK);
    assert_int_equal(acpi_srat_open(root, &cursor), STATUS_OK);
    free(root); /* a cursor stands by itself */
    return cursor;
}

static void memory_of_nodes(void **state)
{
    /* Enabled memory is told with its node and kind; disabled, empty and wrapping ranges are not. */
    struct acpi_machine *machine = *state;
    uint64_t srat = put_srat(machine, 5 * 40, 3);
    struct acpi_affinity row;
    struct acpi_cursor cursor;

    put_memory(machine, srat + SRAT_FIRST, 0, 0, 0xa0000, 1);
    put_memory(machine, srat + SRAT_FIRST + 40, 1, 4 * GiB, GiB, 0);
    put_memory(machine, srat + SRAT_FIRST + 80, 1, 4 * GiB, 0, 1);
    put_memory(machine, srat + SRAT_FIRST + 120, 1, UINT64_MAX - 4, 8, 1);
    put_memory(machine, srat + SRAT_FIRST + 160, 0x12345678, 8 * GiB, 2 * GiB, 7);
    cursor = open_srat(machine, srat);
    assert_true(acpi_srat_next(&cursor, &row));
    assert_true(row.kind == ACPI_AFFINITY_MEMORY && row.domain == 0 && row.base == 0);
    assert_true(row.size_bytes == 0xa0000 && !row.hot_pluggable && !row.non_volatile);
    assert_true(acpi_srat_next(&cursor, &row));
    assert_true(row.domain == 0x12345678 && row.base == 8 * GiB && row.size_bytes == 2 * GiB);
    assert_true(row.hot_pluggable && row.non_volatile);
    assert_false(acpi_srat_next(&cursor, &row));
    assert_int_equal(host_log_count(LOG_WARNING), 1);
}

static void old_domains(void **state)
{
    /* In a table of revision 1 a domain has 8 bits, whatever stands beside them. */
    for (uint8_t revision = 1; revision <= 2; revision++) {
        struct acpi_machine *machine = *state;
        struct acpi_affinity row;
        struct acpi_cursor cursor;
        uint64_t srat;

        machine->used = machine->count = 0;
        memset(machine->bytes, 0, sizeof(machine->bytes));
        srat = put_srat(machine, 56, revision);
        put_memory(machine, srat + SRAT_FIRST, 0xabcdef01, GiB, GiB, 1);
        memcpy(machine->bytes + srat + SRAT_FIRST + 40, "\0\x10\x02\x09\1\0\0\0\0\x55\x66\x77", 12);
        cursor = open_srat(machine, srat);
        assert_true(acpi_srat_next(&cursor, &row));
        assert_int_equal(row.domain, revision == 1 ? 0x01 : 0xabcdef01);
        assert_true(acpi_srat_next(&cursor, &row));
        assert_int_equal(row.kind, ACPI_AFFINITY_PROCESSOR);
        assert_int_equal(row.apic_id, 9);
        assert_int_equal(row.domain, revision == 1 ? 0x02 : 0x77665502);
    }
}

static void processors_of_nodes(void **state)
{
    /* Processors with wide numbers are told; disabled ones and entries of unknown types are not. */
    struct acpi_machine *machine = *state;
    uint64_t srat = put_srat(machine, 24 + 24 + 20 + 16, 3);
    uint8_t *entry = machine->bytes + srat + SRAT_FIRST;
    struct acpi_affinity row;
    struct acpi_cursor cursor;

    memcpy(entry, "\2\x18\0\0\3\0\0\0\0\1\0\0\1", 13);
    memcpy(entry + 24, "\2\x18\0\0\3\0\0\0\1\1\0\0\0", 13);
    memcpy(entry + 48, "\5\x14", 2);
    memcpy(entry + 68, "\0\x10\1\4\0", 5);
    cursor = open_srat(machine, srat);
    assert_true(acpi_srat_next(&cursor, &row));
    assert_true(row.kind == ACPI_AFFINITY_PROCESSOR && row.domain == 3 && row.apic_id == 256);
    assert_false(acpi_srat_next(&cursor, &row));
    assert_int_equal(host_log_count(LOG_WARNING), 0);
}

static void broken_entries(void **state)
{
    /* An entry of no length, or one that leaves the table, ends it; one too short is passed over. */
    for (unsigned way = 0; way < 4; way++) {
        static const uint8_t lengths[] = { 0, 1, 41, 255 };
        struct acpi_machine *machine = *state;
        struct acpi_affinity row;
        struct acpi_cursor cursor;
        uint64_t srat;

        machine->used = machine->count = 0;
        memset(machine->bytes, 0, sizeof(machine->bytes));
        host_log_clear();
        srat = put_srat(machine, 39 + 40 + 40, 3);
        put_memory(machine, srat + SRAT_FIRST, 9, 0, GiB, 1);
        machine->bytes[srat + SRAT_FIRST + 1] = 39; /* a byte short */
        put_memory(machine, srat + SRAT_FIRST + 39, 1, 0, GiB, 1);
        put_memory(machine, srat + SRAT_FIRST + 79, 2, GiB, GiB, 1);
        machine->bytes[srat + SRAT_FIRST + 80] = lengths[way];
        cursor = open_srat(machine, srat);
        assert_true(acpi_srat_next(&cursor, &row));
        assert_int_equal(row.domain, 1);
        assert_false(acpi_srat_next(&cursor, &row));
        assert_false(acpi_srat_next(&cursor, &row));
        assert_int_equal(host_log_count(LOG_WARNING), 2);
    }
}

static void any_byte_damaged(void **state)
{
    /* Whatever a sealed SRAT contains, reading it ends, and ranges do not wrap. */
    struct acpi_machine *machine = *state;
    uint64_t srat = put_srat(machine, 4 * 40, 3);
    struct acpi_root root;

    for (unsigned i = 0; i < 4; i++)
        put_memory(machine, srat + SRAT_FIRST + 40 * i, i, i * GiB, GiB, 1);
    seal_table(machine, srat);
    assert_int_equal(open_machine(machine, &root), STATUS_OK);
    for (unsigned place = 4; place < SRAT_FIRST + 160; place++) {
        static const uint8_t values[] = { 0, 1, 0x7f, 0xff };
        uint8_t before = machine->bytes[srat + place];

        for (unsigned i = 0; i < sizeof(values); i++) {
            struct acpi_affinity row;
            struct acpi_cursor cursor;
            uint32_t size;

            machine->bytes[srat + place] = values[i];
            memcpy(&size, machine->bytes + srat + 4, sizeof(size));
            if (size >= HEADER && size <= machine->end - srat)
                seal_table(machine, srat);
            if (acpi_srat_open(&root, &cursor) != STATUS_OK)
                continue;
            for (unsigned rows = 0; acpi_srat_next(&cursor, &row); rows++) {
                assert_true(rows < MACHINE_BYTES / 2);
                assert_true(row.base + row.size_bytes >= row.base);
            }
        }
        machine->bytes[srat + place] = before;
    }
}

/* --- distances --------------------------------------------------------------------------- */

/* A SLIT that says it has `told` nodes, with distances for `count` of them. */
static uint64_t put_slit(struct acpi_machine *machine, uint64_t told, uint32_t count)
{
    uint64_t slit = put_table(machine, "SLIT", SLIT_FIRST + count * count, 1);

    poke(machine, slit + 36, told, 8);
    for (uint32_t from = 0; from < count; from++)
        for (uint32_t to = 0; to < count; to++)
            machine->bytes[slit + SLIT_FIRST + from * count + to] =
                (uint8_t)(from == to ? 10 : 11 + 4 * from + to);
    seal_table(machine, slit);
    return slit;
}

static void distances(void **state)
{
    /* Distances come by row and column; domains beyond the table are local or remote. */
    struct acpi_machine *machine = *state;
    struct acpi_distances slit;
    struct acpi_root root;

    put_slit(machine, 3, 3);
    assert_int_equal(open_machine(machine, &root), STATUS_OK);
    assert_int_equal(acpi_slit_open(&root, &slit), STATUS_OK);
    assert_int_equal(slit.count, 3);
    assert_int_equal(acpi_slit_distance(&slit, 1, 1), ACPI_DISTANCE_LOCAL);
    assert_int_equal(acpi_slit_distance(&slit, 2, 1), 11 + 8 + 1);
    assert_int_equal(acpi_slit_distance(&slit, 1, 2), 11 + 4 + 2);
    assert_int_equal(acpi_slit_distance(&slit, 3, 3), ACPI_DISTANCE_LOCAL);
    assert_int_equal(acpi_slit_distance(&slit, 0, UINT32_MAX), ACPI_DISTANCE_REMOTE);
}

static void absurd_distances(void **state)
{
    /* More nodes than the table has room for, none, or so many that their square wraps: refused. */
    static const uint64_t counts[] = { 0, 4, 1025, (uint64_t)1 << 32, UINT64_MAX };

    for (unsigned i = 0; i < ARRAY_COUNT(counts); i++) {
        struct acpi_machine *machine = *state;
        struct acpi_distances slit;
        struct acpi_root root;

        machine->used = machine->count = 0;
        put_slit(machine, counts[i], 3);
        assert_int_equal(open_machine(machine, &root), STATUS_OK);
        assert_int_equal(acpi_slit_open(&root, &slit), STATUS_CORRUPT);
    }
}

static void impossible_distances(void **state)
{
    /* A node that is not nearest to itself makes the table worthless. */
    struct acpi_machine *machine = *state;
    uint64_t slit = put_slit(machine, 3, 3);
    struct acpi_distances found;
    struct acpi_root root;

    assert_int_equal(open_machine(machine, &root), STATUS_OK);
    machine->bytes[slit + SLIT_FIRST + 4] = 20; /* of 1 to itself */
    seal_table(machine, slit);
    assert_int_equal(acpi_slit_open(&root, &found), STATUS_CORRUPT);
    machine->bytes[slit + SLIT_FIRST + 4] = 10;
    machine->bytes[slit + SLIT_FIRST + 5] = 10; /* of 1 to 2 */
    seal_table(machine, slit);
    assert_int_equal(acpi_slit_open(&root, &found), STATUS_CORRUPT);
    assert_true(host_log_contains("none of it is believed"));
}

static void distances_out_of_reach(void **state)
{
    /* A SLIT too short for its count, or of which a distance cannot be read, leaves all as it was. */
    struct acpi_machine *machine = *state;
    uint64_t slit = put_slit(machine, 3, 3);
    struct acpi_distances found;
    struct acpi_root root;

    assert_int_equal(open_machine(machine, &root), STATUS_OK);
    machine->reads = 0;
    assert_int_equal(acpi_slit_open(&root, &found), STATUS_OK);
    machine->refused_read = machine->reads; /* the last one, of 2 to itself */
    machine->reads = 0;
    found.count = 77;
    assert_int_equal(acpi_slit_open(&root, &found), STATUS_TRUNCATED);
    poke(machine, slit + 4, SLIT_FIRST - 1, 4);
    seal_table(machine, slit);
    assert_int_equal(acpi_slit_open(&root, &found), STATUS_CORRUPT);
    assert_int_equal(found.count, 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(memory_of_nodes, setup, teardown),
        cmocka_unit_test_setup_teardown(old_domains, setup, teardown),
        cmocka_unit_test_setup_teardown(processors_of_nodes, setup, teardown),
        cmocka_unit_test_setup_teardown(broken_entries, setup, teardown),
        cmocka_unit_test_setup_teardown(any_byte_damaged, setup, teardown),
        cmocka_unit_test_setup_teardown(distances, setup, teardown),
        cmocka_unit_test_setup_teardown(absurd_distances, setup, teardown),
        cmocka_unit_test_setup_teardown(impossible_distances, setup, teardown),
        cmocka_unit_test_setup_teardown(distances_out_of_reach, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
