# shellcheck shell=bash
# The tests of t/, in nginx as it is, and in one that is looked at. Read by build.sh.

cmd_unit() {
    need build unit
    locked make -s -j"$jobs" -f t/unit/Makefile OUT="$build/unit" CXX="$CXX" \
        FLAGS="$(module_flags "$compiler")" >&2

    local name test failed=()
    [ $# -gt 0 ] || set -- t/unit/*_test.cpp t/unit/*/*_test.cpp
    for test; do
        name=${test#t/unit/}
        name=${name%.cpp}
        name=${name%_test}_test
        say "$name"
        "$build/unit/$name" || failed+=("$name")
    done

    [ ${#failed[@]} = 0 ] || die "failed: ${failed[*]}"
}

# The npm packages of the tests, installed beside a copy of their list.
install_node_packages() {
    local out=$build/npm

    mkdir -p "$out"
    if cmp -s t/package-lock.json "$out/installed"; then
        return
    fi
    cp t/package.json t/package-lock.json "$out/"
    npm_config_cache=$build/npm-cache npm ci --prefix "$out" --ignore-scripts --no-audit \
        --no-fund --no-update-notifier --loglevel=error >&2 || die "npm could not install"
    cp t/package-lock.json "$out/installed"
}

long_link() {
    make -s -j"$jobs" -f t/link/Makefile OUT="$build/link" CXX="$CXX" >&2
}

# The module's table of directives as JSON: build/settings/directives.json.
list_directives() {
    local out=$build/settings source

    source=$(nginx_source)
    configure_module "$source"
    make -s -f t/settings/Makefile OUT="$out" CXX="$CXX" FLAGS="$(module_flags "$compiler")" \
        NGINX="$(nginx_header_flags "$source" | tr '\n' ' ')" >&2
    "$out/directives" >"$out/directives.json"
}

# The integration tests with an nginx and a module, none if nginx has it inside: run_suite NGINX
# MODULE [pytest's arguments].
run_suite() {
    local argument out where=(t) status=0

    for argument in "${@:3}"; do
        [ ! -e "${argument%%::*}" ] || where=()
    done

    locked long_link
    locked list_directives
    # Each run has its own folder for what its tests write, kept if one of them fails.
    out=$(mktemp -d "$build/test.XXXXXX")
    WS_NGINX=$1 WS_MODULE=$2 WS_HOSTILE_OUT=$build/hostile WS_BUILD=$build NODE_PATH=$build/npm/node_modules \
        WS_LONG_LINK=$build/link/long_link \
        /usr/bin/python3 -B -m pytest -c t/pytest.ini --rootdir t -n 2 --basetemp "$out/t" \
        "${where[@]}" "${@:3}" || status=$?

    [ $status != 0 ] || rm -rf "$out"
    [ $status = 0 ] || say "logs and configurations of the failed tests are in $out"
    return $status
}

cmd_test() {
    need build unit test services
    locked build_module
    locked install_node_packages
    if [ $# = 0 ]; then
        cmd_unit
        cmd_sim "$@"
    fi
    run_suite "$nginx" "$module" "$@"
}

cmd_sanitize() {
    local arguments

    need build test services sanitize
    locked install_node_packages
    nginx_arguments >"$build/sanitize-arguments"
    mapfile -d '' arguments <"$build/sanitize-arguments"
    CC=$CC NGINX=$nginx OUT=$build/sanitize OPTIONS=$(header_options) \
        locked t/sanitize.sh "${arguments[@]}"
    WS_CHECKER=asan run_suite "$build/sanitize/nginx/nginx" "" "$@"
}

cmd_valgrind() {
    need build test services valgrind
    locked build_module
    locked install_node_packages
    [ $# -gt 0 ] || set -- t/nginx/test_smoke.py t/closing/test_closing.py t/messages/test_frames.py
    WS_CHECKER=valgrind run_suite "$nginx" "$module" "$@"
}

# The release of Debian that has a role today, or the name itself.
release_of() {
    case $1 in
        oldest) echo bookworm ;;
        stable) echo trixie ;;
        newest) echo sid ;;
        *) echo "$1" ;;
    esac
}

# The suite with what was built in OUT, as a line of the table: tabulate OUT COMPILER NGINX [pytest's
# arguments].
tabulate() {
    local out=$1/$2 status=0

    run_suite "$3" "$out/ngx_http_ws_module.so" "${@:4}" | tee "$out/tests.log" || status=$?
    table+=("$(<"$out/title") $(tail -n 1 "$out/tests.log" | tr -d =)")
    return $status
}

# For one role or release and a compiler, e.g. newest-clang: run_release ENTRY [pytest's arguments].
run_release() {
    local release compiler=${1##*-} out

    need matrix
    release=$(release_of "${1%-*}")
    out=$build/matrix/$release
    if ! OUT=$out locked t/matrix.sh "$release" "$compiler"; then
        table+=("$release, $compiler: not built")
        return 1
    fi
    WS_STREAM_MODULE=$out/root/usr/lib/nginx/modules/ngx_stream_module.so \
        tabulate "$out" "$compiler" "$out/nginx" "${@:2}"
}

# For the nginx of a source tree: run_tree TREE COMPILER [pytest's arguments]. It is configured as
# Debian's is, with its stream module inside.
run_tree() {
    local tree=$1 compiler=$2 out=$build/matrix/tree arguments

    [ -n "$tree" ] || die "set NGINX_SRC to the tree of nginx's sources that is to be tried"
    mapfile -d '' arguments < <(nginx_arguments)
    arguments=("${arguments[@]/%--with-stream=dynamic/--with-stream}")
    if ! OUT=$out locked t/matrix_tree.sh "$tree" "$compiler" "${arguments[@]}"; then
        table+=("$tree, $compiler: not built")
        return 1
    fi
    tabulate "$out" "$compiler" "$out/$compiler/nginx" "${@:3}"
}

cmd_matrix() {
    local entry table=() entries=() status=0 tree=${NGINX_SRC:-}

    # The rest of the suite is for the installed nginx.
    unset NGINX_SRC
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        case $1 in
            *-gcc | *-clang) entries+=("$1") ;;
            *) entries+=("$1-gcc" "$1-clang") ;;
        esac
        shift
    done
    if [ ${#entries[@]} = 0 ]; then
        entries=({oldest,stable,newest}-{gcc,clang})
        [ -z "$tree" ] || entries=(tree-{gcc,clang})
    fi

    need build test services
    locked install_node_packages
    for entry in "${entries[@]}"; do
        case $entry in
            tree-*) run_tree "$tree" "${entry#tree-}" "${@:2}" || status=1 ;;
            *) run_release "$entry" "${@:2}" || status=1 ;;
        esac
    done
    printf '%s\n' "${table[@]}"
    return $status
}
