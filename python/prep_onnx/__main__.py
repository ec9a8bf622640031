"""The command line: `prep-onnx`, or `python -m prep_onnx`."""

import signal
import sys

from prep_onnx import _library, _native


def main() -> int:
    """Runs the command line of this process; its exit code."""
    _library.installed()
    # Python's handler only takes a note; the commands have handlers of their own where Ctrl-C must keep something.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _native.main(["prep-onnx", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
