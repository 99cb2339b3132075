; SPDX-License-Identifier: BSD-2-Clause
;
; start_x86_64.asm - where a program begins on x86-64, and how it calls the kernel: user/abi.h.

    default rel

    USER_CALL_EXIT equ 0 ; user/abi.h
    FLAGS_STEP     equ 0x102 ; TF: SDM vol. 1, 3.4.3.3

    extern main

    section .text.start

    global user_start:function
user_start:
    call main                   ; RDI is its argument already
    mov edi, eax
    mov eax, USER_CALL_EXIT
    syscall
    ud2

    section .text

; uintptr_t user_call(uintptr_t number, uintptr_t first, uintptr_t second, uintptr_t third)
    global user_call:function
user_call:
    mov rax, rdi
    mov rdi, rsi
    mov rsi, rdx
    mov rdx, rcx
    syscall
    ret

; void user_call_at(uintptr_t instruction, uintptr_t number)
    global user_call_at:function
user_call_at:
    mov rax, rsi
    jmp rdi

; uintptr_t user_call_stepped(uintptr_t number): a call without arguments; TF holds from its
; instruction on (SDM vol. 2B, POPF).
    global user_call_stepped:function
user_call_stepped:
    mov rax, rdi
    push FLAGS_STEP
    popfq
    syscall
    ret

    section .rodata

    global user_call_instruction:data
user_call_instruction:
    syscall

    section .note.GNU-stack noalloc noexec nowrite progbits
