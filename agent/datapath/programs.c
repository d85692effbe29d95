// SPDX-License-Identifier: Apache-2.0
/*
 * programs.c - which programs and features this kernel gets.
 */
#include <errno.h>
#include <string.h>
#include <linux/bpf.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "datapath/internal.h"
#include "ztseg.skel.h"

/*
 * A kfunc that the kernel lacks makes its program unloadable, so such a program
 * stays behind; the rest asks the switches in rodata.
 */
int zt_dp_fit_programs(struct zt_dp *dp)
{
	int r;

	dp->skel->rodata->zt_have_ct = dp->have_ct;
	r = bpf_program__set_autoload(dp->skel->progs.zt_it_kill, dp->have_destroy);
	if (r == 0)
		r = bpf_program__set_autoload(dp->skel->progs.zt_it_ukill, dp->have_destroy);
	return r;
}

static const struct bpf_program *wire_prog(const struct zt_dp *dp, uint32_t dir, bool l3)
{
	if (dir == ZT_DIR_IN)
		return l3 ? dp->skel->progs.zt_in_l3 : dp->skel->progs.zt_in_l2;
	return l3 ? dp->skel->progs.zt_out_l3 : dp->skel->progs.zt_out_l2;
}

int zt_dp_wire_prog(const struct zt_dp *dp, uint32_t dir, bool l3)
{
	return bpf_program__fd(wire_prog(dp, dir, l3));
}

int zt_dp_note_programs(struct zt_dp *dp)
{
	for (uint32_t dir = 0; dir < 2; dir++) {
		for (int l3 = 0; l3 < 2; l3++) {
			struct bpf_prog_info info = {};
			__u32 len = sizeof(info);

			if (bpf_obj_get_info_by_fd(zt_dp_wire_prog(dp, dir, l3), &info, &len) < 0)
				return -errno;
			dp->prog_id[dir][l3] = info.id;
		}
	}
	return 0;
}
