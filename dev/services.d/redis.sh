# Two Redis that keep nothing, with DEBUG allowed. The one: plain, TLS and a Unix socket, no password. The other: only users who log in.
#
# WEIR_REDIS_URL           plain
# WEIR_REDIS_TLS_URL       the same server by TLS; client certificates are looked at and not needed
# WEIR_REDIS_UNIX_URL      the same server by a Unix socket; missing where the path of the state is too long for one
# WEIR_REDIS_TLS_CA        the root of the certificates
# WEIR_REDIS_CERTIFICATES  the directory of the certificates, each NAME.crt with NAME.key: see redis_certificates
# WEIR_REDIS_ACL_URL       the other server, as a user who may do everything; its default user has another password and may do nothing
# WEIR_REDIS_ACL_LIMITED_URL  as a user who may GET and SET and nothing else: no HELLO, CLIENT, SELECT or PING
# WEIR_REDIS_ACL_DEFAULT_URL  as the default user, without a name
# WEIR_REDIS_MTLS_URL      the other server by TLS, as the first user; refuses those without a client certificate

redis_packages() { echo redis-server=redis-server redis-cli=redis-tools openssl=openssl; }

redis_start() {
    local port tls_port acl_port mtls_port certificates=$here/certificates unix=()
    port=$(free_port) && tls_port=$(free_port) && acl_port=$(free_port) && mtls_port=$(free_port) || return 1
    mkdir "$here/data" "$certificates" && redis_certificates "$certificates" >"$here/log" 2>&1 || return 1
    local options=(--bind 127.0.0.1 --dir "$here/data" --daemonize no --save '' --appendonly no --enable-debug-command local
        --loglevel warning --tls-ca-cert-file "$certificates/root.crt" --tls-cert-file "$certificates/server.crt"
        --tls-key-file "$certificates/server.key")
    # The address of a Unix socket has room for 107 bytes, on other systems for 103.
    if [ ${#here} -le 90 ]; then unix=(--unixsocket "$here/redis.sock" --unixsocketperm 700); fi

    launch TERM redis-server --port "$port" --tls-port "$tls_port" --tls-auth-clients optional "${unix[@]}" "${options[@]}"
    answers 10 redis_is "$last_launched" -p "$port" || return 1
    redis_users >"$here/users" || return 1
    launch TERM redis-server --port "$acl_port" --tls-port "$mtls_port" --tls-auth-clients yes --aclfile "$here/users" "${options[@]}"
    answers 10 redis_is "$last_launched" -p "$acl_port" --user all --pass 'p@ss:word' --no-auth-warning || return 1

    export_variable WEIR_REDIS_URL "redis://127.0.0.1:$port" && export_variable WEIR_REDIS_TLS_URL "rediss://localhost:$tls_port" &&
        export_variable WEIR_REDIS_TLS_CA "$certificates/root.crt" && export_variable WEIR_REDIS_CERTIFICATES "$certificates" &&
        export_variable WEIR_REDIS_ACL_URL "redis://all:p%40ss%3Aword@127.0.0.1:$acl_port" &&
        export_variable WEIR_REDIS_ACL_LIMITED_URL "redis://limited:limited-secret@127.0.0.1:$acl_port" &&
        export_variable WEIR_REDIS_ACL_DEFAULT_URL "redis://:default-secret@127.0.0.1:$acl_port" &&
        export_variable WEIR_REDIS_MTLS_URL "rediss://all:p%40ss%3Aword@localhost:$mtls_port" || return 1
    [ ${#unix[@]} -eq 0 ] || export_variable WEIR_REDIS_UNIX_URL "redis+unix://$here/redis.sock"
}

# redis_is PID OPTION…: whether the Redis that redis-cli finds with these options is that process.
redis_is() {
    local pid=$1
    shift
    redis-cli -h 127.0.0.1 "$@" info server | tr -d '\r' | grep -qx "process_id:$pid"
}

redis_users() {
    cat <<'END'
user default on >default-secret resetkeys resetchannels -@all
user all on >p@ss:word allkeys allchannels +@all
user open on nopass allkeys allchannels +@all
user limited on >limited-secret allkeys resetchannels -@all +get +set
END
}

# redis_certificates DIRECTORY: a chain root → intermediate → leaf, each a file with its key; leaves carry their intermediate.
#   root, other   roots; nothing is signed by the other
#   server        for localhost, 127.0.0.1 and ::1
#   named         for redis.example only
#   expired       as server, until yesterday
#   client        a client's
redis_certificates() (
    cd "$1" || return 1
    local name
    for name in root other intermediate server named expired client; do
        openssl ecparam -name prime256v1 -genkey -noout -out $name.key || return 1
    done
    for name in root other; do
        openssl req -x509 -new -key $name.key -sha256 -days 30 -subj "/CN=weir test $name" -out $name.crt || return 1
    done
    redis_certificate intermediate root 'basicConstraints=critical,CA:true' -days 30 &&
        redis_certificate server intermediate 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1' -days 30 &&
        redis_certificate named intermediate 'subjectAltName=DNS:redis.example' -days 30 &&
        { redis_certificate expired intermediate 'subjectAltName=DNS:localhost,IP:127.0.0.1' -days -1 ||
            redis_certificate expired intermediate 'subjectAltName=DNS:localhost,IP:127.0.0.1' \
                -not_before 20200101000000Z -not_after 20200102000000Z; } &&
        redis_certificate client intermediate 'extendedKeyUsage=clientAuth' -days 30 || return 1
    for name in server named expired client; do cat intermediate.crt >>$name.crt || return 1; done
)

# redis_certificate NAME ISSUER EXTENSION OPTION…
redis_certificate() {
    local name=$1 issuer=$2 extension=$3
    shift 3
    openssl req -new -key "$name.key" -subj "/CN=weir test $name" |
        openssl x509 -req -CA "$issuer.crt" -CAkey "$issuer.key" -set_serial "0x$(openssl rand -hex 8)" -sha256 \
            -extfile <(echo "$extension") -out "$name.crt" "$@"
}
