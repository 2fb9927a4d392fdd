# Sourced. Installs Debian packages for commands and files that are missing; does nothing, and asks for nothing, when all are there.

# require_packages WHAT=PACKAGE…: WHAT is a command to look for, or an absolute path (may hold a pattern); PACKAGE provides it.
require_packages() {
    local pair missing=()
    for pair in "$@"; do
        is_present "${pair%%=*}" || missing+=("${pair#*=}")
    done
    [ ${#missing[@]} -eq 0 ] || install_packages "${missing[@]}"
}

is_present() {
    case $1 in
        /*) compgen -G "$1" >/dev/null ;;
        *) PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null ;;
    esac
}

install_packages() {
    local packages as_root=()
    mapfile -t packages < <(printf '%s\n' "$@" | sort -u)
    command -v apt-get >/dev/null || {
        echo "missing: ${packages[*]} (Debian's names); there is no apt-get here to install them with" >&2
        return 1
    }
    if [ "$(id -u)" -ne 0 ]; then
        if sudo -n true 2>/dev/null; then
            as_root=(sudo -n)
        else
            echo "missing: run  sudo apt-get install --no-install-recommends ${packages[*]}" >&2
            return 1
        fi
    fi
    echo "installing ${packages[*]}" >&2
    # A policy-rc.d that refuses keeps the packages' own servers from starting on their default ports.
    local policy=/usr/sbin/policy-rc.d result=0 made_policy=
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee $policy >/dev/null && "${as_root[@]}" chmod 755 $policy && made_policy=yes
    fi
    apt_install "${packages[@]}" || { "${as_root[@]}" apt-get -qq update >&2 && apt_install "${packages[@]}"; } || result=1
    [ -z "$made_policy" ] || "${as_root[@]}" rm -f $policy
    return $result
}

# Uses `as_root` of its caller.
apt_install() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@" </dev/null >&2
}
