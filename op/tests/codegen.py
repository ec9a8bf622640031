#!/usr/bin/env python3
"""How the inner loops of the SIMD kernels were compiled: `codegen.py LIBRARY`, of x86-64, stripped or not. Needs objdump.

A kernel's helper or closure that is not inlined is a call of a function with fewer instructions: around it all vectors go
to the stack, and the upper halves of the registers are cleared (`vzeroupper`). It costs a tenth and changes no bit, so no
other test sees it. No inner loop that multiplies vectors of bytes or words may have such a call.
"""
import bisect
import re
import subprocess
import sys

# What only the passes of a level do, in vectors of its width.
LEVELS = {
    "avx512": re.compile(r"\tvp(dpbusd|dpwssd)\b.*%zmm"),
    "vnni": re.compile(r"\t(\{vex\} )?vpdpbusd\b.*%ymm"),
    "avx2": re.compile(r"\tvpmadd(wd|ubsw)\b.*%ymm"),
}
# Where fewer loops are found, this script no longer sees them. AVX-512 has 117, VNNI 58 and AVX2 103.
LEAST = {"avx512": 50, "vnni": 20, "avx2": 25}
# libjpeg-turbo-rs multiplies with AVX2 too, and calls functions that have it.
CALLS = re.compile(r"\t(call|vzeroupper)\b")
FORBIDDEN = {"avx512": CALLS, "vnni": CALLS, "avx2": re.compile(r"\tvzeroupper\b")}
LINE = re.compile(r"^\s*([0-9a-f]+):(\t.*)$")
JUMP = re.compile(r"\tj[a-z]+\s+(?:0x)?([0-9a-f]+)\b")


def instructions(library):
    """Addresses of all instructions, and their texts."""
    arguments = ["objdump", "-d", "--no-show-raw-insn", "--section=.text", library]
    text = subprocess.run(arguments, check=True, capture_output=True, text=True).stdout
    found = [match.groups() for match in map(LINE.match, text.splitlines()) if match]
    return [int(address, 16) for address, _ in found], [text for _, text in found]


def inner_loops(addresses, texts):
    """Ranges of instructions from where a jump back leads to the jump, without those that hold another one."""
    back = []
    for at, text in enumerate(texts):
        jump = JUMP.match(text)
        target = int(jump[1], 16) if jump else None
        if target is not None and target <= addresses[at]:
            first = bisect.bisect_left(addresses, target)
            if first < len(addresses) and addresses[first] == target:
                back.append((at, first))
    inner, latest = [], -1
    # By their ends: one that begins before the latest beginning so far holds that loop.
    for end, first in back:
        if first > latest:
            inner.append(range(first, end + 1))
            latest = first
    return inner


def main(library):
    addresses, texts = instructions(library)
    loops = inner_loops(addresses, texts)
    failed = False
    for level, multiplies in LEVELS.items():
        passes = [loop for loop in loops if any(multiplies.match(texts[at]) for at in loop)]
        print(f"{level}: {len(passes)} inner loops of its passes")
        if len(passes) < LEAST[level]:
            print(f"{level}: expected at least {LEAST[level]} inner loops", file=sys.stderr)
            failed = True
        for loop in passes:
            for at in loop:
                if FORBIDDEN[level].match(texts[at]):
                    place = f"{addresses[loop[0]]:x} to {addresses[loop[-1]]:x}"
                    print(f"{level}: in the loop at {place}: {addresses[at]:x}{texts[at]}", file=sys.stderr)
                    failed = True
    sys.exit(failed)


if __name__ == "__main__":
    main(sys.argv[1])
