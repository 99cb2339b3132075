/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_multiboot.c - whatever a Multiboot loader leaves becomes a handoff that can be adopted, or a
 * refusal with a reason.
 */
#include "multiboot_machine.h"

#include <dirent.h>

#define MAPS_FOLDER "tests/data/maps/e820"

static int setup(void **state)
{
    *state = loader_new();
    return 0;
}

static int teardown(void **state)
{
    loader_free(*state);
    return 0;
}

/* --- what is told arrives ---------------------------------------------------------------- */

static void a_plain_machine(void **state)
{
    /* Texts, map and the kernel's own image arrive; everything else is free. */
    struct loader *loader = *state;
    const struct region *kernel;

    put_small_machine(loader);
    loader->info.flags |= MULTIBOOT_HAS_COMMAND_LINE | MULTIBOOT_HAS_LOADER_NAME;
    loader->info.command_line = put(loader, "kernel json exit", 17);
    loader->info.loader_name = put(loader, "qemu", 5);
    assert_int_equal(start(loader), STATUS_OK);
    assert_string_equal(loader->view.command_line, "kernel json exit");
    assert_string_equal(loader->view.loader_name, "qemu");
    assert_int_equal(loader->view.handoff->loader, HANDOFF_LOADER_MULTIBOOT);
    kernel = memmap_find(&loader->view.map, pa(KERNEL_BASE));
    assert_non_null(kernel);
    assert_int_equal(kernel->tag, REGION_TAG_KERNEL);
    assert_int_equal(free_bytes(loader), 63 * MiB - KERNEL_BYTES);
    assert_int_equal(loader->view.firmware_map->map_bytes, 4 * sizeof(struct e820_entry));
    assert_int_equal(host_log_count(LOG_WARNING), 0);
}

static void the_name_of_the_file_is_left_out(void **state)
{
    /* A first word that is a path, or ends in .elf, is what the loader put there; others were typed. */
    static const struct {
        const char *told, *kept;
    } cases[] = { { "build/kernel-i386.elf json exit", "json exit" },
                  { "kernel.elf  quiet", "quiet" },
                  { "/kernel", "" },
                  { "kernel.elf", "" },
                  { ".elf", ".elf" },
                  { "", "" },
                  { "json /x", "json /x" },
                  { "run=a/b exit", "run=a/b exit" },
                  { "\"run=map; a/b\"", "\"run=map; a/b\"" } };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct loader *loader = loader_new();

        put_small_machine(loader);
        loader->info.flags |= MULTIBOOT_HAS_COMMAND_LINE;
        loader->info.command_line = put(loader, cases[i].told, strlen(cases[i].told) + 1);
        assert_int_equal(start(loader), STATUS_OK);
        assert_string_equal(loader->view.command_line, cases[i].kept);
        loader_free(loader);
    }
    (void)state;
}

static void only_sizes(void **state)
{
    /* Without a map, mem_lower and mem_upper are the memory; mem_lower ends at 640 KiB. */
    struct loader *loader = *state;
    const struct region *low;

    loader->info.flags = MULTIBOOT_HAS_SIZES;
    loader->info.mem_lower = 1024;
    loader->info.mem_upper = 31 * 1024;
    assert_int_equal(start(loader), STATUS_OK);
    assert_int_equal(free_bytes(loader), 31 * MiB - KERNEL_BYTES);
    low = memmap_find(&loader->view.map, pa(0x9ffff));
    assert_non_null(low);
    assert_null(memmap_find(&loader->view.map, pa(0xa0000)));
    assert_true(host_log_contains("no map of memory"));
}

static void a_map_is_better_than_sizes(void **state)
{
    /* Where there is a map with memory in it, mem_upper (which ends at the first hole) is ignored. */
    struct loader *loader = *state;

    put_small_machine(loader);
    put_entry(loader, 24, 4 * GiB, 2 * GiB, E820_USABLE);
    loader->info.flags |= MULTIBOOT_HAS_SIZES;
    loader->info.mem_upper = UINT32_MAX;
    assert_int_equal(start(loader), STATUS_OK);
    assert_int_equal(free_bytes(loader), 2 * GiB + 63 * MiB - KERNEL_BYTES);
}

static void two_entries_and_nothing_else(void **state)
{
    /* Two entries and neither mem_lower nor mem_upper, as v86 leaves it, are enough. */
    struct loader *loader = *state;

    put_entry(loader, 20, 0, 640 * KiB, E820_USABLE);
    put_entry(loader, 20, MiB, 127 * MiB, E820_USABLE);
    assert_int_equal(start(loader), STATUS_OK);
    assert_int_equal(free_bytes(loader), 127 * MiB - KERNEL_BYTES);
    assert_int_equal(host_log_count(LOG_WARNING), 0);
}

static void nothing_about_memory(void **state)
{
    /* Neither map nor sizes, or ones without memory in them: refused, with what to do. */
    struct loader *loader = *state;

    assert_int_equal(start(loader), STATUS_NOT_FOUND);
    assert_true(host_log_contains("start with a loader that does"));
    put_entry(loader, 20, MiB, 0, E820_USABLE);
    put_entry(loader, 20, MiB, MiB, E820_RESERVED);
    loader->info.flags |= MULTIBOOT_HAS_SIZES;
    assert_int_equal(start(loader), STATUS_NOT_FOUND);
}

/* A picture of 3 MiB at 48 MiB. */
static void put_framebuffer(struct loader *loader)
{
    loader->info.flags |= MULTIBOOT_HAS_FRAMEBUFFER;
    loader->info.framebuffer = 48 * MiB;
    loader->info.framebuffer_stride_bytes = 4096;
    loader->info.framebuffer_width = 1000;
    loader->info.framebuffer_height = 768;
    loader->info.framebuffer_bits = 32;
    loader->info.framebuffer_type = MULTIBOOT_FRAMEBUFFER_RGB;
    loader->info.red = (struct multiboot_colour){ 16, 8 };
    loader->info.green = (struct multiboot_colour){ 8, 8 };
    loader->info.blue = (struct multiboot_colour){ 0, 8 };
}

static void a_framebuffer(void **state)
{
    /* A linear RGB framebuffer arrives with its masks and is cut out of memory; text mode is none. */
    struct loader *loader = *state;
    const struct region *row;

    put_small_machine(loader);
    put_framebuffer(loader);
    assert_int_equal(start(loader), STATUS_OK);
    assert_non_null(loader->view.framebuffer);
    assert_int_equal(loader->view.framebuffer->red_mask, 0xff0000);
    assert_int_equal(loader->view.framebuffer->green_mask, 0xff00);
    assert_int_equal(loader->view.framebuffer->blue_mask, 0xff);
    row = memmap_find(&loader->view.map, pa(48 * MiB));
    assert_int_equal(row->tag, REGION_TAG_FRAMEBUFFER);
    assert_int_equal(row->size_bytes, 3 * MiB);
    loader->info.framebuffer_type = MULTIBOOT_FRAMEBUFFER_TEXT;
    assert_int_equal(start(loader), STATUS_OK);
    assert_null(loader->view.framebuffer);
    assert_int_equal(free_bytes(loader), 63 * MiB - KERNEL_BYTES);
}

/* --- modules ----------------------------------------------------------------------------- */

static void put_modules(struct loader *loader, const struct multiboot_module *modules, size_t count)
{
    loader->info.flags |= MULTIBOOT_HAS_MODULES;
    loader->info.module_count = (uint32_t)count;
    loader->info.modules = put(loader, modules, count * sizeof(*modules));
}

static void modules_are_kept(void **state)
{
    /* Modules arrive in order, by name, and their pages are not free; an empty one is no trouble. */
    struct loader *loader = *state;
    uint32_t name = put(loader, "disk one", 9);
    const struct multiboot_module modules[] = {
        { 0x400000, 0x400123, name, 0 },
        { 0x500000, 0x500000, name + 5, 0 },
    };

    put_small_machine(loader);
    put_modules(loader, modules, ARRAY_COUNT(modules));
    assert_int_equal(start(loader), STATUS_OK);
    assert_int_equal(loader->view.module_count, 2);
    assert_string_equal(handoff_module_at(&loader->view, 0)->name, "disk one");
    assert_int_equal(handoff_module_at(&loader->view, 0)->size_bytes, 0x123);
    assert_string_equal(handoff_module_at(&loader->view, 1)->name, "one");
    assert_int_equal(free_bytes(loader), 63 * MiB - KERNEL_BYTES - PAGE_SIZE);
}

static void impossible_modules_are_left_out(void **state)
{
    /* A module over the kernel, over another one, outside of memory, backwards or within a page is
     * left out with its reason, and those beside it stay. */
    struct loader *loader = *state;
    uint32_t name = put(loader, "m", 2);
    const struct multiboot_module modules[] = {
        { KERNEL_BASE + 0x1000, KERNEL_BASE + 0x2000, name, 0 },
        { 0x400000, 0x402000, name, 0 },
        { 0x401000, 0x403000, name, 0 },
        { 0x3fff000, 0x4001000, name, 0 },
        { 0x600000, 0x500000, name, 0 },
        { 0x700010, 0x700020, name, 0 },
        { 0xfffff000, 0xffffffff, name, 0 },
        { 0x800000, 0x801000, 0xfffffff0, 0 },
    };

    put_small_machine(loader);
    put_modules(loader, modules, ARRAY_COUNT(modules));
    assert_int_equal(start(loader), STATUS_OK);
    assert_int_equal(loader->view.module_count, 2);
    assert_int_equal(handoff_module_at(&loader->view, 0)->base, 0x400000);
    assert_int_equal(handoff_module_at(&loader->view, 1)->base, 0x800000);
    assert_true(host_log_contains("module 1 of 8"));
    assert_true(host_log_contains("it ends before it starts"));
    assert_true(host_log_contains("it does not start on a page"));
    assert_int_equal(host_log_count(LOG_WARNING), 7);
}

static void more_modules_than_there_are(void **state)
{
    /* A count of modules beyond what can be read ends where reading does. */
    struct loader *loader = *state;
    const struct multiboot_module module = { 0x400000, 0x401000, BLOCK_BASE, 0 };

    put_small_machine(loader);
    put_modules(loader, &module, 1);
    loader->info.module_count = UINT32_MAX;
    assert_int_equal(start(loader), STATUS_OK);
    assert_int_equal(loader->view.module_count, 1);
    assert_true(host_log_contains("4294967295 modules are told of"));
}

/* --- what is wrong ----------------------------------------------------------------------- */

static void no_multiboot_loader(void **state)
{
    /* Another magic number, or a block out of reach, is refused with its own status. */
    struct loader *loader = *state;

    put_small_machine(loader);
    loader->source.magic = 0x36d76289; /* Multiboot 2 */
    assert_int_equal(start(loader), STATUS_INVALID);
    assert_true(host_log_contains("0x36d76289"));
    loader->source.magic = MULTIBOOT_LOADER_MAGIC;
    loader->source.info = 0xfffffff0;
    assert_int_equal(start(loader), STATUS_TRUNCATED);
}

static void broken_entries_end_the_map(void **state)
{
    /* An entry of an absurd size, or beyond the map or the memory, ends it; what came before stands. */
    static const uint32_t sizes[] = { 0, 4, 19, 0x1000, 0x7fffffff, UINT32_MAX - 3, UINT32_MAX };
    static const unsigned char behind[64]; /* readable, but no part of the map */
    struct loader *loader = *state;
    uint32_t bytes, place;

    put_small_machine(loader);
    place = loader->used;
    put_entry(loader, 20, 64 * MiB, 64 * MiB, E820_USABLE);
    bytes = loader->info.map_bytes;
    put(loader, behind, sizeof(behind));
    for (unsigned i = 0; i < ARRAY_COUNT(sizes); i++) {
        memcpy(loader->bytes + place, &sizes[i], sizeof(sizes[i]));
        loader->info.map_bytes = sizes[i] < 20 ? UINT32_MAX : bytes;
        host_log_clear();
        assert_int_equal(start(loader), STATUS_OK);
        assert_int_equal(free_bytes(loader), 63 * MiB - KERNEL_BYTES);
        assert_true(host_log_contains("what follows is left out"));
    }
}

static void absurd_ranges(void **state)
{
    /* Ranges that wrap, are empty, overlap or lie beyond the limit do no harm to the others. */
    struct loader *loader = *state;

    put_small_machine(loader);
    put_entry(loader, 24, UINT64_MAX - 0xfff, 0x2000, E820_USABLE);
    put_entry(loader, 20, 32 * MiB, 0, E820_RESERVED);
    put_entry(loader, 24, 40 * MiB, MiB, E820_RESERVED);
    put_entry(loader, 20, (uint64_t)1 << 60, MiB, E820_USABLE);
    put_entry(loader, 20, 50 * MiB, MiB, 0xdeadbeef);
    assert_int_equal(start(loader), STATUS_OK);
    assert_int_equal(free_bytes(loader), 61 * MiB - KERNEL_BYTES);
}

static void texts_without_end(void **state)
{
    /* A text that is out of reach or has no end is left out with a warning, and is empty. */
    struct loader *loader = *state;
    static char text[8192];

    memset(text, 'x', sizeof(text));
    put_small_machine(loader);
    loader->info.flags |= MULTIBOOT_HAS_COMMAND_LINE | MULTIBOOT_HAS_LOADER_NAME;
    loader->info.command_line = 0xfffffff0;
    loader->info.loader_name = put(loader, text, sizeof(text));
    assert_int_equal(start(loader), STATUS_OK);
    assert_string_equal(loader->view.command_line, "");
    assert_string_equal(loader->view.loader_name, "");
    assert_int_equal(host_log_count(LOG_WARNING), 2);
}

struct watched {
    struct loader *loader;
    uint64_t watched_from;
    unsigned reads; /* of what lies there, which is all blanks */
};

static bool watched_read(void *context, uint64_t address, void *to, size_t size_bytes)
{
    struct watched *watched = context;

    if (address < watched->watched_from)
        return loader_read(watched->loader, address, to, size_bytes);
    watched->reads++;
    memset(to, ' ', size_bytes);
    return true;
}

static void nothing_is_read_from_holes(void **state)
{
    /* Once the map is known, texts and modules are read where it tells of memory and nowhere else:
     * not from the video memory, not from a reserved range, not from a hole, not beyond the end. */
    static const uint32_t places[] = {
        0xa0000, 0xb8000, 0xfffff, 15 * MiB, 0x40000000, 0xffffffff
    };
    struct loader *loader = *state;
    struct watched watched = { .loader = loader, .watched_from = 640 * KiB };

    loader->source =
        (struct multiboot_source){ MULTIBOOT_LOADER_MAGIC, BLOCK_BASE, watched_read, &watched };
    put_entry(loader, 20, 0, 0x9fc00, E820_USABLE);
    put_entry(loader, 20, MiB, 14 * MiB, E820_USABLE);
    put_entry(loader, 20, 15 * MiB, MiB, E820_RESERVED);
    put_entry(loader, 20, 16 * MiB, 16 * MiB, E820_USABLE);
    loader->info.flags |= MULTIBOOT_HAS_COMMAND_LINE | MULTIBOOT_HAS_MODULES;
    for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
        loader->info.command_line = places[i];
        loader->info.modules = places[i];
        loader->info.module_count = 1;
        assert_int_equal(start(loader), STATUS_OK);
        assert_int_equal(watched.reads, 0);
        assert_string_equal(loader->view.command_line, "");
    }
    loader->info.command_line = 15 * MiB - 4;
    assert_int_equal(start(loader), STATUS_OK);
    assert_int_equal(watched.reads, 4);
    put_entry(loader, 20, 64 * MiB, UINT64_MAX - 64 * MiB + 1, E820_USABLE);
    loader->info.modules = 64 * MiB;
    assert_int_equal(start(loader), STATUS_OK);
}

static void a_framebuffer_that_cannot_be(void **state)
{
    /* A framebuffer over the kernel, or larger than any, is left out, and memory is not cut. */
    static const struct {
        uint64_t base;
        uint32_t stride, height;
    } cases[] = { { KERNEL_BASE, 4096, 768 },
                  { KERNEL_BASE + KERNEL_BYTES - 1, 4096, 768 },
                  { 2 * MiB, UINT32_MAX, UINT32_MAX },
                  { 2 * MiB, 65536, 4097 },
                  { UINT64_MAX - 4096, 4096, 768 } };
    struct loader *loader = *state;

    put_small_machine(loader);
    loader->info.flags |= MULTIBOOT_HAS_FRAMEBUFFER;
    loader->info.framebuffer_type = MULTIBOOT_FRAMEBUFFER_RGB;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        loader->info.framebuffer = cases[i].base;
        loader->info.framebuffer_stride_bytes = cases[i].stride;
        loader->info.framebuffer_height = cases[i].height;
        host_log_clear();
        assert_int_equal(start(loader), STATUS_OK);
        assert_null(loader->view.framebuffer);
        assert_true(host_log_contains("cannot be: left out"));
        assert_int_equal(free_bytes(loader), 63 * MiB - KERNEL_BYTES);
    }
}

static void the_command_line_alone(void **state)
{
    /* The command line can be had without a handoff, cut to the buffer; none is an empty one. */
    struct loader *loader = *state;
    char text[8] = "before";

    assert_int_equal(start(loader), STATUS_NOT_FOUND);
    multiboot_read_command_line(&loader->source, text, sizeof(text));
    assert_string_equal(text, "");
    loader->info.flags |= MULTIBOOT_HAS_COMMAND_LINE;
    loader->info.command_line = put(loader, "json exit", 10);
    assert_int_equal(start(loader), STATUS_NOT_FOUND);
    multiboot_read_command_line(&loader->source, text, sizeof(text));
    assert_string_equal(text, "json ex");
    loader->source.magic++;
    multiboot_read_command_line(&loader->source, text, sizeof(text));
    assert_string_equal(text, "");
}

static void every_capacity(void **state)
{
    /* Whatever room there is for the handoff, nothing is written beyond it: it fits or is refused. */
    struct loader *loader = *state;
    uint32_t name = put(loader, "name", 5);
    const struct multiboot_module module = { 0x400000, 0x401000, name, 0 };
    unsigned refused = 0;
    size_t needed;

    put_small_machine(loader);
    put_modules(loader, &module, 1);
    put_framebuffer(loader);
    loader->info.flags |= MULTIBOOT_HAS_COMMAND_LINE;
    loader->info.command_line = name;
    assert_int_equal(make_handoff(loader, BLOCK_BYTES), STATUS_OK);
    needed = loader->handoff->size_bytes;
    for (size_t capacity = 0; capacity <= needed; capacity += 8) {
        struct handoff *whole = loader->handoff;
        enum status status;

        loader->handoff = malloc(capacity + 1);
        status = make_handoff(loader, capacity);
        free(loader->handoff);
        loader->handoff = whole;
        refused += status == STATUS_NO_SPACE;
        assert_true(status == STATUS_NO_SPACE || (status == STATUS_OK && capacity == needed));
    }
    assert_int_equal(refused, needed / 8);
}

static void random_damage(void **state)
{
    /* With any of its bytes damaged, the block is adopted or refused; nothing else happens. */
    struct loader *loader = *state;
    uint32_t name = put(loader, "kernel json", 12);
    const struct multiboot_module module = { 0x400000, 0x401000, name, 0 };
    struct multiboot_info info;
    uint64_t seed = 1;
    unsigned adopted = 0;

    put_small_machine(loader);
    put_modules(loader, &module, 1);
    loader->info.flags |= MULTIBOOT_HAS_COMMAND_LINE | MULTIBOOT_HAS_SIZES;
    loader->info.command_line = name;
    info = loader->info;
    for (unsigned round = 0; round < 2000; round++) {
        unsigned char kept[256];
        size_t at = (size_t)random_below(&seed, sizeof(info));

        memcpy(kept, loader->bytes, sizeof(kept));
        ((unsigned char *)&loader->info)[at] = (unsigned char)random_next(&seed);
        loader->bytes[random_below(&seed, loader->used)] = (unsigned char)random_next(&seed);
        host_log_clear();
        adopted += start(loader) == STATUS_OK;
        loader->info = info;
        memcpy(loader->bytes, kept, sizeof(kept));
    }
    assert_true(adopted > 500 && adopted < 2000);
}

/* --- real machines ----------------------------------------------------------------------- */

static uint32_t type_of_word(const char *word)
{
    static const uint32_t types[] = { E820_USABLE,        E820_RESERVED,  E820_ACPI_DATA,
                                      E820_ACPI_NVS,      E820_UNUSABLE,  E820_PERSISTENT,
                                      E820_SOFT_RESERVED, E820_UNACCEPTED };

    for (size_t i = 0; i < ARRAY_COUNT(types); i++)
        if (strcmp(word, e820_type_word(types[i])) == 0)
            return types[i];
    return strncmp(word, "type", 4) == 0 ? (uint32_t)strtoul(word + 4, NULL, 10) : E820_RESERVED;
}

/* The entries of a file, to the loader and to the table. */
static size_t read_map(const char *name, unsigned entry_bytes, struct loader *loader,
                       struct memmap *direct)
{
    char path[256], line[512], word[32];
    unsigned long long first, last;
    size_t count = 0;
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", MAPS_FOLDER, name);
    file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        if (line[0] == '#' || sscanf(line, "%llx %llx %31s", &first, &last, word) != 3)
            continue;
        put_entry(loader, entry_bytes, first, last - first + 1, type_of_word(word));
        assert_int_equal(memmap_add_e820(direct, first, last - first + 1, type_of_word(word)),
                         STATUS_OK);
        count++;
    }
    fclose(file);
    return count;
}

/* A map that knows nothing of where the kernel lies cannot have been this machine's: refused. */
static void compare_routes(const char *name, unsigned entry_bytes, unsigned *compared)
{
    struct loader *loader = loader_new();
    struct memmap direct;

    table_open(&direct, 4096, 0, MEMMAP_LIMIT_MAX);
    assert_true(read_map(name, entry_bytes, loader, &direct) > 0);
    assert_int_equal(memmap_sanitise(&direct), STATUS_OK);
    assert_int_equal(
        memmap_carve(&direct, KERNEL_BASE, KERNEL_BYTES, 0, REGION_TAG_KERNEL, MEMMAP_CARVED),
        STATUS_OK);
    assert_int_equal(memmap_carve(&direct, loader->known.stack_base, loader->known.stack_bytes, 0,
                                  REGION_TAG_STACK, MEMMAP_CARVED),
                     STATUS_OK);
    (void)!memmap_reserve_low(&direct, 4);
    if (memmap_find(&direct, pa(KERNEL_BASE)) == NULL) {
        assert_int_equal(start(loader), STATUS_CORRUPT);
    } else {
        assert_int_equal(start(loader), STATUS_OK);
        assert_int_equal(loader->view.map.count, direct.count);
        assert_memory_equal(loader->view.map.regions, direct.regions,
                            direct.count * sizeof(direct.regions[0]));
        ++*compared;
    }
    table_close(&direct);
    loader_free(loader);
}

static void real_maps_by_both_routes(void **state)
{
    /* Every real BIOS map, in entries of 20 and of 24 bytes, gives the table that the direct route
     * gives. */
    DIR *folder = opendir(MAPS_FOLDER);
    struct dirent *file;
    unsigned files = 0, compared = 0;

    (void)state;
    assert_non_null(folder);
    while ((file = readdir(folder)) != NULL) {
        const char *end = strrchr(file->d_name, '.');

        if (end == NULL || strcmp(end, ".map") != 0)
            continue;
        files++;
        compare_routes(file->d_name, 20, &compared);
        compare_routes(file->d_name, 24, &compared);
    }
    closedir(folder);
    assert_true(files > 200);
    assert_true(compared >= 2 * files - 2); /* one of them has a hole there */
}

#define WITH_LOADER(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_LOADER(a_plain_machine),
        cmocka_unit_test(the_name_of_the_file_is_left_out),
        WITH_LOADER(only_sizes),
        WITH_LOADER(a_map_is_better_than_sizes),
        WITH_LOADER(two_entries_and_nothing_else),
        WITH_LOADER(nothing_about_memory),
        WITH_LOADER(a_framebuffer),
        WITH_LOADER(modules_are_kept),
        WITH_LOADER(impossible_modules_are_left_out),
        WITH_LOADER(more_modules_than_there_are),
        WITH_LOADER(no_multiboot_loader),
        WITH_LOADER(broken_entries_end_the_map),
        WITH_LOADER(absurd_ranges),
        WITH_LOADER(texts_without_end),
        WITH_LOADER(nothing_is_read_from_holes),
        WITH_LOADER(a_framebuffer_that_cannot_be),
        WITH_LOADER(the_command_line_alone),
        WITH_LOADER(every_capacity),
        WITH_LOADER(random_damage),
        cmocka_unit_test(real_maps_by_both_routes),
    };

    return cmocka_run_group_tests_name("multiboot", tests, NULL, NULL);
}
