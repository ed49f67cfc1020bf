# shellcheck shell=bash
# The demo and its services. Read by build.sh.

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
    local service

    service=$(free_port $((port + 1)))
    ports=(-e "s|@SERVICE@|$service|g" -e "s|@PACKAGES@|$build/npm/node_modules|g")
    chmod 700 "$prefix"
    MODULE=$module SERVER=$nginx setpriv --pdeathsig TERM "$1/start" "$service" "$prefix" shown &
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
        -e "s|@MODULE@|$module|g" -e "s|@PREFIX@|$prefix|g" \
        "$1/nginx.conf" >"$prefix/nginx.conf"
}

cmd_run() {
    local folder=demo${1:+/$1} prefix=$build/run/${1:-demo} port ports=() servers=() key='' globals=

    [ -f "$folder/nginx.conf" ] || die "there is no $folder/nginx.conf"
    need build
    locked build_module

    port=$(free_port "${PORT:-8080}")
    [ "$port" = "${PORT:-8080}" ] || say "port ${PORT:-8080} is taken, using $port"
    mkdir -p "$prefix"

    trap stop_servers EXIT
    trap 'exit 0' INT TERM HUP
    if [ -x "$folder/start" ]; then
        need "$1"
        ! grep -q @PACKAGES@ "$folder/nginx.conf" || locked install_node_packages
        start_service "$folder"
    else
        start_backend
    fi
    demo_config "$folder"

    # The workers of root's nginx would be nobody, who cannot read a clone in root's home.
    [ "$(id -u)" != 0 ] || globals="user $(stat -c '%U %G' "$folder");"

    setpriv --pdeathsig TERM "$nginx" -p "$prefix/" -c "$prefix/nginx.conf" \
        -e stderr -g "$globals" 8>&- &
    servers+=($!)
    wait_for_port "$port" nginx
    if [ -f "$folder/index.html" ]; then
        # A service that wants a key gets it from the page, which has it from behind the #.
        [ ! -e "$prefix/key" ] || key="#$(<"$prefix/key")"
        echo "open http://127.0.0.1:$port/$key (Ctrl-C ends it)"
        ! grep -q "ws_status;" "$folder/nginx.conf" ||
            echo "what runs there at this moment: http://127.0.0.1:$port/status"
    else
        echo "ws://127.0.0.1:$port/$1 is there (Ctrl-C ends it); in another terminal:"
        sed -e "s|@PORT@|$port|g" -e "s|@USER@|$(id -un)|g" -e "s|@FOLDER@|$prefix|g" \
            -e "s|@ROOT@|$root|g" "$folder/try"
    fi
    wait $!
}

# All are told before any is waited for, since one may wait for another; who does not go is killed.
stop_servers() {
    local pid tries

    kill "${servers[@]}" 2>/dev/null || true
    exec 8>&-
    for ((tries = 0; tries < 50; tries++)); do
        kill -0 "${servers[@]}" 2>/dev/null || break
        sleep 0.1
    done
    for pid in "${servers[@]}"; do
        kill -KILL "$pid" 2>/dev/null || true
    done
    wait
}
