#!/usr/bin/env bash
# How much of ngx_ws_filter/ the unit tests run, by file, and what they do not, with the reason from
# the list below. Called by `./build.sh coverage` from the top folder, with OUT, CXX (clang) and
# FLAGS (the module's own). Fails below the goals, and where no reason is given.
set -euo pipefail

goal_lines=99.8
goal_branches=99.4

# Lines that are not run and branches that are not taken: the file, text that stands there, why.
explanations() {
    local enumerators="the switch has a case for each enumerator"
    local hash="libcrypto without the hash or memory: not to be had from a unit test"

    cat <<END
accept_key.cpp|compute_digest(|$hash
command_reader.cpp|switch (reading_)|$enumerators
digest.cpp|EVP_Digest(|$hash
frame.cpp|return {};|$enumerators
frame.cpp|switch (violation)|$enumerators
framing.cpp|return {};|$enumerators
framing.cpp|switch (fault)|$enumerators
handshake.cpp|make_accept_key(|$hash
handshake.cpp|return "unknown";|$enumerators
handshake.cpp|switch (verdict)|$enumerators
liveness.cpp|switch (verdict)|$enumerators
mask.cpp|cpu_supports("avx2")|a processor without AVX2; what it runs is run for smaller payloads
origin.cpp|inet_ntop(|fails for want of room alone, and the room is enough for any address
proxy_protocol.cpp|switch (family)|$enumerators
relay.cpp|default:|the loop that carries orders out does not pass these on
resume_translator.cpp|case Heard::data:|whoever asks it to obey has taken data itself
resume_translator.cpp|switch (heard)|$enumerators
resume_translator.cpp|switch (std::exchange(greet_|$enumerators
session.cpp|switch (reader_.next(|$enumerators
session_key.cpp|compute_digest(|$hash
tunnel.cpp|switch (event)|$enumerators
tunnel_legs.cpp|switch (phase_)|$enumerators
utf8_blocks.cpp|cpu_supports("avx2")|a processor without AVX2; what it runs is run for shorter texts
END
}

# No input may reach an assert, so none is counted.
make -s -j"$(nproc)" -f t/unit/Makefile OUT="$OUT" CXX="$CXX" FLAGS="$FLAGS -DNDEBUG" \
    SANITIZE="-fprofile-instr-generate -fcoverage-mapping" >&2

rm -rf "$OUT/profiles"
mkdir -p "$OUT/profiles"
objects=() profiles=()
for test in t/unit/*_test.cpp t/unit/*/*_test.cpp; do
    name=${test#t/unit/}
    name=${name%.cpp}
    mkdir -p "$(dirname "$OUT/profiles/$name")"
    LLVM_PROFILE_FILE=$OUT/profiles/$name "$OUT/$name" >"$OUT/profiles/$name.log" 2>&1 ||
        { cat "$OUT/profiles/$name.log" && exit 1; }
    objects+=(-object "$OUT/$name")
    profiles+=("$OUT/profiles/$name")
done
llvm-profdata merge -o "$OUT/merged" "${profiles[@]}"

# What llvm-cov calls mismatched is each inline function in the programs that do not use it.
llvm-cov export -format=lcov -instr-profile="$OUT/merged" "${objects[@]}" \
    -ignore-filename-regex="(^|/)(t|usr)/" >"$OUT/lcov" 2>"$OUT/llvm-cov.log" ||
    { cat "$OUT/llvm-cov.log" && exit 1; }

explanations >"$OUT/explanations"
awk -F '[:,]' -v root="$PWD/" -v goal_lines=$goal_lines -v goal_branches=$goal_branches \
    -v explanations="$OUT/explanations" '
    function percent(hit, all) { return all == 0 ? 100 : 100 * hit / all }

    function row(name, lines, lines_hit, branches, branches_hit) {
        printf "%-38s %5d %6.1f%% %8d %6.1f%%\n", name, lines, percent(lines_hit, lines), branches,
            percent(branches_hit, branches)
    }

    # The reason for one of the lines from first to last.
    function reason(file, first, last,   i, at) {
        for (i = 1; i <= reasons; ++i) {
            for (at = first; at <= last; ++at) {
                if (file ~ "/" reason_file[i] "$" && index(text[at], reason_text[i])) return why[i]
            }
        }
        all_explained = 0
        return "NOT EXPLAINED:" text[first]
    }

    # Lines that stand together, up to a comment between them, share a reason.
    function tell_missed(file,   at, first, last) {
        for (at = 1; (getline text[at] < (root file)) > 0; ++at) { }
        for (first = 1; first < at; first = last + 1) {
            last = first
            if (!(first in missed)) continue
            while ((last + 1) in missed || (last + 2) in missed) ++last
            told[++tellings] = file ":" first (last > first ? "-" last : "") ": " \
                reason(file, first, last)
        }
    }

    BEGIN {
        while ((getline line < explanations) > 0) {
            split(line, part, "|")
            reason_file[++reasons] = part[1]
            reason_text[reasons] = part[2]
            why[reasons] = part[3]
        }
        all_explained = 1
        printf "%-38s %5s %7s %8s %7s\n", "", "lines", "run", "branches", "taken"
    }
    /^SF/ { file = $2; sub(root, "", file); l = lh = b = bh = 0; delete missed }
    /^DA/ { ++l; if ($3 > 0) ++lh; else missed[$2] }
    /^BRDA/ { ++b; if ($5 != "-" && $5 > 0) ++bh; else missed[$2] }
    /^end_of_record/ {
        row(file, l, lh, b, bh)
        tell_missed(file)
        lines += l; lines_hit += lh; branches += b; branches_hit += bh
    }
    END {
        row("all", lines, lines_hit, branches, branches_hit)
        print "\nlines that are not run, and those whose branches are not all taken:"
        for (i = 1; i <= tellings; ++i) print told[i]
        met = percent(lines_hit, lines) >= goal_lines &&
            percent(branches_hit, branches) >= goal_branches
        printf "\ngoals: %.1f%% of lines, %.1f%% of branches: %s\n", goal_lines, goal_branches,
            met ? "met" : "MISSED"
        exit !(met && all_explained)
    }' "$OUT/lcov"
