#!/usr/bin/env bash
# Builds nginx of a source tree, and the module for it as docs/install.md has it for an nginx that is
# not Debian's. Run by `./build.sh matrix` from the top folder: TREE COMPILER (gcc or clang) and nginx's
# configure arguments, with OUT, a folder for all that is written. The tree is only read.
set -euo pipefail

tree=$1
compiler=$2
shift 2
sources=$OUT/$compiler/src

. tools/nginx_tree.sh

die() {
    echo "matrix: $*" >&2
    exit 1
}

# A fork's binary may have the fork's name.
build_nginx() {
    local binary

    rm -rf "$sources"
    copy_nginx_tree "$tree" "$sources"
    (
        cd "$sources"
        configure_nginx "$@" --with-cc="$compiler" --with-cc-opt="-g -O2" >"$OUT/$compiler/configure.log" 2>&1
    ) || die "configure failed: $(tail -n 3 "$OUT/$compiler/configure.log")"
    make -s -j"$(nproc)" -C "$sources" -f objs/Makefile binary >"$OUT/$compiler/make.log" 2>&1 ||
        die "make failed: $(tail -n 5 "$OUT/$compiler/make.log")"
    binary=$(find "$sources/objs" -maxdepth 1 -type f -perm -u+x | head -n 1)
    [ -n "$binary" ] || die "make left no binary in $sources/objs"
    cp "$binary" "$OUT/$compiler/nginx"
}

case $compiler in gcc | clang) ;; *) die "no compiler '$compiler'" ;; esac
tree=$(realpath "$tree")
mkdir -p "$OUT/$compiler"
build_nginx "$@"
CC=$compiler CXX='' NGINX=$OUT/$compiler/nginx NGINX_SRC=$sources BUILD=$OUT/$compiler/module \
    ./build.sh build >&2
cp "$OUT/$compiler/module/ngx_http_ws_module.so" "$OUT/$compiler/"

version=$("$OUT/$compiler/nginx" -v 2>&1 | sed -n 's/.* version: //p' | tail -n 1)
printf '%-9s %-26s %-5s\n' "$(basename "$tree")" "$version" "$compiler" >"$OUT/$compiler/title"
