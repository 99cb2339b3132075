/* SPDX-License-Identifier: BSD-2-Clause
 *
 * acpi_machine.h - a stretch of physical memory with ACPI tables in it, as wrong as a test likes.
 *
 * The memory begins at MACHINE_BASE. Tables are built front to back, sealed, and listed in the root
 * table last of all.
 */
#ifndef MERIDIAN_TESTS_ACPI_MACHINE_H
#define MERIDIAN_TESTS_ACPI_MACHINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dev/acpi.h"
#include "host_log.h"

#define MACHINE_BASE  0x7fe0000u
#define MACHINE_BYTES 0x4000u
#define HEADER        36u
#define TABLES_MAX    32u

struct acpi_machine {
    uint8_t bytes[MACHINE_BYTES];
    uint64_t end; /* what lies behind is out of reach */
    uint32_t used;
    uint64_t tables[TABLES_MAX]; /* what the root table will list */
    uint32_t count;
    unsigned reads;
    unsigned refused_read; /* which of them fails, counted from 1; 0: none */
    struct acpi_reader reader;
};

static inline bool machine_read(void *context, paddr_t address, void *to, size_t size_bytes)
{
    struct acpi_machine *machine = context;
    uint64_t offset = pa_value(address) - MACHINE_BASE;

    machine->reads++;
    if (machine->reads == machine->refused_read)
        return false;
    if (pa_value(address) < MACHINE_BASE || offset > machine->end ||
        size_bytes > machine->end - offset)
        return false;
    memcpy(to, machine->bytes + offset, size_bytes);
    return true;
}

static inline struct acpi_machine *machine_new(void)
{
    struct acpi_machine *machine = calloc(1, sizeof(*machine));

    assert_non_null(machine);
    machine->end = MACHINE_BYTES;
    machine->reader = (struct acpi_reader){ machine_read, machine };
    host_log_clear();
    return machine;
}

/* A little-endian number at an offset of the machine. */
static inline void poke(struct acpi_machine *machine, uint64_t offset, uint64_t value,
                        unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        machine->bytes[offset + i] = (uint8_t)(value >> (8 * i));
}

/* The physical address of an offset. */
static inline uint64_t at(uint64_t offset)
{
    return MACHINE_BASE + offset;
}

/* Makes the bytes of [offset, + size) sum up to 0 through the one at `where`. */
static inline void seal(struct acpi_machine *machine, uint64_t offset, uint32_t size,
                        uint64_t where)
{
    uint8_t sum = 0;

    machine->bytes[where] = 0;
    for (uint32_t i = 0; i < size; i++)
        sum = (uint8_t)(sum + machine->bytes[offset + i]);
    machine->bytes[where] = (uint8_t)-sum;
}

static inline void seal_table(struct acpi_machine *machine, uint64_t offset)
{
    uint32_t size;

    memcpy(&size, machine->bytes + offset + 4, sizeof(size));
    seal(machine, offset, size, offset + 9);
}

/* A header whose body the caller fills in before seal_table(); returns the table's offset. */
static inline uint64_t put_table(struct acpi_machine *machine, const char *signature, uint32_t size,
                                 uint8_t revision)
{
    uint64_t offset = machine->used;

    assert_true(size <= MACHINE_BYTES - machine->used && machine->count < TABLES_MAX);
    memcpy(machine->bytes + offset, signature, 4);
    poke(machine, offset + 4, size, 4);
    machine->bytes[offset + 8] = revision;
    machine->used += (size + 15) & ~15u;
    machine->tables[machine->count++] = at(offset);
    seal_table(machine, offset);
    return offset;
}

/* The root table with entries of 4 or 8 bytes; returns its offset. */
static inline uint64_t put_root(struct acpi_machine *machine, unsigned entry_bytes)
{
    uint32_t count = machine->count;
    uint64_t offset =
        put_table(machine, entry_bytes == 8 ? "XSDT" : "RSDT", HEADER + count * entry_bytes, 1);

    machine->count = count;
    for (uint32_t i = 0; i < count; i++)
        poke(machine, offset + HEADER + i * entry_bytes, machine->tables[i], entry_bytes);
    seal_table(machine, offset);
    return offset;
}

/* A root pointer at the machine's next 16 bytes; 0 stands for a table that is not there. */
static inline uint64_t put_pointer(struct acpi_machine *machine, uint64_t rsdt, uint64_t xsdt)
{
    uint64_t offset = machine->used;

    machine->used += 48;
    memcpy(machine->bytes + offset, "RSD PTR ", 8);
    machine->bytes[offset + 15] = xsdt != 0 ? 2 : 0;
    poke(machine, offset + 16, rsdt, 4);
    seal(machine, offset, 20, offset + 8);
    if (xsdt != 0) {
        poke(machine, offset + 20, 36, 4);
        poke(machine, offset + 24, xsdt, 8);
        seal(machine, offset, 36, offset + 32);
    }
    return offset;
}

/* What ordinary firmware does: both root tables and a pointer; the machine's tables are listed. */
static inline enum status open_machine(struct acpi_machine *machine, struct acpi_root *root)
{
    uint64_t rsdt = put_root(machine, 4);
    uint64_t xsdt = put_root(machine, 8);
    uint64_t rsdp = put_pointer(machine, at(rsdt), at(xsdt));

    return acpi_open(&machine->reader, pa(at(rsdp)), root);
}

#endif
