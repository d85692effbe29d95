/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cleanup.h - ownership that can be seen at the declaration.
 *
 * An owning local is declared zt_auto(destructor) with a neutral value and
 * leaves its function only through zt_take() or zt_take_fd().
 */
#pragma once
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Runs fn(&variable) when the variable goes out of scope. */
#define zt_auto(fn) __attribute__((cleanup(fn)))

/* The pointer's value; the variable itself becomes NULL. */
#define zt_take(p)                                                                                 \
	({                                                                                         \
		__typeof__(p) zt_taken_ = (p);                                                     \
		(p) = NULL;                                                                        \
		zt_taken_;                                                                         \
	})

/* The descriptor's value; the variable itself becomes -1. */
#define zt_take_fd(fd)                                                                             \
	({                                                                                         \
		int zt_taken_ = (fd);                                                              \
		(fd) = -1;                                                                         \
		zt_taken_;                                                                         \
	})

/** zt_freep - free what *@p points to; @p is the address of any pointer. */
static inline void zt_freep(void *p)
{
	void **pp = p;

	free(*pp);
	*pp = NULL;
}

/** zt_close - close *@fd unless negative, and set it to -1; errno is preserved. */
static inline void zt_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

/** zt_fclosep - fclose *@f unless NULL. */
static inline void zt_fclosep(FILE **f)
{
	if (*f)
		fclose(*f);
	*f = NULL;
}

/** zt_closedirp - closedir *@d unless NULL. */
static inline void zt_closedirp(DIR **d)
{
	if (*d)
		closedir(*d);
	*d = NULL;
}
