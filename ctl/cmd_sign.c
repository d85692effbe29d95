/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_sign.c - ztctl policy sign and verify: minisign signatures over the canonical form.
 *
 * No agent is asked. A secret key is read, used and wiped; it is never printed
 * and an existing one is never overwritten.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/time.h"
#include "ctl/client.h"
#include "ctl/local.h"
#include "ctl/password.h"
#include "ctl/render/render.h"
#include "ctl/render/text.h"
#include "policy/signed.h"

/* FILE.minisig beside a file, DIR/policy.minisig in a directory. */
static char *signature_path(const char *path)
{
	struct stat st;
	char *ret = NULL;
	bool dir = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
	size_t len = strlen(path);

	while (dir && len > 1 && path[len - 1] == '/')
		len--;
	if (asprintf(&ret, "%.*s%s", (int)len, path, dir ? "/policy.minisig" : ".minisig") < 0)
		return NULL;
	return ret;
}

static json_t *id_json(const uint8_t id[ZT_MINISIGN_ID_LEN])
{
	char text[ZT_MINISIGN_ID_TEXT_LEN];

	return json_string(zt_minisign_id_text(id, text));
}

/* --- keys --- */

static int write_key(const char *prefix, const char *suffix, const struct zt_strbuf *text,
		     mode_t mode)
{
	zt_auto(zt_freep) char *path = NULL;
	int r = asprintf(&path, "%s%s", prefix, suffix) < 0 ? -ENOMEM : zt_strbuf_error(text);

	if (r >= 0)
		r = zt_file_create(path, text->data, text->len, mode);
	if (r == -EEXIST)
		return ztc_fail(ZTC_EXIT_USAGE, "'%s' exists: a key is never overwritten", path);
	if (r < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "cannot write '%s%s': %s", prefix, suffix,
				strerror(-r));
	return ZTC_EXIT_OK;
}

static int write_pair(const char *prefix, const struct zt_minisign_secret *secret,
		      const char *password)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf pub = ZT_STRBUF_INIT, key = ZT_STRBUF_INIT;
	zt_auto(zt_freep) char *pub_path = NULL;
	int status, r;

	if (asprintf(&pub_path, "%s.pub", prefix) < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "out of memory");
	/* Known beforehand, so that no secret key is left without its other half. */
	if (access(pub_path, F_OK) == 0)
		return ztc_fail(ZTC_EXIT_USAGE, "'%s' exists: a key is never overwritten",
				pub_path);
	zt_minisign_write_pub(&pub, &secret->pub);
	r = zt_minisign_write_secret(&key, secret, password);
	if (r < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "cannot encrypt the secret key: %s", strerror(-r));
	status = write_key(prefix, ".key", &key, 0600);
	if (key.data)
		explicit_bzero(key.data, key.len);
	return status ? status : write_key(prefix, ".pub", &pub, 0644);
}

static int render_generated(FILE *out, const json_t *result, const struct ztc_style *style)
{
	const json_t *pair = json_object_get(result, "generated");
	char line[8192];

	snprintf(line, sizeof(line), "Key %s: secret key in %.3000s%s, public key in %.3000s.",
		 ztc_str(pair, "key_id"), ztc_str(pair, "secret_key"),
		 json_is_true(json_object_get(pair, "encrypted")) ? " (encrypted)"
								  : " (not encrypted)",
		 ztc_str(pair, "public_key"));
	ztc_wrap(out, style, ZTC_PLAIN, 0, 2, line);
	ztc_wrap(out, style, ZTC_PLAIN, 0, 2,
		 "Give the public key to the agents (trusted_keys in their settings) and keep the "
		 "secret one off them.");
	return 0;
}

static int generate(struct ztc_ctx *ctx, const struct ztc_line *line, const char *prefix)
{
	zt_auto(zt_minisign_secret_wipe) struct zt_minisign_secret secret;
	zt_auto(zt_json_decref) json_t *result = NULL;
	struct ztc_password password = {.file = ztc_value(line, "password-file"),
					.prompt = "Password to encrypt the secret key with: ",
					.twice = true};
	char buf[ZT_MINISIGN_PASSWORD_MAX] = "";
	bool plain = ztc_value(line, "no-password") != NULL;
	int status;

	if (!plain && ztc_password_read(&password, buf) < 0)
		return ztc_fail(ZTC_EXIT_USAGE, "no key was made: %s", password.why);
	if (!plain && !*buf)
		return ztc_fail(
			ZTC_EXIT_USAGE,
			"no key was made: the password is empty; --no-password is for a key "
			"that is not encrypted");
	if (zt_minisign_generate(&secret) < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "cannot make a key: the library failed");
	status = write_pair(prefix, &secret, plain ? NULL : buf);
	explicit_bzero(buf, sizeof(buf));
	if (status)
		return status;
	result = json_pack("{s:{s:o, s:o, s:o, s:b}}", "generated", "key_id",
			   id_json(secret.pub.id), "secret_key", json_sprintf("%s.key", prefix),
			   "public_key", json_sprintf("%s.pub", prefix), "encrypted", !plain);
	return ztc_answer(ctx, result, render_generated);
}

/* --- sign --- */

static int render_signed(FILE *out, const json_t *result, const struct ztc_style *style)
{
	const json_t *s = json_object_get(result, "signature");
	char line[8192];

	snprintf(line, sizeof(line), "Signed policy %.64s, revision %lld, with key %s: %.4000s",
		 *ztc_str(s, "policy") ? ztc_str(s, "policy") : "(no name)",
		 (long long)ztc_int(s, "revision"), ztc_str(s, "key_id"), ztc_str(s, "path"));
	ztc_wrap(out, style, ZTC_GOOD, 0, 2, line);
	return 0;
}

static json_t *signature_json(const char *path, const struct zt_policy *policy,
			      const struct zt_minisign_pub *pub, uint64_t now_ns)
{
	char time[ZT_TIME_TEXT_LEN];

	return json_pack("{s:{s:o, s:o, s:o, s:o, s:o, s:s}}", "signature", "path",
			 zt_json_str(path), "policy", zt_json_str(policy->name), "revision",
			 zt_json_u64(policy->revision), "digest",
			 zt_json_hex(policy->digest, sizeof(policy->digest)), "key_id",
			 id_json(pub->id), "signed", zt_wall_text(now_ns, time));
}

static int sign(struct ztc_ctx *ctx, const struct ztc_line *line, const char *path,
		const struct zt_minisign_secret *secret)
{
	zt_auto(zt_policy_free) struct zt_policy *policy = NULL;
	zt_auto(zt_strbuf_free) struct zt_strbuf sig = ZT_STRBUF_INIT, comment = ZT_STRBUF_INIT;
	zt_auto(zt_json_decref) json_t *result = NULL;
	zt_auto(zt_freep) char *text = NULL;
	zt_auto(zt_freep) char *out =
		ztc_value(line, "out") ? strdup(ztc_value(line, "out")) : signature_path(path);
	uint64_t now_ns = zt_now_wall_ns() / ZT_NS_PER_S * ZT_NS_PER_S;
	size_t len;
	int r, status = ztc_load_policy(path, &policy);

	if (status)
		return status;
	zt_policy_seal_comment(&comment, policy, now_ns / ZT_NS_PER_S, ztc_value(line, "comment"));
	r = out && !zt_strbuf_error(&comment) ? zt_policy_canonical(policy, &text, &len) : -ENOMEM;
	if (r == 0)
		r = zt_minisign_sign(&sig, secret, text, len, zt_strbuf_text(&comment));
	if (r < 0)
		return ztc_fail(r == -EINVAL ? ZTC_EXIT_USAGE : ZTC_EXIT_FAILED,
				"cannot sign '%s': %s", path,
				r == -EINVAL ? "the comment is too long" : strerror(-r));
	r = zt_file_replace(out, sig.data, sig.len, 0644);
	if (r < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "cannot write '%s': %s", out, strerror(-r));
	result = signature_json(out, policy, &secret->pub, now_ns);
	return ztc_answer(ctx, result, render_signed);
}

int ztc_run_policy_sign(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	zt_auto(zt_minisign_secret_wipe) struct zt_minisign_secret secret;
	const char *prefix = ztc_value(line, "generate"), *key = ztc_value(line, "key");
	int status;

	if (prefix && (line->argc || key || ztc_value(line, "out") || ztc_value(line, "comment")))
		return ztc_fail(ZTC_EXIT_USAGE, "--generate makes a key pair and signs nothing: it "
						"goes with --password-file or --no-password only");
	if (prefix)
		return generate(ctx, line, prefix);
	if (!line->argc)
		return ztc_fail(ZTC_EXIT_USAGE, "which policy? name a file or directory");
	if (!key)
		return ztc_fail(ZTC_EXIT_USAGE, "with which key? --key SECKEY; --generate PREFIX "
						"makes one");
	if (ztc_value(line, "no-password"))
		return ztc_fail(ZTC_EXIT_USAGE, "--no-password goes with --generate");
	status = ztc_secret_load(key, ztc_value(line, "password-file"), &secret);
	return status ? status : sign(ctx, line, line->argv[0], &secret);
}

/* --- verify --- */

static int render_verified(FILE *out, const json_t *result, const struct ztc_style *style)
{
	const json_t *v = json_object_get(result, "verify");
	char line[16384];

	if (!json_is_true(json_object_get(v, "ok"))) {
		snprintf(line, sizeof(line),
			 "%.3000s: not signed by this key as it stands: %.8000s",
			 ztc_str(v, "path"), ztc_str(v, "why"));
		ztc_wrap(out, style, ZTC_BAD, 0, 2, line);
		return 0;
	}
	snprintf(line, sizeof(line), "%.3000s: good: policy %.64s, revision %lld, signed by key %s",
		 ztc_str(v, "path"), *ztc_str(v, "policy") ? ztc_str(v, "policy") : "(no name)",
		 (long long)ztc_int(v, "revision"), ztc_str(v, "key_id"));
	if (*ztc_str(v, "signed"))
		snprintf(line + strlen(line), 64, ", %.40s", ztc_str(v, "signed"));
	ztc_wrap(out, style, ZTC_GOOD, 0, 2, line);
	snprintf(line, sizeof(line), "  trusted comment: %.8200s", ztc_str(v, "comment"));
	ztc_wrap(out, style, ZTC_DIM, 0, 4, line);
	return 0;
}

/* What a signature that holds says of itself. */
static void add_seal(json_t *verify, const struct zt_policy_seal *seal)
{
	char time[ZT_TIME_TEXT_LEN], comment[ZT_MINISIGN_COMMENT_MAX];
	/* Any number of seconds may stand in a comment. */
	bool stated = seal->signed_s && seal->signed_s < UINT64_MAX / ZT_NS_PER_S;

	/* Its fields are set apart by tabs, which are no text to show. */
	for (size_t i = 0; i < sizeof(comment); i++)
		comment[i] = seal->comment[i] == '\t' ? ' ' : seal->comment[i];
	json_object_set_new(verify, "key_id", id_json(seal->key_id));
	json_object_set_new(verify, "comment", zt_json_str(comment));
	json_object_set_new(verify, "states_revision", json_boolean(seal->states_revision));
	json_object_set_new(verify, "signed",
			    stated ? json_string(zt_wall_text(seal->signed_s * ZT_NS_PER_S, time))
				   : json_null());
}

static int verify(struct ztc_ctx *ctx, const char *path, const struct zt_minisign_pub *pub,
		  const char *sig_path)
{
	zt_auto(zt_policy_free) struct zt_policy *policy = NULL;
	zt_auto(zt_strbuf_free) struct zt_strbuf why = ZT_STRBUF_INIT;
	zt_auto(zt_json_decref) json_t *result = NULL;
	zt_auto(zt_freep) char *text = NULL;
	struct zt_policy_seal seal;
	size_t len;
	json_t *v;
	int r, status = ztc_load_policy(path, &policy);

	if (status)
		return status;
	r = zt_file_read(sig_path, ZT_MINISIGN_FILE_MAX, &text, &len, NULL);
	if (r < 0 && r != -ENOENT)
		return ztc_fail(ZTC_EXIT_USAGE, "cannot read the signature '%s': %s", sig_path,
				strerror(-r));
	if (r == -ENOENT)
		zt_strbuf_puts(&why, "there is no signature file");
	else
		r = zt_policy_verify(policy, text, len, pub, 1, &seal, &why);
	if (r == -EINVAL || r == -ENOMEM || r == -EIO)
		return ztc_fail(r == -EINVAL ? ZTC_EXIT_USAGE : ZTC_EXIT_FAILED,
				"cannot use the signature '%s': %s", sig_path,
				zt_strbuf_text(&why));
	v = json_pack("{s:b, s:o, s:o, s:o, s:o, s:o}", "ok", r == 0, "path", zt_json_str(path),
		      "signature", zt_json_str(sig_path), "policy", zt_json_str(policy->name),
		      "revision", zt_json_u64(policy->revision), "digest",
		      zt_json_hex(policy->digest, sizeof(policy->digest)));
	if (v && r == 0)
		add_seal(v, &seal);
	else if (v)
		json_object_set_new(v, "why", json_string(zt_strbuf_text(&why)));
	result = json_pack("{s:o}", "verify", v);
	status = ztc_answer(ctx, result, render_verified);
	return status || r == 0 ? status : ZTC_EXIT_NO;
}

int ztc_run_policy_verify(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	zt_auto(zt_freep) char *sig_path = ztc_value(line, "signature")
						   ? strdup(ztc_value(line, "signature"))
						   : signature_path(line->argv[0]);
	const char *key = ztc_value(line, "key"), *why = NULL;
	struct zt_minisign_pub pub;

	if (!sig_path)
		return ztc_fail(ZTC_EXIT_FAILED, "out of memory");
	if (!key)
		return ztc_fail(ZTC_EXIT_USAGE, "by which key? --key PUBKEY");
	if (zt_minisign_load_pub(key, &pub, &why) < 0)
		return ztc_fail(ZTC_EXIT_USAGE, "cannot use the public key '%s': %s", key, why);
	return verify(ctx, line->argv[0], &pub, sig_path);
}
