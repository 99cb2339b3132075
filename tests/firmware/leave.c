/* SPDX-License-Identifier: BSD-2-Clause
 *
 * leave.c - the end of the boot services, as it comes, is refused, or is only played.
 *
 * A played end is for kernels that come back: nothing is shut down, but a stale key is refused as the firmware would.
 * The loader goes through all of its last steps and jumps; the kernel (kernel.c) judges what it was entered
 * with, and jumps to machine_return() (thunks.asm). There the processor becomes the firmware's again, and Exit()
 * ends the loader as if it had called that itself. So hundreds of starts fit into one machine. A loader that
 * did not find that kernel, and took the one that it carries, is never let go.
 */
#include "hostile.h"

#define TIMER_PERIOD 10000u /* in 100 ns: the firmware's clock is no finer than 10 ms */

void machine_remember(void);
void machine_return(void);
void leave_came_back(UINTN result);

/* What the kernel needs to know. It finds it as it would find ACPI's tables. */
static struct way_back {
    UINT64 cr3;
    UINT64 address;
} way_back;

static EFI_EVENT timer;

EFI_CONFIGURATION_TABLE leave_way_back(void)
{
    EFI_GUID guid = {
        0x6d657269, 0x9a3e, 0x4b1d, { 0x63, 0x6d, 0x65, 0x20, 0x62, 0x61, 0x63, 0x6b }
    };

    return (EFI_CONFIGURATION_TABLE){ guid, &way_back };
}

static EFI_STATUS pretend(UINTN key)
{
    UINTN size = 0;
    UINTN current;
    UINTN stride;
    UINT32 version;

    honest.GetMemoryMap(&size, NULL, &current, &stride, &version);
    if (current != key || (!run.opened_kernel && !hostility.bad_loader))
        return EFI_INVALID_PARAMETER;
    machine_remember();
    __asm__ volatile("mov %%cr3, %0" : "=r"(way_back.cr3));
    return EFI_SUCCESS;
}

static EFI_STATUS leave(EFI_HANDLE image, UINTN key)
{
    if (site_fault_pending())
        return site_failure(SITE_ExitBootServices);
    if (hostility.exit_fails > 0) {
        hostility.exit_fails--;
        return EFI_INVALID_PARAMETER;
    }
    return hostility.come_back ? pretend(key) : honest.ExitBootServices(image, key);
}

EFI_STATUS EFIAPI hostile_exit_boot_services(EFI_HANDLE image, UINTN key)
{
    EFI_STATUS status;

    if (hostility.exit_hangs)
        hang();
    status = leave(image, key);
    run.exit_calls++;
    if (EFI_ERROR(status)) {
        rules_exit_failed();
        return status;
    }
    rules_exit_succeeded();
    if (!hostility.come_back) {
        say("HOSTILE: left at try %u, %u violations\r\n", run.exit_calls, rules_violations());
        sites_end();
        sites_patch_services();
    }
    return EFI_SUCCESS;
}

void leave_came_back(UINTN result)
{
    run.came_back = TRUE;
    run.result = result;
    honest.Exit(run.loader, EFI_SUCCESS, 0, NULL);
}

/* --- around a start ---------------------------------------------------------------------- */

static VOID EFIAPI change_the_map(EFI_EVENT event, VOID *context)
{
    static EFI_PHYSICAL_ADDRESS page;

    (void)event;
    (void)context;
    if (page != 0) {
        honest.FreePages(page, 1);
        page = 0;
    } else if (EFI_ERROR(honest.AllocatePages(AllocateAnyPages, EfiBootServicesData, 1, &page)))
        page = 0;
}

void leave_begin(void)
{
    way_back.address = (UINT64)(UINTN)machine_return;
    timer = NULL;
    if (hostility.timer &&
        !EFI_ERROR(honest.CreateEvent(EVT_TIMER | EVT_NOTIFY_SIGNAL, TPL_CALLBACK, change_the_map,
                                      NULL, &timer)))
        honest.SetTimer(timer, TimerPeriodic, TIMER_PERIOD);
}

void leave_end(void)
{
    if (timer != NULL)
        honest.CloseEvent(timer);
}
