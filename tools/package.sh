# shellcheck shell=bash
# Debian packages, and the source tarball that they are made of. Read by build.sh.

# The version, from the only place where it is written.
module_version() {
    sed -n 's/.*version\[\] = "\(.*\)";/\1/p' module/ngx_http_ws_version.hpp
}

# What git knows of the folder, as it stands there: source_tree FOLDER.
source_tree() {
    mkdir -p "$1"
    git ls-files -z | xargs -0 cp --parents -t "$1"
}

# Who answers for the package: the one who builds it, as Debian's tools are told by DEBFULLNAME and
# DEBEMAIL. Without them it is the project, which has no address; Debian's policy asks for one, so it
# stands there in a domain that RFC 2606 keeps from ever being one.
debian_maintainer() {
    if [ -n "${DEBEMAIL:-}" ]; then
        echo "${DEBFULLNAME:-ngx_ws_filter} <$DEBEMAIL>"
        return
    fi
    sed -n 's/^Maintainer: //p' packaging/debian/control
}

# A Debian changelog of one entry, made of CHANGES: the date is that of the last commit.
debian_changelog() {
    local version=$1

    echo "libnginx-mod-http-ws ($version-1) unstable; urgency=medium"
    echo
    echo "  * New upstream release."
    echo
    echo " -- $(debian_maintainer)  $(git log -1 --format=%aD)"
}

# The folder from which dpkg-buildpackage works, and beside it the upstream tarball.
debian_tree() {
    local version=$1 out=$build/deb
    local tree=$out/libnginx-mod-http-ws-$version

    rm -rf "$out"
    source_tree "$tree"
    tar -C "$out" --sort=name --owner=0 --group=0 --numeric-owner \
        --mtime="@$(git log -1 --format=%at)" -czf "$out/libnginx-mod-http-ws_$version.orig.tar.gz" \
        "libnginx-mod-http-ws-$version"
    cp -r packaging/debian "$tree/debian"
    sed -i "s|^Maintainer: .*|Maintainer: $(debian_maintainer)|" "$tree/debian/control"
    debian_changelog "$version" >"$tree/debian/changelog"
}

build_deb() {
    local version=$1

    debian_tree "$version"
    (cd "$build/deb/libnginx-mod-http-ws-$version" && dpkg-buildpackage -us -uc) \
        >"$build/deb/build.log" 2>&1 ||
        die "dpkg-buildpackage failed: $(tail -n 5 "$build/deb/build.log")"
}

cmd_deb() {
    local version

    need build deb
    version=$(module_version)
    locked build_deb "$version"
    # A package that is not uploaded to Debian closes no bug there.
    lintian --fail-on error,warning --suppress-tags initial-upload-closes-no-bugs \
        "$build/deb/"*.changes
    ls "$build/deb/"libnginx-mod-http-ws_*.deb
}

cmd_trees() {
    local version

    [ "$(id -u)" = 0 ] || die "debootstrap and chroot need root"
    need build deb trees
    version=$(module_version)
    locked debian_tree "$version"
    # What is mounted in the trees is gone with the process.
    unshare --mount /usr/bin/python3 -B packaging/try_packages.py "$build/trees" \
        "$build/deb/libnginx-mod-http-ws-$version" "$@"
}

# With Debian's rpmbuild too, whose database knows none of the packages that are there.
build_rpm() {
    local version=$1 top=$build/rpm

    rm -rf "$top"
    mkdir -p "$top"/{SOURCES,SPECS}
    source_tree "$top/ngx_ws_filter-$version"
    tar -C "$top" -czf "$top/SOURCES/ngx_ws_filter-$version.tar.gz" "ngx_ws_filter-$version"
    rm -rf "$top/ngx_ws_filter-$version"
    sed -e "s/@VERSION@/$version/g" -e "s/@DATE@/$(git log -1 --format=%cd --date='format:%a %b %d %Y')/" \
        packaging/rpm/nginx-mod-http-ws.spec >"$top/SPECS/nginx-mod-http-ws.spec"
    env -u BUILD rpmbuild --define "_topdir $top" --nodeps -ba "$top/SPECS/nginx-mod-http-ws.spec" \
        >"$top/build.log" 2>&1 || die "rpmbuild failed: $(tail -n 5 "$top/build.log")"
}

cmd_rpm() {
    need build rpm
    locked build_rpm "$(module_version)"
    rpmlint --strict -c packaging/rpm/rpmlint.toml "$build/rpm/SPECS" "$build"/rpm/RPMS/*/*.rpm "$build"/rpm/SRPMS/*.rpm
    ls "$build"/rpm/RPMS/*/*.rpm
}
