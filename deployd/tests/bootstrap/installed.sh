# A new machine.
# shellcheck shell=sh disable=SC2034
step_engine() { found='installed docker.io ca-certificates'; }
step_service() { found='Docker 20.10.24+dfsg1 runs already'; }
step_deploy_key() {
    make_data_dir
    echo 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOZ0Bc1wVw6uPp5nX5yKb0k5q1r2dRk7H0m3o6mP2xQz deployd@vps' >"$DATA/deploy_key.pub"
    found='made an ed25519 key'
}
step_git_host() { found='trusts git.example'; }
step_image() { found="pulled $DEPLOYD_IMAGE"; }
step_daemon() { found=started; }
step_token() {
    TOKEN=eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJzaWQiOiJ4In0.c2ln=a=b
    INFO='version=0.1.0
webhook_secret=0123456789abcdef0123456789abcdef0123456789abcdef
certificate_sha256=8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4'
    found="the daemon answers on port $PORT"
}
