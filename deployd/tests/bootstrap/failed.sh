# A machine that the daemon is on already, and that reaches no registry; the step that fails is the script's own.
# shellcheck shell=sh disable=SC2034
step_engine() { found='Docker 26.1.5 is there already; nothing installed'; }
step_service() { found='Docker 26.1.5 runs already'; }
step_deploy_key() { found='kept the key that is there'; }
step_git_host() { found='none given, 1 trusted from before'; }
docker() {
    echo 'Error response from daemon: no such host' >&2
    return 1
}
