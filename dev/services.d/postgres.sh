# One Postgres, made by initdb each time: a superuser `weir`, its database `weir`, users for every way to log in.
#
# WEIR_POSTGRES_URL           the superuser, by SCRAM; its password is `weir`
# WEIR_POSTGRES_PORT          its port on 127.0.0.1; TLS is offered there to whoever asks
# WEIR_POSTGRES_PASSWORD      of every user below that has one
# WEIR_POSTGRES_SOCKETS       the directory of its Unix socket (`.s.PGSQL.` and the port), on which everyone is trusted; missing where the
#                             path of the state is too long for one
# WEIR_POSTGRES_TLS_CA        the root of the certificates
# WEIR_POSTGRES_CERTIFICATES  the directory of the certificates, each NAME.crt with NAME.key: see postgres_certificates
# WEIR_POSTGRES_BINARIES      the directory of postgres, pg_ctl, pg_basebackup and their kin
# WEIR_POSTGRES_TEMPLATE      a data directory that no server runs on, for servers of a test's own: `cp -a` it and start `postgres -D` on the
#                             copy with a port and directories for sockets. Its superuser is `weir`, trusted on 127.0.0.1, ::1 and
#                             Unix sockets, also for replication. Postgres refuses root: see WEIR_POSTGRES_USER
# WEIR_POSTGRES_USER          who must run such a server; empty where that is whoever runs the tests
#
# The users, each of which may use the database `weir`:
#   scram, md5, cleartext   by password, in that way of asking for it
#   trusted                 without one
#   tls                     by SCRAM, refused without TLS
#   plain                   without a password, refused with TLS
#   expired                 by SCRAM, with a password that was good until 2001
#   certificate             by a client certificate: certificates/certificate.crt, which has that name

# Debian keeps the server's binaries of each version in a directory of their own.
postgres_packages() {
    echo '/usr/lib/postgresql/*/bin/postgres=postgresql' '/usr/lib/postgresql/*/bin/psql=postgresql-client' openssl=openssl
}

# postgres_binary NAME: its path, of the newest version that has a server.
postgres_binary() {
    local server
    server=$(compgen -G '/usr/lib/postgresql/*/bin/postgres' | sort -V | tail -n 1)
    echo "${server%/*}/$1"
}

# Who runs the server: it refuses root.
postgres_user() { if [ "$(id -u)" -eq 0 ]; then echo postgres; else id -un; fi; }

# postgres_own FILE…: gives them to the server.
postgres_own() { [ "$(id -u)" -ne 0 ] || chown -R "$(postgres_user)" "$@"; }

postgres_start() {
    local port sockets=
    port=$(free_port) || return 1
    # The address of a Unix socket has room for 107 bytes, on other systems for 103.
    if [ ${#here} -le 75 ]; then sockets=$here/sockets; fi
    mkdir -m 700 "$here/data" && mkdir "$here/certificates" "$here/sockets" && printf weir >"$here/password" || return 1
    postgres_own "$here/data" "$here/sockets" "$here/password" || return 1
    postgres_certificates "$here/certificates" >"$here/log" 2>&1 || return 1
    postgres_initdb "$here/data" scram-sha-256 --pwfile="$here/password" && postgres_template || return 1
    # The server takes its key only where nobody else can read it.
    cp "$here/certificates/server.crt" "$here/certificates/server.key" "$here/data" && chmod 600 "$here/data/server.key" &&
        postgres_own "$here/data/server.crt" "$here/data/server.key" && postgres_access >"$here/data/pg_hba.conf" || return 1
    postgres_launch "$here/data" "$port" -c unix_socket_directories="$sockets" -c ssl=on -c ssl_ca_file="$here/certificates/root.crt"
    answers 30 postgres_is "$port" "$here/data" || return 1
    { postgres_query "$port" postgres 'create database weir' && postgres_query "$port" weir "$(postgres_users)"; } >>"$here/log" 2>&1 ||
        return 1
    export_variable WEIR_POSTGRES_URL "postgres://weir:weir@127.0.0.1:$port/weir" && export_variable WEIR_POSTGRES_PORT "$port" &&
        export_variable WEIR_POSTGRES_PASSWORD 'p@ss:word' && export_variable WEIR_POSTGRES_TLS_CA "$here/certificates/root.crt" &&
        export_variable WEIR_POSTGRES_CERTIFICATES "$here/certificates" && export_variable WEIR_POSTGRES_TEMPLATE "$here/template" &&
        export_variable WEIR_POSTGRES_BINARIES "$(dirname "$(postgres_binary postgres)")" || return 1
    if [ "$(id -u)" -eq 0 ]; then export_variable WEIR_POSTGRES_USER "$(postgres_user)"; else export_variable WEIR_POSTGRES_USER ''; fi
    [ -z "$sockets" ] || export_variable WEIR_POSTGRES_SOCKETS "$sockets"
}

# postgres_initdb DIRECTORY AUTHENTICATION OPTION…: a data directory, which must be there and be the server's.
postgres_initdb() {
    local data=$1 authentication=$2
    shift 2
    (cd "$here" && as_user "$(postgres_user)" "$(postgres_binary initdb)" --pgdata="$data" --username=weir --auth="$authentication" \
        --encoding=UTF8 --locale=C --no-sync "$@" >>"$here/log" 2>&1 </dev/null) || return 1
    cat >>"$data/postgresql.conf" <<'END'
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
fsync = off
full_page_writes = off
synchronous_commit = off
END
}

# The template is the data directory before anything ran on it, with everyone trusted.
postgres_template() {
    cp -a "$here/data" "$here/template" && cat >"$here/template/pg_hba.conf" <<'END'
local all,replication all              trust
host  all,replication all 127.0.0.1/32 trust
host  all,replication all ::1/128      trust
END
}

# postgres_launch DATA PORT OPTION…
postgres_launch() {
    local user data=$1 port=$2
    user=$(postgres_user)
    shift 2
    local server=("$(postgres_binary postgres)" -D "$data" -p "$port" "$@")
    # setpriv becomes the server, where runuser would stay between: the process launched is the one that is signalled.
    if [ "$(id -u)" -eq 0 ]; then server=(setpriv --reuid="$user" --regid="$(id -g "$user")" --init-groups "${server[@]}"); fi
    launch INT "${server[@]}" # SIGINT: disconnect clients and stop; SIGTERM would wait for them
}

# The first line that fits decides.
postgres_access() {
    cat <<'END'
local     all          all                       trust
host      all          weir        127.0.0.1/32  scram-sha-256
host      all          scram       127.0.0.1/32  scram-sha-256
host      all          expired     127.0.0.1/32  scram-sha-256
host      all          md5         127.0.0.1/32  md5
host      all          cleartext   127.0.0.1/32  password
host      all          trusted     127.0.0.1/32  trust
hostssl   all          tls         127.0.0.1/32  scram-sha-256
hostnossl all          plain       127.0.0.1/32  trust
hostssl   all          certificate 127.0.0.1/32  cert
END
}

postgres_users() {
    cat <<'END'
set password_encryption = 'scram-sha-256';
create user scram password 'p@ss:word';
create user cleartext password 'p@ss:word';
create user tls password 'p@ss:word';
create user expired password 'p@ss:word' valid until '2001-01-01';
create user trusted;
create user plain;
create user certificate;
set password_encryption = 'md5';
create user md5 password 'p@ss:word';
END
}

# postgres_query PORT DATABASE SQL
postgres_query() {
    PGPASSWORD=weir PGCONNECT_TIMEOUT=5 "$(postgres_binary psql)" -XAtq -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$1" -U weir -d "$2" -c "$3"
}

# postgres_is PORT DATA: whether the server on this port has that data directory.
postgres_is() { [ "$(postgres_query "$1" postgres 'show data_directory')" = "$2" ]; }

# postgres_certificates DIRECTORY: certificates with their keys.
#   root, other   roots; nothing is signed by the other but `stranger`
#   server        for localhost and 127.0.0.1
#   certificate   a client's: the user of that name
#   stranger      the same name, signed by the other root
postgres_certificates() (
    cd "$1" || return 1
    local name
    for name in root other server certificate stranger; do
        openssl ecparam -name prime256v1 -genkey -noout -out $name.key || return 1
    done
    for name in root other; do
        openssl req -x509 -new -key $name.key -sha256 -days 30 -subj "/CN=weir test $name" -out $name.crt || return 1
    done
    postgres_certificate server 'weir test server' root 'subjectAltName=DNS:localhost,IP:127.0.0.1' &&
        postgres_certificate certificate certificate root 'extendedKeyUsage=clientAuth' &&
        postgres_certificate stranger certificate other 'extendedKeyUsage=clientAuth' || return 1
    # libpq takes a key only where nobody else can read it; NIOSSL does not mind.
    chmod 600 ./*.key
)

# postgres_certificate NAME COMMON_NAME ISSUER EXTENSION
postgres_certificate() {
    openssl req -new -key "$1.key" -subj "/CN=$2" |
        openssl x509 -req -CA "$3.crt" -CAkey "$3.key" -set_serial "0x$(openssl rand -hex 8)" -sha256 -days 30 \
            -extfile <(echo "$4") -out "$1.crt"
}
