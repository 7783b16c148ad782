# A mock VPS of the rpm family: what a provider's image of the same release has, and nothing that only a container has.
ARG BASE
FROM ${BASE}

ARG INIT_PACKAGES=""
COPY authorities/ /etc/pki/ca-trust/source/anchors/
# CentOS 7's mirrors are gone; its packages are in the vault.
RUN if grep -qs 'mirror.centos.org' /etc/yum.repos.d/*.repo; then \
      sed -i 's/^mirrorlist=/#&/; s|^#\?baseurl=http://mirror.centos.org|baseurl=http://vault.centos.org|' /etc/yum.repos.d/*.repo; \
    fi \
 && if command -v dnf >/dev/null; then pm=dnf; else pm=yum; fi \
 && update-ca-trust \
 && $pm install -y ca-certificates cronie iproute iputils kmod less openssh-clients openssh-server passwd procps-ng \
      rsync sudo ${INIT_PACKAGES} \
 && $pm clean all

RUN rm -f /etc/ssh/ssh_host_* \
 && : > /etc/machine-id \
 && sed -i 's/required\(\s\+pam_loginuid\)/optional\1/' /etc/pam.d/* \
 && { printf '%s\n' 'PermitRootLogin without-password' 'PasswordAuthentication no' \
        'ChallengeResponseAuthentication no' 'UseDNS no'; cat /etc/ssh/sshd_config; } > /etc/ssh/sshd_config.new \
 && mv /etc/ssh/sshd_config.new /etc/ssh/sshd_config && chmod 600 /etc/ssh/sshd_config \
 && mkdir -p /root/.ssh && chmod 700 /root/.ssh

COPY vps-init /usr/local/sbin/vps-init
STOPSIGNAL SIGRTMIN+3
ENTRYPOINT ["/usr/local/sbin/vps-init"]
