/* SPDX-License-Identifier: Apache-2.0 */
/*
 * labels.h - labels that change at run time: set by operators, or written to files by other
 * systems.
 *
 * A host's effective label is, key by key: what an operator set, else what the last of the
 * label directory's files (in the order of their names) says, else the inventory's. A label
 * past its end counts no more, and what is below it counts again. Everything is kept in
 * STATE-DIR/labels.json. A file that is broken adds nothing: what it said before goes on to its
 * own end, and zt_labels_state() raises it. Knows nothing of policy: whether a host exists is
 * the caller's to ask.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/overlay.h"

struct sd_event;
struct zt_clock;
struct zt_labels;

#define ZT_LABELS_MAX	    65536     /* of all sources */
#define ZT_LABELS_HOST_MAX  32	      /* of one host, of all sources */
#define ZT_LABELS_FILES	    256	      /* files of the directory */
#define ZT_LABELS_FILE_MAX  (1 << 20) /* bytes of one file */
#define ZT_LABELS_TTL_MAX_S (3650ULL * 86400)
#define ZT_LABELS_ERR_LEN   512
#define ZT_LABELS_GAP_NS    50000000ULL /* between two changes: at most 20 epochs a second */

/**
 * struct zt_labels_config - what zt_labels_open() needs; texts are borrowed for the call.
 * @dir:       label directory; may not exist yet. NULL = none.
 * @clock:     borrowed until zt_labels_close().
 * @event:     loop that the directory is followed and ends are awaited on. NULL: neither.
 * @on_change: labels of these hosts are not what they were. The first change is told at once,
 *             then ZT_LABELS_GAP_NS or as long as the last call took lies between two. Names
 *             are borrowed for the call. Not 0: it could not be done; told again a second later.
 * @on_trouble: one sentence for the log: a file that is broken, or good again.
 */
struct zt_labels_config {
	const char *state_dir;
	const char *dir;
	const struct zt_clock *clock;
	struct sd_event *event;
	int (*on_change)(const char *const *hosts, size_t count, void *ctx);
	void (*on_trouble)(const char *text, void *ctx);
	void *ctx;
};

/**
 * zt_labels_open - read what is kept, then the directory; nothing is told to on_change.
 *
 * Returns 0 or -errno. A kept file that cannot be read is no error: it is put aside as
 * labels.json.broken, and zt_labels_state() raises it.
 */
int zt_labels_open(struct zt_labels **ret, const struct zt_labels_config *cfg);
void zt_labels_close(struct zt_labels **labels);

/*
 * zt_labels_overlay - fill labels and hosts of an overlay, as of the last change that was told;
 * borrowed until the next is told.
 */
void zt_labels_overlay(const struct zt_labels *labels, struct zt_overlay *ret);

/* zt_labels_wall_offset_ns - of the clock that ends are translated with. NULL: as it is now. */
int64_t zt_labels_wall_offset_ns(const struct zt_labels *labels);

/*
 * zt_labels_begin - the datapath is open and its next epoch is this one; call once, before the
 * overlay is first used. Label epochs beyond it are of earlier pins and are dropped; hosts whose
 * labels changed while no agent ran get it. 0 or -ENOMEM.
 */
int zt_labels_begin(struct zt_labels *labels, uint32_t next_epoch);

/**
 * zt_labels_enter - what on_change tells comes into force with this epoch.
 *
 * Of these hosts those get it as their label epoch whose labels are others now; an end that was
 * only put off is none. Changes the overlay. Returns how many got it, or -ENOMEM.
 */
int zt_labels_enter(struct zt_labels *labels, const char *const *hosts, size_t count,
		    uint32_t epoch);

/* zt_labels_leave - it changed no identity, so no epoch began: the label epochs as before. */
int zt_labels_leave(struct zt_labels *labels, const char *const *hosts, size_t count);

/* zt_labels_clock_moved - dates have other kernel times now; on_change hears of it. */
void zt_labels_clock_moved(struct zt_labels *labels);

/* --- operators ---------------------------------------------------------------------- */

struct zt_label_set {
	const char *key;
	const char *value;
};

/**
 * zt_labels_set - set labels of a host, all or none of them.
 * @ttl_ns: 0 = no end.
 * @err:    ZT_LABELS_ERR_LEN bytes: on failure one sentence.
 *
 * On disk before it counts. Then on_change is told, at once or when the gap is over:
 * zt_labels_flush() says which. Returns 0; -EINVAL (a key or value that policy does not allow),
 * -E2BIG (a bound), -errno (not on disk); nothing changed then.
 */
int zt_labels_set(struct zt_labels *labels, const char *host, const struct zt_label_set *sets,
		  size_t count, uint64_t ttl_ns, char *err);

/**
 * zt_labels_unset - take back what operators set, all or none of it. Files are not touched.
 *
 * Returns as zt_labels_set(), or -ENOENT: no operator set one of these keys.
 */
int zt_labels_unset(struct zt_labels *labels, const char *host, const char *const *keys,
		    size_t count, char *err);

/* zt_labels_flush - tell on_change now if the gap allows it. Returns whether nothing waits now. */
bool zt_labels_flush(struct zt_labels *labels);

/* --- what there is ------------------------------------------------------------------- */

/* One label of one source. */
struct zt_labels_row {
	const char *host;
	const char *key;
	const char *value;
	const char *file;  /* name in the directory; NULL: set by an operator */
	uint64_t until_ns; /* CLOCK_MONOTONIC, 0 = no end */
	bool counts;	   /* no source above it has this key */
};

/* zt_labels_each - rows sorted by host, key, then what counts first. @host NULL = all. */
void zt_labels_each(const struct zt_labels *labels, const char *host,
		    void (*fn)(const struct zt_labels_row *row, void *ctx), void *ctx);

struct zt_labels_file {
	const char *name;
	size_t labels;	   /* that count or are hidden; of the last good reading */
	const char *error; /* one sentence; NULL = fine */
	uint64_t error_ns; /* since when */
	uint64_t read_ns;  /* last good reading, 0 = none */
};

struct zt_labels_state {
	const char *dir;       /* NULL = none */
	const char *dir_error; /* it cannot be used; NULL = fine */
	bool dir_exists;
	size_t labels;			    /* rows of all sources */
	size_t set;			    /* of them by operators */
	size_t hosts;			    /* that have any */
	size_t broken;			    /* files */
	const struct zt_labels_file *files; /* by name */
	size_t file_count;
	uint64_t next_end_ns;	 /* 0 = none */
	const char *store_error; /* labels.json cannot be written, or was broken; NULL = fine */
	uint64_t changes;	 /* told to on_change */
};

/* zt_labels_state - strings borrowed until labels change. */
void zt_labels_state(struct zt_labels *labels, struct zt_labels_state *ret);

/* zt_label_key_ok, zt_label_value_ok - as in the policy file: 1 to 63 bytes of UTF-8. */
bool zt_label_key_ok(const char *key);
bool zt_label_value_ok(const char *value);
