# A machine without a root, an engine or a network: it takes the place of what the steps of bootstrap.sh would do. Which
# steps there are, in which order, what is printed about them and which results follow is the script's own.
# shellcheck shell=sh disable=SC2034
DEPLOYD_HOSTS=192.0.2.7 DEPLOYD_IMAGE=deployd/daemon:0.1.0

id() { echo 0; }
