/* SPDX-License-Identifier: BSD-2-Clause
 *
 * files.h - files on the volumes that the firmware can read.
 *
 * A configuration is looked for on the device that started the loader, then on every other FAT
 * volume; all other files are on the volume that holds the configuration. Reads are at most 1 MiB
 * each, since larger ones fail on some firmware, and go on until all is there or the file ends. A
 * file's size is a hint: some firmware says 0.
 *
 * Only reports are written (report_save.c).
 */
#ifndef MERIDIAN_EFI_FILES_H
#define MERIDIAN_EFI_FILES_H

#include "boot/e820.h"
#include "refusal.h"
#include "source.h"
#include "text.h"
#include "uefi.h"

struct volume {
    EFI_FILE_PROTOCOL *root; /* NULL while not open */
};

struct file {
    struct source source; /* size_bytes is SOURCE_SIZE_UNKNOWN where the firmware does not say */
    EFI_FILE_PROTOCOL *handle;
    uint64_t position; /* of the firmware's file pointer */
};

/* Opens the first volume that has a file at `path`, and that file. STATUS_NOT_FOUND (and no
 * refusal) where no volume has it. */
enum status files_find(struct text path, struct volume *volume, struct file *file,
                       struct refusal *refusal);

/* Opens a file of `volume`; the refusal's place becomes `path`. Separators are \ or /. */
enum status files_open(const struct volume *volume, struct text path, struct file *file,
                       struct refusal *refusal);

/* Reads all of a file into pages with a tag: contiguous, `size_bytes` of them used, at most
 * `max_bytes`. An empty file gives one page. */
enum status files_read_all(struct file *file, enum region_tag tag, uint64_t max_bytes,
                           paddr_t *base, uint64_t *size_bytes, struct refusal *refusal);

/* The volume that the loader came from. STATUS_NOT_FOUND where it came from none. */
enum status files_open_home(struct volume *volume, struct refusal *refusal);

/* Makes a file of these bytes, in place of one that is there, and its folder where that is missing.
 * On failure there is no such file, neither the old one nor a part of the new one, as far as the
 * firmware can delete it. `path` begins with a backslash. */
enum status files_save(const struct volume *volume, struct text path, struct text content,
                       struct refusal *refusal);

void files_close(struct file *file);
void files_close_volume(struct volume *volume);

#endif
