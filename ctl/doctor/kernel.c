/* SPDX-License-Identifier: Apache-2.0 */
/* kernel.c - does this kernel have what the datapath needs, and what stands in for what it lacks.
 */
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include "base/cleanup.h"
#include "ctl/doctor/doctor.h"

#define LOCKDOWN "/sys/kernel/security/lockdown"

static void free_btf(struct btf **btf)
{
	btf__free(*btf);
}

static void check_version(struct ztc_doctor *doctor)
{
	struct utsname uts;
	unsigned int major = 0, minor = 0;

	if (uname(&uts) < 0 || sscanf(uts.release, "%u.%u", &major, &minor) != 2) {
		ztc_note(doctor, ZTC_UNKNOWN, "version", "look at 'uname -r'",
			 "the kernel's version cannot be read");
		return;
	}
	if (major > 6 || (major == 6 && minor >= 1))
		ztc_note(doctor, ZTC_PASS, "version", NULL, "Linux %s on %s", uts.release,
			 uts.machine);
	else
		ztc_note(doctor, major < 5 || (major == 5 && minor < 15) ? ZTC_FAIL : ZTC_CAUTION,
			 "version", "use Linux 6.1 or newer (Debian 12 has it)",
			 "Linux %s is older than any that ztseg is tested on", uts.release);
}

/* Is this kernel function known to the kernel or to one of its modules? */
static bool has_function(struct btf *vmlinux, const char *name, const char *module)
{
	zt_auto(free_btf) struct btf *own = NULL;

	if (btf__find_by_name_kind(vmlinux, name, BTF_KIND_FUNC) > 0)
		return true;
	own = module ? btf__load_module_btf(module, vmlinux) : NULL;
	return own && btf__find_by_name_kind(own, name, BTF_KIND_FUNC) > 0;
}

static bool has_enumerator(struct btf *btf, const char *type, const char *name)
{
	int id = btf__find_by_name_kind(btf, type, BTF_KIND_ENUM);
	const struct btf_type *t = id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL;

	for (int i = 0; t && i < btf_vlen(t); i++) {
		const char *have = btf__name_by_offset(btf, btf_enum(t)[i].name_off);

		if (have && strcmp(have, name) == 0)
			return true;
	}
	return false;
}

/* A kernel build option: 1 set, 0 not, -errno when no copy of the configuration is readable. */
static int config_has(const char *option)
{
	char path[sizeof("/boot/config-") + sizeof(((struct utsname *)0)->release)];
	char line[512];
	struct utsname uts;
	size_t len = strlen(option);
	int found = 0;
	gzFile in;

	if (uname(&uts) < 0)
		return -errno;
	snprintf(path, sizeof(path), "/boot/config-%s", uts.release);
	in = gzopen("/proc/config.gz", "re");
	if (!in)
		in = gzopen(path, "re");
	if (!in)
		return -ENOENT;
	while (!found && gzgets(in, line, sizeof(line)))
		found = strncmp(line, option, len) == 0 && line[len] == '=';
	gzclose(in);
	return found;
}

static void check_sockets(struct ztc_doctor *doctor, struct btf *btf)
{
	int diag;

	if (has_function(btf, "bpf_sock_destroy", NULL)) {
		ztc_note(doctor, ZTC_PASS, "sock_destroy", NULL,
			 "'existing: reset' ends sockets by bpf_sock_destroy");
		return;
	}
	diag = has_function(btf, "tcp_diag_destroy", "tcp_diag")
		       ? 1
		       : config_has("CONFIG_INET_DIAG_DESTROY");
	if (diag > 0)
		ztc_note(doctor, ZTC_PASS, "sock_destroy", NULL,
			 "'existing: reset' ends sockets by SOCK_DESTROY (no bpf_sock_destroy)");
	else if (diag == 0)
		ztc_note(doctor, ZTC_CAUTION, "sock_destroy",
			 "use a kernel with CONFIG_INET_DIAG_DESTROY, or Linux 6.5 or newer",
			 "'existing: reset' cannot end sockets: denied connections stall instead");
	else
		ztc_note(doctor, ZTC_UNKNOWN, "sock_destroy",
			 "look for CONFIG_INET_DIAG_DESTROY in the kernel's configuration",
			 "whether 'existing: reset' can end sockets cannot be seen");
}

static void check_features(struct ztc_doctor *doctor, struct btf *btf)
{
	if (has_enumerator(btf, "bpf_attach_type", "BPF_TCX_INGRESS"))
		ztc_note(doctor, ZTC_PASS, "tcx", NULL, "interfaces are guarded by tcx links");
	else
		ztc_note(doctor, ZTC_PASS, "tcx", NULL,
			 "interfaces are guarded by clsact filters (tcx needs Linux 6.6)");
	if (has_function(btf, "bpf_iter_tcp", NULL) ||
	    btf__find_by_name_kind(btf, "bpf_iter__tcp", BTF_KIND_STRUCT) > 0)
		ztc_note(doctor, ZTC_PASS, "iterators", NULL,
			 "sockets older than the agent get their owners (iterators)");
	else
		ztc_note(doctor, ZTC_CAUTION, "iterators", "use Linux 5.9 or newer",
			 "sockets older than the agent stay without an owner: no iterators");
	check_sockets(doctor, btf);
	if (has_function(btf, "bpf_skb_ct_lookup", "nf_conntrack"))
		ztc_note(doctor, ZTC_PASS, "conntrack", NULL,
			 "translated flows can be tied together (conntrack kfuncs)");
	else
		ztc_note(doctor, ZTC_CAUTION, "conntrack",
			 "if this host translates addresses: load nf_conntrack before the agent "
			 "starts, on Linux 6.0 or newer",
			 "no conntrack kfuncs: a translated flow cannot be tied to its original");
}

static void check_jit(struct ztc_doctor *doctor)
{
	char line[16];

	if (ztc_read_line("/proc/sys/net/core/bpf_jit_enable", line, sizeof(line)) < 0) {
		/* The setting is only shown in the first network namespace. */
		int on = config_has("CONFIG_BPF_JIT_ALWAYS_ON");

		if (on > 0)
			ztc_note(doctor, ZTC_PASS, "jit", NULL,
				 "BPF programs are compiled to machine code (always on)");
		else
			ztc_note(doctor, ZTC_UNKNOWN, "jit",
				 "look at net.core.bpf_jit_enable in the first network namespace",
				 "whether BPF programs are compiled cannot be seen from here");
	} else if (line[0] == '0') {
		ztc_note(doctor, ZTC_CAUTION, "jit", "sysctl net.core.bpf_jit_enable=1",
			 "BPF programs are interpreted: several times slower");
	} else {
		ztc_note(doctor, ZTC_PASS, "jit", NULL,
			 "BPF programs are compiled to machine code");
	}
}

/*
 * The lockdown mode where securityfs is not mounted: a child mounts it for itself alone, in a
 * mount namespace that ends with it.
 */
static int read_lockdown_apart(char *ret, size_t size)
{
	int pipe_fd[2], status = 1;
	ssize_t len;
	pid_t child;

	if (pipe2(pipe_fd, O_CLOEXEC) < 0)
		return -errno;
	child = fork();
	if (child == 0) {
		if (unshare(CLONE_NEWNS) == 0 &&
		    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
		    mount("securityfs", "/sys/kernel/security", "securityfs", 0, NULL) == 0 &&
		    ztc_read_line(LOCKDOWN, ret, size) == 0)
			status = write(pipe_fd[1], ret, strlen(ret)) < 0;
		_exit(status);
	}
	close(pipe_fd[1]);
	len = child > 0 ? read(pipe_fd[0], ret, size - 1) : -1;
	close(pipe_fd[0]);
	if (child > 0)
		waitpid(child, NULL, 0);
	if (len <= 0)
		return -ENOENT;
	ret[len] = '\0';
	return 0;
}

static void check_lockdown(struct ztc_doctor *doctor)
{
	char line[128];
	int r = ztc_read_line(LOCKDOWN, line, sizeof(line));

	if (r < 0 && doctor->root)
		r = read_lockdown_apart(line, sizeof(line));
	if (r < 0 && config_has("CONFIG_SECURITY_LOCKDOWN_LSM") == 0)
		ztc_note(doctor, ZTC_PASS, "lockdown", NULL, "the kernel has no lockdown mode");
	else if (r < 0)
		ztc_note(doctor, ZTC_UNKNOWN, "lockdown",
			 "run as root, with securityfs at /sys/kernel/security",
			 "the lockdown mode cannot be read");
	else if (strstr(line, "[confidentiality]"))
		ztc_note(doctor, ZTC_FAIL, "lockdown",
			 "start the kernel with lockdown=integrity (Secure Boot's own default)",
			 "lockdown is 'confidentiality': BPF may not read kernel memory, so owners "
			 "of sockets cannot be told");
	else
		ztc_note(doctor, ZTC_PASS, "lockdown", NULL,
			 "the lockdown mode allows what is needed: %s", line);
}

static void check_command_line(struct ztc_doctor *doctor)
{
	int has = ztc_file_has("/proc/cmdline", "ztseg=observe");

	if (has > 0)
		ztc_note(doctor, ZTC_CAUTION, "boot_observe",
			 "take ztseg=observe off the kernel command line and boot again",
			 "booted with ztseg=observe: nothing is denied");
	else if (has < 0)
		ztc_note(doctor, ZTC_UNKNOWN, "boot_observe", "make /proc/cmdline readable",
			 "the kernel command line cannot be read");
}

void ztc_check_kernel(struct ztc_doctor *doctor)
{
	zt_auto(free_btf) struct btf *btf = NULL;

	libbpf_set_print(NULL);
	check_version(doctor);
	btf = btf__load_vmlinux_btf();
	if (btf && !libbpf_get_error(btf)) {
		ztc_note(doctor, ZTC_PASS, "btf", NULL, "the kernel describes its types (BTF)");
		check_features(doctor, btf);
	} else {
		btf = NULL;
		ztc_note(
			doctor, ZTC_FAIL, "btf",
			"use a kernel built with CONFIG_DEBUG_INFO_BTF (Debian's are)",
			access("/sys/kernel/btf/vmlinux", F_OK) == 0
				? "/sys/kernel/btf/vmlinux cannot be read"
				: "there is no /sys/kernel/btf/vmlinux: programs cannot be loaded");
	}
	check_jit(doctor);
	check_lockdown(doctor);
	check_command_line(doctor);
}
