# shellcheck shell=bash
# How fast it is. Read by build.sh.

# Arguments go to Google Benchmark.
bench_codec() {
    need build codec
    locked make -s -j"$jobs" -f t/bench/codec.mk OUT="$build/codec" CXX="$CXX" \
        FLAGS="$(module_flags "$compiler")" >&2
    "$build/codec/codec" "$@"
}

cmd_bench() {
    if [ "${1:-}" = codec ]; then
        bench_codec "${@:2}"
        return
    fi
    need build bench
    locked build_module
    locked make -s -j"$jobs" -f t/bench/Makefile OUT="$build/bench" CXX="$CXX" >&2
    /usr/bin/python3 -B t/bench/bench.py --nginx "$nginx" --module "$module" \
        --out "$build/bench" "$@"
}
