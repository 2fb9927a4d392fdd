# Sourced by dev/test. Runs stages one after the other, each a function stage_NAME, and leaves nothing behind, however it ends.
#
# A stage runs in the background in a process group of its own while this shell waits, because a shell runs its traps at once
# only while it waits. Whatever a stage started carries this checkout's mark in its environment and is found by it, also by the
# next run when this one is killed.

readonly scratch=$PWD/.services/scratch
readonly run_mark=WEIR_TEST_RUN=$PWD
stage_process=
declare -A stage_results=()
stage_order=()
stage_seconds=()

begin_run() {
    mkdir -p .services
    # Closed in all children: only this shell holds the lock.
    exec 8>.services/test.lock
    flock -n 8 || { echo "another dev/test runs in this checkout" >&2; exit 1; }
    end_marked_processes 0
    rm -rf "$scratch"
    mkdir "$scratch"
    export "${run_mark?}"
    trap 'clean_up' EXIT
    trap 'interrupted INT 130' INT
    trap 'interrupted TERM 143' TERM
    trap 'interrupted HUP 129' HUP
    # Jobs in groups of their own, with the default action for SIGINT, which a job would ignore otherwise.
    set -m
}

# run NAME: runs stage_NAME, notes its result and its time. What a stage writes to $scratch/$stage.failures is shown at the very end.
run() {
    local name=$1 stage=$1 result=0 begun=$SECONDS
    printf '\n== %s\n' "$name"
    ("stage_$name") </dev/null 8>&- &
    stage_process=$!
    wait "$stage_process" || result=$?
    stage_process=
    stage_results[$name]=$result
    stage_order+=("$name")
    stage_seconds+=($((SECONDS - begun)))
    [ $result -eq 0 ] || printf '== %s failed (exit code %d)\n' "$name" "$result"
}

passed() { [ "${stage_results[$1]:-1}" -eq 0 ]; }

# Prints what failed and the time of each stage; exits.
end_run() {
    local index name result=0
    for name in "${stage_order[@]}"; do
        passed "$name" || [ ! -s "$scratch/$name.failures" ] || { printf '\n== %s failed with\n' "$name"; cat "$scratch/$name.failures"; }
    done
    printf '\n'
    for index in "${!stage_order[@]}"; do
        name=${stage_order[$index]}
        if passed "$name"; then
            printf '%-17s %5d s  ok\n' "$name" "${stage_seconds[$index]}"
        else
            printf '%-17s %5d s  FAILED\n' "$name" "${stage_seconds[$index]}"
            result=1
        fi
    done
    printf '%-17s %5d s\n' total "$SECONDS"
    exit $result
}

interrupted() {
    trap '' INT TERM HUP
    printf '\ninterrupted by SIG%s\n' "$1" >&2
    exit "$2"
}

clean_up() {
    trap '' INT TERM HUP EXIT
    set +e
    unset "${run_mark%%=*}" # what cleans up is not to be found
    if [ -n "$stage_process" ]; then
        disown "$stage_process" # the shell need not tell how it ended
        # shellcheck disable=SC2046
        kill -INT -- "-$stage_process" $(marked_processes) 2>/dev/null
    fi
    dev/services stop 8>&-
    end_marked_processes 5
    rm -rf "$scratch"
}

# Waits so many seconds for what a run of this checkout started, then kills it.
end_marked_processes() {
    local deadline=$((SECONDS + $1)) left
    while left=$(marked_processes); [ -n "$left" ]; do
        # shellcheck disable=SC2086
        [ $SECONDS -lt $deadline ] || kill -KILL $left 2>/dev/null || true
        sleep 0.1
    done
}

# A process that has ended, but was not waited for, has an empty environment. Processes may go while grep reads: not an error.
marked_processes() {
    { grep -lsxzF -- "$run_mark" /proc/[0-9]*/environ || true; } | sed 's|/proc/||; s|/environ||'
}
