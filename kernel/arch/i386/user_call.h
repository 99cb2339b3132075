/* SPDX-License-Identifier: BSD-2-Clause
 *
 * user_call.h - what trap.c hands on to user.c.
 */
#ifndef MERIDIAN_I386_USER_CALL_H
#define MERIDIAN_I386_USER_CALL_H

#include "trap_frame.h"

#define VECTOR_CALL 0x80u /* INT 80h; SYSENTER builds the same frame */

/* A system call; when it returns, the program goes on with the frame. */
void user_call_dispatch(struct trap_frame *frame);

/* A debug exception at the first instruction behind SYSENTER, which does not clear TF: clears it and
 * returns true. False for all others. */
bool user_ends_single_step(struct trap_frame *frame);

#endif
