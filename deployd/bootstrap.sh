#!/bin/sh
# Puts deployd onto this machine, or takes it off again. Run as root: sh bootstrap.sh [install|uninstall]
#
# Safe to run again: what is there already is kept, and each step says so. Standard output holds nothing but
#   step NAME: begin | step NAME: done (WHAT) | step NAME: failed (WHY)
#   result NAME=VALUE
# and what commands print goes to standard error. A step that fails ends the script with exit status 1; wrong words with 2.
#
# Steps of install:    engine, service, deploy-key, git-host, image, daemon, token
# Results of install:  deploy_key, webhook_url, webhook_secret, api_url, token, version, certificate_sha256
# Steps of uninstall:  containers, network, images, files. The engine stays.
#
# Settings, all of them environment variables:
#   DEPLOYD_IMAGE            the reference of the daemon's image, to pull
#   DEPLOYD_IMAGE_ARCHIVE    or the path of an archive of it (docker save), to load; with both, the archive holds the image
#   DEPLOYD_HOSTS            names and addresses that clients reach this machine by, separated by spaces; the first one
#                            stands in the results (default: the address of the way out, and the host's name)
#   DEPLOYD_GIT_KNOWN_HOSTS  lines of known_hosts: the host keys of git hosts to trust; a line for a host takes the place
#                            of earlier lines for that host
#   DEPLOYD_ENGINE           where an engine comes from if there is none: distribution or upstream (docker.com; default:
#                            the distribution, where it brings one that is new enough)
#   DEPLOYD_ENGINE_PACKAGES  its packages (default: by the system)
#   DEPLOYD_BUILDER_IMAGE    the image that builds Procfile projects (default: gliderlabs/herokuish)
#   DEPLOYD_DATA_DIR         where everything is kept (default: /var/lib/deployd)

set -u
umask 077
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH
LC_ALL=C
export LC_ALL

DATA=${DEPLOYD_DATA_DIR:-/var/lib/deployd}
PORT=4303
CONTAINER=deployd
found='' why='' log=''

say() { printf '%s\n' "$*" >&3; }

# step NAME FUNCTION: the function sets $found, or sets $why and returns 1
step() {
    found='' why=''
    say "step $1: begin"
    if "$2"; then
        say "step $1: done ($found)"
    else
        say "step $1: failed ($(printf '%s' "$why" | tr '\n\r' '  '))"
        exit 1
    fi
}

fail() { why=$1; return 1; }

# run COMMAND...: its output goes to standard error; if it fails, $why names it and its last line
run() {
    # a service that a command starts must not keep the results open, on whose end the other side waits
    "$@" >"$log" 2>&1 3>&-
    status=$?
    cat "$log"
    [ "$status" -eq 0 ] || why="$* ended with $status: $(told_by "$log")"
    return "$status"
}

# what a command said last; of apt, the source that failed: its last line only says that something did
told_by() {
    failed=$(sed -n 's/^Err:[0-9]* *//p' "$1" | head -n 1)
    [ -n "$failed" ] || failed=$(sed -n 's/^E: \(Failed to fetch .*\)/\1/p' "$1" | head -n 1)
    printf '%s' "${failed:+$failed; }$(grep -v '^ *$' "$1" | tail -n 1)"
}

# wait_for SECONDS COMMAND...: tries until it succeeds
wait_for() {
    deadline=$(($(date +%s) + $1))
    shift
    until "$@" >"$log" 2>&1; do
        [ "$(date +%s)" -lt "$deadline" ] || return 1
        sleep 0.2 2>/dev/null || sleep 1
    done
}

make_data_dir() {
    if mkdir -p "$DATA" && chmod 700 "$DATA"; then return 0; fi
    fail "$DATA cannot be made"
}

has() { command -v "$1" >/dev/null 2>&1; }
engine_answers() { docker info >/dev/null 2>&1; }
engine_version() { docker version --format '{{.Server.Version}}' 2>/dev/null || docker --version; }
image_id() { docker images -q --no-trunc "$1" 2>/dev/null | head -n 1; }
container_of() { docker ps -aq --no-trunc --filter "label=deployd.role=$1" 2>/dev/null; }

# --- engine ---------------------------------------------------------------------------------------------------------

step_engine() {
    if has docker && docker --version 2>/dev/null | grep -qi podman; then
        fail 'the command docker is podman here, which is no engine with a socket: remove podman-docker and run this again'
        return 1
    fi
    if has docker && engine_answers; then
        found="Docker $(engine_version) is there already; nothing installed"
        return 0
    fi
    if has docker && { has dockerd || [ -e /etc/init.d/docker ]; }; then
        found="$(docker --version) is installed already; nothing installed"
        return 0
    fi
    # shellcheck disable=SC1091
    [ ! -r /etc/os-release ] || . /etc/os-release
    channel=${DEPLOYD_ENGINE:-}
    case $channel in
        '' | distribution | upstream) ;;
        *) fail "DEPLOYD_ENGINE is $channel; there are distribution and upstream"; return 1 ;;
    esac
    if has apt-get; then
        install_by_apt
    elif has dnf; then
        install_by_rpm dnf
    elif has yum; then
        install_by_rpm yum
    else
        fail "there is no apt-get, no dnf and no yum to install an engine with; install Docker by hand and run this again"
    fi
}

# what the engine was installed from; where nobody asked for it, also why it is not the distribution's
from_channel() {
    found="installed $packages"
    [ "$channel" = upstream ] || return 0
    found="$found from docker.com"
    [ -n "${DEPLOYD_ENGINE:-}" ] || found="$found: ${PRETTY_NAME:-this system} $lacks"
}

apt() { run env DEBIAN_FRONTEND=noninteractive apt-get -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@"; }

apt_candidate() { apt-cache policy "$1" 2>/dev/null | sed -n 's/^ *Candidate: *//p' | grep -v '(none)'; }

apt_update() {
    apt update && return 0
    if grep -q -e ' 404 ' -e 'does not have a Release file' -e 'no longer has a Release file' "$log"; then
        why="$why; after its end a release is found at archive.debian.org or old-releases.ubuntu.com: name it in /etc/apt"
    fi
    return 1
}

install_by_apt() {
    apt_update || return 1
    if [ -z "$channel" ]; then
        channel=distribution
        # Docker 1 builds no Dockerfile with several stages; Ubuntu 14.04 has 1.6
        case $(apt_candidate docker.io) in
            '') channel=upstream lacks='brings no Docker engine of its own' ;;
            0.* | 1.*) channel=upstream lacks="brings only Docker $(apt_candidate docker.io)" ;;
        esac
    fi
    if [ "$channel" = upstream ]; then
        apt_upstream || return 1
        packages=docker-ce
        # until 18.06, the last one for Ubuntu 14.04, all of it is one package
        [ -z "$(apt_candidate docker-ce-cli)" ] || packages="$packages docker-ce-cli containerd.io"
    else
        packages='docker.io ca-certificates'
        # from Debian 13 on the client is a package of its own
        [ -z "$(apt_candidate docker-cli)" ] || packages="$packages docker-cli"
    fi
    packages=${DEPLOYD_ENGINE_PACKAGES:-$packages}
    # shellcheck disable=SC2086
    apt install --no-install-recommends $packages || return 1
    from_channel
}

# an apt that cannot fetch by https, nor take a source's own key as docker.com gives it
apt_is_old() { apt-get --version | head -n 1 | grep -q '^apt 1\.[0-4]'; }

apt_upstream() {
    needed='ca-certificates curl'
    if apt_is_old; then needed="$needed apt-transport-https"; fi
    # shellcheck disable=SC2086
    apt install --no-install-recommends $needed || return 1
    url=https://download.docker.com/linux/${ID:-debian}
    key=/etc/apt/docker.asc
    run curl -fsSL "$url/gpg" -o "$key" || return 1
    chmod 644 "$key"
    source_list=/etc/apt/sources.list.d/docker.list
    suite=${VERSION_CODENAME:-${UBUNTU_CODENAME:-}}
    if [ -z "$suite" ] && has lsb_release; then suite=$(lsb_release -cs); fi
    # older releases name themselves only in VERSION: "14.04.6 LTS, Trusty Tahr"
    [ -n "$suite" ] || suite=$(printf '%s' "${VERSION:-}" | sed 's/.*[,(] *\([A-Za-z]*\).*/\1/' | tr '[:upper:]' '[:lower:]')
    if apt_is_old; then
        run apt-key add "$key" || return 1
        echo "deb $url $suite stable" >"$source_list"
    else
        echo "deb [signed-by=$key] $url $suite stable" >"$source_list"
    fi
    chmod 644 "$source_list"
    apt_update
}

# install_by_rpm dnf|yum
install_by_rpm() {
    major=${VERSION_ID:-}
    major=${major%%[.-]*}
    rpm_own
    if [ -z "$channel" ]; then
        channel=distribution
        [ -z "$lacks" ] || channel=upstream
    fi
    if [ "$channel" = upstream ]; then
        rpm_upstream || return 1
        packages='docker-ce docker-ce-cli containerd.io'
    elif [ -z "$own${DEPLOYD_ENGINE_PACKAGES:-}" ]; then
        fail "${PRETTY_NAME:-this system} $lacks: set DEPLOYD_ENGINE=upstream"
        return 1
    else
        packages=$own
        # Amazon Linux 2 keeps it in a repository that is off
        if has amazon-linux-extras; then run amazon-linux-extras enable docker || return 1; fi
    fi
    packages=${DEPLOYD_ENGINE_PACKAGES:-$packages}
    # shellcheck disable=SC2086
    run "$1" -y install $packages || { mirrors_gone; return 1; }
    from_channel
}

# the packages of the distribution's own engine, and what it lacks where docker.com's is the right one
rpm_own() {
    own='' lacks=''
    case ${ID:-}:$major in
        amzn:*) own=docker ;;
        fedora:*) own='moby-engine docker-cli' ;;
        # it builds no Dockerfile with several stages and knows no cgroup v2
        *:7) own=docker lacks='brings only Docker 1.13' ;;
        # they answer to the name with podman, which is no engine with a socket
        *) lacks='brings no Docker engine of its own' ;;
    esac
}

rpm_upstream() {
    case ${ID:-}:$major in
        *:) fail '/etc/os-release names no version: install Docker by hand and run this again'; return 1 ;;
        amzn:*) fail 'docker.com has no packages for Amazon Linux: leave DEPLOYD_ENGINE out'; return 1 ;;
        fedora:*) os=fedora ;;
        rhel:[89] | rhel:1?) os=rhel ;;
        # the rebuilds of it, too
        *) os=centos ;;
    esac
    # by number: what $releasever stands for is 9, 9.4 or 9-stream, as the system has it
    cat >/etc/yum.repos.d/docker-ce.repo <<REPO
[docker-ce-stable]
name=Docker CE Stable
baseurl=https://download.docker.com/linux/$os/$major/\$basearch/stable
enabled=1
gpgcheck=1
gpgkey=https://download.docker.com/linux/$os/gpg
REPO
    chmod 644 /etc/yum.repos.d/docker-ce.repo
}

# what helps where the packages of a release cannot be had any more
mirrors_gone() {
    if [ "${ID:-}" = centos ] && grep -q -e 'mirrorlist.centos.org' -e 'Cannot find a valid baseurl' "$log"; then
        why="$why; the mirrors of ${PRETTY_NAME:-CentOS} are gone: let /etc/yum.repos.d name vault.centos.org"
    fi
}

# --- service --------------------------------------------------------------------------------------------------------

step_service() {
    if engine_answers; then
        found="Docker $(engine_version) runs already"
        enable_service
        return 0
    fi
    by=
    if [ -d /run/systemd/system ] && has systemctl; then
        enable_service
        if run systemctl start docker; then by=systemctl; fi
    fi
    if [ -z "$by" ] && has service && { [ -e /etc/init.d/docker ] || [ -e /etc/init/docker.conf ]; }; then
        if run service docker start; then by=service; fi
    fi
    # an init script may say that it started what it did not
    if [ -n "$by" ] && ! wait_for 30 docker info; then by=; fi
    if [ -z "$by" ]; then
        start_plainly || return 1
        by='dockerd without a service manager: start it again after a reboot'
    fi
    found="Docker $(engine_version) started by $by"
}

enable_service() {
    [ -d /run/systemd/system ] && has systemctl || return 0
    systemctl is-enabled docker >/dev/null 2>&1 || run systemctl enable docker || :
}

start_plainly() {
    has dockerd || { why="${why:-there is no dockerd}"; return 1; }
    if has setsid; then
        setsid dockerd </dev/null >/var/log/dockerd.log 2>&1 3>&- &
    else
        nohup dockerd </dev/null >/var/log/dockerd.log 2>&1 3>&- &
    fi
    wait_for 60 docker info && return 0
    tail -n 20 /var/log/dockerd.log
    fail "dockerd does not answer after 60 s: $(tail -n 1 /var/log/dockerd.log); see /var/log/dockerd.log"
}

# --- deploy-key, git-host -------------------------------------------------------------------------------------------

step_deploy_key() {
    make_data_dir || return 1
    if [ -s "$DATA/deploy_key" ]; then
        found='kept the key that is there'
        if [ ! -s "$DATA/deploy_key.pub" ]; then
            ssh-keygen -y -f "$DATA/deploy_key" >"$DATA/deploy_key.pub" || { fail "$DATA/deploy_key cannot be read"; return 1; }
            found='kept the key that is there, and wrote its public half anew'
        fi
    else
        rm -f "$DATA/deploy_key" "$DATA/deploy_key.pub"
        has ssh-keygen || { fail 'there is no ssh-keygen: install the OpenSSH client'; return 1; }
        run ssh-keygen -q -t ed25519 -N '' -C "deployd@$(uname -n)" -f "$DATA/deploy_key" || return 1
        found='made an ed25519 key'
    fi
    chmod 600 "$DATA/deploy_key"
    chmod 644 "$DATA/deploy_key.pub"
}

step_git_host() {
    file=$DATA/known_hosts
    [ -e "$file" ] || : >"$file"
    chmod 644 "$file"
    given=$(printf '%s\n' "${DEPLOYD_GIT_KNOWN_HOSTS:-}" | sed 's/^[[:space:]]*//; s/[[:space:]]*$//' | grep -v -e '^$' -e '^#')
    if [ -z "$given" ]; then
        found="none given, $(grep -c . "$file") trusted from before"
        return 0
    fi
    if printf '%s\n' "$given" | grep -qvE '^[^ ]+ +(ssh|ecdsa|sk)-[^ ]+ +[A-Za-z0-9+/=]+'; then
        fail 'DEPLOYD_GIT_KNOWN_HOSTS holds a line that is not HOST TYPE KEY, as ssh-keyscan prints it'
        return 1
    fi
    # lines for other hosts stay; the given ones take the place of what was trusted for their hosts
    printf '%s\n' "$given" | awk -v file="$file" '
        { host[$1] = 1; line[NR] = $0 }
        END {
            while ((getline old < file) > 0) { split(old, part, " "); if (!(part[1] in host)) print old }
            for (i = 1; i <= NR; i++) print line[i]
        }' >"$file.new" || { fail "$file.new cannot be written"; return 1; }
    if cmp -s "$file.new" "$file"; then
        rm -f "$file.new"
        found="$(printf '%s\n' "$given" | grep -c .) given, trusted already"
    else
        chmod 644 "$file.new"
        mv "$file.new" "$file" || { fail "$file cannot be written"; return 1; }
        found="trusts $(printf '%s\n' "$given" | awk '{ print $1 }' | sort -u | tr '\n' ' ' | sed 's/ $//')"
    fi
}

# --- image, daemon, token -------------------------------------------------------------------------------------------

step_image() {
    if [ -n "${DEPLOYD_IMAGE_ARCHIVE:-}" ]; then
        load_image
    elif [ -n "${DEPLOYD_IMAGE:-}" ]; then
        pull_image
    else
        fail 'set DEPLOYD_IMAGE to a reference, or DEPLOYD_IMAGE_ARCHIVE to an archive of the image'
    fi
}

load_image() {
    [ -r "$DEPLOYD_IMAGE_ARCHIVE" ] || { fail "$DEPLOYD_IMAGE_ARCHIVE cannot be read"; return 1; }
    before=$(docker images -q --no-trunc)
    run docker load -i "$DEPLOYD_IMAGE_ARCHIVE" || return 1
    if [ -z "${DEPLOYD_IMAGE:-}" ]; then
        DEPLOYD_IMAGE=$(sed -n 's/^Loaded image\( ID\)\{0,1\}: *//p' "$log" | head -n 1)
    fi
    IMAGE_ID=$(image_id "$DEPLOYD_IMAGE")
    [ -n "$IMAGE_ID" ] || IMAGE_ID=$(docker inspect --format '{{.Id}}' "$DEPLOYD_IMAGE" 2>/dev/null)
    [ -n "$IMAGE_ID" ] || { fail "the archive holds no image $DEPLOYD_IMAGE"; return 1; }
    case $before in
        *"$IMAGE_ID"*) found="$DEPLOYD_IMAGE is there already" ;;
        *) found="loaded $DEPLOYD_IMAGE" ;;
    esac
}

pull_image() {
    before=$(image_id "$DEPLOYD_IMAGE")
    if run docker pull "$DEPLOYD_IMAGE"; then
        IMAGE_ID=$(image_id "$DEPLOYD_IMAGE")
        found="pulled $DEPLOYD_IMAGE"
        [ "$before" != "$IMAGE_ID" ] || found="$DEPLOYD_IMAGE is there already, and the registry has no newer one"
    elif [ -n "$before" ]; then
        IMAGE_ID=$before
        found="$DEPLOYD_IMAGE is there already; the registry does not answer"
    else
        return 1
    fi
}

step_daemon() {
    make_data_dir || return 1
    # uninstall removes them all: an image that the edge still runs outlives its replacement
    grep -qsx "$IMAGE_ID" "$DATA/images" || echo "$IMAGE_ID" >>"$DATA/images"
    verb=started
    old=$(container_of daemon | head -n 1)
    if [ -n "$old" ]; then
        running=$(docker inspect --format '{{.State.Running}}' "$old")
        old_image=$(docker inspect --format '{{.Image}}' "$old")
        if [ "$old_image" = "$IMAGE_ID" ] && same_builder "$old"; then
            found='the same image runs already'
            [ "$running" != true ] || return 0
            run docker start "$old" || return 1
            found='started the container that was there'
            return 0
        fi
        run docker rm -f "$old" || return 1
        verb='replaced the one from another image or with another builder'
    fi
    # always and not unless-stopped: an engine that was killed stops, at its next start, what it finds running, takes that
    # for a stop by hand, and would leave it at that
    run docker run -d --name "$CONTAINER" --label deployd.role=daemon --restart always --network host \
        --security-opt label=disable -v /var/run/docker.sock:/var/run/docker.sock -v "$DATA:$DATA" \
        -e "DEPLOYD_DATA_DIR=$DATA" -e "DEPLOYD_HOSTS=$HOSTS" -e "DEPLOYD_IMAGE=$DEPLOYD_IMAGE" \
        ${DEPLOYD_BUILDER_IMAGE:+-e "DEPLOYD_BUILDER_IMAGE=$DEPLOYD_BUILDER_IMAGE"} "$DEPLOYD_IMAGE" serve || {
        # a container that could not be started is in the way of the next attempt
        docker rm -f "$(container_of daemon)" >/dev/null 2>&1
        return 1
    }
    if [ -n "$old" ] && [ "$old_image" != "$IMAGE_ID" ]; then
        # the edge may still run the old image: then it stays
        docker rmi "$old_image" >/dev/null 2>&1 || :
    fi
    found=$verb
}

# told CONTAINER NAME: the value of an environment variable that it was started with
told() { docker inspect --format '{{range .Config.Env}}{{println .}}{{end}}' "$1" | sed -n "s/^$2=//p"; }

# same_builder CONTAINER: whether it was told the builder that is asked for, if one is
same_builder() {
    [ -n "${DEPLOYD_BUILDER_IMAGE:-}" ] || return 0
    [ "$(told "$1" DEPLOYD_BUILDER_IMAGE)" = "$DEPLOYD_BUILDER_IMAGE" ]
}

step_token() {
    if ! wait_for 60 docker exec "$CONTAINER" deployd ready --data-dir "$DATA"; then
        docker logs --tail 30 "$CONTAINER"
        fail "no answer on https port $PORT after 60 s: $(tail -n 1 "$log"); its log: docker logs $CONTAINER"
        return 1
    fi
    TOKEN=$(docker exec "$CONTAINER" deployd token --data-dir "$DATA")
    [ -n "$TOKEN" ] || { fail "the daemon gives no token; its log: docker logs $CONTAINER"; return 1; }
    INFO=$(docker exec "$CONTAINER" deployd info --data-dir "$DATA") || { fail 'the daemon gives no information'; return 1; }
    found="the daemon answers on port $PORT"
    if has firewall-cmd && firewall-cmd --state >/dev/null 2>&1 && ! firewall-cmd -q --query-port="$PORT/tcp"; then
        found="$found; firewalld keeps others out: firewall-cmd --permanent --add-port=$PORT/tcp; firewall-cmd --reload"
    fi
}

info() { printf '%s\n' "$INFO" | sed -n "s/^$1=//p"; }

# what the daemon that is there was told; else the address that the way out begins at, and the host's name
default_hosts() {
    daemon=$(container_of daemon | head -n 1)
    told=${daemon:+$(told "$daemon" DEPLOYD_HOSTS)}
    if [ -z "$told" ]; then
        address=$(ip -4 route get 192.0.2.1 2>/dev/null | sed -n 's/.* src \([0-9.]*\).*/\1/p' | head -n 1)
        [ -n "$address" ] || address=$(hostname -I 2>/dev/null | awk '{ print $1 }')
        told="${address:+$address }$(uname -n)"
    fi
    printf '%s' "$told"
}

install() {
    HOSTS=${DEPLOYD_HOSTS:-$(default_hosts)}
    HOSTS=$(printf '%s' "$HOSTS" | tr -s ' \t\n' '   ' | sed 's/^ //; s/ $//')
    host=${HOSTS%% *}
    case $host in *:*) host="[$host]" ;; esac
    step engine step_engine
    step service step_service
    step deploy-key step_deploy_key
    step git-host step_git_host
    step image step_image
    step daemon step_daemon
    step token step_token
    say "result deploy_key=$(cat "$DATA/deploy_key.pub")"
    say "result webhook_url=https://$host:$PORT/webhook"
    say "result webhook_secret=$(info webhook_secret)"
    say "result api_url=https://$host:$PORT"
    say "result token=$TOKEN"
    say "result version=$(info version)"
    say "result certificate_sha256=$(info certificate_sha256)"
}

# --- uninstall ------------------------------------------------------------------------------------------------------

step_containers() {
    IMAGES='' count=0
    if ! has docker || ! engine_answers; then
        if [ -e "$DATA/deployd.redb" ]; then
            fail 'the engine does not answer, so its containers cannot be removed: start it and run this again'
            return 1
        fi
        found='there is no engine'
        return 0
    fi
    # the daemon first: it would start the others again
    for role in daemon build app edge; do
        for id in $(container_of "$role"); do
            IMAGES="$IMAGES $(docker inspect --format '{{.Image}}' "$id")"
            # the daemon pulled its builder itself
            [ "$role" != daemon ] || IMAGES="$IMAGES $(told "$id" DEPLOYD_BUILDER_IMAGE)"
            run docker rm -f -v "$id" || return 1
            count=$((count + 1))
        done
    done
    for volume in $(docker volume ls -q --filter 'label=deployd.role=cache'); do
        run docker volume rm "$volume" || return 1
    done
    found="removed $count"
}

step_network() {
    found='there is none'
    has docker && engine_answers || return 0
    [ -n "$(docker network ls -q --filter 'label=deployd.role=network' 2>/dev/null)" ] || return 0
    for network in $(docker network ls -q --filter 'label=deployd.role=network'); do
        run docker network rm "$network" || return 1
    done
    for volume in $(docker volume ls -q --filter 'label=deployd.role=volume'); do
        run docker volume rm "$volume" || return 1
    done
    found="removed $CONTAINER"
}

step_images() {
    count=0
    if has docker && engine_answers; then
        ours=$(docker images --format '{{.Repository}}:{{.Tag}}' | grep '^deployd/')
        for image in $ours $IMAGES $(cat "$DATA/images" 2>/dev/null); do
            [ -n "$(docker inspect --format '{{.Id}}' "$image" 2>/dev/null)" ] || continue
            run docker rmi -f "$image" || return 1
            count=$((count + 1))
        done
    fi
    found="removed $count"
}

step_files() {
    found="there is no $DATA"
    [ -e "$DATA" ] || return 0
    run rm -rf "$DATA" || return 1
    found="removed $DATA"
}

uninstall() {
    step containers step_containers
    step network step_network
    step images step_images
    step files step_files
}

main() {
    exec 3>&1 1>&2
    [ "$(id -u)" -eq 0 ] || { echo 'bootstrap.sh: run it as root' >&2; exit 1; }
    log=$(mktemp "${TMPDIR:-/tmp}/deployd-bootstrap.XXXXXX") || exit 1
    trap 'rm -f "$log"' EXIT
    trap 'exit 130' INT TERM HUP
    case ${1:-install} in
        install) install ;;
        uninstall) uninstall ;;
        *)
            echo "bootstrap.sh: unknown word $1; there are install and uninstall" >&2
            exit 2
            ;;
    esac
}

# the script may come through standard input: nothing that it runs may read from there
main "$@" </dev/null
