/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nf_nft.h - conditions of libnftables' JSON (libnftables-json(5)) as ours.
 */
#pragma once
#include "ctl/collect/nf.h"

/* What a rule is read with. */
struct ztc_nft {
	struct ztc_nf *nf;
	json_t *sets; /* "family table name" -> the set or map */
	struct ztc_nf_chain *chain;
	struct ztc_nf_draft draft;
	uint64_t handle;
};

/**
 * ztc_nft_condition - add what `left op right` says to the draft.
 * @negate: "!=".
 * @right:  a value, set, range, prefix or "@name"; what is not understood becomes "unknown".
 */
void ztc_nft_condition(struct ztc_nft *nft, const json_t *left, const char *op,
		       const json_t *right);

/* ztc_nft_set - the elements of "@name" or of {"set": […]}, or NULL when it is neither.
 * @ret_dynamic: packets change what is in it. */
const json_t *ztc_nft_set(const struct ztc_nft *nft, const json_t *right, bool *ret_dynamic);
