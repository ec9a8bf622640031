#!/bin/sh
# Facts of the built library: size without symbols, exports, needed libraries, newest glibc symbols.
#     cargo rustc --profile shipped -p prep-onnx-op --lib --crate-type cdylib
#     op/tests/library.sh target/shipped/libprep_onnx_op.so
# BINUTILS is a prefix of the tools for another processor, such as aarch64-linux-gnu-.
set -eu
library=$1
strip=${BINUTILS:-}strip nm=${BINUTILS:-}nm readelf=${BINUTILS:-}readelf
stripped=$(mktemp)
trap 'rm -f "$stripped"' EXIT
"$strip" -o "$stripped" "$library"
size=$(wc -c <"$stripped")
exports=$("$nm" -D --defined-only "$stripped" | awk '{ print $3 }')
needed=$("$readelf" -d "$stripped" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
glibc=$("$nm" -D --undefined-only "$stripped" | sed -n 's/.*@\(GLIBC_[0-9.]*\)$/\1/p' | sort -Vu | tail -1)
echo "size $size, exports $exports, newest glibc version needed $glibc ($("$nm" -D --undefined-only "$stripped" | grep "$glibc\$" | awk '{ print $2 }' | tr '\n' ' '))"
echo "needs" $needed
# Plans of version 2 and their kernels took it from 2.16 MB to 2.88 MB; level 2 for the op and fewer copies of
# kernels, to 2.69 MB; libjpeg-turbo-rs for size, since baseline JPEG is decoded without it, and less of AVX2, to 2.64 MB; reduced
# decodes of the loader, to 2.66 MB; AVX2's code for each number of pairs of a long window, to 2.69 MB; AVX-512's code for the
# planes of a row together, to 2.72 MB; VNNI of 256 bits, in two encodings, to 2.80 MB; SSE4.1, to 2.84 MB; AVX2's
# code for windows that mostly need no lower parts of weights, to 2.85 MB; AVX-512's code for each way to load and each of two
# groups of rows, which saves 4 to 22 % of the time, to 2.88 MB. Built against an old glibc, of which libpthread is a part,
# it has 23 kB more. For other processors it was not measured since.
most=2880000
case " $needed " in *libpthread*) most=2905000 ;; esac
[ -z "${BINUTILS:-}" ] || most=2900000
[ "$size" -le "$most" ] || { echo "larger than $most bytes" >&2; exit 1; }
[ "$exports" = RegisterCustomOps ] || { echo "exports other than RegisterCustomOps" >&2; exit 1; }
for name in $needed; do
    case $name in
        libc.so.6 | libm.so.6 | libgcc_s.so.1 | ld-linux*) ;;
        # Parts of a glibc before 2.34.
        libpthread.so.0 | libdl.so.2) ;;
        *) echo "needs $name" >&2; exit 1 ;;
    esac
done
