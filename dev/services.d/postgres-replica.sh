# Two more Postgres: a primary and a hot standby of it, which follows by streaming. For reading from replicas and telling the two apart;
# a test that promotes or breaks one makes a pair of its own, in the same way: see WEIR_POSTGRES_TEMPLATE.
#
# WEIR_POSTGRES_PRIMARY_URL   the primary; its superuser `weir` is trusted
# WEIR_POSTGRES_REPLICA_URL   the standby; it refuses to write
#
# Uses the functions of postgres.sh.

postgres-replica_packages() { postgres_packages; }

postgres-replica_start() {
    local primary replica
    primary=$(free_port) && replica=$(free_port) || return 1
    mkdir -m 700 "$here/data" "$here/replica" && postgres_own "$here/data" "$here/replica" && postgres_initdb "$here/data" trust || return 1
    postgres_launch "$here/data" "$primary"
    answers 30 postgres_is "$primary" "$here/data" && postgres_query "$primary" postgres 'create database weir' >>"$here/log" 2>&1 ||
        return 1
    (cd "$here" && as_user "$(postgres_user)" "$(postgres_binary pg_basebackup)" -h 127.0.0.1 -p "$primary" -U weir -D "$here/replica" -R \
        -X stream -C -S rep1 --checkpoint=fast --no-sync >>"$here/log" 2>&1 </dev/null) || return 1
    postgres_launch "$here/replica" "$replica"
    answers 30 postgres_is "$replica" "$here/replica" && answers 30 postgres-replica_streams "$primary" &&
        export_variable WEIR_POSTGRES_PRIMARY_URL "postgres://weir@127.0.0.1:$primary/weir" &&
        export_variable WEIR_POSTGRES_REPLICA_URL "postgres://weir@127.0.0.1:$replica/weir"
}

# postgres-replica_streams PORT: whether the primary on this port sends to a standby.
postgres-replica_streams() {
    [ "$(postgres_query "$1" postgres "select count(*) from pg_stat_replication where state = 'streaming'")" = 1 ]
}
