; SPDX-License-Identifier: BSD-2-Clause
;
; jump.asm - from the firmware's page tables to the kernel's.
;
; This code runs on while the tables change under it, so its page is mapped at its own address in
; both. It stays where the firmware loaded it: that page is executable already, however strict the
; firmware is about data, which a page allocated for a copy might not be. It needs no stack and no
; data of the loader, since neither is mapped any more after the first instruction.
;
; The number of levels can only change while paging is off (SDM vol. 3A, 4.1.1), and paging can only be
; switched off outside of 64-bit code (2.5). So where the kernel's tables have another number than the
; firmware's, the way leads through 32-bit code and back:
;
;     64-bit ──far return──> 32-bit ──PG off──> toggle LA57, CR3 ──PG on──> far jump ──> 64-bit
;
; On it only this page and 32-bit addresses can be used, and the upper halves of registers may be
; lost (SDM vol. 1, 3.4.1.1). What is needed afterwards is kept in the page itself, which may be
; read-only: CR0.WP is off while it is written.
;
; The alignment keeps it within one page; the assembler checks the size.

        default rel

JUMP_BYTES      equ 512

CODE_64         equ 0x08                ; in the table at the end
CODE_32         equ 0x10
DATA            equ 0x18
CR0_WP_BIT      equ 16
CR0_PG_BIT      equ 31
CR4_LA57_BIT    equ 12

        section .text align=JUMP_BYTES

        global jump_to_kernel:function hidden

; rdi = root, rsi = top of stack, rdx = handoff, rcx = entry (System V calling convention),
; r8d != 0: the number of levels changes
jump_to_kernel:
        test    r8d, r8d
        jnz     .change_levels
        mov     cr3, rdi
.enter:
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

.change_levels:
        mov     rax, cr0
        btr     rax, CR0_WP_BIT
        mov     cr0, rax
        lea     rbx, [jump_to_kernel]
        mov     [saved.stack], rsi
        mov     [saved.handoff], rdx
        mov     [saved.entry], rcx
        lea     rax, [.back]
        mov     [saved.way_back], eax
        lea     rax, [descriptors]
        mov     [saved.descriptors], rax
        lgdt    [saved.descriptors_limit]
        mov     rax, cr0
        bts     rax, CR0_WP_BIT
        mov     cr0, rax
        mov     eax, DATA
        mov     ds, eax
        mov     ss, eax
        push    CODE_32
        lea     rax, [.without_paging]
        push    rax
        retfq

        bits 32
.without_paging:
        mov     eax, cr0
        btr     eax, CR0_PG_BIT
        mov     cr0, eax
        mov     eax, cr4
        btc     eax, CR4_LA57_BIT
        mov     cr4, eax
        mov     cr3, edi
        mov     eax, cr0
        bts     eax, CR0_PG_BIT
        mov     cr0, eax
        jmp     far dword [ebx + saved.way_back - jump_to_kernel]

        bits 64
.back:
        mov     rsi, [saved.stack]
        mov     rdx, [saved.handoff]
        mov     rcx, [saved.entry]
        jmp     .enter

        align 8
; Present, ring 0, accessed: SDM vol. 3A, 3.4.5.
descriptors:
        dq      0
        dq      0x00af9b000000ffff      ; 64-bit code
        dq      0x00cf9b000000ffff      ; 32-bit code
        dq      0x00cf93000000ffff      ; data
saved:
.stack:         dq 0
.handoff:       dq 0
.entry:         dq 0
.way_back:      dd 0
                dw CODE_64
.descriptors_limit:
                dw saved - descriptors - 1
.descriptors:   dq 0

        times JUMP_BYTES - ($ - jump_to_kernel) int3

        section .note.GNU-stack noalloc noexec nowrite progbits
