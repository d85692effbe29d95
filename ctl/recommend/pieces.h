/* SPDX-License-Identifier: Apache-2.0 */
/* pieces.h - pieces of YAML that read well and read back to what they were. */
#pragma once
#include <stdbool.h>

#include "base/addr.h"
#include "base/strbuf.h"

/* ztc_put_text - a scalar: plain when it is a word, else double-quoted. */
void ztc_put_text(struct zt_strbuf *sb, const char *text);

/* ztc_put_folded - a double-quoted scalar over several lines, and a line feed. */
void ztc_put_folded(struct zt_strbuf *sb, const char *text);

void ztc_put_net(struct zt_strbuf *sb, const struct zt_net_key *net);
void ztc_put_addr(struct zt_strbuf *sb, const struct zt_addr *addr);

/* ztc_next_item - what stands between two items of a list: a comma, and a new line when it is long.
 */
void ztc_next_item(struct zt_strbuf *sb, bool first, const char *indent);

/* ztc_put_comment - a comment of its own, wrapped. */
void ztc_put_comment(struct zt_strbuf *sb, const char *indent, const char *text);
