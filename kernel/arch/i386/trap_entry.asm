; SPDX-License-Identifier: BSD-2-Clause
;
; trap_entry.asm - from an exception or interrupt into C, and back.
;
; Each of the 256 vectors has a stub of 16 bytes that pushes its number, and an error code of 0
; where the processor pushes none; all go on in trap_common, which completes struct trap_frame
; (trap_frame.h) on the stack. The stack is, from high to low addresses:
;
;     [ss esp] eflags cs eip error vector eax ecx edx ebx ebp esi edi ds es fs gs esp cr2
;                                                                              struct trap_frame
;
; Ring 3 may have anything in its segment registers, so that all of them are loaded on every way in.
;
; The way out to ring 0 goes to whatever stack `esp` names: the three words that IRET takes are put
; below it, which is where they are already when nobody changed it.

    KERNEL_DATA         equ 0x10 ; cpu_local.h
    LOCAL               equ 0x38
    TRAP_FRAME_SNAPSHOT equ 256 ; exception.h

    extern trap_dispatch, trap_double_fault

    section .text

; --- the stubs ------------------------------------------------------------------------------

%include "arch/x86/trap_stubs.inc"

; --- the way in and out ---------------------------------------------------------------------

; What trap_common pushed first.
%macro pop_registers 0
    pop gs
    pop fs
    pop es
    pop ds
    pop edi
    pop esi
    pop ebp
    pop ebx
    pop edx
    pop ecx
    pop eax
%endmacro

    align 16
    global trap_common:function
trap_common:
    push eax
    push ecx
    push edx
    push ebx
    push ebp
    push esi
    push edi
    push ds
    push es
    push fs
    push gs
    mov eax, KERNEL_DATA
    mov ds, eax
    mov es, eax
    mov eax, LOCAL
    mov gs, eax
    push dword 2                ; EFLAGS: direction up, alignment check (SMAP's override) off,
    popfd                       ; single steps and interrupts off
    lea eax, [esp + 16 * 4]     ; what ESP was: behind eflags
    test byte [esp + 14 * 4], 3 ; cs
    jz .ring_0
    mov eax, [eax]              ; ring 3's, which the processor pushed
.ring_0:
    push eax
    mov eax, cr2
    push eax
    mov eax, esp
    push dword [eax + 15 * 4]   ; eip
    push ebp
    mov ebp, esp                ; a frame for those who walk the stack
    and esp, -16
    sub esp, 12
    push eax
    call trap_dispatch
    lea esp, [ebp + 8]

; Goes on with the struct trap_frame at ESP.
    global trap_return:function
trap_return:
    add esp, 4                  ; cr2 is done with
    pop eax                     ; esp
    test byte [esp + 14 * 4], 3 ; cs
    jnz .ring_3
    mov ecx, [esp + 15 * 4]
    mov [eax - 4], ecx          ; eflags
    mov ecx, [esp + 14 * 4]
    mov [eax - 8], ecx          ; cs
    mov ecx, [esp + 13 * 4]
    mov [eax - 12], ecx         ; eip
    sub eax, 12
    mov [esp + 12 * 4], eax     ; over the error code
    pop_registers
    mov esp, [esp + 4]
    iretd
.ring_3:
    pop_registers
    add esp, 8                  ; vector and error code
    iretd

; The task of the double fault. It is entered by a task switch, which pushes the error code, and left
; by another one; the next time it goes on behind IRET.
    global trap_double_fault_task:function
trap_double_fault_task:
    cld
    call trap_double_fault
    add esp, 4
    iretd
    jmp trap_double_fault_task

; --- faults that are expected ---------------------------------------------------------------

; bool trap_try_call(void (*function)(void *), void *context, struct trap_resume *resume)
; Calls function(context) and returns false. If trap_dispatch() puts the registers of `resume` into
; the frame of an exception, execution goes on at .faulted, as if the call had returned.
    global trap_try_call:function
trap_try_call:
    mov edx, [esp + 12]
    mov [edx + 0], ebx
    mov [edx + 4], ebp
    mov [edx + 8], esi
    mov [edx + 12], edi
    mov [edx + 16], esp
    mov dword [edx + 20], .faulted
    mov ecx, [esp + 4]
    mov eax, [esp + 8]
    sub esp, 8
    push eax
    call ecx
    add esp, 12
    xor eax, eax
    ret
.faulted:
    mov eax, 1
    ret

; void arch_trap_snapshot(void (*function)(void *, const struct trap_frame *), void *context)
; Builds the frame that an exception at the caller's next instruction would have left.
    global arch_trap_snapshot:function
arch_trap_snapshot:
    push eax
    mov eax, [esp + 4]          ; return address
    sub esp, 4                  ; keeps eax at [esp + 4]
    pushfd
    push cs
    push eax
    push dword 0
    push dword TRAP_FRAME_SNAPSHOT
    push dword [esp + 6 * 4]    ; eax
    push ecx
    push edx
    push ebx
    push ebp
    push esi
    push edi
    push ds
    push es
    push fs
    push gs
    lea eax, [esp + 19 * 4]     ; the caller's stack
    push eax
    push dword 0                ; cr2
    mov eax, esp
    mov ecx, [esp + 21 * 4]     ; function, at the caller's stack
    mov edx, [esp + 22 * 4]     ; context
    push ebp
    mov ebp, esp
    and esp, -16
    sub esp, 8
    push eax
    push edx
    call ecx
    mov esp, ebp
    pop ebp
    add esp, 20 * 4
    ret

; bool trap_read_word(const uintptr_t *address, uintptr_t *value)
; Reads a word wherever it may be; false when that is impossible. trap_dispatch() knows the one
; instruction that may fault.
    global trap_read_word:function
    global trap_read_word_access
    global trap_read_word_failed
trap_read_word:
    mov ecx, [esp + 4]
    mov edx, [esp + 8]
trap_read_word_access:
    mov eax, [ecx]
    mov [edx], eax
    mov eax, 1
    ret
trap_read_word_failed:
    xor eax, eax
    ret

    section .note.GNU-stack noalloc noexec nowrite progbits
