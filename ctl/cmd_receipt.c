// SPDX-License-Identifier: Apache-2.0
/*
 * cmd_receipt.c - ztctl receipt: on a log collector, look for hosts' nonces and sign for them.
 *
 * One receipt per host. Log files are any text of any length; only lines of exactly the form of a
 * nonce count, and only those of the last days.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/time.h"
#include "base/vec.h"
#include "ctl/cmd.h"
#include "ctl/evidence/record.h"
#include "ctl/password.h"
#include "ctl/probe/nonce.h"

#define TAIL_MAX   (256L << 20) /* bytes of each file, its end */
#define LINE_MAX_  (64 << 10)
#define HOSTS_MAX  4096
#define NONCES_MAX 64 /* per host; the last ones in the files count */
#define AGE_S	   (2 * 86400)

/* One host: its nonces, as an array of rows. */
struct sender {
	char host[ZTC_NONCE_HOST];
	char machine[ZTC_DIGEST_TEXT_LEN];
	json_t *nonces; /* owned */
};

struct senders {
	struct sender *items; /* owned */
	size_t count, cap;
	int64_t now_s, age_s;
};

static void free_senders(struct senders *s)
{
	for (size_t i = 0; i < s->count; i++)
		json_decref(s->items[i].nonces);
	free(s->items);
}

static struct sender *sender_of(struct senders *s, const struct ztc_nonce *nonce)
{
	struct sender *one;

	for (size_t i = 0; i < s->count; i++) {
		if (strcmp(s->items[i].machine, nonce->machine) == 0 &&
		    strcmp(s->items[i].host, nonce->host) == 0)
			return &s->items[i];
	}
	if (s->count == HOSTS_MAX ||
	    zt_vec_grow(&s->items, &s->cap, s->count + 1, sizeof(*s->items)) < 0)
		return NULL;
	one = &s->items[s->count++];
	*one = (struct sender){.nonces = json_array()};
	memcpy(one->host, nonce->host, sizeof(one->host));
	memcpy(one->machine, nonce->machine, sizeof(one->machine));
	return one;
}

static bool has(const json_t *rows, const char *nonce)
{
	const json_t *row;
	size_t i;

	json_array_foreach (rows, i, row) {
		if (strcmp(json_string_value(json_object_get(row, "nonce")), nonce) == 0)
			return true;
	}
	return false;
}

static void take_line(struct senders *s, const char *line, const char *file)
{
	struct ztc_nonce nonce;
	struct sender *sender;
	uint64_t ns = 0;
	int64_t at;

	if (!ztc_nonce_find(line, &nonce))
		return;
	zt_wall_parse(nonce.at, &ns);
	at = (int64_t)(ns / ZT_NS_PER_S);
	if (at < s->now_s - s->age_s || at > s->now_s + ZTC_RECORD_SKEW_S)
		return;
	sender = sender_of(s, &nonce);
	if (!sender || has(sender->nonces, nonce.nonce))
		return;
	if (json_array_size(sender->nonces) >= NONCES_MAX)
		json_array_remove(sender->nonces, 0);
	json_array_append_new(sender->nonces,
			      json_pack("{s:s, s:s, s:o, s:o}", "nonce", nonce.nonce, "sent_at",
					nonce.at, "seen_at", ztc_record_time(s->now_s), "file",
					zt_json_str(file)));
}

static int take_file(struct senders *s, const char *path)
{
	zt_auto(zt_fclosep) FILE *in =
		strcmp(path, "-") == 0 ? fdopen(dup(0), "r") : fopen(path, "re");
	zt_auto(zt_freep) char *line = malloc(LINE_MAX_);

	if (!in || !line)
		return ztc_fail(ZTC_EXIT_USAGE, "cannot read '%s': %s", path, strerror(errno));
	if (fseek(in, 0, SEEK_END) == 0 && ftell(in) > TAIL_MAX)
		fseek(in, -TAIL_MAX, SEEK_END);
	else
		fseek(in, 0, SEEK_SET);
	/* A longer line comes in pieces, and is none of ours. */
	while (fgets(line, LINE_MAX_, in))
		take_line(s, line, path);
	if (ferror(in))
		return ztc_fail(ZTC_EXIT_FAILED, "cannot read '%s': %s", path, strerror(errno));
	return ZTC_EXIT_OK;
}

static int receipt_of(const struct sender *sender, const struct zt_minisign_secret *key,
		      json_t **ret)
{
	zt_auto(zt_json_decref) json_t *record = NULL;
	json_t *about;
	int r = ztc_record_new(&record, "receipt", NULL);

	if (r < 0)
		return r;
	about = json_pack("{s:s}", "host", sender->host);
	if (!about || json_object_set_new(record, "about", about) < 0)
		return -ENOMEM;
	if (*sender->machine)
		json_object_set_new(about, "machine", json_string(sender->machine));
	json_object_set(json_object_get(record, "body"), "nonces", sender->nonces);
	ztc_record_end(record, "pass");
	r = ztc_seal(record, key, "ztseg receipt");
	if (r == 0)
		*ret = zt_take(record);
	return r;
}

/* Into DIR/receipt-HOST.json, or to stdout. Names have letters, digits and "._-" only. */
static int put(const struct ztc_ctx *ctx, const char *dir, const struct sender *sender,
	       const json_t *record)
{
	zt_auto(zt_freep) char *text = json_dumps(record, JSON_INDENT(2)), *path = NULL;
	int r;

	if (!text)
		return ztc_fail(ZTC_EXIT_FAILED, "out of memory");
	if (!dir) {
		puts(text);
		return ZTC_EXIT_OK;
	}
	if (asprintf(&path, "%s/receipt-%s%.9s.json", dir, sender->host,
		     *sender->machine ? sender->machine + 6 : "") < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "out of memory");
	for (char *p = path + strlen(dir) + 1; *p; p++)
		*p = *p == ':' ? '-' : *p;
	r = zt_file_replace(path, text, strlen(text), 0644);
	if (r < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "cannot write '%s': %s", path, strerror(-r));
	if (!ctx->json)
		printf("%s: %zu nonce(s) of %s\n", path, json_array_size(sender->nonces),
		       sender->host);
	return ZTC_EXIT_OK;
}

static int load_key(const struct ztc_line *line, struct zt_minisign_secret *ret)
{
	const char *path = ztc_value(line, "key"), *dir = ztc_value(line, "state-dir");
	int r;

	if (path)
		return ztc_secret_load(path, ztc_value(line, "password-file"), ret);
	r = ztc_host_key(dir ? dir : ZTC_STATE_DIR, ret);
	return r < 0 ? ztc_fail(ZTC_EXIT_FAILED,
				"cannot sign with this host's key: %s; run as root, or name a key "
				"with --key",
				strerror(-r))
		     : ZTC_EXIT_OK;
}

static int write_all(const struct ztc_ctx *ctx, const struct ztc_line *line,
		     const struct senders *s)
{
	zt_auto(zt_minisign_secret_wipe) struct zt_minisign_secret key = {0};
	const char *only = ztc_value(line, "host");
	int status = load_key(line, &key), written = 0;

	for (size_t i = 0; !status && i < s->count; i++) {
		zt_auto(zt_json_decref) json_t *record = NULL;

		if (only && strcmp(only, s->items[i].host) != 0)
			continue;
		if (receipt_of(&s->items[i], &key, &record) < 0)
			return ztc_fail(ZTC_EXIT_FAILED, "cannot sign a receipt");
		status = put(ctx, ztc_value(line, "out"), &s->items[i], record);
		written++;
	}
	if (!status && !written)
		return ztc_fail(
			ZTC_EXIT_NO,
			"no nonce of the last %lld h in these files: did 'ztctl drill log' run, "
			"and did its line arrive?",
			(long long)(s->age_s / 3600));
	return status;
}

int ztc_run_receipt(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	zt_auto(free_senders) struct senders s = {
		.now_s = (int64_t)(zt_now_wall_ns() / ZT_NS_PER_S), .age_s = AGE_S};
	const char *age = ztc_value(line, "age");
	uint64_t ns;

	if (age && zt_duration_parse(age, &ns) < 0)
		return ztc_fail(ZTC_EXIT_USAGE, "--age '%s' is not a length of time such as 2d",
				age);
	if (age)
		s.age_s = (int64_t)(ns / ZT_NS_PER_S);
	for (int i = 0; i < line->argc; i++) {
		int status = take_file(&s, line->argv[i]);

		if (status)
			return status;
	}
	return write_all(ctx, line, &s);
}
