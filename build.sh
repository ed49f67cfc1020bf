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

# Each command is a function cmd_NAME, announced right before it.
announce() {
    commands+=("$1")
    summary[$1]=$2
}

say() { printf '%s\n' "$*" >&2; }

die() {
    say "build.sh: $*"
    exit 1
}

# gcc and g++, or the pair that belongs to the one that was named.
choose_compilers() {
    if [ -z "${CC:-}" ]; then
        case ${CXX:-} in
            *clang++*) CC=${CXX/clang++/clang} ;;
            *g++*) CC=${CXX/g++/gcc} ;;
            *) CC=gcc ;;
        esac
    fi
    if [ -z "${CXX:-}" ]; then
        case $CC in
            *clang*) CXX=${CC/clang/clang++} ;;
            *gcc*) CXX=${CC/gcc/g++} ;;
            *) CXX=g++ ;;
        esac
    fi
    case $CC in
        *clang*) compiler=clang ;;
        *) compiler=gcc ;;
    esac
}

# --- packages -------------------------------------------------------------------------------------

# A package of Debian 12 and a file or tool that shows it is there, by purpose. Not by dpkg: a
# compiler or a node from elsewhere is as good.
packages_for() {
    local python=/usr/lib/python3/dist-packages

    case $1 in
        build)
            echo "${compiler/gcc/g++}" "$CXX"
            echo make make
            echo libssl-dev /usr/include/openssl/evp.h
            echo zlib1g-dev /usr/include/zlib.h
            [ -n "$own_nginx" ] || echo nginx /usr/sbin/nginx
            [ -n "${NGINX_SRC:-}" ] || echo nginx-dev /usr/share/nginx/src/configure
            ;;
        unit)
            echo libcmocka-dev /usr/include/cmocka.h
            ;;
        test)
            echo python3 /usr/bin/python3
            echo python3-pytest $python/pytest
            echo python3-pytest-xdist $python/xdist
            echo python3-websockets $python/websockets
            echo openssl openssl
            echo nodejs node
            echo npm npm
            echo chromium chromium
            echo haproxy /usr/sbin/haproxy
            echo dnsmasq-base /usr/sbin/dnsmasq
            echo netcat-openbsd nc
            echo iproute2 ss
            [ -n "$own_nginx" ] || echo libnginx-mod-stream /usr/lib/nginx/modules/ngx_stream_module.so
            ;;
        services)
            echo redis-server redis-server
            echo openssh-server /usr/sbin/sshd
            echo openssh-client ssh
            echo mosquitto /usr/sbin/mosquitto
            echo ngircd /usr/sbin/ngircd
            echo tigervnc-standalone-server Xtigervnc
            echo x11-xserver-utils xsetroot
            echo npm npm
            ;;
        sanitize)
            [ -n "${NGINX_SRC:-}" ] || echo dpkg-dev dpkg-source
            echo libpcre2-dev /usr/include/pcre2.h
            ;;
        valgrind)
            echo valgrind valgrind
            ;;
        matrix)
            echo dpkg dpkg-deb
            echo debian-archive-keyring /usr/share/keyrings/debian-archive-keyring.gpg
            echo patchelf patchelf
            echo util-linux unshare
            ;;
        check)
            echo clang-format clang-format
            echo clang-tidy clang-tidy
            echo shellcheck shellcheck
            ;;
        fuzz)
            echo clang clang++
            echo libclang-rt-14-dev /usr/lib/llvm-14/lib/clang/14.0.6/lib/linux
            echo libwslay-dev /usr/include/wslay/wslay.h
            ;;
        coverage)
            echo clang clang++
            echo libclang-rt-14-dev /usr/lib/llvm-14/lib/clang/14.0.6/lib/linux
            echo llvm llvm-cov
            ;;
        codec)
            echo libbenchmark-dev /usr/include/benchmark/benchmark.h
            echo libwslay-dev /usr/include/wslay/wslay.h
            ;;
        bench)
            echo lighttpd /usr/sbin/lighttpd
            echo websockify websockify
            [ -n "$own_nginx" ] || echo libnginx-mod-stream /usr/lib/nginx/modules/ngx_stream_module.so
            ;;
    esac
}

# Names the packages that the given purposes lack, and installs them where that is allowed.
need() {
    local purpose package probe missing=()

    for purpose; do
        while read -r package probe; do
            case $probe in
                /*) [ -e "$probe" ] || missing+=("$package") ;;
                *) type -P "$probe" >/dev/null || missing+=("$package") ;;
            esac
        done < <(packages_for "$purpose")
    done

    [ ${#missing[@]} = 0 ] || install_packages "${missing[@]}"
}

install_packages() {
    local as=() answer

    say "missing: $*"
    type -P apt-get >/dev/null || die "install these first (the names are those of Debian 12)"

    if [ "$(id -u)" != 0 ]; then
        answer=no
        if [ -t 0 ] && type -P sudo >/dev/null; then
            read -rp "install with sudo? [y/N] " answer
        fi
        case $answer in
            [yY]*) as=(sudo) ;;
            *) die "run this first: apt-get install --no-install-recommends $*" ;;
        esac
    fi

    apt_install "$@"
    hash -r
}

# With the lists that are there; if that fails they may be old or absent.
apt_install() {
    local get=("${as[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq)
    local install=("${get[@]}" -o Dpkg::Use-Pty=0 install -y --no-install-recommends "$@")
    local service pid new=()

    mkdir -p "$build"
    for service in nginx lighttpd haproxy redis-server sshd mosquitto ngircd; do
        installed "$service" || new+=("$service")
    done

    if ! "${install[@]}" >"$build/apt.log" 2>&1; then
        "${get[@]}" update >&2 || die "apt-get update failed"
        "${install[@]}" >&2 || die "apt-get could not install: $*"
    fi

    # The packages start system services that nobody asked for.
    for service in "${new[@]}"; do
        if ! installed "$service"; then
            continue
        elif [ -d /run/systemd/system ]; then
            "${as[@]}" systemctl disable --now "${service/sshd/ssh}" >&2 || true
        else
            for pid in "/run/$service.pid" /run/*/"$service.pid"; do
                [ ! -e "$pid" ] || "${as[@]}" kill "$(<"$pid")" || true
            done
        fi
    done
}

installed() {
    [ -e "/usr/sbin/$1" ] || [ -e "/usr/bin/$1" ]
}

# --- the module -----------------------------------------------------------------------------------

# The configure arguments of the nginx the module is for. Left out: other modules, which need
# libraries of their own, and compiler options, which are chosen here.
nginx_arguments() {
    local arguments argument

    arguments=$("$nginx" -V 2>&1 | sed -n 's/^configure arguments: //p')
    eval "arguments=($arguments)"

    for argument in "${arguments[@]}"; do
        case $argument in
            *=dynamic | --add-*module=* | --with-*-opt=* | --builddir=* | --with-cc=*) ;;
            --with-mail* | --with-stream*) ;;
            *) printf '%s\0' "$argument" ;;
        esac
    done
}

# The nginx tree whose headers are used. Debian's is read in place, as any user. Another one is
# copied, because its configure writes into it.
nginx_source() {
    if [ -z "${NGINX_SRC:-}" ]; then
        echo /usr/share/nginx/src
        return
    fi

    mkdir -p "$build/nginx-src"
    cp -a "$NGINX_SRC"/{auto,conf,configure,src} "$build/nginx-src/"
    [ ! -d "$NGINX_SRC/man" ] || cp -a "$NGINX_SRC/man" "$build/nginx-src/"
    echo "$build/nginx-src"
}

# All that makes a new configure necessary, in one text.
configuration() {
    echo "$CC" "${NGINX_SRC:-}" "$root" "$build"
    "$nginx" -V 2>&1
    cat config config.make
    ls module/*.[ch]pp ngx_ws_filter/*.[ch]pp
}

configure_module() {
    local out=$build/nginx source=$1 arguments

    if configuration | cmp -s - "$out/configuration"; then
        return
    fi

    rm -rf "$out"
    mkdir -p "$out"
    mapfile -d '' arguments < <(nginx_arguments)
    (
        cd "$source"
        ./configure "${arguments[@]}" --with-cc="$CC" \
            --with-cc-opt="-g -O2 -fPIC -fstack-protector-strong -D_FORTIFY_SOURCE=2" \
            --with-ld-opt="-Wl,-z,relro -Wl,-z,now" \
            --add-dynamic-module="$root" --builddir="$out" >"$out/configure.log" 2>&1
    ) || die "configure failed: $(tail -n 3 "$out/configure.log")"
    configuration >"$out/configuration"
}

# Prints what the module would need of the C++ run-time library: it is linked by cc, without it, and
# a missing symbol would show only when nginx starts.
cxx_runtime_symbols() {
    readelf -d "$1" | grep -E 'NEEDED.*(stdc\+\+|libc\+\+|libgcc)' || true
    nm -D --undefined-only "$1" | awk '{ print $NF }' | sed 's/@.*//' |
        grep -E '^(_Z|__cxa_|__gxx_|_Unwind_|__dynamic_cast)' |
        grep -vxE '__cxa_(finalize|atexit)' | c++filt || true
}

build_module() {
    local source symbols built=$build/nginx/ngx_http_ws_module.so

    case $root$build in *[[:space:]]*) die "nginx cannot be built in a path with blanks" ;; esac
    [ -x "$nginx" ] || die "no nginx at $nginx"

    source=$(nginx_source)
    configure_module "$source"
    make -s -j"$jobs" -f "$build/nginx/Makefile" -C "$source" modules >&2

    symbols=$(cxx_runtime_symbols "$built")
    [ -z "$symbols" ] || die "the module needs the C++ run-time library:"$'\n'"$symbols"

    # By a rename, since a running nginx may have the old one mapped.
    if ! cmp -s "$built" "$module"; then
        cp "$built" "$module.new"
        mv "$module.new" "$module"
    fi
}

# The module's C++ flags for a compiler, gcc or clang, as config.make has them.
module_flags() {
    (
        NGX_CC_NAME=$1 ngx_http_ws_srcs=
        # shellcheck source=config.make
        . ./config.make
        echo "$ngx_http_ws_cxxflags"
    )
}

# One build at a time in one folder.
locked() {
    mkdir -p "$build"
    (
        flock 9
        "$@" 9>&-
    ) 9>"$build/lock"
}

# --- commands -------------------------------------------------------------------------------------

announce deps "install the packages that building, running, testing and checking need"
cmd_deps() {
    need build unit test services check
}

announce build "make build/ngx_http_ws_module.so for the installed nginx"
cmd_build() {
    need build
    locked build_module
    echo "$module"
}

announce unit "build and run the library's unit tests: unit [NAME...]"
cmd_unit() {
    need build unit
    locked make -s -j"$jobs" -f t/unit/Makefile OUT="$build/unit" CXX="$CXX" \
        FLAGS="$(module_flags "$compiler")" >&2

    local name test failed=()
    [ $# -gt 0 ] || set -- t/unit/*_test.cpp
    for test; do
        name=$(basename "$test" .cpp)
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

# The integration tests with an nginx and a module, none if nginx has it inside: run_suite NGINX
# MODULE [pytest's arguments].
run_suite() {
    local argument out where=(t) status=0

    for argument in "${@:3}"; do
        [ ! -e "${argument%%::*}" ] || where=()
    done

    # Each run has its own folder for what its tests write, kept if one of them fails.
    out=$(mktemp -d "$build/test.XXXXXX")
    WS_NGINX=$1 WS_MODULE=$2 WS_HOSTILE_OUT=$build/hostile NODE_PATH=$build/npm/node_modules \
        /usr/bin/python3 -B -m pytest -c t/pytest.ini --rootdir t -n 2 --basetemp "$out/t" \
        "${where[@]}" "${@:3}" || status=$?

    [ $status != 0 ] || rm -rf "$out"
    [ $status = 0 ] || say "logs and configurations of the failed tests are in $out"
    return $status
}

announce test "build, then run the unit tests and t/*.py; arguments go to pytest, which then runs alone"
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

announce sanitize "run t/*.py on nginx and the module as one program under ASan and UBSan"
cmd_sanitize() {
    local arguments

    need build test services sanitize
    locked install_node_packages
    mapfile -d '' arguments < <(nginx_arguments)
    CC=$CC NGINX=$nginx OUT=$build/sanitize locked t/sanitize.sh "${arguments[@]}"
    WS_CHECKER=asan run_suite "$build/sanitize/nginx/nginx" "" "$@"
}

announce valgrind "run some tests of t/, or those named, on nginx under valgrind"
cmd_valgrind() {
    need build test services valgrind
    locked build_module
    locked install_node_packages
    [ $# -gt 0 ] || set -- t/test_smoke.py t/test_closing.py t/test_frames.py
    WS_CHECKER=valgrind run_suite "$nginx" "$module" "$@"
}

# The suite for one release and compiler, e.g. sid-clang, as a line of the table: run_release
# ENTRY [pytest's arguments].
run_release() {
    local release=${1%-*} compiler=${1##*-} out status=0
    out=$build/matrix/$release

    if ! OUT=$out locked t/matrix.sh "$release" "$compiler"; then
        table+=("$release, $compiler: not built")
        return 1
    fi
    WS_STREAM_MODULE=$out/root/usr/lib/nginx/modules/ngx_stream_module.so \
        run_suite "$out/nginx" "$out/$compiler/ngx_http_ws_module.so" "${@:2}" |
        tee "$out/$compiler/tests.log" || status=$?
    table+=("$(<"$out/$compiler/title") $(tail -n 1 "$out/$compiler/tests.log" | tr -d =)")
    return $status
}

announce matrix "run t/*.py with the nginx and compilers of Debian's releases: matrix [RELEASE[-gcc|-clang]...] [-- ARGUMENT...]"
cmd_matrix() {
    local entry table=() entries=() status=0

    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        case $1 in
            *-gcc | *-clang) entries+=("$1") ;;
            *) entries+=("$1-gcc" "$1-clang") ;;
        esac
        shift
    done
    [ ${#entries[@]} -gt 0 ] || entries=({bookworm,trixie,sid}-{gcc,clang})

    need test services matrix
    locked install_node_packages
    for entry in "${entries[@]}"; do
        run_release "$entry" "${@:2}" || status=1
    done
    printf '%s\n' "${table[@]}"
    return $status
}

# The first free TCP port of loopback from $1 on.
free_port() {
    local port=$1

    while (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
        port=$((port + 1))
    done
    echo "$port"
}

demo_backend() {
    local program=$build/demo_backend

    if [ ! "$program" -nt demo/backend.cpp ]; then
        "$CXX" -std=c++20 -O2 -Wall -Wextra -o "$program" demo/backend.cpp
    fi
    echo "$program"
}

# The demo's own services. Their program ends when a pipe does, which this shell alone holds open.
start_backend() {
    local backend echo ticker slow

    backend=$(locked demo_backend)
    echo=$(free_port $((port + 1)))
    ticker=$(free_port $((echo + 1)))
    slow=$(free_port $((ticker + 1)))
    ports=(-e "s|@ECHO@|$echo|g" -e "s|@TICKER@|$ticker|g" -e "s|@SLOW@|$slow|g")
    exec 8> >(exec "$backend" "echo=$echo" "ticker=$ticker" "slow=$slow" >/dev/null)
}

# The real service of the demo in the folder $1, which has a script for that.
start_service() {
    local service folder=$build/run/${1#demo/}

    service=$(free_port $((port + 1)))
    ports=(-e "s|@SERVICE@|$service|g" -e "s|@PACKAGES@|$build/npm/node_modules|g")
    mkdir -p "$folder"
    chmod 700 "$folder"
    setpriv --pdeathsig TERM "$1/start" "$service" "$folder" &
    servers+=($!)
    wait_for_port "$service" "$1/start"
}

# Waits for the port $1 of the process started last, which the message calls $2.
wait_for_port() {
    until (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; do
        kill -0 $! 2>/dev/null || die "$2 did not start"
        sleep 0.1
    done
}

# Fills in the template of a demo: $1 is the folder it is in.
demo_config() {
    sed "${ports[@]}" -e "s|@PORT@|$port|g" -e "s|@ROOT@|$root/demo|g" \
        -e "s|@MODULE@|$module|g" -e "s|@PREFIX@|$build/run|g" \
        "$1/nginx.conf" >"$build/run/nginx.conf"
}

announce run "build, then run nginx in the foreground with demo/nginx.conf, or demo/NAME: run [NAME]"
cmd_run() {
    local folder=demo${1:+/$1} port ports=() servers=() globals=

    [ -f "$folder/nginx.conf" ] || die "there is no $folder/nginx.conf"
    need build
    locked build_module

    port=$(free_port "${PORT:-8080}")
    [ "$port" = "${PORT:-8080}" ] || say "port ${PORT:-8080} is taken, using $port"
    mkdir -p "$build/run"

    trap stop_servers EXIT
    trap 'exit 0' INT TERM HUP
    if [ -x "$folder/start" ]; then
        # One that brings its own server needs no package for it.
        [ -f "$folder/server.cpp" ] || need services
        ! grep -q @PACKAGES@ "$folder/nginx.conf" || locked install_node_packages
        start_service "$folder"
    else
        start_backend
    fi
    demo_config "$folder"

    # The workers of root's nginx would be nobody, who cannot read a clone in root's home.
    [ "$(id -u)" != 0 ] || globals="user $(stat -c '%U %G' "$folder");"

    setpriv --pdeathsig TERM "$nginx" -p "$build/run/" -c "$build/run/nginx.conf" \
        -e stderr -g "$globals" 8>&- &
    servers+=($!)
    wait_for_port "$port" nginx
    if [ -f "$folder/index.html" ]; then
        echo "open http://127.0.0.1:$port/ (Ctrl-C ends it)"
    else
        echo "ws://127.0.0.1:$port/${1:-} is there (Ctrl-C ends it)"
    fi
    wait $!
}

# nginx, then what stands behind it.
stop_servers() {
    local i

    for ((i = ${#servers[@]} - 1; i >= 0; i--)); do
        kill "${servers[i]}" 2>/dev/null || true
        wait "${servers[i]}" 2>/dev/null || true
    done
    exec 8>&-
}

announce check "look for broken rules: formatting, clang-tidy, borders between folders, shell scripts"
cmd_check() {
    need build check
    locked build_module
    BUILD=$build SOURCE=$(nginx_source) FLAGS=$(module_flags clang) t/check.sh
}

announce sim "run simulated sessions, 500 or so many, or the one that a seed makes: sim [COUNT | seed SEED]"
cmd_sim() {
    need build
    locked make -s -j"$jobs" -f t/sim/Makefile OUT="$build/sim" CXX="$CXX" \
        FLAGS="$(module_flags "$compiler")" >&2
    if [ "${1:-}" = seed ]; then
        "$build/sim/sim" "$2"
        return
    fi
    "$build/sim/sim" 0 "${1:-500}"
}

announce hostile "run hostile clients against the gateway, a million or so many, or the one that a seed makes: hostile [COUNT [FIRST] | seed SEED]"
cmd_hostile() {
    local first=0 count=1000000 seed=

    case ${1:-} in
        seed) seed=$2 ;;
        ?*) count=$1 first=${2:-0} ;;
    esac
    need build test
    locked build_module
    WS_HOSTILE_COUNT=$count WS_HOSTILE_FIRST=$first WS_HOSTILE_SEED=$seed \
        run_suite "$nginx" "$module" -n 0 -q -s t/test_hostile.py
}

announce fuzz "fuzz the parsers for 60 s in sum, or so many; 0 replays the corpora: fuzz [SECONDS [TARGET...]]"
cmd_fuzz() {
    need build fuzz
    locked make -s -j"$jobs" -f t/fuzz/Makefile OUT="$build/fuzz" CXX=clang++ \
        FLAGS="$(module_flags clang)" >&2
    t/fuzz/run.sh "$build/fuzz" "${1:-60}" "${@:2}"
}

announce coverage "how much of the library the unit tests run, by lines and branches"
cmd_coverage() {
    need build unit coverage
    OUT=$build/coverage CXX=clang++ FLAGS=$(module_flags clang) locked t/coverage.sh
}

# Arguments go to Google Benchmark.
bench_codec() {
    need build codec
    locked make -s -j"$jobs" -f t/bench/codec.mk OUT="$build/codec" CXX="$CXX" \
        FLAGS="$(module_flags "$compiler")" >&2
    "$build/codec/codec" "$@"
}

announce bench "compare speed and memory with other servers: bench [--quick | --help | OPTION...]; bench codec: the library with memcpy and wslay"
cmd_bench() {
    if [ "${1:-}" = codec ]; then
        bench_codec "${@:2}"
        return
    fi
    need build bench
    locked build_module
    locked make -s -j"$jobs" -f t/bench/Makefile OUT="$build/bench" CXX="$CXX" >&2
    /usr/bin/python3 -B t/bench/bench.py --nginx "$nginx" --module "$module" \
        --out "$build/bench" "$@"
}

announce format "format all C++ files in place"
cmd_format() {
    need check
    find module ngx_ws_filter t demo -name '*.[ch]pp' -exec clang-format -i {} +
}

announce clean "remove the folder build/"
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

choose_compilers
if [ $# = 0 ]; then
    list_commands
    exit
fi
[ -n "${summary[$1]:-}" ] || die "no command '$1'; ./build.sh alone lists them"
"cmd_$1" "${@:2}"
