#!/usr/bin/env bash
# Builds the module for the nginx of one release of Debian as its users would: with that release's
# packages of nginx, of the libraries and of the compilers. They are unpacked into a folder and not
# installed, which needs no root. Run by `./build.sh matrix` from the top folder: RELEASE COMPILER
# (gcc or clang), with OUT, a folder for all that is written.
set -euo pipefail

root=$PWD
release=$1
compiler=$2
tree=$OUT/root
built=$OUT/$compiler

keys=/usr/share/keyrings/debian-archive-keyring.gpg
mirror=http://deb.debian.org

# nginx as it is run, what ./build.sh needs, and the tools that it calls. nginx-dev comes without
# what it depends on: libraries of modules that are left out, and debhelper.
packages=(nginx libnginx-mod-stream g++ clang make libssl-dev zlib1g-dev libpcre2-dev
    bash dash coreutils diffutils findutils grep libc-bin mawk sed util-linux)
headers=nginx-dev

die() {
    echo "matrix: $*" >&2
    exit 1
}

# An apt that knows nothing of this machine's packages and lists; what it fetches is checked
# against Debian's signatures.
get() {
    local apt=$OUT/apt

    apt-get -qq -o "Dir::Etc::SourceList=$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null \
        -o "Dir::State=$apt" -o "Dir::State::Status=$apt/status" -o "Dir::Cache=$apt" \
        -o APT::Sandbox::User= -o APT::Install-Recommends=0 -o Dpkg::Use-Pty=0 "$@"
}

update_lists() {
    local apt=$OUT/apt

    mkdir -p "$apt/lists/partial" "$apt/archives/partial"
    : >"$apt/status"
    {
        echo "deb [signed-by=$keys] $mirror/debian $release main"
        case $release in
            sid | unstable) ;;
            *) echo "deb [signed-by=$keys] $mirror/debian-security $release-security main" ;;
        esac
    } >"$apt/sources.list"
    get update >&2 || die "apt-get could not read the lists of $release"
}

# Where apt would get the packages, one a line.
addresses() {
    get -y --print-uris install "${packages[@]}" &&
        get --print-uris download "$headers"
}

unpack() {
    local archive

    # As the packages of all releases since have it, and those of Debian 12 do not.
    mkdir -p "$tree"/usr/{bin,lib,lib64,sbin}
    ln -s usr/bin usr/lib usr/lib64 usr/sbin "$tree"

    for archive in "$OUT"/apt/archives/*.deb; do
        dpkg-deb --fsys-tarfile "$archive" |
            tar -x -C "$tree" --keep-directory-symlink --no-same-owner --no-same-permissions \
                --exclude=./usr/share/{doc,info,locale,man}
    done

    # What packages leave to their scripts.
    ln -sf mawk "$tree/usr/bin/awk"
    [ -e "$tree/usr/bin/sh" ] || ln -s dash "$tree/usr/bin/sh"
}

# This nginx is to run among this machine's programs, with the libraries of its own release.
relocate_nginx() {
    local loader

    loader=$(patchelf --print-interpreter "$tree/usr/sbin/nginx")
    patchelf --set-interpreter "$tree$loader" --force-rpath \
        --set-rpath "$(echo "$tree"/usr/lib/*-linux-gnu)" \
        --output "$OUT/nginx" "$tree/usr/sbin/nginx"
}

# Unpacks the release's newest packages if those there are older.
unpack_release() {
    update_lists
    addresses >"$OUT/addresses" || die "$release has no such packages"
    if cmp -s "$OUT/addresses" "$OUT/unpacked"; then
        return
    fi

    rm -rf "$tree" "$OUT/unpacked" "$OUT"/gcc "$OUT"/clang "$OUT"/apt/archives/*.deb
    get -y --download-only install "${packages[@]}" >&2 || die "apt-get could not download"
    (cd "$OUT/apt/archives" && get download "$headers") >&2 || die "apt-get could not download"
    unpack
    relocate_nginx
    rm -rf "$OUT"/apt/archives/*.deb
    mv "$OUT/addresses" "$OUT/unpacked"
}

# A command to which /usr is the release's, and all else the machine's.
in_release() {
    local as=()

    [ "$(id -u)" = 0 ] || as=(--map-root-user)
    # shellcheck disable=SC2016  # for the inner shell
    unshare --mount "${as[@]}" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME="$OUT" \
        bash -c 'mount --bind "$1/usr" /usr && exec "${@:2}"' in_release "$tree" "$@"
}

version() {
    in_release "$compiler" --version | grep -Eo -m 1 '[0-9]+\.[0-9.]+' | head -n 1
}

case $compiler in gcc | clang) ;; *) die "no compiler '$compiler'" ;; esac
case $root$OUT in /usr/*) die "a tree under /usr would be hidden by that of $release" ;; esac

mkdir -p "$OUT"
unpack_release
in_release env CC="$compiler" BUILD="$built" "$root/build.sh" build >&2

package=$(sed -n 's/.* nginx_\([^_]*\)_.*/\1/p' "$OUT/unpacked")
printf '%-9s nginx %-20s %-5s %-7s\n' "$release" "$package" "$compiler" "$(version)" >"$built/title"
