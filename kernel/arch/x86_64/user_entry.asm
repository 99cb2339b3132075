; SPDX-License-Identifier: BSD-2-Clause
;
; user_entry.asm - the way into ring 3, and back by SYSCALL; memory of ring 3. user.c has the theory.

%include "arch/x86_64/registers.inc"

    default rel

    TRAP_FRAME_CALL equ 257     ; exception.h
    USER_DATA       equ 0x1B    ; cpu_local.h
    USER_CODE       equ 0x23
    KERNEL_STACK    equ 16      ; struct cpu_local
    USER_STACK      equ 24

    extern user_call_dispatch, trap_return, user_has_smap

    section .text

; --- system calls ---------------------------------------------------------------------------

; SYSCALL comes here with RIP in RCX and RFLAGS in R11, on the program's stack, with the program's
; GS, interrupts off. What is built is struct trap_frame (trap_frame.h).
    align 16
    global user_call_entry:function
user_call_entry:
    swapgs
    mov [gs:USER_STACK], rsp
    mov rsp, [gs:KERNEL_STACK]
    push USER_DATA
    push qword [gs:USER_STACK]
    push r11
    push USER_CODE
    push rcx
    push 0
    push TRAP_FRAME_CALL
    push_registers
    push 0                      ; cr2
    mov rdi, rsp
    push rcx                    ; a frame for those who walk the stack
    push rbp
    mov rbp, rsp
    and rsp, -16
    call user_call_dispatch
    lea rsp, [rbp + 24]         ; cr2 is done with, too
    pop_registers
    add rsp, 16                 ; vector and error code
    pop rcx                     ; rip, which is canonical
    add rsp, 8                  ; cs
    pop r11                     ; rflags
    pop rsp
    swapgs
    o64 sysret

; --- runs -----------------------------------------------------------------------------------

; void user_enter(struct trap_frame *frame, struct trap_resume *resume)
; Leaves for ring 3 with the registers of `frame`; returns when user_leave() is called.
    global user_enter:function
user_enter:
    mov [rsi + 0], rbx
    mov [rsi + 8], rbp
    mov [rsi + 16], r12
    mov [rsi + 24], r13
    mov [rsi + 32], r14
    mov [rsi + 40], r15
    mov [rsi + 48], rsp
    lea rax, [.left]
    mov [rsi + 56], rax
    mov rsp, rdi
    jmp trap_return
.left:
    ret

; [[noreturn]] void user_leave(const struct trap_resume *resume)
    global user_leave:function
user_leave:
    mov rbx, [rdi + 0]
    mov rbp, [rdi + 8]
    mov r12, [rdi + 16]
    mov r13, [rdi + 24]
    mov r14, [rdi + 32]
    mov r15, [rdi + 40]
    mov rsp, [rdi + 48]
    jmp [rdi + 56]

; --- memory of ring 3 -----------------------------------------------------------------------

; bool arch_user_copy(void *to, const void *from, size_t size_bytes)
; exception_fixup() knows the one instruction that may fault.
    global arch_user_copy:function
    global user_copy_access
    global user_copy_failed
arch_user_copy:
    mov rcx, rdx
    mov edx, 1
    cmp byte [user_has_smap], 0
    je user_copy_access
    stac
user_copy_access:
    rep movsb
    jmp user_copy_done
user_copy_failed:
    xor edx, edx
user_copy_done:
    cmp byte [user_has_smap], 0
    je .end
    clac
.end:
    mov eax, edx
    ret

    section .note.GNU-stack noalloc noexec nowrite progbits
