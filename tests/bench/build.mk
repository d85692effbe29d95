# SPDX-License-Identifier: Apache-2.0
#
# build.mk - builds what tests/bench/measure runs: $(OUT)/bench/{load,storm,cost,ref.bpf.o}

.DEFAULT_GOAL := bench-programs
include Makefile

B := $(OUT)/bench

.PHONY: bench-programs
bench-programs: $(B)/load $(B)/storm $(B)/cost $(B)/ref.bpf.o

$(B)/load: $(call objs,tests/bench/load.c tests/bench/util.c)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -o $@ $^
$(B)/storm: $(call objs,tests/bench/storm.c tests/bench/util.c)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -o $@ $^
$(B)/cost: $(call objs,tests/bench/cost.c tests/bench/util.c agent/datapath/sys.c)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -o $@ $^ -lbpf
$(B)/ref.bpf.o: tests/bench/ref.bpf.c
	@mkdir -p $(@D)
	$(CLANG) $(BPF_CFLAGS) -c -o $@ $<
