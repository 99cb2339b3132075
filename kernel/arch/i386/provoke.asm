; SPDX-License-Identifier: BSD-2-Clause
;
; provoke.asm - exceptions on purpose: include/arch/provoke.h.
;
; Every 32-bit address can be translated here, but not every selector names a descriptor.

    BAD_SELECTOR equ 0xFFF8     ; beyond the end of the GDT
    BAD_STACK    equ 0x00000800 ; in page 0, which is never mapped

    section .text

    global arch_provoke_protection_fault:function
arch_provoke_protection_fault:
    push ebp
    mov ebp, esp
    mov eax, BAD_SELECTOR
    mov fs, ax                  ; general protection
    pop ebp
    ret

; The push faults; so does the attempt to deliver that fault on the same stack.
    global arch_provoke_double_fault:function
arch_provoke_double_fault:
    push ebp
    mov ebp, esp
    mov esp, BAD_STACK
    push eax
    ud2

    section .rodata

    global arch_return_code:data
arch_return_code:
    ret

    section .note.GNU-stack noalloc noexec nowrite progbits
