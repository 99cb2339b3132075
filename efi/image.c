/* SPDX-License-Identifier: BSD-2-Clause
 *
 * image.c - loads the kernel and the modules.
 *
 * A kernel is read segment by segment straight to its final pages: from a copy of the one that the
 * loader embeds, unpacked; from a file; or, when the configuration demands a hash or there is a TPM,
 * from a copy of the file, so that what is checked and measured is what runs.
 */
#include "loader.h"

#include "address_space.h"
#include "lib/string.h"
#include "pages.h"
#include "unpack.h"

#define MAX_FILE_BYTES ((uint64_t)4 * GiB)

extern const uint8_t embedded_kernel[];
extern const uint8_t embedded_kernel_end[];

/* Where the kernel is read from: one of these. */
struct kernel_source {
    struct source *source;
    struct memory_source memory;
    struct file file;
    paddr_t copy; /* of the whole file: unpacked, or hashed; 0 where there is none */
};

/* --- where it comes from ----------------------------------------------------------------- */

/* Nothing is demanded where the configuration gives no hash. */
static enum status check_hash(const struct config_hash *hash, const void *bytes, uint64_t size,
                              struct refusal *refusal)
{
    const uint8_t *wanted = hash->digest;
    uint8_t digest[SHA256_BYTES];

    if (!hash->given)
        return STATUS_OK;
    sha256_of(bytes, size, digest);
    if (memcmp(digest, wanted, sizeof(digest)) == 0)
        return STATUS_OK;
    return refuse(
        refusal, STATUS_DENIED, "Copy the right file, or correct its hash in " CONFIG_FILE_PATH ".",
        "its SHA-256 begins with %02x%02x%02x%02x, the configuration demands "
        "%02x%02x%02x%02x",
        digest[0], digest[1], digest[2], digest[3], wanted[0], wanted[1], wanted[2], wanted[3]);
}

static enum status measure_copy(struct loader *loader, const struct kernel_source *kernel,
                                struct text name)
{
    return measure_file(&loader->measurements, name, kernel->memory.bytes,
                        kernel->memory.source.size_bytes, &loader->refusal);
}

static enum status read_and_check(struct loader *loader, struct kernel_source *kernel)
{
    uint64_t size;
    enum status status = files_read_all(&kernel->file, REGION_TAG_LOADER, MAX_FILE_BYTES,
                                        &kernel->copy, &size, &loader->refusal);

    if (status != STATUS_OK)
        return status;
    memory_source_init(&kernel->memory, pages_pointer(kernel->copy), size);
    kernel->source = &kernel->memory.source;
    status = check_hash(&loader->config.kernel_hash, kernel->memory.bytes, size, &loader->refusal);
    return status == STATUS_OK ? measure_copy(loader, kernel, loader->config.kernel) : status;
}

static enum status unpack_embedded(struct loader *loader, struct kernel_source *kernel)
{
    size_t packed_bytes = (size_t)(embedded_kernel_end - embedded_kernel);
    struct refusal *refusal = &loader->refusal;
    uint64_t size;
    enum status status;

    refusal_place(refusal, "%s", "the kernel embedded in the loader");
    status = unpack_size(embedded_kernel, packed_bytes, &size, refusal);
    if (status != STATUS_OK)
        return status;
    status = pages_allocate(size, PAGES_ANYWHERE, REGION_TAG_LOADER, &kernel->copy);
    if (status != STATUS_OK)
        return refuse(refusal, status, "Use a machine with more memory.",
                      "there are no %llu KiB of contiguous memory for it",
                      (unsigned long long)(size >> 10));
    memory_source_init(&kernel->memory, pages_pointer(kernel->copy), size);
    kernel->source = &kernel->memory.source;
    status =
        unpack(embedded_kernel, packed_bytes, pages_pointer(kernel->copy), (size_t)size, refusal);
    return status == STATUS_OK ? measure_copy(loader, kernel, TEXT_LITERAL("embedded kernel"))
                               : status;
}

static enum status open_kernel(struct loader *loader, struct kernel_source *kernel)
{
    const struct config_file *config = &loader->config;
    enum status status;

    *kernel = (struct kernel_source){ 0 };
    if (config->kernel.start == NULL)
        return unpack_embedded(loader, kernel);
    status = files_open(&loader->volume, config->kernel, &kernel->file, &loader->refusal);
    if (status != STATUS_OK)
        return status;
    kernel->source = &kernel->file.source;
    if (config->kernel_hash.given || loader->measurements.tcg2 != NULL)
        return read_and_check(loader, kernel);
    return STATUS_OK;
}

static void close_kernel(struct kernel_source *kernel)
{
    files_close(&kernel->file);
    if (pa_value(kernel->copy) != 0)
        pages_free(kernel->copy);
}

/* --- where it goes ----------------------------------------------------------------------- */

static enum status take_pages(struct loader *loader)
{
    const struct elf_image *image = &loader->image;
    struct page_alignment alignment;
    enum status status;

    address_space_align_image(image, &alignment.alignment, &alignment.phase);
    status = pages_allocate(image->size_bytes, alignment, REGION_TAG_KERNEL, &loader->image_base);
    if (status != STATUS_OK)
        return refuse(&loader->refusal, status, "Use a machine with more memory.",
                      "there are no %llu KiB of contiguous memory for it",
                      (unsigned long long)(image->size_bytes >> 10));
    return STATUS_OK;
}

static enum status place(struct loader *loader)
{
    enum status status = address_space_place_image(
        &loader->image, loader->slide, loader->randomness.image_slide, &loader->image_va);

    if (status != STATUS_OK)
        return refuse(&loader->refusal, status, "Link a smaller kernel.",
                      "it does not fit into its window of the address space");
    return STATUS_OK;
}

static enum status load(struct loader *loader, struct source *source)
{
    struct elf_image *image = &loader->image;
    struct refusal *refusal = &loader->refusal;
    enum status status = elf_parse(source, image, refusal);
    void *memory;

    if (status == STATUS_OK)
        status = take_pages(loader);
    if (status != STATUS_OK)
        return status;
    memory = pages_pointer(loader->image_base);
    status = elf_load(source, image, memory, refusal);
    if (status == STATUS_OK)
        status = elf_read_dynamic(image, memory, refusal);
    if (status == STATUS_OK)
        status = place(loader);
    if (status == STATUS_OK)
        status = elf_relocate(image, memory, loader->image_va, refusal);
    return status;
}

enum status image_load_kernel(struct loader *loader)
{
    struct kernel_source kernel;
    enum status status = open_kernel(loader, &kernel);

    if (status == STATUS_OK)
        status = load(loader, kernel.source);
    close_kernel(&kernel);
    return status;
}

/* --- modules ----------------------------------------------------------------------------- */

static enum status load_module(struct loader *loader, const struct config_module *wanted)
{
    struct handoff_module_plan *module = &loader->modules[loader->module_count];
    struct file file;
    paddr_t base;
    uint64_t size;
    enum status status = files_open(&loader->volume, wanted->path, &file, &loader->refusal);

    if (status != STATUS_OK)
        return status;
    status =
        files_read_all(&file, REGION_TAG_MODULE, MAX_FILE_BYTES, &base, &size, &loader->refusal);
    files_close(&file);
    if (status == STATUS_OK)
        status = check_hash(&wanted->hash, pages_pointer(base), size, &loader->refusal);
    if (status == STATUS_OK)
        status = measure_file(&loader->measurements, wanted->path, pages_pointer(base), size,
                              &loader->refusal);
    if (status != STATUS_OK)
        return status;
    *module = (struct handoff_module_plan){ pa_value(base), size, wanted->name };
    loader->module_count++;
    return STATUS_OK;
}

enum status image_load_modules(struct loader *loader)
{
    for (unsigned i = 0; i < loader->config.module_count; i++) {
        enum status status = load_module(loader, &loader->config.modules[i]);

        if (status != STATUS_OK)
            return status;
    }
    files_close_volume(&loader->volume);
    return STATUS_OK;
}
