#!/usr/bin/env bash
# How much of ngx_ws_filter/ the unit tests run, by file, with the numbers of the lines that they do
# not run and, behind a question mark, of those whose branches they do not all take. Called by `./build.sh coverage` from the top folder, with OUT, CXX (clang)
# and FLAGS (the module's own). Fails below the goals.
set -euo pipefail

goal_lines=97
goal_branches=90

# No input may reach an assert, so none is counted.
make -s -j"$(nproc)" -f t/unit/Makefile OUT="$OUT" CXX="$CXX" FLAGS="$FLAGS -DNDEBUG" \
    SANITIZE="-fprofile-instr-generate -fcoverage-mapping" >&2

rm -rf "$OUT/profiles"
mkdir -p "$OUT/profiles"
objects=() profiles=()
for test in t/unit/*_test.cpp; do
    name=$(basename "$test" .cpp)
    LLVM_PROFILE_FILE=$OUT/profiles/$name "$OUT/$name" >"$OUT/profiles/$name.log" 2>&1 ||
        { cat "$OUT/profiles/$name.log" && exit 1; }
    objects+=(-object "$OUT/$name")
    profiles+=("$OUT/profiles/$name")
done
llvm-profdata merge -o "$OUT/merged" "${profiles[@]}"

llvm-cov export -format=lcov -instr-profile="$OUT/merged" "${objects[@]}" \
    -ignore-filename-regex="(^|/)(t|usr)/" >"$OUT/lcov"

awk -F '[:,]' -v root="$PWD/" -v goal_lines=$goal_lines -v goal_branches=$goal_branches '
    function percent(hit, all) { return all == 0 ? 100 : 100 * hit / all }
    function row(name, lines, lines_hit, branches, branches_hit, missed) {
        printf "%-42s %5d %6.1f%% %8d %6.1f%%  %s\n", name, lines, percent(lines_hit, lines),
            branches, percent(branches_hit, branches), missed
    }
    BEGIN { printf "%-42s %5s %7s %8s %7s  %s\n", "", "lines", "run", "branches", "taken",
        "not run, and branches not taken" }
    /^SF/ { file = $2; sub(root, "", file); missed = ""; l = lh = b = bh = 0; delete untaken }
    /^DA/ { ++l; if ($3 > 0) ++lh; else missed = missed " " $2 }
    /^BRDA/ { ++b; if ($5 != "-" && $5 > 0) ++bh; else if (!($2 in untaken)) { untaken[$2]; missed = missed " ?" $2 } }
    /^end_of_record/ {
        row(file, l, lh, b, bh, missed)
        lines += l; lines_hit += lh; branches += b; branches_hit += bh
    }
    END {
        row("all", lines, lines_hit, branches, branches_hit, "")
        met = percent(lines_hit, lines) >= goal_lines && percent(branches_hit, branches) >= goal_branches
        printf "goals: %d%% of lines, %d%% of branches: %s\n", goal_lines, goal_branches, met ? "met" : "MISSED"
        exit !met
    }' "$OUT/lcov"
