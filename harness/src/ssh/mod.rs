//! SSH to a VPS: keys, commands, files, forwarded ports.
