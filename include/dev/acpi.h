/* SPDX-License-Identifier: BSD-2-Clause
 *
 * dev/acpi.h - what the firmware's static ACPI tables say: processors, nodes of memory, distances,
 * configuration space, timer.
 *
 * All of it is outside input, reached through a function that copies physical bytes: a machine's
 * memory, or a test's. A table is used only when all of its bytes can be read and sum up to 0; what
 * is inside is bounded by the table's length and checked entry by entry. Nothing is allocated and
 * nothing is kept but addresses, so that all of this may run before there is a memory manager.
 * Bytecode (DSDT, SSDT) is not run.
 *
 *     struct acpi_root root;
 *     struct acpi_cursor cursor;
 *     struct acpi_affinity row;
 *
 *     if (acpi_open(reader, rsdp, &root) == STATUS_OK &&
 *         acpi_srat_open(&root, &cursor) == STATUS_OK)
 *         while (acpi_srat_next(&cursor, &row))
 *             ...
 *
 * What is wrong is left out with a warning in the log. Any context in which the reader may be used;
 * the reader's own locking. Source: ACPI 6.5, chapter 5; PCI Firmware 3.3, 4.1.2 (MCFG).
 */
#ifndef MERIDIAN_DEV_ACPI_H
#define MERIDIAN_DEV_ACPI_H

#include "lib/status.h"
#include "lib/types.h"
#include "mm/memmap.h"

/* Copies [address, + size_bytes) of physical memory, or returns false, if any of it is out of
 * reach, having written anything or nothing. Touches no device. */
struct acpi_reader {
    bool (*read)(void *context, paddr_t address, void *to, size_t size_bytes);
    void *context;
};

/* The table of tables. `reader` must outlive it. */
struct acpi_root {
    const struct acpi_reader *reader;
    paddr_t address;      /* of the XSDT or RSDT */
    uint32_t entry_count; /* tables it lists, at most ACPI_TABLES_MAX */
    uint32_t entry_bytes; /* 8 in an XSDT, 4 in an RSDT */
};

#define ACPI_TABLES_MAX      1024u
#define ACPI_TABLE_BYTES_MAX (4u << 20) /* of a table that is searched for */
#define ACPI_SIGNATURE_BYTES 4

struct acpi_table {
    const struct acpi_reader *reader;
    paddr_t address;
    uint32_t size_bytes; /* header included */
    uint8_t revision;
    char signature[ACPI_SIGNATURE_BYTES + 1];
};

/* A place in a table that is a list. */
struct acpi_cursor {
    struct acpi_table table;
    uint32_t offset; /* of the next entry */
};

/* --- finding tables ---------------------------------------------------------------------- */

/* Where a BIOS leaves the root pointer: the first KiB of its extended data area, then 0xE0000 to
 * 0xFFFFF (5.2.5.1). STATUS_NOT_FOUND. With UEFI the handoff knows it. */
enum status acpi_scan_bios(const struct acpi_reader *reader, paddr_t *rsdp);

/* Checks the root pointer and the XSDT, or the RSDT where there is no good XSDT. STATUS_NOT_FOUND
 * for rsdp 0; STATUS_TRUNCATED: out of reach; STATUS_CORRUPT: neither is good. */
enum status acpi_open(const struct acpi_reader *reader, paddr_t rsdp, struct acpi_root *root);

/* The table `index` < entry_count, by its header alone; false where that is out of reach. */
bool acpi_table_at(const struct acpi_root *root, uint32_t index, struct acpi_table *table);

/* The first good table of that name ("SRAT"); later ones are ignored with a warning.
 * STATUS_NOT_FOUND if there is none, good or bad; else why the last bad one is: STATUS_TRUNCATED
 * (out of reach), STATUS_CORRUPT (length, checksum). */
enum status acpi_find(const struct acpi_root *root, const char *signature,
                      struct acpi_table *table);

/* --- MADT: processors (5.2.12) ----------------------------------------------------------- */

struct acpi_processor {
    uint32_t apic_id;
    uint32_t uid; /* by which SRAT and bytecode may name it */
    bool enabled;
    bool online_capable; /* not enabled, but could be */
    bool x2apic;         /* told by an x2APIC entry */
};

/* Also where the local APICs are, by the 64-bit entry if there is one. */
enum status acpi_madt_open(const struct acpi_root *root, struct acpi_cursor *cursor,
                           paddr_t *local_apic);
bool acpi_madt_next(struct acpi_cursor *cursor, struct acpi_processor *processor);

/* --- SRAT: who belongs to which node (5.2.16) -------------------------------------------- */

enum acpi_affinity_kind {
    ACPI_AFFINITY_MEMORY,
    ACPI_AFFINITY_PROCESSOR,
};

/* Domains are the firmware's numbers: any 32 bits, in any order. Only what is enabled is told. */
struct acpi_affinity {
    enum acpi_affinity_kind kind;
    uint32_t domain;
    uint32_t apic_id;    /* of a processor */
    uint64_t base;       /* of memory: bytes, not necessarily pages */
    uint64_t size_bytes; /* > 0; base + size_bytes does not wrap. May reach over holes */
    bool hot_pluggable;
    bool non_volatile;
};

enum status acpi_srat_open(const struct acpi_root *root, struct acpi_cursor *cursor);
bool acpi_srat_next(struct acpi_cursor *cursor, struct acpi_affinity *affinity);

/* --- SLIT: how far the nodes are from each other (5.2.17) -------------------------------- */

#define ACPI_DISTANCE_LOCAL  10u
#define ACPI_DISTANCE_REMOTE 20u  /* where nothing is told */
#define ACPI_DISTANCE_NONE   255u /* cannot be reached */

struct acpi_distances {
    struct acpi_table table;
    uint32_t count; /* domains 0 to count - 1 */
};

/* STATUS_CORRUPT also where a node is not at ACPI_DISTANCE_LOCAL from itself, or another one is
 * that close: then none of it is believed. */
enum status acpi_slit_open(const struct acpi_root *root, struct acpi_distances *slit);

/* For domains that the table does not know: local to itself, else remote. */
unsigned acpi_slit_distance(const struct acpi_distances *slit, uint32_t from, uint32_t to);

/* --- MCFG: PCI's configuration space in memory ------------------------------------------- */

struct acpi_ecam {
    uint64_t base; /* of bus 0, whatever first_bus is; a multiple of 1 MiB */
    uint16_t segment;
    uint8_t first_bus;
    uint8_t last_bus; /* >= first_bus */
};

enum status acpi_mcfg_open(const struct acpi_root *root, struct acpi_cursor *cursor);
bool acpi_mcfg_next(struct acpi_cursor *cursor, struct acpi_ecam *ecam);

/* --- HPET: the event timer --------------------------------------------------------------- */

struct acpi_hpet {
    paddr_t address;
    uint8_t number;
    uint16_t least_tick; /* that loses no interrupt in periodic mode */
};

enum status acpi_hpet_read(const struct acpi_root *root, struct acpi_hpet *hpet);

/* --- this machine ------------------------------------------------------------------------ */

/* Reads this machine's memory. Early: RAM that the direct map covers, by `map`, which stays where it
 * is. Never NULL; one reader, the last `map` counts. */
const struct acpi_reader *acpi_machine_reader(const struct memmap *map);

/* From now on the reader maps what the direct map does not cover, a page at a time and read-only.
 * After vmm_init(). One processor. */
void acpi_machine_allow_mapping(void);

/* Takes away what is still mapped. */
void acpi_machine_unmap(void);

/* The memory of the tables will be used for something else: acpi_machine_open() may not be called from
 * now on, and nothing that was opened before may be used. */
void acpi_machine_close(void);

/* Opens this machine's tables: by `rsdp` of the handoff, by search where that is 0. */
enum status acpi_machine_open(const struct memmap *map, paddr_t rsdp, struct acpi_root *root);

#endif
