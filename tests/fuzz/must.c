// SPDX-License-Identifier: Apache-2.0
/*
 * must.c - properties that fuzz targets hold their inputs to.
 */
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"

void fuzz_must(int good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "property does not hold: %s\n", what);
	abort();
}
