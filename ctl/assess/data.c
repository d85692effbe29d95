/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data.c - takes catalogue, model and profile into the program as they are.
 *
 * The assembler reads them; paths are from the top of the tree, where make runs. The Makefile
 * names the same files as what this object depends on.
 */
#include "ctl/assess/data.h"

#define PART(symbol, file)                                                                         \
	".global " symbol "\n" symbol ":\n.incbin \"" file "\"\n" symbol "_end:\n.byte 0\n"        \
	".balign 8\n.global " symbol "_len\n" symbol "_len:\n.quad " symbol "_end - " symbol "\n"

/* clang-format off */
__asm__(".pushsection .rodata\n"
	".balign 8\n"
	PART("ztc_checks_json", "ctl/assess/checks.json")
	PART("ztc_items_json", "ctl/assess/items.json")
	PART("ztc_model_json", "ctl/assess/model.json")
	PART("ztc_profile_json", "profiles/fsc-2024-net.json")
	".popsection\n");
/* clang-format on */
