/* SPDX-License-Identifier: Apache-2.0 */
/* report.c - the doctor's notes, and the small readers that its checks share. */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/doctor/doctor.h"

#define DUMP_BUF (64u << 10)

void ztc_note(struct ztc_doctor *doctor, enum ztc_result result, const char *check,
	      const char *remedy, const char *fmt, ...)
{
	static const char *const names[ZTC_RESULT_COUNT] = {
		[ZTC_PASS] = "pass",
		[ZTC_CAUTION] = "warn",
		[ZTC_FAIL] = "fail",
		[ZTC_UNKNOWN] = "unknown",
	};
	zt_auto(zt_freep) char *text = NULL;
	json_t *note;
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (r < 0) {
		text = NULL;
		return;
	}
	note = json_pack("{s:s, s:s, s:s, s:o}", "area", doctor->area, "check", check, "result",
			 names[result], "text", zt_json_str(text));
	if (note && remedy)
		json_object_set_new(note, "remedy", zt_json_str(remedy));
	json_array_append_new(doctor->checks, note);
}

int ztc_read_line(const char *path, char *ret, size_t size)
{
	zt_auto(zt_fclosep) FILE *in = fopen(path, "re");

	if (!in)
		return -errno;
	if (!fgets(ret, (int)size, in)) {
		if (ferror(in))
			return -EIO;
		ret[0] = '\0';
	}
	ret[strcspn(ret, "\n")] = '\0';
	return 0;
}

int ztc_file_has(const char *path, const char *text)
{
	zt_auto(zt_fclosep) FILE *in = fopen(path, "re");
	zt_auto(zt_freep) char *line = NULL;
	size_t size = 0;

	if (!in)
		return -errno;
	while (getline(&line, &size, in) >= 0) {
		if (strstr(line, text))
			return 1;
	}
	return ferror(in) ? -EIO : 0;
}

/* Messages of one datagram; 1 at the end of the dump. */
static int take_datagram(char *buf, ssize_t len,
			 void (*each)(const struct nlmsghdr *msg, void *data), void *data)
{
	const struct nlmsghdr *msg;

	for (msg = (struct nlmsghdr *)buf; NLMSG_OK(msg, len); msg = NLMSG_NEXT(msg, len)) {
		const struct nlmsgerr *error = NLMSG_DATA(msg);

		if (msg->nlmsg_type == NLMSG_DONE)
			return 1;
		if (msg->nlmsg_type == NLMSG_ERROR)
			return msg->nlmsg_len < NLMSG_LENGTH(sizeof(*error)) ? -EPROTO
									     : error->error;
		each(msg, data);
	}
	return 0;
}

int ztc_netlink_dump(int protocol, struct nlmsghdr *request,
		     void (*each)(const struct nlmsghdr *msg, void *data), void *data)
{
	zt_auto(zt_close) int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	zt_auto(zt_freep) char *buf = malloc(DUMP_BUF);
	ssize_t len;
	int r = 0;

	if (fd < 0)
		return -errno;
	if (!buf)
		return -ENOMEM;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	if (sendto(fd, request, request->nlmsg_len, 0, (const struct sockaddr *)&kernel,
		   sizeof(kernel)) < 0)
		return -errno;
	while (r == 0) {
		len = recv(fd, buf, DUMP_BUF, 0);
		if (len < 0)
			return -errno;
		r = take_datagram(buf, len, each, data);
	}
	return r < 0 ? r : 0;
}

const struct nlattr *ztc_netlink_attr(const struct nlmsghdr *msg, size_t body, int type)
{
	return nla_find(nlmsg_attrdata(msg, (int)body), nlmsg_attrlen(msg, (int)body), type);
}
