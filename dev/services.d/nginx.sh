# One nginx: static files (/, /1k, /1m) and /health.

nginx_packages() { echo nginx=nginx curl=curl; }

nginx_start() {
    local port token
    port=$(free_port) || return 1
    token=${here##*/}-$$-$RANDOM
    mkdir "$here/root" "$here/temporary" &&
        echo "weir test origin" >"$here/root/index.html" &&
        head -c 1024 /dev/zero | tr '\0' x >"$here/root/1k" &&
        head -c 1048576 /dev/zero | tr '\0' x >"$here/root/1m" &&
        nginx_configuration "$port" "$token" >"$here/nginx.conf" || return 1
    launch TERM nginx -c "$here/nginx.conf" -p "$here" -e "$here/log"
    answers 10 nginx_is "$port" "$token" && export_variable WEIR_NGINX_URL "http://127.0.0.1:$port"
}

nginx_configuration() {
    local kind
    [ "$(id -u)" -ne 0 ] || echo "user www-data;"
    cat <<END
daemon off;
worker_processes 1;
pid $here/nginx.pid;
error_log $here/log warn;
events { worker_connections 4096; }
http {
$(for kind in client_body proxy fastcgi uwsgi scgi; do echo "    ${kind}_temp_path $here/temporary/$kind;"; done)
    access_log off;
    default_type application/octet-stream;
    keepalive_requests 1000000;
    server {
        listen 127.0.0.1:$1 backlog=4096;
        root $here/root;
        location = /health { default_type text/plain; return 200 "$2"; }
    }
}
END
}

# nginx_is PORT TOKEN: whether the server on this port has our configuration.
nginx_is() { [ "$(curl --silent --max-time 5 --noproxy '*' "http://127.0.0.1:$1/health")" = "$2" ]; }
