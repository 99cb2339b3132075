/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_acpi.c - tables are found, believed only when intact, and never read beyond their ends.
 */
#include "acpi_machine.h"

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

/* --- finding tables ---------------------------------------------------------------------- */

static void tables_are_found(void **state)
{
    /* A table is found by its name, through the XSDT, with its address, length and revision. */
    struct acpi_machine *machine = *state;
    uint64_t hpet = put_table(machine, "HPET", 56, 1);
    struct acpi_table table;
    struct acpi_root root;

    put_table(machine, "SRAT", 48, 3);
    assert_int_equal(open_machine(machine, &root), STATUS_OK);
    assert_int_equal(root.entry_bytes, 8);
    assert_int_equal(root.entry_count, 2);
    assert_int_equal(acpi_find(&root, "HPET", &table), STATUS_OK);
    assert_int_equal(pa_value(table.address), at(hpet));
    assert_int_equal(table.size_bytes, 56);
    assert_int_equal(acpi_find(&root, "SRAT", &table), STATUS_OK);
    assert_int_equal(table.revision, 3);
    assert_int_equal(acpi_find(&root, "MCFG", &table), STATUS_NOT_FOUND);
    assert_int_equal(host_log_count(LOG_WARNING), 0);
}

static void old_firmware(void **state)
{
    /* A root pointer of revision 0 leads to the RSDT alone. */
    struct acpi_machine *machine = *state;
    struct acpi_root root;
    uint64_t rsdt;

    put_table(machine, "HPET", 56, 1);
    rsdt = put_root(machine, 4);
    assert_int_equal(acpi_open(&machine->reader, pa(at(put_pointer(machine, at(rsdt), 0))), &root),
                     STATUS_OK);
    assert_int_equal(root.entry_bytes, 4);
    assert_int_equal(root.entry_count, 1);
}

static void a_bad_xsdt(void **state)
{
    /* Where the XSDT is damaged or out of reach, the RSDT serves, with a warning. */
    for (unsigned way = 0; way < 4; way++) {
        struct acpi_machine *machine = *state;
        struct acpi_root root;
        uint64_t rsdt, xsdt, rsdp;

        memset(machine->bytes, 0, sizeof(machine->bytes));
        machine->used = machine->count = 0;
        host_log_clear();
        put_table(machine, "HPET", 56, 1);
        rsdt = put_root(machine, 4);
        xsdt = put_root(machine, 8);
        rsdp = put_pointer(machine, at(rsdt), way == 0 ? 0x100 : at(xsdt));
        if (way == 1)
            machine->bytes[xsdt + 40]++;
        if (way == 2)
            poke(machine, xsdt + 4, 0xffffffff, 4);
        if (way == 3)
            machine->bytes[rsdp + 33]++; /* the checksum of the extended part */
        assert_int_equal(acpi_open(&machine->reader, pa(at(rsdp)), &root), STATUS_OK);
        assert_int_equal(root.entry_bytes, 4);
        assert_int_equal(host_log_count(LOG_WARNING), 1);
    }
}

static void no_root(void **state)
{
    /* No root pointer, one out of reach, one that is damaged, or no table of tables: refused. */
    struct acpi_machine *machine = *state;
    struct acpi_root root;
    uint64_t rsdp = put_pointer(machine, 0, 0);

    assert_int_equal(acpi_open(&machine->reader, pa(0), &root), STATUS_NOT_FOUND);
    assert_int_equal(acpi_open(&machine->reader, pa(0x1000), &root), STATUS_TRUNCATED);
    assert_int_equal(acpi_open(&machine->reader, pa(UINT64_MAX - 4), &root), STATUS_TRUNCATED);
    assert_int_equal(acpi_open(&machine->reader, pa(at(rsdp)), &root), STATUS_TRUNCATED);
    machine->bytes[rsdp + 10]++;
    assert_int_equal(acpi_open(&machine->reader, pa(at(rsdp)), &root), STATUS_CORRUPT);
}

static void half_a_root_pointer(void **state)
{
    /* A root pointer whose extended part is out of reach is refused; the whole one serves again. */
    struct acpi_machine *machine = *state;
    struct acpi_root root = { 0 };
    uint64_t xsdt, rsdp;

    put_table(machine, "HPET", 56, 1);
    xsdt = put_root(machine, 8);
    rsdp = put_pointer(machine, 0, at(xsdt));
    machine->end = rsdp + 35;
    assert_int_equal(acpi_open(&machine->reader, pa(at(rsdp)), &root), STATUS_TRUNCATED);
    assert_int_equal(root.entry_count, 0);
    machine->end++;
    assert_int_equal(acpi_open(&machine->reader, pa(at(rsdp)), &root), STATUS_OK);
    assert_int_equal(root.entry_count, 1);
}

static void damaged_tables(void **state)
{
    /* A table whose checksum or length is wrong, or which is not all there, is not given out. */
    struct acpi_machine *machine = *state;
    struct acpi_table table;
    struct acpi_root root;
    uint64_t sum = put_table(machine, "AAAA", 64, 1);
    uint64_t length = put_table(machine, "BBBB", 64, 1);

    put_table(machine, "CCCC", 64, 1);
    machine->tables[machine->count++] = 0x1000; /* out of reach */
    machine->tables[machine->count++] = 0;
    machine->tables[machine->count++] = UINT64_MAX; /* wraps */
    assert_int_equal(open_machine(machine, &root), STATUS_OK);
    machine->bytes[sum + 50] ^= 1;
    for (unsigned i = 0; i < 3; i++) {
        const uint32_t lengths[] = { 35, 0, 0xffffffff };

        poke(machine, length + 4, lengths[i], 4);
        assert_int_equal(acpi_find(&root, "BBBB", &table), STATUS_CORRUPT);
    }
    assert_int_equal(acpi_find(&root, "AAAA", &table), STATUS_CORRUPT);
    assert_int_equal(acpi_find(&root, "CCCC", &table), STATUS_OK);
    poke(machine, sum + 4, (uint32_t)(machine->end - sum) + 1, 4);
    assert_int_equal(acpi_find(&root, "AAAA", &table), STATUS_TRUNCATED);
    assert_true(host_log_contains("out of reach"));
}

static void twins(void **state)
{
    /* Of several tables of a name the first good one counts, and the others are told of. */
    struct acpi_machine *machine = *state;
    struct acpi_table table;
    struct acpi_root root;
    uint64_t bad = put_table(machine, "SRAT", 48, 1);
    uint64_t good = put_table(machine, "SRAT", 48, 2);

    put_table(machine, "SRAT", 48, 3);
    assert_int_equal(open_machine(machine, &root), STATUS_OK);
    machine->bytes[bad + 40]++;
    assert_int_equal(acpi_find(&root, "SRAT", &table), STATUS_OK);
    assert_int_equal(pa_value(table.address), at(good));
    assert_true(host_log_contains("is ignored"));
}

static void loops(void **state)
{
    /* A table of tables that lists itself, again and again, is looked at once for each entry. */
    struct acpi_machine *machine = *state;
    struct acpi_table table;
    struct acpi_root root;
    uint64_t xsdt = 0;

    for (unsigned i = 0; i < 16; i++)
        machine->tables[machine->count++] = at(xsdt);
    assert_int_equal(put_root(machine, 8), xsdt);
    assert_int_equal(acpi_open(&machine->reader, pa(at(put_pointer(machine, 0, at(xsdt)))), &root),
                     STATUS_OK);
    machine->reads = 0;
    assert_int_equal(acpi_find(&root, "SRAT", &table), STATUS_NOT_FOUND);
    assert_in_range(machine->reads, 16, 64);
    assert_int_equal(acpi_find(&root, "XSDT", &table), STATUS_OK);
}

static void many_tables(void **state)
{
    /* However many tables are listed, only so many are looked at. */
    struct acpi_machine *machine = *state;
    uint32_t size = HEADER + 8 * (ACPI_TABLES_MAX + 100);
    uint64_t xsdt = put_table(machine, "XSDT", size, 1);
    struct acpi_root root;

    assert_int_equal(acpi_open(&machine->reader, pa(at(put_pointer(machine, 0, at(xsdt)))), &root),
                     STATUS_OK);
    assert_int_equal(root.entry_count, ACPI_TABLES_MAX);
    assert_int_equal(host_log_count(LOG_WARNING), 1);
}

/* A BIOS's memory: the first MiB, of which the test says what is there. */
static bool bios_read(void *context, paddr_t address, void *to, size_t size_bytes)
{
    if (pa_value(address) >= MiB || size_bytes > MiB - pa_value(address))
        return false;
    memcpy(to, (uint8_t *)context + pa_value(address), size_bytes);
    return true;
}

static void the_bios_scan(void **state)
{
    /* A BIOS's pointer is found in its data area or in its ROM, on 16 bytes, by its checksum. */
    struct acpi_machine *machine = *state;
    uint64_t rsdp = put_pointer(machine, 0x1234, 0);
    uint8_t *low = calloc(1, MiB);
    const struct acpi_reader reader = { bios_read, low };
    const uint8_t *pointer = machine->bytes + rsdp;
    paddr_t found;

    assert_non_null(low);
    assert_int_equal(acpi_scan_bios(&reader, &found), STATUS_NOT_FOUND);
    memcpy(low + 0xe0008, pointer, 20); /* not on 16 bytes */
    memcpy(low + 0xe0100, pointer, 20);
    low[0xe0100 + 9]++;                 /* damaged */
    memcpy(low + 0xffff0, pointer, 16); /* cut off by the end */
    assert_int_equal(acpi_scan_bios(&reader, &found), STATUS_NOT_FOUND);
    memcpy(low + 0xf5ad0, pointer, 20);
    assert_int_equal(acpi_scan_bios(&reader, &found), STATUS_OK);
    assert_int_equal(pa_value(found), 0xf5ad0);
    low[0x40e] = 0xc0; /* the data area at 0x9fc00 */
    low[0x40f] = 0x9f;
    memcpy(low + 0x9fff0, pointer, 20);
    assert_int_equal(acpi_scan_bios(&reader, &found), STATUS_OK);
    assert_int_equal(pa_value(found), 0x9fff0);
    free(low);
}

/* --- processors, configuration space, timer ---------------------------------------------- */

static void processors(void **state)
{
    /* Both kinds of entries tell processors; the 64-bit address replaces the old one. */
    struct acpi_machine *machine = *state;
    uint64_t madt = put_table(machine, "APIC", 44 + 8 + 12 + 16 + 6 + 8, 5);
    const uint8_t entries[] = {
        0, 8,  7, 3, 1, 0, 0,    0,                               /* APIC 3, uid 7, enabled */
        5, 12, 0, 0, 0, 0, 0xe0, 0xfe, 1, 0, 0, 0,                /* local APICs at 0x1fee00000 */
        9, 16, 0, 0, 0, 1, 0,    0,    2, 0, 0, 0, 0x2c, 1, 0, 0, /* x2APIC 256, uid 300, capable */
        0, 6,  9, 9, 1, 0,                                        /* too short */
        0, 8,  8, 4, 0, 0, 0,    0,                               /* not there */
    };
    struct acpi_processor found;
    struct acpi_cursor cursor;
    struct acpi_root root;
    paddr_t local_apic;

    poke(machine, madt + 36, 0xfee00000, 4);
    memcpy(machine->bytes + madt + 44, entries, sizeof(entries));
    seal_table(machine, madt);
    assert_int_equal(open_machine(machine, &root), STATUS_OK);
    assert_int_equal(acpi_madt_open(&root, &cursor, &local_apic), STATUS_OK);
    assert_int_equal(pa_value(local_apic), 0x1fee00000);
    assert_true(acpi_madt_next(&cursor, &found));
    assert_true(found.apic_id == 3 && found.uid == 7 && found.enabled && !found.x2apic);
    assert_true(acpi_madt_next(&cursor, &found));
    assert_true(found.apic_id == 256 && found.uid == 300 && found.x2apic);
    assert_true(!found.enabled && found.online_capable);
    assert_true(acpi_madt_next(&cursor, &found));
    assert_true(found.apic_id == 4 && !found.enabled && !found.online_capable);
    assert_false(acpi_madt_next(&cursor, &found));
    assert_int_equal(host_log_count(LOG_WARNING), 1);
}

static void processors_out_of_reach(void **state)
{
    /* A MADT too short for its first entry, or whose address cannot be read, leaves all as it was. */
    struct acpi_machine *machine = *state;
    uint64_t madt = put_table(machine, "APIC", 44, 5);
    struct acpi_cursor cursor = { .offset = 1 };
    paddr_t local_apic = pa(2);
    struct acpi_root root;

    poke(machine, madt + 36, 0xfee00000, 4);
    seal_table(machine, madt);
    assert_int_equal(open_machine(machine, &root), STATUS_OK);
    machine->reads = 0;
    assert_int_equal(acpi_madt_open(&root, &cursor, &local_apic), STATUS_OK);
    assert_int_equal(pa_value(local_apic), 0xfee00000);
    machine->refused_read = machine->reads; /* the last one, of the address */
    machine->reads = 0;
    cursor.offset = 1;
    local_apic = pa(2);
    assert_int_equal(acpi_madt_open(&root, &cursor, &local_apic), STATUS_TRUNCATED);
    poke(machine, madt + 4, 43, 4);
    seal_table(machine, madt);
    assert_int_equal(acpi_madt_open(&root, &cursor, &local_apic), STATUS_CORRUPT);
    assert_true(host_log_contains("ends after 43 bytes, before its first entry"));
    assert_true(cursor.offset == 1 && pa_value(local_apic) == 2);
}

static void configuration_space(void **state)
{
    /* MCFG tells segments and buses; an entry that makes no sense is left out, a partial one too. */
    struct acpi_machine *machine = *state;
    uint64_t mcfg = put_table(machine, "MCFG", 44 + 5 * 16 + 7, 1);
    const struct {
        uint64_t base;
        unsigned segment, first, last;
    } rows[] = { { 0xb0000000, 0, 0, 255 },
                 { 0, 0, 0, 255 },
                 { 0xc0000000, 1, 5, 4 },
                 { 0xfffffffff0000000, 2, 0, 255 },
                 { 0x3fff00000000, 65535, 16, 31 } };
    struct acpi_cursor cursor;
    struct acpi_ecam ecam;
    struct acpi_root root;

    for (unsigned i = 0; i < ARRAY_COUNT(rows); i++) {
        uint64_t entry = mcfg + 44 + 16 * i;

        poke(machine, entry, rows[i].base, 8);
        poke(machine, entry + 8, rows[i].segment, 2);
        poke(machine, entry + 10, rows[i].first, 1);
        poke(machine, entry + 11, rows[i].last, 1);
    }
    seal_table(machine, mcfg);
    assert_int_equal(open_machine(machine, &root), STATUS_OK);
    assert_int_equal(acpi_mcfg_open(&root, &cursor), STATUS_OK);
    assert_true(acpi_mcfg_next(&cursor, &ecam));
    assert_true(ecam.base == 0xb0000000 && ecam.first_bus == 0 && ecam.last_bus == 255);
    assert_true(acpi_mcfg_next(&cursor, &ecam));
    assert_true(ecam.segment == 65535 && ecam.first_bus == 16 && ecam.last_bus == 31);
    assert_false(acpi_mcfg_next(&cursor, &ecam));
    assert_int_equal(host_log_count(LOG_WARNING), 3);
}

static void timer(void **state)
{
    /* HPET tells where the timer is, unless it is none that memory reaches, or the table too short. */
    struct acpi_machine *machine = *state;
    uint64_t table = put_table(machine, "HPET", 56, 1);
    struct acpi_hpet hpet;
    struct acpi_root root;

    poke(machine, table + 44, 0xfed00000, 8);
    poke(machine, table + 53, 100, 2);
    seal_table(machine, table);
    assert_int_equal(open_machine(machine, &root), STATUS_OK);
    assert_int_equal(acpi_hpet_read(&root, &hpet), STATUS_OK);
    assert_true(pa_value(hpet.address) == 0xfed00000 && hpet.least_tick == 100);
    machine->bytes[table + 40] = 1; /* ports */
    seal_table(machine, table);
    assert_int_equal(acpi_hpet_read(&root, &hpet), STATUS_UNSUPPORTED);
    poke(machine, table + 4, 50, 4);
    seal_table(machine, table);
    assert_int_equal(acpi_hpet_read(&root, &hpet), STATUS_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tables_are_found, setup, teardown),
        cmocka_unit_test_setup_teardown(old_firmware, setup, teardown),
        cmocka_unit_test_setup_teardown(a_bad_xsdt, setup, teardown),
        cmocka_unit_test_setup_teardown(no_root, setup, teardown),
        cmocka_unit_test_setup_teardown(half_a_root_pointer, setup, teardown),
        cmocka_unit_test_setup_teardown(damaged_tables, setup, teardown),
        cmocka_unit_test_setup_teardown(twins, setup, teardown),
        cmocka_unit_test_setup_teardown(loops, setup, teardown),
        cmocka_unit_test_setup_teardown(many_tables, setup, teardown),
        cmocka_unit_test_setup_teardown(the_bios_scan, setup, teardown),
        cmocka_unit_test_setup_teardown(processors, setup, teardown),
        cmocka_unit_test_setup_teardown(processors_out_of_reach, setup, teardown),
        cmocka_unit_test_setup_teardown(configuration_space, setup, teardown),
        cmocka_unit_test_setup_teardown(timer, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
