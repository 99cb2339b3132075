#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# setup.sh - finds the tools that a target needs, and installs what is missing.
#
#   tools/setup.sh build|image|run|bios|debug|unit|unit-32|lint|test|fuzz|sign|web|proof|coverage|bench-heap
#                                                    what the target needs, quietly when all is there
#   tools/setup.sh --doctor                          every tool with its version
#
# One table says what is needed, for what, how it is recognised and which package has it. With
# INSTALL=no nothing is installed: the command is printed, and the call fails. Nothing but the
# table is looked at when everything is there: it costs a few milliseconds before each make.
set -euo pipefail

# tool | needed for | recognised by | apt | dnf | pacman | zypper
#   cmd:NAME a program, file:PATH a file, each with alternatives after commas; py:MODULE a module of
#   the system's Python, rt:NAME a part of clang's runtime, lib32:NAME a library that gcc -m32 finds
# "build" is part of every other need, "run" of bios, debug and test, "image" of bios and test, "bios" and
# "unit-32" of test, "unit" of fuzz.
TABLE='
gcc            | build           | cmd:gcc                       | gcc              | gcc                | gcc         | gcc
C library      | build           | file:/usr/include/stdio.h     | libc6-dev        | glibc-devel        | glibc       | glibc-devel
binutils       | build           | cmd:objcopy                   | binutils         | binutils           | binutils    | binutils
nasm           | build           | cmd:nasm                      | nasm             | nasm               | nasm        | nasm
python3        | build           | cmd:/usr/bin/python3          | python3          | python3            | python      | python3
lz4            | build           | cmd:lz4                       | lz4              | lz4                | lz4         | lz4
gnu-efi        | build           | file:/usr/include/efi/efi.h   | gnu-efi          | gnu-efi-devel      | gnu-efi     | gnu-efi
Spleen fonts   | build           | file:/usr/share/consolefonts/spleen-8x16.psfu.gz,/usr/share/kbd/consolefonts/spleen-8x16.psfu.gz,/usr/share/kbd/consolefonts/spleen-8x16.psfu,/usr/lib/kbd/consolefonts/spleen-8x16.psfu.gz | fonts-spleen | spleen-fonts | spleen-font | spleen-fonts
mtools         | build           | cmd:mcopy                     | mtools           | mtools             | mtools      | mtools
sgdisk         | build           | cmd:sgdisk                    | gdisk            | gdisk              | gptfdisk    | gptfdisk
qemu           | run test        | cmd:qemu-system-x86_64        | qemu-system-x86  | qemu-system-x86    | qemu-system-x86 | qemu-x86
qemu window    | window          | window                        | qemu-system-gui  | qemu-ui-gtk        | qemu-ui-gtk | qemu-ui-gtk
OVMF           | run test        | ovmf                          | ovmf             | edk2-ovmf          | edk2-ovmf   | qemu-ovmf-x86_64
gdb            | debug           | cmd:gdb                       | gdb              | gdb                | gdb         | gdb
grub           | image           | cmd:grub-mkimage,grub2-mkimage | grub-common    | grub2-tools        | grub        | grub2
grub for BIOS  | image           | file:/usr/lib/grub/i386-pc/boot_hybrid.img,/usr/share/grub2/i386-pc/boot_hybrid.img | grub-pc-bin | grub2-pc-modules | grub | grub2-i386-pc
xorriso        | image           | cmd:xorriso                   | xorriso          | xorriso            | libisoburn  | xorriso
bochs          | test            | cmd:bochs                     | bochs            | bochs              | bochs       | bochs
bochs display  | test            | bochs-x                       | bochs-x          | bochs              | bochs       | bochs
bochs BIOS     | test            | file:/usr/share/bochs/BIOS-bochs-latest | bochsbios | bochs           | bochs       | bochs
xvfb           | test            | cmd:xvfb-run                  | xvfb             | xorg-x11-server-Xvfb | xorg-server-xvfb | xvfb-run
xauth          | test            | cmd:xauth                     | xauth            | xauth              | xorg-xauth  | xauth
clang          | unit lint test  | cmd:clang                     | clang            | clang              | clang       | clang
clang runtime  | unit test       | rt:asan                       | libclang-rt-dev  | compiler-rt        | compiler-rt | clang
clang fuzzer   | fuzz test       | rt:fuzzer                     | libclang-rt-dev  | compiler-rt        | compiler-rt | clang
cmocka         | unit unit-32 lint test  | file:/usr/include/cmocka.h    | libcmocka-dev    | libcmocka-devel    | cmocka      | libcmocka-devel
32-bit gcc     | unit-32         | lib32:libasan.so              | gcc-multilib     | libasan.i686       | lib32-gcc-libs | gcc-32bit
32-bit cmocka  | unit-32         | lib32:libcmocka.so.0          | libcmocka0:i386  | libcmocka.i686     | lib32-cmocka | libcmocka0-32bit
clang-format   | lint test       | cmd:clang-format              | clang-format     | clang-tools-extra  | clang       | clang-tools
pyflakes       | lint test       | py:pyflakes                   | python3-pyflakes | python3-pyflakes   | python-pyflakes | python3-pyflakes
pytest         | test            | py:pytest                     | python3-pytest   | python3-pytest     | python-pytest | python3-pytest
pytest-xdist   | test            | py:xdist                      | python3-pytest-xdist | python3-pytest-xdist | python-pytest-xdist | python3-pytest-xdist
pexpect        | test            | py:pexpect                    | python3-pexpect  | python3-pexpect    | python-pexpect | python3-pexpect
jsonschema     | test            | py:jsonschema                 | python3-jsonschema | python3-jsonschema | python-jsonschema | python3-jsonschema
g++            | test            | cmd:g++                       | g++              | gcc-c++            | gcc         | gcc-c++
pkg-config     | test            | cmd:pkg-config                | pkg-config       | pkgconf-pkg-config | pkgconf     | pkg-config
chromium       | test            | cmd:chromium,chromium-browser | chromium         | chromium           | chromium    | chromium
chromium driver | test           | cmd:chromedriver              | chromium-driver  | chromedriver       | chromium    | chromedriver
selenium       | test            | py:selenium                   | python3-selenium | python3-selenium   | python-selenium | python3-selenium
groff          | test            | cmd:groff                     | groff-base       | groff-base         | groff       | groff
GRUB for UEFI  | test            | file:/usr/lib/grub/x86_64-efi/chain.mod | grub-efi-amd64-bin | grub2-efi-x64-modules | grub | grub2-x86_64-efi
systemd-boot   | test            | file:/usr/lib/systemd/boot/efi/systemd-bootx64.efi | systemd-boot-efi | systemd-boot-unsigned | systemd | systemd-boot
rEFInd         | test            | file:/usr/share/refind/refind/refind_x64.efi,/usr/share/refind/refind_x64.efi | refind | rEFInd | refind | refind
sbsign         | sign test       | cmd:sbsign                    | sbsigntool       | sbsigntools        | sbsigntools | sbsigntools
openssl        | test            | cmd:openssl                   | openssl          | openssl            | openssl     | openssl
swtpm          | test            | cmd:swtpm                     | swtpm            | swtpm              | swtpm       | swtpm
node           | web             | cmd:node                      | nodejs           | nodejs             | nodejs      | nodejs
npm            | web             | cmd:npm                       | npm              | nodejs-npm         | npm         | npm-default
frama-c        | proof           | cmd:frama-c                   | frama-c-base     | frama-c            | frama-c     | frama-c
why3           | proof           | cmd:why3                      | why3             | why3               | why3        | why3
z3             | proof           | cmd:z3                        | z3               | z3                 | z3          | z3
cvc4           | proof           | cmd:cvc4                      | cvc4             | cvc4               | cvc4        | cvc4
llvm           | coverage        | cmd:llvm-cov,llvm-cov-14      | llvm             | llvm               | llvm        | llvm
mimalloc       | bench-heap      | file:/usr/include/mimalloc.h | libmimalloc-dev | mimalloc-devel | mimalloc | mimalloc-devel
jemalloc       | bench-heap      | file:/usr/include/jemalloc/jemalloc.h | libjemalloc-dev | jemalloc-devel | jemalloc | jemalloc-devel
tcmalloc       | bench-heap      | file:/usr/include/gperftools/tcmalloc.h | libgoogle-perftools-dev | gperftools-devel | gperftools | gperftools-devel
'

OVMF_LIST=${BASH_SOURCE[0]%/*}/ovmf.list

die() { echo "setup: $*" >&2; exit 1; }

has_display() { [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; }

ovmf_place() { # the code of the first OVMF that is there
    local code rest
    while read -r code rest; do
        case $code in /*) [ ! -e "$code" ] || { echo "$code"; return; } ;; esac
    done <"$OVMF_LIST"
}

program_of() { # program_of NAME,...: where the first of these programs is
    local name names
    IFS=, read -ra names <<<"$1"
    for name in "${names[@]}"; do
        PATH=$PATH:/usr/sbin:/sbin command -v "$name" && return
    done
    return 1
}

file_of() { # file_of PATH,...: the first of these files that is there
    local file files
    IFS=, read -ra files <<<"$1"
    for file in "${files[@]}"; do
        [ ! -e "$file" ] || { echo "$file"; return; }
    done
    return 1
}

present() { # present PROBE: is it there?
    local file
    case $1 in
    cmd:*) program_of "${1#cmd:}" >/dev/null ;;
    file:*) file_of "${1#file:}" >/dev/null ;;
    py:*) [ -x /usr/bin/python3 ] && /usr/bin/python3 -I -c \
            "import importlib.util as u; raise SystemExit(u.find_spec('${1#py:}') is None)" ;;
    rt:*) for file in "$(clang -print-runtime-dir 2>/dev/null)"/libclang_rt."${1#rt:}"* \
                /usr/lib/clang/*/lib/*/libclang_rt."${1#rt:}"* /usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt."${1#rt:}"*; do
                [ ! -e "$file" ] || return 0
            done; return 1 ;;
    lib32:*) case $(gcc -m32 -print-file-name="${1#lib32:}" 2>/dev/null) in /*) ;; *) return 1 ;; esac ;;
    ovmf) [ -n "$(ovmf_place)" ] ;;
    bochs-x) compgen -G '/usr/lib*/bochs/plugins/libbx_x_gui.so' >/dev/null ||
             compgen -G '/usr/lib/*/bochs/plugins/libbx_x_gui.so' >/dev/null ;;
    window) ! has_display || compgen -G '/usr/lib*/qemu/ui-gtk.so' >/dev/null ||
            compgen -G '/usr/lib/*/qemu/ui-gtk.so' >/dev/null ;;
    *) die "the table has an unknown probe: $1" ;;
    esac
}

version() { # version PROBE: what a program says about itself, in one line
    case $1 in
    cmd:nasm) nasm -v ;;
    cmd:mcopy) mtools --version ;;
    cmd:bochs) bochs --help 2>&1 | sed -n 's/^ *\(Bochs x86 Emulator\)/\1/p' ;;
    cmd:xvfb-run) echo present ;;
    cmd:xauth) xauth -V ;;
    cmd:openssl) openssl version ;;
    cmd:*) "$(program_of "${1#cmd:}")" --version ;;
    py:*) /usr/bin/python3 -c "import ${1#py:} as m; print(m.__version__)" ;;
    ovmf) ovmf_place ;;
    file:*) file_of "${1#file:}" ;;
    *) echo present ;;
    esac 2>/dev/null | head -n 1
}

trim() { local s=$1; s=${s#"${s%%[! ]*}"}; printf '%s' "${s%"${s##*[! ]}"}"; }

wanted() { # wanted NEEDS GOAL: does the goal include this row?
    local need
    for need in $1; do
        case $need:$2 in
        build:* | "$2:$2" | run:bios | run:debug | image:bios | image:test | bios:test | unit-32:test | unit:fuzz | window:run | window:debug) return 0 ;;
        esac
    done
    return 1
}

package_manager() {
    local manager
    for manager in apt-get dnf pacman zypper; do
        ! command -v $manager >/dev/null || { echo $manager; return; }
    done
    echo none
}

install_command() { # install_command PACKAGE...: what to type, for this system
    local sudo=
    [ "$(id -u)" -eq 0 ] || sudo='sudo '
    case $(package_manager) in
    apt-get) echo "${sudo}apt-get install -y --no-install-recommends $*" ;;
    dnf) echo "${sudo}dnf install -y $*" ;;
    pacman) echo "${sudo}pacman -S --needed --noconfirm $*" ;;
    zypper) echo "${sudo}zypper --non-interactive install $*" ;;
    *) die "no package manager known here (apt-get, dnf, pacman, zypper); install by hand: $*" ;;
    esac
}

foreign_command() { # foreign_command PACKAGE...: what apt needs to be told first, if anything
    local sudo=
    [ "$(id -u)" -eq 0 ] || sudo='sudo '
    case $(package_manager):$* in
    apt-get:*:i386*) case $(dpkg --print-foreign-architectures 2>/dev/null) in
                     *i386*) ;; *) echo "${sudo}dpkg --add-architecture i386" ;; esac ;;
    esac
}

answers_command() { # answers_command PACKAGE...: answers to what Debian's packages ask, where silence harms
    local sudo=
    [ "$(id -u)" -eq 0 ] || sudo='sudo '
    case $(package_manager):\ $*\  in
    apt-get:*\ refind\ *) echo "${sudo}debconf-set-selections ${BASH_SOURCE[0]%/*}/debconf.answers" ;;
    esac
}

install_packages() { # install_packages PACKAGE...
    local command foreign answers
    command=$(install_command "$@")
    foreign=$(foreign_command "$@")
    answers=$(answers_command "$@")
    if [ "${INSTALL:-yes}" = no ]; then
        printf 'setup: INSTALL=no; type this yourself:\n' >&2
        [ -z "$foreign" ] || printf '    %s\n    %s\n' "$foreign" "${command%% install *} update" >&2
        [ -z "$answers" ] || printf '    %s\n' "$answers" >&2
        printf '    %s\n' "$command" >&2
        exit 1
    fi
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
        die "neither root nor sudo; as root, type: ${command#sudo }"
    fi
    [ -z "$foreign" ] || { echo "setup: $foreign" >&2; $foreign >&2; }
    [ -z "$answers" ] || { echo "setup: $answers" >&2; $answers >&2; }
    echo "setup: $command" >&2
    if [ "$(package_manager)" = apt-get ]; then
        command="env DEBIAN_FRONTEND=noninteractive ${command#sudo }"
        [ "$(id -u)" -eq 0 ] || command="sudo $command"
        # The lists of a fresh machine are empty or old; a first try with them is the cheap one.
        apt-get --simulate install -y "$@" >/dev/null 2>&1 && $command >&2 && return
        # A list that cannot be had need not be the one that is needed: the installation shows.
        ${command%% install *} update >&2 || echo "setup: not all lists could be updated" >&2
    fi
    $command >&2 || die "that failed; what the target needs is not there"
}

column() { # which column of the table has the names for this system's packages
    case $(package_manager) in dnf) echo 5 ;; pacman) echo 6 ;; zypper) echo 7 ;; *) echo 4 ;; esac
}

each_row() { # each_row FUNCTION: calls it with tool, needs, probe, package
    local row tool needs probe rest column names
    column=$(column)
    while IFS='|' read -r tool needs probe rest; do
        [ -n "$tool" ] || continue
        IFS='|' read -ra names <<<"$rest"
        "$1" "$(trim "$tool")" "$(trim "$needs")" "$(trim "$probe")" "$(trim "${names[column - 4]}")"
    done <<<"$TABLE"
}

doctor_row() {
    if present "$3"; then
        printf '%-14s OK       %s\n' "$1" "$(version "$3")"
    else
        printf '%-14s missing  package %s (for: make %s)\n' "$1" "$4" "${2// /, }"
        missing+=("$4")
    fi
}

need_row() {
    if wanted "$2" "$goal" && ! present "$3"; then
        echo "setup: make $goal needs $1 (package $4)" >&2
        missing+=("$4")
    fi
}

missing=()
case ${1:-} in
--doctor)
    each_row doctor_row
    [ ${#missing[@]} -eq 0 ] || printf '\nTo install: %s\n' "$(install_command "${missing[@]}")"
    ;;
build | image | run | bios | debug | unit | unit-32 | lint | test | fuzz | sign | web | proof | coverage | bench-heap)
    goal=$1
    each_row need_row
    if [ ${#missing[@]} -gt 0 ]; then
        # make -j asks for several goals at once, and a package manager serves one at a time: whoever
        # waited here looks again, since the one before may have installed it all.
        exec 9<"${BASH_SOURCE[0]}"
        flock 9
        missing=()
        each_row need_row 2>/dev/null
        [ ${#missing[@]} -eq 0 ] || install_packages "${missing[@]}"
    fi
    ;;
*) die "usage: setup.sh build|image|run|bios|debug|unit|unit-32|lint|test|fuzz|sign|web|proof|coverage|bench-heap|--doctor" ;;
esac
