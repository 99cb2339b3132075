/* SPDX-License-Identifier: BSD-2-Clause
 *
 * main.c - the loader's story: from the firmware's call to the kernel's first instruction.
 *
 * Each step is a line of the table. One that fails has said why (refusal.h); the message is shown,
 * all memory is given back, and the firmware goes on with whatever it would boot next. A start that
 * succeeds, and was asked for nothing else, prints nothing; a mark in a corner of the screen says which
 * step is under way (boot/stage.h).
 */
#include "console.h"
#include "cpu.h"
#include "graphics.h"
#include "jump.h"
#include "lib/print.h"
#include "loader.h"
#include "pages.h"
#include "stage.h"
#include "uefi.h"

#define SECONDS_TO_READ 10u
#define SECONDS_TO_NOTE 3u
#define WHAT_BYTES      80u

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system);

static struct loader loader;

/* pt=5level, pt=4level: what was asked for, if the processor can. Without either as many as it can,
 * but for a loader that lies where the change of levels cannot be made. */
static enum status choose_levels(struct loader *all)
{
    struct machine *machine = &all->machine;

    machine->levels = machine->firmware_levels;
    if (machine->has_5_levels && (uintptr_t)jump_to_kernel < 4 * GiB)
        machine->levels = 5;
    if (command_line_has(&all->command_line, "pt=4level"))
        machine->levels = 4;
    if (!command_line_has(&all->command_line, "pt=5level"))
        return STATUS_OK;
    if (!machine->has_5_levels)
        return refuse(&all->refusal, STATUS_UNSUPPORTED, "Take pt=5level off the command line.",
                      "pt=5level: this processor has page tables of 4 levels (no LA57)");
    machine->levels = 5;
    return STATUS_OK;
}

/* A screen that cannot be had as the configuration wants it is no reason not to boot: the user is
 * told, and has a moment to read it before the menu, or the kernel, takes the screen. */
static void set_screen(struct loader *all, uint64_t limit)
{
    refusal_place(&all->refusal, "%s, screen", CONFIG_FILE_PATH);
    if (graphics_set_mode(&all->config.screen, limit, &all->refusal) == STATUS_OK)
        return;
    console_show_refusal("The screen stays as it is", &all->refusal);
    console_wait_key(SECONDS_TO_NOTE);
}

/* From the first moment on; what the screen is to be is looked at later. */
static void show_stages(void)
{
    struct handoff_framebuffer screen = { 0 };

    graphics_find((uint64_t)1 << machine_physical_bits(), &screen);
    stage_show_in(&screen);
}

static enum status look_around(struct loader *all)
{
    uint64_t limit;

    random_collect(&all->randomness);
    machine_inspect(&all->machine);
    limit = (uint64_t)1 << all->machine.physical_bits;
    set_screen(all, limit);
    graphics_find(limit, &all->framebuffer);
    stage_show_in(&all->framebuffer);
    return STATUS_OK;
}

/* What the command line says to the loader itself; the TPM is told of it first. */
static enum status obey_command_line(struct loader *all)
{
    enum status status = configuration_measure(all);

    if (status != STATUS_OK)
        return status;
    all->slide = !command_line_has(&all->command_line, "nokaslr");
    return choose_levels(all);
}

static const struct step {
    enum stage stage;
    const char *name;
    enum status (*run)(struct loader *loader);
    int moment; /* enum handoff_moment that its end is; 0 where it is none */
} steps[] = {
    { STAGE_CONFIGURATION, "reading the configuration", configuration_read, 0 },
    { STAGE_LOOK_AROUND, "looking at the machine", look_around, 0 },
    { STAGE_MENU, "showing the menu", menu_if_wanted, 0 },
    { STAGE_REPORT, "saving the report", report_if_asked, 0 },
    { STAGE_LOADER_WORDS, "obeying the command line", obey_command_line, 0 },
    { STAGE_KERNEL_FILE, "loading the kernel", image_load_kernel, 0 },
    { STAGE_MODULES, "loading the modules", image_load_modules, HANDOFF_MOMENT_FILES_READ },
    { STAGE_SURVEY, "reading the memory map", memory_survey, 0 },
    { STAGE_ARENA, "setting memory aside", memory_take_arena, 0 },
    { STAGE_SPACE, "building the address space", build_address_space, HANDOFF_MOMENT_TABLES },
    { STAGE_HANDOFF, "writing the handoff", build_handoff, 0 },
    { STAGE_LEAVE, "leaving the firmware", exit_to_kernel, 0 }, /* does not return */
};

/* The step that failed, or NULL where the user wants the firmware back. */
static const struct step *run_steps(void)
{
    const struct step *step = steps;

    for (;; step++) {
        loader.refusal.place[0] = '\0';
        stage_begin(step->stage);
        if (step->run(&loader) != STATUS_OK)
            return step;
        if (loader.leave)
            return NULL;
        if (step->moment != 0)
            loader.moments[step->moment] = cpu_timestamp();
    }
}

static void show_failure(const struct step *failed)
{
    char what[WHAT_BYTES];

    print_buffer(what, sizeof(what), "Meridian cannot boot: %s failed", failed->name);
    console_show_refusal(what, &loader.refusal);
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
    const struct step *failed;

    loader.moments[HANDOFF_MOMENT_START] = cpu_timestamp();
    stage_begin(STAGE_LOADER_START);
    uefi_start(image, system);
    show_stages();
    failed = run_steps();
    if (failed != NULL)
        show_failure(failed);
    files_close_volume(&loader.volume);
    pages_free_all();
    if (failed != NULL || loader.config.dump) {
        console_print("Press a key, or wait %u s, to return to the firmware.\n", SECONDS_TO_READ);
        console_wait_key(SECONDS_TO_READ);
    }
    graphics_restore_mode();
    return failed != NULL ? EFI_LOAD_ERROR : EFI_SUCCESS;
}
