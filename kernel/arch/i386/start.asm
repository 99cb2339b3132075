; SPDX-License-Identifier: BSD-2-Clause
;
; start.asm - the first instructions of the kernel, and the turn to its own page tables.
;
; A Multiboot loader leaves 32-bit protected mode with flat segments, paging off, EAX a magic
; number, EBX the information block (Multiboot 0.6.96, 3.2). The section .boot is linked at its
; physical address; everything else 3 GiB above it. The boot directory shows the first 4 MiB at 0
; and at 3 GiB; as soon as paging is on, the entry for 0 goes.

    KERNEL_OFFSET   equ 0xC0000000
    FLAGS           equ 3                   ; modules on pages, memory information
    MAGIC           equ 0x1BADB002          ; Multiboot 0.6.96, 3.1.1
    PAGE_RW         equ 3                   ; present, writable: SDM vol. 3A, tables 4-5, 4-6
    EFLAGS_ID       equ 1 << 21             ; can be changed where there is CPUID
    CPUID_TSC       equ 1 << 4
    CR0_PG          equ 1 << 31
    CR0_WP          equ 1 << 16
    CR4_PSE         equ 1 << 4
    CR4_PAE         equ 1 << 5
    MSR_EFER        equ 0xC0000080
    EFER_NXE        equ 1 << 11

    extern multiboot_start, multiboot_continue

    section .boot progbits alloc exec nowrite align=4096

    align 4
    dd MAGIC, FLAGS, -(MAGIC + FLAGS)

    global kernel_entry:function
kernel_entry:
    cli
    cld
    mov esp, boot_stack_top - KERNEL_OFFSET
    mov esi, eax
    mov ebp, ebx
    call entry_ticks                        ; EDX:EAX
    push edx
    push eax
    mov edi, boot_table - KERNEL_OFFSET
    mov eax, PAGE_RW
.fill:
    mov [edi], eax
    add edi, 4
    add eax, 4096
    cmp eax, 0x400000
    jb .fill
    mov eax, boot_table - KERNEL_OFFSET + PAGE_RW
    mov [boot_directory - KERNEL_OFFSET], eax
    mov [boot_directory - KERNEL_OFFSET + 768 * 4], eax
    mov eax, boot_directory - KERNEL_OFFSET
    mov cr3, eax
    mov eax, cr0
    or eax, CR0_PG | CR0_WP
    mov cr0, eax
    mov eax, high
    jmp eax

; Ticks of the time-stamp counter, or 0 where there is none.
entry_ticks:
    pushfd
    pop eax
    mov ecx, eax
    xor eax, EFLAGS_ID
    push eax
    popfd
    pushfd
    pop eax
    push ecx
    popfd
    xor eax, ecx
    test eax, EFLAGS_ID
    jz .none
    mov eax, 1
    cpuid
    test edx, CPUID_TSC
    jz .none
    rdtsc
    ret
.none:
    xor eax, eax
    xor edx, edx
    ret

; The turn, at its physical address: from EBX the new CR3, EDI the bits of CR4 (0: there may be no
; CR4), ESI whether to set EFER.NXE, EBP where to go on.
turn:
    mov eax, cr0
    and eax, ~CR0_PG
    mov cr0, eax
    test edi, edi
    jz .no_cr4
    mov eax, cr4
    or eax, edi
    mov cr4, eax
.no_cr4:
    test esi, esi
    jz .no_nx
    mov ecx, MSR_EFER
    rdmsr
    or eax, EFER_NXE
    wrmsr
.no_nx:
    mov cr3, ebx
    mov eax, cr0
    or eax, CR0_PG
    mov cr0, eax
    jmp ebp

    section .text

high:
    mov dword [boot_directory], 0
    mov eax, cr3
    mov cr3, eax
    add esp, KERNEL_OFFSET
    pop eax
    pop edx
    push edx                                ; multiboot_start(magic, info, ticks)
    push eax
    mov eax, ebp
    xor ebp, ebp                            ; the chain of frame pointers ends here
    push eax
    push esi
    push ebp                                ; as a return address
    jmp multiboot_start

; void boot_turn(root, cr4, nx, stack_top, handoff, ticks_low, ticks_high): the way of
; arch_boot_enter(). The boot directory shows its own physical page once more.
    global boot_turn:function
boot_turn:
    mov ebx, [esp + 4]
    mov edi, [esp + 8]
    mov esi, [esp + 12]
    mov eax, [boot_directory + 768 * 4]
    mov [boot_directory], eax
    mov eax, cr3
    mov cr3, eax
    mov ebp, .there
    mov eax, turn
    jmp eax
.there:
    mov edx, esp                            ; the same place, in the kernel's tables
    mov esp, [edx + 16]
    push dword [edx + 28]                   ; multiboot_continue(handoff, ticks)
    push dword [edx + 24]
    push dword [edx + 20]
    xor ebp, ebp
    push ebp
    jmp multiboot_continue

    section .bss nobits alloc noexec write align=4096

    global boot_directory, boot_windows, boot_stack, boot_stack_top
boot_directory:
    resb 4096
boot_table:
    resb 4096
boot_windows:                               ; three tables: arch_boot_reach() and arch_boot_show()
    resb 3 * 4096
boot_stack:
    resb 16384
boot_stack_top:

    section .note.GNU-stack noalloc noexec nowrite progbits
