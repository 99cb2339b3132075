/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ledger.c - what the loader holds of the firmware's. What is left when it has returned was leaked;
 * what it gives back and doesn't hold was freed twice, or never its own.
 */
#include "hostile.h"

#define MAX_ENTRIES 1024u

static struct entry {
    enum held kind;
    UINTN what;
    UINTN size;
} entries[MAX_ENTRIES];
static UINTN entry_count;

void ledger_clear(void)
{
    entry_count = 0;
}

void ledger_add(enum held kind, UINTN what, UINTN size)
{
    if (entry_count == MAX_ENTRIES)
        rules_violation("holds more than the ledger has room for", SITE_COUNT);
    else
        entries[entry_count++] = (struct entry){ kind, what, size };
}

BOOLEAN ledger_remove(enum held kind, UINTN what, UINTN size)
{
    for (UINTN i = 0; i < entry_count; i++) {
        if (entries[i].kind == kind && entries[i].what == what && entries[i].size == size) {
            entries[i] = entries[--entry_count];
            return TRUE;
        }
    }
    rules_violation("gives back what it does not hold", SITE_COUNT);
    return FALSE;
}

UINTN ledger_count(enum held kind)
{
    UINTN count = 0;

    for (UINTN i = 0; i < entry_count; i++) {
        if (entries[i].kind == kind)
            count += kind == HELD_PAGES ? entries[i].size : 1;
    }
    return count;
}

static void give_back(const struct entry *entry)
{
    switch (entry->kind) {
    case HELD_PAGES:
        if (entry->what != 0)
            honest.FreePages(entry->what, entry->size);
        break;
    case HELD_POOL:
        honest.FreePool((VOID *)entry->what);
        break;
    case HELD_FILE:
        HONEST(SITE_Close, EFI_FILE_CLOSE)((EFI_FILE_HANDLE)entry->what);
        break;
    case HELD_EVENT:
        honest.CloseEvent((EFI_EVENT)entry->what);
        break;
    case HELD_PROTOCOL:
    case HELD_KINDS:
        break;
    }
}

/* The last one first: files before the volume that they are on. */
void ledger_give_back(void)
{
    while (entry_count > 0)
        give_back(&entries[--entry_count]);
}
