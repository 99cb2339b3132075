/* SPDX-License-Identifier: BSD-2-Clause
 *
 * eat.c - hostile: uses up all memory, first with copies, then with new pages.
 *
 * A clone writes to what it shares until no frame is left for a copy. It is ended, its copies come back, and
 * the original goes on until no frame is left for it either.
 */
#include "lib/print.h"
#include "program.h"

#define PIECE_BYTES  ((size_t)(16 * MiB))
#define SHARED_BYTES ((size_t)(128 * MiB))

static void touch(void *memory, size_t size_bytes, uint8_t value)
{
    for (size_t offset = 0; offset < size_bytes; offset += PAGE_SIZE)
        *((volatile uint8_t *)memory + offset) = value;
}

/* Maps and touches [from, to); or, with 0, whatever map() places. */
static void eat(uintptr_t from, uintptr_t to)
{
    uintptr_t address = from;
    void *piece;

    while (address <= to - PIECE_BYTES &&
           user_map((void *)address, PIECE_BYTES, USER_WRITE, &piece) == STATUS_OK) {
        touch(piece, PIECE_BYTES, 1);
        address += from != 0 ? PIECE_BYTES : 0;
    }
}

int main(uintptr_t user_end)
{
    uintptr_t end = 0;
    void *shared;

    if (user_map(NULL, SHARED_BYTES, USER_WRITE, &shared) != STATUS_OK)
        return 2;
    touch(shared, SHARED_BYTES, 1);
    say("sharing 128 MiB with a clone that writes to it");
    if (user_call(USER_CALL_CLONE, (uintptr_t)&end, 0, 0) == USER_IN_CLONE) {
        touch(shared, SHARED_BYTES, 2);
        return 0;
    }
    say(end == USER_CLONE_FAULTED ? "the clone was ended" : "the clone got all its copies");
    if (*(volatile uint8_t *)shared != 1)
        return 3;
    say("using up all memory");
    eat(0, USER_MAP_END);
    eat(USER_STACK_TOP + 2 * USER_SLIDE_MOST, user_end);
    say("memory has no end!");
    return 1;
}
