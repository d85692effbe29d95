# SPDX-License-Identifier: Apache-2.0
#
# ztseg. `make` builds build/ztagent and build/ztctl without root; `make help` lists the rest.

OUT     ?= build
CC      ?= gcc
CLANG   ?= clang
BPFTOOL ?= $(shell command -v bpftool || echo /usr/sbin/bpftool)
PREFIX  ?= /usr/local
VERSION := 0.1.0
ARCH    := $(shell uname -m)
BPF_ARCH := $(subst aarch64,arm64,$(subst x86_64,x86,$(ARCH)))

# The one list of what is needed, from Debian 12.
BUILD_PACKAGES := gcc make clang llvm bpftool pkg-config libc6-dev libbpf-dev libelf-dev zlib1g-dev \
	libnl-3-dev libnl-route-3-dev libfyaml-dev libjansson-dev libsystemd-dev libssl-dev \
	libxxhash-dev libsqlite3-dev libncurses-dev gettext
RUN_PACKAGES   := iproute2 jq nginx-light redis-server openssh-server openssh-client openssl curl \
	nmap python3 netcat-openbsd iperf3 ethtool nftables iptables procps psmisc util-linux socat
# Real servers and clients of the protocols that flows are told apart by. busybox-static brings a
# telnet server that no inetd of the machine would start; it cannot stand beside busybox.
SERVER_PACKAGES := dnsmasq-base postgresql-15 mariadb-server-core mariadb-client-core python3-aiosmtpd \
	dovecot-imapd dovecot-pop3d slapd ldap-utils vsftpd samba smbclient rpcbind \
	nfs-ganesha-vfs libnfs-utils snmpd ngtcp2-server ngtcp2-client wireguard-go wireguard-tools \
	strongswan-starter strongswan-charon libcharon-extra-plugins \
	$(if $(wildcard /usr/share/doc/busybox),,busybox-static)
TEST_PACKAGES  := $(RUN_PACKAGES) libcmocka-dev libclang-rt-14-dev inotify-tools iputils-ping \
	python3-jsonschema python3-yaml tzdata minisign strace \
	libxml2-utils graphviz firewalld dbus-daemon rsyslog rsyslog-gnutls rsyslog-relp systemd-journal-remote \
	$(SERVER_PACKAGES) chromium chromium-driver poppler-utils
# Debian lets a machine have one time daemon: this one is unpacked, not installed, where it has another.
BESIDE_PACKAGES := $(if $(wildcard /usr/sbin/chronyd),,chrony)
CHECK_PACKAGES := clang-format cppcheck shellcheck git
BENCH_PACKAGES := $(RUN_PACKAGES) linux-perf conntrack chromium chromium-driver
VM_PACKAGES    := $(TEST_PACKAGES) qemu-system-x86 qemu-system-common xz-utils zstd lz4 binutils busybox-static kmod

PKGS      := libbpf libelf zlib libnl-3.0 libnl-route-3.0 libfyaml jansson libsystemd libssl libcrypto libxxhash sqlite3 ncursesw
WARN      := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wformat=2
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS))
CPPFLAGS  += -I. -Iagent -I$(OUT)/bpf $(PKG_CFLAGS) -D_GNU_SOURCE -DZT_VERSION='"$(VERSION)"' \
	-DZT_LOCALE_DIR='"$(PREFIX)/share/locale"'
CFLAGS    ?= -O2 -g
CFLAGS    += -std=gnu11 $(WARN) -fstack-protector-strong $(EXTRA_CFLAGS)
LDFLAGS   += -Wl,-z,relro,-z,now $(EXTRA_LDFLAGS)
LDLIBS     = $(shell pkg-config --libs $(PKGS)) -lresolv
BPF_CFLAGS := -g -O2 -mcpu=v3 -fno-strict-aliasing -target bpf -D__TARGET_ARCH_$(BPF_ARCH) -Wall -Werror \
	-I. -Ivmlinux/$(ARCH) -Ibpf

# Rooms both programs may use. ztctl links these and nothing else from agent/,
# so a renderer that reaches into the datapath fails at link time.
SHARED_SRC := $(sort $(wildcard agent/base/*.c agent/policy/*.c agent/history/*.c)) agent/api/wire.c
AGENT_SRC  := agent/main.c agent/config.c agent/options.c $(filter-out $(SHARED_SRC),$(sort $(wildcard agent/*/*.c)))
CTL_SRC    := $(sort $(wildcard ctl/*.c ctl/*/*.c))
# Maps first: libbpf 1.1's linker misplaces maps that are used before they are defined.
BPF_SRC    := bpf/maps.bpf.c $(filter-out bpf/maps.bpf.c,$(sort $(wildcard bpf/*.bpf.c)))
objs        = $(patsubst %.c,$(OUT)/%.o,$(1))
SKEL       := $(OUT)/bpf/ztseg.skel.h
# Translations: one file per family, joined.
PO_FILES   := $(sort $(wildcard po/zh_TW/*.po))
CATALOGUE  := $(OUT)/locale/zh_TW/LC_MESSAGES/ztctl.mo

.PHONY: all deps demo test test-kernels bench check fuzz install clean help tests
.DELETE_ON_ERROR:
.SECONDARY:

all: $(OUT)/ztagent $(OUT)/ztctl $(CATALOGUE)

help:
	@echo 'make [all]        build $(OUT)/ztagent and $(OUT)/ztctl'
	@echo 'make deps         install the Debian packages that are missing (root)'
	@echo 'make demo         five hosts: observed, mapped, staged, segmented (root)'
	@echo 'make test         every test; closes with N passed, N failed, N skipped (root)'
	@echo 'make test-kernels packet table and namespace tests under Debian 6.1 and 6.12 (root)'
	@echo 'make check        formatting, warnings, static analysis, sizes'
	@echo 'make bench        measure; writes $(OUT)/bench.json (root)'
	@echo 'make fuzz         fuzz the parsers for a while'
	@echo 'make install      DESTDIR= PREFIX='

# --- packages -------------------------------------------------------------------

# Installs only when something is missing, so that it costs nothing on a prepared machine.
define need
	@missing=$$(for p in $(1); do dpkg-query -W -f '$${Status}' $$p 2>/dev/null | \
		grep -q 'ok installed' || echo $$p; done); \
	if [ -n "$$missing" ]; then \
		[ "$$(id -u)" = 0 ] || { echo "missing packages:" $$missing "- run as root: make deps" >&2; exit 1; }; \
		echo "installing:" $$missing; \
		tests/install $$missing >$(OUT)/apt.log 2>&1 || { tail -20 $(OUT)/apt.log >&2; exit 1; }; \
	fi
endef

deps: need-test

.PHONY: need-test need-check need-bench need-vm need-run
need-run: | $(OUT)
	$(call need,$(BUILD_PACKAGES) $(RUN_PACKAGES))
need-test: | $(OUT)
	$(call need,$(BUILD_PACKAGES) $(TEST_PACKAGES))
	@tests/unpack $(OUT)/beside $(BESIDE_PACKAGES)
need-check: | $(OUT)
	$(call need,$(BUILD_PACKAGES) $(CHECK_PACKAGES))
need-bench: | $(OUT)
	$(call need,$(BUILD_PACKAGES) $(BENCH_PACKAGES))
need-vm: | $(OUT)
	$(call need,$(BUILD_PACKAGES) $(VM_PACKAGES))
$(OUT):
	@mkdir -p $@

# --- BPF --------------------------------------------------------------------------

$(OUT)/bpf/%.bpf.o: bpf/%.bpf.c
	@mkdir -p $(@D)
	$(CLANG) $(BPF_CFLAGS) -MMD -MP -c -o $@ $<

# Each file is compiled alone, then joined: one object, one skeleton.
# The maps come first: bpftool 7.1 resolves an extern map only against what it has seen.
BPF_OBJ := $(OUT)/bpf/maps.bpf.o $(filter-out $(OUT)/bpf/maps.bpf.o,$(patsubst bpf/%.bpf.c,$(OUT)/bpf/%.bpf.o,$(BPF_SRC)))
$(OUT)/bpf/ztseg.linked.o: $(BPF_OBJ)
	$(BPFTOOL) gen object $@ $(BPF_OBJ)
$(SKEL): $(OUT)/bpf/ztseg.linked.o
	$(BPFTOOL) gen skeleton $< name ztseg > $@

# --- programs ---------------------------------------------------------------------

$(OUT)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(call objs,$(filter agent/datapath/% agent/main.c,$(AGENT_SRC))): | $(SKEL)

# The assembler takes these in; the compiler's own list of dependencies does not know them.
WEB_FILES := $(wildcard ctl/web/page.html ctl/web/page.css ctl/web/js/*.js)
$(OUT)/ctl/web/page.o: $(WEB_FILES)
$(OUT)/ctl/report/css.o: ctl/report/report.css

ASSESS_FILES := ctl/catalogue/checks.json ctl/catalogue/items.json ctl/catalogue/model.json \
	profiles/fsc-2024-net.json
$(OUT)/ctl/prioritize/tables.o: ctl/prioritize/tables.json
$(OUT)/ctl/catalogue/data.o: $(ASSESS_FILES)

$(OUT)/libztshared.a: $(call objs,$(SHARED_SRC))
	@rm -f $@
	$(AR) rcs $@ $^
$(OUT)/ztagent: $(call objs,$(AGENT_SRC)) $(OUT)/libztshared.a
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)
$(OUT)/ztctl: $(call objs,$(CTL_SRC)) $(OUT)/libztshared.a
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# msgfmt holds the formats of translations against the English ones.
$(CATALOGUE): $(PO_FILES)
	@mkdir -p $(@D)
	msgcat --use-first $(PO_FILES) | msgfmt --check-format -o $@ -

-include $(shell find $(OUT) -path $(OUT)/beside -prune -o -name '*.d' -type f -print 2>/dev/null)

# --- what people and CI run ---------------------------------------------------------

demo: need-run
	@$(MAKE) --no-print-directory -s all
	@tests/demo/run.sh

tests:
	@$(MAKE) --no-print-directory -f tests/build.mk OUT=$(OUT)

test: need-test
	@$(MAKE) --no-print-directory -s all
	@$(MAKE) --no-print-directory -s tests
	@tests/run

test-kernels: need-vm
	@$(MAKE) --no-print-directory -s all tests
	@tests/vm/run

check: need-check
	@tests/check

bench: need-bench
	@$(MAKE) --no-print-directory -s all
	@tests/bench/run

fuzz: need-test
	@tests/fuzz/run

install: all
	install -D -m 755 $(OUT)/ztagent $(DESTDIR)$(PREFIX)/sbin/ztagent
	install -D -m 755 $(OUT)/ztctl $(DESTDIR)$(PREFIX)/bin/ztctl
	install -D -m 644 $(CATALOGUE) $(DESTDIR)$(PREFIX)/share/locale/zh_TW/LC_MESSAGES/ztctl.mo
	install -d -m 755 $(DESTDIR)/lib/systemd/system
	sed 's|/usr/local|$(PREFIX)|' packaging/ztagent.service \
		> $(DESTDIR)/lib/systemd/system/ztagent.service
	install -D -m 644 packaging/agent.yaml $(DESTDIR)/etc/ztseg/agent.yaml.example
	install -D -m 644 packaging/ztctl.8 $(DESTDIR)$(PREFIX)/share/man/man8/ztctl.8
	install -D -m 644 packaging/ztctl.bash-completion \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/ztctl
	install -d -m 755 $(DESTDIR)$(PREFIX)/share/ztseg/policies
	install -m 644 policies/*.yaml $(wildcard policies/*.json) $(DESTDIR)$(PREFIX)/share/ztseg/policies/
	install -d -m 755 $(DESTDIR)$(PREFIX)/share/ztseg/policies/gitops/inventory
	install -m 644 policies/gitops/*.yaml $(DESTDIR)$(PREFIX)/share/ztseg/policies/gitops/
	install -m 644 policies/gitops/inventory/*.yaml $(DESTDIR)$(PREFIX)/share/ztseg/policies/gitops/inventory/
	install -d -m 755 $(DESTDIR)/etc/ztseg/labels.d $(DESTDIR)$(PREFIX)/share/ztseg/policies/labels.d
	install -m 644 policies/labels.d/*.json $(DESTDIR)$(PREFIX)/share/ztseg/policies/labels.d/
	install -d -m 755 $(DESTDIR)$(PREFIX)/share/ztseg/policies/cases
	install -m 644 policies/cases/*.yaml $(DESTDIR)$(PREFIX)/share/ztseg/policies/cases/
	install -d -m 755 $(DESTDIR)$(PREFIX)/share/ztseg/profiles
	install -m 644 profiles/*.json $(DESTDIR)$(PREFIX)/share/ztseg/profiles/

clean:
	rm -rf $(OUT)
