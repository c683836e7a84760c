# gotrace-bpf. Everything built goes below .output/, but for the program itself. V=1 shows commands.
#
#   make             the program at ./gotrace-bpf
#   make run         install what is missing, build, record the bundled demo service for 5 s
#   make check       install what is missing, all tests (the root part when root)
#   make check-root  only the tests against live processes; needs root
#   make asan        the unit tests under AddressSanitizer and UBSan
#   make fuzz        each fuzz target for FUZZ_SECONDS (10)
#   make golden      writes tests/golden's results and captures anew; review the difference
#   make bench       tools/bench
#   make compare     docs/coverage.md measured: every Go version and kind of build; needs root, hours
#   make kernels     boots older kernels in qemu and records on each
#   make lint        layer arrows, file sizes, missing tests, formatting
#   make install     program, library, man pages below DESTDIR and prefix

SHELL := /bin/bash
MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:

VERSION := 0.1.0
OUT ?= .output
CC ?= gcc
CLANG ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
PKG_CONFIG ?= pkg-config
prefix ?= /usr/local
ARCH := $(shell uname -m | sed 's/x86_64/x86/; s/aarch64/arm64/')

Q := $(if $(V),,@)
msg = $(if $(V),,@printf '  %-8s %s\n' '$(1)' '$(2)';)

WARN := -Wall -Wextra -Wconversion -Wno-sign-conversion -Wshadow -Wvla -Wstrict-prototypes \
	-Wmissing-prototypes -Wpointer-arith -Wundef -Werror
OPT ?= -O2
CPPFLAGS += -Iuser -I. -I$(OUT) -D_GNU_SOURCE -DGOTRACE_VERSION='"$(VERSION)"'
CFLAGS += -std=gnu17 $(OPT) -g $(WARN) -fno-omit-frame-pointer -pthread $(SAN)
# Foreign headers are not ours to warn about.
CPPFLAGS += $(patsubst -I%,-isystem %,$(shell $(PKG_CONFIG) --cflags-only-I libbpf 2>/dev/null))

ROOMS := base image trace proc model capture report cmd
SRCS := $(foreach r,$(ROOMS),$(wildcard user/$(r)/*.c))
OBJS := $(SRCS:%.c=$(OUT)/%.o)
LIB_OBJS := $(filter-out $(OUT)/user/cmd/main.o,$(OBJS))
BPF_HDRS := $(wildcard bpf/*.h include/*.h vmlinux/$(ARCH)/*.h)
SKEL := $(OUT)/gotrace.skel.h

# libbpf, libelf and zlib; Zydis decodes instructions: a wrong length there would corrupt a target.
LIBS ?= -lbpf -lelf -lz -lZydis -lm
TEST_LIBS := -lcmocka

# What people call asks for what is missing first, then starts make again: the flags above depend on
# what is installed.
JOBS := $(if $(findstring j,$(firstword -$(MAKEFLAGS))),,-j$(shell nproc))
SUBMAKE = $(MAKE) --no-print-directory $(JOBS)

all:
	@tools/install-deps.sh
	@$(SUBMAKE) gotrace-bpf $(OUT)/libgotrace.a

gotrace-bpf: $(OUT)/gotrace-bpf
	$(Q)cp -f $< $@

$(OUT)/gotrace-bpf: $(OUT)/user/cmd/main.o $(OUT)/libgotrace-all.a
	$(call msg,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(OUT)/libgotrace-all.a: $(LIB_OBJS)
	$(call msg,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

# libgotrace, what include/gotrace.h promises to other programs: targets lib, install-lib.
include mk/libgotrace.mk

$(OUT)/%.o: %.c
	$(call msg,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# The BPF side. -g gives the BTF that CO-RE needs; no BTF of this machine is used.
$(OUT)/gotrace.bpf.o: bpf/gotrace.bpf.c $(BPF_HDRS)
	$(call msg,BPF,$<)
	$(Q)mkdir -p $(@D) && $(CLANG) -target bpf -mcpu=v3 -O2 -g -Wall -Werror -D__TARGET_ARCH_$(ARCH) \
		-I. -Ivmlinux/$(ARCH) -c -o $@ $<

$(SKEL): $(OUT)/gotrace.bpf.o
	$(call msg,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name gotrace_bpf >$@

# Only capture may see the skeleton (style: user/capture alone knows what BPF is).
$(patsubst %.c,$(OUT)/%.o,$(wildcard user/capture/*.c)): | $(SKEL)

# Unit tests: tests/unit/<room>/test_<module>.c, one program each.
UNIT_SRCS := $(wildcard tests/unit/*/test_*.c)
UNITS := $(UNIT_SRCS:tests/unit/%.c=$(OUT)/unit/%)

$(OUT)/unit/%: tests/unit/%.c $(OUT)/libgotrace-all.a
	$(call msg,TEST,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -Wno-missing-prototypes -Itests -MMD -MP \
		-MF $@.d -o $@ $< $(OUT)/libgotrace-all.a $(LDFLAGS) $(TEST_LIBS) $(LIBS)

units: $(UNITS)

# Programs that tests/readers drives: tests/readers/c/<name>.c, one each.
READERS := $(patsubst tests/readers/c/%.c,$(OUT)/readers/%,$(wildcard tests/readers/c/*.c))

$(OUT)/readers/%: tests/readers/c/%.c $(OUT)/libgotrace-all.a
	$(call msg,TEST,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -MF $@.d -o $@ $< \
		$(OUT)/libgotrace-all.a $(LDFLAGS) $(LIBS)

readers: $(READERS)

# Fuzz targets: tests/fuzz/fuzz_<name>.c, with what they learned in tests/fuzz/corpus/<name>/.
# `corpus` builds them with any compiler to run over their corpus once, `fuzzers` for libFuzzer.
FUZZ_SRCS := $(wildcard tests/fuzz/fuzz_*.c)
CORPUS := $(FUZZ_SRCS:tests/fuzz/%.c=$(OUT)/corpus/%)
FUZZERS := $(FUZZ_SRCS:tests/fuzz/%.c=$(OUT)/fuzzers/%)
FUZZ_SECONDS ?= 10

$(OUT)/corpus/%: tests/fuzz/%.c tests/fuzz/replay.c $(OUT)/libgotrace-all.a
	$(call msg,TEST,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -Wno-missing-prototypes -Itests -MMD -MP \
		-MF $@.d -o $@ $< tests/fuzz/replay.c $(OUT)/libgotrace-all.a $(LDFLAGS) $(LIBS)

$(OUT)/fuzzers/%: tests/fuzz/%.c $(OUT)/libgotrace-all.a
	$(call msg,FUZZ,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -fsanitize=fuzzer -Itests -MMD -MP \
		-MF $@.d -o $@ $< $(OUT)/libgotrace-all.a $(LDFLAGS) $(LIBS)

corpus: $(CORPUS)
fuzzers: $(FUZZERS)

# All that tests need built.
tests: gotrace-bpf units readers corpus

check:
	@tools/install-deps.sh --tests
	@$(SUBMAKE) tests
	@OUT=$(OUT) tools/check.sh all

check-root:
	@tools/install-deps.sh --tests
	@$(SUBMAKE) gotrace-bpf
	@OUT=$(OUT) tools/check.sh root

# A sanitizer's report ends the program: a test that passes has none.
asan:
	@tools/install-deps.sh --tests
	@$(SUBMAKE) OUT=$(OUT)/asan OPT=-O1 \
		SAN='-fsanitize=address,undefined -fno-sanitize-recover=all' units corpus
	@OUT=$(OUT)/asan tools/check.sh units

# -w: clang's opinion on warnings is not asked, gcc's is law.
fuzz:
	@tools/install-deps.sh --tests
	@$(SUBMAKE) OUT=$(OUT)/fuzz CC=$(CLANG) OPT='-O1 -w' \
		SAN='-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all' fuzzers
	@OUT=$(OUT)/fuzz FUZZ_SECONDS=$(FUZZ_SECONDS) tools/fuzz.sh

golden:
	@tools/install-deps.sh --tests
	@$(SUBMAKE) gotrace-bpf units
	@OUT=$(OUT) tools/golden.sh

bench:
	@tools/install-deps.sh --tests
	@$(SUBMAKE) gotrace-bpf units
	@OUT=$(OUT) tools/bench/run.sh

bench-quick:
	@tools/install-deps.sh --tests
	@$(SUBMAKE) gotrace-bpf
	@OUT=$(OUT) tools/bench/run.sh -quick

kernels:
	@tools/install-deps.sh
	@$(SUBMAKE) gotrace-bpf
	@OUT=$(OUT) tools/kernels.sh $(KERNELS)

compare:
	@tools/install-deps.sh --tests
	@$(SUBMAKE) gotrace-bpf
	@OUT=$(OUT) tools/coverage/run.sh

lint:
	@tools/lint.sh

run:
	@tools/install-deps.sh --go
	@$(SUBMAKE) gotrace-bpf
	@OUT=$(OUT) tools/run.sh

install: all install-lib
	install -Dm755 gotrace-bpf $(DESTDIR)$(prefix)/bin/gotrace-bpf
	install -d $(DESTDIR)$(prefix)/lib/systemd/system
	sed 's|/usr/bin/gotrace-bpf|$(prefix)/bin/gotrace-bpf|' systemd/gotrace-bpf@.service \
		>$(DESTDIR)$(prefix)/lib/systemd/system/gotrace-bpf@.service
	install -Dm644 docs/gotrace-bpf.1 $(DESTDIR)$(prefix)/share/man/man1/gotrace-bpf.1

clean:
	rm -rf .output gotrace-bpf

-include $(OBJS:.o=.d) $(UNITS:%=%.d) $(READERS:%=%.d) $(CORPUS:%=%.d) $(FUZZERS:%=%.d)
.PHONY: all units readers corpus fuzzers tests check check-root asan fuzz golden bench bench-quick kernels compare lint run \
	install clean
