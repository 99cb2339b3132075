; SPDX-License-Identifier: BSD-2-Clause
;
; provoke.asm - exceptions on purpose: include/arch/provoke.h.
;
; Addresses whose upper bits are not copies of bit 47 (of bit 56 with 5 levels) are not canonical:
; the processor refuses to translate them (SDM vol. 1, 3.3.7.1).

    default rel

    NOT_CANONICAL equ 0x8000000000000000

    section .text

    global arch_provoke_protection_fault:function
arch_provoke_protection_fault:
    push rbp
    mov rbp, rsp
    mov rax, NOT_CANONICAL
    mov al, [rax]               ; general protection
    pop rbp
    ret

; The push faults; so does the attempt to deliver that fault on the same stack, since a stack fault
; has no stack of its own.
    global arch_provoke_double_fault:function
arch_provoke_double_fault:
    push rbp
    mov rbp, rsp
    mov rsp, NOT_CANONICAL
    push rax
    ud2

    section .rodata

    global arch_return_code:data
arch_return_code:
    ret

    section .note.GNU-stack noalloc noexec nowrite progbits
