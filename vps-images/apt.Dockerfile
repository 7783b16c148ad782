# A mock VPS of the apt family: what a provider's image of the same release has, and nothing that only a container has.
ARG BASE
FROM ${BASE}

# systemd for systems whose PID 1 it is, nothing for those older than it
ARG INIT_PACKAGES=""
RUN export DEBIAN_FRONTEND=noninteractive \
 && apt-get update \
 && apt-get install --yes --no-install-recommends \
      ca-certificates cron curl dbus iproute2 iputils-ping kmod less libpam-systemd lsb-release openssh-server \
      procps rsync sudo ${INIT_PACKAGES} \
 && apt-get clean && rm -rf /var/lib/apt/lists/*

COPY authorities/ /usr/local/share/ca-certificates/
RUN update-ca-certificates

# Keys, machine-id and host name belong to one VPS, not to the image: they are put in place before its first start.
# In a container the audit login id cannot be set, which must not refuse a login.
RUN rm -f /etc/ssh/ssh_host_* /var/lib/dbus/machine-id \
 && : > /etc/machine-id \
 && ln -sf /etc/machine-id /var/lib/dbus/machine-id \
 && sed -i 's/required\(\s\+pam_loginuid\)/optional\1/' /etc/pam.d/* \
 && { printf '%s\n' 'PermitRootLogin without-password' 'PasswordAuthentication no' \
        'ChallengeResponseAuthentication no' 'UseDNS no'; cat /etc/ssh/sshd_config; } > /etc/ssh/sshd_config.new \
 && mv /etc/ssh/sshd_config.new /etc/ssh/sshd_config \
 && mkdir -p /root/.ssh && chmod 700 /root/.ssh

COPY vps-init /usr/local/sbin/vps-init
STOPSIGNAL SIGRTMIN+3
ENTRYPOINT ["/usr/local/sbin/vps-init"]
