/* SPDX-License-Identifier: BSD-2-Clause
 *
 * exit.c - the last map, the end of the boot services, and the jump.
 *
 *     GetMemoryMap ──> convert ──> ExitBootServices ──> processor state ──> jump
 *          ^                              │ refused: the map has changed
 *          └──────────────────────────────┘ at most EXIT_TRIES times
 *
 * ExitBootServices() takes the key of the last map, and refuses when anything was allocated since.
 * Printing a line does that; so do timers of the firmware, and edk2's own notifications, which
 * run before it looks at the key. A second and a third refusal are seen on real machines. After
 * the first try the firmware is half shut down: only these two services may still be called
 * (UEFI 2.10, 7.4.6). So nothing here allocates, frees or prints: the map is written into
 * the handoff, and converted there. When all tries are refused, there is nothing left to lose:
 * main prints its message all the same.
 */
#include "loader.h"

#include "cpu.h"
#include "jump.h"
#include "pages.h"
#include "stage.h"

#define EXIT_TRIES 8u
#define GROW_TRIES 4u

/* The map into the handoff, then its conversion beside it. */
static enum status convert(struct loader *loader, struct firmware_map *firmware)
{
    struct handoff_parts *parts = &loader->parts;
    struct conversion_facts facts = { .framebuffer = &loader->framebuffer,
                                      .acpi_rsdp = loader->machine.acpi_rsdp,
                                      .smbios = loader->machine.smbios };
    struct memmap map;
    enum status status;

    facts.owned = pages_owned(&facts.owned_count);
    memmap_init(&map, parts->regions->regions, parts->regions->capacity, parts->changes->changes,
                parts->changes->capacity, (uint64_t)1 << loader->machine.physical_bits);
    status = conversion_run(&map, firmware, &facts);
    if (status == STATUS_OK)
        status = conversion_drop_unmapped(&map, loader->survey.regions, loader->survey.count);
    if (status != STATUS_OK)
        return status;
    parts->regions->count = (uint32_t)map.count;
    parts->changes->count = (uint32_t)map.change_count;
    parts->changes->lost = (uint32_t)map.changes_lost;
    parts->map->descriptor_bytes = (uint32_t)firmware->descriptor_bytes;
    parts->map->descriptor_version = firmware->descriptor_version;
    parts->map->map_bytes = (uint32_t)firmware->size_bytes;
    return STATUS_OK;
}

static struct firmware_map map_in_handoff(const struct loader *loader)
{
    struct handoff_firmware_map *record = loader->parts.map;

    return (struct firmware_map){
        .descriptors = record->map,
        .capacity_bytes = record->record.size_bytes - sizeof(*record),
    };
}

/* While the firmware is still whole, a handoff that is too small for the map is made anew. */
static enum status take_first_map(struct loader *loader, struct firmware_map *firmware)
{
    enum status status = STATUS_NO_SPACE;

    for (unsigned i = 0; i < GROW_TRIES && status == STATUS_NO_SPACE; i++) {
        *firmware = map_in_handoff(loader);
        status = memory_map_get(firmware);
        if (status != STATUS_NO_SPACE)
            return status;
        loader->map_bytes = firmware->size_bytes;
        pages_free(loader->handoff_base);
        status = build_handoff(loader);
        if (status == STATUS_OK)
            status = STATUS_NO_SPACE; /* for the map before: try again */
    }
    return status;
}

static enum status fail(struct loader *loader, const char *what, enum status status)
{
    return refuse(&loader->refusal, status,
                  "Reset the machine; if this stays, update its firmware.",
                  "the firmware did not %s: %s", what, status_name(status));
}

static enum status leave_boot_services(struct loader *loader)
{
    struct firmware_map firmware;
    enum status status = take_first_map(loader, &firmware);

    for (unsigned i = 0; i < EXIT_TRIES; i++) {
        if (i > 0)
            status = memory_map_get(&firmware);
        if (status != STATUS_OK)
            return fail(loader, "give its last memory map", status);
        status = convert(loader, &firmware);
        if (status != STATUS_OK)
            return fail(loader, "give a last memory map that makes sense", status);
        status = uefi_status(uefi.boot->ExitBootServices(uefi.image, firmware.key));
        if (status == STATUS_OK)
            return STATUS_OK;
    }
    return fail(loader, "end its boot services", status);
}

/* The state that boot/handoff.h promises. Memory types change with the tables: until then
 * the firmware's use entry 0 of PAT, which stays what it was. */
static void set_processor_state(const struct loader *loader)
{
    if (loader->machine.no_execute)
        msr_write(MSR_EFER, msr_read(MSR_EFER) | EFER_NXE);
    cr4_write(cr4_read() & ~(uintptr_t)(CR4_PGE | CR4_PCIDE | CR4_PKE | CR4_CET | CR4_PKS));
    cr0_write(cr0_read() | CR0_WP);
    msr_write(MSR_PAT, PAT_VALUE);
}

enum status exit_to_kernel(struct loader *loader)
{
    struct handoff *handoff = loader->parts.handoff;
    enum status status = leave_boot_services(loader);

    if (status != STATUS_OK)
        return status;
    cpu_interrupts_off();
    stage_begin(STAGE_JUMP);
    loader->moments[HANDOFF_MOMENT_EXIT] = cpu_timestamp();
    for (size_t i = 0; i < HANDOFF_MOMENT_COUNT; i++)
        handoff->moments[i] = loader->moments[i];
    handoff_seal(handoff);
    set_processor_state(loader);
    jump_to_kernel(pa_value(loader->table.root), loader->stack_va + handoff->stack_bytes,
                   loader->direct_map_va + pa_value(loader->handoff_base),
                   loader->image_va + loader->image.entry,
                   loader->machine.levels != loader->machine.firmware_levels);
}
