#!/usr/bin/env bash
# Runs fuzz targets, two at a time, for so many seconds in sum; 0 only replays the corpora. Called by
# `./build.sh fuzz` from the top folder: run.sh OUT SECONDS [TARGET...]
set -euo pipefail

out=$1 seconds=$2
shift 2

if [ $# = 0 ]; then
    mapfile -t targets < <(find t/fuzz -name '*.cpp' -printf '%f\n' | sed 's/\.cpp$//' | sort)
    set -- "${targets[@]}"
fi

# What a run finds of interest is kept in OUT, where the next one begins with it. The corpus in the
# tree is only read.
run() {
    local target=$1 seconds=$2
    local options=(-seed=1 -max_len=4096 -rss_limit_mb=1024 -artifact_prefix="$out/crash/$target-")

    if [ "$seconds" = 0 ]; then
        "$out/$target" "${options[@]}" -timeout=600 -runs=0 "t/fuzz/corpus/$target"
        return
    fi
    "$out/$target" "${options[@]}" -timeout=10 -max_total_time="$seconds" "$out/found/$target" \
        "t/fuzz/corpus/$target"
}

# Whether an input takes long of itself: in seconds of computing, and not because the machine stood
# still when its turn was.
is_slow() {
    ! (ulimit -t 10 && "$out/$1" -timeout=0 "$2") >/dev/null 2>&1
}

fuzz() {
    local target=$1 left=$2 end=$((SECONDS + $2)) log=$out/log/$1 file

    mkdir -p "$out/log" "$out/crash" "$out/found/$target"
    until run "$target" "$left" >"$log" 2>&1; do
        file=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
        if [[ $file != *-timeout-* ]] || is_slow "$target" "$file"; then
            grep -vE '^(INFO|#[0-9])' "$log" | head -n 40
            echo "$target: FAILED; to see it again: $out/$target $file"
            return 1
        fi
        rm "$file"
        left=$((end - SECONDS))
        if [ $left -le 0 ]; then
            echo "$target: stopped by the clock, since the machine stood still"
            return
        fi
    done
    echo "$target: $(tail -n 1 "$log")"
}
export -f run is_slow fuzz
export out

at_once=$(($# < 2 ? 1 : 2))
each=$((seconds * at_once / $#))
[ "$seconds" = 0 ] || [ $each -gt 0 ] || each=1
# shellcheck disable=SC2016  # for the inner shell to expand
printf '%s\0' "$@" | xargs -0 -n 1 -P $at_once bash -c 'fuzz "$0" '$each
