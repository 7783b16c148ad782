# A mock VPS of the apt family: what a provider's image of the same release has, and nothing that only a container has.
ARG BASE
FROM ${BASE}

COPY authorities/ /usr/local/share/ca-certificates/
COPY apt-setup vps-setup /usr/local/lib/testvps/
# systemd for systems whose PID 1 it is, nothing for those older than it
ARG INIT_PACKAGES=""
# cloud-init's user and the group whose members may become root
ARG ADMIN
RUN /usr/local/lib/testvps/apt-setup ${INIT_PACKAGES} && /usr/local/lib/testvps/vps-setup ${ADMIN} \
    && rm -r /usr/local/lib/testvps

COPY vps-init /usr/local/sbin/vps-init
COPY limits power vps-size /usr/local/lib/testvps/
STOPSIGNAL SIGRTMIN+3
ENTRYPOINT ["/usr/local/sbin/vps-init"]
