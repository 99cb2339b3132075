/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sites.h - the places where a loader calls the firmware.
 *
 * A site is one function of the boot services, or of a protocol. Pointers to it are replaced by its
 * thunk (thunks.asm), which keeps all arguments as they are and asks site_called() where to go on: to the
 * firmware's function, to the one that lies, or to one that only fails. Since a thunk passes everything
 * through, interfaces stay where they are and callers other than the loader see no difference.
 */
#ifndef MERIDIAN_TESTS_FIRMWARE_SITES_H
#define MERIDIAN_TESTS_FIRMWARE_SITES_H

#include <efi.h>

/* clang-format off */

/* The boot services, in the order of the table (UEFI 2.10, 4.4). */
#define BOOT_SITES(X) \
    X(RaiseTPL) X(RestoreTPL) X(AllocatePages) X(FreePages) X(GetMemoryMap) X(AllocatePool) X(FreePool) \
    X(CreateEvent) X(SetTimer) X(WaitForEvent) X(SignalEvent) X(CloseEvent) X(CheckEvent) \
    X(InstallProtocolInterface) X(ReinstallProtocolInterface) X(UninstallProtocolInterface) \
    X(HandleProtocol) X(Reserved) X(RegisterProtocolNotify) X(LocateHandle) X(LocateDevicePath) \
    X(InstallConfigurationTable) X(LoadImage) X(StartImage) X(Exit) X(UnloadImage) X(ExitBootServices) \
    X(GetNextMonotonicCount) X(Stall) X(SetWatchdogTimer) X(ConnectController) X(DisconnectController) \
    X(OpenProtocol) X(CloseProtocol) X(OpenProtocolInformation) X(ProtocolsPerHandle) \
    X(LocateHandleBuffer) X(LocateProtocol) X(InstallMultipleProtocolInterfaces) \
    X(UninstallMultipleProtocolInterfaces) X(CalculateCrc32) X(CopyMem) X(SetMem) X(CreateEventEx)

/* Functions of protocols, of the runtime services and of files. */
#define OTHER_SITES(X) \
    X(GetVariable) X(OutputString) X(SetAttribute) X(ClearScreen) X(SetCursorPosition) X(EnableCursor) \
    X(QueryTextMode) X(ReadKeyStroke) X(QueryMode) X(SetMode) X(GetRNG) X(OpenVolume) X(Open) X(Close) \
    X(Delete) X(Read) X(Write) X(SetPosition) X(GetInfo) X(Flush)

#define SITE_NUMBER(name) SITE_##name,

enum site_number {
    BOOT_SITES(SITE_NUMBER)
    SITE_BOOT_COUNT,
    SITE_BEFORE_OTHERS = SITE_BOOT_COUNT - 1,
    OTHER_SITES(SITE_NUMBER)
    SITE_COUNT,
};
/* clang-format on */

/* Any of them: cast to its type before it is called. */
typedef void (*service)(void);

struct site {
    const char *name;
    service lying;  /* what stands in for it, where something does */
    service honest; /* the firmware's function */
    UINTN calls;    /* of the loader */
};

extern struct site sites[SITE_COUNT];

#define HONEST(site, type) ((type)sites[site].honest)

void sites_begin(void);
void sites_patch_services(void);
void sites_patch(enum site_number site, service *where); /* taken back by sites_end() */
void sites_patch_file(EFI_FILE_HANDLE file);             /* for as long as it is open */
void sites_end(void);

/* Whether this call is one that was asked to fail: what gives something back does so all the same, and
 * then says that it failed. Once a call. */
BOOLEAN site_fault_pending(void);

/* From thunks.asm: where the call goes on. */
service EFIAPI site_called(UINTN number, UINTN caller);

/* How a service says that it failed. */
EFI_STATUS site_failure(enum site_number site);

#endif
