; SPDX-License-Identifier: BSD-2-Clause
;
; shim.asm - a Multiboot loader at its worst: it starts a kernel with whatever it is told to.
;
; QEMU starts it by Multiboot, with two modules:
;
;     1  the kernel, an ELF file of 32 bits, whose segments go where they say
;     2  a script:  EAX, EBX, count of pieces, then for each piece: address, size, bytes
;
; The pieces are written to memory after the kernel, then the kernel is entered with these
; registers. All words have 32 bits. Nothing is checked: the test that writes the script knows
; best. A flat binary: the header says where it goes (Multiboot 0.6.96, 3.1.3), which is above
; what a kernel at 1 MiB takes.

    bits 32

    MAGIC           equ 0x1BADB002          ; Multiboot 0.6.96, 3.1.1
    FLAGS           equ 1 << 16             ; the header has addresses
    INFO_MODULES    equ 24                  ; of the information block: the list of modules
    MODULE_BYTES    equ 16
    ELF_ENTRY       equ 24                  ; ELF32: fields of the header, then of a program header
    ELF_PHOFF       equ 28
    ELF_PHENTSIZE   equ 42
    ELF_PHNUM       equ 44
    PH_TYPE         equ 0
    PH_OFFSET       equ 4
    PH_PADDR        equ 12
    PH_FILESZ       equ 16
    PH_MEMSZ        equ 20
    PT_LOAD         equ 1

    org 0x800000

header:
    dd MAGIC, FLAGS, -(MAGIC + FLAGS)
    dd header, header, end, stack_top, entry

entry:
    cli
    cld
    mov esp, stack_top
    mov ebp, [ebx + INFO_MODULES]
    mov edx, [ebp]                          ; the kernel's file
    mov ebx, [edx + ELF_PHOFF]
    add ebx, edx
    movzx eax, word [edx + ELF_PHNUM]
.segment:
    push eax
    cmp dword [ebx + PH_TYPE], PT_LOAD
    jne .next
    mov esi, [ebx + PH_OFFSET]
    add esi, edx
    mov edi, [ebx + PH_PADDR]
    mov ecx, [ebx + PH_FILESZ]
    rep movsb
    mov ecx, [ebx + PH_MEMSZ]
    sub ecx, [ebx + PH_FILESZ]
    xor eax, eax
    rep stosb
.next:
    movzx eax, word [edx + ELF_PHENTSIZE]
    add ebx, eax
    pop eax
    dec eax
    jnz .segment
    mov edx, [edx + ELF_ENTRY]

    mov esi, [ebp + MODULE_BYTES]           ; the script
    lodsd
    push eax                                ; EAX of the kernel
    lodsd
    mov ebx, eax
    lodsd
    mov ebp, eax
.piece:
    lodsd
    mov edi, eax
    lodsd
    mov ecx, eax
    rep movsb
    dec ebp
    jnz .piece
    pop eax
    jmp edx
end:

    absolute end
    resb 256
stack_top:
