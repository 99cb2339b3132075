# SPDX-License-Identifier: BSD-2-Clause
#
# ksyms.awk - turns `nm -n` of the kernel into the assembler source of its symbol table.
#
# Only functions count (types t and T): the table answers "which function holds this address".
# kernel/diag/symbols.h declares the result. Suffixes that the compiler gives to a copy of a
# function (.constprop.0, .isra.0, .part.0) are cut, since the reader looks for the source.
# Differences of addresses are left to the assembler: awk has no 64-bit integers.

BEGIN {
    count = 0
    lowest = tolower(substr(base, 3))
    names_size = 0
}

function plain(name)
{
    sub(/\.(constprop|isra|part|lto_priv)\..*$/, "", name)
    return name
}

# What lies below the base is the entry, which runs before there is anybody to look it up.
$1 >= lowest && $2 ~ /^[tT]$/ && $3 !~ /^(\.L|\$)/ && $1 != last {
    last = $1
    address[count] = "0x" $1
    name[count] = plain($3)
    count++
}

END {
    print "    .section .ksyms, \"a\", @progbits"
    print "    .globl ksyms_count, ksyms_offsets, ksyms_name_offsets, ksyms_names"
    print "    .hidden ksyms_count, ksyms_offsets, ksyms_name_offsets, ksyms_names"
    print "    .balign 4"
    printf "ksyms_count:\n    .long %d\n", count
    print "ksyms_offsets:"
    for (i = 0; i < count; i++)
        printf "    .long %s - %s\n", address[i], base
    print "ksyms_name_offsets:"
    for (i = 0; i < count; i++) {
        printf "    .long %d\n", names_size
        names_size += length(name[i]) + 1
    }
    print "ksyms_names:"
    for (i = 0; i < count; i++)
        printf "    .asciz \"%s\"\n", name[i]
    if (count == 0)
        print "    .byte 0"
    print "    .section .note.GNU-stack, \"\", @progbits"
}
