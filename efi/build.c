/* SPDX-License-Identifier: BSD-2-Clause
 *
 * build.c - what the kernel is entered with: stack, page tables, handoff.
 *
 * All of it is allocated here, after the survey and before the last map, and stays as it is: from
 * the last map on nothing can be had from the firmware any more.
 */
#include "loader.h"

#include "address_space.h"
#include "config.h"
#include "jump.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "mm/layout.h"
#include "pages.h"

#define FIRST_TABLE_PAGES 32u /* what a machine with leaves of 1 GiB needs */
#define JUMP_TABLE_PAGES  4u  /* one a level below the root, with 5 levels */

#define LOADER_NAME       "Meridian UEFI loader"

#define ADVICE_MEMORY     "Use a machine with more memory."

/* --- address space ----------------------------------------------------------------------- */

static enum status take_stack(struct loader *loader)
{
    if (pages_allocate(CONFIG_KSTACK_BYTES, PAGES_ANYWHERE, REGION_TAG_STACK,
                       &loader->stack_base) != STATUS_OK)
        return refuse(&loader->refusal, STATUS_NO_MEMORY, ADVICE_MEMORY, "no memory for a stack");
    loader->stack_va = LAYOUT_STACKS_START + PAGE_SIZE; /* the page before is the guard */
    return STATUS_OK;
}

static void place(struct loader *loader)
{
    loader->direct_map_va = address_space_place_direct_map(
        loader->totals.highest_ram_end, loader->slide, loader->randomness.direct_map_slide);
    if (loader->framebuffer.size_bytes > 0)
        loader->framebuffer.framebuffer_va =
            address_space_place_framebuffer(loader->framebuffer.base);
}

static struct address_space describe(const struct loader *loader)
{
    return (struct address_space){
        .regions = loader->survey.regions,
        .region_count = loader->survey.count,
        .direct_map_va = loader->direct_map_va,
        .image = &loader->image,
        .image_base = loader->image_base,
        .image_va = loader->image_va,
        .stack_base = loader->stack_base,
        .stack_bytes = CONFIG_KSTACK_BYTES,
        .stack_va = loader->stack_va,
        .framebuffer_base = loader->framebuffer.base,
        .framebuffer_bytes = loader->framebuffer.size_bytes,
        .framebuffer_va = loader->framebuffer.framebuffer_va,
        .jump_page = pa(align_down((uintptr_t)jump_to_kernel, PAGE_SIZE)),
        .jump_memory = &loader->jump_tables.memory,
    };
}

/* Five levels that nobody asked for are no reason not to boot: where the firmware has no memory below
 * 4 GiB for their root, its own number of levels does. */
static void settle_levels(struct loader *loader)
{
    bool asked = command_line_has(&loader->command_line, "pt=5level") ||
                 command_line_has(&loader->command_line, "pt=4level");

    if (!asked && pa_value(loader->tables.chunk) >= 4 * GiB)
        loader->machine.levels = loader->machine.firmware_levels;
}

/* The number of levels changes in 32-bit code, which must reach the root and itself. */
static enum status check_jump(struct loader *loader)
{
    uint64_t highest = max_u64(pa_value(loader->table.root), (uintptr_t)jump_to_kernel);

    if (loader->machine.levels == loader->machine.firmware_levels || highest < 4 * GiB)
        return STATUS_OK;
    return refuse(&loader->refusal, STATUS_UNSUPPORTED,
                  loader->machine.levels == 5 ? "Put pt=4level on the command line."
                                              : "Take pt=4level off the command line.",
                  "page tables of %u levels need memory below 4 GiB, and the firmware gave 0x%llx",
                  loader->machine.levels, (unsigned long long)highest);
}

enum status build_address_space(struct loader *loader)
{
    const struct machine *machine = &loader->machine;
    struct address_space space;
    enum status status = take_stack(loader);

    if (status != STATUS_OK)
        return status;
    place(loader);
    table_pool_init(&loader->tables, REGION_TAG_PAGE_TABLES, FIRST_TABLE_PAGES);
    table_pool_init(&loader->jump_tables, REGION_TAG_JUMP, JUMP_TABLE_PAGES);
    if (table_pool_prepare(&loader->tables) != STATUS_OK)
        return refuse(&loader->refusal, STATUS_NO_MEMORY, ADVICE_MEMORY,
                      "no memory for page tables");
    settle_levels(loader);
    loader->table = (struct page_table){
        .format = machine->levels == 5 ? &pt_format_x86_64_5level : &pt_format_x86_64_4level,
        .memory = &loader->tables.memory,
        .physical_bits = machine->physical_bits,
        .largest_leaf = machine->largest_leaf,
        .no_execute = machine->no_execute,
    };
    space = describe(loader);
    status = address_space_build(&loader->table, &space, &loader->refusal);
    table_pool_finish(&loader->tables);
    table_pool_finish(&loader->jump_tables);
    return status == STATUS_OK ? check_jump(loader) : status;
}

/* --- handoff ----------------------------------------------------------------------------- */

static uint32_t handoff_flags(const struct loader *loader)
{
    return (loader->machine.secure_boot ? HANDOFF_SECURE_BOOT : 0u) |
           (loader->slide && loader->image.relocatable ? HANDOFF_IMAGE_SLID : 0u) |
           (loader->slide ? HANDOFF_DIRECT_MAP_SLID : 0u) |
           (loader->machine.no_execute ? HANDOFF_NX : 0u) |
           (loader->policy.pinned ? HANDOFF_PINNED : 0u) |
           (loader->policy.options_left_out ? HANDOFF_OPTIONS_LEFT_OUT : 0u) |
           (loader->measurements.tcg2 != NULL ? HANDOFF_TPM : 0u);
}

static void fill(const struct loader *loader, struct handoff *handoff)
{
    handoff->flags = handoff_flags(loader);
    handoff->physical_bits = loader->machine.physical_bits;
    handoff->kernel_base = pa_value(loader->image_base);
    handoff->kernel_bytes = loader->image.size_bytes;
    handoff->kernel_va = loader->image_va;
    handoff->direct_map_va = loader->direct_map_va;
    handoff->table_root = pa_value(loader->table.root);
    handoff->table_levels = loader->machine.levels;
    handoff->seed_source = loader->randomness.source;
    handoff->stack_base = pa_value(loader->stack_base);
    handoff->stack_bytes = CONFIG_KSTACK_BYTES;
    handoff->stack_va = loader->stack_va;
    handoff->arena_base = loader->arena_bytes > 0 ? pa_value(loader->arena_base) : 0;
    handoff->arena_bytes = loader->arena_bytes;
    handoff->acpi_rsdp = loader->machine.acpi_rsdp;
    handoff->smbios = loader->machine.smbios;
    handoff->efi_system_table = (uint64_t)(uintptr_t)uefi.system;
    memcpy(handoff->seed, loader->randomness.seed, HANDOFF_SEED_BYTES);
}

/* Room for a map that has grown since the survey, and for what the conversion makes of it. */
static void plan_map(const struct loader *loader, struct handoff_plan *plan)
{
    size_t descriptor_bytes = loader->descriptor_bytes;
    size_t pieces;

    pages_owned(&pieces);
    pieces++; /* the handoff itself */
    plan->map_capacity_bytes = memory_map_room(loader->map_bytes, descriptor_bytes, pieces);
    plan->region_capacity =
        conversion_region_capacity(plan->map_capacity_bytes, descriptor_bytes, pieces);
    plan->change_capacity =
        conversion_change_capacity(plan->map_capacity_bytes, descriptor_bytes, pieces);
}

enum status build_handoff(struct loader *loader)
{
    struct handoff_plan plan = {
        .command_line = { loader->command_line.text, loader->command_line.length },
        .loader_name = TEXT_LITERAL(LOADER_NAME),
        .firmware_name = { loader->machine.firmware_name, strlen(loader->machine.firmware_name) },
        .framebuffer = &loader->framebuffer,
        .modules = loader->modules,
        .module_count = loader->module_count,
        .measurements = loader->measurements.rows,
        .measurement_count = loader->measurements.count,
    };
    uint32_t size;
    enum status status;

    measure_read_log(&loader->measurements);
    plan.event_log = loader->measurements.log;
    plan_map(loader, &plan);
    status = handoff_measure(&plan, &size);
    if (status == STATUS_OK)
        status = pages_allocate(size, PAGES_ANYWHERE, REGION_TAG_HANDOFF, &loader->handoff_base);
    if (status != STATUS_OK)
        return refuse(&loader->refusal, status, ADVICE_MEMORY, "no memory for the handoff");
    handoff_lay_out(&plan, pages_pointer(loader->handoff_base), size, &loader->parts);
    fill(loader, loader->parts.handoff);
    return STATUS_OK;
}
