; SPDX-License-Identifier: BSD-2-Clause
;
; trap_entry.asm - from an exception or interrupt into C, and back.
;
; Each of the 256 vectors has a stub of 16 bytes that pushes its number, and an error code of 0
; where the processor pushes none; all go on in trap_common, which completes struct trap_frame
; (trap_frame.h) on the stack. The stack is, from high to low addresses:
;
;     ss rsp rflags cs rip error vector rax rbx rcx rdx rsi rdi rbp r8 .. r15 cr2   struct trap_frame
;     rip rbp                                                    a frame for those who walk the stack
;
; CR2 is saved at once, since a fault inside the handler overwrites it. So is GS exchanged at once where
; it is a program's, which its base tells: the kernel's lies in the upper half (user.c). Where the
; exception came from does not tell: it may have come between SYSCALL and its SWAPGS.

%include "arch/x86_64/registers.inc"

    default rel

    TRAP_FRAME_SNAPSHOT equ 256 ; exception.h
    MSR_GS_BASE         equ 0xC0000101

    extern trap_dispatch

    section .text

; --- the stubs ------------------------------------------------------------------------------

%include "arch/x86/trap_stubs.inc"

; --- the way in and out ---------------------------------------------------------------------

    align 16
    global trap_common:function
trap_common:
    push_registers
    mov rax, cr2
    push rax
    mov ecx, MSR_GS_BASE
    rdmsr
    test edx, edx
    js .kernel_gs
    swapgs
.kernel_gs:
    push 2                      ; RFLAGS: direction up, alignment check (SMAP's override) off,
    popfq                       ; interrupts off
    mov rdi, rsp
    push qword [rdi + 18 * 8]   ; rip
    push rbp
    mov rbp, rsp
    and rsp, -16
    call trap_dispatch
    lea rsp, [rbp + 16]

; Goes on with the struct trap_frame at RSP. Into ring 0 GS stays the kernel's: what interrupted the
; few instructions of ring 0 that have the program's ends in a report.
    global trap_return:function
trap_return:
    test byte [rsp + 19 * 8], 3 ; cs
    jz .same_ring
    swapgs
.same_ring:
    add rsp, 8                  ; cr2
    pop_registers
    add rsp, 16                 ; vector and error code
    iretq

; --- faults that are expected ---------------------------------------------------------------

; bool trap_try_call(void (*function)(void *), void *context, struct trap_resume *resume)
; Calls function(context) and returns false. If trap_dispatch() puts the registers of `resume` into
; the frame of an exception, execution goes on at .faulted, as if the call had returned.
    global trap_try_call:function
trap_try_call:
    mov [rdx + 0], rbx
    mov [rdx + 8], rbp
    mov [rdx + 16], r12
    mov [rdx + 24], r13
    mov [rdx + 32], r14
    mov [rdx + 40], r15
    mov [rdx + 48], rsp
    lea rax, [.faulted]
    mov [rdx + 56], rax
    mov rax, rdi
    mov rdi, rsi
    sub rsp, 8
    call rax
    add rsp, 8
    xor eax, eax
    ret
.faulted:
    mov eax, 1
    ret

; void arch_trap_snapshot(void (*function)(void *, const struct trap_frame *), void *context)
; Builds the frame that an exception at the caller's next instruction would have left.
    global arch_trap_snapshot:function
arch_trap_snapshot:
    mov rax, [rsp]              ; return address
    lea rcx, [rsp + 8]          ; the caller's stack
    mov edx, ss
    push rdx
    push rcx
    pushfq
    mov edx, cs
    push rdx
    push rax
    push 0
    push TRAP_FRAME_SNAPSHOT
    push_registers
    push 0                      ; cr2
    mov rax, rdi
    mov rdi, rsi
    mov rsi, rsp
    push rbp
    mov rbp, rsp
    and rsp, -16
    call rax
    mov rsp, rbp
    pop rbp
    add rsp, 23 * 8
    ret

; bool trap_read_word(const uint64_t *address, uint64_t *value)
; Reads a word wherever it may be; false when that is impossible. trap_dispatch() knows the one
; instruction that may fault.
    global trap_read_word:function
    global trap_read_word_access
    global trap_read_word_failed
trap_read_word:
trap_read_word_access:
    mov rax, [rdi]
    mov [rsi], rax
    mov eax, 1
    ret
trap_read_word_failed:
    xor eax, eax
    ret

    section .note.GNU-stack noalloc noexec nowrite progbits
