/* SPDX-License-Identifier: BSD-2-Clause
 *
 * hostile.h - what the parts of the hostile firmware share.
 *
 *     words.c      a line of \hostile.txt ─> struct hostility
 *     sites.c      every service stands behind a thunk: counts, fails on demand, asks the rules
 *     rules.c      what a loader must not do; each breach is said as "violation"
 *     ledger.c     what the loader holds: pages, pools, files, events
 *     map.c memory.c files.c protocols.c graphics.c console.c leave.c    the services that lie
 *     main.c       starts the loader once for each line, and says what became of it
 *     campaign.c   starts it once for each call that can fail
 *     bad_loader.c a program that breaks every rule, to prove that the rules are enforced
 *
 * All that is said goes to COM1, byte by byte: nothing is asked of the firmware for it.
 */
#ifndef MERIDIAN_TESTS_FIRMWARE_HOSTILE_H
#define MERIDIAN_TESTS_FIRMWARE_HOSTILE_H

#include <efi.h>
#include <efilib.h>

#include "sites.h"

#define NAME_BYTES      64u
#define SAID_BYTES      (128u * 1024)
#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* What the words of a line ask for. Numbers are 0, flags FALSE and names empty where not given. */
struct hostility {
    /* the memory map */
    UINTN map_extra, map_grow, map_jump, map_stride, map_pieces;
    BOOLEAN map_error, map_short, map_torn, map_empty, map_no_ram;
    BOOLEAN map_nested, map_wrap, map_oem, map_shuffle, map_beyond;
    BOOLEAN map_sp, map_unaccepted, map_persistent, map_uncached, map_page_zero;
    BOOLEAN map_no_attributes, map_no_runtime, map_runtime_io, map_all_attributes;
    BOOLEAN map_acpi_usable, map_acpi_hidden;
    /* memory */
    UINTN alloc_fails, page_zero;
    BOOLEAN alloc_high, alloc_low, alloc_no_execute, image_high;
    /* leaving */
    UINTN exit_fails, key_changes;
    BOOLEAN map_hangs, exit_hangs, timer, come_back;
    /* files */
    UINTN read_short, read_limit, read_fails;
    BOOLEAN file_size_0, file_info_error, read_high_fails, no_volume, no_volumes, options;
    CHAR8 conf[NAME_BYTES];
    /* protocols and tables */
    BOOLEAN no_rng, rng_fails, no_acpi, no_smbios, no_tables, no_variables;
    BOOLEAN watchdog_stays, tpl_callback;
    /* screens */
    BOOLEAN gop_none, gop_blt, gop_ghost, gop_null, gop_far, gop_beyond;
    BOOLEAN gop_stride, gop_masks, gop_565, gop_in_ram, gop_short;
    /* consoles */
    BOOLEAN no_console, no_output, no_input, quiet;
    CHAR8 keys[NAME_BYTES];
    /* which call fails, and campaigns of them */
    UINTN fault_site, fault_call;
    BOOLEAN fault_stays, each_call, bad_loader;
    UINTN sample;
};

extern struct hostility hostility;
extern EFI_BOOT_SERVICES honest; /* the services as the firmware made them */

/* words.c: reads a line; returns the start of the next. */
const CHAR8 *words_take_line(const CHAR8 *text);

/* say.c: %s a string, %u a UINTN, %x one in hexadecimal, %w 16-bit characters. */
void say(const char *format, ...);
void say_status(EFI_STATUS status);

/* For ever. */
void hang(void);

/* --- one start of the loader --------------------------------------------------------------- */

struct run {
    EFI_HANDLE loader;
    UINTN image_start, image_end; /* whose calls count */
    UINTN allocations, map_calls, exit_calls, reads;
    UINTN key_at;          /* the next of hostility.keys */
    EFI_STATUS status;     /* what it returned */
    BOOLEAN opened_kernel; /* the one that comes back */
    BOOLEAN came_back, hung;
    UINTN result;           /* of the kernel that came back */
    CHAR8 said[SAID_BYTES]; /* what it printed */
    UINTN said_bytes;
    UINTN stack_bytes;
};

extern struct run run;

/* main.c: starts the loader as `hostility` says; `run`, the ledger and the rules tell the rest. */
void run_loader(void);
void run_report(void);

/* campaign.c */
void campaign_each_call(void);

/* bad_loader.c: a loader's entry point. */
EFI_STATUS EFIAPI bad_loader(EFI_HANDLE image, EFI_SYSTEM_TABLE *system_table);

/* --- parts --------------------------------------------------------------------------------- */

/* ledger.c */
enum held { HELD_PAGES, HELD_POOL, HELD_FILE, HELD_EVENT, HELD_PROTOCOL, HELD_KINDS };

void ledger_clear(void);
void ledger_add(enum held kind, UINTN what, UINTN size);
BOOLEAN ledger_remove(enum held kind, UINTN what, UINTN size); /* else says a violation */
UINTN ledger_count(enum held kind);
void ledger_give_back(void); /* to the firmware, all of it */

/* rules.c */
void rules_begin(void);
void rules_before(UINTN site);      /* the loader calls a service */
void rules_map_given(BOOLEAN good); /* GetMemoryMap() returns to it */
void rules_exit_failed(void);
void rules_exit_succeeded(void);
void rules_watchdog_stopped(void);
void rules_end(void); /* it has returned */
BOOLEAN rules_services_are_gone(void);
void rules_violation(const char *what, UINTN site);
UINTN rules_violations(void);

/* map.c: the honest map, worsened. */
EFI_STATUS EFIAPI hostile_get_memory_map(UINTN *size, EFI_MEMORY_DESCRIPTOR *buffer, UINTN *key,
                                         UINTN *stride, UINT32 *version);
UINT64 map_free_pages(void);
BOOLEAN map_find_free_above(UINT64 least, UINT64 pages, UINT64 *address);

/* memory.c */
EFI_STATUS EFIAPI hostile_allocate_pages(EFI_ALLOCATE_TYPE how, EFI_MEMORY_TYPE type, UINTN pages,
                                         EFI_PHYSICAL_ADDRESS *memory);
EFI_STATUS EFIAPI hostile_free_pages(EFI_PHYSICAL_ADDRESS memory, UINTN pages);
EFI_STATUS EFIAPI hostile_allocate_pool(EFI_MEMORY_TYPE type, UINTN size, VOID **buffer);
EFI_STATUS EFIAPI hostile_free_pool(VOID *buffer);
void memory_forbid_execution(UINT64 address, UINT64 pages);

/* files.c */
EFI_STATUS EFIAPI hostile_open_volume(EFI_FILE_IO_INTERFACE *volume, EFI_FILE_HANDLE *root);
EFI_STATUS EFIAPI hostile_open(EFI_FILE_HANDLE folder, EFI_FILE_HANDLE *file, CHAR16 *name,
                               UINT64 mode, UINT64 attributes);
EFI_STATUS EFIAPI hostile_close(EFI_FILE_HANDLE file);
EFI_STATUS EFIAPI hostile_delete(EFI_FILE_HANDLE file);
EFI_STATUS EFIAPI hostile_read(EFI_FILE_HANDLE file, UINTN *size, VOID *buffer);
EFI_STATUS EFIAPI hostile_get_info(EFI_FILE_HANDLE file, EFI_GUID *type, UINTN *size, VOID *buffer);

/* protocols.c */
EFI_STATUS EFIAPI hostile_handle_protocol(EFI_HANDLE handle, EFI_GUID *guid, VOID **interface);
EFI_STATUS EFIAPI hostile_locate_protocol(EFI_GUID *guid, VOID *registration, VOID **interface);
EFI_STATUS EFIAPI hostile_locate_handle_buffer(EFI_LOCATE_SEARCH_TYPE how, EFI_GUID *guid,
                                               VOID *key, UINTN *count, EFI_HANDLE **handles);
EFI_STATUS EFIAPI hostile_open_protocol(EFI_HANDLE handle, EFI_GUID *guid, VOID **interface,
                                        EFI_HANDLE agent, EFI_HANDLE controller, UINT32 attributes);
EFI_STATUS EFIAPI hostile_close_protocol(EFI_HANDLE handle, EFI_GUID *guid, EFI_HANDLE agent,
                                         EFI_HANDLE controller);
EFI_STATUS EFIAPI hostile_create_event(UINT32 type, EFI_TPL level, EFI_EVENT_NOTIFY function,
                                       VOID *context, EFI_EVENT *event);
EFI_STATUS EFIAPI hostile_close_event(EFI_EVENT event);
EFI_STATUS EFIAPI hostile_set_watchdog(UINTN seconds, UINT64 code, UINTN size, CHAR16 *data);
EFI_STATUS EFIAPI hostile_stall(UINTN microseconds);
EFI_STATUS EFIAPI hostile_get_variable(CHAR16 *name, EFI_GUID *vendor, UINT32 *attributes,
                                       UINTN *size, VOID *data);
EFI_STATUS EFIAPI hostile_get_rng(EFI_RNG_PROTOCOL *generator, EFI_GUID *algorithm, UINTN size,
                                  UINT8 *value);
void protocols_begin(void); /* before a start: tables of the system */
void protocols_end(void);

/* graphics.c */
void graphics_begin(void);
void graphics_end(void);
/* Whether the lie is about this handle; *status is the answer then. */
BOOLEAN graphics_answer(EFI_HANDLE handle, BOOLEAN about_graphics, VOID **interface,
                        EFI_STATUS *status);
EFI_STATUS graphics_list(EFI_STATUS status, UINTN *count, EFI_HANDLE **handles);
EFI_STATUS EFIAPI hostile_query_mode(EFI_GRAPHICS_OUTPUT_PROTOCOL *output, UINT32 mode, UINTN *size,
                                     EFI_GRAPHICS_OUTPUT_MODE_INFORMATION **info);

/* console.c */
EFI_STATUS EFIAPI hostile_output(SIMPLE_TEXT_OUTPUT_INTERFACE *output, CHAR16 *text);
EFI_STATUS EFIAPI hostile_set_attribute(SIMPLE_TEXT_OUTPUT_INTERFACE *output, UINTN attribute);
EFI_STATUS EFIAPI hostile_clear(SIMPLE_TEXT_OUTPUT_INTERFACE *output);
EFI_STATUS EFIAPI hostile_cursor_position(SIMPLE_TEXT_OUTPUT_INTERFACE *output, UINTN column,
                                          UINTN row);
EFI_STATUS EFIAPI hostile_enable_cursor(SIMPLE_TEXT_OUTPUT_INTERFACE *output, BOOLEAN visible);
EFI_STATUS EFIAPI hostile_read_key(SIMPLE_INPUT_INTERFACE *input, EFI_INPUT_KEY *key);
BOOLEAN console_said(const char *words);
void console_begin(void);
void console_end(void);

/* leave.c */
EFI_STATUS EFIAPI hostile_exit_boot_services(EFI_HANDLE image, UINTN key);
void leave_begin(void);
EFI_CONFIGURATION_TABLE leave_way_back(void); /* for the kernel that comes back */
void leave_end(void);

#endif
