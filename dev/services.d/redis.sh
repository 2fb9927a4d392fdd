# One Redis that keeps nothing, with DEBUG allowed.

redis_packages() { echo redis-server=redis-server redis-cli=redis-tools; }

redis_start() {
    local port
    port=$(free_port) || return 1
    mkdir "$here/data"
    launch TERM redis-server --port "$port" --bind 127.0.0.1 --dir "$here/data" --daemonize no \
        --save '' --appendonly no --enable-debug-command local --loglevel warning
    answers 10 redis_is "$port" "$last_launched" && export_variable WEIR_REDIS_URL "redis://127.0.0.1:$port"
}

# redis_is PORT PID: whether the Redis on this port is that process.
redis_is() { redis-cli -h 127.0.0.1 -p "$1" info server | tr -d '\r' | grep -qx "process_id:$2"; }
