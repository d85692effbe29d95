// SPDX-License-Identifier: Apache-2.0
/* bundle.c - a policy file with all that it includes, and its signature, as part of a request. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "ctl/bundle.h"
#include "ctl/cmd.h"
#include "policy/diag.h"
#include "policy/policy.h"

#define SIGNATURE_MAX (64u << 10)

static int add_files(const struct zt_policy *policy, json_t *files)
{
	for (const struct zt_source *s = policy->sources; s; s = s->next) {
		json_t *text = s->text ? json_stringn(s->text, s->len) : NULL;
		json_t *name = json_string(s->name);

		if (!text || !name) {
			json_decref(text);
			json_decref(name);
			return ztc_fail(ZTC_EXIT_USAGE,
					"the policy or the name of a file of it is not UTF-8");
		}
		json_array_append_new(files, json_pack("{s:o, s:o}", "path", name, "text", text));
	}
	return ZTC_EXIT_OK;
}

static int add_signature(const char *path, json_t *args)
{
	zt_auto(zt_freep) char *text = NULL;
	char name[PATH_MAX];
	struct stat st;
	bool directory = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
	size_t len;
	int r;

	if (snprintf(name, sizeof(name), "%s%s", path,
		     directory ? "/policy.minisig" : ".minisig") >= (int)sizeof(name))
		return ztc_fail(ZTC_EXIT_USAGE, "'%s' is too long a path", path);
	r = zt_file_read(name, SIGNATURE_MAX, &text, &len, NULL);
	if (r == -ENOENT)
		return ZTC_EXIT_OK;
	if (r < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "cannot read the signature %s: %s", name,
				strerror(-r));
	if (json_object_set_new(args, "signature", json_stringn(text, len)) < 0)
		return ztc_fail(ZTC_EXIT_USAGE, "the signature %s is not text", name);
	return ZTC_EXIT_OK;
}

int ztc_bundle(const char *path, json_t *args)
{
	zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;
	zt_auto(zt_policy_free) struct zt_policy *policy = NULL;
	json_t *files = json_array();
	int r = zt_policy_load(&policy, path, &diag);

	json_object_set_new(args, "files", files);
	if (diag.count)
		zt_diag_print(&diag, stderr);
	if (r < 0)
		return diag.errors ? ZTC_EXIT_USAGE
				   : ztc_fail(ZTC_EXIT_FAILED, "cannot read %s: %s", path,
					      strerror(-r));
	if (json_object_set_new(args, "path", json_string(path)) < 0)
		return ztc_fail(ZTC_EXIT_USAGE, "the path of the policy is not UTF-8");
	r = add_files(policy, files);
	return r ? r : add_signature(path, args);
}
