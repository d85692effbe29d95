// SPDX-License-Identifier: Apache-2.0
/*
 * logs_store.c - fact "log_store": how long records are kept here, and whether they are unaltered.
 *
 * {journal: {there, running, persistent, files, sealed, entries, oldest, verified, keyless,
 * failed: [file], unread}, chain: {entries, intact, why?} or null (no state of the agent),
 * recorded_since or null, text_oldest or null}. Times RFC 3339. A file is verified by `journalctl
 * --verify`. A sealed one can be verified with its key only, which is kept elsewhere, since whoever
 * has it could forge what is to come: for the time of an assessment it may be put into JOURNAL_KEY,
 * of root alone, in memory. Without it sealed files are counted as "keyless" and are not verified.
 */
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"
#include "ctl/collect/agent.h"
#include "ctl/collect/logs.h"
#include "ctl/collect/logs_journal.h"
#include "history/history.h"

#define VERIFY_MS     500	  /* time for it; half of --timeout where that is given */
#define VERIFY_PER_MS (96L << 10) /* bytes of a file that are verified in one, about */
#define OUTPUT_MAX    (64 << 10)
#define JOURNAL_KEY   "/run/ztseg/journal.key"

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* "" when there is none, or when others may read it. */
static void read_key(const struct ztc_env *env, char *ret, size_t size)
{
	zt_auto(zt_fclosep) FILE *in = ztc_collect_open(env, JOURNAL_KEY);
	struct stat st;

	*ret = '\0';
	if (!in || fstat(fileno(in), &st) < 0 || st.st_uid != 0 ||
	    st.st_mode & (S_IRWXG | S_IRWXO) || !fgets(ret, (int)size, in))
		return;
	ret[strspn(ret, "0123456789abcdef-/")] = '\0';
}

/* 0 unaltered, -EBADMSG altered, -ENOKEY sealed and no key, -ENOENT no journalctl, -errno. */
static int verify(const struct ztc_env *env, const struct ztc_journal_file *file, const char *key)
{
	char option[PATH_MAX + 16], key_option[512];
	const char *argv[] = {"journalctl", "--verify", "--quiet", option, NULL, NULL};
	zt_auto(zt_freep) char *text = NULL;
	int status = 0, r;

	if (file->sealed && !*key)
		return -ENOKEY;
	snprintf(option, sizeof(option), "--file=%s%s", env->root, file->path);
	if (file->sealed) {
		snprintf(key_option, sizeof(key_option), "--verify-key=%.480s", key);
		argv[4] = key_option;
	}
	r = ztc_collect_program(argv, OUTPUT_MAX, &text, &status);
	return r < 0 ? r : status ? -EBADMSG : 0;
}

/* Newest first, as long as there is time; one that is being written may look torn and is left out.
 */
static void verify_some(const struct ztc_env *env, const struct ztc_journal *journal, json_t *out)
{
	json_t *failed = json_array();
	unsigned int budget_ms = env->timeout_s ? env->timeout_s * 500 : VERIFY_MS;
	uint64_t end = now_ms() + budget_ms;
	bool done[ZTC_JOURNAL_FILES] = {0};
	int verified = 0, keyless = 0;
	char key[512];

	read_key(env, key, sizeof(key));
	for (size_t n = 0; n < journal->count && now_ms() < end; n++) {
		size_t best = ZTC_JOURNAL_FILES;
		int r;

		for (size_t i = 0; i < journal->count; i++) {
			if (!done[i] && !journal->files[i].online &&
			    journal->files[i].size <= budget_ms * VERIFY_PER_MS &&
			    (best == ZTC_JOURNAL_FILES ||
			     journal->files[i].last_s > journal->files[best].last_s))
				best = i;
		}
		if (best == ZTC_JOURNAL_FILES)
			break;
		done[best] = true;
		r = verify(env, &journal->files[best], key);
		verified += r == 0;
		keyless += r == -ENOKEY;
		if (r == -EBADMSG)
			json_array_append_new(failed, zt_json_str(journal->files[best].path));
		else if (r < 0 && r != -ENOKEY)
			break;
	}
	explicit_bzero(key, sizeof(key));
	json_object_set_new(out, "verified", json_integer(verified));
	json_object_set_new(out, "keyless", json_integer(keyless));
	json_object_set_new(out, "failed", failed);
}

static void add_journal(const struct ztc_env *env, json_t *data)
{
	zt_auto(zt_freep) struct ztc_journal *journal = calloc(1, sizeof(*journal));
	int64_t oldest = 0, entries = 0;
	int sealed = 0, r;
	json_t *out;

	if (!journal)
		return;
	r = ztc_journal_read(env, journal);
	for (size_t i = 0; i < journal->count; i++) {
		const struct ztc_journal_file *f = &journal->files[i];

		sealed += f->sealed;
		entries += (int64_t)f->entries;
		if (f->first_s && (!oldest || f->first_s < oldest))
			oldest = f->first_s;
	}
	out = json_pack("{s:b, s:b, s:b, s:I, s:i, s:I, s:b}", "there", journal->there, "running",
			journal->running, "persistent", journal->persistent, "files",
			(json_int_t)journal->count, "sealed", sealed, "entries",
			(json_int_t)entries, "unread", r < 0);
	ztc_set_time(out, "oldest", oldest);
	verify_some(env, journal, out);
	json_object_set_new(data, "journal", out);
}

static void add_chain(const struct ztc_env *env, json_t *data)
{
	struct ztc_states states = {0};
	int r = ztc_states_read(env, &states);

	if (r == -ENOENT) {
		json_object_set_new(data, "chain", json_null());
	} else if (r < 0) {
		json_object_set_new(data, "chain",
				    json_pack("{s:n, s:s}", "intact", "why", strerror(-r)));
	} else {
		json_object_set_new(data, "chain",
				    json_pack("{s:I, s:b, s:o}", "entries",
					      (json_int_t)json_array_size(states.entries), "intact",
					      states.intact, "why", zt_json_str(states.why)));
	}
	ztc_states_free(&states);
}

static void add_recorded(const struct ztc_env *env, json_t *data)
{
	struct zt_history_days days = {0};
	struct zt_history *history = NULL;
	char path[4096];

	snprintf(path, sizeof(path), "%s/" ZT_HISTORY_FILE, env->state_dir);
	if (zt_history_open_read(&history, path) == 0)
		zt_history_days(history, 0, &days);
	zt_history_close(&history);
	ztc_set_time(data, "recorded_since", days.first_s);
}

/* Text logs, rotated ones included: nothing would show that they were altered. */
static void add_text(const struct ztc_env *env, json_t *data)
{
	static const char *const names[] = {"syslog", "messages", "auth.log", "secure"};
	int64_t oldest = 0;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char pattern[4096];
		glob_t found;

		snprintf(pattern, sizeof(pattern), "%s/var/log/%s*", env->root, names[i]);
		if (glob(pattern, 0, NULL, &found) != 0)
			continue;
		for (size_t n = 0; n < found.gl_pathc; n++) {
			struct stat st;

			/* The oldest line is older than the last change of the oldest file. */
			if (stat(found.gl_pathv[n], &st) == 0 && S_ISREG(st.st_mode) &&
			    st.st_size && (!oldest || st.st_mtime < oldest))
				oldest = st.st_mtime;
		}
		globfree(&found);
	}
	ztc_set_time(data, "text_oldest", oldest);
}

int ztc_collect_store(const struct ztc_env *env, json_t *data)
{
	add_journal(env, data);
	add_chain(env, data);
	add_recorded(env, data);
	add_text(env, data);
	return 0;
}
