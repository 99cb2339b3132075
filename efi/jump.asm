; SPDX-License-Identifier: BSD-2-Clause
;
; jump.asm - from the firmware's page tables to the kernel's.
;
; This code runs on while the tables change under it, so its page is mapped at its own address in
; both. It stays where the firmware loaded it: that page is executable already, however strict the
; firmware is about data, which a page allocated for a copy might not be. It needs no stack and no
; data of the loader, since neither is mapped any more after the first instruction.
;
; The alignment keeps it within one page; the assembler checks the size.

        default rel

JUMP_BYTES      equ 128

        section .text align=JUMP_BYTES

        global jump_to_kernel:function hidden

; rdi = root, rsi = top of stack, rdx = handoff, rcx = entry (System V calling convention)
jump_to_kernel:
        mov     cr3, rdi
        lea     rsp, [rsi - 8]
        mov     rdi, rdx
        xor     eax, eax
        mov     [rsp], rax              ; nowhere to return to: stack traces end here
        xor     ebx, ebx
        xor     edx, edx
        xor     esi, esi
        xor     ebp, ebp
        xor     r8d, r8d
        xor     r9d, r9d
        xor     r10d, r10d
        xor     r11d, r11d
        xor     r12d, r12d
        xor     r13d, r13d
        xor     r14d, r14d
        xor     r15d, r15d
        cld
        jmp     rcx

        times JUMP_BYTES - ($ - jump_to_kernel) int3

        section .note.GNU-stack noalloc noexec nowrite progbits
