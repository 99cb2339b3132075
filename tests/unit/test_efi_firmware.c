/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_efi_firmware.c - properties of the loader's dealings with the firmware: pages, files,
 * the first memory map.
 */
#include "uefi_machine.h"

#include "efi/files.h"
#include "efi/loader.h"
#include "efi/pages.h"
#include "lib/bits.h"

#define FILE_BYTES (3 * MiB + 777)

static uint8_t content[FILE_BYTES];

static int start_machine(void **state)
{
    (void)state;
    uefi_machine_start(3);
    for (size_t i = 0; i < FILE_BYTES; i++)
        content[i] = (uint8_t)(i * 31 + i / 4093);
    return 0;
}

static int stop_machine(void **state)
{
    (void)state;
    pages_free_all();
    uefi_machine_stop();
    return 0;
}

/* --- pages ------------------------------------------------------------------------------- */

static void page_zero_is_not_taken(void **state)
{
    /* When the firmware gives out page 0, another piece is taken, and page 0 is given back. */
    paddr_t base;

    (void)state;
    uefi_machine.gives_page_zero = true;
    assert_int_equal(pages_allocate(3 * PAGE_SIZE, PAGES_ANYWHERE, REGION_TAG_STACK, &base),
                     STATUS_OK);
    assert_int_not_equal(pa_value(base), 0);
    assert_int_equal(uefi_machine.pages_out, 3);
    uefi_machine.gives_page_zero = true;
    uefi_machine.refuse_after = 1;
    assert_int_equal(pages_allocate(PAGE_SIZE, PAGES_ANYWHERE, REGION_TAG_STACK, &base),
                     STATUS_NO_MEMORY);
    assert_int_equal(uefi_machine.pages_out, 3);
}

static void memory_above_the_ceiling_will_do(void **state)
{
    /* Where nothing is left below 4 GiB, memory above is taken; where nothing is left at all, that
     * is said. */
    paddr_t base;

    (void)state;
    uefi_machine.low_memory_full = true;
    assert_int_equal(pages_allocate(PAGE_SIZE, PAGES_ANYWHERE, REGION_TAG_STACK, &base), STATUS_OK);
    uefi_machine.refuse_after = 0;
    assert_int_equal(pages_allocate(PAGE_SIZE, PAGES_ANYWHERE, REGION_TAG_STACK, &base),
                     STATUS_NO_MEMORY);
    assert_int_equal(pages_allocate(UINT64_MAX, PAGES_ANYWHERE, REGION_TAG_STACK, &base),
                     STATUS_NO_MEMORY);
}

static void pieces_are_aligned_as_asked(void **state)
{
    /* A piece begins at its phase, and lies within what the firmware gave. */
    (void)state;
    for (uint64_t phase = 0; phase < 2 * MiB; phase += 37 * PAGE_SIZE) {
        struct page_alignment alignment = { 2 * MiB, phase };
        const struct owned_pages *owned;
        size_t count;
        paddr_t base;

        assert_int_equal(pages_allocate(5 * PAGE_SIZE + 1, alignment, REGION_TAG_KERNEL, &base),
                         STATUS_OK);
        assert_int_equal(pa_value(base) % (2 * MiB), phase);
        owned = pages_owned(&count);
        assert_int_equal(count, 1);
        assert_int_equal(owned[0].size_bytes, 6 * PAGE_SIZE);
        assert_true(owned[0].granted_base <= pa_value(base));
        assert_true(pa_value(base) + owned[0].size_bytes <=
                    owned[0].granted_base + (owned[0].granted_pages << PAGE_SHIFT));
        pages_free(base);
        assert_int_equal(uefi_machine.pages_out, 0);
    }
}

static void the_list_is_not_overrun(void **state)
{
    /* When the list of pieces is full, no more memory is taken; all of it comes back in the end. */
    enum status status = STATUS_OK;
    size_t taken = 0;
    paddr_t base;

    (void)state;
    while (status == STATUS_OK && taken < 1000) {
        status = pages_allocate(PAGE_SIZE, PAGES_ANYWHERE, REGION_TAG_MODULE, &base);
        taken += status == STATUS_OK;
    }
    assert_int_equal(status, STATUS_NO_SPACE);
    assert_int_equal(uefi_machine.pages_out, taken);
    pages_shrink(base, 1);
    pages_free(pa(0x123000)); /* not ours: nothing happens */
    assert_int_equal(uefi_machine.pages_out, taken);
}

/* --- files ------------------------------------------------------------------------------- */

static struct text path_of(const char *path)
{
    return (struct text){ path, strlen(path) };
}

static struct uefi_file a_file(const char *path)
{
    return (struct uefi_file){ path, content, FILE_BYTES, FILE_BYTES, .tells_nothing = false };
}

/* Reads the whole first file of the first device, and expects its content. */
static void expect_whole(struct uefi_file file)
{
    struct refusal refusal = { 0 };
    struct volume volume;
    struct file open;
    uint64_t size;
    paddr_t base;

    uefi_machine.devices[0].has_volume = true;
    uefi_machine.devices[0].files[0] = file;
    assert_int_equal(files_find(path_of(file.path), &volume, &open, &refusal), STATUS_OK);
    assert_int_equal(files_read_all(&open, REGION_TAG_MODULE, 64 * MiB, &base, &size, &refusal),
                     STATUS_OK);
    assert_int_equal(size, file.size_bytes);
    assert_memory_equal(pages_pointer(base), content, size);
    assert_true(uefi_machine.largest_read <= MiB);
    files_close(&open);
    files_close_volume(&volume);
    pages_free(base);
    assert_int_equal(uefi_machine.pages_out, 0);
}

static void files_arrive_whole(void **state)
{
    /* A file arrives whole and in pieces of at most 1 MiB: from firmware that reads less than
     * was asked, that says the size is 0, says too little, or does not say it. */
    struct uefi_file file = a_file("\\k.elf");

    (void)state;
    expect_whole(file);
    file.read_at_most = 1000;
    expect_whole(file);
    file.read_at_most = 0;
    file.told_bytes = 0;
    expect_whole(file);
    file.told_bytes = 4096;
    expect_whole(file);
    file.tells_nothing = true;
    expect_whole(file);
    file.size_bytes = MiB; /* ends where the first guess does */
    expect_whole(file);
    file.size_bytes = 0;
    expect_whole(file);
}

static enum status read_whole(struct uefi_file file, uint64_t limit, struct refusal *refusal)
{
    struct volume volume;
    struct file open;
    uint64_t size;
    paddr_t base;
    enum status status;

    uefi_machine.devices[0].has_volume = true;
    uefi_machine.devices[0].files[0] = file;
    assert_int_equal(files_find(path_of(file.path), &volume, &open, refusal), STATUS_OK);
    status = files_read_all(&open, REGION_TAG_MODULE, limit, &base, &size, refusal);
    files_close(&open);
    files_close_volume(&volume);
    return status;
}

static void broken_files_are_named(void **state)
{
    /* A device error, a file that ends early, one that is too large and one that memory cannot hold
     * are told apart, and nothing stays open. */
    struct uefi_file file = a_file("\\k.elf");
    struct refusal refusal = { 0 };

    (void)state;
    file.fails_at = 2 * MiB;
    assert_int_equal(read_whole(file, 64 * MiB, &refusal), STATUS_IO);
    assert_non_null(strstr(refusal.reason, "device error"));
    file.fails_at = 0;
    file.told_bytes = FILE_BYTES + 5;
    assert_int_equal(read_whole(file, 64 * MiB, &refusal), STATUS_TRUNCATED);
    file.told_bytes = FILE_BYTES;
    assert_int_equal(read_whole(file, FILE_BYTES - 1, &refusal), STATUS_NO_SPACE);
    file.told_bytes = 0;
    assert_int_equal(read_whole(file, FILE_BYTES - 1, &refusal), STATUS_NO_SPACE);
    file.told_bytes = FILE_BYTES;
    uefi_machine.refuse_after = 0;
    assert_int_equal(read_whole(file, 64 * MiB, &refusal), STATUS_NO_MEMORY);
}

/* The machine has one volume with `kernel`, which is opened. */
static void open_kernel(struct uefi_file kernel, struct volume *volume, struct file *file)
{
    struct refusal refusal = { 0 };

    uefi_machine.devices[0].has_volume = true;
    uefi_machine.devices[0].files[0] = kernel;
    assert_int_equal(files_find(path_of("/k.elf"), volume, file, &refusal), STATUS_OK);
}

static void parts_are_read_where_they_are(void **state)
{
    /* A file can be read at any place, in any order; what lies behind its end is not asked for. */
    struct volume volume;
    struct file file;
    uint8_t part[100];

    (void)state;
    open_kernel(a_file("\\k.elf"), &volume, &file);
    for (uint64_t offset = 5000; offset <= 5000; offset -= 487) {
        assert_int_equal(source_read_at(&file.source, offset, part, sizeof(part)), STATUS_OK);
        assert_memory_equal(part, content + offset, sizeof(part));
    }
    assert_int_equal(source_read_at(&file.source, FILE_BYTES - 100, part, 100), STATUS_OK);
    assert_int_equal(source_read_at(&file.source, FILE_BYTES - 99, part, 100), STATUS_TRUNCATED);
    assert_int_equal(source_read_at(&file.source, UINT64_MAX, part, 1), STATUS_TRUNCATED);
    assert_int_equal(source_read_at(&file.source, 0, part, 100), STATUS_OK);
    files_close(&file);
    files_close_volume(&volume);
}

static void parts_that_cannot_be_read(void **state)
{
    /* A part that the device fails to give is told from one that is not there. */
    struct uefi_file broken = a_file("\\k.elf");
    struct volume volume;
    struct file file;
    uint8_t part[100];

    (void)state;
    broken.fails_at = 4096;
    open_kernel(broken, &volume, &file);
    assert_int_equal(source_read_at(&file.source, 0, part, sizeof(part)), STATUS_OK);
    assert_int_equal(source_read_at(&file.source, 5000, part, sizeof(part)), STATUS_IO);
    assert_int_equal(source_read_at(&file.source, FILE_BYTES, part, 1), STATUS_TRUNCATED);
    uefi_machine.devices[0].files[0].cannot_seek = true;
    assert_int_equal(source_read_at(&file.source, 1000, part, sizeof(part)), STATUS_IO);
    uefi_machine.devices[0].files[0].cannot_seek = false;
    assert_int_equal(source_read_at(&file.source, 1000, part, sizeof(part)), STATUS_OK);
    assert_memory_equal(part, content + 1000, sizeof(part));
    files_close(&file);
    files_close_volume(&volume);
}

static void the_start_device_comes_first(void **state)
{
    /* A file is taken from the device that started the loader, else from the first volume that has
     * it; devices without volumes, volumes without it and ones that cannot be read are passed over. */
    struct refusal refusal = { 0 };
    struct volume volume;
    struct file file;

    (void)state;
    assert_int_equal(files_find(path_of("\\c"), &volume, &file, &refusal), STATUS_NOT_FOUND);
    uefi_machine.devices[2].has_volume = true;
    uefi_machine.devices[2].files[0] = a_file("\\c");
    uefi_machine.devices[2].files[0].told_bytes = 222;
    uefi_machine.devices[1].has_volume = true;
    uefi_machine.devices[1].files[0] = a_file("\\c");
    uefi_machine.devices[1].files[0].open_status = EFI_NO_MEDIA;
    assert_int_equal(files_find(path_of("c"), &volume, &file, &refusal), STATUS_OK);
    assert_int_equal(file.source.size_bytes, 222);
    files_close(&file);
    files_close_volume(&volume);
    uefi_machine.devices[0].has_volume = true; /* without the file */
    assert_int_equal(files_find(path_of("/c"), &volume, &file, &refusal), STATUS_OK);
    assert_int_equal(file.source.size_bytes, 222);
    files_close(&file);
    files_close_volume(&volume);
    assert_int_equal(files_find(path_of("/d"), &volume, &file, &refusal), STATUS_NOT_FOUND);
    uefi_machine.devices[0].files[0] = a_file("\\c");
    assert_int_equal(files_find(path_of("/c"), &volume, &file, &refusal), STATUS_OK);
    assert_int_equal(file.source.size_bytes, FILE_BYTES);
    files_close(&file);
    files_close_volume(&volume);
    uefi_machine.devices[0].files[0].open_status = EFI_VOLUME_CORRUPTED;
    assert_int_equal(files_find(path_of("/c"), &volume, &file, &refusal), STATUS_CORRUPT);
    assert_non_null(strstr(refusal.reason, "volume corrupted"));
}

static void missing_files_and_folders(void **state)
{
    /* A named file that is missing, a folder in its place, and a failing device are refused, each
     * by the path that was asked for. */
    struct refusal refusal = { 0 };
    struct volume volume;
    struct file file;

    (void)state;
    uefi_machine.devices[0].has_volume = true;
    uefi_machine.devices[0].files[0] = a_file("\\c");
    uefi_machine.devices[0].files[1] = a_file("\\folder");
    uefi_machine.devices[0].files[1].is_folder = true;
    uefi_machine.devices[0].files[2] = a_file("\\a\\bad");
    uefi_machine.devices[0].files[2].open_status = EFI_DEVICE_ERROR;
    assert_int_equal(files_find(path_of("\\c"), &volume, &file, &refusal), STATUS_OK);
    files_close(&file);
    assert_int_equal(files_open(&volume, path_of("a/none"), &file, &refusal), STATUS_NOT_FOUND);
    assert_string_equal(refusal.place, "a/none");
    assert_int_equal(files_open(&volume, path_of("/folder"), &file, &refusal), STATUS_INVALID);
    assert_non_null(strstr(refusal.reason, "folder"));
    assert_int_equal(files_open(&volume, path_of("/a/bad"), &file, &refusal), STATUS_IO);
    assert_non_null(strstr(refusal.reason, "device error"));
    files_close_volume(&volume);
}

/* --- the first memory map ---------------------------------------------------------------- */

static enum status survey(struct loader *loader)
{
    *loader = (struct loader){ .machine = { .physical_bits = 40 } };
    return memory_survey(loader);
}

static void the_survey_finds_ram(void **state)
{
    /* The map is asked for until it fits, although every buffer for it makes it longer. */
    static struct loader loader;

    (void)state;
    uefi_machine.map_growth = 48 * 5;
    assert_int_equal(survey(&loader), STATUS_OK);
    assert_int_equal(loader.totals.usable, 64 * MiB);
    assert_int_equal(loader.descriptor_bytes, 48);
    assert_true(uefi_machine.map_calls <= 3);
}

static void maps_that_cannot_be_had(void **state)
{
    /* Firmware whose map always outgrows its buffer, fails, has short descriptors or no memory is
     * refused with the reason; no answer hangs the loader. */
    static struct loader loader;

    (void)state;
    uefi_machine.map_growth = 48 * 500;
    assert_int_equal(survey(&loader), STATUS_NO_SPACE);
    uefi_machine.map_growth = 0;
    uefi_machine.map_status = EFI_DEVICE_ERROR;
    assert_int_equal(survey(&loader), STATUS_IO);
    uefi_machine.map_status = EFI_SUCCESS;
    uefi_machine.descriptor_size = 39;
    assert_int_equal(survey(&loader), STATUS_CORRUPT);
    uefi_machine.descriptor_size = 0;
    assert_int_equal(survey(&loader), STATUS_CORRUPT);
    uefi_machine.descriptor_size = 48;
    uefi_machine.map_bytes = 480 + 8;
    assert_int_equal(survey(&loader), STATUS_CORRUPT);
    uefi_machine.map_bytes = 480;
    uefi_machine.ram_bytes = 0;
    assert_int_equal(survey(&loader), STATUS_NO_MEMORY);
    assert_non_null(strstr(loader.refusal.reason, "no usable memory"));
    uefi_machine.refuse_after = 0;
    assert_int_equal(survey(&loader), STATUS_NO_MEMORY);
}

static void room_for_a_growing_map(void **state)
{
    /* There is room for at least eight and an eighth more descriptors than there were. */
    (void)state;
    for (size_t count = 1; count < 5000; count += 7) {
        size_t room = memory_map_room(count * 48, 48, 0);

        assert_int_equal(room % 48, 0);
        assert_true(room / 48 >= count + count / 8 + 8);
        assert_true(memory_map_room(count * 48, 48, 10) >= room + 20 * 48);
    }
}

static uint64_t arena_of(uint64_t ram_start, uint64_t ram_bytes)
{
    static struct loader loader;
    const struct owned_pages *owned;
    size_t count;

    uefi_machine.ram_start = ram_start;
    uefi_machine.ram_bytes = ram_bytes;
    assert_int_equal(survey(&loader), STATUS_OK);
    assert_int_equal(memory_take_arena(&loader), STATUS_OK);
    if (loader.arena_bytes > 0) {
        owned = pages_owned(&count);
        assert_int_equal(owned[count - 1].tag, REGION_TAG_ARENA);
        assert_int_equal(owned[count - 1].size_bytes, loader.arena_bytes);
    }
    pages_free_all();
    return loader.arena_bytes;
}

static void arenas(void **state)
{
    /* The arena grows with the areas that have RAM, is at most a share of a small machine, and is
     * smaller or missing where memory is short, without that being a failure. */
    (void)state;
    assert_int_equal(arena_of(MiB, 512 * MiB), 64 * KiB + 552 * KiB);
    assert_int_equal(arena_of(GiB, GiB), 64 * KiB + 552 * KiB);
    assert_int_equal(arena_of(2 * GiB - MiB, 513 * MiB), 64 * KiB + 2 * 552 * KiB);
    assert_int_equal(arena_of(GiB, 64 * GiB), 64 * KiB + 64 * 552 * KiB);
    assert_int_equal(arena_of(MiB, 16 * MiB), 512 * KiB);
    uefi_machine.refuse_after = 2; /* the map's buffer and the table's */
    assert_int_equal(arena_of(MiB, 64 * MiB), 0);
}

#define MACHINE_TEST(test) cmocka_unit_test_setup_teardown(test, start_machine, stop_machine)

int main(void)
{
    const struct CMUnitTest tests[] = {
        MACHINE_TEST(page_zero_is_not_taken),       MACHINE_TEST(memory_above_the_ceiling_will_do),
        MACHINE_TEST(pieces_are_aligned_as_asked),  MACHINE_TEST(the_list_is_not_overrun),
        MACHINE_TEST(files_arrive_whole),           MACHINE_TEST(broken_files_are_named),
        MACHINE_TEST(parts_that_cannot_be_read),    MACHINE_TEST(parts_are_read_where_they_are),
        MACHINE_TEST(the_start_device_comes_first), MACHINE_TEST(missing_files_and_folders),
        MACHINE_TEST(the_survey_finds_ram),         MACHINE_TEST(maps_that_cannot_be_had),
        MACHINE_TEST(room_for_a_growing_map),       MACHINE_TEST(arenas),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
