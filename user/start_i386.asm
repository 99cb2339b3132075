; SPDX-License-Identifier: BSD-2-Clause
;
; start_i386.asm - where a program begins on i386, and how it calls the kernel: user/abi.h.

    USER_CALL_EXIT equ 0 ; user/abi.h
    FLAGS_STEP     equ 0x102 ; TF: SDM vol. 1, 3.4.3.3

    extern main

    section .text.start

    global user_start:function
user_start:
    mov [may_sysenter], edx
    sub esp, 12                 ; the stack is aligned where a function is called
    push eax
    call main
    mov ebx, eax
    mov eax, USER_CALL_EXIT
    int 0x80
    ud2

    section .text

; uintptr_t user_call(uintptr_t number, uintptr_t first, uintptr_t second, uintptr_t third)
    global user_call:function
user_call:
    push ebx
    push esi
    push edi
    mov eax, [esp + 16]
    mov ebx, [esp + 20]
    mov esi, [esp + 24]
    mov edi, [esp + 28]
    cmp dword [may_sysenter], 0
    jne .fast
    int 0x80
    jmp .done
.fast:
    mov ecx, esp
    mov edx, .done
    sysenter
.done:
    pop edi
    pop esi
    pop ebx
    ret

; void user_call_at(uintptr_t instruction, uintptr_t number)
    global user_call_at:function
user_call_at:
    mov eax, [esp + 8]
    jmp [esp + 4]

; uintptr_t user_call_stepped(uintptr_t number): a call without arguments; TF holds from its
; instruction on (SDM vol. 2B, POPF).
    global user_call_stepped:function
user_call_stepped:
    mov eax, [esp + 4]
    cmp dword [may_sysenter], 0
    jne .fast
    push dword FLAGS_STEP
    popfd
    int 0x80
    ret
.fast:
    mov ecx, esp
    mov edx, .done
    push dword FLAGS_STEP
    popfd
    sysenter
.done:
    ret

    section .rodata

    global user_call_instruction:data
user_call_instruction:
    int 0x80

    section .bss

may_sysenter: resd 1

    section .note.GNU-stack noalloc noexec nowrite progbits
