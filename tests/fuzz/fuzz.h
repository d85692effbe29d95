/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz.h - what a fuzz target offers: libFuzzer's entry point and where its seeds are.
 *
 * Each fuzz_X.c is linked twice: with libFuzzer (make fuzz) and with corpus.c, which runs the
 * seeds once (make test).
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* Directories of seeds, NULL at the end; "$OUT/..." stands for the build directory. */
extern const char *const fuzz_dirs[];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* fuzz_must - a property that every input has to keep; stops the program when it does not. */
void fuzz_must(int good, const char *what);
