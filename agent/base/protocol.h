/* SPDX-License-Identifier: Apache-2.0 */
/*
 * protocol.h - names of what the classifier found: encryption and the protocol inside.
 *
 * The names are part of the JSON contract and are kept in saved maps; the numbers
 * (enum zt_encryption, enum zt_app) are kept on disk.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi.h"

/* How encryption coverage is counted: the keys of an edge's `encryption`. */
enum zt_cover {
	ZT_COVER_TLS,
	ZT_COVER_DTLS,
	ZT_COVER_SSH,
	ZT_COVER_QUIC,
	ZT_COVER_WIREGUARD,
	ZT_COVER_IPSEC,
	ZT_COVER_PLAINTEXT,
	ZT_COVER_UNKNOWN, /* counts as plaintext */
	ZT_COVER_COUNT,
};

/* zt_encryption_name - "tls1.3", "plaintext", "unknown"; never NULL, "unknown" past the table. */
const char *zt_encryption_name(uint8_t encryption);

/* zt_encryption_find - the number of a name. 0 or -ENOENT. */
int zt_encryption_find(const char *name, uint8_t *ret);

/* zt_app_name - "postgresql"; NULL for ZT_APP_NONE and past the table. */
const char *zt_app_name(uint8_t app);
int zt_app_find(const char *name, uint8_t *ret);

enum zt_cover zt_encryption_cover(uint8_t encryption);

/* zt_cover_name - "tls", "ipsec", ...; zt_cover_find - 0 or -ENOENT. */
const char *zt_cover_name(enum zt_cover cover);
int zt_cover_find(const char *name, enum zt_cover *ret);

/* zt_cover_secret - whether it counts as encrypted. */
bool zt_cover_secret(enum zt_cover cover);

#define ZT_PROTOCOL_TEXT_LEN 40

/**
 * zt_protocol_text - both in one word: "tls1.3", "http", "postgresql+tls1.3", "unknown".
 * @ret: the caller's room, returned.
 */
const char *zt_protocol_text(uint8_t encryption, uint8_t app, char ret[ZT_PROTOCOL_TEXT_LEN]);

/* zt_protocol_find - the two numbers of such a word. 0 or -ENOENT. */
int zt_protocol_find(const char *text, uint8_t *ret_encryption, uint8_t *ret_app);
