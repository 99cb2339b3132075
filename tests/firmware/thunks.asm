; SPDX-License-Identifier: BSD-2-Clause
;
; thunks.asm - one entry a site, and the way back from a kernel.
;
; A thunk keeps the four registers of arguments, asks site_called(number, return address) for the function that
; goes on, and jumps there with the caller's frame untouched: arguments on the stack, of any number, are where
; they were. Microsoft's calling convention: UEFI 2.10, 2.3.4.

        default rel

SITES           equ 96
THUNK_BYTES     equ 16
SHADOW_BYTES    equ 32
STACK_BYTES     equ 16384

MSR_PAT         equ 0x277
MSR_EFER        equ 0xc0000080

        section .text

        extern  site_called
        extern  leave_came_back
        global  thunks:function hidden
        global  machine_remember:function hidden
        global  machine_return:function hidden

        align   THUNK_BYTES
thunks:
%assign number 0
%rep SITES
        align   THUNK_BYTES
        push    strict dword number
        jmp     strict near ask
%assign number number + 1
%endrep

; Here: [rsp] the number, [rsp + 8] the return address; the stack is aligned.
ask:
        push    rcx
        push    rdx
        push    r8
        push    r9
        mov     rcx, [rsp + 32]
        mov     rdx, [rsp + 40]
        sub     rsp, SHADOW_BYTES
        call    site_called
        add     rsp, SHADOW_BYTES
        pop     r9
        pop     r8
        pop     rdx
        pop     rcx
        add     rsp, 8
        jmp     rax

; Keeps what a loader changes of the processor on its way to a kernel.
machine_remember:
        mov     rax, cr0
        mov     [kept.cr0], rax
        mov     rax, cr4
        mov     [kept.cr4], rax
        mov     ecx, MSR_EFER
        rdmsr
        mov     [kept.efer], eax
        mov     ecx, MSR_PAT
        rdmsr
        mov     [kept.pat], eax
        mov     [kept.pat + 4], edx
        ret

; The kernel comes here, on the firmware's tables already, with its verdict in rdx. Nothing of the stack that
; it left is known, so this is another one.
machine_return:
        cli
        lea     rsp, [stack_top]
        mov     rbx, rdx
        mov     rax, [kept.cr4]
        mov     cr4, rax
        mov     rax, [kept.cr0]
        mov     cr0, rax
        mov     ecx, MSR_PAT
        mov     eax, [kept.pat]
        mov     edx, [kept.pat + 4]
        wrmsr
        mov     ecx, MSR_EFER
        rdmsr
        mov     eax, [kept.efer]
        wrmsr
        sti
        mov     rdi, rbx
        call    leave_came_back
        ud2

        section .bss align=16
                resb    STACK_BYTES
stack_top:
kept:
.cr0:           resq 1
.cr4:           resq 1
.pat:           resq 1
.efer:          resq 1

        section .note.GNU-stack noalloc noexec nowrite progbits
