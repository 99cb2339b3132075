; SPDX-License-Identifier: BSD-2-Clause
;
; images.asm - the user programs inside the kernel, byte for byte: programs.c has their names.
; mk/user.mk makes the files; the include path chooses the width.
;
;     extern const uint8_t program_NAME[], program_NAME_end[];

%macro image 1
    align 16
    global program_%1:data hidden
    global program_%1_end:data hidden
program_%1:
    %defstr %%name %1
    %strcat %%file %%name, ".elf"
    incbin %%file
program_%1_end:
%endmacro

    section .rodata

    image tour
    image clone
    image kernel
    image data
    image text
    image stack
    image pointers
    image gdt
    image cli
    image fpu
    image step
    image edge
    image eat
    image loop
    image places

    section .note.GNU-stack noalloc noexec nowrite progbits
