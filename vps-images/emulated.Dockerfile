# A mock VPS of another architecture than its host's: everything on it is emulated, but for the container engine.
ARG BASE
FROM ${BASE}
ARG NATIVE
COPY native-engine /tmp/native-engine
RUN /tmp/native-engine "${NATIVE}" && rm /tmp/native-engine

# systemd makes the credentials of its own units in a mount name space that it enters by clone(), which qemu refuses;
# a VPS has none to give them.
COPY no-credentials.conf /etc/systemd/system/systemd-.service.d/
