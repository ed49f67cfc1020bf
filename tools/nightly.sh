# shellcheck shell=bash
# The long runs, one after the other. Read by build.sh.

# The commands, in the order of the shortest first, with their arguments.
nightly_steps() {
    local targets=(t/fuzz/*.cpp)

    echo "sim 20000"
    echo valgrind
    echo "hostile 1000000"
    echo bench
    echo sanitize
    # So many seconds in sum, and two targets run at a time: each has 600.
    echo "fuzz $((300 * ${#targets[@]}))"
    echo matrix
}

# One command as a line of the table: nightly_step COMMAND [ARGUMENT...]
nightly_step() {
    local log=$build/nightly/$1.log began=$SECONDS result=passed

    say "nightly: $* (its output: $log)"
    "$root/build.sh" "$@" >"$log" 2>&1 </dev/null || result=FAILED
    table+=("$(printf '%-16s %6d s  %s' "$*" $((SECONDS - began)) $result)")
    [ $result = passed ]
}

# All steps, or those whose commands are named. One that fails does not stop the others.
cmd_nightly() {
    local step words name table=() steps=() status=0

    mapfile -t steps < <(nightly_steps)
    for name; do
        printf '%s\n' "${steps[@]%% *}" | grep -qx -- "$name" ||
            die "\"$name\" is no step of nightly: expected some of ${steps[*]%% *}"
    done

    mkdir -p "$build/nightly"
    for step in "${steps[@]}"; do
        read -ra words <<<"$step"
        [ $# = 0 ] || printf '%s\n' "$@" | grep -qx -- "${words[0]}" || continue
        nightly_step "${words[@]}" || status=1
    done
    printf '%s\n' "${table[@]}" | tee "$build/nightly/summary"
    return $status
}
