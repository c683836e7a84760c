# gotrace-bpf. Everything built goes below .output/, but for the program itself. V=1 shows commands.
#
#   make           the program at ./gotrace-bpf
#   make run       install what is missing, build, record the bundled demo service for 5 s
#   make check     all tests (the root part when root)
#   make lint      layer arrows, file sizes, missing tests, formatting

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

all: gotrace-bpf

gotrace-bpf: $(OUT)/gotrace-bpf
	$(Q)cp -f $< $@

$(OUT)/gotrace-bpf: $(OUT)/user/cmd/main.o $(OUT)/libgotrace-all.a
	$(call msg,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(OUT)/libgotrace-all.a: $(LIB_OBJS)
	$(call msg,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

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

clean:
	rm -rf .output gotrace-bpf

-include $(OBJS:.o=.d) $(UNITS:%=%.d)
.PHONY: all units clean
