/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fuzz_elf.c - a kernel's ELF file, spoilt: what the loader accepts has its segments in order, apart and
 * never writable and executable; loaded, each byte is the file's or zero, and nothing beyond is touched.
 *
 *     input    first byte: bit 0: the file is cut, at the next two bytes; then pieces of {where in struct kernel
 *              (2 bytes), how many (1 byte), bytes}
 */
#include "tests/unit/elf_kernel.h"

#include "fuzz.h"
#include "lib/bits.h"

#define MEMORY_MAX (64u << 10) /* larger images are accepted, but not loaded */

static size_t read_kernel(struct feed *feed, struct kernel *kernel)
{
    size_t size = FILE_BYTES;

    *kernel = good_kernel();
    if ((feed_byte(feed) & 1) != 0)
        size = feed_number(feed, 2) % (FILE_BYTES + 1);
    while (!feed_ends(feed)) {
        size_t at = feed_number(feed, 2) % offsetof(struct kernel, file_bytes);
        uint64_t count = (feed_byte(feed) & 7) + 1;
        uint64_t value = feed_number(feed, (unsigned)count);

        memcpy((uint8_t *)kernel + at, &value,
               min_u64(count, offsetof(struct kernel, file_bytes) - at));
    }
    return size;
}

static void check_image(const struct elf_image *image)
{
    uint64_t end = 0;
    bool entry = false;

    FUZZ_CHECK(image->segment_count > 0 && image->segment_count <= ELF_MAX_SEGMENTS);
    FUZZ_CHECK(image->size_bytes > 0 && image->size_bytes <= ELF_MAX_IMAGE_BYTES);
    FUZZ_CHECK(((image->size_bytes | image->base) & PAGE_MASK) == 0);
    FUZZ_CHECK(is_power_of_two(image->alignment) && image->alignment >= PAGE_SIZE);
    for (unsigned i = 0; i < image->segment_count; i++) {
        const struct elf_segment *segment = &image->segments[i];

        FUZZ_CHECK(align_down(segment->start, PAGE_SIZE) >= end);
        FUZZ_CHECK(segment->memory_bytes > 0 && segment->file_bytes <= segment->memory_bytes);
        FUZZ_CHECK(segment->start + segment->memory_bytes <= image->size_bytes);
        FUZZ_CHECK((segment->rights & (ELF_WRITE | ELF_EXECUTE)) != (ELF_WRITE | ELF_EXECUTE));
        entry |= (segment->rights & ELF_EXECUTE) != 0 && image->entry >= segment->start &&
                 image->entry < segment->start + segment->memory_bytes;
        end = align_up(segment->start + segment->memory_bytes, PAGE_SIZE);
    }
    FUZZ_CHECK(entry);
}

static void check_memory(const struct elf_image *image, const uint8_t *file, const uint8_t *memory)
{
    uint64_t at = 0;

    for (unsigned i = 0; i < image->segment_count; i++) {
        const struct elf_segment *segment = &image->segments[i];

        for (; at < segment->start; at++)
            FUZZ_CHECK(memory[at] == 0);
        FUZZ_CHECK(memcmp(memory + at, file + segment->offset, segment->file_bytes) == 0);
        at += segment->file_bytes;
    }
    for (; at < image->size_bytes; at++)
        FUZZ_CHECK(memory[at] == 0);
}

static enum status load(struct source *source, struct elf_image *image, const uint8_t *file,
                        struct refusal *refusal)
{
    uint8_t *memory = fuzz_room(FUZZ_BLOCK, image->size_bytes);
    enum status status;

    memset(memory, 0xee, image->size_bytes);
    status = elf_load(source, image, memory, refusal);
    if (status != STATUS_OK)
        return status;
    check_memory(image, file, memory);
    status = elf_read_dynamic(image, memory, refusal);
    if (status != STATUS_OK)
        return status;
    FUZZ_CHECK(image->table_bytes == 0 ||
               (image->table_bytes <= image->size_bytes &&
                image->table_start <= image->size_bytes - image->table_bytes));
    return elf_relocate(image, memory, image->base + (image->relocatable ? 0x12345000 : 0),
                        refusal);
}

void fuzz_run(const uint8_t *data, size_t size)
{
    static uint8_t whole[FILE_BYTES];
    struct feed feed = { data, size };
    struct kernel kernel;
    size_t file_bytes = read_kernel(&feed, &kernel);
    struct refusal refusal = { .next = NULL };
    struct elf_image image;
    struct memory_source source;
    const uint8_t *file;
    enum status status;

    if (whole[0] == 0)
        memset(whole, 0x5a, sizeof(whole));
    kernel_write(&kernel, whole);
    file = fuzz_copy(FUZZ_INPUT, whole, file_bytes);
    memory_source_init(&source, file, file_bytes);
    status = elf_parse(&source.source, &image, &refusal);
    if (status == STATUS_OK) {
        check_image(&image);
        if (image.size_bytes <= MEMORY_MAX)
            status = load(&source.source, &image, file, &refusal);
    }
    FUZZ_CHECK(status == STATUS_OK || (refusal.reason[0] != '\0' && refusal.next != NULL));
}
