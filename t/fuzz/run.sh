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
fuzz() {
    local target=$1 each=$2 log=$out/log/$1 crash=$out/crash/$1-
    local options=(-seed=1 -max_len=4096 -timeout=10 -rss_limit_mb=1024 -artifact_prefix="$crash")
    local status=0

    mkdir -p "$out/log" "$out/crash" "$out/found/$target"
    if [ "$each" = 0 ]; then
        "$out/$target" "${options[@]}" -runs=0 "t/fuzz/corpus/$target" >"$log" 2>&1 || status=$?
    else
        "$out/$target" "${options[@]}" -max_total_time="$each" "$out/found/$target" \
            "t/fuzz/corpus/$target" >"$log" 2>&1 || status=$?
    fi
    if [ $status = 0 ]; then
        echo "$target: $(tail -n 1 "$log")"
        return
    fi

    grep -vE '^(INFO|#[0-9])' "$log" | head -n 40
    file=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
    echo "$target: FAILED; to see it again: $out/$target $file"
    return 1
}
export -f fuzz
export out

each=$((seconds == 0 ? 0 : seconds * 2 / $# > 0 ? seconds * 2 / $# : 1))
# shellcheck disable=SC2016  # for the inner shell to expand
printf '%s\0' "$@" | xargs -0 -n 1 -P 2 bash -c 'fuzz "$0" '$each
