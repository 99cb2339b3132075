/* SPDX-License-Identifier: BSD-2-Clause
 *
 * source.c - the source that is memory. Pure: no firmware call, also built hosted. The source
 * that is a file is in files.c.
 */
#include "source.h"

#include "lib/string.h"

static enum status read_memory(struct source *source, uint64_t offset, void *buffer,
                               uint64_t size_bytes)
{
    const struct memory_source *memory = CONTAINER_OF(source, struct memory_source, source);

    if (offset > source->size_bytes || size_bytes > source->size_bytes - offset)
        return STATUS_TRUNCATED;
    memcpy(buffer, memory->bytes + offset, (size_t)size_bytes);
    return STATUS_OK;
}

void memory_source_init(struct memory_source *source, const void *bytes, uint64_t size_bytes)
{
    source->source.read_at = read_memory;
    source->source.size_bytes = size_bytes;
    source->bytes = bytes;
}
