/* SPDX-License-Identifier: BSD-2-Clause
 *
 * uefi_machine.h - a firmware for the tests of the loader: memory, handles, volumes, files.
 *
 * It keeps books of what it gave out, and can be told to behave as real firmware does. Everything
 * that the loader opens or takes must come back: uefi_machine_stop() fails the test otherwise.
 */
#ifndef MERIDIAN_UEFI_MACHINE_H
#define MERIDIAN_UEFI_MACHINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "efi/uefi.h"

#define UEFI_MACHINE_HANDLES 4u
#define UEFI_MACHINE_FILES   4u

struct uefi_file {
    const char *path; /* from the root, with backslashes; NULL: no more files */
    const uint8_t *bytes;
    uint64_t size_bytes;
    uint64_t told_bytes; /* FileSize, true or not */
    bool is_folder;
    bool tells_nothing;     /* GetInfo() fails */
    size_t read_at_most;    /* bytes a Read(); 0: as many as asked for */
    uint64_t fails_at;      /* Read() at or behind this position is a device error; 0: never */
    bool cannot_seek;       /* SetPosition() is a device error */
    EFI_STATUS open_status; /* what Open() fails with; EFI_SUCCESS: it does not */
};

/* What lies behind a handle. */
struct uefi_device {
    bool has_volume;
    struct uefi_file files[UEFI_MACHINE_FILES];
    EFI_GRAPHICS_OUTPUT_PROTOCOL *graphics;
    bool shows_console;
};

struct uefi_machine {
    struct uefi_device devices[UEFI_MACHINE_HANDLES];
    size_t device_count;

    /* how it behaves */
    bool gives_page_zero; /* the next AllocatePages() gives address 0 */
    bool low_memory_full; /* nothing below a ceiling */
    size_t refuse_after;  /* so many more AllocatePages() succeed; SIZE_MAX: all */
    uint64_t ram_start;   /* in the map; has nothing to do with AllocatePages() */
    uint64_t ram_bytes;
    size_t map_bytes;       /* size of its memory map: the rest are descriptors of no pages */
    size_t map_growth;      /* bytes by which each AllocatePages() makes it longer */
    size_t descriptor_size; /* that it claims */
    EFI_STATUS map_status;  /* what GetMemoryMap() fails with */

    /* what it has seen */
    size_t pages_out;
    size_t files_open;
    size_t pools_out;
    size_t largest_read;
    size_t map_calls;
};

extern struct uefi_machine uefi_machine;

/* A handle for device `index`. */
EFI_HANDLE uefi_machine_handle(size_t index);

/* A machine with `count` empty devices; the loader was started from the first. */
void uefi_machine_start(size_t count);
void uefi_machine_stop(void);

#endif
