/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bundle.h - a policy file with all that it includes, and its signature, as part of a request.
 *
 * The agent opens no path that a client names; so its text is sent.
 */
#pragma once
#include <jansson.h>

/**
 * ztc_bundle - read a policy and put it into the arguments of a request.
 * @path: a file or a directory.
 * @args: gets `path`, `files` [{path, text}], and `signature` when FILE.minisig (of a directory:
 *        DIR/policy.minisig) exists.
 *
 * The policy is checked here first, so that every error is shown with its line.
 * Returns ZTC_EXIT_OK, or the exit status, the reason having been printed.
 */
int ztc_bundle(const char *path, json_t *args);
