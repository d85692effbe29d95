/* SPDX-License-Identifier: Apache-2.0 */
/* signed.c - signatures over the canonical form, and what their comment has to agree with. */
#include "policy/signed.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

int zt_policy_canonical(const struct zt_policy *policy, char **ret, size_t *ret_len)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int r = out ? zt_policy_print(policy, out) : -ENOMEM;

	if (out && fclose(out) != 0 && r == 0)
		r = -ENOMEM;
	if (r < 0) {
		free(text);
		return r;
	}
	*ret = text;
	*ret_len = len;
	return 0;
}

void zt_policy_seal_comment(struct zt_strbuf *sb, const struct zt_policy *policy, uint64_t now_s,
			    const char *more)
{
	zt_strbuf_printf(sb, "timestamp:%" PRIu64 "\tpolicy:", now_s);
	/* Escaped, so that a name cannot bring a tab of its own. */
	zt_strbuf_escape(sb, policy->name, strlen(policy->name));
	zt_strbuf_printf(sb, "\trevision:%" PRIu64, policy->revision);
	if (more && *more) {
		zt_strbuf_puts(sb, "\t");
		zt_strbuf_escape(sb, more, strlen(more));
	}
}

/* The value of "name:value" among the tab-separated fields of a comment. */
static bool field(const char *comment, const char *name, const char **ret, size_t *ret_len)
{
	size_t n = strlen(name);

	for (const char *at = comment; at; at = strchr(at, '\t')) {
		at += *at == '\t';
		if (strncmp(at, name, n) == 0 && at[n] == ':') {
			*ret = at + n + 1;
			*ret_len = strcspn(*ret, "\t");
			return true;
		}
	}
	return false;
}

static bool number(const char *text, size_t len, uint64_t *ret)
{
	uint64_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9' || n > (UINT64_MAX - 9) / 10)
			return false;
		n = 10 * n + (uint64_t)(text[i] - '0');
	}
	*ret = n;
	return len > 0;
}

/* Does the comment speak of this policy and this revision, if it speaks of any? */
static int compare_comment(const struct zt_policy *policy, const char *comment,
			   struct zt_policy_seal *seal, struct zt_strbuf *why)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf name = ZT_STRBUF_INIT;
	const char *text;
	uint64_t revision;
	size_t len;

	if (!field(comment, "timestamp", &text, &len) || !number(text, len, &seal->signed_s))
		seal->signed_s = 0;
	if (field(comment, "policy", &text, &len)) {
		zt_strbuf_escape(&name, policy->name, strlen(policy->name));
		if (zt_strbuf_error(&name))
			return -ENOMEM;
		if (name.len != len || memcmp(zt_strbuf_text(&name), text, len) != 0) {
			zt_strbuf_puts(why, "its trusted comment speaks of policy '");
			zt_strbuf_escape(why, text, len);
			zt_strbuf_printf(why, "', this is '%s'", zt_strbuf_text(&name));
			return -ESTALE;
		}
	}
	if (!field(comment, "revision", &text, &len))
		return 0;
	seal->states_revision = true;
	if (!number(text, len, &revision) || revision != policy->revision) {
		zt_strbuf_puts(why, "its trusted comment speaks of revision '");
		zt_strbuf_escape(why, text, len);
		zt_strbuf_printf(why, "', this is %" PRIu64, policy->revision);
		return -ESTALE;
	}
	return 0;
}

int zt_policy_verify(const struct zt_policy *policy, const char *sig_text, size_t sig_len,
		     const struct zt_minisign_pub *keys, size_t key_count,
		     struct zt_policy_seal *ret, struct zt_strbuf *why)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf unheard = ZT_STRBUF_INIT;
	zt_auto(zt_freep) char *text = NULL;
	struct zt_policy_seal seal = {0};
	struct zt_minisign_sig sig;
	char id[ZT_MINISIGN_ID_TEXT_LEN];
	const char *reason = "out of memory";
	size_t len;
	int r;

	if (!why)
		why = &unheard;
	r = zt_minisign_read_sig(sig_text, sig_len, &sig, &reason);
	if (r == 0)
		r = zt_policy_canonical(policy, &text, &len);
	if (r == 0)
		r = zt_minisign_verify(keys, key_count, &sig, text, len, &seal.key, &reason);
	if (r < 0) {
		zt_strbuf_puts(why, reason);
		if (r == -ENOKEY)
			zt_strbuf_printf(why, ", %s", zt_minisign_id_text(sig.id, id));
		return r;
	}
	memcpy(seal.key_id, sig.id, sizeof(seal.key_id));
	memcpy(seal.comment, sig.comment, sizeof(seal.comment));
	r = compare_comment(policy, sig.comment, &seal, why);
	if (r == 0 && ret)
		*ret = seal;
	return r;
}
