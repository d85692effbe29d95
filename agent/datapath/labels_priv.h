/* SPDX-License-Identifier: Apache-2.0 */
/*
 * labels_priv.h - what the store of labels, its directory and its file on disk share.
 */
#pragma once
#include <jansson.h>
#include <sys/stat.h>
#include <systemd/sd-event.h>

#include "base/strmap.h"
#include "datapath/clock.h"
#include "datapath/labels.h"

/* One label of one source; until the earlier of its ends, 0 being none. */
struct zt_label_row {
	char *text; /* owns the three */
	const char *host;
	const char *key;
	const char *value;
	uint64_t ttl_ns;      /* as given; 0 = it has no time to live */
	uint64_t boot_end_ns; /* CLOCK_BOOTTIME of this boot */
	uint64_t wall_end_ns; /* wall clock */
};

/* Sorted by host, key, each pair once. */
struct zt_label_rows {
	struct zt_label_row *rows;
	size_t count;
	size_t cap;
};

/* What tells one writing of a file from the next. */
struct zt_label_stamp {
	uint64_t ino;
	uint64_t size;
	uint64_t mtime_ns;
	uint64_t ctime_ns;
};

struct zt_label_file {
	char *name;
	struct zt_label_rows rows; /* of the last good reading */
	struct zt_label_stamp stamp;
	char *error; /* NULL = fine */
	uint64_t error_ns;
	uint64_t read_ns;
	bool seen; /* by the scan that is under way */
	bool read; /* by this agent, or as it was when the last one read it */
};

/* A host that some source names, or named. */
struct zt_label_host {
	uint64_t effective; /* hash of what counts, as last told */
	uint64_t hash;	    /* and as it is being told */
	uint32_t epoch;
	uint32_t old_epoch; /* before it entered */
	uint32_t rows;	    /* of all sources */
	bool dirty;	    /* to be told */
	bool moved;	    /* what counts is not what was told */
};

/* What counts, as it was told: owns its strings. */
struct zt_label_view {
	struct zt_overlay_label *labels; /* sorted by host, key, then the one to ask first */
	const char **files;		 /* of each label: its file's name, NULL = an operator */
	size_t count;
	char *text;
};

struct zt_labels {
	char *state_dir;
	char *dir;
	const struct zt_clock *clock;
	sd_event *event;
	int (*on_change)(const char *const *hosts, size_t count, void *ctx);
	void (*on_trouble)(const char *text, void *ctx);
	void *ctx;

	struct zt_label_rows set;    /* by operators */
	struct zt_label_file *files; /* sorted by name */
	size_t file_count;
	size_t file_cap;
	size_t row_count; /* of all sources */

	struct zt_strmap *names; /* of hosts, to their number below */
	struct zt_label_host *hosts;
	size_t host_cap;
	size_t dirty_count;

	struct zt_label_view told;
	struct zt_overlay_host *epochs; /* sorted; names are of @epoch_text */
	size_t epoch_count;
	char *epoch_text;

	uint64_t next_tell_ns; /* not before */
	uint64_t next_end_ns;  /* of the view; 0 = none */
	uint64_t save_ns;      /* what is on disk is older than what there is; 0 = it is not */
	uint64_t changes;
	sd_event_source *timer;
	char *store_error;

	/* labels_dir.c */
	char *dir_error;
	bool dir_exists;
	bool scan_due;
	uint64_t look_ns; /* nothing could be watched: look by yourself then; 0 = all is watched */
	int inotify_fd;
	int dir_wd;
	int parent_wd;
	sd_event_source *watch;
	struct zt_labels_file *listed; /* for zt_labels_state() */
};

/* --- labels_rows.c: rows and their ends --- */

/* zt_label_row_init - copies the three. 0 or -ENOMEM. */
int zt_label_row_init(struct zt_label_row *row, const char *host, const char *key,
		      const char *value);
void zt_label_rows_free(struct zt_label_rows *rows);
/* zt_label_rows_add - at the end, unsorted; takes @row over, also on failure. 0 or -ENOMEM. */
int zt_label_rows_add(struct zt_label_rows *rows, struct zt_label_row *row);
/* zt_label_rows_sort - sort. Returns the first that stands twice, or NULL. */
const struct zt_label_row *zt_label_rows_sort(struct zt_label_rows *rows);
/* zt_label_rows_find - the place of (host, key), or where it would be; *ret_found says which. */
size_t zt_label_rows_find(const struct zt_label_rows *rows, const char *host, const char *key,
			  bool *ret_found);
/* zt_label_row_until - its end in CLOCK_MONOTONIC; 0 = none. */
uint64_t zt_label_row_until(const struct zt_labels *labels, const struct zt_label_row *row);
bool zt_label_row_ended(const struct zt_labels *labels, const struct zt_label_row *row);
bool zt_label_host_ok(const char *host);

/* CLOCK_BOOTTIME and wall clock of now, by the kept offsets [ns]. */
uint64_t zt_labels_boot_now(const struct zt_labels *labels);
uint64_t zt_labels_wall_now(const struct zt_labels *labels);

/* --- labels.c: the store --- */

/* zt_labels_dirty - this host is to be told; unknown names are taken in. 0 or -ENOMEM. */
int zt_labels_dirty(struct zt_labels *labels, const char *host);
struct zt_label_host *zt_labels_host(struct zt_labels *labels, const char *host);
/* zt_labels_fit - could @fresh take the place of @rows? 0; -E2BIG with a sentence, -ENOMEM. */
int zt_labels_fit(struct zt_labels *labels, const struct zt_label_rows *rows,
		  const struct zt_label_rows *fresh, char *err);
/*
 * zt_labels_take - put @fresh in the place of @rows; hosts that differ are dirty. @fresh is empty
 * afterwards. 0; -E2BIG with one sentence in @err, or -ENOMEM: nothing changed.
 */
int zt_labels_take(struct zt_labels *labels, struct zt_label_rows *rows,
		   struct zt_label_rows *fresh, char *err);
/* zt_labels_wake - look again when something is due; after every change. */
void zt_labels_wake(struct zt_labels *labels);
/* zt_labels_say - one line for the log. */
__attribute__((format(printf, 2, 3))) void zt_labels_say(struct zt_labels *labels, const char *fmt,
							 ...);

/* --- labels_view.c: what counts --- */

/* zt_label_view_make - of all sources, without what has ended. 0 or -ENOMEM. */
int zt_label_view_make(const struct zt_labels *labels, struct zt_label_view *ret);
void zt_label_view_free(struct zt_label_view *view);
/* zt_label_view_host - the first label of a host, and how many there are. */
const struct zt_overlay_label *zt_label_view_host(const struct zt_label_view *view,
						  const char *host, size_t *ret_count);
/* zt_label_view_hash - of what counts of a host, values only; 0 = nothing. */
uint64_t zt_label_view_hash(const struct zt_label_view *view, const char *host);
/* zt_labels_renew_epochs - the overlay's hosts. 0 or -ENOMEM. */
int zt_labels_renew_epochs(struct zt_labels *labels);

/* --- labels_file.c: the JSON of one file --- */

/**
 * zt_label_file_parse - read the text of a label file.
 * @written_ns: wall clock time that a time to live counts from.
 * @ret:        sorted; on success the caller's.
 * @err:        ZT_LABELS_ERR_LEN bytes, one sentence on failure.
 *
 * Returns 0, -EINVAL or -ENOMEM.
 */
int zt_label_file_parse(const struct zt_labels *labels, const char *text, size_t len,
			uint64_t written_ns, struct zt_label_rows *ret, char *err);

/* --- labels_store.c: STATE-DIR/labels.json --- */

/* zt_labels_save - with @set in place of labels->set unless NULL. 0 or -errno. */
int zt_labels_save(struct zt_labels *labels, const struct zt_label_rows *set);
/* zt_labels_load - into empty labels. 0 (also when there is none, or it was put aside), -ENOMEM. */
int zt_labels_load(struct zt_labels *labels);

/* --- labels_dir.c: the directory --- */

int zt_labels_dir_open(struct zt_labels *labels);
void zt_labels_dir_close(struct zt_labels *labels);
/* zt_labels_dir_scan - read what changed. Only -ENOMEM is an error. */
int zt_labels_dir_scan(struct zt_labels *labels);
/* zt_labels_file_at - by name; NULL when there is none and @make is false, or without memory. */
struct zt_label_file *zt_labels_file_at(struct zt_labels *labels, const char *name, bool make);
void zt_label_file_free(struct zt_label_file *file);
