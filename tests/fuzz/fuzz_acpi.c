/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fuzz_acpi.c - ACPI tables: each list has an end, what it tells is in the bounds that dev/acpi.h promises,
 * and nothing is read but through the reader.
 *
 *     input    first byte: bit 0: raw memory, the root pointer in front, follows. Else tables, each {kind, bytes of
 *              body, revision, body}, which are sealed and listed as good firmware would; bits 1 to 7: how much of
 *              the memory can be read
 */
#include "tests/unit/acpi_machine.h"

#include "fuzz.h"

#define BODY_MAX    160u
#define TABLES_MOST 8u

static const char *const names[] = {
    "APIC", "SRAT", "SLIT", "MCFG", "HPET", "FACP", "SRAT", "APIC"
};

static struct acpi_machine machine;

static void add_table(struct feed *feed)
{
    const char *name = names[feed_byte(feed) % (sizeof(names) / sizeof(names[0]))];
    uint32_t body = feed_byte(feed) % (BODY_MAX + 1);
    uint64_t offset = put_table(&machine, name, HEADER + body, feed_byte(feed));

    feed_copy(feed, machine.bytes + offset + HEADER, body);
    seal_table(&machine, offset);
}

static enum status open_input(struct feed *feed, struct acpi_root *root)
{
    uint8_t first = feed_byte(feed);

    memset(&machine, 0, offsetof(struct acpi_machine, reader));
    machine.reader = (struct acpi_reader){ machine_read, &machine };
    machine.end = first >= 0xf0 ? (first & 15) * 64u : MACHINE_BYTES;
    if ((first & 1) != 0) {
        feed_copy(feed, machine.bytes, feed->left);
        seal(&machine, 0, 20, 8);
        return acpi_open(&machine.reader, pa(MACHINE_BASE), root);
    }
    for (unsigned i = 0; i < TABLES_MOST && !feed_ends(feed); i++)
        add_table(feed);
    return open_machine(&machine, root);
}

/* --- lists ------------------------------------------------------------------------------- */

static void check_processors(const struct acpi_root *root)
{
    struct acpi_cursor cursor;
    struct acpi_processor processor;
    paddr_t local_apic;
    unsigned count = 0;

    if (acpi_madt_open(root, &cursor, &local_apic) != STATUS_OK)
        return;
    while (acpi_madt_next(&cursor, &processor)) {
        FUZZ_CHECK(++count <= cursor.table.size_bytes);
        FUZZ_CHECK(cursor.offset <= cursor.table.size_bytes);
    }
}

static void check_affinities(const struct acpi_root *root)
{
    struct acpi_cursor cursor;
    struct acpi_affinity row;
    unsigned count = 0;

    if (acpi_srat_open(root, &cursor) != STATUS_OK)
        return;
    while (acpi_srat_next(&cursor, &row)) {
        FUZZ_CHECK(++count <= cursor.table.size_bytes);
        if (row.kind == ACPI_AFFINITY_MEMORY)
            FUZZ_CHECK(row.size_bytes > 0 && row.base + (row.size_bytes - 1) >= row.base);
    }
}

static void check_distances(const struct acpi_root *root)
{
    struct acpi_distances slit;

    if (acpi_slit_open(root, &slit) != STATUS_OK)
        return;
    for (uint32_t from = 0; from <= slit.count && from < 8; from++) {
        for (uint32_t to = 0; to <= slit.count && to < 8; to++)
            FUZZ_CHECK((acpi_slit_distance(&slit, from, to) == ACPI_DISTANCE_LOCAL) ==
                       (from == to));
    }
    FUZZ_CHECK(acpi_slit_distance(&slit, UINT32_MAX, 0) == ACPI_DISTANCE_REMOTE);
}

static void check_configuration(const struct acpi_root *root)
{
    struct acpi_cursor cursor;
    struct acpi_ecam ecam;
    struct acpi_hpet hpet;
    unsigned count = 0;

    if (acpi_mcfg_open(root, &cursor) == STATUS_OK) {
        while (acpi_mcfg_next(&cursor, &ecam)) {
            FUZZ_CHECK(++count <= cursor.table.size_bytes);
            FUZZ_CHECK(ecam.base % (1u << 20) == 0 && ecam.last_bus >= ecam.first_bus);
        }
    }
    (void)acpi_hpet_read(root, &hpet);
}

static void check_tables(const struct acpi_root *root)
{
    struct acpi_table table;

    FUZZ_CHECK(root->entry_count <= ACPI_TABLES_MAX);
    FUZZ_CHECK(root->entry_bytes == 4 || root->entry_bytes == 8);
    for (uint32_t i = 0; i < root->entry_count && i < 16; i++)
        if (acpi_table_at(root, i, &table))
            FUZZ_CHECK(strlen(table.signature) <= ACPI_SIGNATURE_BYTES);
}

void fuzz_run(const uint8_t *data, size_t size)
{
    struct feed feed = { data, size };
    struct acpi_root root;

    if (open_input(&feed, &root) != STATUS_OK)
        return;
    check_tables(&root);
    check_processors(&root);
    check_affinities(&root);
    check_distances(&root);
    check_configuration(&root);
}
