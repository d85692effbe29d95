// SPDX-License-Identifier: Apache-2.0
/*
 * corpus.c - runs a fuzz target's seeds once, and each of them cut short at several places.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "fuzz.h"

#define SEED_MAX (1u << 20)
#define CUTS	 16

static int run_file(const char *path)
{
	zt_auto(zt_fclosep) FILE *f = fopen(path, "rb");
	zt_auto(zt_freep) uint8_t *data = malloc(SEED_MAX);
	zt_auto(zt_freep) uint8_t *copy = NULL;
	struct stat st;
	size_t size;

	if (!f || !data || fstat(fileno(f), &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	size = fread(data, 1, SEED_MAX, f);
	for (size_t i = 0; i <= CUTS; i++) {
		size_t cut = size * i / CUTS;

		/* Exactly as long as the input, so that the sanitizer sees any read past it. */
		copy = malloc(cut ? cut : 1);
		if (!copy)
			return -1;
		memcpy(copy, data, cut);
		LLVMFuzzerTestOneInput(copy, cut);
		zt_freep(&copy);
	}
	return 1;
}

static int run_dir(const char *dir)
{
	zt_auto(zt_closedirp) DIR *d = opendir(dir);
	struct dirent *entry;
	char path[8192];
	int files = 0;

	while (d && (entry = readdir(d))) {
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		if (entry->d_name[0] != '.')
			files += run_file(path);
	}
	return files;
}

int main(void)
{
	const char *out = getenv("OUT");
	char dir[4096];
	int rc = 0, files;

	for (size_t i = 0; fuzz_dirs[i]; i++) {
		const char *at = fuzz_dirs[i];

		if (!strncmp(at, "$OUT/", 5))
			snprintf(dir, sizeof(dir), "%s/%s", out ? out : "build", at + 5);
		else
			snprintf(dir, sizeof(dir), "%s", at);
		files = run_dir(dir);
		if (files > 0)
			printf("ok %s: %d seeds\n", at, files);
		else
			printf("not ok %s - no seed there\n", at);
		rc |= files <= 0;
	}
	return rc;
}
