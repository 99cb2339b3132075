; SPDX-License-Identifier: BSD-2-Clause
;
; trampoline.asm - the rest of the way of a processor into the kernel, with paging.

%include "arch/x86/trampoline.inc"

    global trampoline_wide:data
trampoline_wide:
    jmp [ebp + AT(ENTRY)]

    align 8
    global trampoline_data:data
trampoline_data:
    times DATA_BYTES db 0
    global trampoline_end:data
trampoline_end:

    extern startup_root, startup_stacks, startup_count, startup_next, startup_main

    section .text

; In the kernel's quarter of the trampoline's tables: turns to the kernel's own, and takes a stack.
    global startup_entry:function
startup_entry:
    mov eax, [startup_root]
    mov cr3, eax
    mov eax, 1
    lock xadd [startup_next], eax
    cmp eax, [startup_count]
    jae .too_many
    mov esp, [startup_stacks + eax * 4]
    xor ebp, ebp                ; the chain of frame pointers ends here
    call startup_main
.too_many:
    cli
    hlt
    jmp .too_many

    section .note.GNU-stack noalloc noexec nowrite progbits
