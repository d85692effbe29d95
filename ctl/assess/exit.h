/* SPDX-License-Identifier: Apache-2.0 */
/* exit.h - exit status of assess and assess show, which is not that of other commands. */
#pragma once

enum ztc_assess_exit {
	ZTC_ASSESS_MET = 0,
	ZTC_ASSESS_FAILED = 1,	     /* bad usage, or something here failed */
	ZTC_ASSESS_NOT_MET = 2,	     /* the target level */
	ZTC_ASSESS_UNDETERMINED = 3, /* a gate is unknown and none fails */
	ZTC_ASSESS_INVALID = 4,	     /* waiver, attestation or evidence file; nothing was run */
};
