# One Postgres, made by initdb each time: a superuser `weir`, its database `weir`, passwords by SCRAM.

# Debian keeps the server's binaries of each version in a directory of their own.
postgres_packages() { echo '/usr/lib/postgresql/*/bin/postgres=postgresql' '/usr/lib/postgresql/*/bin/psql=postgresql-client'; }

# postgres_binary NAME: its path, of the newest version that has a server.
postgres_binary() {
    local server
    server=$(compgen -G '/usr/lib/postgresql/*/bin/postgres' | sort -V | tail -n 1)
    echo "${server%/*}/$1"
}

postgres_start() {
    local port user_of_files=postgres password=weir
    port=$(free_port) || return 1
    [ "$(id -u)" -eq 0 ] || user_of_files=$(id -un)
    mkdir -m 700 "$here/data" && printf '%s' "$password" >"$here/password" || return 1
    if [ "$(id -u)" -eq 0 ]; then chown "$user_of_files" "$here/data" "$here/password" || return 1; fi
    (cd "$here" && as_user "$user_of_files" "$(postgres_binary initdb)" --pgdata="$here/data" --username=weir --pwfile="$here/password" \
        --auth=scram-sha-256 --encoding=UTF8 --locale=C --no-sync >"$here/log" 2>&1 </dev/null) || return 1
    local server=("$(postgres_binary postgres)" -D "$here/data" -p "$port" -c listen_addresses=127.0.0.1 -c unix_socket_directories=
        -c fsync=off -c full_page_writes=off -c synchronous_commit=off)
    # setpriv becomes the server, where runuser would stay between: the process launched is the one that is signalled.
    if [ "$(id -u)" -eq 0 ]; then
        server=(setpriv --reuid="$user_of_files" --regid="$(id -g "$user_of_files")" --init-groups "${server[@]}")
    fi
    launch INT "${server[@]}" # SIGINT: disconnect clients and stop; SIGTERM would wait for them
    answers 30 postgres_is "$port" "$here/data" && postgres_query "$port" postgres 'create database weir' >>"$here/log" 2>&1 &&
        export_variable WEIR_POSTGRES_URL "postgres://weir:$password@127.0.0.1:$port/weir"
}

postgres_query() {
    PGPASSWORD=weir PGCONNECT_TIMEOUT=5 "$(postgres_binary psql)" -XAtq -h 127.0.0.1 -p "$1" -U weir -d "$2" -c "$3"
}

# postgres_is PORT DATA: whether the server on this port has that data directory.
postgres_is() { [ "$(postgres_query "$1" postgres 'show data_directory')" = "$2" ]; }
