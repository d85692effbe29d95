// SPDX-License-Identifier: Apache-2.0
/*
 * labels.c - the store of labels: what changed, who is told, when it ends.
 *
 * Sources change at any time; what counts changes only when it is told, so that
 * whoever compiles in between compiles what the kernel has.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "base/vec.h"
#include "datapath/labels_priv.h"

#define SAVE_DELAY_NS  (1 * ZT_NS_PER_S)
#define RETRY_DELAY_NS (1 * ZT_NS_PER_S)
/* zt_now_ns() is coarse: a timer at the very end would find it a tick before. */
#define END_SLACK_NS (10 * ZT_NS_PER_MS)

__attribute__((format(printf, 2, 3))) void zt_labels_say(struct zt_labels *labels, const char *fmt,
							 ...)
{
	char text[ZT_LABELS_ERR_LEN * 2];
	va_list ap;

	if (!labels->on_trouble)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	labels->on_trouble(text, labels->ctx);
}

/* --- hosts -------------------------------------------------------------------------------- */

struct zt_label_host *zt_labels_host(struct zt_labels *labels, const char *host)
{
	uint32_t number = zt_strmap_intern(labels->names, host, strlen(host), NULL);
	size_t had = labels->host_cap;

	if (number == ZT_STRMAP_NONE || zt_vec_grow(&labels->hosts, &labels->host_cap, number + 1ul,
						    sizeof(*labels->hosts)) < 0)
		return NULL;
	memset(labels->hosts + had, 0, (labels->host_cap - had) * sizeof(*labels->hosts));
	return &labels->hosts[number];
}

int zt_labels_dirty(struct zt_labels *labels, const char *host)
{
	struct zt_label_host *h = zt_labels_host(labels, host);

	if (!h)
		return -ENOMEM;
	labels->dirty_count += !h->dirty;
	h->dirty = true;
	return 0;
}

/* --- the rows of one source replaced --------------------------------------------------------- */

static bool same_row(const struct zt_label_row *a, const struct zt_label_row *b)
{
	return !strcmp(a->key, b->key) && !strcmp(a->value, b->value) &&
	       a->boot_end_ns == b->boot_end_ns && a->wall_end_ns == b->wall_end_ns;
}

/* Every host whose rows are not the same in both. */
static int mark_differences(struct zt_labels *labels, const struct zt_label_rows *a,
			    const struct zt_label_rows *b)
{
	size_t i = 0, j = 0;
	int r = 0;

	while (r == 0 && (i < a->count || j < b->count)) {
		const struct zt_label_row *x = i < a->count ? &a->rows[i] : NULL;
		const struct zt_label_row *y = j < b->count ? &b->rows[j] : NULL;
		int c = !x ? 1 : !y ? -1 : strcmp(x->host, y->host);

		c = c ? c : strcmp(x->key, y->key);
		if (c || !same_row(x, y))
			r = zt_labels_dirty(labels, c > 0 ? y->host : x->host);
		i += c <= 0;
		j += c >= 0;
	}
	return r;
}

/* Counts the rows of both in and out. Without memory nothing is counted. */
static int recount(struct zt_labels *labels, const struct zt_label_rows *out,
		   const struct zt_label_rows *in)
{
	for (size_t i = 0; i < in->count; i++)
		if (!zt_labels_host(labels, in->rows[i].host))
			return -ENOMEM;
	for (size_t i = 0; i < out->count; i++)
		zt_labels_host(labels, out->rows[i].host)->rows--;
	for (size_t i = 0; i < in->count; i++)
		zt_labels_host(labels, in->rows[i].host)->rows++;
	labels->row_count = labels->row_count - out->count + in->count;
	return 0;
}

static const char *over_bound(struct zt_labels *labels, const struct zt_label_rows *rows)
{
	for (size_t i = 0; i < rows->count; i++)
		if (zt_labels_host(labels, rows->rows[i].host)->rows > ZT_LABELS_HOST_MAX)
			return rows->rows[i].host;
	return NULL;
}

int zt_labels_fit(struct zt_labels *labels, const struct zt_label_rows *rows,
		  const struct zt_label_rows *fresh, char *err)
{
	const char *host;
	int r = recount(labels, rows, fresh);

	if (r < 0)
		return r;
	host = over_bound(labels, fresh);
	if (labels->row_count > ZT_LABELS_MAX)
		snprintf(err, ZT_LABELS_ERR_LEN,
			 "%zu labels of all sources together; at most %d are kept",
			 labels->row_count, ZT_LABELS_MAX);
	else if (host)
		snprintf(err, ZT_LABELS_ERR_LEN,
			 "host '%s' would have more than %d labels of all sources together", host,
			 ZT_LABELS_HOST_MAX);
	if (host || labels->row_count > ZT_LABELS_MAX)
		r = -E2BIG;
	recount(labels, fresh, rows);
	return r;
}

int zt_labels_take(struct zt_labels *labels, struct zt_label_rows *rows,
		   struct zt_label_rows *fresh, char *err)
{
	int r = zt_labels_fit(labels, rows, fresh, err);

	if (r == 0)
		r = mark_differences(labels, rows, fresh);
	if (r < 0)
		return r;
	recount(labels, rows, fresh);
	zt_label_rows_free(rows);
	*rows = *fresh;
	*fresh = (struct zt_label_rows){};
	return 0;
}

/* --- what has ended -------------------------------------------------------------------------- */

/* A date may be in the future again when the clock is set back; a time to live may not. */
static void prune_rows(struct zt_labels *labels, struct zt_label_rows *rows)
{
	size_t kept = 0;

	for (size_t i = 0; i < rows->count; i++) {
		struct zt_label_row *row = &rows->rows[i];

		if (!row->ttl_ns || !zt_label_row_ended(labels, row)) {
			rows->rows[kept++] = *row;
			continue;
		}
		zt_labels_host(labels, row->host)->rows--;
		labels->row_count--;
		free(row->text);
	}
	rows->count = kept;
}

/* Hosts of labels that have ended since they were told. */
static int mark_ended(struct zt_labels *labels)
{
	uint64_t now_ns = zt_now_ns();

	if (!labels->next_end_ns || now_ns < labels->next_end_ns)
		return 0;
	for (size_t i = 0; i < labels->told.count; i++) {
		const struct zt_overlay_label *label = &labels->told.labels[i];

		if (label->until_ns && label->until_ns <= now_ns &&
		    zt_labels_dirty(labels, label->host) < 0)
			return -ENOMEM;
	}
	prune_rows(labels, &labels->set);
	for (size_t i = 0; i < labels->file_count; i++)
		prune_rows(labels, &labels->files[i].rows);
	labels->save_ns = labels->save_ns ?: now_ns + SAVE_DELAY_NS;
	return 0;
}

static void find_next_end(struct zt_labels *labels)
{
	labels->next_end_ns = 0;
	for (size_t i = 0; i < labels->told.count; i++) {
		uint64_t until_ns = labels->told.labels[i].until_ns;

		if (until_ns && (!labels->next_end_ns || until_ns < labels->next_end_ns))
			labels->next_end_ns = until_ns;
	}
}

void zt_labels_clock_moved(struct zt_labels *labels)
{
	for (size_t i = 0; i < labels->told.count; i++)
		if (labels->told.labels[i].until_ns)
			zt_labels_dirty(labels, labels->told.labels[i].host);
	/* And a date that had passed may not have. */
	for (size_t i = 0; i < labels->file_count; i++)
		for (size_t j = 0; j < labels->files[i].rows.count; j++)
			if (labels->files[i].rows.rows[j].wall_end_ns)
				zt_labels_dirty(labels, labels->files[i].rows.rows[j].host);
	labels->next_end_ns = labels->next_end_ns ? 1 : 0;
	zt_labels_wake(labels);
}

/* --- told ------------------------------------------------------------------------------------ */

/* What counts, anew; the dirty hosts' names go to @ret_names, borrowed from the new view's text. */
static int renew(struct zt_labels *labels, const char ***ret_names, size_t *ret_count)
{
	uint32_t total = zt_strmap_count(labels->names);
	zt_auto(zt_freep) const char **names = NULL;
	size_t count = 0, size = 1, len;
	char *at;

	for (uint32_t i = 0; i < total; i++) {
		zt_strmap_key(labels->names, i, &len);
		size += labels->hosts[i].dirty ? len + 1 : 0;
	}
	/* Names behind the pointers, in one piece. */
	names = calloc(1, (labels->dirty_count + 1) * sizeof(*names) + size);
	if (!names || zt_label_view_make(labels, &labels->told) < 0)
		return -ENOMEM;
	at = (char *)(names + labels->dirty_count + 1);
	for (uint32_t i = 0; i < total; i++) {
		struct zt_label_host *host = &labels->hosts[i];
		const char *name = zt_strmap_key(labels->names, i, &len);
		uint64_t hash;

		if (!host->dirty)
			continue;
		names[count++] = memcpy(at, name, len);
		at[len] = '\0';
		hash = zt_label_view_hash(&labels->told, at);
		host->moved = hash != host->effective;
		host->hash = hash;
		at += len + 1;
	}
	find_next_end(labels);
	*ret_names = zt_take(names);
	*ret_count = count;
	return 0;
}

/*
 * Names come from files, so their number is nobody's promise. A label epoch that is
 * forgotten costs this: an idle connection that `existing: keep` held may stay.
 */
static void forget_hosts(struct zt_labels *labels)
{
	uint32_t total = zt_strmap_count(labels->names), epochs = 0, n;
	zt_auto(zt_strmap_free) struct zt_strmap *names = NULL;
	size_t len;

	if (total < 2 * ZT_LABELS_MAX || zt_strmap_new(&names) < 0)
		return;
	for (uint32_t i = 0; i < total; i++)
		epochs += labels->hosts[i].epoch != 0;
	for (uint32_t i = 0; i < total; i++) {
		struct zt_label_host host = labels->hosts[i];
		const char *name = zt_strmap_key(labels->names, i, &len);

		if (!host.rows && (!host.epoch || epochs > ZT_LABELS_MAX))
			continue;
		n = zt_strmap_intern(names, name, len, NULL);
		if (n == ZT_STRMAP_NONE)
			return;
		labels->hosts[n] = host;
	}
	n = zt_strmap_count(names);
	memset(labels->hosts + n, 0, (labels->host_cap - n) * sizeof(*labels->hosts));
	zt_strmap_free(&labels->names);
	labels->names = zt_take(names);
}

static void settle(struct zt_labels *labels)
{
	for (uint32_t i = 0; i < zt_strmap_count(labels->names); i++) {
		struct zt_label_host *host = &labels->hosts[i];

		if (host->dirty)
			host->effective = host->hash;
		host->dirty = host->moved = false;
	}
	labels->dirty_count = 0;
	forget_hosts(labels);
}

static void tell(struct zt_labels *labels)
{
	zt_auto(zt_freep) const char **names = NULL;
	uint64_t begin_ns = zt_now_ns(), took_ns;
	size_t count = 0;
	int r = renew(labels, &names, &count);

	if (r == 0 && labels->on_change)
		r = labels->on_change(names, count, labels->ctx);
	if (r == 0) {
		settle(labels);
		labels->changes++;
	}
	/* Under a policy that takes long to compile, half of the time is left for all else. */
	took_ns = zt_now_ns() - begin_ns;
	if (r < 0)
		took_ns = RETRY_DELAY_NS;
	labels->next_tell_ns =
		zt_now_ns() + (took_ns > ZT_LABELS_GAP_NS ? took_ns : ZT_LABELS_GAP_NS);
	labels->save_ns = labels->save_ns ?: zt_now_ns() + SAVE_DELAY_NS;
}

bool zt_labels_flush(struct zt_labels *labels)
{
	uint64_t now_ns = zt_now_ns();

	if (labels->look_ns && labels->look_ns <= now_ns)
		labels->scan_due = true;
	if (labels->next_tell_ns <= now_ns) {
		if (labels->scan_due)
			zt_labels_dir_scan(labels);
		mark_ended(labels);
		if (labels->dirty_count)
			tell(labels);
	}
	if (labels->save_ns && labels->save_ns <= now_ns)
		zt_labels_save(labels, NULL);
	zt_labels_wake(labels);
	return !labels->dirty_count && !labels->scan_due;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *ctx)
{
	(void)source;
	(void)usec;
	zt_labels_flush(ctx);
	return 0;
}

static void sooner(uint64_t *at_ns, uint64_t ns)
{
	if (ns < *at_ns)
		*at_ns = ns;
}

void zt_labels_wake(struct zt_labels *labels)
{
	uint64_t at_ns = UINT64_MAX;

	if (!labels->timer)
		return;
	if (labels->dirty_count || labels->scan_due)
		sooner(&at_ns, labels->next_tell_ns);
	if (labels->next_end_ns)
		sooner(&at_ns, labels->next_end_ns + END_SLACK_NS > labels->next_tell_ns
				       ? labels->next_end_ns + END_SLACK_NS
				       : labels->next_tell_ns);
	if (labels->save_ns)
		sooner(&at_ns, labels->save_ns);
	if (labels->look_ns)
		sooner(&at_ns, labels->look_ns);
	if (at_ns == UINT64_MAX) {
		sd_event_source_set_enabled(labels->timer, SD_EVENT_OFF);
		return;
	}
	sd_event_source_set_time(labels->timer, at_ns / 1000 + 1);
	sd_event_source_set_enabled(labels->timer, SD_EVENT_ONESHOT);
}

/* --- label epochs ------------------------------------------------------------------------------
 */

int zt_labels_begin(struct zt_labels *labels, uint32_t next_epoch)
{
	bool changed = false;

	for (uint32_t i = 0; i < zt_strmap_count(labels->names); i++) {
		struct zt_label_host *host = &labels->hosts[i];
		uint32_t epoch = host->epoch;

		if (host->epoch >= next_epoch)
			host->epoch = 0;
		if (host->moved)
			host->epoch = next_epoch;
		changed = changed || host->moved || host->epoch != epoch;
		host->moved = false;
		host->effective = host->hash;
	}
	if (changed && !labels->save_ns)
		labels->save_ns = zt_now_ns() + SAVE_DELAY_NS;
	zt_labels_wake(labels);
	return zt_labels_renew_epochs(labels);
}

int zt_labels_enter(struct zt_labels *labels, const char *const *hosts, size_t count,
		    uint32_t epoch)
{
	int entered = 0;

	for (size_t i = 0; i < count; i++) {
		struct zt_label_host *host = zt_labels_host(labels, hosts[i]);

		if (!host)
			return -ENOMEM;
		if (!host->moved)
			continue;
		host->old_epoch = host->epoch;
		host->epoch = epoch;
		entered++;
	}
	if (entered && zt_labels_renew_epochs(labels) < 0)
		return -ENOMEM;
	return entered;
}

int zt_labels_leave(struct zt_labels *labels, const char *const *hosts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct zt_label_host *host = zt_labels_host(labels, hosts[i]);

		if (host && host->moved)
			host->epoch = host->old_epoch;
	}
	return zt_labels_renew_epochs(labels);
}

/* --- object ---------------------------------------------------------------------------------- */

/* What counted when the last agent saved is in hosts[].effective; what counts now is told at the
 * first compile, not to on_change. */
static int begin_view(struct zt_labels *labels)
{
	zt_auto(zt_freep) const char **names = NULL;
	size_t count;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < zt_strmap_count(labels->names); i++) {
		labels->dirty_count += !labels->hosts[i].dirty;
		labels->hosts[i].dirty = true;
	}
	r = renew(labels, &names, &count);
	for (uint32_t i = 0; i < zt_strmap_count(labels->names); i++)
		labels->hosts[i].dirty = false;
	labels->dirty_count = 0;
	return r < 0 ? r : zt_labels_renew_epochs(labels);
}

static int make(struct zt_labels **ret, const struct zt_labels_config *cfg)
{
	struct zt_labels *labels = calloc(1, sizeof(*labels));

	if (!labels)
		return -ENOMEM;
	*ret = labels;
	labels->inotify_fd = labels->dir_wd = labels->parent_wd = -1;
	labels->clock = cfg->clock;
	labels->event = cfg->event;
	labels->on_change = cfg->on_change;
	labels->on_trouble = cfg->on_trouble;
	labels->ctx = cfg->ctx;
	labels->state_dir = strdup(cfg->state_dir);
	labels->dir = cfg->dir ? strdup(cfg->dir) : NULL;
	if (!labels->state_dir || (cfg->dir && !labels->dir))
		return -ENOMEM;
	return zt_strmap_new(&labels->names);
}

int zt_labels_open(struct zt_labels **ret, const struct zt_labels_config *cfg)
{
	zt_auto(zt_labels_close) struct zt_labels *labels = NULL;
	int r = make(&labels, cfg);

	if (r == 0)
		r = zt_labels_load(labels);
	if (r == 0 && labels->dir)
		r = zt_labels_dir_open(labels);
	if (r == 0)
		r = begin_view(labels);
	if (r == 0 && labels->event)
		r = sd_event_add_time(labels->event, &labels->timer, CLOCK_MONOTONIC, UINT64_MAX,
				      1000, on_timer, labels);
	if (r < 0)
		return r;
	zt_labels_wake(labels);
	*ret = zt_take(labels);
	return 0;
}

void zt_labels_close(struct zt_labels **labels)
{
	struct zt_labels *l = *labels;

	if (!l)
		return;
	*labels = NULL;
	if (l->save_ns)
		zt_labels_save(l, NULL);
	zt_labels_dir_close(l);
	sd_event_source_disable_unref(l->timer);
	zt_label_rows_free(&l->set);
	for (size_t i = 0; i < l->file_count; i++)
		zt_label_file_free(&l->files[i]);
	free(l->files);
	zt_label_view_free(&l->told);
	free(l->epochs);
	free(l->epoch_text);
	zt_strmap_free(&l->names);
	free(l->hosts);
	free(l->state_dir);
	free(l->dir);
	free(l->dir_error);
	free(l->store_error);
	free(l->listed);
	free(l);
}

void zt_labels_overlay(const struct zt_labels *labels, struct zt_overlay *ret)
{
	ret->labels = labels->told.labels;
	ret->label_count = labels->told.count;
	ret->hosts = labels->epochs;
	ret->host_count = labels->epoch_count;
}

int64_t zt_labels_wall_offset_ns(const struct zt_labels *labels)
{
	return zt_clock_wall_offset_ns(labels ? labels->clock : NULL);
}
