/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seal.h - documents in canonical form (RFC 8785), their digest and signature inside them.
 *
 * Our documents hold no reals and no control characters but \n and \t, ASCII keys only, and
 * integers within
 * +-2^53: within that, jansson's sorted compact form is RFC 8785's. Anything else is refused, not
 * guessed. The signature is minisign's text over the canonical document without its member
 * "signature", so that `minisign -V` can check what `ztctl` says.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/minisign.h"

#define ZTC_DIGEST_TEXT_LEN 72 /* "sha256:" + 64 hexadecimal digits + NUL */
#define ZTC_SIGNERS_MAX	    64 /* keys of one role */

/* ztc_canonical - the canonical text, the caller's (free). Returns 0, -EINVAL (a value of another
 * kind), -ENOMEM. */
int ztc_canonical(const json_t *doc, char **ret, size_t *ret_len);

/* ztc_digest - "sha256:…" of the canonical form, without a member "signature" at the top. 0,
 * -EINVAL, -ENOMEM, -EIO. */
int ztc_digest(const json_t *doc, char ret[ZTC_DIGEST_TEXT_LEN]);

/* ztc_seal - set doc["signature"] = {"algorithm": "minisign", "key_id", "text"}. 0 or -errno. */
int ztc_seal(json_t *doc, const struct zt_minisign_secret *key, const char *comment);

/* Who may sign what: one directory of *.pub per role below the trust directory. */
enum ztc_role {
	ZTC_ROLE_HOST,	    /* hosts: results, drills */
	ZTC_ROLE_PEER,	    /* hosts that probe others */
	ZTC_ROLE_COLLECTOR, /* log platforms: receipts */
	ZTC_ROLE_POLICY,    /* policy authors */
	ZTC_ROLE_OWNER,	    /* system owners */
	ZTC_ROLE_ASSESSOR,  /* attestations */
	ZTC_ROLE_APPROVER,  /* waivers */
	ZTC_ROLE_REVIEWER,  /* periodic reviews */
	ZTC_ROLE_COUNT,
};
const char *ztc_role_name(enum ztc_role role); /* "host", "peer", … = names of the directories */

/**
 * struct ztc_trust - public keys by role.
 *
 * Directory and files that others than root may write are refused: -EPERM.
 */
struct ztc_trust {
	struct {
		struct zt_minisign_pub keys[ZTC_SIGNERS_MAX];
		char *names[ZTC_SIGNERS_MAX]; /* file names without .pub; owned */
		size_t count;
	} role[ZTC_ROLE_COUNT];
};

/* ztc_trust_load - a missing directory is no keys. @ret_why: a sentence, the caller's (free). 0 or
 * -errno. */
int ztc_trust_load(struct ztc_trust *ret, const char *dir, char **ret_why);
void ztc_trust_free(struct ztc_trust *trust);

/* ztc_trust_shares - whether the key that is called @name in @role is also, under whatever name,
 * one of @other: the same person twice. */
bool ztc_trust_shares(const struct ztc_trust *trust, enum ztc_role role, const char *name,
		      enum ztc_role other);

enum ztc_sealed {
	ZTC_SEALED_NONE,    /* no signature */
	ZTC_SEALED_BAD,	    /* does not fit the text, or no signature of minisign's */
	ZTC_SEALED_UNKNOWN, /* by a key that nobody gave this role */
	ZTC_SEALED_OK,
};

/**
 * ztc_unseal - whose signature is on a document.
 * @ret_signer: name of the key in the role, borrowed from @trust, or NULL.
 * @ret_key_id: may be NULL.
 * @ret_why:    static text.
 */
enum ztc_sealed ztc_unseal(const json_t *doc, const struct ztc_trust *trust, enum ztc_role role,
			   const char **ret_signer, char ret_key_id[ZT_MINISIGN_ID_TEXT_LEN],
			   const char **ret_why);
