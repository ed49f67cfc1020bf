# shellcheck shell=bash
# The packages of Debian 12 that something needs. Read by build.sh.

demo_services=(redis nodes ssh mqtt irc vnc postgres terminal)

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
            echo prometheus promtool
            echo dpkg-dev dpkg-source
            [ -n "$own_nginx" ] || echo libnginx-mod-stream /usr/lib/nginx/modules/ngx_stream_module.so
            [ -n "$own_nginx" ] || echo libnginx-mod-http-lua /usr/lib/nginx/modules/ngx_http_lua_module.so
            [ -n "$own_nginx" ] || echo libnginx-mod-http-image-filter /usr/lib/nginx/modules/ngx_http_image_filter_module.so
            ;;
        services)
            local name
            for name in "${demo_services[@]}"; do
                packages_for "$name"
            done
            ;;
        # What a demo of this name needs, and how its command reaches it.
        redis)
            echo redis-server redis-server
            echo nodejs node
            ;;
        nodes)
            packages_for redis
            ;;
        ssh)
            echo openssh-server /usr/sbin/sshd
            echo openssh-client ssh
            echo nodejs node
            ;;
        mqtt)
            echo mosquitto /usr/sbin/mosquitto
            ;;
        irc)
            echo ngircd /usr/sbin/ngircd
            echo nodejs node
            ;;
        vnc)
            echo tigervnc-standalone-server Xtigervnc
            echo x11-xserver-utils xsetroot
            echo x11-apps xclock
            echo nodejs node
            echo npm npm
            ;;
        # The server is not on the path. Two drivers and a page are tried on it. It brings LLVM, 320 MB
        # in all, and takes a minute to get and install.
        postgres)
            local server=(/usr/lib/postgresql/*/bin/initdb)
            echo postgresql "${server[0]}"
            echo nodejs node
            echo npm npm
            ;;
        terminal)
            echo socat socat
            echo nodejs node
            echo npm npm
            ;;
        client)
            echo nodejs node
            echo npm npm
            ;;
        sanitize)
            [ -n "${NGINX_SRC:-}" ] || echo dpkg-dev dpkg-source
            echo libpcre2-dev /usr/include/pcre2.h
            ;;
        deb)
            echo debhelper dh
            echo dpkg-dev dpkg-buildpackage
            echo fakeroot fakeroot
            echo git git
            echo lintian lintian
            ;;
        docs)
            echo mkdocs mkdocs
            echo mkdocs-material /usr/share/mkdocs/themes/material/main.html
            ;;
        rpm)
            echo rpm rpmbuild
            echo rpmlint rpmlint
            echo git git
            ;;
        trees)
            echo debootstrap debootstrap
            echo debian-archive-keyring /usr/share/keyrings/debian-archive-keyring.gpg
            echo python3 /usr/bin/python3
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
    local service unit pid new=()
    local -A units=([sshd]=ssh [pg_ctlcluster]=postgresql)

    mkdir -p "$build"
    for service in nginx lighttpd haproxy redis-server sshd mosquitto ngircd prometheus pg_ctlcluster; do
        installed "$service" || new+=("$service")
    done

    if ! "${install[@]}" >"$build/apt.log" 2>&1; then
        "${get[@]}" update >&2 || die "apt-get update failed"
        "${install[@]}" >&2 || die "apt-get could not install: $*"
    fi

    # The packages start system services that nobody asked for.
    for service in "${new[@]}"; do
        unit=${units[$service]:-$service}
        if ! installed "$service"; then
            continue
        elif [ -d /run/systemd/system ]; then
            "${as[@]}" systemctl disable --now "$unit" >&2 || true
        else
            for pid in "/run/$service.pid" /run/*/"$service.pid" "/run/$unit"/*.pid; do
                [ ! -e "$pid" ] || "${as[@]}" kill "$(<"$pid")" || true
            done
        fi
    done
}

installed() {
    [ -e "/usr/sbin/$1" ] || [ -e "/usr/bin/$1" ]
}

cmd_deps() {
    need build unit test services check
}
