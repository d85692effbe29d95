// SPDX-License-Identifier: Apache-2.0
/* nonce.c - lines of log that prove their own arrival: written, and found again. */
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "ctl/probe/nonce.h"

#define HEX  "0123456789abcdef"
#define NAME "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

int ztc_nonce_new(struct ztc_nonce *ret)
{
	unsigned char random[(ZTC_NONCE_LEN - 1) / 2];
	struct ztc_self self;

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return -EIO;
	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < sizeof(random); i++) {
		ret->nonce[2 * i] = HEX[random[i] >> 4];
		ret->nonce[2 * i + 1] = HEX[random[i] & 15];
	}
	ztc_self(&self, "");
	snprintf(ret->host, sizeof(ret->host), "%.253s", *self.host ? self.host : "localhost");
	snprintf(ret->machine, sizeof(ret->machine), "%s", self.machine);
	zt_wall_text(zt_now_wall_ns(), ret->at);
	return 0;
}

void ztc_nonce_text(const struct ztc_nonce *nonce, char ret[ZTC_NONCE_LINE])
{
	snprintf(ret, ZTC_NONCE_LINE, ZTC_NONCE_MARK "nonce=%s host=%s machine=%s at=%s",
		 nonce->nonce, nonce->host, *nonce->machine ? nonce->machine : "-", nonce->at);
}

static bool only(const char *text, const char *set, size_t len)
{
	return strlen(text) == len && strspn(text, set) == len;
}

static bool good_machine(const char *text)
{
	return strncmp(text, "sha256:", 7) == 0 && only(text + 7, HEX, 64);
}

bool ztc_nonce_find(const char *line, struct ztc_nonce *ret)
{
	const char *at = strstr(line, ZTC_NONCE_MARK);
	uint64_t ns;

	memset(ret, 0, sizeof(*ret));
	if (!at || sscanf(at, ZTC_NONCE_MARK "nonce=%32s host=%253s machine=%71s at=%31s",
			  ret->nonce, ret->host, ret->machine, ret->at) != 4)
		return false;
	/* Something may stand behind it, as in JSON. */
	ret->at[strspn(ret->at, "0123456789-:.TZ")] = '\0';
	if (strcmp(ret->machine, "-") == 0)
		*ret->machine = '\0';
	return only(ret->nonce, HEX, ZTC_NONCE_LEN - 1) &&
	       only(ret->host, NAME, strlen(ret->host)) &&
	       (!*ret->machine || good_machine(ret->machine)) && zt_wall_parse(ret->at, &ns) == 0;
}

/* As syslog(3) writes it: priority, local time, program. */
static int message(const struct ztc_nonce *nonce, char *buf, size_t size)
{
	char text[ZTC_NONCE_LINE], when[32];
	time_t now = time(NULL);
	struct tm tm;

	ztc_nonce_text(nonce, text);
	localtime_r(&now, &tm);
	strftime(when, sizeof(when), "%b %e %H:%M:%S", &tm);
	return snprintf(buf, size, "<%d>%s ztctl[%d]: %s", LOG_DAEMON | LOG_NOTICE, when,
			(int)getpid(), text);
}

int ztc_nonce_send(const struct ztc_nonce *nonce, const char *path)
{
	zt_auto(zt_close) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	char text[ZTC_NONCE_LINE + 128];
	int len = message(nonce, text, sizeof(text));

	if (fd < 0)
		return -errno;
	if (strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	memcpy(sa.sun_path, path, strlen(path) + 1);
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return -errno;
	return send(fd, text, (size_t)len, MSG_NOSIGNAL) == len ? 0 : -errno;
}
