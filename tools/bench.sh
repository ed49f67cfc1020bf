# shellcheck shell=bash
# How fast it is. Read by build.sh.

# Arguments go to Google Benchmark.
bench_codec() {
    need build codec
    locked make -s -j"$jobs" -f t/bench/codec.mk OUT="$build/codec" CXX="$CXX" \
        FLAGS="$(module_flags "$compiler")" >&2
    "$build/codec/codec" "$@"
}

# Needs root.
bench_link() {
    need build test
    locked build_module
    locked long_link
    WS_NGINX=$nginx WS_MODULE=$module WS_LONG_LINK=$build/link/long_link \
        /usr/bin/python3 -B t/bench/link.py "$@"
}

bench_client() {
    need build test client
    locked build_module
    locked install_node_packages
    WS_NGINX=$nginx WS_MODULE=$module NODE_PATH=$build/npm/node_modules \
        /usr/bin/python3 -B t/bench/doors.py "$@"
}

cmd_bench() {
    case ${1:-} in
        codec | link | client)
            "bench_$1" "${@:2}"
            return
            ;;
    esac
    need build bench
    locked build_module
    locked make -s -j"$jobs" -f t/bench/Makefile OUT="$build/bench" CXX="$CXX" >&2
    /usr/bin/python3 -B t/bench/bench.py --nginx "$nginx" --module "$module" \
        --out "$build/bench" "$@"
}
