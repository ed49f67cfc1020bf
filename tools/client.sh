# shellcheck shell=bash
# The npm package of client/. Read by build.sh.

client_most=6144  # bytes of what a page loads, compressed

# esbuild and TypeScript, beside a copy of their list.
install_client_tools() {
    local out=$build/client

    mkdir -p "$out"
    if cmp -s client/package-lock.json "$out/installed"; then
        return
    fi
    cp client/package.json client/package-lock.json "$out/"
    npm_config_cache=$build/npm-cache npm ci --prefix "$out" --ignore-scripts --no-audit \
        --no-fund --no-update-notifier --loglevel=error >&2 || die "npm could not install"
    cp client/package-lock.json "$out/installed"
}

# All modules in one, for pages without a bundler.
bundle_client() {
    local size

    "$build/client/node_modules/.bin/esbuild" client/index.js --bundle --minify --format=esm \
        --target=es2022 --log-level=warning --outfile="$1"
    size=$(gzip -9nc "$1" | wc -c)
    say "$(basename "$1"): $(wc -c <"$1") bytes, $size with gzip -9"
    [ "$size" -le "$client_most" ] || die "the client has $size bytes compressed, more than $client_most"
}

# By a rename, since somebody may read the last one.
pack_client() {
    local out packed

    out=$(mktemp -d "$build/client/pack.XXXXXX")
    mkdir "$out/node"
    cp LICENSE client/README.md client/package.json client/*.js client/*.d.ts "$out/"
    cp client/node/*.js client/node/*.d.ts "$out/node/"
    chmod 755 "$out/node/cli.js"
    bundle_client "$out/ngx-ws-filter.min.js"
    npm pkg delete devDependencies --prefix "$out"
    packed=$(cd "$out" && npm pack --loglevel=error)
    mv "$out/$packed" "$build/$packed"
    rm -rf "$out"
    echo "$build/$packed"
}

cmd_client() {
    need client
    locked install_client_tools
    locked pack_client
}
