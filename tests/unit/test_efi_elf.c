/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_efi_elf.c - properties of the loader's ELF reader: what it accepts, what it refuses.
 *
 * A small kernel is built in memory, spoilt in one place, and must be refused for that very reason.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "elf_kernel.h"
#include "lib/bits.h"

#define TEST_MACHINE_BYTES MiB /* larger images are accepted, but not loaded */

/* --- one way through the loader ---------------------------------------------------------- */

struct run {
    struct refusal refusal;
    struct elf_image image;
    uint8_t *memory; /* exactly the image; NULL when the headers were refused */
};

/* The file's bytes: patterns where nothing is written over them. */
static uint8_t *make_file(const struct kernel *kernel)
{
    uint8_t *file = malloc(FILE_BYTES);
    uint8_t *exact = malloc(kernel->file_bytes + (kernel->file_bytes == 0));

    for (size_t i = 0; i < FILE_BYTES; i++)
        file[i] = (uint8_t)(i / 256 + i % 256 + 1);
    kernel_write(kernel, file);
    memcpy(exact, file, kernel->file_bytes);
    free(file);
    return exact;
}

/* A source that, like some firmware, does not know how long the file is. */
struct blind_source {
    struct source source;
    struct memory_source *memory;
};

static enum status read_blindly(struct source *source, uint64_t offset, void *buffer,
                                uint64_t size_bytes)
{
    struct blind_source *blind = CONTAINER_OF(source, struct blind_source, source);

    return source_read_at(&blind->memory->source, offset, buffer, size_bytes);
}

static enum status load(struct run *run, struct source *source, uint64_t address)
{
    enum status status = elf_parse(source, &run->image, &run->refusal);

    if (status != STATUS_OK)
        return status;
    assert_true(run->image.size_bytes <= ELF_MAX_IMAGE_BYTES);
    if (run->image.size_bytes > TEST_MACHINE_BYTES)
        return refuse(&run->refusal, STATUS_NO_MEMORY, "", "the machine is too small");
    run->memory = malloc(run->image.size_bytes);
    memset(run->memory, 0xee, run->image.size_bytes);
    status = elf_load(source, &run->image, run->memory, &run->refusal);
    if (status == STATUS_OK)
        status = elf_read_dynamic(&run->image, run->memory, &run->refusal);
    if (status != STATUS_OK)
        return status;
    return elf_relocate(&run->image, run->memory,
                        run->image.relocatable ? address : run->image.base, &run->refusal);
}

static enum status start(struct run *run, const struct kernel *kernel, uint64_t address)
{
    uint8_t *file = make_file(kernel);
    struct memory_source memory;
    struct blind_source blind = { { read_blindly, SOURCE_SIZE_UNKNOWN }, &memory };
    enum status status;

    *run = (struct run){ 0 };
    memory_source_init(&memory, file, kernel->file_bytes);
    status = load(run, kernel->size_unknown ? &blind.source : &memory.source, address);
    free(file);
    return status;
}

static void expect_refused(const struct kernel *kernel, enum status expected, const char *reason)
{
    struct run run;
    enum status status = start(&run, kernel, BASE);

    if (status != expected || strstr(run.refusal.reason, reason) == NULL)
        fail_msg("%s: '%s' instead of %s: '%s'", status_name(status), run.refusal.reason,
                 status_name(expected), reason);
    assert_non_null(run.refusal.next);
    free(run.memory);
}

/* Spoils one field of a good kernel, and expects the refusal. */
#define REFUSED(field, value, status, reason)                                                      \
    do {                                                                                           \
        struct kernel spoilt = good_kernel();                                                      \
                                                                                                   \
        spoilt.field = (value);                                                                    \
        expect_refused(&spoilt, (status), (reason));                                               \
    } while (0)

static uint64_t word_at(const struct run *run, size_t offset)
{
    uint64_t word;

    memcpy(&word, run->memory + offset, sizeof(word));
    return word;
}

/* --- good kernels ------------------------------------------------------------------------ */

static void expect_loaded(struct run *run, uint64_t distance)
{
    const struct elf_image *image = &run->image;

    assert_int_equal(image->size_bytes, IMAGE_BYTES);
    assert_int_equal(image->entry, ENTRY);
    assert_int_equal(image->alignment, 0x1000);
    assert_int_equal(image->segment_count, 3);
    assert_int_equal(image->segments[0].rights, ELF_READ | ELF_EXECUTE);
    assert_int_equal(image->segments[2].rights, ELF_READ | ELF_WRITE);
    assert_int_equal(run->memory[0x7ff], (0x17 + 0xff + 1) % 256);
    for (size_t i = 0x800; i < 0x1000; i++)
        assert_int_equal(run->memory[i], 0);
    for (size_t i = 0x1400; i < DATA; i++)
        assert_int_equal(run->memory[i], 0);
    for (size_t i = DATA + 0x100; i < IMAGE_BYTES - 8; i++)
        assert_int_equal(run->memory[i], 0);
    assert_int_equal(word_at(run, DATA), BASE + 0x10 + distance);
    assert_int_equal(word_at(run, DATA + 0x33), BASE + distance);
    assert_int_equal(word_at(run, IMAGE_BYTES - 8), BASE + IMAGE_BYTES + distance);
}

static void a_good_kernel(void **state)
{
    /* Segments lie at their places, all else is zero, relocations move by the slide, whether the
     * file's size is known or not. */
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct kernel kernel = good_kernel();
        uint64_t slide = i < 2 ? 0 : 0x12345000;
        struct run run;

        kernel.size_unknown = i % 2 != 0;
        assert_int_equal(start(&run, &kernel, BASE + slide), STATUS_OK);
        assert_int_equal(run.image.base, BASE);
        assert_true(run.image.relocatable);
        expect_loaded(&run, slide);
        free(run.memory);
    }
}

static void a_kernel_linked_at_zero(void **state)
{
    /* A static position-independent executable as compilers make it, from address 0 on. */
    struct kernel kernel = good_kernel();
    struct run run;

    (void)state;
    kernel.header.entry -= BASE;
    for (unsigned i = 0; i < 4; i++)
        kernel.segments[i].virtual_address -= BASE;
    kernel.dynamic[0].value -= BASE;
    for (unsigned i = 0; i < RELOCATIONS; i++) {
        kernel.relocations[i].place -= BASE;
        kernel.relocations[i].addend -= (int64_t)BASE;
    }
    assert_int_equal(start(&run, &kernel, BASE), STATUS_OK);
    assert_int_equal(run.image.base, 0);
    expect_loaded(&run, 0);
    free(run.memory);
}

static void fixed_kernels(void **state)
{
    /* A fixed executable is loaded where it was linked; one that GNU ld only calls fixed because it
     * is linked high is moved; one that has relocations all the same is refused. */
    struct kernel kernel = good_kernel();
    struct run run;

    (void)state;
    kernel.header.type = ELF_TYPE_EXECUTABLE;
    expect_refused(&kernel, STATUS_UNSUPPORTED, "fixed executable, but has relocations");
    kernel.dynamic[3] = (struct elf_dynamic){ ELF_DYNAMIC_FLAGS_1, ELF_FLAG_1_PIE };
    assert_int_equal(start(&run, &kernel, BASE + 0x2000), STATUS_OK);
    assert_true(run.image.relocatable);
    expect_loaded(&run, 0x2000);
    free(run.memory);
    kernel.header.program_header_count = 3; /* no dynamic section */
    assert_int_equal(start(&run, &kernel, 0), STATUS_OK);
    assert_false(run.image.relocatable);
    assert_int_equal(word_at(&run, IMAGE_BYTES - 8), 0);
    free(run.memory);
    for (unsigned i = 0; i < 3; i++)
        kernel.segments[i].virtual_address -= BASE - 0x400000;
    kernel.header.entry -= BASE - 0x400000;
    expect_refused(&kernel, STATUS_UNSUPPORTED, "linked at 0x400000");
}

static void segments_within_pages(void **state)
{
    /* Segments need not begin or end at a page, as long as they share none; empty ones are passed
     * over; what is no segment of ours is, too. */
    struct kernel kernel = good_kernel();
    struct run run;

    (void)state;
    kernel.segments[2].offset += 0x38;
    kernel.segments[2].virtual_address += 0x38;
    kernel.segments[2].file_bytes -= 0x38;
    kernel.relocations[0].type = ELF_RELOCATION_NONE;
    kernel.segments[4] = (struct elf_program_header){ .type = ELF_SEGMENT_LOAD, .alignment = 3 };
    kernel.header.program_header_count = 5;
    assert_int_equal(start(&run, &kernel, BASE), STATUS_OK);
    assert_int_equal(run.image.segment_count, 3);
    assert_int_equal(run.image.segments[2].start, DATA + 0x38);
    assert_int_equal(word_at(&run, DATA), 0);
    assert_int_equal(run.memory[DATA + 0x40], (0x30 + 0x40 + 1) % 256);
    free(run.memory);
    kernel.segments[4].type = 0x6474e551; /* GNU_STACK */
    assert_int_equal(start(&run, &kernel, BASE), STATUS_OK);
    free(run.memory);
}

/* --- bad kernels ------------------------------------------------------------------------- */

static void foreign_files(void **state)
{
    /* What is no kernel for this machine is refused, and called by its name. */
    (void)state;
    REFUSED(header.ident[0], 'M', STATUS_UNSUPPORTED, "not an ELF file");
    REFUSED(header.ident[ELF_IDENT_CLASS], 1, STATUS_UNSUPPORTED, "not a 64-bit");
    REFUSED(header.ident[ELF_IDENT_DATA], 2, STATUS_UNSUPPORTED, "big-endian");
    REFUSED(header.ident[ELF_IDENT_VERSION], 0, STATUS_UNSUPPORTED, "unknown ELF version");
    REFUSED(header.version, 2, STATUS_UNSUPPORTED, "unknown ELF version");
    REFUSED(header.machine, ELF_MACHINE_AARCH64, STATUS_UNSUPPORTED, "for AArch64 (machine 183)");
    REFUSED(header.machine, ELF_MACHINE_386, STATUS_UNSUPPORTED, "for i386 (machine 3)");
    REFUSED(header.machine, 999, STATUS_UNSUPPORTED, "an unknown machine (machine 999)");
    REFUSED(header.type, ELF_TYPE_RELOCATABLE, STATUS_UNSUPPORTED, "not linked");
    REFUSED(header.type, ELF_TYPE_CORE, STATUS_UNSUPPORTED, "core dump");
    REFUSED(header.type, 0xfe00, STATUS_UNSUPPORTED, "type is 65024");
    REFUSED(segments[3].type, ELF_SEGMENT_INTERPRETER, STATUS_UNSUPPORTED, "interpreter");
}

static void bad_headers(void **state)
{
    /* Sizes, counts and places of headers that can't be are refused. */
    (void)state;
    REFUSED(header.header_bytes, 52, STATUS_CORRUPT, "ELF header claims 52 bytes");
    REFUSED(header.program_header_bytes, 32, STATUS_CORRUPT, "program headers claim 32 bytes");
    REFUSED(header.program_header_count, 0, STATUS_CORRUPT, "0 program headers");
    REFUSED(header.program_header_count, 65, STATUS_CORRUPT, "65 program headers");
    REFUSED(header.program_headers, FILE_BYTES - 8, STATUS_TRUNCATED, "within the program headers");
    REFUSED(header.program_headers, UINT64_MAX - 8, STATUS_TRUNCATED, "within the program headers");
    REFUSED(header.entry, BASE - 1, STATUS_CORRUPT, "entry point 0xffffffff7fffffff");
    REFUSED(header.entry, BASE + 0x800, STATUS_CORRUPT, "in no executable segment");
    REFUSED(header.entry, BASE + DATA, STATUS_CORRUPT, "in no executable segment");
    REFUSED(header.entry, 0, STATUS_CORRUPT, "in no executable segment");
    REFUSED(file_bytes, 0, STATUS_TRUNCATED, "within the ELF header");
    REFUSED(file_bytes, 63, STATUS_TRUNCATED, "within the ELF header");
    REFUSED(file_bytes, 64 + 4 * 56 - 1, STATUS_TRUNCATED, "within the program headers");
}

static void bad_segments(void **state)
{
    /* Ranges that wrap, lie outside of the file, overlap, share a page, break their alignment or
     * are writable and executable are refused. */
    (void)state;
    REFUSED(segments[0].file_bytes, 0x801, STATUS_CORRUPT, "header 0 has more bytes in the file");
    REFUSED(segments[1].offset, UINT64_MAX - 0xfff, STATUS_TRUNCATED, "header 1 reaches to byte");
    REFUSED(segments[1].offset, UINT64_MAX - 0xff, STATUS_CORRUPT, "file range that wraps");
    REFUSED(segments[2].file_bytes, 0x101, STATUS_TRUNCATED, "reaches to byte 0x3101");
    REFUSED(segments[2].memory_bytes, UINT64_MAX - 0xff, STATUS_CORRUPT, "addresses that wrap");
    REFUSED(segments[2].virtual_address, 0xfffffffffffff000u, STATUS_CORRUPT, "that wrap");
    REFUSED(segments[2].memory_bytes, 0x7fff0000u, STATUS_UNSUPPORTED, "more than 1 GiB");
    REFUSED(segments[1].alignment, 0x1800, STATUS_CORRUPT, "no power of two");
    REFUSED(segments[1].alignment, (uint64_t)1 << 40, STATUS_CORRUPT, "more than 1 GiB");
    REFUSED(segments[1].offset, 0x2008, STATUS_CORRUPT, "break its alignment");
    REFUSED(segments[0].memory_bytes, 0x1001, STATUS_CORRUPT, "header 1 overlaps");
    REFUSED(segments[1].memory_bytes, 0x2001, STATUS_CORRUPT, "header 2 overlaps");
    REFUSED(segments[1].virtual_address, BASE - 0x1000, STATUS_CORRUPT, "out of order");
    REFUSED(segments[0].flags, ELF_READ | ELF_WRITE | ELF_EXECUTE, STATUS_DENIED,
            "header 0 is both writable and executable");
}

static void too_many_or_too_few_segments(void **state)
{
    /* A kernel has at least one loadable segment, and at most ELF_MAX_SEGMENTS. */
    struct kernel kernel = good_kernel();
    struct elf_program_header headers[ELF_MAX_SEGMENTS + 1];
    uint8_t *file;
    struct memory_source source;
    struct elf_image image;
    struct refusal refusal = { 0 };

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        kernel.segments[i].type = 0;
    expect_refused(&kernel, STATUS_CORRUPT, "nothing to load");
    kernel = good_kernel();
    for (unsigned i = 0; i < ARRAY_COUNT(headers); i++) {
        headers[i] = kernel.segments[0];
        headers[i].virtual_address += i * 0x1000;
    }
    kernel.header.program_headers = 0x2000;
    kernel.header.program_header_count = ELF_MAX_SEGMENTS;
    file = make_file(&kernel);
    memcpy(file + 0x2000, headers, sizeof(headers));
    memory_source_init(&source, file, FILE_BYTES);
    assert_int_equal(elf_parse(&source.source, &image, &refusal), STATUS_OK);
    assert_int_equal(image.segment_count, ELF_MAX_SEGMENTS);
    ((struct elf_header *)(void *)file)->program_header_count++;
    assert_int_equal(elf_parse(&source.source, &image, &refusal), STATUS_UNSUPPORTED);
    assert_non_null(strstr(refusal.reason, "more than 16 loadable"));
    free(file);
}

static void bad_relocations(void **state)
{
    /* Only relative relocations, inside of the image, from a table inside of it, are applied. */
    (void)state;
    REFUSED(segments[3].virtual_address, BASE - 8, STATUS_CORRUPT, "dynamic section lies outside");
    REFUSED(segments[3].virtual_address, BASE + IMAGE_BYTES - 0x78, STATUS_CORRUPT,
            "dynamic section lies outside");
    REFUSED(segments[3].virtual_address, BASE + 0x1004, STATUS_CORRUPT, "dynamic section lies");
    REFUSED(segments[3].memory_bytes, UINT64_MAX - 7, STATUS_CORRUPT, "dynamic section lies");
    REFUSED(dynamic[0].value, BASE - 24, STATUS_CORRUPT, "relocation table lies outside");
    REFUSED(dynamic[0].value, BASE + IMAGE_BYTES - 71, STATUS_CORRUPT, "relocation table lies");
    REFUSED(dynamic[0].value, UINT64_MAX, STATUS_CORRUPT, "relocation table lies outside");
    REFUSED(dynamic[1].value, 24 * (uint64_t)IMAGE_BYTES, STATUS_CORRUPT, "relocation table lies");
    REFUSED(dynamic[1].value, 25, STATUS_CORRUPT, "within an entry");
    REFUSED(dynamic[2].value, 16, STATUS_CORRUPT, "claim a wrong size");
    REFUSED(dynamic[3].tag, ELF_DYNAMIC_NEEDED, STATUS_UNSUPPORTED, "shared library");
    REFUSED(dynamic[3], ((struct elf_dynamic){ ELF_DYNAMIC_RELR_BYTES, 8 }), STATUS_UNSUPPORTED,
            "packed relocations");
    REFUSED(dynamic[3], ((struct elf_dynamic){ ELF_DYNAMIC_REL_BYTES, 16 }), STATUS_UNSUPPORTED,
            "without addends");
    REFUSED(dynamic[3], ((struct elf_dynamic){ ELF_DYNAMIC_PLT_BYTES, 24 }), STATUS_UNSUPPORTED,
            "procedure linkage");
    REFUSED(relocations[1].type, 1, STATUS_UNSUPPORTED, "relocation 1 is of type 1");
    REFUSED(relocations[2].symbol, 7, STATUS_UNSUPPORTED, "relocation 2 wants symbol 7");
    REFUSED(relocations[0].place, BASE - 8, STATUS_CORRUPT, "outside of the image");
    REFUSED(relocations[0].place, BASE + IMAGE_BYTES - 7, STATUS_CORRUPT, "outside of the image");
    REFUSED(relocations[0].place, 0, STATUS_CORRUPT, "relocation 0 is for 0x0");
}

/* --- everything --------------------------------------------------------------------------- */

static void every_truncation(void **state)
{
    /* A file cut short anywhere is refused, whether its size is known or only seen when it ends. */
    struct kernel kernel = good_kernel();

    (void)state;
    for (unsigned unknown = 0; unknown < 2; unknown++) {
        kernel.size_unknown = unknown != 0;
        for (size_t size = 0; size < FILE_BYTES; size += size < 400 ? 1 : 61) {
            struct run run;

            kernel.file_bytes = size;
            assert_int_equal(start(&run, &kernel, BASE), STATUS_TRUNCATED);
            free(run.memory);
        }
    }
}

static enum status fail_to_read(struct source *source, uint64_t offset, void *buffer,
                                uint64_t size_bytes)
{
    (void)source;
    (void)offset;
    (void)buffer;
    (void)size_bytes;
    return STATUS_IO;
}

static void failing_devices(void **state)
{
    /* A device that fails is not mistaken for a short file. */
    struct source source = { fail_to_read, FILE_BYTES };
    struct elf_image image;
    struct refusal refusal = { 0 };

    (void)state;
    assert_int_equal(elf_parse(&source, &image, &refusal), STATUS_IO);
    assert_non_null(strstr(refusal.reason, "could not be read"));
}

static void random_damage(void **state)
{
    /* Whatever is in the headers and tables, nothing outside of file and image is touched, and what
     * is accepted holds what elf.h promises. */
    uint64_t random = 42;
    unsigned accepted = 0;

    (void)state;
    for (unsigned round = 0; round < 10000; round++) {
        struct kernel kernel = good_kernel();
        size_t reach = offsetof(struct kernel, file_bytes);
        struct run run;

        for (unsigned i = 0; i < 1 + round % 3; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            ((uint8_t *)&kernel)[(random >> 16) % reach] ^= (uint8_t)(1u << (random >> 48) % 8);
        }
        if (start(&run, &kernel, BASE) == STATUS_OK) {
            accepted++;
            assert_true(run.image.entry < run.image.size_bytes);
            assert_true(is_aligned(run.image.base, PAGE_SIZE));
            for (unsigned i = 0; i < run.image.segment_count; i++)
                assert_true((run.image.segments[i].rights & (ELF_WRITE | ELF_EXECUTE)) !=
                            (ELF_WRITE | ELF_EXECUTE));
        } else {
            assert_true(run.refusal.reason[0] != '\0');
        }
        free(run.memory);
    }
    assert_in_range(accepted, 1, 9999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_kernel),   cmocka_unit_test(a_kernel_linked_at_zero),
        cmocka_unit_test(fixed_kernels),   cmocka_unit_test(segments_within_pages),
        cmocka_unit_test(foreign_files),   cmocka_unit_test(bad_headers),
        cmocka_unit_test(bad_segments),    cmocka_unit_test(too_many_or_too_few_segments),
        cmocka_unit_test(bad_relocations), cmocka_unit_test(every_truncation),
        cmocka_unit_test(failing_devices), cmocka_unit_test(random_damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
