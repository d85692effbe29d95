/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signed.h - is this policy signed by a key that is trusted?
 *
 * What is signed is the canonical form, so that comments, order of files and
 * spelling do not matter, and nothing that matters is left out. A trusted comment that
 * states policy or revision ("timestamp:…<TAB>policy:…<TAB>revision:…")
 * must agree with the policy; one that states none, as minisign's own, need not.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/minisign.h"
#include "policy/policy.h"

/* What a good signature says. */
struct zt_policy_seal {
	size_t key; /* number of the key among those given */
	uint8_t key_id[ZT_MINISIGN_ID_LEN];
	uint64_t signed_s;    /* `timestamp:` of the comment [Unix s]; 0 = not stated */
	bool states_revision; /* the comment names policy and revision */
	char comment[ZT_MINISIGN_COMMENT_MAX];
};

/** zt_policy_canonical - the canonical form as one text; the caller frees it. Returns 0, -ENOMEM.
 */
int zt_policy_canonical(const struct zt_policy *policy, char **ret, size_t *ret_len);

/**
 * zt_policy_verify - check a signature file's text against a policy.
 * @sig:  @sig_len bytes, any content.
 * @keys: the trusted ones.
 * @ret:  on success filled; may be NULL.
 * @why:  on failure one sentence, escaped; may be NULL.
 *
 * Returns 0, -EINVAL (not a signature file), -ENOKEY (signed by another key),
 * -EBADMSG (altered policy or comment), -ESTALE (signed for another policy or
 * revision), -ENOMEM or -EIO.
 */
int zt_policy_verify(const struct zt_policy *policy, const char *sig, size_t sig_len,
		     const struct zt_minisign_pub *keys, size_t key_count,
		     struct zt_policy_seal *ret, struct zt_strbuf *why);

/** zt_policy_seal_comment - append the trusted comment for a policy signed at @now_s. */
void zt_policy_seal_comment(struct zt_strbuf *sb, const struct zt_policy *policy, uint64_t now_s,
			    const char *more);
