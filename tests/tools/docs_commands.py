# SPDX-License-Identifier: BSD-2-Clause
"""docs_commands.py - how each command that a page tells the reader to type is known to be right.

A row is a regular expression for whole commands, and one of

    run(WORDS)         test_docs_commands.py runs it, now: as it stands, or as WORDS in place of it
    by(FILE::TEST)     that test, part of make test, runs the same thing
    by_hand(REASON)    not part of make test: why, and what its result is held against. Its target
                       is there, and make can say what it would do

The first row that fits counts. A command that fits no row fails the tests: add a row when a page gets a new
one. A row that fits no command fails, too."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Check:
    kind: str   # run, by, by_hand
    what: str


def run(words=""):
    return Check("run", words)


def by(test):
    return Check("by", test)


def by_hand(reason):
    return Check("by_hand", reason)


FRONT_DOOR = "tests/qemu/test_front_door.py"
MINUTES = "minutes of figures for one's own machine; "
MAP = "build/host/meridian-map"
DMESG = "tests/data/maps/e820/003.map"

ROWS = [
    # What everybody types.
    (r"make( all| -j2| kernel| loader)?", by("tests/tools/test_build.py::test_same_bytes_elsewhere")),
    (r"make help", run()),
    (r"make compile_commands.json", run()),
    (r"make doctor", run("make -s doctor INSTALL=no")),
    (r"make( -s)? clean", by_hand("it is rm -rf build; run here it would take the other tests' programs away")),
    (r"make INSTALL=no", by("tests/tools/test_setup.py::test_missing_tool_is_named_and_not_installed_with_install_no")),
    (r"make run( SMP=4)?( ARGS=('.*'|\"…\"|…))?( > session.log)?", by(f"{FRONT_DOOR}::test_run_takes_a_command_line")),
    (r"make run-i386( ARGS='.*')?", by("tests/qemu/test_i386.py::test_machine")),
    (r"make run-bios( ARGS=('.*'|\.\.\.))?( KERNEL=\.\.\.)?", by("tests/qemu/test_bios.py::test_run_bios")),
    (r"make debug(-i386)?", by(f"{FRONT_DOOR}::test_debug_stops_at_the_kernel")),
    (r"make run(-i386)? GDB=yes", by("tests/qemu/test_gdb.py::test_slide_is_found")),
    (r"make gdb(-i386)?", by("tests/qemu/test_gdb.py::test_slide_is_found")),
    (r"make CONFIG=\"-DCONFIG_MAX_CPUS=N\"", by("tests/tools/test_build.py::test_flags_rebuild")),
    # Images and signatures.
    (r"make usb( DEV=/dev/sdX)?( IMAGE=build/meridian.iso)?", by("tests/tools/test_usb_image.py::test_stick_is_written_and_read_back")),
    (r"(sudo dd if=|diskutil (list|unmountDisk)).*", by_hand("it overwrites a disk, and one of the two wants macOS; make usb does the same and is tested")),
    (r"sudo sgdisk --move-second-header /dev/sdX", by("tests/tools/test_image_files.py::test_table_moves_to_the_end_of_a_stick")),
    (r"make dist|sha256sum --check .*", by("tests/tools/test_build.py::test_what_is_given_away_is_whole")),
    (r"make (image|iso|disk)", by("tests/tools/test_image_files.py::test_same_bytes_again")),
    (r"mcopy -o -i build/meridian.img@@1M .*", by("tests/qemu/test_images.py::test_signed_image_starts_under_secure_boot")),
    (r"make sign( KEY=\S+ CERT=\S+)?( CONF=\S+)?", by("tests/tools/test_sign.py::test_signed_loader_verifies")),
    (r"openssl req -newkey .*", by("tests/tools/test_docs_commands.py::test_keys_can_be_made")),
    (r"openssl x509 .*", by("tests/tools/test_docs_commands.py::test_keys_can_be_made")),
    # The library.
    (r"make (library|install)", by("tests/tools/test_library.py::test_installation_is_complete")),
    (r"make uninstall", by("tests/tools/test_library.py::test_uninstall_leaves_nothing")),
    (r"gcc -std=gnu2x -O2 least.c .*", by("tests/tools/test_library.py::test_least_program_of_the_page")),
    (r"pkg-config --cflags meridian-mm-x86_64", by("tests/qemu/test_examples.py::test_hello_kernel_takes_the_memory_over")),
    # Checks.
    (r"make (test|lint|unit|unit-32|fuzz-regress)", by("tests/tools/test_docs_commands.py::test_suites_are_all_of_them")),
    (r"gcc -m32", by("tests/tools/test_docs_commands.py::test_suites_are_all_of_them")),
    (r"make unit-(NAME|[a-z_]+)", by("tests/tools/test_run_unit.py::test_totals")),
    (r"make test-web", by_hand("it needs a browser and npm's packages; it is the test of build/web, and ends with passed and failed")),
    (r"make (web|web-serve)", by_hand("make test-web builds, serves and drives the page; it needs npm's packages")),
    (r"make viewer", by("tests/tools/test_viewer.py::test_page_is_one_file")),
    (r"make viewer-pictures", by_hand("it draws the pictures of docs/viewer.md, which people look at; test_viewer.py drives the same page")),
    (r"make picture", by_hand("it draws docs/first-light.svg, which people look at, from a session like those of test_front_door.py")),
    (r"make matrix(-i386)?", by("tests/qemu/test_i386.py::test_machine")),
    (r"make fail-alloc", by("tests/qemu/test_fail_alloc.py::test_start")),
    (r"make hostile", by("tests/qemu/test_hostile.py::test_quirks")),
    (r"tools/coverage.py prepare build/coverage", by_hand("make coverage starts it like this")),
    (r"make coverage", by_hand("an hour; it tells which lines and branches the tests of make test execute")),
    (r"make stress-(smp|frames|heap)( .*)?", by("tests/qemu/test_stress.py::test_all_processors")),
    (r"make soak( TIME=\d+)?", by("tests/tools/test_soak.py::test_a_load_that_leaves_memory_as_it_was_passes")),
    (r"make soak-(frames|heap)( .*)?", by_hand("hours of what unit tests pmm_threads and heap_model do for seconds")),
    (r"make exhaust( .*)?", by_hand("an hour; the unit test exhaust tries smaller worlds, to the last case as well")),
    (r"make( run)? (UBSAN|KASAN)=1", by("tests/qemu/test_sanitizers.py::test_self_tests_pass")),
    (r"make test-products", by_hand("make test builds the same first")),
    (r"make test-sanitizers", by("tests/qemu/test_sanitizers.py::test_mistake_is_found")),
    (r"make proof( (FILES|UPDATE)=\S+)?", by_hand("it needs Frama-C and provers, and fails when a goal of tests/proof/proven.txt is no longer proven")),
    (r"tools/coverage.py prepare build/coverage", by_hand("it is the first step of make coverage")),
    (r"make fuzz( .*)?", by_hand("campaigns as long as one likes; make fuzz-regress, part of make test, replays what they kept")),
    (r"make fuzz-keep( .*)?", by_hand("it chooses the inputs that make fuzz-regress replays")),
    (r"make mutate( .*)?", by("tests/tools/test_mutate.py::test_a_campaign_tells_killed_survived_and_unreached")),
    (r"tests/fuzz/run.py --totals", run()),
    # Figures.
    (r"make bench-boot", by("tests/qemu/test_cost.py::test_loader_cost_with_the_embedded_kernel")),
    (r"make bench(-vm|-frames)?", by_hand(MINUTES + "docs/frames.md and docs/virtual-memory.md hold those of ours")),
    (r"make bench-heap( ARGS=\"--rounds 2\")?", by_hand(MINUTES + "docs/heap.md holds those of ours")),
    (r"build/bench/frames/meridian -g \d+ -n \d+ -r \d+", by_hand(MINUTES + "make bench-frames builds it and starts it like this")),
    # Memory maps.
    (MAP + r" (FILE|--help)", run(f"{MAP} {DMESG}")),
    (MAP + r" (--changes )?memmap.json", run(f"{MAP} --changes tests/data/logs/memmap.json")),
    (MAP + r" --cmdline", run(f"{MAP} --cmdline 'memmap=1M$16M' {DMESG}")),
    (r"dmesg \| " + MAP + r" --changes -", run(f"{MAP} --changes - < {DMESG}")),
    (r"dmesg > boot.log", by_hand("Linux's own; what corpus.py makes of such a log is tested with it")),
    (r"journalctl -k", by_hand("Linux's own; tests/tools/test_map_formats.py reads logs in its form")),
    (r"tools/corpus.py (FILE|memmap.json|boot.log)", by("tests/tools/test_corpus.py::test_report")),
    # Others.
    (r"gcc -std=gnu2x -O2 -ffreestanding .*", by("tests/qemu/test_boot_protocol.py::test_example_kernel")),
    (r"ld -pie --no-dynamic-linker .*", by("tests/qemu/test_boot_protocol.py::test_example_kernel")),
    (r"tools/check_kernel.py --program", by("tests/tools/test_check_kernel.py::test_programs_pass")),
]

# First words that make a line of a block, or words in backquotes, a command.
PROGRAMS = {"apt", "apt-get", "cc", "cp", "dd", "diskutil", "dmesg", "gcc", "git", "journalctl", "ld", "lsblk", "make", "mcopy", "mkdir", "mount",
            "openssl", "pkg-config", "python3", "sha256sum", "sudo", "tar", "umount"}
# First words of blocks that are programs on some machines, and no commands on a page.
NOT_COMMANDS = {"default", "error:", "node", "title"}
