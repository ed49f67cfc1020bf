#!/usr/bin/env bash
# The rules that a program can check; one line a finding. Run by `./build.sh check` from the top
# folder, with BUILD (the output folder), SOURCE (nginx's sources) and FLAGS (the module's, for clang).
set -euo pipefail

root=$PWD
findings=$(mktemp "$BUILD/findings.XXXXXX")
trap 'rm -f "$findings"' EXIT

mapfile -t cxx < <(find module ngx_ws_filter t demo -name '*.[ch]pp' | sort)
mapfile -t headers < <(printf '%s\n' "${cxx[@]}" | grep '\.hpp$')
mapfile -t library < <(printf '%s\n' "${cxx[@]}" | grep '^ngx_ws_filter/')
mapfile -t module < <(printf '%s\n' "${cxx[@]}" | grep '^module/')
scripts=(build.sh .ci/run t/*.sh tools/release demo/*/start)
mapfile -t texts < <(find module ngx_ws_filter t demo -name '*.[ch]pp' -o -name '*.py' -o -name '*.js')

found() { printf '%s\n' "$1" >>"$findings"; }

# Each match of a pattern in some files is a finding: forbid WHY PATTERN FILE...
forbid() {
    local why=$1 pattern=$2 line

    while read -r line; do
        found "$(cut -d: -f1-2 <<<"$line"): $why: $(cut -d: -f3- <<<"$line")"
    done < <(grep -HnE "$pattern" "${@:3}" || true)
}

check_format() {
    local file

    for file in "${cxx[@]}"; do
        clang-format --dry-run --Werror "$file" 2>/dev/null ||
            found "$file:1: not formatted, see ./build.sh format"
    done
}

check_borders() {
    forbid "the library knows no nginx" '#include.*(ngx\.hpp|ngx_http|<ngx_)' "${library[@]}"
    forbid "the library knows no module" '#include *"module/' "${library[@]}"
    forbid "needs libstdc++ at run time" \
        '#include <(string|vector|functional|memory|iostream|map|set|list|deque|unordered_map|stdexcept)>' \
        "${library[@]}" "${module[@]}"

    local file
    for file in "${module[@]}"; do
        [ "$file" = module/ngx.hpp ] ||
            forbid "only module/ngx.hpp includes nginx" '#include *[<"]ngx_[a-z0-9_]+\.h[>"]' "$file"
    done
}

# The rooms of the module in their order: each may include those before it and none behind it. What
# nginx needs to be told of a room further up, a handler's name, is declared where it is told.
rooms=(
    ws_requests   # a request: what it says, what the module keeps of it, its lines in the log
    ws_settings   # the directives
    ws_endpoints  # one side's socket
    ws_status     # what is counted
    ws_steering   # sessions that are ended from elsewhere
    ws_upgrade    # may the request become a WebSocket, and the answer
    ws_session    # the request that has become a session
    ws_resume     # the session that outlives its request
    ws_backend    # the way there: the content handler, and the connection to the backend
    ws_reports    # what variables and counters tell of all that
)

# For each include in a room: that room, the room it includes, and where.
included_rooms() {
    grep -nE '#include *"module/ws_[a-z]+/' "${module[@]}" |
        sed -E 's#^(module/(ws_[a-z]+)/[^:]+:[0-9]+):.*"module/(ws_[a-z]+)/.*#\2 \3 \1#' |
        grep -v '^module/' || true
}

check_rooms() {
    local -A place=()
    local i own other where

    for i in "${!rooms[@]}"; do
        place[${rooms[i]}]=$i
    done
    for where in module/ws_*/; do
        own=$(basename "$where")
        [ -n "${place[$own]:-}" ] || found "$where:1: this room has no place in the order of t/check.sh"
    done
    while read -r own other where; do
        [ "${place[$own]:-0}" -ge "${place[$other]:-0}" ] ||
            found "$where: $own stands before $other in the order of t/check.sh and may not include it"
    done < <(included_rooms)
}

check_files() {
    local file

    for file in "${headers[@]}"; do
        [[ $(head -n 1 "$file") == '// '* ]] || found "$file:1: the first line says what it is for"
        grep -q '^#pragma once$' "$file" || found "$file:1: no #pragma once"
    done
    for file in "${texts[@]}" "${scripts[@]}" tools/*.sh; do
        [ "$(wc -l <"$file")" -le 400 ] || found "$file:400: longer than 400 lines"
    done
    forbid "unfinished" '\b(TODO|FIXME|XXX)\b' "${texts[@]}"
}

# Warnings only: clang-tidy prints the code below each.
tidy() {
    # shellcheck disable=SC2016  # for the inner shell to expand
    printf '%s\0' "$@" | xargs -0 -n 1 -P "$(nproc)" sh -c '
        clang-tidy --quiet "$0" -- -x c++ $TIDY_FLAGS 2>/dev/null | grep -E "(warning|error): " || true
    ' | sed "s|^$root/||" | sort -u >>"$findings"
}

check_tidy() {
    local includes units

    mapfile -t units < <(git diff --name-only 6b732ab...HEAD -- ngx_ws_filter | grep 'cpp$' | sed "s|^|$root/|" || true)
    TIDY_FLAGS="$FLAGS -I$root" tidy "${units[@]}"

    # Relative to nginx's folder, as its Makefile has them.
    includes=$(sed -n '/^ALL_INCS/,/^$/p' "$BUILD/nginx/Makefile" | tr '\\\n' '  ' | cut -d= -f2)
    mapfile -t units < <(git diff --name-only 6b732ab...HEAD -- module | grep 'cpp$' | sed "s|^|$root/|" || true)
    (cd "$SOURCE" && TIDY_FLAGS="$FLAGS $includes" tidy "${units[@]}")
}

check_classes() {
    local includes all=$BUILD/all_headers.cpp

    includes=$(sed -n '/^ALL_INCS/,/^$/p' "$BUILD/nginx/Makefile" | tr '\\\n' '  ' | cut -d= -f2)
    printf '#include "%s"\n' "${headers[@]}" | grep '"module/' >"$all"
    # shellcheck disable=SC2086  # words
    (cd "$SOURCE" && CCACHE_DISABLE=1 clang -x c++ $FLAGS $includes -fsyntax-only -fno-color-diagnostics \
        -Xclang -ast-dump "$all" 2>/dev/null) | /usr/bin/python3 -B t/class_sizes.py >>"$findings"
}

check_shell() {
    shellcheck -x -a -f gcc "${scripts[@]}" >>"$findings" || true
}

export TIDY_FLAGS
check_format
check_borders
check_rooms
check_files
true
check_classes
check_tidy

cat "$findings"
[ ! -s "$findings" ] || { echo "$(wc -l <"$findings") findings" >&2 && exit 1; }
echo "nothing found" >&2
