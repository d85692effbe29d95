// SPDX-License-Identifier: Apache-2.0
/*
 * seal.c - canonical text of a document, its digest, and minisign's signature inside it.
 */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/json.h"
#include "ctl/evidence/seal.h"

#define DEPTH_MAX   64
#define INTEGER_MAX (1LL << 53)
#define SIGNATURE   "signature"

/* Text that every writer of JSON writes alike: no control character but line feed and tab. */
static bool plain_text(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = text[i];

		if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

/* ASCII keys sort alike by bytes, which jansson does, and by UTF-16 units, which RFC 8785 asks. */
static bool plain_key(const char *key)
{
	for (const char *p = key; *p; p++) {
		if ((unsigned char)*p < 0x20 || (unsigned char)*p > 0x7e)
			return false;
	}
	return true;
}

static bool plain(const json_t *value, unsigned int depth)
{
	const json_t *child;
	const char *key;
	size_t i;

	if (!value || depth > DEPTH_MAX)
		return false;
	switch (json_typeof(value)) {
	case JSON_REAL:
		return false;
	case JSON_INTEGER:
		return json_integer_value(value) <= INTEGER_MAX &&
		       json_integer_value(value) >= -INTEGER_MAX;
	case JSON_STRING:
		return plain_text(json_string_value(value), json_string_length(value));
	case JSON_ARRAY:
		json_array_foreach (value, i, child) {
			if (!plain(child, depth + 1))
				return false;
		}
		return true;
	case JSON_OBJECT:
		json_object_foreach ((json_t *)value, key, child) {
			if (!plain_key(key) || !plain(child, depth + 1))
				return false;
		}
		return true;
	default:
		return true;
	}
}

int ztc_canonical(const json_t *doc, char **ret, size_t *ret_len)
{
	char *text;

	if (!plain(doc, 0))
		return -EINVAL;
	text = json_dumps(doc, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
	if (!text)
		return -ENOMEM;
	*ret = text;
	*ret_len = strlen(text);
	return 0;
}

/* What is signed: everything but the signature. */
static int message(const json_t *doc, char **ret, size_t *ret_len)
{
	zt_auto(zt_json_decref) json_t *copy = NULL;

	if (!json_object_get(doc, SIGNATURE))
		return ztc_canonical(doc, ret, ret_len);
	copy = json_copy((json_t *)doc);
	if (!copy)
		return -ENOMEM;
	json_object_del(copy, SIGNATURE);
	return ztc_canonical(copy, ret, ret_len);
}

int ztc_digest(const json_t *doc, char ret[ZTC_DIGEST_TEXT_LEN])
{
	zt_auto(zt_freep) char *text = NULL;
	uint8_t digest[ZT_DIGEST_LEN];
	size_t len;
	int r = message(doc, &text, &len);

	if (r == 0)
		r = zt_digest_of(text, len, digest);
	if (r < 0)
		return r;
	memcpy(ret, "sha256:", 7);
	zt_digest_text(digest, ret + 7);
	return 0;
}

int ztc_seal(json_t *doc, const struct zt_minisign_secret *key, const char *comment)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf sig = ZT_STRBUF_INIT;
	zt_auto(zt_freep) char *text = NULL;
	char id[ZT_MINISIGN_ID_TEXT_LEN];
	json_t *signature;
	size_t len;
	int r;

	if (!json_is_object(doc))
		return -EINVAL;
	r = message(doc, &text, &len);
	if (r == 0)
		r = zt_minisign_sign(&sig, key, text, len, comment);
	if (r == 0)
		r = zt_strbuf_error(&sig);
	if (r < 0)
		return r;
	signature = json_pack("{s:s, s:s, s:s}", "algorithm", "minisign", "key_id",
			      zt_minisign_id_text(key->pub.id, id), "text", zt_strbuf_text(&sig));
	return json_object_set_new(doc, SIGNATURE, signature) < 0 ? -ENOMEM : 0;
}

/* The signature's own members, each of the type that it has to have. */
static enum ztc_sealed read_signature(const json_t *doc, struct zt_minisign_sig *ret,
				      const char **ret_why)
{
	const json_t *signature = json_object_get(doc, SIGNATURE);
	const char *algorithm = json_string_value(json_object_get(signature, "algorithm"));
	const char *key_id = json_string_value(json_object_get(signature, "key_id"));
	const json_t *text = json_object_get(signature, "text");
	char id[ZT_MINISIGN_ID_TEXT_LEN];

	*ret_why = "it has no signature";
	if (!signature || json_is_null(signature))
		return ZTC_SEALED_NONE;
	*ret_why = "its signature is no minisign signature";
	if (!algorithm || strcmp(algorithm, "minisign") != 0 || !json_is_string(text))
		return ZTC_SEALED_BAD;
	if (zt_minisign_read_sig(json_string_value(text), json_string_length(text), ret, ret_why))
		return ZTC_SEALED_BAD;
	*ret_why = "the key id beside its signature is another than in it";
	if (!key_id || strcasecmp(key_id, zt_minisign_id_text(ret->id, id)) != 0)
		return ZTC_SEALED_BAD;
	return ZTC_SEALED_OK;
}

enum ztc_sealed ztc_unseal(const json_t *doc, const struct ztc_trust *trust, enum ztc_role role,
			   const char **ret_signer, char ret_key_id[ZT_MINISIGN_ID_TEXT_LEN],
			   const char **ret_why)
{
	struct zt_minisign_sig sig;
	zt_auto(zt_freep) char *text = NULL;
	enum ztc_sealed sealed = read_signature(doc, &sig, ret_why);
	size_t len, key = 0;
	int r;

	*ret_signer = NULL;
	if (ret_key_id)
		ret_key_id[0] = '\0';
	if (sealed != ZTC_SEALED_OK)
		return sealed;
	if (ret_key_id)
		zt_minisign_id_text(sig.id, ret_key_id);
	if (message(doc, &text, &len) < 0) {
		*ret_why = "it holds what a signed document may not: real numbers, control "
			   "characters or integers beyond 2^53";
		return ZTC_SEALED_BAD;
	}
	r = zt_minisign_verify(trust->role[role].keys, trust->role[role].count, &sig, text, len,
			       &key, ret_why);
	if (r == -ENOKEY)
		*ret_why = "nobody gave the key that signed it this role";
	if (r < 0)
		return r == -ENOKEY ? ZTC_SEALED_UNKNOWN : ZTC_SEALED_BAD;
	*ret_signer = trust->role[role].names[key];
	*ret_why = "";
	return ZTC_SEALED_OK;
}
