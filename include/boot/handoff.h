/* SPDX-License-Identifier: BSD-2-Clause
 *
 * boot/handoff.h - what crosses from a loader to the kernel.
 *
 * One contiguous block of memory, 8-byte aligned: struct handoff, then `record_count` records,
 * each a struct handoff_record with its payload, each padded to a multiple of 8 bytes. A kernel
 * skips the records that it does not know. `size_bytes` covers all of it, and the sum of its
 * 32-bit words, checksum included, is 0.
 *
 * Addresses are physical, always, but for the fields whose names end in _va. All integers are
 * little-endian. A new minor version only adds: fields at the end of struct handoff (header_bytes
 * says where the records begin), and types of records. A kernel refuses another major version.
 *
 * State of the processor at the entry of an x86-64 kernel: long mode, paging as `table_root` and
 * `table_levels` say, interrupts off, direction flag clear, CR0.WP set, EFER.NXE set where the
 * processor has it, PAT entry 1 write-combining (PAT = WB WC UC- UC WB WC UC- UC). RDI holds the
 * direct-map address of this structure, RSP the top of the stack (16-byte aligned, minus 8, as
 * after a call). The boot services are gone. docs/boot-protocol.md tells the whole story.
 */
#ifndef MERIDIAN_BOOT_HANDOFF_H
#define MERIDIAN_BOOT_HANDOFF_H

#include <stddef.h>
#include <stdint.h>

#include "boot/e820.h"

#define HANDOFF_MAGIC        0x4e4149444952454du /* "MERIDIAN", least significant byte first */
#define HANDOFF_MAJOR        1
#define HANDOFF_MINOR        1
#define HANDOFF_ALIGNMENT    8
#define HANDOFF_MAX_BYTES    (16u << 20) /* more is a sign of corruption */
#define HANDOFF_SEED_BYTES   32
#define HANDOFF_SHA256_BYTES 32

enum handoff_loader {
    HANDOFF_LOADER_UEFI = 1,
    HANDOFF_LOADER_MULTIBOOT = 2,
};

enum handoff_flag {
    HANDOFF_SECURE_BOOT = 1u << 0,      /* Secure Boot was on */
    HANDOFF_IMAGE_SLID = 1u << 1,       /* kernel_va was chosen at random */
    HANDOFF_DIRECT_MAP_SLID = 1u << 2,  /* direct_map_va was chosen at random */
    HANDOFF_NX = 1u << 3,               /* EFER.NXE is set and the tables use it */
    HANDOFF_PINNED = 1u << 4,           /* the loader's signature covers the configuration */
    HANDOFF_OPTIONS_LEFT_OUT = 1u << 5, /* load options, to keep the command line as it was */
    HANDOFF_TPM = 1u << 6,              /* a TPM 2.0 that the loader measured into */
};

enum handoff_seed_source {
    HANDOFF_SEED_NONE,
    HANDOFF_SEED_RNG_PROTOCOL, /* EFI_RNG_PROTOCOL */
    HANDOFF_SEED_RDRAND,
    HANDOFF_SEED_TSC, /* guessable: better than nothing */
};

/* Moments of the loader, in ticks of the time-stamp counter; 0 where not taken. */
enum handoff_moment {
    HANDOFF_MOMENT_START,      /* first instruction of the loader */
    HANDOFF_MOMENT_FILES_READ, /* configuration, kernel and modules are in memory */
    HANDOFF_MOMENT_TABLES,     /* page tables stand */
    HANDOFF_MOMENT_EXIT,       /* boot services are gone */
    HANDOFF_MOMENT_COUNT = 8,
};

struct handoff {
    uint64_t magic;
    uint16_t major;
    uint16_t minor;
    uint32_t size_bytes; /* of everything, records included */
    uint32_t checksum;
    uint32_t header_bytes; /* where the first record begins */
    uint32_t record_count;
    uint32_t loader;        /* enum handoff_loader */
    uint32_t flags;         /* enum handoff_flag */
    uint32_t physical_bits; /* MAXPHYADDR */

    uint64_t kernel_base; /* the image: page-aligned, contiguous */
    uint64_t kernel_bytes;
    uint64_t kernel_va;

    uint64_t direct_map_va; /* physical 0 would appear here; only RAM is mapped */
    uint64_t table_root;    /* CR3 */
    uint32_t table_levels;  /* 4 or 5 on x86-64, 2 or 3 on i386 */
    uint32_t seed_source;   /* enum handoff_seed_source */

    uint64_t stack_base; /* lowest address; the pages around stack_va are not mapped */
    uint64_t stack_bytes;
    uint64_t stack_va;

    uint64_t arena_base; /* untouched memory for the kernel's first tables; 0 bytes where none */
    uint64_t arena_bytes;

    uint64_t acpi_rsdp;        /* 0 where none */
    uint64_t smbios;           /* the entry point structure; 0 where none */
    uint64_t efi_system_table; /* 0 where none */

    uint64_t moments[HANDOFF_MOMENT_COUNT];
    uint8_t seed[HANDOFF_SEED_BYTES];
};
BOOT_ASSERT(offsetof(struct handoff, checksum) == 16, "handoff layout, both widths");
BOOT_ASSERT(offsetof(struct handoff, kernel_base) == 40, "handoff layout, both widths");
BOOT_ASSERT(offsetof(struct handoff, direct_map_va) == 64, "handoff layout, both widths");
BOOT_ASSERT(offsetof(struct handoff, stack_base) == 88, "handoff layout, both widths");
BOOT_ASSERT(offsetof(struct handoff, arena_base) == 112, "handoff layout, both widths");
BOOT_ASSERT(offsetof(struct handoff, acpi_rsdp) == 128, "handoff layout, both widths");
BOOT_ASSERT(offsetof(struct handoff, moments) == 152, "handoff layout, both widths");
BOOT_ASSERT(offsetof(struct handoff, seed) == 216, "handoff layout, both widths");
BOOT_ASSERT(sizeof(struct handoff) == 248, "handoff layout, both widths");

/* Records end in an array that is as long as the record says. C calls that a flexible array member; C++ has
 * no name for it, and its compilers have it all the same. */
#ifdef __cplusplus
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#endif

enum handoff_record_type {
    HANDOFF_RECORD_REGIONS = 1,       /* struct handoff_regions */
    HANDOFF_RECORD_FIRMWARE_MAP = 2,  /* struct handoff_firmware_map */
    HANDOFF_RECORD_CHANGES = 3,       /* struct handoff_changes */
    HANDOFF_RECORD_FRAMEBUFFER = 4,   /* struct handoff_framebuffer */
    HANDOFF_RECORD_COMMAND_LINE = 5,  /* text, terminated by a 0 byte */
    HANDOFF_RECORD_MODULE = 6,        /* struct handoff_module, once for each */
    HANDOFF_RECORD_LOADER_NAME = 7,   /* text: name and version of the loader */
    HANDOFF_RECORD_FIRMWARE_NAME = 8, /* text: vendor and revision of the firmware */
    HANDOFF_RECORD_MEASUREMENT = 9,   /* struct handoff_measurement, once for each (from 1.1) */
    HANDOFF_RECORD_EVENT_LOG = 10,    /* struct handoff_event_log (from 1.1) */
};

struct handoff_record {
    uint32_t type;
    uint32_t size_bytes; /* of header and payload, without the padding to 8 */
};

/* The sanitised table: sorted, disjoint, page-aligned. The kernel may use all `capacity` rows. */
struct handoff_regions {
    struct handoff_record record;
    uint32_t count;
    uint32_t capacity;
    struct region regions[];
};

enum handoff_map_format {
    HANDOFF_MAP_EFI = 1,  /* UEFI memory descriptors, descriptor_bytes apart */
    HANDOFF_MAP_E820 = 2, /* struct e820_entry */
};

/* The firmware's own map, byte for byte as the last GetMemoryMap (or the BIOS) gave it. */
struct handoff_firmware_map {
    struct handoff_record record;
    uint32_t format;           /* enum handoff_map_format */
    uint32_t descriptor_bytes; /* distance between two entries */
    uint32_t descriptor_version;
    uint32_t map_bytes;
    uint8_t map[]; /* 8-byte aligned */
};

/* One thing that the conversion changed, and why: enum memmap_reason of mm/memmap.h. */
struct handoff_change {
    uint64_t base;
    uint64_t size_bytes;
    uint32_t from_type; /* E820; 0 where there was no type */
    uint32_t to_type;   /* E820; 0 where nothing is left */
    uint32_t reason;
    uint32_t reserved; /* 0 */
};
BOOT_ASSERT(sizeof(struct handoff_change) == 32, "handoff layout, both widths");

struct handoff_changes {
    struct handoff_record record;
    uint32_t count;
    uint32_t capacity;
    uint32_t lost; /* changes for which there was no room */
    uint32_t reserved;
    struct handoff_change changes[];
};

/* A linear framebuffer of 32-bit pixels. The masks say where a colour's bits are. */
struct handoff_framebuffer {
    struct handoff_record record;
    uint64_t base;
    uint64_t size_bytes;
    uint32_t width_pixels;
    uint32_t height_pixels;
    uint32_t stride_bytes; /* from one line to the next; not the width's */
    uint32_t bits_per_pixel;
    uint32_t red_mask;
    uint32_t green_mask;
    uint32_t blue_mask;
    uint32_t reserved;       /* 0 */
    uint64_t framebuffer_va; /* where it is mapped, write-combining; 0 where it is not */
};

struct handoff_module {
    struct handoff_record record;
    uint64_t base; /* page-aligned */
    uint64_t size_bytes;
    char name[]; /* terminated by a 0 byte */
};

/* What the loader measured into a register of the TPM, in this order. */
struct handoff_measurement {
    struct handoff_record record;
    uint32_t pcr;
    uint32_t extended; /* 1: the TPM took it; 0: it failed, and the loader went on */
    uint8_t sha256[HANDOFF_SHA256_BYTES];
    char name[]; /* terminated by a 0 byte: a path, "embedded kernel" or "command line" */
};
BOOT_ASSERT(offsetof(struct handoff_measurement, name) == 48, "handoff layout, both widths");

/* The firmware's own log of measurements as it was before the end of the boot services, byte for byte: the
 * crypto-agile form of the TCG's PC Client Platform Firmware Profile, section 10.2. */
struct handoff_event_log {
    struct handoff_record record;
    uint32_t log_bytes;
    uint32_t reserved; /* 0 */
    uint8_t log[];     /* 8-byte aligned */
};
BOOT_ASSERT(sizeof(struct handoff_event_log) == 16, "handoff layout, both widths");

#ifdef __cplusplus
#pragma GCC diagnostic pop
#endif

/* The end of a record, and the start of the next. */
static inline uint32_t handoff_record_stride(const struct handoff_record *record)
{
    return (record->size_bytes + (HANDOFF_ALIGNMENT - 1)) & ~(uint32_t)(HANDOFF_ALIGNMENT - 1);
}

#endif
