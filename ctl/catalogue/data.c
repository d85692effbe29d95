/* SPDX-License-Identifier: Apache-2.0 */
/* data.c - takes catalogue, model and profile into the program as they are. */
#include "ctl/catalogue/data.h"
#include "ctl/embed.h"

/* clang-format off */
__asm__(".pushsection .rodata\n"
	ZTC_EMBED("ztc_checks_json", "ctl/catalogue/checks.json")
	ZTC_EMBED("ztc_items_json", "ctl/catalogue/items.json")
	ZTC_EMBED("ztc_model_json", "ctl/catalogue/model.json")
	ZTC_EMBED("ztc_profile_json", "profiles/fsc-2024-net.json")
	".popsection\n");
/* clang-format on */
