# SPDX-License-Identifier: Apache-2.0
#
# build.mk - builds every test program; `make tests` runs it. Its own make, so that a test that
# does not compile never stands in the way of the programs. A test that was not built is a failure in tests/run.
#
# unit    $(OUT)/tests/unit/test_X    from tests/unit/test_X.c, under ASan and UBSan, linked with
#                                     sanitized archives of every room (only what it uses is taken)
# bpf     $(OUT)/tests/bpf/test_X     from tests/bpf/test_X.c and the other tests/bpf/*.c
# fuzz    $(OUT)/tests/fuzz/test_X    from tests/fuzz/fuzz_X.c: the seed corpus, once, sanitized
#         $(OUT)/fuzz/fuzz_X          the same with libFuzzer, by clang (make fuzz)

.DEFAULT_GOAL := test-programs
include Makefile

CPPFLAGS += -Itests/bpf
SAN      := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
SAN_OUT  := $(OUT)/san
T        := $(OUT)/tests
ROOM_SRC := $(sort $(wildcard agent/*/*.c)) agent/config.c
CTL_LIB  := $(filter-out ctl/main.c,$(CTL_SRC))

UNIT_SRC := $(sort $(wildcard tests/unit/test_*.c))
BPFT_SRC := $(sort $(wildcard tests/bpf/test_*.c))
BPFT_LIB := $(filter-out $(BPFT_SRC),$(sort $(wildcard tests/bpf/*.c)))
FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz_*.c))

UNIT := $(patsubst tests/%.c,$(T)/%,$(UNIT_SRC))
BPFT := $(patsubst tests/%.c,$(T)/%,$(BPFT_SRC))
FUZZ := $(patsubst tests/fuzz/fuzz_%.c,$(T)/fuzz/test_%,$(FUZZ_SRC))
LIBFUZZ := $(patsubst tests/fuzz/%.c,$(OUT)/fuzz/%,$(FUZZ_SRC))

.PHONY: test-programs fuzz-programs
test-programs: $(UNIT) $(BPFT) $(FUZZ) $(T)/web/render $(T)/web/report
fuzz-programs: $(LIBFUZZ)

$(SAN_OUT)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -O1 -g -std=gnu11 $(WARN) $(SAN) -MMD -MP -c -o $@ $<
$(patsubst %.c,$(SAN_OUT)/%.o,$(filter agent/datapath/%,$(ROOM_SRC)) $(UNIT_SRC)): | $(SKEL)

# An archive of all rooms: a program takes from it only the objects that it calls.
$(SAN_OUT)/libzt.a: $(patsubst %.c,$(SAN_OUT)/%.o,$(ROOM_SRC) $(CTL_LIB))
	@rm -f $@
	$(AR) rcs $@ $^

$(UNIT): $(T)/unit/%: $(SAN_OUT)/tests/unit/%.o $(SAN_OUT)/libzt.a
	@mkdir -p $(@D)
	$(CC) $(SAN) -o $@ $^ $(LDLIBS) -lcmocka

$(SAN_OUT)/ctl/web/page.o: $(WEB_FILES)
$(SAN_OUT)/ctl/catalogue/data.o: $(ASSESS_FILES)
$(SAN_OUT)/ctl/report/css.o: ctl/report/report.css
$(SAN_OUT)/ctl/prioritize/tables.o: ctl/prioritize/tables.json
$(T)/web/render $(T)/web/report: $(T)/web/%: $(SAN_OUT)/tests/web/%.o $(SAN_OUT)/libzt.a
	@mkdir -p $(@D)
	@ln -sfn ../../locale $(@D)/locale
	$(CC) $(SAN) -o $@ $^ $(LDLIBS)

# The kernel side is under test here; the program itself is an ordinary one. Policies are
# compiled by the agent's own room, so that both halves are held together.
$(patsubst %.c,$(OUT)/%.o,$(BPFT_SRC) $(BPFT_LIB)): | $(SKEL)
$(OUT)/tests/librooms.a: $(call objs,$(ROOM_SRC))
	@rm -f $@
	$(AR) rcs $@ $^
$(BPFT): $(T)/bpf/%: $(OUT)/tests/bpf/%.o $(call objs,$(BPFT_LIB)) $(OUT)/tests/librooms.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -o $@ $^ $(LDLIBS) -lssl

# parse.bpf.h brings vmlinux.h along, which no libc header goes with.
FUZZ_BPF := -Ivmlinux/$(ARCH) -Ibpf -D__TARGET_ARCH_$(BPF_ARCH)
$(SAN_OUT)/tests/fuzz/fuzz_packet.o $(OUT)/fuzz/obj/tests/fuzz/fuzz_packet.o: CPPFLAGS += $(FUZZ_BPF)


# The packet table as seeds.
SEEDS := $(OUT)/fuzz/seeds/packet/.made
$(OUT)/fuzz/seed_packets: $(SAN_OUT)/tests/fuzz/seed_packets.o \
		$(patsubst %.c,$(SAN_OUT)/%.o,tests/bpf/pkt.c $(wildcard tests/bpf/rows*.c))
	@mkdir -p $(@D)
	$(CC) $(SAN) -o $@ $^
$(SEEDS): $(OUT)/fuzz/seed_packets
	@mkdir -p $(@D)
	@$< $(@D) && touch $@

$(FUZZ): $(T)/fuzz/test_%: $(SAN_OUT)/tests/fuzz/fuzz_%.o $(SAN_OUT)/tests/fuzz/corpus.o \
		$(SAN_OUT)/tests/fuzz/must.o $(SAN_OUT)/libzt.a | $(SEEDS)
	@mkdir -p $(@D)
	$(CC) $(SAN) -o $@ $^ $(LDLIBS)

# libFuzzer needs its coverage in the code under test: the shared rooms and ztctl again, by clang,
# and what reads DNS answers.
$(OUT)/fuzz/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CLANG) $(CPPFLAGS) -O1 -g -std=gnu11 $(SAN) -fsanitize=fuzzer-no-link -MMD -MP -c -o $@ $<
$(OUT)/fuzz/libzt.a: $(patsubst %.c,$(OUT)/fuzz/obj/%.o,$(SHARED_SRC) agent/name/dns.c $(CTL_LIB))
	@rm -f $@
	$(AR) rcs $@ $^
$(LIBFUZZ): $(OUT)/fuzz/%: $(OUT)/fuzz/obj/tests/fuzz/%.o $(OUT)/fuzz/obj/tests/fuzz/must.o \
		$(OUT)/fuzz/libzt.a | $(SEEDS)
	$(CLANG) $(SAN) -fsanitize=fuzzer -o $@ $^ $(LDLIBS)
