"""What linking for macOS takes of Apple's SDK, which other systems have not: lists of the functions of its frameworks."""

import pathlib

#: By framework, what the crates call of it. iana-time-zone, which arrow brings by way of chrono, asks for the name of the time zone.
FRAMEWORKS = {
    "CoreFoundation": (
        "CFRelease",
        "CFStringGetBytes",
        "CFStringGetCStringPtr",
        "CFStringGetLength",
        "CFTimeZoneCopySystem",
        "CFTimeZoneGetName",
        "CFTimeZoneResetSystem",
    ),
}

_STUB = """--- !tapi-tbd
tbd-version: 4
targets: [ arm64-macos ]
install-name: '/System/Library/Frameworks/{name}.framework/Versions/A/{name}'
exports:
  - targets: [ arm64-macos ]
    symbols: [ {symbols} ]
...
"""


def stubs(folder: pathlib.Path) -> pathlib.Path:
    """Writes what a linker reads in the place of the frameworks; the folder to search."""
    for name, functions in FRAMEWORKS.items():
        path = folder / f"{name}.framework" / f"{name}.tbd"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_STUB.format(name=name, symbols=", ".join(f"_{function}" for function in functions)), encoding="utf-8")
    return folder
