/* SPDX-License-Identifier: Apache-2.0 */
/*
 * classes.h - remote addresses that neither of two policies tells apart, one to stand for each.
 *
 * Private to this room. "From anywhere" and "from segment x" are answered by
 * asking about every class, not about every address.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plan/opening.h"

#define ZT_CLASSES_MAX	   4096
#define ZT_FROM_OTHERS_MAX 8

struct zt_far_class {
	struct zt_addr addr; /* one of it */
	bool v4;
	uint32_t id[ZT_SIDE_COUNT];
	uint64_t share[ZT_SIDE_COUNT]; /* conditions that its part in a canary opens */
	uint64_t members; /* rows of the policies in it: hosts and prefixes, not addresses */
};

struct zt_classes {
	struct zt_far_class *rows;
	size_t count;
	size_t left_out; /* rows of the policies that would have made more classes */
	struct zt_table table;
	size_t cap;
};

/**
 * zt_classes_make - of the remote addresses that both sides' tables name, and of the rest.
 * @locals: this machine's, which are no remote ends.
 *
 * Returns 0 or -ENOMEM. zt_classes_clear() after.
 */
int zt_classes_make(const struct zt_judges *judges, const struct zt_addr *locals,
		    size_t local_count, struct zt_classes *ret);
void zt_classes_clear(struct zt_classes *classes);

/* What classes are called: by segments of the new policy. */
struct zt_class_names;
struct zt_strbuf;

/* zt_class_names_new - reads the rows again, so only made when something is to be named. */
int zt_class_names_new(struct zt_class_names **ret, const struct zt_judges *judges,
		       const struct zt_classes *classes);
void zt_class_names_free(struct zt_class_names **names);

struct zt_from {
	bool any;	       /* all there are: the rest is empty */
	const char **segments; /* all of whose members are among them; borrowed names */
	size_t segment_count;
	struct zt_addr *others; /* one address for each class that no such segment covers */
	size_t other_count;	/* the first ZT_FROM_OTHERS_MAX are there */
};

/**
 * zt_class_names_from - names for a set of classes.
 * @in:   one byte per class, not 0 = it is in the set.
 * @of:   one byte per class, not 0 = it could be.
 * @any:  whether that is to be called "any" whatever @in has.
 * @ret:  zt_from_clear(). Returns 0 or -ENOMEM.
 */
int zt_class_names_from(const struct zt_class_names *names, const uint8_t *in, const uint8_t *of,
			bool any, struct zt_from *ret);
void zt_from_clear(struct zt_from *from);
