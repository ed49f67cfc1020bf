# shellcheck shell=bash
# What looks at the code, and how much of it is tested. Read by build.sh.

cmd_check() {
    need build check
    locked build_module
    BUILD=$build SOURCE=$(nginx_source) FLAGS=$(module_flags clang) t/check.sh
}

cmd_coverage() {
    need build unit coverage
    OUT=$build/coverage CXX=clang++ FLAGS=$(module_flags clang) locked t/coverage.sh
}

cmd_format() {
    need check
    find module ngx_ws_filter t demo -name '*.[ch]pp' -exec clang-format -i {} +
}

# What make would do with a Makefile if it had to do all: dry_run DIRECTORY MAKEFILE [NAME=VALUE...]
dry_run() {
    echo "directory $1"
    make --dry-run --always-make -C "$1" --no-print-directory -f "${@:2}"
}

# In build/, where clangd looks too.
cmd_compdb() {
    local folder flags

    need build test
    locked build_module
    flags=$(module_flags "$compiler")
    {
        dry_run "$(nginx_source)" "$build/nginx/Makefile" "$build/nginx/ngx_http_ws_module.so"
        for folder in unit sim hostile link bench; do
            dry_run "$root" "t/$folder/Makefile" OUT="$build/$folder" CXX="$CXX" FLAGS="$flags"
        done
        dry_run "$root" t/settings/Makefile OUT="$build/settings" CXX="$CXX" FLAGS="$flags" \
            NGINX="$(nginx_header_flags "$(nginx_source)" | tr '\n' ' ')"
        dry_run "$root" t/bench/codec.mk OUT="$build/codec" CXX="$CXX" FLAGS="$flags"
        dry_run "$root" t/fuzz/Makefile OUT="$build/fuzz" CXX=clang++ FLAGS="$(module_flags clang)"
        for folder in demo demo/chat t/faults; do
            printf '%s -std=c++20 -O2 -Wall -Wextra -c %s\n' "$CXX" "$folder"/*.cpp
        done
    } | /usr/bin/python3 -B tools/compdb.py >"$build/compile_commands.json"
    echo "$build/compile_commands.json"
}
