; SPDX-License-Identifier: BSD-2-Clause
;
; user_entry.asm - the way into ring 3, and back by SYSENTER; memory of ring 3. user.c has the theory.

    VECTOR_CALL  equ 0x80       ; user_call.h
    USER_CODE    equ 0x1B       ; cpu_local.h
    USER_DATA    equ 0x23

    extern trap_common, trap_return, user_has_smap, user_flags

    section .text

; --- system calls ---------------------------------------------------------------------------

; SYSENTER comes here on the kernel stack of the program, interrupts off. INT 80h would have left what is
; pushed here. DS is the program's still; SS is the kernel's.
    align 16
    global user_sysenter_entry:function
user_sysenter_entry:
    push dword USER_DATA
    push ecx                    ; esp
    push dword [ss:user_flags]
    push dword USER_CODE
    push edx                    ; eip
    push dword 0
    push dword VECTOR_CALL
    jmp trap_common

; --- runs -----------------------------------------------------------------------------------

; void user_enter(struct trap_frame *frame, struct trap_resume *resume)
; Leaves for ring 3 with the registers of `frame`; returns when user_leave() is called.
    global user_enter:function
user_enter:
    mov eax, [esp + 4]
    mov edx, [esp + 8]
    mov [edx + 0], ebx
    mov [edx + 4], ebp
    mov [edx + 8], esi
    mov [edx + 12], edi
    mov [edx + 16], esp
    mov dword [edx + 20], .left
    mov esp, eax
    jmp trap_return
.left:
    ret

; [[noreturn]] void user_leave(const struct trap_resume *resume)
    global user_leave:function
user_leave:
    mov edx, [esp + 4]
    mov ebx, [edx + 0]
    mov ebp, [edx + 4]
    mov esi, [edx + 8]
    mov edi, [edx + 12]
    mov esp, [edx + 16]
    jmp [edx + 20]

; --- memory of ring 3 -----------------------------------------------------------------------

; bool arch_user_copy(void *to, const void *from, size_t size_bytes)
; exception_fixup() knows the one instruction that may fault.
    global arch_user_copy:function
    global user_copy_access
    global user_copy_failed
arch_user_copy:
    push esi
    push edi
    mov edi, [esp + 12]
    mov esi, [esp + 16]
    mov ecx, [esp + 20]
    mov eax, 1
    cmp byte [user_has_smap], 0
    je user_copy_access
    stac
user_copy_access:
    rep movsb
    jmp user_copy_done
user_copy_failed:
    xor eax, eax
user_copy_done:
    cmp byte [user_has_smap], 0
    je .end
    clac
.end:
    pop edi
    pop esi
    ret

    section .note.GNU-stack noalloc noexec nowrite progbits
