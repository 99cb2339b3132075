/* SPDX-License-Identifier: BSD-2-Clause
 *
 * source.h - bytes that can be read at any place: a file, or memory.
 *
 * The embedded kernel, a kernel on the stick and one that was read whole for its hash all go
 * through this interface, so that there is one way to load a kernel.
 */
#ifndef MERIDIAN_EFI_SOURCE_H
#define MERIDIAN_EFI_SOURCE_H

#include "lib/status.h"
#include "lib/types.h"

#define SOURCE_SIZE_UNKNOWN UINT64_MAX

struct source {
    /* Fills all of `buffer`: STATUS_TRUNCATED when the source ends before, STATUS_IO when the
     * device failed. The buffer's contents are undefined then. */
    enum status (*read_at)(struct source *source, uint64_t offset, void *buffer,
                           uint64_t size_bytes);
    uint64_t size_bytes; /* or SOURCE_SIZE_UNKNOWN: some firmware does not tell */
};

struct memory_source {
    struct source source;
    const uint8_t *bytes;
};

/* `bytes` stays the caller's, and must outlive the source. */
void memory_source_init(struct memory_source *source, const void *bytes, uint64_t size_bytes);

static inline enum status source_read_at(struct source *source, uint64_t offset, void *buffer,
                                         uint64_t size_bytes)
{
    return source->read_at(source, offset, buffer, size_bytes);
}

#endif
