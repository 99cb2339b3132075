; SPDX-License-Identifier: BSD-2-Clause
;
; start.asm - the first instructions of the kernel.
;
; The state is that of boot/handoff.h: long mode, paging on, interrupts off, RDI the handoff
; structure in the direct map, RSP the top of a guarded stack as after a call. The time-stamp
; counter is read first of all, so that everything before belongs to the loader and everything
; after to the kernel. The NOP that follows is a mark for tools that count instructions: its
; displacement is the number, the processor ignores it.

    default rel

    extern kmain

    section .text.entry progbits alloc exec nowrite align=16

    global kernel_entry:function
kernel_entry:
    rdtsc
    db 0x0f, 0x1f, 0x80, 0x02, 0x7c, 0x00, 0x0b ; nopl MARK_END(%rax)
    shl rdx, 32
    lea rsi, [rdx + rax]        ; kmain(handoff, ticks)
    xor ebp, ebp                ; the chain of frame pointers ends here
    and rsp, -16
    call kmain
.stopped:                       ; kmain() does not return
    cli
    hlt
    jmp .stopped

    section .note.GNU-stack noalloc noexec nowrite progbits
