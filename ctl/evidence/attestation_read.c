// SPDX-License-Identifier: Apache-2.0
/*
 * attestation_read.c - whether the result of a manual check is well made, and its files unchanged.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "ctl/evidence/waiver_priv.h"

#define FILES_MAX     50
#define FILE_SIZE_MAX (64 << 20)
#define STATEMENT_MIN 10

static const struct ztc_member form[] = {
	{"format", JSON_STRING, false, 40},	 {"id", JSON_STRING, false, 64},
	{"check_id", JSON_STRING, true, 32},	 {"item", JSON_STRING, true, 8},
	{"scope", JSON_OBJECT, false, 0},	 {"result", JSON_STRING, false, 16},
	{"method", JSON_STRING, false, 16},	 {"statement", JSON_STRING, false, 8000},
	{"files", JSON_ARRAY, false, FILES_MAX}, {"collected_at", JSON_STRING, false, 40},
	{"valid_until", JSON_STRING, true, 40},	 {"assessor", JSON_STRING, false, 128},
	{"signature", JSON_OBJECT, true, 0},	 {0},
};
static const struct ztc_member scope_form[] = {
	{"hosts", JSON_ARRAY, false, 1000},
	{0},
};

static bool one_of(const char *text, const char *const *words)
{
	while (*words && strcmp(*words, text) != 0)
		words++;
	return *words != NULL;
}

static void check_words(struct ztc_paper *p)
{
	static const char *const results[] = {"pass", "partial", "fail", "claimed-na", NULL};
	static const char *const methods[] = {"EXAMINE", "INTERVIEW", NULL};
	const char *result = ztc_paper_text(p, "result"), *method = ztc_paper_text(p, "method");
	const char *statement = ztc_paper_text(p, "statement");

	if (*result && !one_of(result, results))
		ztc_paper_defect(p, "result", ztc_say(N_("'%s' is no result"), result),
				 ztc_say(N_("pass, partial, fail; 'claimed-na' where it does not "
					    "apply, with the reason in 'statement'")));
	if (*method && !one_of(method, methods))
		ztc_paper_defect(p, "method", ztc_say(N_("'%s' is no method"), method),
				 ztc_say(N_("EXAMINE or INTERVIEW")));
	if (*statement && strlen(statement) < STATEMENT_MIN)
		ztc_paper_defect(p, "statement", ztc_say(N_("the statement is too short")),
				 ztc_say(N_("say what was looked at and what was found")));
}

static void check_subject(struct ztc_paper *p, const json_t *catalogue)
{
	const char *check = ztc_paper_text(p, "check_id"), *item = ztc_paper_text(p, "item");
	const json_t *row;
	size_t i;

	if (!*check == !*item) {
		ztc_paper_defect(p, *check ? "item" : "",
				 ztc_say(N_("it has to be about one check or one item")),
				 ztc_say(N_("either 'check_id' or 'item'")));
		return;
	}
	if (*check) {
		ztc_paper_check_id(p, catalogue, check, "check_id");
		return;
	}
	json_array_foreach (catalogue, i, row) {
		const char *have = json_string_value(json_object_get(row, "item"));

		if (have && strcmp(have, item) == 0)
			return;
	}
	ztc_paper_defect(p, "item", ztc_say(N_("there is no item '%s'"), item),
			 ztc_say(N_("3-1 to 3-7, as the report prints it")));
}

static void check_times(struct ztc_paper *p, const struct ztc_papers_args *args)
{
	p->from_s = ztc_paper_time(p, "collected_at");
	p->to_s = json_object_get(p->doc, "valid_until") ? ztc_paper_time(p, "valid_until")
		  : p->from_s >= 0 ? p->from_s + ZTC_ATTESTATION_DEFAULT * ZTC_DAY_S
				   : -1;
	if (p->from_s < 0 || p->to_s < 0)
		return;
	if (p->from_s > args->now_s + 300)
		ztc_paper_defect(p, "collected_at", ztc_say(N_("it was collected in the future")),
				 ztc_say(N_("correct the time, or the clock of this host")));
	if (p->to_s <= p->from_s)
		ztc_paper_defect(p, "valid_until", ztc_say(N_("it ends before it begins")),
				 ztc_say(N_("valid_until has to be later than collected_at")));
	else if (p->to_s - p->from_s > ZTC_ATTESTATION_DAYS * (int64_t)ZTC_DAY_S)
		ztc_paper_defect(p, "valid_until",
				 ztc_say(N_("it is valid for %lld days, more than %d"),
					 (long long)((p->to_s - p->from_s) / ZTC_DAY_S),
					 ZTC_ATTESTATION_DAYS),
				 ztc_say(N_("look again after a year at the latest")));
}

/* --- files --- */

static int digest_file(int dir, const char *name, int64_t *ret_size, char ret[ZT_DIGEST_TEXT_LEN])
{
	zt_auto(zt_close) int fd =
		openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	zt_auto(zt_digest_free) struct zt_digest *digest = NULL;
	uint8_t bytes[ZT_DIGEST_LEN];
	char buf[16384];
	struct stat st;
	ssize_t n;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size > FILE_SIZE_MAX)
		return S_ISREG(st.st_mode) ? -EFBIG : -EINVAL;
	r = zt_digest_new(&digest);
	for (*ret_size = 0; r == 0 && (n = read(fd, buf, sizeof(buf))) != 0; *ret_size += n) {
		if (n < 0 || *ret_size > FILE_SIZE_MAX)
			return n < 0 ? -errno : -EFBIG;
		zt_digest_add(digest, buf, (size_t)n);
	}
	if (r == 0)
		r = zt_digest_end(digest, bytes);
	if (r == 0)
		zt_digest_text(bytes, ret);
	return r;
}

/* What is beside the document and is not what it says makes the result an error, not the file bad:
 * the attestation was well made once. */
static void file_changed(struct ztc_paper *p, json_t *why)
{
	if (json_object_get(p->doc, "file_error"))
		json_decref(why);
	else
		json_object_set_new(p->doc, "file_error", why);
}

static bool good_file(const json_t *file)
{
	const char *name = json_string_value(json_object_get(file, "name"));
	const char *sha = json_string_value(json_object_get(file, "sha256"));
	const json_t *size = json_object_get(file, "size");

	return name && *name && *name != '.' && !strchr(name, '/') && strlen(name) < 256 && sha &&
	       strlen(sha) == 64 && strspn(sha, "0123456789abcdef") == 64 &&
	       json_is_integer(size) && json_integer_value(size) >= 0 &&
	       json_object_size(file) == 3;
}

static void check_file(struct ztc_paper *p, int dir, const json_t *file, size_t i)
{
	const char *name = json_string_value(json_object_get(file, "name"));
	char sha[ZT_DIGEST_TEXT_LEN], at[64];
	int64_t size;
	int r;

	if (!good_file(file)) {
		snprintf(at, sizeof(at), "files.%zu", i);
		ztc_paper_defect(p, at, ztc_say(N_("element %zu of 'files' is no file"), i + 1),
				 ztc_say(N_("{\"name\": a file beside this one, \"sha256\": 64 "
					    "digits, \"size\": bytes}")));
		return;
	}
	r = digest_file(dir, name, &size, sha);
	if (r < 0)
		file_changed(p, ztc_say(N_("its file '%s' is missing: %s"), name, strerror(-r)));
	else if (size != json_integer_value(json_object_get(file, "size")) ||
		 strcmp(sha, json_string_value(json_object_get(file, "sha256"))) != 0)
		file_changed(p, ztc_say(N_("its file '%s' is another than was attested"), name));
}

static void check_files(struct ztc_paper *p)
{
	const json_t *files = json_object_get(p->doc, "files"), *file;
	zt_auto(zt_freep) char *where = strdup(p->file);
	char *slash = where ? strrchr(where, '/') : NULL;
	zt_auto(zt_close) int dir = -1;
	size_t i;

	if (slash)
		*slash = '\0';
	dir = open(slash ? (*where ? where : "/") : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	json_array_foreach (files, i, file)
		check_file(p, dir, file, i);
}

static void check_one(struct ztc_paper *p, const struct ztc_trust *trust,
		      const struct ztc_papers_args *args)
{
	if (!p->doc)
		return;
	ztc_paper_form(p, "", form);
	if (strcmp(ztc_paper_text(p, "format"), ZTC_ATTESTATION_FORMAT) != 0)
		ztc_paper_defect(p, "format", ztc_say(N_("it is no attestation")),
				 ztc_say(N_("'format' is \"%s\""), ZTC_ATTESTATION_FORMAT));
	ztc_paper_id(p);
	check_subject(p, args->catalogue);
	check_words(p);
	if (json_is_object(json_object_get(p->doc, "scope"))) {
		ztc_paper_form(p, "scope", scope_form);
		ztc_paper_strings(p, json_object_get(json_object_get(p->doc, "scope"), "hosts"),
				  "scope.hosts");
	}
	check_times(p, args);
	if (trust)
		ztc_paper_signature(p, trust, ZTC_ROLE_ASSESSOR, ZTC_ROLE_COUNT, "assessor");
	/* After the signature: it may add what was not signed. */
	check_files(p);
}

void ztc_attestations_check(struct ztc_paper *papers, size_t count, const struct ztc_trust *trust,
			    const struct ztc_papers_args *args)
{
	for (size_t i = 0; i < count; i++)
		check_one(&papers[i], trust, args);
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < i; j++) {
			const char *id = ztc_paper_text(&papers[i], "id");

			if (*id && strcmp(id, ztc_paper_text(&papers[j], "id")) == 0)
				ztc_paper_defect(&papers[i], "id",
						 ztc_say(N_("%s has the same id"), papers[j].file),
						 ztc_say(N_("every attestation has an id of its "
							    "own")));
		}
	}
}
