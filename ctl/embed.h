/* SPDX-License-Identifier: Apache-2.0 */
/*
 * embed.h - a file taken into the program as it is, by the assembler.
 *
 * ZTC_EMBED("symbol", "path") stands between .pushsection .rodata and .popsection of an __asm__. It
 * defines symbol, a NUL behind it, and symbol_len, a size_t. The path is from the top of the tree,
 * where make runs; the Makefile names the file as what the object depends on.
 */
#pragma once

#define ZTC_EMBED(symbol, file)                                                                    \
	".balign 8\n.global " symbol "\n" symbol ":\n.incbin \"" file "\"\n" symbol                \
	"_end:\n.byte 0\n.balign 8\n.global " symbol "_len\n" symbol "_len:\n.quad " symbol        \
	"_end - " symbol "\n"
