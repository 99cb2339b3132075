/* SPDX-License-Identifier: BSD-2-Clause
 *
 * trap_steps.h - the steps of trap_dispatch() that do not depend on the width.
 *
 * This is a template: each width's trap.c includes it after its own trap_frame.h and cpu_local.h, whose
 * struct trap_frame and struct cpu_local it works on. The order of the steps, and what of them a width has besides,
 * is told there.
 */
#ifndef MERIDIAN_X86_TRAP_STEPS_H
#define MERIDIAN_X86_TRAP_STEPS_H

static bool is_from_ring_3(const struct trap_frame *frame)
{
    return (frame->cs & SELECTOR_RING) != 0;
}

/* Once: what a witness does wrong has none. */
static void watch(struct trap_try *try, const struct trap_frame *frame)
{
    void (*witness)(void *context, const struct trap_frame *frame) = try->witness;

    try->witness = NULL;
    if (witness != NULL)
        witness(try->context, frame);
}

static bool go_on_elsewhere(struct trap_frame *frame, bool offered)
{
    uintptr_t place = exception_fixup(frame->vector, *trap_frame_place(frame), offered);

    if (place == 0)
        return false;
    *trap_frame_place(frame) = place;
    return true;
}

static void note_resolved(const struct trap_frame *frame)
{
    struct trap_info info;

    if (!is_from_ring_3(frame))
        return;
    arch_trap_describe(frame, &info);
    user_fault_resolved(&info);
}

static void stop_if_asked(const struct trap_frame *frame)
{
    struct trap_info info;

    arch_trap_describe(frame, &info);
    interrupt_stop_if_asked(va_value(info.instruction), va_value(info.frame_pointer));
}

/* Interrupts; true: the frame was none of an exception. */
static bool is_interrupt(const struct trap_frame *frame)
{
    struct cpu_local *local = cpu_local();

    if (frame->vector == VECTOR_NMI)
        stop_if_asked(frame);
    if (frame->vector < VECTOR_FIRST_FREE)
        return false;
    local->interrupt_depth++;
    interrupt_handle((unsigned)frame->vector);
    local->interrupt_depth--;
    if (frame->vector == VECTOR_TICK && is_from_ring_3(frame))
        user_tick(frame);
    return true;
}

#endif
