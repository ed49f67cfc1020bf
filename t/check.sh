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

    mapfile -t units < <(find "$root/ngx_ws_filter" -name '*.cpp' | sort)
    TIDY_FLAGS="$FLAGS -I$root" tidy "${units[@]}"

    # Relative to nginx's folder, as its Makefile has them.
    includes=$(sed -n '/^ALL_INCS/,/^$/p' "$BUILD/nginx/Makefile" | tr '\\\n' '  ' | cut -d= -f2)
    mapfile -t units < <(find "$root/module" -name '*.cpp' | sort)
    (cd "$SOURCE" && TIDY_FLAGS="$FLAGS $includes" tidy "${units[@]}")
}

check_shell() {
    shellcheck -x -a -f gcc "${scripts[@]}" >>"$findings" || true
}

export TIDY_FLAGS
check_format
check_borders
check_files
check_shell
check_tidy

cat "$findings"
[ ! -s "$findings" ] || { echo "$(wc -l <"$findings") findings" >&2 && exit 1; }
echo "nothing found" >&2
