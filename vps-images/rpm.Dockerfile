# A mock VPS of the rpm family: what a provider's image of the same release has, and nothing that only a container has.
ARG BASE
FROM ${BASE}

COPY authorities/ /etc/pki/ca-trust/source/anchors/
COPY rpm-setup vps-setup /usr/local/lib/testvps/
ARG INIT_PACKAGES=""
# cloud-init's user and the group whose members may become root
ARG ADMIN
RUN /usr/local/lib/testvps/rpm-setup ${INIT_PACKAGES} && /usr/local/lib/testvps/vps-setup ${ADMIN} \
    && rm -r /usr/local/lib/testvps

COPY vps-init /usr/local/sbin/vps-init
COPY limits power vps-size /usr/local/lib/testvps/
STOPSIGNAL SIGRTMIN+3
ENTRYPOINT ["/usr/local/sbin/vps-init"]
