/* SPDX-License-Identifier: Apache-2.0 */
/*
 * container.h - the container that a cgroup path names: Docker, Podman, containerd, CRI-O.
 */
#pragma once
#include <stdbool.h>

#define ZT_CONTAINER_DIGITS 12 /* the least that container engines show */
#define ZT_CONTAINER_LEN    65

/**
 * zt_container_of - the container id in a cgroup path.
 * @ret: on success 12 to 64 hexadecimal digits, as docker-<id>.scope, libpod-<id>.scope,
 *       cri-containerd-<id>.scope, crio-<id>.scope or a kubepods/docker directory have it.
 *
 * Returns whether there is one. The innermost counts.
 */
bool zt_container_of(const char *cgroup, char ret[ZT_CONTAINER_LEN]);
