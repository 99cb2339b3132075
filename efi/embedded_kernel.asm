; SPDX-License-Identifier: BSD-2-Clause
;
; embedded_kernel.asm - the kernel inside the loader, compressed (unpack.h), so that BOOTX64.EFI works
; as the only file of a stick. mk/loader.mk names the file in KERNEL_IMAGE.
;
;     extern const uint8_t embedded_kernel[], embedded_kernel_end[];

        section .rodata align=16

        global embedded_kernel:data hidden
        global embedded_kernel_end:data hidden

embedded_kernel:
        incbin KERNEL_IMAGE
embedded_kernel_end:

        section .note.GNU-stack noalloc noexec nowrite progbits
