#!/usr/bin/env bash
# Builds, runs and tests the gateway; without arguments it lists its commands. Nothing is written
# outside the folder build/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
export LC_ALL=C.UTF-8

root=$PWD
build=$(realpath -m "${BUILD:-build}")
nginx=${NGINX:-/usr/sbin/nginx}
own_nginx=${NGINX:-}
unset NGINX  # nginx itself takes a variable of this name for inherited sockets
module=$build/ngx_http_ws_module.so
jobs=$(nproc)

commands=()
declare -A summary

# A command NAME is a function cmd_NAME in one of tools/*.sh: announce NAME WHAT.
announce() {
    commands+=("$1")
    summary[$1]=$2
}

announce deps "install the packages that building, running, testing and checking need"
announce build "make build/ngx_http_ws_module.so for the installed nginx"
announce unit "build and run the library's unit tests: unit [NAME...]"
announce test "build, then run the unit tests and t/*.py; arguments go to pytest, which then runs alone"
announce sanitize "run t/*.py on nginx and the module as one program under ASan and UBSan"
announce valgrind "run some tests of t/, or those named, on nginx under valgrind"
announce matrix "run t/*.py with the nginx and compilers of Debian's oldest, stable and newest release, or with the nginx of a tree: [NGINX_SRC=TREE] matrix [ROLE|RELEASE|tree[-gcc|-clang]...] [-- ARGUMENT...]"
announce run "build, then run nginx in the foreground with demo/nginx.conf, or demo/NAME: run [NAME]"
announce check "look for broken rules: formatting, clang-tidy, borders between folders, shell scripts"
announce sim "run simulated sessions, 500 or so many, or the one that a seed makes: sim [COUNT | seed SEED]"
announce hostile "run hostile clients against the gateway, a million or so many, or the one that a seed makes: hostile [COUNT [FIRST] | seed SEED]"
announce fuzz "fuzz the parsers for 60 s in sum, or so many; 0 replays the corpora: fuzz [SECONDS [TARGET...]]"
announce coverage "how much of the library the unit tests run, by lines and branches"
announce bench "compare speed and memory with other servers: bench [--quick | --with NAME=MODULE.so | --help | OPTION...]; bench codec: the library with memcpy and wslay; bench link: over a long way, beside nginx stream; bench client: the npm package beside a bare WebSocket"
announce nightly "run the long ones, sim, valgrind, hostile, bench, sanitize, fuzz and matrix, or those named: nightly [NAME...]"
announce docs "check links and examples of the documentation, and make HTML of it in build/docs/html"
announce deb "make a Debian package for the installed nginx, in build/deb, and check it with lintian"
announce trees "build, install, use, upgrade and purge that package in clean trees of Debian, as root: trees [bookworm | trixie | sid]..."
announce rpm "make an RPM package for the installed nginx, in build/rpm, and check it with rpmlint"
announce client "pack client/ as build/ngx-ws-filter-VERSION.tgz, for npm"
announce compdb "write build/compile_commands.json, from which clangd and others know how each file is compiled"
announce format "format all C++ files in place"
announce clean "remove the folder build/"

say() { printf '%s\n' "$*" >&2; }

die() {
    say "build.sh: $*"
    exit 1
}

# One build at a time in one folder.
locked() {
    mkdir -p "$build"
    (
        flock 9
        "$@" 9>&-
    ) 9>"$build/lock"
}

cmd_clean() {
    rm -rf "$build"
}

list_commands() {
    local name

    echo "usage: ./build.sh COMMAND [ARGUMENTS]"
    echo
    for name in "${commands[@]}"; do
        printf '  %-8s  %s\n' "$name" "${summary[$name]}"
    done
    echo
    echo "Environment: CC, CXX (gcc or clang), NGINX (a binary), NGINX_SRC (its sources, if it is not"
    echo "Debian's), BUILD (the output folder), PORT (for run)."
}

. tools/compilers.sh
. tools/packages.sh
. tools/nginx.sh
. tools/module.sh
. tools/tests.sh
. tools/inputs.sh
. tools/demo.sh
. tools/checks.sh
. tools/bench.sh
. tools/nightly.sh
. tools/package.sh
. tools/docs.sh
. tools/client.sh

choose_compilers
if [ $# = 0 ]; then
    list_commands
    exit
fi
[ -n "${summary[$1]:-}" ] || die "no command '$1'; ./build.sh alone lists them"
"cmd_$1" "${@:2}"
