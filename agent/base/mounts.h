/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mounts.h - the host's mounts, for who was started by `ip netns exec`.
 *
 * That command gives its child a mount namespace with a new /sys, which hides the
 * cgroup tree and bpffs, and takes every pin with it when the child ends.
 */
#pragma once

/**
 * zt_mounts_use_host - go to the mount namespace outside when /sys was replaced.
 *
 * That is the parent's, or else PID 1's (by way of the kernel's first thread where
 * PID 1 may not be looked at), provided it has our working directory at the same
 * place. A process that sees the same /sys stays where it is, in a container too.
 * Call before anything is opened, from a process of one thread.
 *
 * Returns 1 when it went, 0 when there was no reason or no way, -errno when it failed.
 */
int zt_mounts_use_host(void);
