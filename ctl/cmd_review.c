// SPDX-License-Identifier: Apache-2.0
/*
 * cmd_review.c - ztctl review: what happened in a period is packed, looked at, decided and signed.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/time.h"
#include "ctl/collect/collect.h"
#include "ctl/client.h"
#include "ctl/evidence/record.h"
#include "ctl/evidence/safe.h"
#include "ctl/evidence/waiver.h"
#include "ctl/password.h"
#include "ctl/render/table.h"
#include "ctl/render/text.h"
#include "ctl/review/make.h"
#include "history/history.h"

#define DAY_S 86400

static int64_t now_s(void)
{
	return (int64_t)(zt_now_wall_ns() / ZT_NS_PER_S);
}

static const char *value(const struct ztc_line *line, const char *name, const char *dflt)
{
	const char *text = ztc_value(line, name);

	return text ? text : dflt;
}

/* --- pack --- */

/* "2026-11-01": the beginning of that UTC day. */
static int parse_day(const char *name, const char *text, int64_t *ret)
{
	char full[40];
	uint64_t ns;

	snprintf(full, sizeof(full), "%.10sT00:00:00Z", text);
	if (strlen(text) != 10 || zt_wall_parse(full, &ns) < 0)
		return ztc_fail(ZTC_EXIT_USAGE, "--%s '%s' is no day: write it as 2026-11-01", name,
				text);
	*ret = (int64_t)(ns / ZT_NS_PER_S);
	return ZTC_EXIT_OK;
}

/* Whole UTC days that are over: only then is what was recorded the same whenever it is read. */
static int period(const struct ztc_line *line, int64_t *ret_from, int64_t *ret_to)
{
	const char *since = ztc_value(line, "since"), *until = ztc_value(line, "until");
	int64_t today = now_s() / DAY_S * DAY_S;
	int status = ZTC_EXIT_OK;

	*ret_to = today;
	if (until)
		status = parse_day("until", until, ret_to);
	*ret_from = *ret_to - ZTC_PACK_DAYS * DAY_S;
	if (!status && since)
		status = parse_day("since", since, ret_from);
	if (status)
		return status;
	if (*ret_to > today)
		return ztc_fail(
			ZTC_EXIT_USAGE,
			"the period has to be over: --until may be today (UTC) at the latest, "
			"which is the first day that is not in it");
	if (*ret_from >= *ret_to)
		return ztc_fail(ZTC_EXIT_USAGE, "the period is empty: --since has to be before "
						"--until");
	return ZTC_EXIT_OK;
}

static int keep_pack(const char *state_dir, const char *digest, const char *text, const char *out,
		     char **ret_path)
{
	zt_auto(zt_freep) char *dir = NULL, *path = ztc_pack_path(state_dir, digest);
	zt_auto(zt_close) int fd = -1;
	int r;

	if (!path || asprintf(&dir, "%s/" ZTC_PACK_DIR, state_dir) < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "out of memory");
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return ztc_fail(ZTC_EXIT_FAILED, "cannot make '%s': %s", dir, strerror(errno));
	fd = ztc_safe_below(state_dir, ZTC_PACK_DIR);
	if (fd < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "'%s' is not used: %s", dir, ztc_safe_why(fd));
	r = zt_file_replace(path, text, strlen(text), 0600);
	if (r == 0 && out)
		r = zt_file_create(out, text, strlen(text), 0644);
	if (r < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "cannot write the pack: %s", strerror(-r));
	*ret_path = zt_take(path);
	return ZTC_EXIT_OK;
}

static int render_packed(FILE *out, const json_t *result, const struct ztc_style *style)
{
	const json_t *p = json_object_get(result, "packed");

	ztc_put_line(out, style, ZTC_GOOD, "%s", ztc_str(p, "path"));
	ztc_put_line(out, style, ZTC_PLAIN, "%.10s to %.10s, %lld items, %s", ztc_str(p, "from"),
		     ztc_str(p, "to"), (long long)ztc_int(p, "items"), ztc_str(p, "digest"));
	ztc_wrap(
		out, style, ZTC_PLAIN, 0, 0,
		"Look at it with 'ztctl review show', decide and sign with 'ztctl review sign': by "
		"somebody who does not sign policy.");
	return 0;
}

int ztc_run_review_pack(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	struct ztc_pack_args args = {.ctx = ctx,
				     .state_dir = value(line, "state-dir", ZTC_STATE_DIR),
				     .trust_dir = value(line, "trust", ZTC_TRUST_DIR),
				     .waivers = value(line, "waivers", ZTC_WAIVERS_DIR)};
	zt_auto(zt_json_decref) json_t *pack = NULL, *result = NULL;
	zt_auto(zt_freep) char *db = NULL, *why = NULL, *text = NULL, *path = NULL;
	char digest[ZTC_DIGEST_TEXT_LEN];
	int status = period(line, &args.from_s, &args.to_s);

	if (status)
		return status;
	if (asprintf(&db, "%s/" ZT_HISTORY_FILE, args.state_dir) < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "out of memory");
	args.db = db;
	if (ztc_pack_make(&pack, &args, &why) < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "no pack was made: %s", why ? why : "no memory");
	text = json_dumps(pack, JSON_INDENT(1) | JSON_SORT_KEYS);
	if (!text || ztc_digest(pack, digest) < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "no pack was made: what it holds has no digest");
	status = keep_pack(args.state_dir, digest, text, ztc_value(line, "out"), &path);
	if (status)
		return status;
	result = json_pack("{s:{s:o, s:s, s:O, s:O, s:O}}", "packed", "path", zt_json_str(path),
			   "digest", digest, "from", json_object_get(pack, "from"), "to",
			   json_object_get(pack, "to"), "items", json_object_get(pack, "items"));
	return ztc_answer(ctx, result, render_packed);
}

/* --- dispositions --- */

static void add_words(json_t *list, const struct ztc_line *line, const char *word)
{
	const char *patterns = ztc_value(line, word);
	json_t *items = json_array();

	for (const char *p = patterns; p && *p;) {
		size_t n = strcspn(p, ",");

		if (n)
			json_array_append_new(items, json_stringn(p, n));
		p += n + (p[n] == ',');
	}
	if (patterns)
		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:O}", "disposition", word, "note",
						value(line, "note", ""), "items", items));
	json_decref(items);
}

static int dispositions(const struct ztc_line *line, json_t **ret)
{
	static const char *const words[] = {"deny", "ticket", "approve", "accept"};
	const char *file = ztc_value(line, "dispositions");
	zt_auto(zt_json_decref) json_t *list = NULL;
	zt_auto(zt_freep) char *why = NULL, *text = NULL;
	json_error_t error;
	size_t len;

	if (file) {
		int r = zt_file_read(file, ZTC_RECORD_MAX, &text, &len, NULL);

		if (r < 0)
			return ztc_fail(ZTC_EXIT_USAGE, "cannot read '%s': %s", file, strerror(-r));
		list = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
		if (!list)
			return ztc_fail(ZTC_EXIT_USAGE, "'%s', line %d, column %d: no valid JSON",
					file, error.line, error.column);
	} else {
		list = json_array();
	}
	for (size_t i = 0; json_is_array(list) && i < ARRAY_SIZE(words); i++)
		add_words(list, line, words[i]);
	if (ztc_dispositions_check(list, &why) < 0)
		return ztc_fail(ZTC_EXIT_USAGE, "%s: %s", file ? file : "the decisions",
				why ? why : "no memory");
	if (!json_array_size(list))
		return ztc_fail(ZTC_EXIT_USAGE,
				"nothing is decided: --dispositions FILE, --accept, "
				"--approve, --deny or --ticket PATTERNS");
	*ret = zt_take(list);
	return ZTC_EXIT_OK;
}

/* --- sign --- */

static int seal_all(const json_t *records, const struct zt_minisign_secret *key)
{
	json_t *record;
	size_t i;
	int r = 0;

	json_array_foreach (records, i, record) {
		zt_auto(zt_freep) char *comment = NULL;

		if (asprintf(&comment, "ztseg record %s", ztc_str(record, "id")) < 0)
			return -ENOMEM;
		r = r < 0 ? r : ztc_seal(record, key, comment);
	}
	return r;
}

/* To a file that is brought to the host (ztctl evidence add), or into its own records. */
static int hand_over(const struct ztc_line *line, const json_t *records)
{
	const char *out = ztc_value(line, "out");
	zt_auto(zt_freep) char *text = NULL;
	json_t *record;
	size_t i;
	int r = 0;

	if (out) {
		text = json_dumps(records, JSON_INDENT(1) | JSON_SORT_KEYS);
		r = text ? zt_file_create(out, text, strlen(text), 0644) : -ENOMEM;
		return r < 0 ? ztc_fail(ZTC_EXIT_FAILED, "cannot write '%s': %s", out, strerror(-r))
			     : ZTC_EXIT_OK;
	}
	json_array_foreach (records, i, record) {
		r = ztc_record_store(value(line, "state-dir", ZTC_STATE_DIR), record, NULL);
		if (r < 0)
			return ztc_fail(ZTC_EXIT_FAILED,
					"cannot keep the review: %s; --out FILE writes it for "
					"'ztctl evidence add' on the host",
					r == -EINVAL ? "it is too long: use patterns"
						     : strerror(-r));
	}
	return ZTC_EXIT_OK;
}

static int sign_and_keep(const struct ztc_line *line, const json_t *records)
{
	zt_auto(zt_minisign_secret_wipe) struct zt_minisign_secret key;
	int r, status;

	memset(&key, 0, sizeof(key));
	if (!ztc_value(line, "key"))
		return ztc_fail(ZTC_EXIT_USAGE, "with which key? --key SECKEY");
	status = ztc_secret_load(ztc_value(line, "key"), ztc_value(line, "password-file"), &key);
	if (status)
		return status;
	r = seal_all(records, &key);
	if (r < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "cannot sign: %s", strerror(-r));
	return hand_over(line, records);
}

static int render_signed(FILE *out, const json_t *result, const struct ztc_style *style)
{
	const json_t *s = json_object_get(result, "signed");
	long long items = ztc_int(s, "items"), disposed = ztc_int(s, "disposed");

	ztc_put_line(out, style, disposed == items ? ZTC_GOOD : ZTC_WARN,
		     "Signed: %lld of %lld items decided.", disposed, items);
	return 0;
}

int ztc_run_review_sign(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	zt_auto(zt_json_decref) json_t *pack = NULL, *list = NULL, *records = NULL, *result = NULL;
	zt_auto(zt_freep) char *why = NULL;
	const json_t *body;
	int status;

	if (ztc_pack_read(line->argv[0], &pack, &why) < 0)
		return ztc_fail(ZTC_EXIT_USAGE, "cannot use the pack '%s': %s", line->argv[0],
				why ? why : "no memory");
	status = dispositions(line, &list);
	if (status)
		return status;
	if (ztc_review_records(&records, pack, list) < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "cannot make the record of the review");
	status = sign_and_keep(line, records);
	if (status)
		return status;
	body = json_object_get(json_array_get(records, 0), "body");
	result = json_pack("{s:{s:O, s:O, s:O, s:O}}", "signed", "record",
			   json_object_get(json_array_get(records, 0), "id"), "pack",
			   json_object_get(body, "pack"), "items", json_object_get(body, "items"),
			   "disposed", json_object_get(body, "disposed"));
	return ztc_answer(ctx, result, render_signed);
}

/* --- show --- */

struct shown {
	struct ztc_table *table;
	const json_t *dispositions;
};

static void show_item(const json_t *item, const char *kind, void *ctx)
{
	struct shown *shown = ctx;
	const json_t *row = ztc_disposition_of(shown->dispositions, ztc_str(item, "id"));
	const json_t *n = json_object_get(item, "connections");

	(void)kind;
	ztc_table_cell(shown->table, ZTC_PLAIN, "%s", ztc_str(item, "id"));
	ztc_table_cell(shown->table, ZTC_PLAIN, n ? "%lld" : "", (long long)json_integer_value(n));
	ztc_table_cell(shown->table, row ? ZTC_PLAIN : ZTC_WARN, "%s",
		       row ? ztc_str(row, "disposition") : "open");
	ztc_table_cell(shown->table, ZTC_PLAIN, "%s", ztc_str(row, "note"));
}

static int render_pack(FILE *out, const json_t *result, const struct ztc_style *style)
{
	static const struct ztc_column columns[] = {
		{"ITEM", false, 20, false},
		{"CONNECTIONS", true, 0, true},
		{"DECISION", false, 0, false},
		{"NOTE", false, 10, false},
	};
	const json_t *pack = json_object_get(result, "pack");
	zt_auto(ztc_table_free) struct ztc_table *table = NULL;
	struct shown shown = {.dispositions = json_object_get(result, "dispositions")};
	int r = ztc_table_new(&table, columns, ARRAY_SIZE(columns));

	if (r < 0)
		return r;
	shown.table = table;
	ztc_put_line(out, style, ZTC_BOLD, "%s, %.10s to %.10s", ztc_str(pack, "host"),
		     ztc_str(pack, "from"), ztc_str(pack, "to"));
	ztc_pack_each(pack, show_item, &shown);
	r = ztc_table_print(table, out, style, 0);
	ztc_put_line(out, style, ZTC_PLAIN, "%lld of %lld items decided",
		     (long long)ztc_int(result, "disposed"), (long long)ztc_int(result, "items"));
	return r;
}

/* A pack, or the digest of one that a review of ours is about. */
int ztc_run_review_show(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	const char *state_dir = value(line, "state-dir", ZTC_STATE_DIR);
	zt_auto(zt_json_decref) json_t *pack = NULL, *result = NULL, *records = json_object();
	zt_auto(zt_freep) char *path = ztc_pack_path(state_dir, line->argv[0]), *why = NULL;
	struct ztc_env env = {.root = "",
			      .state_dir = state_dir,
			      .trust_dir = value(line, "trust", ZTC_TRUST_DIR),
			      .now_s = now_s()};
	char digest[ZTC_DIGEST_TEXT_LEN];
	json_t *list = json_array();
	const json_t *review;
	int64_t items, disposed;
	size_t i;

	if (ztc_pack_read(path ? path : line->argv[0], &pack, &why) < 0)
		return json_decref(list), ztc_fail(ZTC_EXIT_USAGE, "cannot use the pack '%s': %s",
						   line->argv[0], why ? why : "no memory");
	if (ztc_digest(pack, digest) < 0)
		digest[0] = '\0';
	if (ztc_records_read(&env, records, &why) == 0) {
		json_array_foreach (json_object_get(records, "reviews"), i, review) {
			const json_t *body = json_object_get(review, "body");

			if (strcmp(ztc_str(body, "pack"), digest) == 0 &&
			    strcmp(ztc_str(review, "seal"), "ok") == 0)
				json_array_extend(list, json_object_get(body, "dispositions"));
		}
	}
	ztc_pack_count(pack, list, &items, &disposed);
	result = json_pack("{s:O, s:s, s:o, s:I, s:I}", "pack", pack, "digest", digest,
			   "dispositions", list, "items", (json_int_t)items, "disposed",
			   (json_int_t)disposed);
	return ztc_answer(ctx, result, render_pack);
}
