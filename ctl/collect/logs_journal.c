// SPDX-License-Identifier: Apache-2.0
/* logs_journal.c - journald's files, read without journald. */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "ctl/collect/logs.h"
#include "ctl/collect/logs_journal.h"

#define HEADER_LEN     208 /* as far as it is looked at */
#define COMPAT_SEALED  1
#define STATE_ONLINE   1
#define SUPPRESSED_MAX 100000 /* entries that are walked */
#define USEC	       1000000ULL

static uint32_t get32(const uint8_t *header, size_t offset)
{
	uint32_t value;

	memcpy(&value, header + offset, sizeof(value));
	return le32toh(value);
}

static uint64_t get64(const uint8_t *header, size_t offset)
{
	uint64_t value;

	memcpy(&value, header + offset, sizeof(value));
	return le64toh(value);
}

static int read_header(const struct ztc_env *env, struct ztc_journal_file *file)
{
	zt_auto(zt_fclosep) FILE *in = ztc_collect_open(env, file->path);
	uint8_t header[HEADER_LEN];
	struct stat st;

	if (!in || fstat(fileno(in), &st) < 0)
		return -errno;
	if (fread(header, sizeof(header), 1, in) != 1 || memcmp(header, "LPKSHHRH", 8) != 0)
		return -EBADMSG;
	file->size = st.st_size;
	file->sealed = get32(header, 8) & COMPAT_SEALED;
	file->online = header[16] == STATE_ONLINE;
	file->entries = get64(header, 152);
	file->first_s = (int64_t)(get64(header, 184) / USEC);
	file->last_s = (int64_t)(get64(header, 192) / USEC);
	return 0;
}

static int read_dir(const struct ztc_env *env, const char *path, struct ztc_journal *ret)
{
	zt_auto(zt_closedirp) DIR *dir = NULL;
	const struct dirent *entry;
	char whole[PATH_MAX];
	int r = 0;

	snprintf(whole, sizeof(whole), "%s%s", env->root, path);
	dir = opendir(whole);
	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(dir)) && ret->count < ZTC_JOURNAL_FILES) {
		struct ztc_journal_file *file = &ret->files[ret->count];
		const char *dot = strrchr(entry->d_name, '.');
		int one;

		if (!dot || strcmp(dot, ".journal") != 0 ||
		    (size_t)snprintf(file->path, sizeof(file->path), "%s/%s", path,
				     entry->d_name) >= sizeof(file->path))
			continue;
		one = read_header(env, file);
		if (one == 0)
			ret->count++;
		else if (one == -EACCES)
			r = one;
	}
	if (ret->count)
		snprintf(ret->dir, sizeof(ret->dir), "%s", whole);
	return r;
}

static bool machine_id(const struct ztc_env *env, char ret[40])
{
	zt_auto(zt_fclosep) FILE *in = ztc_collect_open(env, "/etc/machine-id");

	*ret = '\0';
	if (in && fgets(ret, 40, in))
		ret[strspn(ret, "0123456789abcdef")] = '\0';
	return *ret;
}

int ztc_journal_read(const struct ztc_env *env, struct ztc_journal *ret)
{
	char id[40], path[128];
	pid_t pid;
	int r = 0;

	memset(ret, 0, sizeof(*ret));
	ret->running = ztc_process_find(env, "systemd-journal", &pid, 1) > 0;
	if (machine_id(env, id)) {
		snprintf(path, sizeof(path), "/var/log/journal/%s", id);
		r = read_dir(env, path, ret);
		ret->persistent = ret->count || r == -EACCES;
		if (!ret->persistent) {
			snprintf(path, sizeof(path), "/run/log/journal/%s", id);
			r = read_dir(env, path, ret);
		}
	}
	ret->there = ret->running || ret->count || r == -EACCES;
	return r;
}

/* --- what was dropped ----------------------------------------------------------------------- */

static void close_journal(sd_journal **journal)
{
	sd_journal_close(*journal);
}

/* "N_DROPPED=123"; entries of older versions say it in their text alone. */
static uint64_t dropped_in(sd_journal *journal)
{
	const void *data;
	const char *digits;
	char text[128];
	size_t len, n;

	if (sd_journal_get_data(journal, "N_DROPPED", &data, &len) < 0 &&
	    sd_journal_get_data(journal, "MESSAGE", &data, &len) < 0)
		return 1;
	n = len < sizeof(text) ? len : sizeof(text) - 1;
	memcpy(text, data, n);
	text[n] = '\0';
	digits = strpbrk(text, "0123456789");
	return digits ? strtoull(digits, NULL, 10) : 1;
}

int ztc_journal_suppressed(const struct ztc_env *env, const struct ztc_journal *journal,
			   int64_t since_s, uint64_t *ret)
{
	zt_auto(close_journal) sd_journal *j = NULL;
	uint64_t total = 0;
	unsigned int seen = 0;
	int r;

	(void)env;
	if (!journal->count)
		return -ENOENT;
	r = sd_journal_open_directory(&j, journal->dir, 0);
	if (r >= 0)
		r = sd_journal_add_match(j, "MESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e", 0);
	if (r >= 0)
		r = sd_journal_add_match(j, "MESSAGE_ID=e9bf28e6e834481bb6f48f548ad13606", 0);
	if (r >= 0)
		r = sd_journal_seek_realtime_usec(j, (uint64_t)(since_s > 0 ? since_s : 0) * USEC);
	while (r >= 0 && seen++ < SUPPRESSED_MAX) {
		r = sd_journal_next(j);
		if (r <= 0)
			break;
		total += dropped_in(j);
	}
	if (r < 0)
		return r;
	*ret = total;
	return 0;
}
