/* SPDX-License-Identifier: Apache-2.0 */
/* password.c - a password from the terminal or from a file; never from the command line. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "ctl/cmd.h"
#include "ctl/password.h"

#define CTRL_C 3

static int from_file(struct ztc_password *p, char buf[ZT_MINISIGN_PASSWORD_MAX])
{
	char *text = NULL;
	size_t len, n;
	mode_t mode = 0;
	int r = zt_file_read(p->file, ZT_MINISIGN_FILE_MAX, &text, &len, &mode);

	if (r < 0) {
		p->why = strerror(-r);
		return r;
	}
	n = strcspn(text, "\r\n");
	p->why = "its first line is longer than a password may be";
	r = n < ZT_MINISIGN_PASSWORD_MAX ? 0 : -EINVAL;
	if (r == 0) {
		memcpy(buf, text, n);
		buf[n] = '\0';
	}
	OPENSSL_cleanse(text, len);
	free(text);
	return r;
}

/* One line without its end. */
static int read_line(int fd, char buf[ZT_MINISIGN_PASSWORD_MAX])
{
	size_t n = 0;

	for (;;) {
		ssize_t got = read(fd, buf + n, 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -ECANCELED;
		if (buf[n] == CTRL_C)
			return -ECANCELED;
		if (buf[n] == '\n' || buf[n] == '\r')
			break;
		if (++n == ZT_MINISIGN_PASSWORD_MAX)
			return -EINVAL;
	}
	buf[n] = '\0';
	return 0;
}

/* Ctrl-C ends the line as a character, not the program, so that the echo always comes back. */
static int ask(int tty, const char *prompt, char buf[ZT_MINISIGN_PASSWORD_MAX])
{
	struct termios before, quiet;
	int r;

	if (tcgetattr(tty, &before) < 0)
		return -errno;
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
	quiet.c_lflag |= ICANON;
	quiet.c_cc[VEOL] = CTRL_C;
	if (tcsetattr(tty, TCSAFLUSH, &quiet) < 0)
		return -errno;
	r = dprintf(tty, "%s", prompt) < 0 ? -EIO : read_line(tty, buf);
	tcsetattr(tty, TCSAFLUSH, &before);
	dprintf(tty, "\n");
	return r;
}

int ztc_password_read(void *ctx, char buf[ZT_MINISIGN_PASSWORD_MAX])
{
	struct ztc_password *p = ctx;
	char again[ZT_MINISIGN_PASSWORD_MAX];
	zt_auto(zt_close) int tty = -1;
	int r;

	if (p->file)
		return from_file(p, buf);
	tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	p->why = "there is no terminal to ask for a password; use --password-file";
	if (tty < 0)
		return -errno;
	r = ask(tty, p->prompt, buf);
	p->why = "no password was given";
	if (r < 0 || !p->twice)
		return r;
	r = ask(tty, "The same again: ", again);
	if (r == 0 && strcmp(buf, again) != 0) {
		p->why = "the two passwords differ";
		r = -EINVAL;
	}
	OPENSSL_cleanse(again, sizeof(again));
	return r;
}

int ztc_secret_load(const char *path, const char *password_file, struct zt_minisign_secret *ret)
{
	char prompt[512];
	struct ztc_password password = {.file = password_file, .prompt = prompt};
	const char *why = NULL;
	char *text = NULL;
	size_t len;
	mode_t mode;
	int r = zt_file_read(path, ZT_MINISIGN_FILE_MAX, &text, &len, &mode);

	if (r < 0)
		return ztc_fail(ZTC_EXIT_USAGE, "cannot read the secret key '%s': %s", path,
				strerror(-r));
	if (mode & (S_IRWXG | S_IRWXO))
		fprintf(stderr,
			"ztctl: warning: others on this machine may use the secret key '%s' (mode "
			"%04o): chmod 600 it\n",
			path, mode & 0777);
	snprintf(prompt, sizeof(prompt), "Password for %.400s: ", path);
	r = zt_minisign_read_secret(text, len, ztc_password_read, &password, ret, &why);
	explicit_bzero(text, len);
	free(text);
	if (r < 0)
		return ztc_fail(r == -ENOMEM ? ZTC_EXIT_FAILED : ZTC_EXIT_USAGE,
				"cannot use the secret key '%s': %s", path,
				password.why && r != -EKEYREJECTED ? password.why : why);
	return ZTC_EXIT_OK;
}
