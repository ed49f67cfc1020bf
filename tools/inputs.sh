# shellcheck shell=bash
# What is run with inputs that a seed or a fuzzer makes. Read by build.sh.

cmd_sim() {
    need build
    locked make -s -j"$jobs" -f t/sim/Makefile OUT="$build/sim" CXX="$CXX" \
        FLAGS="$(module_flags "$compiler")" >&2
    if [ "${1:-}" = seed ]; then
        "$build/sim/sim" "$2"
        return
    fi
    "$build/sim/sim" 0 "${1:-500}"
}

cmd_hostile() {
    local first=0 count=1000000 seed=

    case ${1:-} in
        seed) seed=$2 ;;
        ?*) count=$1 first=${2:-0} ;;
    esac
    need build test
    locked build_module
    WS_HOSTILE_COUNT=$count WS_HOSTILE_FIRST=$first WS_HOSTILE_SEED=$seed \
        run_suite "$nginx" "$module" -n 0 -q -s t/hostile/test_hostile.py
}

cmd_fuzz() {
    need build fuzz
    locked make -s -j"$jobs" -f t/fuzz/Makefile OUT="$build/fuzz" CXX=clang++ \
        FLAGS="$(module_flags clang)" >&2
    t/fuzz/run.sh "$build/fuzz" "${1:-60}" "${@:2}"
}
